//! The mirror: what is there already, and writing.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use lumen_core::Key;
use tokio::{runtime::Handle, sync::OnceCell};

use super::MirrorError;
use crate::{
    publish::swap::{self, Swap},
    reader::MAX_GLOBAL_INDEX_BYTES,
    storage::{Storage, StorageError},
};

/// A mirror that is being written.
pub(super) struct Target<'a> {
    pub(super) storage: &'a Storage,
    files: AtomicU64,
    bytes: AtomicU64,
    /// Whether one list of everything is cheaper than one a folder.
    whole: AtomicBool,
    /// Whether files that are there must be compared.
    compare: AtomicBool,
    listed: Mutex<HashMap<String, Listed>>,
}

/// The files of a folder, listed by whoever asks first.
type Listed = Arc<OnceCell<HashSet<Key>>>;

impl<'a> Target<'a> {
    pub(super) fn new(storage: &'a Storage) -> Self {
        Self {
            storage,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            compare: AtomicBool::new(false),
            listed: Mutex::default(),
        }
    }

    /// Says that many files will be asked for.
    pub(super) fn expect_many(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// Says that what is there may be something else.
    pub(super) fn compare_all(&self) {
        self.compare.store(true, Ordering::Relaxed);
    }

    /// The mirror in messages: the path or URL of its global index.
    pub(super) fn place(&self) -> String {
        self.storage.describe(&Key::global_index())
    }

    /// Files and bytes written.
    pub(super) fn written(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.files), read(&self.bytes))
    }

    /// Whether a file that never changes is there, and is what it must be.
    pub(super) async fn has(&self, key: &Key) -> Result<bool, MirrorError> {
        if self.compare.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let folder = match (self.whole.load(Ordering::Relaxed), key.as_str().rfind('/')) {
            (false, Some(at)) => &key.as_str()[..=at],
            _ => "",
        };
        let listed = {
            let folders = self.listed.lock();
            let mut folders = folders.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(folders.entry(folder.to_owned()).or_default())
        };
        let list = || async {
            let keys = self.storage.list(folder).await?;
            Ok::<_, StorageError>(keys.into_iter().collect())
        };
        Ok(listed.get_or_try_init(list).await?.contains(key))
    }

    /// Stores a file that never changes, unless it is there.
    pub(super) async fn create(&self, key: &Key, bytes: Vec<u8>) -> Result<(), MirrorError> {
        if self.has(key).await? {
            return Ok(());
        }
        let size = bytes.len();
        match create(self.storage, key, bytes).await {
            Ok(()) => {
                self.count(size);
                Ok(())
            }
            Err(StorageError::Exists { file }) => Err(MirrorError::Changed { file }),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores a file that changes, unless what is there is the same or, as `newer` says, newer.
    pub(super) async fn put(
        &self,
        key: &Key,
        bytes: &[u8],
        newer: impl Fn(&[u8]) -> bool,
    ) -> Result<(), MirrorError> {
        let mut swap = Swap::new(self.storage, key, MAX_GLOBAL_INDEX_BYTES);
        loop {
            let current = swap.read().await?;
            if current.is_some_and(|current| current == bytes || newer(&current)) {
                return Ok(());
            }
            if swap.write(bytes).await? {
                self.count(bytes.len());
                return Ok(());
            }
        }
    }

    fn count(&self, bytes: usize) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Creates a file. In a folder, many that wait for the disk can do so at once.
async fn create(storage: &Storage, key: &Key, bytes: Vec<u8>) -> Result<(), StorageError> {
    let (Storage::File(folder), Ok(runtime)) = (storage, Handle::try_current()) else {
        return swap::create(storage, key, &bytes).await;
    };
    let (folder, key) = (folder.clone(), key.clone());
    let work = runtime.spawn_blocking(move || folder.create(&key, &bytes));
    work.await
        .map_err(|error| StorageError::from(io::Error::other(error)))?
}
