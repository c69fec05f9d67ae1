//! From manifests to a lock: keeps the lock where it still fits, resolves where it does not.

mod changes;
mod lock;
mod merge;
mod restore;
mod warn;

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Constraint, Digest, PackageName, Requirement,
    explain::{Story, explain},
    index::ReleaseSummary,
    lockfile::{LockedPackage, LockedSource, Lockfile},
    problem::Problem,
    resolve::{Catalog, Order, Origin, Request, Root},
};
use lumen_registry::{
    StorageError,
    loader::{self, LoadError, Loaded, Routes},
    progress::Progress,
};
use lumen_store::project::{LocalPackage, Project};

pub use self::{changes::Changes, lock::write_lock};
pub(crate) use self::{lock::check_writes, restore::restore_git, warn::warn_of_misfit};
use self::{
    lock::lock,
    merge::tell_merge,
    warn::{
        name_the_registry, warn_of_deprecations, warn_of_idle_patches, warn_of_moves,
        warn_of_overrides, warn_of_unusable, warn_of_yanks,
    },
};
use crate::{
    error::OpsError,
    inputs::{self, GitOptions, Inputs},
    locked,
    members::Dev,
    session::Session,
    settings::DEFAULT,
    stale::Wanted,
    workspace::locks,
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
    /// What the user asks of versions, beside the manifests.
    pub precise: BTreeMap<PackageName, Constraint>,
    /// What `add` wants to write into a manifest: only changes the advice about a conflict.
    pub proposed: Option<Proposed>,
    /// Whether what is needed for development is installed; it is in the lock in any case.
    pub dev: Dev,
}

/// New constraints that no manifest has yet.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The package whose manifest they are for, if it has a name.
    pub package: Option<PackageName>,
    /// What they are about.
    pub names: BTreeSet<PackageName>,
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
            && self.dev == Dev::With
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

/// Makes a lock that fits the project's manifests.
///
/// # Errors
/// When the lock may not change but must, no versions fit, or something cannot be read.
pub fn run(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
) -> Result<Resolved, OpsError> {
    session.bind_to_lock();
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let locals = project.local_packages()?;
    if project.merge.is_some() {
        if options.locked {
            return Err(OpsError::Locked {
                reason: "has the markers of a merge conflict".into(),
            });
        }
    } else if options.unlock == Unlock::Nothing {
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
                let kept = "the lock: it fits the manifests".to_owned();
                session.context.reporter.detail("Kept", kept);
                let lock = old.cloned().unwrap_or_default();
                restore_git(session, &lock)?;
                warn_of_idle_patches(session, project, &lock);
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
            Some(Some(reason)) => {
                let why = format!("again: the lock is out of date: {reason}");
                session.context.reporter.detail("Resolving", why);
            }
            None => {
                let why = "all versions: there is no lock".to_owned();
                session.context.reporter.detail("Resolving", why);
            }
        }
    }
    afresh(session, project, options)
}

/// Makes a lock that fits the project's manifests, whether or not there is one that does.
///
/// # Errors
/// When no versions fit, or something cannot be read.
pub(crate) fn afresh(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
) -> Result<Resolved, OpsError> {
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let unlock = unlocked(options, old);
    match solve(session, project, options, unlock.clone(), None) {
        Err(error) if session.context.options.stale_if_error && !session.is_offline() => {
            let Some(host) = error.storage().filter(|host| host.is_outage()) else {
                return Err(error);
            };
            go_on_offline(session, host);
            solve(session, project, options, unlock, None)
        }
        solved => solved,
    }
}

/// The packages that may move.
fn unlocked(options: &ResolveOptions, old: Option<&Lockfile>) -> BTreeSet<PackageName> {
    match (&options.unlock, old) {
        (Unlock::Nothing, _) | (Unlock::All, None) => BTreeSet::new(),
        (Unlock::All, Some(lock)) => lock.packages.keys().cloned().collect(),
        (Unlock::Names(names), _) => names.clone(),
    }
}

/// Goes on without the network, and says so.
pub(crate) fn go_on_offline(session: &Session<'_>, host: &StorageError) {
    let outage = Problem::warning(host.to_string());
    let outage = outage.hint("going on without the network, with what is in the cache");
    session.context.reporter.warn(outage);
    session.go_offline();
}

/// Without the network, a lock of versions whose archives are on this machine, where there is
/// one: a newer version may be known that was never downloaded. Where there is none, the lock
/// stays as it is.
///
/// # Errors
/// When the disk fails.
pub(crate) fn with_what_is_here(
    session: &Session<'_>,
    project: &Project,
    resolved: Resolved,
    options: &ResolveOptions,
) -> Result<Resolved, OpsError> {
    if !session.is_offline() || !resolved.fresh {
        return Ok(resolved);
    }
    let here = session.store()?.identities()?;
    let is_here = |package: &LockedPackage| {
        let is_from_registry = matches!(package.source, LockedSource::Registry(_));
        !is_from_registry
            || package
                .checksum
                .is_none_or(|archive| here.contains(&archive))
    };
    if resolved.lock.packages.values().all(is_here) {
        return Ok(resolved);
    }
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let unlock = unlocked(options, old);
    let Ok(other) = solve(session, project, options, unlock, Some(here)) else {
        return Ok(resolved);
    };
    let version = |lock: &Lockfile, name| Some(lock.packages.get(name)?.version.to_string());
    let instead = resolved.lock.packages.keys().filter_map(|name| {
        let (wish, found) = (version(&resolved.lock, name)?, version(&other.lock, name)?);
        (wish != found).then(|| format!("`{name}` {found}, not {wish}"))
    });
    let instead: Vec<String> = instead.collect();
    if instead.is_empty() {
        return Ok(resolved);
    }
    let what = format!(
        "without the network, versions that were downloaded before are used: {}",
        instead.join(", ")
    );
    session.context.reporter.warn(Problem::warning(what));
    Ok(other)
}

/// Resolves again. `here`: only these archives can be had; what there is to say was said before.
fn solve(
    session: &Session<'_>,
    project: &Project,
    options: &ResolveOptions,
    unlock: BTreeSet<PackageName>,
    here: Option<BTreeSet<Digest>>,
) -> Result<Resolved, OpsError> {
    let is_again = here.is_some();
    let old = project.lock.as_ref().map(|(lock, _)| lock);
    let settings = session.settings()?;
    let bound = locks(project);
    let git = GitOptions {
        home: &session.context.environment.home,
        surroundings: session.context.surroundings(),
        variables: &session.context.environment.variables,
        ca_file: settings.http.ca_file.as_deref(),
        offline: session.is_offline(),
        netrc: &|url| session.may_use_netrc(url),
        locks: &bound,
        unlock: &unlock,
        limits: settings.limits,
    };
    let inputs = Inputs::gather(
        project,
        project.local_packages()?.clone(),
        &git,
        session.context.reporter,
    )?;
    let asked = options.precise.iter().map(|(name, constraint)| Root {
        origin: Origin::CommandLine,
        requirements: vec![Requirement {
            default_features: false,
            ..Requirement::new(name.clone(), constraint.clone())
        }],
        ..Root::default()
    });
    let mut request = request(session, options, &inputs, old, unlock.clone());
    request.here = here;
    request.limits = settings.limits;
    if let Some(proposed) = &options.proposed {
        let mine = |root: &&mut Root| match (&root.origin, &proposed.package) {
            (Origin::Member(name), Some(package)) => name == package.as_str(),
            (origin, _) => *origin == Origin::Project,
        };
        if let Some(root) = request.roots.iter_mut().find(mine) {
            root.proposed.clone_from(&proposed.names);
        }
    }
    request.roots.extend(asked);
    request.minimum_ages.clone_from(&settings.minimum_ages);
    if let (Some(merge), Some(both)) = (&project.merge, old) {
        let others = merge.others(both);
        request.also_locked = others
            .map(|(name, version)| (name.clone(), version.clone()))
            .collect();
    }
    let locked = old.into_iter().flat_map(|lock| &lock.packages);
    let locked = locked.filter_map(|(name, package)| match &package.source {
        LockedSource::Registry(registry) if !unlock.contains(name) => Some((name, registry)),
        _ => None,
    });
    let routes = routes(session, &inputs, locked)?;
    let loaded = load(session, &routes, &inputs, &request, old)?;
    inputs.refuse_mixed(project, &loaded.resolution)?;
    for lock in &bound {
        locked::confirm(session, lock, &loaded)?;
    }
    if !is_again {
        warn_of_yanks(session, &loaded);
        warn_of_unusable(session, &loaded);
        warn_of_deprecations(session, &loaded)?;
        warn_of_overrides(session, &loaded);
    }
    let lock = lock(session, project, &inputs, &loaded)?;
    if let Some(merge) = &project.merge {
        merge.check(&lock)?;
    }
    if !is_again {
        if let Some(old) = old {
            warn_of_moves(session, old, &lock);
        }
        if let Some(merge) = &project.merge {
            tell_merge(session, merge, &lock);
        }
        warn_of_idle_patches(session, project, &lock);
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
        now: session.now(),
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
    old: Option<&Lockfile>,
) -> Result<Loaded, OpsError> {
    let catalog = inputs.catalog();
    let resolving = Progress::Started {
        verb: "Resolving",
        steps: 0,
    };
    session.context.reporter.report(resolving.into());
    let result =
        session.block_on(async { Ok(loader::load_and_resolve(routes, &catalog, request).await) });
    session.context.reporter.report(Progress::Finished.into());
    session.save_caches();
    result?.map_err(|error| match error {
        LoadError::Conflict { conflict, catalog } => {
            let mut story = explain(&catalog, request, &conflict);
            let moved = old.and_then(|old| moved(old, &catalog, &story));
            if let Some(moved) = moved {
                // Another constraint would take the package of another party.
                story.hints = vec![moved.into()];
            }
            OpsError::Conflict(Box::new(story))
        }
        LoadError::Read { error, .. } => OpsError::Read(error),
        LoadError::NoRegistry { .. } => OpsError::NoRegistry,
        LoadError::Limit(exceeded) => exceeded.into(),
        error => OpsError::Io(std::io::Error::other(error.to_string())),
    })
}

/// What to do where a package of the story is locked from one registry, and another that comes
/// before it has one of that name now.
fn moved(old: &Lockfile, catalog: &Catalog, story: &Story) -> Option<String> {
    old.packages.iter().find_map(|(name, package)| {
        let LockedSource::Registry(before) = &package.source else {
            return None;
        };
        let quoted = format!("`{name}`");
        let now = &catalog.packages.get(name)?.source;
        let is_told = story.causes.iter().any(|cause| cause.contains(&quoted));
        let is_other = now.starts_with("registry `") && *now != format!("registry `{before}`");
        (is_told && is_other).then(|| {
            format!(
                "{quoted} is in {now} now, which comes before `{before}`, where lumen.lock has it from; {}",
                name_the_registry(name, before)
            )
        })
    })
}
