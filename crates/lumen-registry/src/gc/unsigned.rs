//! The files that an unsigned registry needs: the artifacts of all releases whose files
//! exist, listed or not.
//!
//! A release that is not listed is still published; the next publish of its package lists
//! it. So only artifacts are ever removed.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::Key;

use super::{Kind, Needed};
use crate::{
    publish::read_release,
    storage::{Listed, Storage},
    write::PublishError,
};

/// Releases that are read at once.
const CONCURRENCY: usize = 16;

/// The releases that were read.
pub(super) struct Seen {
    releases: BTreeSet<Key>,
}

/// Sorts out the artifacts that no release refers to.
pub(super) async fn find(
    storage: &Storage,
    sort: &mut impl FnMut(Kind, Listed),
) -> Result<Seen, PublishError> {
    // Listed before the releases are: those of a release that is new by then are not here.
    let artifacts = storage.list_files("artifacts/").await?;
    let mut seen = Seen {
        releases: BTreeSet::new(),
    };
    let mut needed = Needed::default();
    seen.update(storage, &mut needed).await?;
    for file in artifacts {
        if !needed.has(&file.key) {
            sort(Kind::Artifacts, file);
        }
    }
    Ok(seen)
}

impl Seen {
    /// Adds what was published since the last look.
    pub(super) async fn update(
        &mut self,
        storage: &Storage,
        needed: &mut Needed,
    ) -> Result<(), PublishError> {
        let keys = storage.list(Key::PACKAGES).await?;
        let new = keys.into_iter().filter(|key| !self.releases.contains(key));
        let new: Vec<_> = new
            .filter_map(|key| key.named_release().map(|release| (key, release)))
            .collect();
        let read = async |(key, (name, version)): &(Key, _)| {
            let found = read_release(storage, name, version).await?;
            Ok::<_, PublishError>((key.clone(), found))
        };
        let mut found = stream::iter(&new).map(read).buffer_unordered(CONCURRENCY);
        while let Some((key, found)) = found.try_next().await? {
            if let Some(found) = found {
                needed.artifacts(&found.release);
            }
            self.releases.insert(key);
        }
        Ok(())
    }
}
