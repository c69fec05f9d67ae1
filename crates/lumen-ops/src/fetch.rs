//! Packages of the lock into the store: what is missing is downloaded, checked and unpacked.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek as _, Write as _},
    sync::Arc,
};

use futures::{StreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName,
    key::ArtifactKind,
    lockfile::{LockedPackage, LockedSource, Lockfile},
    manifest,
};
use lumen_registry::{ReadError, Registry, StorageError, progress::Progress};
use lumen_store::cas::{Check, Entry, Expect, Store};
use tokio::sync::Semaphore;

use crate::{
    error::{FetchError, OpsError},
    locked, parallel,
    session::Session,
};

/// Downloads under way at once.
const DOWNLOADS: usize = 48;

/// Bytes of downloads held in memory at once.
const MEMORY: u64 = 96 << 20;

/// Downloads larger than this go through a file.
const LARGE: u64 = 16 << 20;

/// Largest artifact whose size the lock does not say, in bytes.
const MAX_UNKNOWN: u64 = 4 << 30;

/// The packages of a lock in the store.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Every package with a checksum.
    pub entries: BTreeMap<PackageName, Entry>,
    /// How many were not in the store before.
    pub downloaded: usize,
}

/// Makes sure that every locked package with a checksum is in the store.
///
/// # Errors
/// The first package that could not be had.
pub fn run(
    session: &Session<'_>,
    store: &Arc<Store>,
    lock: &Lockfile,
) -> Result<Fetched, OpsError> {
    let wanted: Vec<(&PackageName, &LockedPackage, Digest)> = lock
        .packages
        .iter()
        .filter_map(|(name, package)| Some((name, package, package.checksum?)))
        .collect();
    let mut fetched = Fetched {
        entries: present(store, &wanted)?,
        downloaded: 0,
    };
    let missing: Vec<_> = wanted
        .into_iter()
        .filter(|(name, ..)| !fetched.entries.contains_key(*name))
        .collect();
    if missing.is_empty() {
        return Ok(fetched);
    }
    fetched.downloaded = missing.len();
    let downloads = missing
        .into_iter()
        .map(|(name, package, checksum)| Download::new(session, store, name, package, checksum));
    let downloads = downloads.collect::<Result<Vec<_>, _>>()?;
    let fetching = Progress::Started {
        verb: "Fetching",
        steps: downloads.len() as u64,
    };
    session.reporter.report(fetching.into());
    let result = session.block_on(async {
        let registries = registries(&downloads);
        for registry in &registries {
            // A locked install reads no index, but it does not take files from a forked log.
            registry.trust().await?;
            let from_it = |download: &&Download| download.registry.name() == registry.name();
            let files = downloads.iter().filter(from_it).map(Download::first);
            registry.prefetch(&files.collect::<Vec<_>>()).await?;
        }
        locked::check(session, lock, &registries).await?;
        fetch_all(session, downloads).await
    });
    session.reporter.report(Progress::Finished.into());
    fetched.entries.extend(result?);
    Ok(fetched)
}

/// The registries to download from, each once.
fn registries(downloads: &[Download]) -> Vec<Registry> {
    let by_name: BTreeMap<&str, &Registry> = downloads
        .iter()
        .map(|download| (download.registry.name(), &download.registry))
        .collect();
    by_name.into_values().cloned().collect()
}

/// The packages that are in the store.
fn present(
    store: &Store,
    wanted: &[(&PackageName, &LockedPackage, Digest)],
) -> Result<BTreeMap<PackageName, Entry>, OpsError> {
    let found = parallel::map(wanted, |(name, _, checksum)| {
        let entry = store.get(checksum, Check::Quick)?;
        Ok(entry.map(|entry| ((*name).clone(), entry)))
    })?;
    Ok(found.into_iter().flatten().collect())
}

async fn fetch_all(
    session: &Session<'_>,
    downloads: Vec<Download>,
) -> Result<Vec<(PackageName, Entry)>, OpsError> {
    let memory = Arc::new(Semaphore::new((MEMORY >> 10) as usize));
    let unpackers = Arc::new(Semaphore::new(
        std::thread::available_parallelism().map_or(2, usize::from),
    ));
    let tasks = downloads.into_iter().map(|download| {
        let (memory, unpackers) = (memory.clone(), unpackers.clone());
        async move {
            let (name, version) = (download.name.clone(), download.package.version.clone());
            // A task of its own, so that downloads use all cores.
            let result = tokio::spawn(download.run(memory, unpackers)).await;
            let result = result.unwrap_or_else(|error| Err(io::Error::other(error).into()));
            match result {
                Ok(entry) => {
                    let item = name.to_string();
                    session.reporter.report(Progress::Advanced { item }.into());
                    Ok((name, entry))
                }
                Err(source) => Err(OpsError::Fetch {
                    name,
                    version,
                    source: Box::new(source),
                }),
            }
        }
    });
    let mut tasks = stream::iter(tasks).buffer_unordered(DOWNLOADS);
    let mut entries = Vec::new();
    while let Some(result) = tasks.next().await {
        entries.push(result?);
    }
    Ok(entries)
}

/// One package to download.
struct Download {
    name: PackageName,
    package: LockedPackage,
    checksum: Digest,
    registry: Registry,
    store: Arc<Store>,
}

/// Downloaded bytes, not yet checked.
enum Body {
    Memory(Vec<u8>),
    File(std::fs::File),
}

impl Download {
    fn new(
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

    async fn run(
        self,
        memory: Arc<Semaphore>,
        unpackers: Arc<Semaphore>,
    ) -> Result<Entry, FetchError> {
        if let Some((key, expect)) = self.compressed() {
            match self.fetch(&key, expect, &memory, &unpackers).await {
                // A mirror may have left the second encoding out.
                Err(FetchError::Read(ReadError::Missing { .. })) => {}
                other => return other,
            }
        }
        let (key, expect) = self.plain();
        self.fetch(&key, expect, &memory, &unpackers).await
    }

    /// The file that is tried first.
    fn first(&self) -> Key {
        self.compressed().unwrap_or_else(|| self.plain()).0
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
    ) -> Result<Entry, FetchError> {
        let size = expect.size.unwrap_or(MAX_UNKNOWN);
        let permits = u32::try_from(size.min(LARGE) >> 10)
            .unwrap_or(u32::MAX)
            .max(1);
        let _memory = memory.acquire_many(permits).await;
        let body = if size <= LARGE {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            self.registry.artifact(key, size, &mut bytes).await?;
            Body::Memory(bytes)
        } else {
            let mut file = tempfile::tempfile().map_err(temporary)?;
            let read = self.registry.artifact(key, size, &mut file).await;
            read.map_err(|error| match error {
                ReadError::Storage(StorageError::Io(error)) if is_full(&error) => {
                    FetchError::Io(temporary(error))
                }
                other => other.into(),
            })?;
            file.flush()?;
            file.rewind()?;
            Body::File(file)
        };
        let _turn = unpackers.clone().acquire_owned().await;
        let (store, checksum, name, package) = (
            self.store.clone(),
            self.checksum,
            self.name.clone(),
            self.package.clone(),
        );
        let insert = move || -> Result<Entry, FetchError> {
            let source: Box<dyn Read> = match body {
                Body::Memory(bytes) => Box::new(io::Cursor::new(bytes)),
                Body::File(file) => Box::new(io::BufReader::with_capacity(1 << 17, file)),
            };
            let inserted = store.insert(&checksum, source, &expect)?;
            if let Some(found) = inserted.manifest.as_deref().and_then(identity) {
                let expected = format!("{name} {}", package.version);
                if found != expected {
                    // Else the next install would find it there and ask no more.
                    store.discard(&checksum)?;
                    return Err(FetchError::OtherPackage { found });
                }
            }
            Ok(inserted.entry)
        };
        tokio::task::spawn_blocking(insert)
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }
}

/// A failure to keep a large download for a moment, with the folder that it is about.
fn temporary(error: io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    let what = format!(
        "cannot write to the temporary folder `{}`: {error}",
        folder.display()
    );
    io::Error::new(error.kind(), what)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// `name version` of a manifest, if it is one.
fn identity(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let package = manifest::parse("lumen.toml", text).manifest?.package?;
    Some(format!("{} {}", package.name, package.version))
}

/// Puts a folder from git into the store and returns its identity.
///
/// # Errors
/// When it cannot be packed, or the disk fails.
pub fn insert_folder(
    store: &Store,
    packed: &lumen_store::pack::Packed,
) -> Result<Digest, OpsError> {
    let expect = Expect {
        hash: packed.digest,
        size: Some(packed.tar.len() as u64),
        plain: None,
    };
    store
        .insert(&packed.digest, packed.tar.as_slice(), &expect)
        .map_err(|error| match error {
            lumen_store::cas::InsertError::Io(error) => OpsError::Io(error),
            other => OpsError::Io(io::Error::other(other)),
        })?;
    Ok(packed.digest)
}
