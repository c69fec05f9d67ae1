//! From manifests to a lock: keeps the lock where it still fits, resolves where it does not.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName, Version,
    explain::explain,
    index::ReleaseSummary,
    key::ArtifactKind,
    lockfile::{Compressed, LockedPackage, LockedRegistry, LockedSource, Lockfile},
    problem::Problem,
    resolve::{Order, Request},
};
use lumen_registry::{
    loader::{self, Chosen, LoadError, Loaded, Routes},
    progress::Progress,
    verify::known::Override,
};
use lumen_store::{
    cas::{Check, Store},
    pack::{self, PackOptions},
    project::{LOCKFILE, LocalPackage, Project},
};

use crate::{
    advice,
    error::{OpsError, Stale},
    fetch,
    git::{self, GitError, Place},
    inputs::{self, GitOptions, Inputs},
    locked,
    proof::{
        self,
        memory::{Fact, Memory},
    },
    session::Session,
    settings::DEFAULT,
    stale::Wanted,
};

/// How to resolve.
#[derive(Debug, Clone, Default)]
pub struct ResolveOptions {
    /// The lock must exist and fit.
    pub locked: bool,
    /// Write nothing.
    pub dry_run: bool,
    /// Which versions are tried first.
    pub order: Order,
    /// Ignore releases published after this moment, in seconds since 1970.
    pub exclude_newer: Option<i64>,
    /// What may move to other versions than the lock's.
    pub unlock: Unlock,
}

/// What may move to other versions than the lock's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unlock {
    /// Nothing, unless a requirement forbids the locked version.
    #[default]
    Nothing,
    /// These packages.
    Names(BTreeSet<PackageName>),
    /// Everything.
    All,
}

impl ResolveOptions {
    /// Whether an install with these options does nothing when nothing changed since the last one.
    pub fn may_trust_state(&self) -> bool {
        !self.dry_run
            && self.unlock == Unlock::Nothing
            && self.order == Order::Newest
            && self.exclude_newer.is_none()
    }
}

/// A lock that fits the manifests.
#[derive(Debug)]
pub struct Resolved {
    /// The lock.
    pub lock: Lockfile,
    /// The local packages it was made for.
    pub locals: BTreeMap<PackageName, LocalPackage>,
    /// What is different from the lock before.
    pub changes: Changes,
    /// What was read about the releases that were chosen.
    pub known: BTreeMap<PackageName, ReleaseSummary>,
    /// Whether versions were chosen now, not taken from a lock.
    pub fresh: bool,
}

/// Differences between two locks, registry and git packages only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New packages.
    pub added: Vec<(PackageName, Version)>,
    /// Packages no longer needed.
    pub removed: Vec<(PackageName, Version)>,
    /// Packages at another version: old, new.
    pub changed: Vec<(PackageName, Version, Version)>,
}

impl Changes {
    /// Compares two locks.
    pub fn between(old: Option<&Lockfile>, new: &Lockfile) -> Self {
        let remote = |lock: &Lockfile| -> BTreeMap<PackageName, Version> {
            let packages = lock
                .packages
                .iter()
                .filter(|(_, package)| !matches!(package.source, LockedSource::Path(_)));
            packages
                .map(|(name, package)| (name.clone(), package.version.clone()))
                .collect()
        };
        let (old, new) = (old.map(remote).unwrap_or_default(), remote(new));
        let mut changes = Self::default();
        for (name, version) in &new {
            match old.get(name) {
                None => changes.added.push((name.clone(), version.clone())),
                Some(before) if before != version => {
                    changes
                        .changed
                        .push((name.clone(), before.clone(), version.clone()));
                }
                Some(_) => {}
            }
        }
        changes.removed = old
            .into_iter()
            .filter(|(name, _)| !new.contains_key(name))
            .collect();
        changes
    }

    /// Whether the locks are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Makes a lock that fits the project's manifests.
///
/// # Errors
/// When the lock may not change but must, no versions fit, or something cannot be read.
pub fn run(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
) -> Result<Resolved, OpsError> {
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let locals = project.local_packages()?;
    if options.unlock == Unlock::Nothing {
        let routes = inputs::routes(project)?;
        let settings = session.settings()?;
        let wanted = Wanted {
            project,
            locals,
            settings: &settings,
            routes: &routes,
        };
        match old.map(|lock| wanted.stale(lock)) {
            Some(None) => {
                let lock = old.cloned().unwrap_or_default();
                restore_git(session, &lock)?;
                return Ok(Resolved {
                    lock,
                    locals: locals.clone(),
                    changes: Changes::default(),
                    known: BTreeMap::new(),
                    fresh: false,
                });
            }
            Some(Some(reason)) if options.locked => {
                return Err(OpsError::Locked {
                    reason: format!("is out of date: {reason}"),
                });
            }
            None if options.locked => {
                return Err(OpsError::Locked {
                    reason: "does not exist".into(),
                });
            }
            Some(Some(reason)) if !reason.is_usual() => warn_of_misfit(session, &reason),
            _ => {}
        }
    }
    anew(session, project, options)
}

/// Says that a lock does not fit though no manifest was edited.
pub(crate) fn warn_of_misfit(session: &Session<'_>, reason: &Stale) {
    let what = format!("`lumen.lock` does not fit: {reason}");
    let hint = "versions are chosen anew where they have to be; look at the changes before you commit them";
    session.reporter.warn(Problem::warning(what).hint(hint));
}

/// Makes a lock that fits the project's manifests, whether or not there is one that does.
///
/// # Errors
/// When no versions fit, or something cannot be read.
pub(crate) fn anew(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
) -> Result<Resolved, OpsError> {
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let unlock = match (&options.unlock, old) {
        (Unlock::Nothing, _) | (Unlock::All, None) => BTreeSet::new(),
        (Unlock::All, Some(lock)) => lock.packages.keys().cloned().collect(),
        (Unlock::Names(names), _) => names.clone(),
    };
    match solve(session, project, options, unlock.clone()) {
        Err(error) if session.options.stale_if_error && !session.is_offline() => {
            let Some(host) = error.storage().filter(|host| host.is_outage()) else {
                return Err(error);
            };
            session.reporter.warn(
                Problem::warning(host.to_string())
                    .hint("going on without the network, with what is in the cache"),
            );
            session.go_offline();
            solve(session, project, options, unlock)
        }
        solved => solved,
    }
}

/// Resolves anew.
fn solve(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
    unlock: BTreeSet<PackageName>,
) -> Result<Resolved, OpsError> {
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let settings = session.settings()?;
    let git = GitOptions {
        home: &session.environment.home,
        ca_file: settings.http.ca_file.as_deref(),
        offline: session.is_offline(),
        netrc: &|url| session.may_use_netrc(url),
        lock: old,
        unlock: &unlock,
        limits: settings.limits,
    };
    let inputs = Inputs::gather(
        project,
        project.local_packages()?.clone(),
        &git,
        session.reporter,
    )?;
    let mut request = request(session, options, &inputs, old, unlock.clone());
    request.limits = settings.limits;
    let locked = old.into_iter().flat_map(|lock| &lock.packages);
    let locked = locked.filter_map(|(name, package)| match &package.source {
        LockedSource::Registry(registry) if !unlock.contains(name) => Some((name, registry)),
        _ => None,
    });
    let routes = routes(session, &inputs, locked)?;
    let loaded = load(session, &routes, &inputs, &request)?;
    if let Some(old) = old {
        locked::confirm(session, old, &loaded)?;
    }
    warn_of_yanks(session, &loaded);
    warn_of_deprecations(session, &loaded)?;
    warn_of_overrides(session, &loaded);
    let lock = lock(session, project, &inputs, &loaded)?;
    if let Some(old) = old {
        warn_of_moves(session, old, &lock);
    }
    let changes = Changes::between(old, &lock);
    let chosen = loaded.chosen.into_iter();
    Ok(Resolved {
        lock,
        locals: inputs.locals,
        changes,
        known: chosen
            .map(|(name, chosen)| (name, chosen.summary))
            .collect(),
        fresh: true,
    })
}

/// Writes the lock file if its text changes; returns the text.
///
/// # Errors
/// Any I/O error; the old file is then still there.
pub fn write_lock(project: &Project, lock: &Lockfile) -> Result<String, OpsError> {
    let text = lock.render();
    if project.lock.as_ref().is_none_or(|(_, old)| **old != *text) {
        project.write(&project.root.join(LOCKFILE), &text)?;
    }
    Ok(text)
}

fn request(
    session: &Session<'_>,
    options: &ResolveOptions,
    inputs: &Inputs,
    old: Option<&Lockfile>,
    unlock: BTreeSet<PackageName>,
) -> Request {
    let from_registry =
        |package: &LockedPackage| matches!(package.source, LockedSource::Registry(_));
    let locked = old
        .into_iter()
        .flat_map(|lock| &lock.packages)
        .filter(|(_, package)| from_registry(package));
    Request {
        roots: inputs.roots.clone(),
        locked: locked
            .map(|(name, package)| (name.clone(), package.version.clone()))
            .collect(),
        unlock,
        order: options.order,
        exclude_newer: options.exclude_newer,
        offline: session.is_offline(),
        patched: inputs.patched.clone(),
        ..Request::default()
    }
}

/// `locked`: the packages that stay where the lock has them from.
fn routes<'a>(
    session: &Session<'_>,
    inputs: &Inputs,
    locked: impl Iterator<Item = (&'a PackageName, &'a String)>,
) -> Result<Routes, OpsError> {
    let settings = session.settings()?;
    let default = settings
        .default
        .as_ref()
        .map(|_| session.registry(DEFAULT))
        .transpose()?;
    let mut routes = Routes::new(default);
    for name in &settings.upstreams {
        routes.fall_back_to(session.registry(name)?);
    }
    // A registry in front may have got a package of that name since: it does not take over unasked.
    for (name, registry) in locked {
        if settings.falls_back(name) && settings.upstreams.contains(registry) {
            routes.pin(name.clone(), session.registry(registry)?);
        }
    }
    for (scope, name) in &settings.scopes {
        routes.pin_scope(scope, session.registry(name)?);
    }
    for (name, registry) in &inputs.routes {
        routes.pin(name.clone(), session.registry(registry)?);
    }
    for name in session.registry_names()? {
        // A registry that nothing comes from may be unusable here; then it is not worth a mention.
        if let Ok(registry) = session.registry(&name) {
            routes.mention(registry);
        }
    }
    Ok(routes)
}

fn load(
    session: &Session<'_>,
    routes: &Routes,
    inputs: &Inputs,
    request: &Request,
) -> Result<Loaded, OpsError> {
    let catalog = inputs.catalog();
    let resolving = Progress::Started {
        verb: "Resolving",
        steps: 0,
    };
    session.reporter.report(resolving.into());
    let result =
        session.block_on(async { Ok(loader::load_and_resolve(routes, &catalog, request).await) });
    session.reporter.report(Progress::Finished.into());
    session.save_caches();
    result?.map_err(|error| match error {
        LoadError::Conflict { conflict, catalog } => {
            OpsError::Conflict(Box::new(explain(&catalog, request, &conflict)))
        }
        LoadError::Read { error, .. } => OpsError::Read(error),
        LoadError::NoRegistry { .. } => OpsError::NoRegistry,
        LoadError::Limit(exceeded) => exceeded.into(),
        error @ LoadError::Stuck(_) => OpsError::Io(std::io::Error::other(error.to_string())),
    })
}

/// Says which packages their owners advise against; the indexes are in memory by now.
fn warn_of_deprecations(session: &Session<'_>, loaded: &Loaded) -> Result<(), OpsError> {
    for (name, chosen) in &loaded.chosen {
        let index = session.block_on(async { Ok(chosen.registry.find(name).await?) })?;
        let Some(deprecated) = index.as_ref().and_then(|index| index.deprecated.as_ref()) else {
            continue;
        };
        let replacement = deprecated.replacement.as_ref();
        let warning = advice::deprecated(name, &deprecated.reason, replacement);
        session.reporter.warn(warning);
    }
    Ok(())
}

/// Says which packages come from another registry than before: perhaps from another author, too.
fn warn_of_moves(session: &Session<'_>, old: &Lockfile, new: &Lockfile) {
    for (name, package) in &new.packages {
        let before = old.packages.get(name).map(|before| &before.source);
        if let (Some(LockedSource::Registry(before)), LockedSource::Registry(now)) =
            (before, &package.source)
            && before != now
        {
            let what = format!("`{name}` comes from the registry `{now}` now, not from `{before}`");
            let hint = format!(
                "if that is not meant, name the registry: `{name} = {{ version = \"…\", registry = \"{before}\" }}`"
            );
            session.reporter.warn(Problem::warning(what).hint(hint));
        }
    }
}

/// Says whose packages were taken from them, where nobody here knew them before.
fn warn_of_overrides(session: &Session<'_>, loaded: &Loaded) {
    let overrides = loaded
        .chosen
        .iter()
        .filter_map(|(name, chosen)| chosen.registry.first_seen_override(name));
    // A scope has one owner for all of its packages.
    let overrides: BTreeMap<String, Override> = overrides.map(|by| (by.name.clone(), by)).collect();
    for by in overrides.values() {
        session.reporter.warn(advice::overridden(by));
    }
}

fn warn_of_yanks(session: &Session<'_>, loaded: &Loaded) {
    for (name, resolved) in &loaded.resolution.packages {
        let versions = loaded
            .catalog
            .packages
            .get(name)
            .into_iter()
            .flat_map(|package| &package.versions);
        let yanked = versions
            .filter(|version| version.version == resolved.version)
            .find_map(|v| v.yanked.as_deref());
        if let Some(reason) = yanked {
            let warning = advice::yanked(name, &resolved.version, reason);
            session.reporter.warn(warning);
        }
    }
}

fn lock(
    session: &Session<'_>,
    project: &Project,
    inputs: &Inputs,
    loaded: &Loaded,
) -> Result<Lockfile, OpsError> {
    let mut lock = Lockfile::default();
    for (name, resolved) in &loaded.resolution.packages {
        let dependencies: Vec<PackageName> = resolved.dependencies.iter().cloned().collect();
        let features: Vec<String> = resolved.features.iter().cloned().collect();
        let package = if let Some(local) = inputs.locals.get(name) {
            local_entry(project, local, dependencies, features)
        } else if let Some(package) = inputs.git.get(name) {
            let source = LockedSource::Git {
                url: git::without_credentials(&package.url),
                reference: package.reference.clone(),
                commit: package.checkout.commit.clone(),
            };
            let packed = pack_folder(&package.dir)?;
            let mut package = entry(resolved.version.clone(), source, dependencies, features);
            package.size = Some(packed.tar.len() as u64);
            package.checksum = Some(fetch::insert_folder(&*session.store()?, &packed)?);
            package
        } else if let Some(chosen) = loaded.chosen.get(name) {
            let registry = &chosen.registry;
            let locked = LockedRegistry {
                origin: registry
                    .location()
                    .and_then(lumen_registry::Location::origin),
                trust: registry.trusted(),
            };
            lock.registries.insert(registry.name().to_owned(), locked);
            let mut package =
                registry_entry(chosen, resolved.version.clone(), dependencies, features);
            let owners = registry.owners_seen(name);
            package.owners = owners.map(|note| note.seq);
            package.owners_note = owners.map(|note| note.hash);
            package
        } else {
            continue;
        };
        lock.packages.insert(name.clone(), package);
    }
    // Every local package is in the lock, so that a change in any of them is noticed.
    for (name, local) in &inputs.locals {
        let mut dependencies: Vec<PackageName> = inputs::needs(project, local)
            .map(|(name, _)| name.clone())
            .collect();
        dependencies
            .retain(|name| lock.packages.contains_key(name) || inputs.locals.contains_key(name));
        dependencies.dedup();
        let known = lock
            .packages
            .get(name)
            .map(|package| package.features.clone())
            .unwrap_or_default();
        lock.packages.insert(
            name.clone(),
            local_entry(project, local, dependencies, known),
        );
    }
    Ok(lock)
}

fn entry(
    version: Version,
    source: LockedSource,
    dependencies: Vec<PackageName>,
    features: Vec<String>,
) -> LockedPackage {
    LockedPackage {
        version,
        source,
        checksum: None,
        size: None,
        compressed: None,
        metadata: None,
        owners: None,
        owners_note: None,
        dependencies,
        features,
        requires: Vec::new(),
    }
}

fn local_entry(
    project: &Project,
    local: &LocalPackage,
    dependencies: Vec<PackageName>,
    features: Vec<String>,
) -> LockedPackage {
    let version = local
        .manifest
        .package
        .as_ref()
        .map_or(Version::new(0, 0, 0), |package| package.version.clone());
    let mut package = entry(version, inputs::source_of(local), dependencies, features);
    package.requires = inputs::lock_requires(project, local);
    package
}

fn registry_entry(
    chosen: &Chosen,
    version: Version,
    dependencies: Vec<PackageName>,
    features: Vec<String>,
) -> LockedPackage {
    let source = LockedSource::Registry(chosen.registry.name().to_owned());
    let artifacts = &chosen.summary.artifacts;
    let compressed = artifacts
        .iter()
        .find(|artifact| artifact.kind == ArtifactKind::TarZst.as_str() && artifact.key().is_ok());
    let mut package = entry(version, source, dependencies, features);
    package.checksum = artifacts.first().map(|artifact| artifact.hash);
    package.size = artifacts.first().map(|artifact| artifact.size);
    package.compressed = compressed.map(|artifact| Compressed {
        hash: artifact.hash,
        size: artifact.size,
    });
    package.metadata = chosen.summary.metadata;
    package
}

fn pack_folder(dir: &std::path::Path) -> Result<pack::Packed, OpsError> {
    // Nothing is published here, so a test key in the repository is no leak.
    let options = PackOptions {
        compress: false,
        is_own: false,
        ..PackOptions::default()
    };
    Ok(pack::pack(dir, &options)?)
}

/// Makes sure that each git package of a lock is in the store and is what its commit has:
/// packed again from the clone, unless that was done on this machine before.
fn restore_git(session: &Session<'_>, lock: &Lockfile) -> Result<(), OpsError> {
    let is_git = |package: &LockedPackage| matches!(package.source, LockedSource::Git { .. });
    if !lock.packages.values().any(is_git) {
        return Ok(());
    }
    let store = session.store()?;
    let mut memory = Memory::read(&session.environment.home)?;
    for (name, package) in &lock.packages {
        let (Some(fact), Some(checksum)) = (Fact::git(name, package), package.checksum) else {
            continue;
        };
        let is_there = store.get(&checksum, Check::Quick)?.is_some();
        if is_there && memory.has(&fact) {
            continue;
        }
        match restore(session, &store, name, package) {
            // Who is offline cannot get it, and has it.
            Err(OpsError::Git(GitError::Offline { .. })) if is_there => continue,
            restored => restored?,
        }
        memory.add(fact);
    }
    proof::save(session, &mut memory);
    Ok(())
}

/// Packs a git package of a lock from the clone, and puts it into the store.
fn restore(
    session: &Session<'_>,
    store: &Store,
    name: &PackageName,
    package: &LockedPackage,
) -> Result<(), OpsError> {
    let LockedSource::Git {
        url,
        reference,
        commit,
    } = &package.source
    else {
        return Ok(());
    };
    let home = &session.environment.home;
    let settings = session.settings()?;
    let ca_file = settings.http.ca_file.as_deref();
    let authorities = git::authorities(home, ca_file, url)?;
    let place = Place {
        home,
        authorities: authorities.as_deref(),
        offline: session.is_offline(),
        netrc: session.may_use_netrc(url),
        limits: session.settings()?.limits,
    };
    let checkout = git::checkout(&place, url, reference, Some(commit))?;
    let dir = inputs::folder_of(&checkout.dir, name)?.ok_or_else(|| OpsError::GitPackage {
        name: name.clone(),
        url: url.clone(),
    })?;
    let packed = pack_folder(&dir)?;
    if let Some(checksum) = package.checksum.filter(|locked| *locked != packed.digest) {
        let what = format!(
            "`{name}` at commit {commit} packs to {}, but the lock says {checksum}",
            packed.digest
        );
        return Err(OpsError::user(
            what,
            format!("run `lumen pkg update {name}` if this change is expected"),
        ));
    }
    fetch::insert_folder(store, &packed)?;
    Ok(())
}
