//! Files that are served beside a registry: its web page and search segments.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key,
    key::{kind::FileKind, table::CLASSES},
    limits::MAX_PAGE_FILE_BYTES,
};

use super::{CONCURRENCY, Job, MirrorError};
use crate::storage::StorageError;

/// Copies the page, if the host can list it. It is not signed.
pub(super) async fn run(job: &Job<'_>) -> Result<(), MirrorError> {
    if job.options.without_page {
        return Ok(());
    }
    let (mut keys, mut page) = (Vec::new(), Vec::new());
    for class in CLASSES.iter().filter(|class| class.kind == FileKind::Page) {
        if !class.start.ends_with('/') {
            page.extend(Key::parse(class.start));
            continue;
        }
        match job.source.storage().list(class.start).await {
            Ok(listed) => keys.extend(listed),
            Err(StorageError::ReadOnly { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    // The files that the page needs first, the page last.
    keys.extend(page);
    stream::iter(&keys)
        .map(
            async |key| match job.read(key, MAX_PAGE_FILE_BYTES).await? {
                Some(bytes) => job.target.put(key, &bytes, |_| false).await,
                None => Ok(()),
            },
        )
        .buffered(CONCURRENCY)
        .try_collect()
        .await
}
