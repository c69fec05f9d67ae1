//! `lumen pkg info`, `search` and `outdated`: questions to a registry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Constraint, PackageName, Version,
    index::{Deprecation, GlobalIndex, PackageEntry, PackageIndex, Release},
    manifest::DependencySource,
    problem, version,
};
use lumen_registry::{Registry, search};

use crate::{
    advice,
    edit::{self, no_such_package, package_index},
    error::OpsError,
    session::Session,
    settings::DEFAULT,
};

/// What a registry knows about a package.
#[derive(Debug)]
pub struct Info {
    /// Where it was asked.
    pub registry: String,
    /// All releases.
    pub index: Arc<PackageIndex>,
    /// The release asked for, else the latest; none when there is no latest.
    pub release: Option<Release>,
}

/// A dependency and the newer versions there are.
#[derive(Debug, Clone)]
pub struct Outdated {
    /// The package.
    pub name: PackageName,
    /// The locked version.
    pub current: Version,
    /// The newest that the project's constraints accept.
    pub wanted: Option<Version>,
    /// The newest there is.
    pub latest: Option<Version>,
    /// Whether a manifest of the project asks for it.
    pub direct: bool,
    /// Why the locked version was yanked, if it was.
    pub yanked: Option<String>,
    /// Whether its owners advise against the package.
    pub deprecated: Option<Deprecation>,
}

/// Looks a package up: `name`, or `name@version`.
///
/// # Errors
/// When there is no such package or version, or the registry cannot be read.
pub fn info(session: &Session<'_>, text: &str) -> Result<Info, OpsError> {
    let (name, version) = match edit::parse_release(text) {
        Ok((name, version)) => (name, Some(version)),
        Err(_) if !text.chars().skip(1).any(|c| c == '@') => (edit::parse_name(text)?, None),
        Err(error) => return Err(error),
    };
    let registry = session.registry_for(&name)?;
    let index = package_index(session, &registry, &name)?
        .ok_or_else(|| no_such_package(session, &registry, &name))?;
    if let Some(version) = version
        .as_ref()
        .filter(|version| !index.versions.contains(version))
    {
        let known: Vec<String> = index.versions.iter().map(ToString::to_string).collect();
        let nearest = problem::nearest(&version.to_string(), known.iter().map(String::as_str))
            .map(str::to_owned);
        return Err(OpsError::NoSuchRelease {
            name,
            version: Some(version.clone()),
            nearest,
        });
    }
    let latest = || version::latest(&index.versions, |version| index.is_yanked(version)).cloned();
    let release = match version.or_else(latest) {
        Some(version) => {
            let expected = index
                .releases
                .get(&version)
                .and_then(|release| release.metadata);
            session
                .block_on(async { Ok(registry.release(&name, &version, expected).await?) })?
                .map(|(release, _)| release)
        }
        None => None,
    };
    session.save_caches();
    if let Some(by) = registry.first_seen_override(&name) {
        session.reporter.warn(advice::overridden(&by));
    }
    let location = registry
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    Ok(Info {
        registry: location,
        index,
        release,
    })
}

/// Searches names and descriptions; best first.
///
/// # Errors
/// When the registry cannot be read.
pub fn search(
    session: &Session<'_>,
    words: &[String],
    limit: usize,
) -> Result<Vec<PackageEntry>, OpsError> {
    let upstreams = session.settings()?.upstreams.clone();
    let mut all: Option<GlobalIndex> = None;
    for name in [DEFAULT.to_owned()].iter().chain(&upstreams) {
        let registry = session.registry(name)?;
        let index = session.block_on(async {
            let index = registry.global_index().await?;
            if index.is_none() {
                registry.exists().await?;
            }
            Ok(index)
        })?;
        match (&mut all, index) {
            (Some(all), Some(index)) => add_missing(all, index),
            (all, index) => *all = all.take().or(index),
        }
    }
    session.save_caches();
    let Some(index) = all else {
        return Ok(Vec::new());
    };
    Ok(search::search(&index, &words.join(" "))
        .into_iter()
        .take(limit)
        .map(|hit| hit.package.clone())
        .collect())
}

/// Adds the packages of a registry that those asked before it do not have.
fn add_missing(all: &mut GlobalIndex, index: GlobalIndex) {
    let known: BTreeSet<PackageName> = all
        .packages
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    let new = index.packages.into_iter();
    all.packages
        .extend(new.filter(|entry| !known.contains(&entry.name)));
}

/// Compares the lock with the registries.
///
/// # Errors
/// When there is no lock, or a registry cannot be read.
pub fn outdated(session: &Session<'_>) -> Result<Vec<Outdated>, OpsError> {
    let project = session.project()?;
    if project.lock.is_none() {
        return Err(OpsError::user(
            "there is no `lumen.lock` yet",
            "run `lumen pkg install` first",
        ));
    }
    let mut constraints: BTreeMap<&PackageName, Vec<&Constraint>> = BTreeMap::new();
    for member in &project.members {
        for (name, dependency) in member
            .manifest
            .dependencies
            .iter()
            .chain(&member.manifest.dev_dependencies)
        {
            if let DependencySource::Registry { constraint, .. } = &dependency.source {
                constraints.entry(name).or_default().push(constraint);
            }
        }
    }
    let locked = edit::registry_packages(&project);
    let requests = locked
        .into_iter()
        .map(|(name, version, registry)| Ok((session.registry(&registry)?, name, version)))
        .collect::<Result<Vec<(Registry, PackageName, Version)>, OpsError>>()?;
    let answers = session.block_on(async {
        let ask = |(registry, name, version): (Registry, PackageName, Version)| async move {
            let index = registry.find(&name).await?;
            Ok::<_, OpsError>((name, version, index))
        };
        stream::iter(requests.into_iter().map(ask))
            .buffered(64)
            .try_collect::<Vec<_>>()
            .await
    })?;
    session.save_caches();
    let mut rows = Vec::new();
    for (name, current, index) in answers {
        let Some(index) = index else { continue };
        let asked = constraints.get(&name);
        let accepted = |version: &Version| {
            asked.is_none_or(|all| all.iter().all(|constraint| constraint.matches(version)))
        };
        let usable = |version: &&Version| accepted(version) && !index.is_yanked(version);
        let wanted = match asked {
            Some(_) => index.versions.iter().filter(usable).max().cloned(),
            None => None,
        };
        let latest = version::latest(&index.versions, |version| index.is_yanked(version)).cloned();
        let yanked = index
            .yank_reason(&current)
            .map(|reason| reason.unwrap_or_default().to_owned());
        let newer =
            |version: &Option<Version>| version.as_ref().is_some_and(|version| *version > current);
        if newer(&wanted) || newer(&latest) || yanked.is_some() || index.deprecated.is_some() {
            rows.push(Outdated {
                direct: asked.is_some(),
                name,
                current,
                wanted,
                latest,
                yanked,
                deprecated: index.deprecated.clone(),
            });
        }
    }
    Ok(rows)
}
