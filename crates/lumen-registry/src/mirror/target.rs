//! The mirror, or a bundle for one: existing files, and writing.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use lumen_core::{Key, digest::Hasher, index::Artifact, limits::MAX_GLOBAL_INDEX_BYTES};
use tokio::{runtime::Handle, sync::OnceCell};

use super::MirrorError;
use crate::{
    storage::{BundleWriter, Storage, StorageError},
    write::swap::{self, Swap},
};

/// A mirror or a bundle that is being written.
pub(super) struct Target<'a> {
    place: Place<'a>,
    files: AtomicU64,
    bytes: AtomicU64,
    /// Whether one list of everything is cheaper than one a folder.
    whole: AtomicBool,
    /// Whether files that are there must be compared.
    compare: AtomicBool,
    listed: Mutex<HashMap<String, Listed>>,
    /// Artifacts that are there with other contents than theirs.
    damaged: Mutex<HashSet<Key>>,
}

/// Keeps nothing but the hash.
struct Hashed(Hasher);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Mirror(&'a Storage),
    Bundle(&'a BundleWriter<'a>),
}

/// The files of a folder, listed by the first caller.
type Listed = Arc<OnceCell<HashSet<Key>>>;

impl<'a> Target<'a> {
    /// A mirror.
    pub(super) fn new(storage: &'a Storage) -> Self {
        Self::at(Place::Mirror(storage))
    }

    /// A bundle, in which there is nothing yet.
    pub(super) fn bundle(writer: &'a BundleWriter<'a>) -> Self {
        Self::at(Place::Bundle(writer))
    }

    fn at(place: Place<'a>) -> Self {
        Self {
            place,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            compare: AtomicBool::new(false),
            listed: Mutex::default(),
            damaged: Mutex::default(),
        }
    }

    /// Says that many files will be asked for.
    pub(super) fn expect_many(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// Notes that existing files may have other contents.
    pub(super) fn compare_all(&self) {
        self.compare.store(true, Ordering::Relaxed);
    }

    /// The mirror, if it is one.
    pub(super) const fn storage(&self) -> Option<&'a Storage> {
        match self.place {
            Place::Mirror(storage) => Some(storage),
            Place::Bundle(_) => None,
        }
    }

    /// A file of the mirror in messages.
    pub(super) fn describe(&self, key: &Key) -> String {
        self.storage()
            .map_or_else(|| key.to_string(), |storage| storage.describe(key))
    }

    /// The mirror in messages: the path or URL of its global index.
    pub(super) fn place(&self) -> String {
        self.describe(&Key::global_index())
    }

    /// A file of the mirror of at most `limit` bytes.
    pub(super) async fn get(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        match self.storage() {
            Some(storage) => Ok(storage.get(key, limit).await?.map(|(bytes, _)| bytes)),
            None => Ok(None),
        }
    }

    /// Files and bytes written.
    pub(super) fn written(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.files), read(&self.bytes))
    }

    /// Whether an immutable file exists with the right contents.
    pub(super) async fn has(&self, key: &Key) -> Result<bool, MirrorError> {
        let storage = match self.place {
            Place::Mirror(storage) => storage,
            Place::Bundle(writer) => return Ok(writer.has(key)),
        };
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
            let keys = storage.list(folder).await?;
            Ok::<_, StorageError>(keys.into_iter().collect())
        };
        Ok(listed.get_or_try_init(list).await?.contains(key))
    }

    /// Whether an artifact is there and has its size and hash. In a bundle it has.
    pub(super) async fn is_intact(
        &self,
        key: &Key,
        artifact: &Artifact,
    ) -> Result<bool, MirrorError> {
        let Some(storage) = self.storage() else {
            return self.has(key).await;
        };
        if !self.has(key).await? {
            return Ok(false);
        }
        let mut seen = Hashed(Hasher::new());
        match storage.read_to(key, artifact.size, &mut seen).await {
            Ok(Some(size)) if size == artifact.size && seen.0.finish() == artifact.hash => Ok(true),
            Ok(_) | Err(StorageError::TooLarge { .. }) => {
                self.damaged().insert(key.clone());
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As [`Target::create`]; a damaged artifact is replaced.
    pub(super) async fn create_again(&self, key: &Key, bytes: Vec<u8>) -> Result<(), MirrorError> {
        let is_damaged = self.damaged().remove(key);
        let Some(storage) = self.storage().filter(|_| is_damaged) else {
            return self.create(key, bytes).await;
        };
        storage.delete(key).await?;
        let size = bytes.len();
        create(storage, key, bytes).await?;
        self.count(size);
        Ok(())
    }

    /// Puts the file of a release in the place of a damaged one.
    pub(super) async fn replace_release(&self, key: &Key, bytes: &[u8]) -> Result<(), MirrorError> {
        self.damaged().insert(key.clone());
        self.create_again(key, bytes.to_vec()).await
    }

    fn damaged(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a file that never changes, unless it is there.
    pub(super) async fn create(&self, key: &Key, bytes: Vec<u8>) -> Result<(), MirrorError> {
        if self.has(key).await? {
            return Ok(());
        }
        let size = bytes.len();
        let storage = match self.place {
            Place::Mirror(storage) => storage,
            Place::Bundle(writer) => return self.add(writer, key, &bytes),
        };
        match create(storage, key, bytes).await {
            Ok(()) => {
                self.count(size);
                Ok(())
            }
            Err(StorageError::Exists { file }) => Err(MirrorError::Changed { file }),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores a mutable file, unless the existing one is the same or, by `newer`, newer.
    pub(super) async fn put(
        &self,
        key: &Key,
        bytes: &[u8],
        newer: impl Fn(&[u8]) -> bool,
    ) -> Result<(), MirrorError> {
        let storage = match self.place {
            Place::Mirror(storage) => storage,
            Place::Bundle(writer) => return self.add(writer, key, bytes),
        };
        let mut swap = Swap::new(storage, key, MAX_GLOBAL_INDEX_BYTES);
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

    fn add(&self, writer: &BundleWriter<'_>, key: &Key, bytes: &[u8]) -> Result<(), MirrorError> {
        if writer.add(key, bytes).map_err(StorageError::from)? {
            self.count(bytes.len());
        }
        Ok(())
    }

    fn count(&self, bytes: usize) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Creates a file. In a folder, many that wait for the disk can do so at once.
async fn create(storage: &Storage, key: &Key, bytes: Vec<u8>) -> Result<(), StorageError> {
    let (Some(folder), Ok(runtime)) = (storage.folder(), Handle::try_current()) else {
        return swap::create(storage, key, &bytes).await;
    };
    lumen_durable::part();
    let (folder, key) = (folder.clone(), key.clone());
    let work = runtime.spawn_blocking(move || folder.create(&key, &bytes));
    work.await
        .map_err(|error| StorageError::from(io::Error::other(error)))?
}
