//! A package in its registry, and the error when it is not there.

use lumen_core::{
    PackageName, Version, index::PackageIndex, lockfile::LockedSource, problem, version,
};
use lumen_registry::Registry;
use lumen_store::project::Project;

use crate::{error::OpsError, session::Session};

/// The newest version that may be chosen.
///
/// # Errors
/// When the registry cannot be read.
pub(crate) fn newest(
    session: &Session<'_>,
    registry: &Registry,
    index: &PackageIndex,
    exclude_newer: Option<i64>,
) -> Result<Option<Version>, OpsError> {
    let limits = Vec::from_iter(exclude_newer);
    let released = session.block_on(async { Ok(registry.released(index, &limits).await?) })?;
    let newest = version::latest(&index.versions, |version| {
        let since = released.get(version).map(|bounds| bounds.since);
        let is_new = |limit| since.is_none_or(|since| since > limit);
        index.is_yanked(version) || exclude_newer.is_some_and(is_new)
    });
    Ok(newest.cloned())
}

/// Reads a package index.
///
/// # Errors
/// When the registry cannot be read.
pub fn package_index(
    session: &Session<'_>,
    registry: &Registry,
    name: &PackageName,
) -> Result<Option<std::sync::Arc<PackageIndex>>, OpsError> {
    session.block_on(async { Ok(registry.find(name).await?) })
}

/// The error for a package that a registry does not have, with a name that is close.
pub fn no_such_package(session: &Session<'_>, registry: &Registry, name: &PackageName) -> OpsError {
    let global = session.block_on(async { Ok(registry.global_index().await?) });
    let names = global
        .ok()
        .flatten()
        .map(|index| index.packages)
        .unwrap_or_default();
    let nearest = problem::nearest(name.as_str(), names.iter().map(|entry| entry.name.as_str()));
    OpsError::NoSuchRelease {
        name: name.clone(),
        version: None,
        nearest: nearest.map(str::to_owned),
    }
}

/// Registry packages of a lock and the name of the registry each comes from.
pub fn registry_packages(project: &Project) -> Vec<(PackageName, Version, String)> {
    let packages = project.lock.iter().flat_map(|(lock, _)| &lock.packages);
    let from_registry = packages.filter_map(|(name, package)| match &package.source {
        LockedSource::Registry(registry) => {
            Some((name.clone(), package.version.clone(), registry.clone()))
        }
        _ => None,
    });
    from_registry.collect()
}
