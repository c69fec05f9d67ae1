//! Checked reads: what comes out of here has the right shape, name, size and hash.

pub(crate) mod check;
mod fetch;
mod presence;
mod signed;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

pub use lumen_core::limits::MAX_GLOBAL_INDEX_BYTES;
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        Difference, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, PackageIndex, Release,
    },
    problem::Problem,
    trust::PackageHistory,
};

use tokio::sync::OnceCell;

use crate::{
    cache::{self, Cache},
    location::Location,
    mirror::select::Partial,
    storage::{HostOptions, Sink, Storage, StorageError},
    verify::{TrustError, TrustOptions},
};

/// Largest `index.json` that is read for nothing more than a suggestion, in bytes.
const MAX_EASY_BYTES: u64 = 16 << 20;

/// How old metadata may be. Folders are always read anew; releases never change.
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

/// How to open a registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Folder of the metadata caches, one folder a registry; none: nothing is kept.
    pub cache: Option<PathBuf>,
    /// How old metadata may be.
    pub freshness: Freshness,
    /// How its host is spoken to.
    pub host: HostOptions,
    /// What is demanded of its signatures.
    pub trust: TrustOptions,
    /// Packages that were had from it before. Where an unsigned one lacks its list of packages,
    /// one of these shows that there is a registry.
    pub expected: Vec<PackageName>,
}

/// A registry to read from; clones are the same registry.
#[derive(Debug, Clone)]
pub struct Registry {
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
    indexes: Mutex<HashMap<PackageName, Arc<PackageIndex>>>,
    unconfirmed_used: AtomicBool,
    trust: TrustOptions,
    view: Mutex<signed::Found>,
    /// What it says about packages it lacks.
    partial: OnceCell<Option<Partial>>,
    /// Whether it is there at all.
    signs: presence::Signs,
    /// As in [`RegistryOptions::expected`].
    expected: Vec<PackageName>,
}

/// A package's index, and its history in a signed registry.
pub(crate) type Looked = (Arc<PackageIndex>, Option<Arc<PackageHistory>>);

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The host failed or refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file is not what its place says; the problem points into it.
    #[error("{}", one_line(.0))]
    Malformed(Box<Problem>),
    /// The file has another hash than what refers to it says.
    #[error("`{file}` has the hash {actual}, but the registry's index says {expected}")]
    Hash {
        /// Path or URL.
        file: String,
        /// The hash expected.
        expected: Digest,
        /// The hash found.
        actual: Digest,
    },
    /// A file is larger or smaller than what refers to it says, or has other bytes.
    #[error("`{file}` is a changed artifact: {difference}")]
    Changed {
        /// Path or URL.
        file: String,
        /// What differs.
        difference: Difference,
    },
    /// A file that another one refers to does not exist.
    #[error("`{file}` does not exist")]
    Missing {
        /// Path or URL.
        file: String,
    },
    /// A signed registry, or one that should be, is not to be believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The registry is a mirror that says that it lacks the package.
    #[error(
        "`{name}` is not in this mirror of the registry, which only has packages that match {}",
        list(.patterns)
    )]
    LeftOut {
        /// The package.
        name: PackageName,
        /// What the names of its packages match.
        patterns: Vec<String>,
    },
    /// Nothing at an address says that there is a registry.
    #[error(
        "there is no registry at `{location}`: neither `{missing}` nor the package that was asked for is there"
    )]
    NoRegistry {
        /// The address.
        location: String,
        /// The file that almost every registry has.
        missing: String,
    },
    /// The network is off and the cache does not have the file.
    #[error("`{file}` is not in the cache, and the network is off")]
    Offline {
        /// The URL.
        file: String,
    },
}

impl ReadError {
    /// Whether the file itself is to blame, not the way to it: trying again changes nothing.
    pub fn is_about_the_file(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::Hash { .. }
            | Self::Changed { .. }
            | Self::Missing { .. }
            | Self::LeftOut { .. }
            | Self::Trust(_)
            | Self::Offline { .. } => true,
            Self::NoRegistry { .. } => false,
            Self::Storage(error) => matches!(error, StorageError::TooLarge { .. }),
        }
    }
}

impl Registry {
    /// A registry by its name in the configuration; nothing is opened or connected yet.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub fn open(
        name: &str,
        location: Location,
        options: &RegistryOptions,
    ) -> Result<Self, StorageError> {
        let host = HostOptions {
            offline: options.freshness == Freshness::Offline,
            ..options.host.clone()
        };
        let storage = Storage::open(&location, &host)?;
        let folder = options.cache.as_deref();
        let helper = options.host.helper.as_ref().map(|helper| helper.name());
        let folder = folder.and_then(|root| cache::directory(root, &storage, &location, helper));
        let cache = |file: &str| {
            let path = folder.as_ref().map(|folder| folder.join(file));
            path.map_or_else(Cache::in_memory, |path| Cache::at(&path))
        };
        let caches = (cache("metadata.pack"), cache("index.pack"));
        let (freshness, trust) = (options.freshness, options.trust.clone());
        Ok(Self::new(
            name,
            storage,
            Some(location),
            (freshness, options.expected.clone()),
            trust,
            caches,
        ))
    }

    /// A registry on a storage at hand, without a cache.
    pub fn on(name: &str, storage: Storage) -> Self {
        Self::read_once(name, storage, TrustOptions::default())
    }

    /// A registry on a storage at hand that is read once.
    pub(crate) fn read_once(name: &str, storage: Storage, trust: TrustOptions) -> Self {
        let caches = (Cache::in_memory(), Cache::in_memory());
        let options = (Freshness::Normal, Vec::new());
        Self::new(name, storage, None, options, trust, caches)
    }

    fn new(
        name: &str,
        storage: Storage,
        location: Option<Location>,
        (freshness, expected): (Freshness, Vec<PackageName>),
        trust: TrustOptions,
        (cache, global_cache): (Cache, Cache),
    ) -> Self {
        let inner = Inner {
            name: name.into(),
            storage,
            location,
            freshness: AtomicU8::new(freshness as u8),
            cache,
            global_cache,
            confirmed: Mutex::default(),
            indexes: Mutex::default(),
            unconfirmed_used: AtomicBool::new(false),
            trust,
            view: Mutex::default(),
            partial: OnceCell::new(),
            signs: presence::Signs::default(),
            expected,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where it is, if it was opened from there.
    pub fn location(&self) -> Option<&Location> {
        self.inner.location.as_ref()
    }

    /// The files themselves.
    pub fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// How old metadata may be.
    pub fn freshness(&self) -> Freshness {
        match self.inner.freshness.load(Ordering::Relaxed) {
            x if x == Freshness::Revalidate as u8 => Freshness::Revalidate,
            x if x == Freshness::Offline as u8 => Freshness::Offline,
            _ => Freshness::Normal,
        }
    }

    /// From now on the server confirms every mutable file, once; offline stays offline.
    pub fn revalidate(&self) {
        if self.freshness() == Freshness::Normal {
            let freshness = Freshness::Revalidate as u8;
            self.inner.freshness.store(freshness, Ordering::Relaxed);
            self.indexes().clear();
            *self
                .inner
                .view
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = signed::Found::default();
            self.inner.unconfirmed_used.store(false, Ordering::Relaxed);
        }
    }

    /// Whether anything was answered from the cache that the server might answer differently by now.
    pub fn used_unconfirmed(&self) -> bool {
        self.inner.unconfirmed_used.load(Ordering::Relaxed)
    }

    /// All releases of a package; `None` when the registry has no such package, and there is a
    /// registry: only then may another one have it in its place.
    ///
    /// # Errors
    /// As [`Registry::package_index`], and [`ReadError::NoRegistry`].
    pub async fn find(&self, name: &PackageName) -> Result<Option<Arc<PackageIndex>>, ReadError> {
        let index = self.package_index(name).await?;
        // A signed registry proves what it does not have.
        if index.is_none() && self.view().await?.is_none() {
            self.is_there().await?;
        }
        Ok(index)
    }

    /// All releases of a package; `None` when there is no such file or, in a signed registry,
    /// provably no such package. An unsigned one may not be there at all: see
    /// [`Registry::find`].
    ///
    /// # Errors
    /// When the file cannot be read or is not a package index of this name.
    pub async fn package_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<Arc<PackageIndex>>, ReadError> {
        if let Some(index) = self.indexes().get(name) {
            return Ok(Some(Arc::clone(index)));
        }
        let index = match self.view().await? {
            Some(view) => {
                let package = view.package(self, name).await?;
                if let Some(package) = &package {
                    package.accepted(self)?;
                }
                package.map(|package| Arc::clone(&package.index))
            }
            None => self.unsigned_or_left_out(name).await?,
        };
        if let Some(index) = &index {
            self.indexes().insert(name.clone(), Arc::clone(index));
        }
        Ok(index)
    }

    /// The same, read anew and not kept, with its history in a signed registry: for those who
    /// look at every package once.
    pub(crate) async fn look(&self, name: &PackageName) -> Result<Option<Looked>, ReadError> {
        let Some(view) = self.view().await? else {
            let index = self.unsigned_or_left_out(name).await?;
            return Ok(index.map(|index| (index, None)));
        };
        let package = view.look(self, name).await?;
        if let Some(package) = &package {
            package.accepted(self)?;
        }
        Ok(package.map(|package| (package.index, Some(package.history))))
    }

    /// Why a package that is not there is not absent: the registry is a mirror that lacks it.
    pub(crate) async fn left_out(&self, name: &PackageName) -> Option<ReadError> {
        if self.is_offline() {
            return None;
        }
        let read = || async { Partial::read(&self.inner.storage).await };
        // Who cannot read it knows no more than before.
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

    async fn unsigned_or_left_out(
        &self,
        name: &PackageName,
    ) -> Result<Option<Arc<PackageIndex>>, ReadError> {
        let _reading = self.inner.signs.reading().await;
        let index = self.unsigned_package_index(name).await?;
        match index {
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

    /// One release and the digest of its file; `None` when there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, is not this release, or has another digest than expected.
    pub async fn release(
        &self,
        name: &PackageName,
        version: &Version,
        expected: Option<Digest>,
    ) -> Result<Option<(Release, Digest)>, ReadError> {
        if let Some(view) = self.view().await? {
            return self.signed_release(&view, (name, version), expected).await;
        }
        let key = Key::release(name, version);
        self.read_immutable(
            &key,
            MAX_RELEASE_BYTES,
            (expected, None),
            |file, bytes| check::release(file, bytes, name, version),
            check::parsed,
        )
        .await
    }

    /// The list of all packages; `None` when the registry has none yet.
    ///
    /// # Errors
    /// When the file cannot be read or is not a global index.
    pub async fn global_index(&self) -> Result<Option<GlobalIndex>, ReadError> {
        self.read_global_index(MAX_GLOBAL_INDEX_BYTES).await
    }

    async fn read_global_index(&self, limit: u64) -> Result<Option<GlobalIndex>, ReadError> {
        self.read_mutable(
            (&self.inner.global_cache, None),
            &Key::global_index(),
            limit,
            check::global_index,
            check::parsed,
        )
        .await
    }

    /// The names of all packages, if they are easily had; for suggestions.
    pub async fn names(&self) -> Vec<PackageName> {
        let index = self.read_global_index(MAX_EASY_BYTES).await;
        let packages = index.ok().flatten().map(|index| index.packages);
        let packages = packages.unwrap_or_default().into_iter();
        packages.map(|package| package.name).collect()
    }

    /// Gets artifacts that will be copied soon, where one request for many is faster.
    ///
    /// # Errors
    /// Failures of the host.
    pub async fn prefetch(&self, artifacts: &[Key]) -> Result<(), ReadError> {
        Ok(self.inner.storage.prefetch(artifacts).await?)
    }

    /// Copies an artifact of at most `limit` bytes into `out` and returns its size. The caller checks the hash.
    ///
    /// # Errors
    /// When the file is missing, too large, or cannot be read; bytes may have been written then.
    pub async fn artifact(&self, key: &Key, limit: u64, out: Sink<'_>) -> Result<u64, ReadError> {
        let file = || self.inner.storage.describe(key);
        if self.is_offline() {
            return Err(ReadError::Offline { file: file() });
        }
        let size = self.inner.storage.read_to(key, limit, out).await?;
        size.ok_or_else(|| ReadError::Missing { file: file() })
    }

    /// Writes what was learned to the cache. Failing to only makes the next run slower, so it is only logged.
    pub fn save_cache(&self) {
        if self.inner.was_refused() {
            return;
        }
        for cache in [&self.inner.cache, &self.inner.global_cache] {
            if let Err(error) = cache.save() {
                tracing::debug!(%error, "the metadata cache was not written");
            }
        }
        self.inner.save_view();
    }

    /// Whether the cache knows something about a package's file.
    pub(crate) fn is_cached(&self, key: &Key) -> bool {
        self.inner.cache.contains(key)
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.inner.storage.is_remote() && self.freshness() == Freshness::Offline
    }

    fn indexes(&self) -> std::sync::MutexGuard<'_, HashMap<PackageName, Arc<PackageIndex>>> {
        let indexes = self.inner.indexes.lock();
        indexes.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether the registry was caught at something: then nothing of what it said is kept.
    fn was_refused(&self) -> bool {
        let found = Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner));
        match found.get() {
            Some(Ok(Some(view))) => view.is_refused(),
            Some(Ok(None)) | None => false,
            Some(Err(_)) => true,
        }
    }

    /// Failing to only makes a later change of owners go unnoticed, so it is only logged.
    fn save_view(&self) {
        let found = Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(Ok(Some(view))) = found.get()
            && let Err(error) = view.save()
        {
            tracing::debug!(%error, "the owners seen were not written down");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever forgot to save, or failed before, keeps what was learned.
        self.save_view();
        if !self.was_refused() {
            let _ = self.cache.save();
            let _ = self.global_cache.save();
        }
    }
}

fn list(patterns: &[String]) -> String {
    let quoted: Vec<String> = patterns.iter().map(|p| format!("`{p}`")).collect();
    quoted.join(", ")
}

/// `file:line:column: what`, for where no snippet can be shown.
fn one_line(problem: &Problem) -> String {
    match &problem.place {
        Some(place) => {
            let (line, column) = place.line_column();
            format!("{}:{line}:{column}: {}", place.file, problem.what)
        }
        None => problem.what.clone(),
    }
}
