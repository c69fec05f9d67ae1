//! From a resolution to a lock.

use lumen_core::{
    PackageName, Version,
    key::ArtifactKind,
    lockfile::{Compressed, LockedPackage, LockedRegistry, LockedSource, Lockfile},
};
use lumen_registry::loader::{Chosen, Loaded};
use lumen_store::{
    pack::{self, PackOptions},
    project::{LOCKFILE, LocalPackage, Project},
};

use crate::{error::OpsError, fetch, git, inputs, inputs::Inputs, session::Session};

pub(super) fn lock(
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

pub(super) fn pack_folder(dir: &std::path::Path) -> Result<pack::Packed, OpsError> {
    // Nothing is published here, so a test key in the repository is no leak.
    let options = PackOptions {
        compress: false,
        is_own: false,
        ..PackOptions::default()
    };
    Ok(pack::pack(dir, &options)?)
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
