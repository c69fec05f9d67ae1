//! `<version>.json`: signed by its publisher, and contained in the summary in the index.

use futures::future::BoxFuture;
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{MAX_PACKAGE_INDEX_BYTES, logged_releases, summaries_of},
    key::kind::FileKind,
    limits::MAX_SUMMARIZED_BYTES,
};

use super::{Expected, Row, Whole};
use crate::write::PublishError;

/// `packages/<name>/<version>.json`.
pub(super) struct Releases;

impl Row for Releases {
    fn has(&self, key: &Key) -> bool {
        key.kind() == FileKind::Release
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let releases = whole.published.iter();
        let here = releases.filter(|((name, _), _)| whole.has_package(name));
        let keys = here.map(|((name, version), _)| Key::release(name, version));
        Ok(Expected::Named(keys.collect()))
    }

    fn make<'a>(
        &'a self,
        whole: &'a Whole<'a>,
        key: &'a Key,
        current: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, PublishError>> {
        Box::pin(async move {
            let Some((name, version)) = key.named_release() else {
                return Ok(None);
            };
            let signed = whole.published.get(&(name.clone(), version.clone()));
            match (current, signed) {
                (Some(bytes), Some(signed)) if Digest::of(bytes) == *signed => {
                    Ok(Some(bytes.to_vec()))
                }
                _ => restored(whole, &name, &version).await,
            }
        })
    }

    fn fault(&self) -> &'static str {
        "it is not the file that its owner signed"
    }
}

/// The file made from the package's index: the signed digest proves it.
async fn restored(
    whole: &Whole<'_>,
    name: &PackageName,
    version: &Version,
) -> Result<Option<Vec<u8>>, PublishError> {
    let key = Key::package_index(name);
    let index = whole.storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await?;
    let (Some((index, _)), Ok(history)) = (index, whole.log.history(name)) else {
        return Ok(None);
    };
    let told = logged_releases(&history, &summaries_of(&index), MAX_SUMMARIZED_BYTES);
    Ok(told.get(version).map(|release| release.to_bytes()))
}
