//! `lumen pkg outdated`: which locked packages have newer versions.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Constraint, PackageName, Version, index::Deprecation, manifest::DependencySource, version,
};
use lumen_registry::Registry;

use crate::{error::OpsError, graph, lookup, session::Session};

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

/// Compares the lock with the registries.
///
/// # Errors
/// When there is no lock, or a registry cannot be read.
pub fn outdated(session: &Session<'_>) -> Result<Vec<Outdated>, OpsError> {
    let project = session.project()?;
    graph::lock(&project)?;
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
    let locked = lookup::registry_packages(&project);
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
