//! Checked reads: all results have the right shape, name, size and hash.

mod ages;
mod signed;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

pub use lumen_core::limits::MAX_GLOBAL_INDEX_BYTES;
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{GlobalIndex, MAX_RELEASE_BYTES, PackageIndex, Release},
    limits::MAX_EASY_INDEX_BYTES,
    trust::PackageHistory,
};

pub use crate::source::{Freshness, ReadError};
use crate::{
    location::Location,
    source::{Source, check},
    storage::{HostOptions, Sink, Storage, StorageError},
    verify::TrustOptions,
};

/// How to open a registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Folder of the metadata caches, one folder a registry; none: nothing is kept.
    pub cache: Option<PathBuf>,
    /// How old metadata may be.
    pub freshness: Freshness,
    /// How its host is spoken to.
    pub host: HostOptions,
    /// The requirements on its signatures.
    pub trust: TrustOptions,
    /// Packages that earlier installs got from it. If an unsigned registry has no `index.json`,
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
    source: Source,
    trust: TrustOptions,
    indexes: Mutex<HashMap<PackageName, Arc<PackageIndex>>>,
    view: Mutex<signed::Found>,
}

/// A package's index, and its history in a signed registry.
pub(crate) type IndexAndHistory = (Arc<PackageIndex>, Option<Arc<PackageHistory>>);

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
        let host = (&options.host, options.cache.as_deref());
        let reading = (options.freshness, options.expected.clone());
        let source = Source::open(name, location, host, reading)?;
        Ok(Self::new(source, options.trust.clone()))
    }

    /// A registry on a storage at hand, without a cache.
    pub fn on(name: &str, storage: Storage) -> Self {
        Self::read_once(name, storage, TrustOptions::default())
    }

    /// A registry on a storage at hand that is read once.
    pub(crate) fn read_once(name: &str, storage: Storage, trust: TrustOptions) -> Self {
        Self::new(Source::on(name, storage), trust)
    }

    fn new(source: Source, trust: TrustOptions) -> Self {
        let inner = Inner {
            source,
            trust,
            indexes: Mutex::default(),
            view: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.inner.source
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        self.source().name()
    }

    /// Where it is, if it was opened from there.
    pub fn location(&self) -> Option<&Location> {
        self.source().location()
    }

    /// Whether reading it needs a network.
    pub fn is_remote(&self) -> bool {
        self.location().is_some_and(Location::is_remote)
    }

    /// The files themselves.
    pub fn storage(&self) -> &Storage {
        self.source().storage()
    }

    /// How old metadata may be.
    pub fn freshness(&self) -> Freshness {
        self.source().freshness()
    }

    /// From now on the server confirms every mutable file, once; offline stays offline.
    pub fn revalidate(&self) {
        if self.source().revalidate() {
            self.indexes().clear();
            let view = self.inner.view.lock();
            *view.unwrap_or_else(PoisonError::into_inner) = signed::Found::default();
        }
    }

    /// Whether anything was answered from the cache that the server might answer differently by now.
    pub fn used_unconfirmed(&self) -> bool {
        self.source().used_unconfirmed()
    }

    /// All releases of a package; `None` when the registry has no such package, and there is a
    /// registry: only then may another one have it in its place.
    ///
    /// # Errors
    /// As [`Registry::package_index`], and [`ReadError::NoRegistry`].
    pub async fn find(&self, name: &PackageName) -> Result<Option<Arc<PackageIndex>>, ReadError> {
        let index = self.package_index(name).await?;
        // A signed registry proves absence.
        if index.is_none() && self.view().await?.is_none() {
            self.source().is_there().await?;
        }
        Ok(index)
    }

    /// Makes sure that there is a registry: a command that asks for no package would mistake
    /// a wrong address for an empty registry, or for an unsigned one.
    ///
    /// # Errors
    /// [`ReadError::NoRegistry`], and when the host does not answer, or is not trustworthy.
    pub async fn exists(&self) -> Result<(), ReadError> {
        match self.view().await? {
            // Signatures say that it is one.
            Some(_) => Ok(()),
            None => self.source().is_there().await,
        }
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
                let package = view.package(name).await?;
                if let Some(package) = &package {
                    package.accepted(self.source())?;
                }
                package.map(|package| Arc::clone(&package.index))
            }
            None => self.source().package_index(name).await?,
        };
        if let Some(index) = &index {
            self.indexes().insert(name.clone(), Arc::clone(index));
        }
        Ok(index)
    }

    /// The same, read again and not kept, with its history in a signed registry: for callers
    /// that read every package once.
    pub(crate) async fn package_once(
        &self,
        name: &PackageName,
    ) -> Result<Option<IndexAndHistory>, ReadError> {
        let Some(view) = self.view().await? else {
            let index = self.source().package_index(name).await?;
            return Ok(index.map(|index| (index, None)));
        };
        let package = view.package_once(name).await?;
        if let Some(package) = &package {
            package.accepted(self.source())?;
        }
        Ok(package.map(|package| (package.index, Some(package.history))))
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
        let found = self.sized_release(name, version, expected).await?;
        Ok(found.map(|(release, digest, _)| (release, digest)))
    }

    /// The same, with the bytes of its file.
    pub(crate) async fn sized_release(
        &self,
        name: &PackageName,
        version: &Version,
        expected: Option<Digest>,
    ) -> Result<Option<(Release, Digest, u64)>, ReadError> {
        if let Some(view) = self.view().await? {
            return self.signed_release(&view, (name, version), expected).await;
        }
        self.release_within((name, version), MAX_RELEASE_BYTES, expected)
            .await
    }

    /// A release whose file has at most `limit` bytes.
    async fn release_within(
        &self,
        (name, version): (&PackageName, &Version),
        limit: u64,
        expected: Option<Digest>,
    ) -> Result<Option<(Release, Digest, u64)>, ReadError> {
        let key = Key::release(name, version);
        let read = self.source().read_immutable(
            &key,
            limit,
            (expected, None),
            |file, bytes| Ok((check::release(file, bytes, name, version)?, bytes.len())),
            |file, bytes| Ok((check::parsed(file, bytes)?, bytes.len())),
        );
        let found = read.await?;
        Ok(found.map(|((release, size), digest)| (release, digest, size as u64)))
    }

    /// The list of all packages; `None` when the registry has none yet.
    ///
    /// # Errors
    /// When the file cannot be read or is not a global index.
    pub async fn global_index(&self) -> Result<Option<GlobalIndex>, ReadError> {
        self.source().global_index(MAX_GLOBAL_INDEX_BYTES).await
    }

    /// The names of all packages, if they are easily had; for suggestions.
    pub async fn names(&self) -> Vec<PackageName> {
        let index = self.source().global_index(MAX_EASY_INDEX_BYTES).await;
        let packages = index.ok().flatten().map(|index| index.packages);
        let packages = packages.unwrap_or_default().into_iter();
        packages.map(|package| package.name).collect()
    }

    /// Gets artifacts that will be copied soon, where one request for many is faster.
    ///
    /// # Errors
    /// Failures of the host.
    pub async fn prefetch(&self, artifacts: &[Key]) -> Result<(), ReadError> {
        Ok(self.storage().prefetch(artifacts).await?)
    }

    /// Copies an artifact of at most `limit` bytes into `out` and returns its size. The caller checks the hash.
    ///
    /// # Errors
    /// When the file is missing, too large, or cannot be read; bytes may have been written then.
    pub async fn artifact(&self, key: &Key, limit: u64, out: Sink<'_>) -> Result<u64, ReadError> {
        let file = || self.storage().describe(key);
        if self.source().is_offline() {
            return Err(ReadError::Offline { file: file() });
        }
        let size = self.storage().read_to(key, limit, out).await?;
        size.ok_or_else(|| ReadError::Missing { file: file() })
    }

    /// Writes new metadata to the cache. A failure only makes the next run slower, so it is only logged.
    pub fn save_cache(&self) {
        if self.inner.was_refused() {
            return;
        }
        self.source().save_cache();
        self.inner.save_view();
    }

    fn indexes(&self) -> std::sync::MutexGuard<'_, HashMap<PackageName, Arc<PackageIndex>>> {
        let indexes = self.inner.indexes.lock();
        indexes.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether the registry was refused: then none of its files is kept.
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
        // A caller that did not save, or failed before, keeps the new metadata.
        self.save_view();
        if !self.was_refused() {
            self.source.save_cache();
        }
    }
}
