//! Warnings about the chosen versions.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    lockfile::{LockedSource, Lockfile},
    problem::Problem,
    resolve::Contents,
};
use lumen_registry::{loader::Loaded, verify::known::Override};

use lumen_store::project::{LocalPackage, Project};

use crate::{advice, error::OpsError, error::Stale, inputs, session::Session};

/// Says that a lock does not fit though no manifest was edited.
pub(crate) fn warn_of_misfit(session: &Session<'_>, reason: &Stale) {
    let what = format!("`lumen.lock` does not fit: {reason}");
    let hint =
        "versions are chosen again where necessary; look at the changes before you commit them";
    session
        .context
        .reporter
        .warn(Problem::warning(what).hint(hint));
}

/// Says which patches replace nothing: those that nothing needs, and those of a member.
pub(super) fn warn_of_idle_patches(session: &Session<'_>, project: &Project, lock: &Lockfile) {
    let mut warnings = Vec::new();
    for member in &project.members {
        if member.dir == project.root {
            continue;
        }
        if let Some(patch) = member.manifest.patches.values().next() {
            let what = format!("[patch] in `{}` has no effect", member.file);
            let hint = "it counts in the root of the workspace only: move it there";
            warnings.push(member.warning(&patch.name_span, what).hint(hint));
        }
    }
    let root = &project.root_package;
    let patches = &root.manifest.patches;
    let named = project.members.iter().filter_map(LocalPackage::name);
    let asked = project.nameless().into_iter();
    let asked = asked.flat_map(|own| inputs::local(project, own).needs());
    let roots: Vec<&PackageName> = named.chain(asked.map(|(name, _)| name)).collect();
    let needed = lock.needed(roots);
    for (name, patch) in patches.iter().filter(|(name, _)| !needed.contains(name)) {
        let what = format!("nothing needs `{name}`, so its patch has no effect");
        let hint = "correct the name, or remove the line";
        warnings.push(root.warning(&patch.name_span, what).hint(hint));
    }
    session.warn(&warnings);
}

/// Says which packages their owners advise against; the indexes are in memory by now.
pub(super) fn warn_of_deprecations(session: &Session<'_>, loaded: &Loaded) -> Result<(), OpsError> {
    for (name, chosen) in &loaded.chosen {
        let index = session.block_on(async { Ok(chosen.registry.find(name).await?) })?;
        let Some(deprecated) = index.as_ref().and_then(|index| index.deprecated.as_ref()) else {
            continue;
        };
        let replacement = deprecated.replacement.as_ref();
        let warning = advice::deprecated(name, &deprecated.reason, replacement);
        session.context.reporter.warn(warning);
    }
    Ok(())
}

/// Says which packages come from another registry than before: perhaps from another author, too.
pub(super) fn warn_of_moves(session: &Session<'_>, old: &Lockfile, new: &Lockfile) {
    for (name, package) in &new.packages {
        let before = old.packages.get(name).map(|before| &before.source);
        if let (Some(LockedSource::Registry(before)), LockedSource::Registry(now)) =
            (before, &package.source)
            && before != now
        {
            let what = format!("`{name}` comes from the registry `{now}` now, not from `{before}`");
            let hint = name_the_registry(name, before);
            session
                .context
                .reporter
                .warn(Problem::warning(what).hint(hint));
        }
    }
}

/// What to do where a package comes from another registry than the one before.
pub(super) fn name_the_registry(name: &PackageName, before: &str) -> String {
    format!(
        "if that is not meant, name the registry: `{name} = {{ version = \"…\", registry = \"{before}\" }}`"
    )
}

/// Warns of packages whose owners the registry replaced, if this machine did not know them before.
pub(super) fn warn_of_overrides(session: &Session<'_>, loaded: &Loaded) {
    let overrides = loaded
        .chosen
        .iter()
        .filter_map(|(name, chosen)| chosen.registry.first_seen_override(name));
    // A scope has one owner for all of its packages.
    let overrides: BTreeMap<String, Override> = overrides.map(|by| (by.name.clone(), by)).collect();
    for by in overrides.values() {
        session.context.reporter.warn(advice::overridden(by));
    }
}

/// Says which newer versions were passed over, since what the registry has of them cannot be used.
pub(super) fn warn_of_unusable(session: &Session<'_>, loaded: &Loaded) {
    for (name, resolved) in &loaded.resolution.packages {
        let package = loaded.catalog.packages.get(name);
        let versions = package.into_iter().flat_map(|package| &package.versions);
        let newer = versions.filter(|v| v.version > resolved.version && v.yanked.is_none());
        let unusable = newer.filter_map(|v| match &v.contents {
            Contents::Unavailable(reason) => Some((&v.version, reason)),
            _ => None,
        });
        if let Some((version, reason)) = unusable.max_by_key(|(version, _)| *version) {
            let what = format!("`{name}` {version} cannot be used: {reason}");
            let hint = format!("{} was chosen in its place", resolved.version);
            session
                .context
                .reporter
                .warn(Problem::warning(what).hint(hint));
        }
    }
}

pub(super) fn warn_of_yanks(session: &Session<'_>, loaded: &Loaded) {
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
            session.context.reporter.warn(warning);
        }
    }
}
