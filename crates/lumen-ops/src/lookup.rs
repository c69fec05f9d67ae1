//! A package in its registry, and the error when it is not there.

use lumen_core::{
    PackageName, Version,
    index::PackageIndex,
    lockfile::LockedSource,
    problem,
    resolve::{Request, is_old_enough},
    trust::text::time_of,
    version,
};
use lumen_registry::Registry;
use lumen_store::project::Project;

use crate::{
    error::{NoVersion, OpsError},
    session::Session,
};

/// The limits on the age of releases: that of the command line, and those of all policies.
///
/// # Errors
/// When the settings cannot be read.
pub(crate) fn age_limits(
    session: &Session<'_>,
    exclude_newer: Option<i64>,
) -> Result<Request, OpsError> {
    Ok(Request {
        exclude_newer,
        minimum_ages: session.settings()?.minimum_ages.clone(),
        now: session.now(),
        ..Request::default()
    })
}

/// The newest version that may be chosen, or why there is none.
///
/// # Errors
/// When the registry cannot be read.
pub(crate) fn newest(
    session: &Session<'_>,
    registry: &Registry,
    index: &PackageIndex,
    exclude_newer: Option<i64>,
) -> Result<Result<Version, NoVersion>, OpsError> {
    let ages = age_limits(session, exclude_newer)?;
    let limits = ages.age_limits();
    let released = session.block_on(async { Ok(registry.released(index, &limits).await?) })?;
    let name = &index.name;
    let since = |version: &Version| ages.since(name, version, released.get(version));
    let newest = version::latest(&index.versions, |version| {
        index.is_yanked(version) || !is_old_enough(&ages, name, version, since(version))
    });
    if let Some(newest) = newest {
        return Ok(Ok(newest.clone()));
    }
    let usable = index.versions.iter().filter(|v| !index.is_yanked(v));
    let eligible = usable.filter_map(|version| {
        let least = ages.minimum_age(name, version)?;
        Some((since(version)?.saturating_add_unsigned(least), version))
    });
    let eligible = eligible.min().filter(|_| exclude_newer.is_none());
    Ok(Err(NoVersion {
        name: name.clone(),
        limit: match exclude_newer {
            Some(_) => Some("--exclude-newer"),
            None if ages.minimum_ages.is_empty() => None,
            None => Some("minimum-release-age"),
        },
        eligible: eligible.map(|(at, version)| {
            let day = time_of(at).chars().take("2026-01-31".len()).collect();
            (version.clone(), day)
        }),
    }))
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

/// The error for a version that a package does not have, with one that is close.
pub fn no_such_version(index: &PackageIndex, version: Version) -> OpsError {
    let known: Vec<String> = index.versions.iter().map(ToString::to_string).collect();
    let nearest = problem::nearest(&version.to_string(), known.iter().map(String::as_str));
    OpsError::NoSuchRelease {
        name: index.name.clone(),
        nearest: nearest.map(str::to_owned),
        version: Some(version),
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
