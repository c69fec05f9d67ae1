//! `lumen pkg verify`, `vendor`, `cache` and `clean`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{Digest, PackageName, Version, lockfile::LockedSource};
use lumen_registry::storage::GitStorage;
use lumen_store::{
    cas::{Drift, Proof, Stats, Store, Verified},
    link::{
        self, Plan, state,
        vendor::{self, Vendored},
    },
    pack::PackOptions,
    project::{DOT_LUMEN, Project},
};

use crate::{
    error::OpsError,
    fetch, gitignore, pack, parallel,
    proof::Asked,
    recheck::{self, Signature},
    resolve::{self, ResolveOptions},
    session::Session,
};

/// What `verify` found about one package.
#[derive(Debug)]
pub struct Verdict {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// What is wrong with it; nothing when it is intact.
    pub damage: Option<Damage>,
    /// Whether the tree was shown to be the published archive itself, not only unchanged since it was unpacked.
    pub proven: bool,
    /// What can be said about its signature without a network.
    pub signature: Signature,
}

/// What is wrong with an installed package.
#[derive(Debug)]
pub enum Damage {
    /// It is not in the store.
    Absent,
    /// The project does not link to it.
    NotLinked,
    /// These files are not as they were unpacked.
    Files(Vec<Drift>),
}

/// Rehashes every installed file and compares it with the lock, and checks signatures as far
/// as this machine has what that takes. Needs no network.
///
/// # Errors
/// When there is no lock, or the disk fails.
pub fn verify(session: &Session<'_>) -> Result<Vec<Verdict>, OpsError> {
    let project = session.project()?;
    let lock = project
        .lock
        .as_ref()
        .map(|(lock, _)| lock)
        .ok_or_else(no_lock)?;
    let store = session.store()?;
    let state = state::load(&project.root)?;
    let linked = |name: &PackageName, checksum: &Digest| {
        let recorded = state.as_ref().and_then(|state| state.packages.get(name));
        recorded.is_some_and(|installed| installed.digest.as_ref() == Some(checksum))
    };
    let links_intact = state
        .as_ref()
        .is_some_and(|state| link::links_intact(&project.root, state));
    let packages: Vec<_> = lock
        .packages
        .iter()
        .filter_map(|(name, package)| Some((name, package, package.checksum?)))
        .collect();
    let signatures = recheck::run(session, lock)?;
    let verdicts = parallel::map(&packages, |(name, package, checksum)| {
        let verified = store.verify(checksum)?;
        let proven = verified == Verified::Intact(Proof::Archive);
        let damage = match verified {
            Verified::Absent => Some(Damage::Absent),
            Verified::Drifted(files) => Some(Damage::Files(files)),
            Verified::Intact(_) if !(links_intact && linked(name, checksum)) => {
                Some(Damage::NotLinked)
            }
            Verified::Intact(_) => None,
        };
        Ok(Verdict {
            name: (*name).clone(),
            version: package.version.clone(),
            damage,
            proven,
            signature: signatures.get(*name).cloned().unwrap_or(Signature::None),
        })
    })?;
    Ok(verdicts)
}

/// Takes damaged packages out of the store, so that the next install fetches them again.
///
/// # Errors
/// When the disk fails.
pub fn discard(session: &Session<'_>, verdicts: &[Verdict]) -> Result<(), OpsError> {
    let project = session.project()?;
    let lock = project
        .lock
        .as_ref()
        .map(|(lock, _)| lock)
        .ok_or_else(no_lock)?;
    let store = session.store()?;
    let damaged = verdicts
        .iter()
        .filter(|verdict| matches!(verdict.damage, Some(Damage::Files(_))));
    for checksum in damaged.filter_map(|verdict| lock.packages.get(&verdict.name)?.checksum) {
        store.discard(&checksum)?;
    }
    Ok(())
}

/// Copies every locked package into a folder. Returns how many.
///
/// # Errors
/// When there is no lock or it does not fit, the folder holds other things, or a package cannot be had.
pub fn vendor(session: &Session<'_>, dir: &Path) -> Result<usize, OpsError> {
    let project = session.project()?;
    let resolved = resolve::run(
        session,
        &project,
        &ResolveOptions {
            locked: true,
            ..ResolveOptions::default()
        },
    )?;
    let store = session.store()?;
    let asked = Asked {
        project: &project,
        locals: &resolved.locals,
        known: &resolved.known,
        fresh: resolved.fresh,
    };
    let fetched = fetch::run(session, &store, &resolved.lock, &asked);
    let fetched = fetched.map_err(|error| match error {
        OpsError::Misfit(reason) => OpsError::Locked {
            reason: format!("is out of date: {reason}"),
        },
        error => error,
    })?;
    let mut trees: BTreeMap<PackageName, Vendored> = BTreeMap::new();
    for (name, package) in &resolved.lock.packages {
        let from = match (&package.source, fetched.entries.get(name)) {
            (_, Some(entry)) => Some(Vendored::Stored(entry.tree().to_owned())),
            // What lies inside the project is there already.
            (LockedSource::Path(relative), _) if relative.starts_with("..") => {
                let local = resolved.locals.get(name);
                local.map(|local| {
                    let package = local.manifest.package.as_ref();
                    let options = package.map_or_else(PackOptions::default, pack::options);
                    Vendored::Folder(local.dir.clone(), options)
                })
            }
            _ => None,
        };
        trees.extend(from.map(|from| (name.clone(), from)));
    }
    vendor::vendor(&session.options.working_dir.join(dir), &trees)?;
    Ok(trees.len())
}

/// Removes what installs made in the project: links, import links and `.lumen`.
///
/// # Errors
/// When the disk fails.
pub fn clean(session: &Session<'_>) -> Result<(), OpsError> {
    let (project, _lock) = session.locked_project(false)?;
    let settings = session.settings()?;
    let nothing = Plan {
        mode: settings.link,
        import_root: settings.import_root.to_string_lossy().replace('\\', "/"),
        packages: BTreeMap::new(),
        facts: BTreeMap::new(),
    };
    link::install(&project.root, &nothing)?;
    gitignore::update(&project.root, &[])?;
    Ok(lumen_durable::remove_dir_all(&project.dot_lumen())?)
}

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
    let environment = &session.environment;
    Ok(CacheInfo {
        home: environment.home.clone(),
        store: session.store()?.stats()?,
        metadata: size(&environment.cache_dir())?,
        git: size(&environment.home.join("git"))? + size(&environment.hosts_dir())?,
        projects: projects(&environment.home)?.len(),
    })
}

/// Removes cached metadata, git clones, and packages that no known project uses. Returns the packages removed.
///
/// # Errors
/// When the disk fails.
pub fn cache_clean(session: &Session<'_>) -> Result<Stats, OpsError> {
    let home = &session.environment.home;
    let mut used = BTreeSet::new();
    for root in projects(home)? {
        let state = state::load(&root)?;
        used.extend(
            state
                .into_iter()
                .flat_map(|state| state.packages.into_values())
                .filter_map(|package| package.digest),
        );
    }
    let removed =
        Store::open(&session.environment.store_dir())?.clean(|digest| used.contains(digest))?;
    for dir in [session.environment.cache_dir(), home.join("git")] {
        if dir.exists() {
            lumen_durable::remove_dir_all(&dir)?;
        }
    }
    GitStorage::remove_clones(&session.environment.hosts_dir())?;
    Ok(removed)
}

/// Remembers that a project uses the store, so that cleaning keeps its packages.
///
/// # Errors
/// When the disk fails.
pub fn remember(home: &Path, project: &Project) -> Result<(), OpsError> {
    let path = project.root.to_string_lossy();
    let file = home
        .join("projects")
        .join(&Digest::of(path.as_bytes()).hex()[..16]);
    if !file.exists() {
        lumen_durable::write_atomic_fast(&file, path.as_bytes())?;
    }
    Ok(())
}

/// Projects that use the store and still exist; records of others are removed.
fn projects(home: &Path) -> Result<Vec<PathBuf>, OpsError> {
    let dir = home.join("projects");
    let mut found = Vec::new();
    if !dir.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(&dir)? {
        let file = entry?.path();
        let root = PathBuf::from(fs::read_to_string(&file).unwrap_or_default());
        match root.join(DOT_LUMEN).is_dir() {
            true => found.push(root),
            false => lumen_durable::remove_file(&file)?,
        }
    }
    Ok(found)
}

/// Bytes of all files below a folder.
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
                false => total += metadata.len(),
            }
        }
    }
    Ok(total)
}

fn no_lock() -> OpsError {
    OpsError::user(
        "there is no `lumen.lock` yet",
        "run `lumen pkg install` first",
    )
}
