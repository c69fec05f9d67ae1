//! A lock put on the state of a registry that the user accepted, such as one from a backup.

use lumen_core::{
    PackageName, Version,
    index::Release,
    lockfile::{LockedSource, LockedTrust, Lockfile},
    plan,
    problem::Problem,
    remedy::Remedy,
    trust::Subject,
};
use lumen_registry::{Freshness, ReadError, Registry, RegistryOptions, verify::TrustOptions};
use lumen_store::project::{LOCKFILE, Project};

use super::trust::{Accepted, location};
use crate::{
    error::{InputError, OpsError},
    resolve::write_lock,
    session::Session,
};

/// What a lock has of an accepted registry now.
#[derive(Debug)]
pub struct Anchored {
    /// The packages that come from there; the hashes of their archives stay.
    pub packages: usize,
    /// Entries of the log that the lock relies on.
    pub size: u64,
    /// Those that the registry lacks, or has with other bytes.
    pub differing: Vec<(PackageName, Version)>,
}

/// Puts the lock of the project on the state of a registry that was just accepted: root,
/// checkpoint and owners. Versions and archives stay, so a release must come back with the
/// bytes that it had.
///
/// # Errors
/// When the project has no lock with packages from there, or the registry cannot be read.
pub fn lock(
    session: &Session<'_>,
    registry: &str,
    accepted: &Accepted,
) -> Result<Anchored, OpsError> {
    let (project, _lock) = session.locked_project(false)?;
    let mut lock = readable(&project)?;
    let nothing = || InputError::NotLocked(accepted.now.url.clone());
    let names: Vec<String> = lock
        .registries
        .iter()
        .filter(|(name, locked)| {
            let is_there = || {
                let place = session.location(name);
                place.is_ok_and(|place| place.url() == accepted.now.url)
            };
            let trust = locked.trust.as_ref();
            trust.is_some_and(|trust| trust.root == accepted.now.root || is_there())
        })
        .map(|(name, _)| name.clone())
        .collect();
    if names.is_empty() {
        return Err(nothing().into());
    }
    let opened = open(session, registry)?;
    let info = session.block_on(async { Ok(opened.trust().await?) })?;
    let info = info.ok_or_else(nothing)?;
    for name in &names {
        if let Some(locked) = lock.registries.get_mut(name) {
            locked.trust = Some(LockedTrust {
                root: info.fingerprint,
                checkpoint: info.checkpoint.clone(),
                root_note: Some(info.root_note),
            });
        }
    }
    let (mut packages, mut differing) = (0, Vec::new());
    for (name, package) in &mut lock.packages {
        if !matches!(&package.source, LockedSource::Registry(from) if names.contains(from)) {
            continue;
        }
        packages += 1;
        let (owners, release) = session.block_on(async {
            let owners = opened.owners(&Subject::owner_of(name)).await?;
            Ok((owners, opened.release(name, &package.version, None).await?))
        })?;
        let note = owners.and_then(|owners| owners.newest());
        package.owners = note.map(|note| note.seq);
        package.owners_note = note.map(|note| note.hash);
        let archive = |release: &Release| release.artifacts.first().map(|tar| tar.hash);
        let (what, remedy) = match release {
            // Published again, with the same bytes and at another time.
            Some((release, digest)) if archive(&release) == package.checksum => {
                package.metadata = package.metadata.map(|_| digest);
                package.compressed = plan::compressed(&release.artifacts);
                package.source_commit = release.source;
                continue;
            }
            Some(_) => (
                "has other bytes in the registry",
                Remedy::Update(name.clone()),
            ),
            None => ("is not in the registry", Remedy::PublishAgain(name.clone())),
        };
        let what = format!("`{name}` {} of {LOCKFILE} {what}", package.version);
        session.warn(&[Problem::warning(what).hint(remedy)]);
        differing.push((name.clone(), package.version.clone()));
    }
    write_lock(&project, &lock)?;
    Ok(Anchored {
        packages,
        size: info.size,
        differing,
    })
}

/// The lock of a project; one with conflict markers has to be merged first.
fn readable(project: &Project) -> Result<Lockfile, OpsError> {
    match &project.lock {
        Some((_, text)) => {
            Lockfile::parse(LOCKFILE, text).map_err(|problem| OpsError::Problems(vec![problem]))
        }
        None => Err(InputError::NoLock.into()),
    }
}

/// The registry as this machine accepted it, whatever the lock says.
fn open(session: &Session<'_>, registry: &str) -> Result<Registry, OpsError> {
    let location = location(session, registry)?;
    let options = RegistryOptions {
        freshness: Freshness::Revalidate,
        trust: TrustOptions {
            state_dir: Some(session.context.environment.trust_dir()),
            pin: session.settings()?.pins.of(registry, &location),
            now: session.now(),
            ..TrustOptions::default()
        },
        host: session.host_options(&location)?,
        ..RegistryOptions::default()
    };
    Ok(Registry::open(registry, location, &options).map_err(ReadError::from)?)
}
