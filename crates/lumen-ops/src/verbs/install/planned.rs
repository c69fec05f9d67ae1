//! What an install makes of a lock: the packages and import links that a project shall have.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName,
    lockfile::{LockedSource, Lockfile},
};
use lumen_store::{
    Sources,
    cas::Entry,
    link::{Place, Plan, Planned, Site},
    project::{LocalPackage, Project},
};

use super::unchanged::PART;
use crate::{error::OpsError, inputs, session::Session};

/// What the project shall have, from entries of the store and folders of this machine.
fn planned(
    project: &Project,
    lock: &Lockfile,
    part: Option<&BTreeSet<PackageName>>,
    locals: &BTreeMap<PackageName, LocalPackage>,
    entries: &BTreeMap<PackageName, Entry>,
) -> BTreeMap<PackageName, Planned> {
    let asked_for: BTreeSet<&PackageName> = project
        .members
        .iter()
        .flat_map(|member| inputs::local(project, member).needs())
        .map(|(name, _)| name)
        .collect();
    let is_part = |name: &PackageName| part.is_none_or(|part| part.contains(name));
    let depended: BTreeSet<&PackageName> = lock
        .packages
        .iter()
        .filter(|(name, _)| is_part(name))
        .flat_map(|(_, package)| &package.dependencies)
        .collect();
    let mut packages = BTreeMap::new();
    for (name, locked) in lock.packages.iter().filter(|(name, _)| is_part(name)) {
        let planned = match (&locked.source, entries.get(name)) {
            (LockedSource::Path(_), _) => {
                // Members need no link to themselves unless another one depends on them.
                let needed = depended.contains(name);
                let local = locals.get(name);
                let local = local.filter(|local| needed || !project.is_member(&local.dir));
                let Some(local) = local else { continue };
                Planned {
                    version: locked.version.to_string(),
                    digest: None,
                    target: local.dir.clone(),
                    sources: Sources::find(&local.dir),
                    folder: Some(local.relative.clone()),
                    direct: asked_for.contains(name),
                }
            }
            (_, Some(entry)) => Planned {
                version: locked.version.to_string(),
                digest: locked.checksum,
                target: entry.tree().to_owned(),
                sources: entry.sources(),
                folder: None,
                direct: asked_for.contains(name),
            },
            (_, None) => continue,
        };
        packages.insert(name.clone(), planned);
    }
    packages
}

/// What a lock makes of a project, to compare it with what is there.
///
/// # Errors
/// When a configuration file is invalid.
pub fn plan(
    session: &Session<'_>,
    project: &Project,
    lock: &Lockfile,
    part: Option<&BTreeSet<PackageName>>,
    locals: &BTreeMap<PackageName, LocalPackage>,
    entries: &BTreeMap<PackageName, Entry>,
) -> Result<Plan, OpsError> {
    let mut plan = nothing(session, project, Some(lock))?;
    if let Some(part) = part {
        for site in &mut plan.sites {
            site.packages.retain(|name, _| part.contains(name));
        }
    }
    plan.packages = planned(project, lock, part, locals, entries);
    Ok(plan)
}

/// A plan without packages. With a lock, it says what may be imported where.
///
/// # Errors
/// When a configuration file is invalid.
pub(crate) fn nothing(
    session: &Session<'_>,
    project: &Project,
    lock: Option<&Lockfile>,
) -> Result<Plan, OpsError> {
    let settings = session.settings()?;
    let import_root = settings.import_root.to_string_lossy().replace('\\', "/");
    let own = |member: &LocalPackage| {
        let name = member.name().filter(|_| lock.is_some())?;
        Sources::has_modules(&member.dir).then(|| name.clone())
    };
    // A package without a workspace is its own member.
    let below =
        |member: &&LocalPackage| !member.relative.is_empty() && !member.relative.starts_with("..");
    let sites = project.members.iter().filter(below).map(|member| {
        let chosen = member.manifest.install.import_root.clone();
        Site {
            folder: member.relative.clone(),
            import_root: chosen.unwrap_or_else(|| import_root.clone()),
            packages: lock.map_or_else(BTreeMap::new, |lock| imports(project, member, lock)),
            own: own(member),
        }
    });
    let sites = sites.collect();
    let root = project
        .members
        .iter()
        .find(|member| member.relative.is_empty());
    Ok(Plan {
        mode: settings.link,
        import_root,
        packages: BTreeMap::new(),
        own: root.and_then(own),
        sites,
        facts: BTreeMap::new(),
    })
}

/// The packages of the lock that the last install was about; `None`: all.
///
/// # Errors
/// When the record of it cannot be read.
pub fn installed_part(
    session: &Session<'_>,
    place: Option<&Place>,
) -> Result<Option<BTreeSet<PackageName>>, OpsError> {
    let ledger = session.context.environment.ledger();
    let state = place.map(|place| ledger.load(place)).transpose()?.flatten();
    let names = state.and_then(|mut state| state.facts.remove(PART));
    Ok(names.map(|names| {
        let names = names.split(' ');
        names
            .filter_map(|name| PackageName::parse(name).ok())
            .collect()
    }))
}

/// What a member may import, and whether it asks for it: what it needs, and what that needs,
/// since the compiler takes the modules of packages for the member's own.
fn imports(
    project: &Project,
    member: &LocalPackage,
    lock: &Lockfile,
) -> BTreeMap<PackageName, bool> {
    let needs = inputs::local(project, member).needs();
    let direct: BTreeSet<&PackageName> = needs.map(|(name, _)| name).collect();
    let mut found = BTreeMap::new();
    let mut next: Vec<&PackageName> = direct.iter().copied().collect();
    while let Some(name) = next.pop() {
        let Some(locked) = lock.packages.get(name) else {
            continue;
        };
        // Members that need each other in a circle come round to this one.
        if found.contains_key(name) || member.name() == Some(name) {
            continue;
        }
        found.insert(name.clone(), direct.contains(name));
        next.extend(&locked.dependencies);
    }
    found
}
