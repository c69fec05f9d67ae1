//! One package: downloaded, checked and unpacked.

use std::{
    io::{self, Read, Seek as _},
    sync::Arc,
};

use lumen_core::{
    Digest, Key, PackageName,
    index::Difference,
    key::ArtifactKind,
    limits::DOWNLOAD_TO_FILE,
    lockfile::{LockedPackage, LockedSource},
};
use lumen_registry::{ReadError, Registry, StorageError};
use lumen_store::cas::{Entry, Expect, InsertError, Store};
use tokio::sync::Semaphore;

use super::budget::{Announced, Budget};
use crate::{error::FetchError, error::OpsError, session::Session};

/// One package to download.
pub(super) struct Download {
    pub(super) name: PackageName,
    pub(super) package: LockedPackage,
    checksum: Digest,
    pub(super) registry: Registry,
    store: Arc<Store>,
}

/// Downloaded bytes, not yet checked.
enum Body {
    Memory(Vec<u8>),
    File(std::fs::File),
}

impl Download {
    pub(super) fn new(
        session: &Session<'_>,
        store: &Arc<Store>,
        name: &PackageName,
        package: &LockedPackage,
        checksum: Digest,
    ) -> Result<Self, OpsError> {
        let registry = match &package.source {
            LockedSource::Registry(registry) => session.registry(registry)?,
            // Git packages are put into the store when they are checked out.
            LockedSource::Git { .. } | LockedSource::Path(_) => {
                let (name, version) = (name.clone(), package.version.clone());
                return Err(OpsError::Fetch {
                    name,
                    version,
                    source: Box::new(FetchError::NoChecksum),
                });
            }
        };
        Ok(Self {
            name: name.clone(),
            package: package.clone(),
            checksum,
            registry,
            store: store.clone(),
        })
    }

    pub(super) async fn run(
        self,
        memory: Arc<Semaphore>,
        unpackers: Arc<Semaphore>,
        budget: Arc<Budget>,
    ) -> Result<Entry, FetchError> {
        if let Some((key, expect)) = self.compressed() {
            match self.fetch(&key, expect, &memory, &unpackers, &budget).await {
                // A mirror may have left the second encoding out.
                Err(FetchError::Read(ReadError::Missing { .. })) => {}
                other => return other,
            }
        }
        let (key, expect) = self.plain();
        self.fetch(&key, expect, &memory, &unpackers, &budget).await
    }

    /// The file that is tried first.
    pub(super) fn first(&self) -> Key {
        self.compressed().unwrap_or_else(|| self.plain()).0
    }

    /// Bytes of that file, if the lock says.
    pub(super) fn size(&self) -> Option<u64> {
        self.compressed().unwrap_or_else(|| self.plain()).1.size
    }

    /// Bytes that the lock says it has; nothing where the lock does not say.
    pub(super) fn announced(&self) -> Announced<'_> {
        let compressed = self.package.compressed.map(|compressed| compressed.size);
        Announced {
            name: &self.name,
            version: &self.package.version,
            size: self.package.size.max(compressed).unwrap_or_default(),
        }
    }

    /// The compressed file, where it pays: it costs time to unpack, so over a network only.
    fn compressed(&self) -> Option<(Key, Expect)> {
        let location = self.registry.location();
        let compressed = self.package.compressed?;
        location
            .is_some_and(lumen_registry::Location::is_remote)
            .then(|| {
                let expect = Expect {
                    hash: compressed.hash,
                    size: Some(compressed.size),
                    plain: Some(self.checksum),
                };
                let key = Key::artifact(&compressed.hash, ArtifactKind::TarZst);
                (key, expect)
            })
    }

    fn plain(&self) -> (Key, Expect) {
        let expect = Expect {
            hash: self.checksum,
            size: self.package.size,
            plain: None,
        };
        (Key::artifact(&self.checksum, ArtifactKind::Tar), expect)
    }

    async fn fetch(
        &self,
        key: &Key,
        expect: Expect,
        memory: &Semaphore,
        unpackers: &Arc<Semaphore>,
        budget: &Budget,
    ) -> Result<Entry, FetchError> {
        let size = expect.size.unwrap_or(u64::MAX);
        let permits = u32::try_from(size.min(DOWNLOAD_TO_FILE) >> 10)
            .unwrap_or(u32::MAX)
            .max(1);
        let _memory = memory.acquire_many(permits).await;
        let body = self.download(key, expect.size, budget).await?;
        let _turn = unpackers.clone().acquire_owned().await;
        let (store, checksum) = (self.store.clone(), self.checksum);
        let file = self.registry.storage().describe(key);
        let insert = move || -> Result<Entry, FetchError> {
            let source: Box<dyn Read> = match body {
                Body::Memory(bytes) => Box::new(io::Cursor::new(bytes)),
                Body::File(file) => Box::new(io::BufReader::with_capacity(1 << 17, file)),
            };
            let inserted = store.insert(&checksum, source, &expect);
            let inserted = inserted.map_err(|error| changed(file, error))?;
            Ok(inserted.entry)
        };
        let entry = tokio::task::spawn_blocking(insert)
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error).into()))?;
        if let Err(exceeded) = budget.unpack(&entry) {
            self.store.discard(&self.checksum)?;
            return Err(exceeded.into());
        }
        Ok(entry)
    }

    /// A full disk, with the folder that it is about.
    fn no_space(&self, error: io::Error) -> io::Error {
        let folder = self.store.root().display();
        let what = format!("cannot keep the download in `{folder}`: {error}");
        io::Error::new(error.kind(), what)
    }

    /// The bytes of an artifact; a large one goes through a file.
    async fn download(
        &self,
        key: &Key,
        announced: Option<u64>,
        budget: &Budget,
    ) -> Result<Body, FetchError> {
        let limit = announced.unwrap_or_else(|| budget.left());
        let too_large = |error| match (error, announced) {
            (ReadError::Storage(StorageError::TooLarge { file, .. }), Some(expected)) => {
                let difference = Difference::Larger { expected };
                ReadError::Changed { file, difference }.into()
            }
            (ReadError::Storage(StorageError::TooLarge { .. }), None) => {
                budget.exceeded(limit).into()
            }
            (ReadError::Storage(StorageError::Io(error)), _) if is_full(&error) => {
                FetchError::Io(self.no_space(error))
            }
            (other, _) => FetchError::from(other),
        };
        let (body, size) = if limit <= DOWNLOAD_TO_FILE {
            let mut bytes = Vec::with_capacity(usize::try_from(limit).unwrap_or_default());
            let read = self.registry.artifact(key, limit, &mut bytes).await;
            (Body::Memory(bytes), read.map_err(too_large)?)
        } else {
            let mut file = self.store.scratch()?;
            let read = self.registry.artifact(key, limit, &mut file).await;
            let size = read.map_err(too_large)?;
            file.rewind()?;
            (Body::File(file), size)
        };
        if announced.is_none() {
            budget.spend(size)?;
        }
        Ok(body)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Why an artifact did not go into the store; other bytes than announced are a changed artifact.
fn changed(file: String, error: InsertError) -> FetchError {
    let difference = match error {
        InsertError::Size {
            expected,
            more: true,
            ..
        } => Difference::Larger { expected },
        InsertError::Size {
            expected, actual, ..
        } => Difference::Smaller { expected, actual },
        InsertError::Hash { expected, actual } => Difference::Hash { expected, actual },
        InsertError::Plain { expected, actual } => Difference::Plain { expected, actual },
        other => return other.into(),
    };
    ReadError::Changed { file, difference }.into()
}
