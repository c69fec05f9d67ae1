//! What is asked of the resolver, and its answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    digest::Digest,
    limits::{Exceeded, Limits},
    name::PackageName,
    policy::MinimumAge,
    requirement::Features,
    requirement::Requirement,
    trust::Bounds,
    version::Version,
};

/// A resolution to make.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project, or every member of the workspace.
    pub roots: Vec<Root>,
    /// The versions of the lock file: kept where the requirements allow, yanked or not.
    pub locked: BTreeMap<PackageName, Version>,
    /// The versions of the other side of a lock that is being merged: tried after those, and
    /// kept likewise.
    pub also_locked: BTreeMap<PackageName, Version>,
    /// Names whose lock entry is ignored.
    pub unlock: BTreeSet<PackageName>,
    /// Which versions are tried first.
    pub order: Order,
    /// Versions published after this moment, in seconds since 1970, or at an unknown time, are out.
    pub exclude_newer: Option<i64>,
    /// The least ages of releases, all of which hold; those of the lock may be younger.
    pub minimum_ages: Vec<MinimumAge>,
    /// The time that ages are counted to, in seconds since 1970.
    pub now: i64,
    /// Whether the network is off; only changes the words of a conflict.
    pub offline: bool,
    /// The archives on this machine, where no other can be had: versions of registries in the
    /// network whose archive is not among them are out, but for those that the lock keeps.
    pub here: Option<BTreeSet<Digest>>,
    /// Packages whose catalog entry comes from a `[patch]`; only changes the words of a conflict.
    pub patched: BTreeSet<PackageName>,
    /// What loading and resolving may cost.
    pub limits: Limits,
}

impl Request {
    /// The moments that releases are compared with, in seconds since 1970.
    pub fn age_limits(&self) -> Vec<i64> {
        let ages = self.minimum_ages.iter();
        let ages = ages.map(|age| self.now.saturating_sub_unsigned(age.seconds));
        let mut limits: Vec<i64> = self.exclude_newer.into_iter().chain(ages).collect();
        limits.sort_unstable();
        limits.dedup();
        limits
    }

    /// The moment that the age of a release counts from, in seconds since 1970; `None`: it is
    /// unknown, or unproven where a policy asks for proof.
    pub fn since(
        &self,
        name: &PackageName,
        version: &Version,
        bounds: Option<&Bounds>,
    ) -> Option<i64> {
        let mut ages = self.minimum_ages.iter();
        let bounds = bounds.filter(|bounds| {
            bounds.is_proven() || !ages.any(|age| age.proven && !age.excepts(name, version))
        });
        bounds.map(|bounds| bounds.since)
    }

    /// The least age that a release must have, in seconds, unless the lock has it.
    pub fn minimum_age(&self, name: &PackageName, version: &Version) -> Option<u64> {
        let locked = [&self.locked, &self.also_locked];
        let is_locked = locked.iter().any(|lock| lock.get(name) == Some(version));
        let ages = self.minimum_ages.iter();
        let ages = ages.filter(|age| !is_locked && !age.excepts(name, version));
        ages.map(|age| age.seconds).max()
    }
}

/// A manifest whose requirements must all hold.
///
/// Its optional dependencies are resolved too, with all of its features on, so that
/// the lock does not depend on which of them are in use.
#[derive(Debug, Clone, Default)]
pub struct Root {
    /// Whose requirements they are; only changes the words of a conflict.
    pub origin: Origin,
    /// Names whose constraint a command wants to write into the manifest; only changes the words
    /// of a conflict.
    pub proposed: BTreeSet<PackageName>,
    /// Dependencies and dev-dependencies.
    pub requirements: Vec<Requirement>,
    /// The manifest's own features.
    pub features: Features,
}

/// Whose requirements a root has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// The manifest of the project.
    #[default]
    Project,
    /// The manifest of a workspace member, by its name.
    Member(String),
    /// The command line.
    CommandLine,
}

/// Which versions are tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The oldest (`--minimal-versions`).
    Lowest,
}

/// The result of a resolution without conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Versions were chosen.
    Solved(Resolution),
    /// The catalog lacks these; load them and resolve again. Never empty, sorted.
    NeedsMore(Vec<Need>),
    /// The search takes more work than is allowed.
    GaveUp(Exceeded),
}

/// Something to load into the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The package.
    pub name: PackageName,
    /// The version whose contents are needed; `None`: the package is not in the catalog.
    pub version: Option<Version>,
}

/// The chosen versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Every package needed, roots excluded.
    pub packages: BTreeMap<PackageName, Resolved>,
}

/// One chosen version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The version.
    pub version: Version,
    /// Its active features, those of its optional dependencies included.
    pub features: BTreeSet<String>,
    /// Its active direct dependencies.
    pub dependencies: BTreeSet<PackageName>,
}
