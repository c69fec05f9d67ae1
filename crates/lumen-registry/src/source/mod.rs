//! The files of a registry, unverified, from the cache or its host, as fresh as the caller asks.
//!
//! They have the right shape, name and size. No signature is verified here: that is
//! [`crate::verify`], which reads through this module.
//!
//! | module | what |
//! |---|---|
//! | `fetch` | one file, from the cache or the host |
//! | `check` | bytes to values, with problems that point into the file |
//! | `listed` | the files that list the events of a name |
//! | `presence` | whether there is a registry at all |
//! | `proved` | proofs about files in the cache |

pub(crate) mod check;
mod error;
mod fetch;
mod listed;
mod presence;
mod proved;

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use lumen_core::{
    Digest, Key, PackageName,
    index::{GlobalIndex, MAX_PACKAGE_INDEX_BYTES, PackageIndex},
};
use tokio::sync::OnceCell;

pub use self::error::ReadError;
pub(crate) use self::listed::Listed;
use crate::{
    cache::{self, Cache, LONGEST_FRESHNESS},
    location::Location,
    partial::Partial,
    refusal::TrustError,
    storage::{HostOptions, Storage, StorageError},
};

/// How old metadata may be. Folders are always read again; releases never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// As old as the server allows, but no older than [`cache::LONGEST_FRESHNESS`].
    #[default]
    Normal,
    /// Confirmed by the server in this process.
    Revalidate,
    /// As it is in the cache, however old; the network is not used.
    Offline,
}

/// The unverified files of a registry; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    storage: Storage,
    location: Option<Location>,
    freshness: AtomicU8,
    /// Package indexes and releases.
    cache: Cache,
    /// The global index, apart because it may be large and is rarely needed.
    global_cache: Cache,
    /// Mutable files the server confirmed in this process.
    confirmed: Mutex<HashSet<Key>>,
    unconfirmed_used: AtomicBool,
    /// Its `mirror.json`, if it lacks packages.
    partial: OnceCell<Option<Partial>>,
    /// Whether it is there at all.
    signs: presence::Signs,
    /// Packages that earlier installs got from it.
    expected: Vec<PackageName>,
}

impl Source {
    /// The files at a location; nothing is opened or connected yet. `cache`: the folder of all
    /// caches. `expected`: packages that earlier installs got from the registry.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub(crate) fn open(
        name: &str,
        location: Location,
        (host, cache): (&HostOptions, Option<&Path>),
        (freshness, expected): (Freshness, Vec<PackageName>),
    ) -> Result<Self, StorageError> {
        let host = HostOptions {
            offline: freshness == Freshness::Offline,
            ..host.clone()
        };
        let storage = Storage::open(&location, &host)?;
        let helper = host.helper.as_ref().map(|helper| helper.name());
        let folder = cache.and_then(|root| cache::directory(root, &storage, &location, helper));
        let cache = |file: &str| {
            let path = folder.as_ref().map(|folder| folder.join(file));
            path.map_or_else(Cache::in_memory, |path| Cache::at(&path))
        };
        let inner = Inner {
            location: Some(location),
            freshness: AtomicU8::new(freshness as u8),
            cache: cache("metadata.pack"),
            global_cache: cache("index.pack"),
            expected,
            ..Inner::on(name, storage)
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The files of a storage at hand, without a cache.
    pub(crate) fn on(name: &str, storage: Storage) -> Self {
        Self {
            inner: Arc::new(Inner::on(name, storage)),
        }
    }

    /// The registry's name in the configuration.
    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where it is, if it was opened from there.
    pub(crate) fn location(&self) -> Option<&Location> {
        self.inner.location.as_ref()
    }

    /// The host.
    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// How old metadata may be.
    pub(crate) fn freshness(&self) -> Freshness {
        match self.inner.freshness.load(Ordering::Relaxed) {
            x if x == Freshness::Revalidate as u8 => Freshness::Revalidate,
            x if x == Freshness::Offline as u8 => Freshness::Offline,
            _ => Freshness::Normal,
        }
    }

    /// From now on the server confirms every mutable file, once; offline stays offline. Returns
    /// whether that is new.
    pub(crate) fn revalidate(&self) -> bool {
        let is_new = self.freshness() == Freshness::Normal;
        if is_new {
            let freshness = Freshness::Revalidate as u8;
            self.inner.freshness.store(freshness, Ordering::Relaxed);
            self.inner.unconfirmed_used.store(false, Ordering::Relaxed);
        }
        is_new
    }

    /// Whether anything was answered from the cache that the server might answer differently by now.
    pub(crate) fn used_unconfirmed(&self) -> bool {
        self.inner.unconfirmed_used.load(Ordering::Relaxed)
    }

    /// Writes new metadata to the cache.
    ///
    /// A failure only makes the next run slower, so it is only logged.
    pub(crate) fn save_cache(&self) {
        for cache in [&self.inner.cache, &self.inner.global_cache] {
            if let Err(error) = cache.save() {
                tracing::debug!(%error, "the metadata cache was not written");
            }
        }
    }

    /// Error for a package this partial mirror leaves out.
    pub(crate) async fn left_out(&self, name: &PackageName) -> Option<ReadError> {
        if self.is_offline() {
            return None;
        }
        let read = || async { Partial::read(&self.inner.storage).await };
        // An unreadable file gives no information.
        let partial = self.inner.partial.get_or_try_init(read).await.ok()?;
        if partial.is_some() {
            self.found_something();
        }
        let packages = &partial.as_ref()?.packages;
        (!packages.has(name)).then(|| ReadError::LeftOut {
            name: name.clone(),
            patterns: packages.patterns().to_vec(),
        })
    }

    /// A package index of an unsigned registry; `None` when it has no such package.
    ///
    /// # Errors
    /// [`ReadError::LeftOut`] for a mirror that lacks it; [`TrustError::HalfCopied`] for the
    /// index of a signed registry, whose root list is there before it.
    pub(crate) async fn package_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<Arc<PackageIndex>>, ReadError> {
        let _reading = self.inner.signs.reading().await;
        let index = self.unsigned_package_index(name).await?;
        match &index {
            Some(index) if !index.events.is_empty() => {
                return Err(TrustError::HalfCopied {
                    file: Key::package_index(name),
                    missing: Key::root_index(),
                }
                .into());
            }
            Some(_) => self.found_something(),
            None => self.left_out(name).await.map_or(Ok(()), Err)?,
        }
        Ok(index.map(Arc::new))
    }

    async fn unsigned_package_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<PackageIndex>, ReadError> {
        self.read_mutable(
            (&self.inner.cache, None),
            &Key::package_index(name),
            MAX_PACKAGE_INDEX_BYTES,
            |file, bytes| check::package_index(file, bytes, name),
            check::parsed_package_index,
        )
        .await
    }

    /// The list of all packages, of at most `limit` bytes.
    pub(crate) async fn global_index(&self, limit: u64) -> Result<Option<GlobalIndex>, ReadError> {
        self.read_mutable(
            (&self.inner.global_cache, None),
            &Key::global_index(),
            limit,
            check::global_index,
            check::parsed,
        )
        .await
    }

    /// A file that changes, unchecked.
    pub(crate) async fn mutable_bytes(
        &self,
        key: &Key,
        limit: u64,
        buster: Option<&str>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let cache = (&self.inner.cache, buster);
        self.read_mutable(cache, key, limit, bytes, bytes).await
    }

    /// A file that does not change, checked if a digest is expected.
    pub(crate) async fn immutable_bytes(
        &self,
        key: &Key,
        limit: u64,
        expected: Option<Digest>,
        buster: Option<&str>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let read = self.read_immutable(key, limit, (expected, buster), bytes, bytes);
        Ok(read.await?.map(|(bytes, _)| bytes))
    }

    /// Whether the server said a moment ago that a file is not there. For files that
    /// appear once in the life of a registry.
    pub(crate) fn was_absent(&self, key: &Key) -> bool {
        let absent = self.inner.storage.capabilities().remote
            && self.freshness() == Freshness::Normal
            && self.inner.cache.get(key).is_some_and(|cached| {
                let age = cache::now().checked_sub(cached.fetched_at);
                cached.body.is_none() && age.is_some_and(|age| age < LONGEST_FRESHNESS.into())
            });
        if absent {
            self.inner.unconfirmed_used.store(true, Ordering::Relaxed);
        }
        absent
    }

    /// Whether the cache knows something about a package's file.
    pub(crate) fn is_cached(&self, key: &Key) -> bool {
        self.inner.cache.contains(key)
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.inner.storage.capabilities().remote && self.freshness() == Freshness::Offline
    }
}

impl Inner {
    fn on(name: &str, storage: Storage) -> Self {
        Self {
            name: name.into(),
            storage,
            location: None,
            freshness: AtomicU8::new(Freshness::Normal as u8),
            cache: Cache::in_memory(),
            global_cache: Cache::in_memory(),
            confirmed: Mutex::default(),
            unconfirmed_used: AtomicBool::new(false),
            partial: OnceCell::new(),
            signs: presence::Signs::default(),
            expected: Vec::new(),
        }
    }
}

fn bytes(_: &str, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    Ok(bytes.to_vec())
}
