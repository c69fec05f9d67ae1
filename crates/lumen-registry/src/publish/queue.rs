//! Claims that wait for the names keys: untrusted files, each under its hash.

use futures::{StreamExt as _, TryStreamExt as _, stream};
pub use lumen_core::limits::MAX_QUEUED as MOST;
use lumen_core::{Digest, Key, tile::entries::MAX_LEAF};

use crate::{
    storage::{Storage, StorageError},
    write::{PublishError, swap},
};

/// Files read at once.
const AT_ONCE: usize = 16;

/// The contents of the queue; all of it is untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The files.
    pub files: Vec<Vec<u8>>,
    /// Whether these are all: there may be more files than the limit.
    pub all: bool,
}

/// Reads the queue.
///
/// # Errors
/// [`StorageError::ReadOnly`] when the host cannot list files; failures of the host.
pub async fn read(storage: &Storage) -> Result<Queued, PublishError> {
    let keys = storage.list(Key::QUEUE).await?;
    let all = keys.len() <= MOST;
    let read = |key: Key| async move {
        match storage.get(&key, MAX_LEAF as u64).await {
            Ok(Some((bytes, _))) if key == Key::queued(&Digest::of(&bytes)) => Ok(Some(bytes)),
            // Anybody with write access may store any file there.
            Ok(_) | Err(StorageError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(PublishError::from(error)),
        }
    };
    let files = stream::iter(keys.into_iter().take(MOST).map(read));
    let files: Vec<Option<Vec<u8>>> = files.buffered(AT_ONCE).try_collect().await?;
    Ok(Queued {
        files: files.into_iter().flatten().collect(),
        all,
    })
}

/// Adds a note to the queue and returns its place; the same note again is no error.
///
/// # Errors
/// When the registry cannot be written.
pub async fn put(storage: &Storage, note: &str) -> Result<Key, PublishError> {
    let key = Key::queued(&Digest::of(note.as_bytes()));
    swap::create(storage, &key, note.as_bytes()).await?;
    Ok(key)
}
