//! Packages of the lock into the store: missing ones are downloaded, checked and unpacked.

mod budget;
mod download;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
    pin::pin,
    sync::Arc,
};

use futures::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use lumen_core::{
    Digest, PackageName,
    limits::{DOWNLOAD_MEMORY, DOWNLOADS},
    lockfile::{LockedPackage, Lockfile},
};
use lumen_registry::{Registry, progress::Progress};
use lumen_store::cas::{Check, Entry, Expect, Store};
use tokio::sync::Semaphore;

use crate::{
    error::OpsError,
    parallel,
    proof::{Asked, Claims, Proofs},
    session::Session,
};
use budget::Budget;
use download::Download;

/// The packages of a lock in the store.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Every package with a checksum.
    pub entries: BTreeMap<PackageName, Entry>,
    /// How many were not in the store before.
    pub downloaded: usize,
    /// Whether all packages are proven, now or before.
    pub proven: bool,
}

/// Makes sure that every locked package with a checksum is in the store, and that its owner
/// released it: by a proof of this run or an earlier one. `part`: only these packages. Without
/// a project, nothing is said about whether the lock follows from one.
///
/// # Errors
/// The first package that could not be fetched or proven, and [`OpsError::Misfit`].
pub fn run(
    session: &Session<'_>,
    store: &Arc<Store>,
    lock: &Lockfile,
    part: Option<&BTreeSet<PackageName>>,
    asked: Option<&Asked<'_>>,
) -> Result<Fetched, OpsError> {
    let needed = match part {
        Some(part) => Cow::Owned(only(lock, part)),
        None => Cow::Borrowed(lock),
    };
    let wanted: Vec<(&PackageName, &LockedPackage, Digest)> = needed
        .packages
        .iter()
        .filter_map(|(name, package)| Some((name, package, package.checksum?)))
        .collect();
    if wanted.is_empty() {
        return Ok(Fetched {
            proven: true,
            ..Fetched::default()
        });
    }
    let mut fetched = Fetched {
        entries: present(store, &wanted)?,
        downloaded: 0,
        proven: false,
    };
    let missing: Vec<_> = wanted
        .into_iter()
        .filter(|(name, ..)| !fetched.entries.contains_key(*name))
        .collect();
    fetched.downloaded = missing.len();
    let there = format!(
        "{} in the store, {} to download",
        fetched.entries.len(),
        missing.len()
    );
    session.context.reporter.detail("Found", there);
    let downloads = missing
        .into_iter()
        .map(|(name, package, checksum)| Download::new(session, store, name, package, checksum));
    let downloads = downloads.collect::<Result<Vec<_>, _>>()?;
    let registries: Vec<&Registry> = downloads.iter().map(|d| &d.registry).collect();
    let claims = Claims::of(session, &needed, asked, &registries)?;
    let proofs = match downloads.is_empty() {
        true if claims.is_empty() => Proofs::default(),
        true => session.block_on(claims.prove(session, &needed))?,
        false => {
            let limits = session.settings()?.limits;
            let announced: Vec<_> = downloads.iter().map(Download::announced).collect();
            let budget = Budget::new(&limits, &announced, &fetched.entries)?;
            let (proofs, new) = obtain(session, &needed, &claims, downloads, budget)?;
            fetched.entries.extend(new);
            proofs
        }
    };
    fetched.proven = claims.finish(
        session,
        lock,
        asked.map(|asked| (asked, part.is_none())),
        &fetched.entries,
        proofs,
    )?;
    Ok(fetched)
}

/// A lock without the other packages.
fn only(lock: &Lockfile, part: &BTreeSet<PackageName>) -> Lockfile {
    let mut lock = lock.clone();
    lock.packages.retain(|name, _| part.contains(name));
    lock
}

/// Downloads packages while their releases are proven.
fn obtain(
    session: &Session<'_>,
    lock: &Lockfile,
    claims: &Claims,
    downloads: Vec<Download>,
    budget: Budget,
) -> Result<(Proofs, Vec<(PackageName, Entry)>), OpsError> {
    let budget = Arc::new(budget);
    let fetching = Progress::Started {
        verb: "Fetching",
        steps: downloads.len() as u64,
    };
    session.context.reporter.report(fetching.into());
    let bytes = downloads
        .iter()
        .map(|download| download.size().unwrap_or_default())
        .sum();
    session
        .context
        .reporter
        .report(Progress::Expected { bytes }.into());
    let result = session.block_on(async {
        for registry in registries(&downloads) {
            // A locked install reads no index, but it does not take files from a forked log.
            registry.trust().await?;
            let from_it = |download: &&Download| download.registry.name() == registry.name();
            let files = downloads.iter().filter(from_it).map(Download::first);
            registry.prefetch(&files.collect::<Vec<_>>()).await?;
        }
        let proving = pin!(claims.prove(session, lock));
        let fetching = pin!(fetch_all(session, downloads, budget));
        let (proofs, fetched) = match select(proving, fetching).await {
            Either::Left((proofs, fetching)) => (proofs?, fetching.await),
            Either::Right((fetched, proving)) => (proving.await?, fetched),
        };
        match fetched {
            Ok(entries) => Ok((proofs, entries)),
            Err(error) => Err(proofs.blame(lock, error).await),
        }
    });
    session.context.reporter.report(Progress::Finished.into());
    result
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
                    session
                        .context
                        .reporter
                        .report(Progress::Advanced { item }.into());
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
