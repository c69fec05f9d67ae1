//! Packages of the lock into the store: what is missing is downloaded, checked and unpacked.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName,
    key::ArtifactKind,
    limits::{DOWNLOAD_MEMORY, DOWNLOAD_TO_FILE, DOWNLOADS, Exceeded, Limit, Limits},
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
    let budget = Arc::new(Budget::new(&session.settings()?.limits, &downloads)?);
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
        fetch_all(session, downloads, budget).await
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
    budget: Arc<Budget>,
) -> Result<Vec<(PackageName, Entry)>, OpsError> {
    let memory = Arc::new(Semaphore::new((DOWNLOAD_MEMORY >> 10) as usize));
    let unpackers = Arc::new(Semaphore::new(
        std::thread::available_parallelism().map_or(2, usize::from),
    ));
    let tasks = downloads.into_iter().map(|download| {
        let (memory, unpackers, budget) = (memory.clone(), unpackers.clone(), budget.clone());
        async move {
            let (name, version) = (download.name.clone(), download.package.version.clone());
            // A task of its own, so that downloads use all cores.
            let result = tokio::spawn(download.run(memory, unpackers, budget)).await;
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
    fn first(&self) -> Key {
        self.compressed().unwrap_or_else(|| self.plain()).0
    }

    /// Bytes that the lock says it has; nothing where the lock does not say.
    fn announced(&self) -> u64 {
        let compressed = self.package.compressed.map(|compressed| compressed.size);
        self.package.size.max(compressed).unwrap_or_default()
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
        let too_large = |error| match error {
            ReadError::Storage(StorageError::TooLarge { .. }) if announced.is_none() => {
                budget.exceeded(limit).into()
            }
            ReadError::Storage(StorageError::Io(error)) if is_full(&error) => {
                FetchError::Io(self.no_space(error))
            }
            other => FetchError::from(other),
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

/// What an install may still download.
struct Budget {
    limits: Limits,
    /// Bytes that were announced, and those of artifacts that were not.
    spent: AtomicU64,
}

impl Budget {
    /// Checks all sizes that were announced before anything is asked for.
    fn new(limits: &Limits, downloads: &[Download]) -> Result<Self, OpsError> {
        let mut sum = 0_u64;
        for download in downloads {
            let size = download.announced();
            let what = || format!("its artifact has {size} bytes");
            let checked = limits.check(Limit::ArtifactBytes, size, what);
            checked.map_err(|exceeded| OpsError::Fetch {
                name: download.name.clone(),
                version: download.package.version.clone(),
                source: Box::new(exceeded.into()),
            })?;
            sum = sum.saturating_add(size);
        }
        let what = || format!("{} packages to download have {sum} bytes", downloads.len());
        limits.check(Limit::InstallBytes, sum, what)?;
        Ok(Self {
            limits: *limits,
            spent: AtomicU64::new(sum),
        })
    }

    /// The largest artifact that may come when its size was not announced, in bytes.
    fn left(&self) -> u64 {
        let spent = self.spent.load(Ordering::Relaxed);
        let left = self.limits.get(Limit::InstallBytes).saturating_sub(spent);
        left.min(self.limits.get(Limit::ArtifactBytes))
    }

    /// Counts an artifact whose size was not announced.
    fn spend(&self, size: u64) -> Result<(), Exceeded> {
        let sum = self.spent.fetch_add(size, Ordering::Relaxed) + size;
        let what = || format!("{sum} bytes were downloaded");
        self.limits.check(Limit::InstallBytes, sum, what)
    }

    /// Why an artifact of more bytes than were left is not downloaded.
    fn exceeded(&self, left: u64) -> Exceeded {
        let limit = match left < self.limits.get(Limit::ArtifactBytes) {
            true => Limit::InstallBytes,
            false => Limit::ArtifactBytes,
        };
        Exceeded {
            limit,
            allowed: self.limits.get(limit),
            what: format!("its artifact has more than {left} bytes"),
        }
    }
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
