//! Files that are served beside a registry: its web page and search segments.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{Key, limits::MAX_PAGE_FILE_BYTES};

use super::{CONCURRENCY, Job, MirrorError};
use crate::storage::StorageError;

/// The page itself.
const PAGE: &str = "index.html";

/// Folders of what belongs to it.
const FOLDERS: [&str; 2] = ["assets/", "search/"];

/// Copies the page, if the host can list it. It is not signed.
pub(super) async fn run(job: &Job<'_>) -> Result<(), MirrorError> {
    if job.options.without_page {
        return Ok(());
    }
    let mut keys: Vec<Key> = Key::parse(PAGE).into_iter().collect();
    for folder in FOLDERS {
        match job.source.storage().list(folder).await {
            Ok(listed) => keys.extend(listed),
            Err(StorageError::ReadOnly { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    // The files that the page needs first, the page last.
    keys.reverse();
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
