//! Changes of locked releases since the lock was made.
//!
//! An install with a lock reads no index, so it asks the log. An entry there is only a
//! reason to look: the history of the package decides what it means.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName, Version,
    checkpoint::Checkpoint,
    lockfile::{LockedPackage, LockedSource, Lockfile},
    problem::Problem,
    remedy::Remedy,
    trust::{LoggedRelease, PackageHistory},
};
use lumen_registry::{
    Freshness, ReadError, Registry,
    loader::Loaded,
    verify::{TrustError, known::Override},
};

use crate::{advice, error::OpsError, session::Session};

/// Warns of locked releases that were yanked since the lock was made, and fails for those
/// whose key turned out to have been stolen, and for those that moderators block.
///
/// # Errors
/// [`TrustError::RevokedKey`], [`TrustError::Late`], [`TrustError::Blocked`], and when a log is not
/// in order or cannot be read.
pub async fn check(
    session: &Session<'_>,
    lock: &Lockfile,
    registries: &[Registry],
) -> Result<(), OpsError> {
    for registry in registries {
        let trust = lock.registries.get(registry.name());
        let Some(trust) = trust.and_then(|locked| locked.trust.as_ref()) else {
            continue;
        };
        if registry.freshness() == Freshness::Offline {
            continue;
        }
        let is_from = |package: &LockedPackage| match &package.source {
            LockedSource::Registry(name) => name == registry.name(),
            LockedSource::Path(_) | LockedSource::Git { .. } => false,
        };
        let locked: BTreeMap<PackageName, Version> = lock
            .packages
            .iter()
            .filter(|(_, package)| is_from(package))
            .map(|(name, package)| (name.clone(), package.version.clone()))
            .collect();
        // Histories that are at hand say it without a request.
        let size = Checkpoint::of_note(trust.checkpoint.as_bytes()).map_or(0, |then| then.size);
        let mut asked = BTreeMap::new();
        let mut at_hand = BTreeSet::new();
        for (name, version) in locked {
            let Some(history) = registry.history_seen(&name) else {
                asked.insert(name, version);
                continue;
            };
            if let Some(package) = lock.packages.get(&name)
                && said_since(&history, &version, size)
            {
                look(session, registry, &name, package).await?;
            }
            at_hand.insert(name);
        }
        // The entries of the log about them must be in these histories, or something is hidden.
        registry.confirm_since(&trust.checkpoint, &at_hand).await?;
        if asked.is_empty() {
            continue;
        }
        let since = registry.since(&trust.checkpoint, &asked).await?;
        if since.unread > 0 {
            let what = format!(
                "the log has {} entries since lumen.lock was made, too many to look for revoked keys and yanks in them",
                since.unread
            );
            let warning = Problem::warning(what).hint(Remedy::CheckAll);
            session.context.reporter.warn(warning);
        }
        registry.confirm_shown(&since).await?;
        for name in &since.named {
            if let Some(package) = lock.packages.get(name) {
                look(session, registry, name, package).await?;
            }
        }
    }
    Ok(())
}

/// Whether a log says something of a locked release since it had `size` entries.
fn said_since(history: &PackageHistory, version: &Version, size: u64) -> bool {
    let release = history.releases.get(version);
    release.is_none_or(LoggedRelease::is_void)
        || (history.moderation.all.iter()).any(|said| said.said.covers.has(version))
        || history
            .yanked
            .get(version)
            .is_some_and(|yanked| yanked.index >= size)
        || history
            .deprecated
            .as_ref()
            .is_some_and(|deprecated| deprecated.index >= size)
        || history.owners.overrides().any(|(index, _)| *index >= size)
}

/// Checks that the packages for a new lock have all entries of their logs since the old lock
/// was made.
///
/// # Errors
/// When a change of owners, or a statement, is in the log and not in the history shown.
pub fn confirm(session: &Session<'_>, old: &Lockfile, loaded: &Loaded) -> Result<(), OpsError> {
    let mut packages: BTreeMap<&str, (&Registry, BTreeSet<PackageName>)> = BTreeMap::new();
    for (name, chosen) in &loaded.chosen {
        let registry = &chosen.registry;
        let of_registry = packages.entry(registry.name());
        let (_, names) = of_registry.or_insert_with(|| (registry, BTreeSet::new()));
        names.insert(name.clone());
    }
    for (registry, names) in packages.values() {
        let locked = old.registries.get(registry.name());
        let trust = locked.and_then(|locked| locked.trust.as_ref());
        if let Some(trust) = trust.filter(|_| registry.freshness() != Freshness::Offline) {
            session.block_on(async {
                let confirmed = registry.confirm_since(&trust.checkpoint, names).await;
                Ok(confirmed?)
            })?;
        }
    }
    Ok(())
}

async fn look(
    session: &Session<'_>,
    registry: &Registry,
    name: &PackageName,
    package: &LockedPackage,
) -> Result<(), OpsError> {
    let version = &package.version;
    let history = registry.provenance(name).await?;
    let release = history
        .as_ref()
        .and_then(|history| Some((history, history.releases.get(version)?)));
    let Some((history, release)) = release else {
        let what = format!("{name} {version}");
        return Err(ReadError::from(TrustError::Unlogged { what }).into());
    };
    if let Some(void) = TrustError::void(name, version, release) {
        return Err(ReadError::from(void).into());
    }
    if let Some(block) = history.moderation.blocked(version, session.now()) {
        return Err(ReadError::from(TrustError::blocked(name, version, block)).into());
    }
    if let Some(yanked) = history.yanked.get(version) {
        let warning = advice::yanked(name, version, &yanked.reason);
        session.context.reporter.warn(warning);
    }
    if let Some(deprecated) = &history.deprecated {
        let replacement = deprecated.replacement.as_ref();
        let warning = advice::deprecated(name, &deprecated.reason, replacement);
        session.context.reporter.warn(warning);
    }
    // The lock relies on the earlier owners; the user who updates is asked.
    let known = package.owners.unwrap_or(u64::MAX);
    if let Some(by) = Override::after(&history.owners, known) {
        session.context.reporter.warn(advice::overridden(&by));
    }
    Ok(())
}
