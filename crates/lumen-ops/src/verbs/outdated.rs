//! `lumen pkg outdated`: which locked packages have newer versions.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Constraint, PackageName, Version,
    index::Deprecation,
    lockfile::{LockedSource, Lockfile},
    manifest::DependencySource,
    policy::Age,
    resolve::is_old_enough,
    version,
};
use lumen_registry::Registry;

use crate::{error::OpsError, graph, inputs, lookup, members, members::Dev, session::Session};

/// A dependency and the newer versions there are.
#[derive(Debug, Clone)]
pub struct Outdated {
    /// The package.
    pub name: PackageName,
    /// The locked version.
    pub current: Version,
    /// The newest that all constraints on it accept: those of the project and those of the
    /// packages that need it. None where one of these does not say what it needs.
    pub wanted: Option<Version>,
    /// The newest there is.
    pub latest: Option<Version>,
    /// Whether a manifest of the project asks for it.
    pub direct: bool,
    /// Why the locked version was yanked, if it was.
    pub yanked: Option<String>,
    /// Whether its owners advise against the package.
    pub deprecated: Option<Deprecation>,
    /// The newest version that is not old enough for `minimum-release-age`.
    pub held_back: Option<HeldBack>,
}

impl Outdated {
    /// Whether there is something to do now: not where a version is only held back.
    pub fn is_due(&self) -> bool {
        let newer = |version: &Option<Version>| version.as_ref() > Some(&self.current);
        let is_advised = self.yanked.is_some() || self.deprecated.is_some();
        newer(&self.wanted) || newer(&self.latest) || is_advised
    }
}

/// A version that is not old enough yet.
#[derive(Debug, Clone)]
pub struct HeldBack {
    /// The version.
    pub version: Version,
    /// The least age that it must have.
    pub least: Age,
    /// When it has it, in seconds since 1970; `None`: the registry does not say its age.
    pub eligible: Option<i64>,
}

/// What is asked of the versions of each package.
#[derive(Debug, Default)]
struct Asked {
    constraints: BTreeMap<PackageName, Vec<Constraint>>,
    /// Those that a manifest of the project asks for.
    direct: BTreeSet<PackageName>,
    /// Those that packages need of which it is unknown what they ask.
    hidden: BTreeSet<PackageName>,
}

impl Asked {
    fn add(&mut self, name: &PackageName, constraint: &Constraint) {
        let all = self.constraints.entry(name.clone()).or_default();
        all.push(constraint.clone());
    }

    /// Remembers that it is unknown which versions this package of the lock needs.
    fn hide(&mut self, lock: &Lockfile, by: &PackageName) {
        let package = lock.packages.get(by);
        let needs = package
            .into_iter()
            .flat_map(|package| &package.dependencies);
        self.hidden.extend(needs.cloned());
    }

    fn accept(&self, name: &PackageName, version: &Version) -> bool {
        let all = self.constraints.get(name);
        all.is_none_or(|all| all.iter().all(|constraint| constraint.matches(version)))
    }
}

/// Compares the lock with the registries.
///
/// # Errors
/// When there is no lock, or a registry cannot be read.
pub fn outdated(session: &Session<'_>) -> Result<Vec<Outdated>, OpsError> {
    let project = session.project()?;
    let lock = graph::lock(&project)?;
    let locals = project.local_packages()?;
    let chosen = &session.context.options.members;
    let part = members::part(&project, lock, locals, chosen, Dev::With)?;
    let mut asked = Asked::default();
    let nameless = project.nameless();
    for local in locals.values().chain(nameless) {
        for (name, dependency) in inputs::local(&project, local).needs() {
            if let DependencySource::Registry { constraint, .. } = &dependency.source {
                asked.direct.insert(name.clone());
                asked.add(name, constraint);
            }
        }
    }
    let locked = lookup::registry_packages(&project);
    let requests = locked
        .into_iter()
        .map(|(name, version, registry)| Ok((session.registry(&registry)?, name, version)))
        .collect::<Result<Vec<(Registry, PackageName, Version)>, OpsError>>()?;
    let mut ages = lookup::age_limits(session, None)?;
    let locked = requests.iter();
    ages.locked = locked
        .map(|(_, name, version)| (name.clone(), version.clone()))
        .collect();
    let limits = &ages.age_limits();
    let answers = session.block_on(async {
        let ask = |(registry, name, version): (Registry, PackageName, Version)| async move {
            let index = registry.find(&name).await?;
            let released = match &index {
                Some(index) => registry.released(index, limits).await?,
                None => BTreeMap::new(),
            };
            Ok::<_, OpsError>((name, version, index, released))
        };
        stream::iter(requests.into_iter().map(ask))
            .buffered(64)
            .try_collect::<Vec<_>>()
            .await
    })?;
    session.save_caches();
    for (name, current, index, _) in &answers {
        let release = index.as_ref().and_then(|index| index.releases.get(current));
        match release {
            Some(release) => {
                for needed in release.requirements() {
                    asked.add(&needed.name, &needed.constraint);
                }
            }
            None => asked.hide(lock, name),
        }
    }
    for (name, package) in &lock.packages {
        if matches!(package.source, LockedSource::Git { .. }) {
            asked.hide(lock, name);
        }
    }
    let mut rows = Vec::new();
    for (name, current, index, released) in answers {
        let Some(index) = index else { continue };
        if part.as_ref().is_some_and(|part| !part.contains(&name)) {
            continue;
        }
        let accepted = |version: &Version| asked.accept(&name, version);
        let since = |version: &Version| ages.since(&name, version, released.get(version));
        let is_out = |version: &Version| {
            index.is_yanked(version) || !is_old_enough(&ages, &name, version, since(version))
        };
        let usable = |version: &&Version| accepted(version) && !is_out(version);
        let young = |version: &&Version| {
            let is_wanted = accepted(version) || version.pre.is_empty();
            is_wanted && **version > current && !index.is_yanked(version) && is_out(version)
        };
        let held_back = index
            .versions
            .iter()
            .filter(young)
            .max()
            .and_then(|version| {
                let least = ages.minimum_age(&name, version)?;
                Some(HeldBack {
                    version: version.clone(),
                    least: Age(least),
                    eligible: since(version).map(|since| since.saturating_add_unsigned(least)),
                })
            });
        let wanted = match asked.hidden.contains(&name) {
            true => None,
            false => index.versions.iter().filter(usable).max().cloned(),
        };
        let latest = version::latest(&index.versions, is_out).cloned();
        let yanked = index
            .yank_reason(&current)
            .map(|reason| reason.unwrap_or_default().to_owned());
        let newer =
            |version: &Option<Version>| version.as_ref().is_some_and(|version| *version > current);
        let is_behind = newer(&wanted) || newer(&latest) || held_back.is_some();
        if is_behind || yanked.is_some() || index.deprecated.is_some() {
            rows.push(Outdated {
                direct: asked.direct.contains(&name),
                name,
                current,
                wanted,
                latest,
                yanked,
                deprecated: index.deprecated.clone(),
                held_back,
            });
        }
    }
    Ok(rows)
}
