//! `lumen pkg cache`: the store and the caches of this machine.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{Digest, lockfile::Lockfile};
use lumen_registry::storage::GitStorage;
use lumen_store::{
    cas::{Stats, Store},
    link::{Known, Ledger},
    project::{DOT_LUMEN, LOCKFILE, MANIFEST, Snapshot, Surroundings},
};

use crate::{error::OpsError, session::Session};

/// Where this machine's store and caches are, and how large.
#[derive(Debug)]
pub struct CacheInfo {
    /// `$LUMEN_HOME`.
    pub home: PathBuf,
    /// The packages.
    pub store: Stats,
    /// Bytes of cached metadata.
    pub metadata: u64,
    /// Bytes of git clones and checkouts.
    pub git: u64,
    /// Projects that use the store.
    pub projects: usize,
}

/// Measures the store and the caches.
///
/// # Errors
/// When the disk fails.
pub fn cache_info(session: &Session<'_>) -> Result<CacheInfo, OpsError> {
    let environment = &session.context.environment;
    Ok(CacheInfo {
        home: environment.home.clone(),
        store: session.store()?.stats()?,
        metadata: size(&environment.cache_dir())?,
        git: size(&environment.home.join("git"))? + size(&environment.hosts_dir())?,
        projects: projects(&environment.ledger())?.len(),
    })
}

/// Removes cached metadata, git clones, and packages that no known project uses. Returns the packages removed.
///
/// # Errors
/// When the disk fails.
pub fn cache_clean(session: &Session<'_>) -> Result<Stats, OpsError> {
    let home = &session.context.environment.home;
    let mut used = BTreeSet::new();
    for known in projects(&session.context.environment.ledger())? {
        used.extend(used_by(&known));
    }
    let removed = Store::open(&session.context.environment.store_dir())?
        .clean(|digest| used.contains(digest))?;
    for dir in [session.context.environment.cache_dir(), home.join("git")] {
        if dir.exists() {
            lumen_durable::remove_dir_all(&dir)?;
        }
    }
    GitStorage::remove_clones(&session.context.environment.hosts_dir())?;
    Ok(removed)
}

/// Projects that use the store and still exist; records of others are removed.
fn projects(ledger: &Ledger) -> Result<Vec<Known>, OpsError> {
    let mut found = Vec::new();
    for known in ledger.projects()? {
        let folder = known.root.join(DOT_LUMEN).symlink_metadata();
        match folder.is_ok_and(|folder| folder.is_dir()) {
            true => found.push(known),
            false => known.forget()?,
        }
    }
    Ok(found)
}

/// The packages that a project uses. Of one that an older version of Lumen installed, those
/// that its lock file names: it says nothing else that could be believed.
fn used_by(known: &Known) -> Vec<Digest> {
    if let Some(state) = &known.state {
        let packages = state.packages.values();
        return packages.filter_map(|package| package.digest).collect();
    }
    let surroundings = Surroundings::of(&known.root);
    let mut root = Snapshot::of(&known.root.join(MANIFEST), &surroundings);
    let text = root.peek(&known.root.join(LOCKFILE));
    let lock = text.and_then(|text| Lockfile::parse(LOCKFILE, &text).ok());
    let packages = lock
        .into_iter()
        .flat_map(|lock| lock.packages.into_values());
    packages.filter_map(|package| package.checksum).collect()
}

/// Bytes of all files below a folder, except locks.
fn size(dir: &Path) -> Result<u64, OpsError> {
    let mut total = 0;
    let mut stack = vec![dir.to_owned()];
    while let Some(dir) = stack.pop() {
        if !dir.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            match metadata.is_dir() {
                true => stack.push(entry.path()),
                false if is_lock(&entry.path()) => {}
                false => total += metadata.len(),
            }
        }
    }
    Ok(total)
}

fn is_lock(file: &Path) -> bool {
    let name = file.extension().or(file.file_name());
    name.is_some_and(|name| name == "lock" || name == "writer")
}
