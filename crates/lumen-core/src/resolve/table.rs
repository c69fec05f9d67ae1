//! Packages as the solver sees them: usable versions numbered in the order they are tried.

use std::collections::HashMap;

use super::{
    catalog::{Availability, Catalog, CatalogPackage, CatalogVersion, Contents},
    matching::Versions,
    request::{Order, Request},
    set::Set,
};
use crate::{constraint::Constraint, digest::Digest, name::PackageName, version::Version};

/// One package of the problem.
pub(crate) struct Package<'a> {
    pub name: &'a PackageName,
    /// `None`: not in the catalog; it is taken to have one version that suits everybody.
    pub entry: Option<&'a CatalogPackage>,
    versions: Versions<'a>,
    /// For each usable version, oldest first, its position in the entry.
    positions: Vec<u32>,
    newest_first: bool,
    /// The index that is tried before all others.
    pub preferred: Vec<u32>,
    /// Whether some version may have a `default` feature.
    pub may_have_default: bool,
    sets: HashMap<&'a str, (&'a Constraint, Set)>,
}

/// Why a version is not usable although it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exclusion<'a> {
    /// Blocked by the registry's moderators, for this reason (may be empty).
    Blocked(&'a str),
    /// Yanked, for this reason (may be empty).
    Yanked(&'a str),
    /// Published after `exclude_newer`.
    TooNew,
    /// `exclude_newer` is set and the registry does not say when it was published.
    AgeUnknown,
    /// Younger than `minimum-release-age`.
    TooYoung {
        /// The least age, in seconds.
        least: u64,
        /// When it becomes eligible, in seconds since 1970.
        eligible: i64,
    },
    /// `minimum-release-age` is set and the registry does not say when it was published.
    Ageless,
    /// Its metadata is unavailable.
    Unavailable(&'a str),
}

/// Why a version cannot be used, if it cannot.
pub(crate) fn exclusion<'a>(
    request: &'a Request,
    name: &PackageName,
    package: &CatalogPackage,
    version: &'a CatalogVersion,
) -> Option<Exclusion<'a>> {
    if let Contents::Unavailable(reason) = &version.contents {
        return Some(Exclusion::Unavailable(reason));
    }
    if package.local {
        return None;
    }
    if let Some(reason) = &version.blocked {
        return Some(Exclusion::Blocked(reason));
    }
    let is_locked = locked(request, name).any(|locked| *locked == version.version);
    if let (Some(reason), false) = (&version.yanked, is_locked) {
        return Some(Exclusion::Yanked(reason));
    }
    too_young(request, name, &version.version, version.published_at)
}

/// Whether a version is out since its archive, with this hash, cannot be had.
pub fn is_out_of_reach(
    request: &Request,
    name: &PackageName,
    version: &Version,
    archive: &Digest,
) -> bool {
    let is_kept = || locked(request, name).any(|locked| locked == version);
    let mut here = request.here.iter();
    here.any(|here| !here.contains(archive)) && !is_kept()
}

/// Whether a release may be chosen, as far as its age is concerned. `since`: the moment that its
/// age counts from, in seconds since 1970.
pub fn is_old_enough(
    request: &Request,
    name: &PackageName,
    version: &Version,
    since: Option<i64>,
) -> bool {
    too_young(request, name, version, since).is_none()
}

/// Why a release is not old enough, if it is not. `since`: the moment that its age counts from.
fn too_young<'a>(
    request: &Request,
    name: &PackageName,
    version: &Version,
    since: Option<i64>,
) -> Option<Exclusion<'a>> {
    match (request.exclude_newer, since) {
        (Some(_), None) => return Some(Exclusion::AgeUnknown),
        (Some(limit), Some(since)) if since > limit => return Some(Exclusion::TooNew),
        _ => {}
    }
    let least = request.minimum_age(name, version)?;
    let Some(since) = since else {
        return Some(Exclusion::Ageless);
    };
    let eligible = since.saturating_add_unsigned(least);
    (eligible > request.now).then_some(Exclusion::TooYoung { least, eligible })
}

/// The lock's versions of a package that `update` does not move, the first wish first.
pub(crate) fn locked<'a>(
    request: &'a Request,
    name: &PackageName,
) -> impl Iterator<Item = &'a Version> {
    let ignored = !request.unlock.is_empty() && request.unlock.contains(name);
    let first = request.locked.get(name);
    let second = match request.also_locked.is_empty() {
        true => None,
        false => request.also_locked.get(name),
    };
    first.into_iter().chain(second).filter(move |_| !ignored)
}

impl<'a> Package<'a> {
    pub fn new(catalog: &'a Catalog, request: &'a Request, name: &'a PackageName) -> Self {
        let entry = catalog.packages.get(name);
        let newest_first = request.order == Order::Newest;
        let mut package = Self {
            name,
            entry,
            versions: Versions::default(),
            positions: Vec::new(),
            newest_first,
            preferred: Vec::new(),
            may_have_default: false,
            sets: HashMap::new(),
        };
        let Some(entry) = entry.filter(|entry| entry.availability == Availability::Present) else {
            return package;
        };
        let all = &entry.versions;
        let mut positions: Vec<u32> = (0..)
            .zip(all)
            .filter(|(_, version)| exclusion(request, name, entry, version).is_none())
            .map(|(position, _)| position)
            .collect();
        let by_version = |a: &u32, b: &u32| all[*a as usize].version.cmp(&all[*b as usize].version);
        if !positions.is_sorted_by(|a, b| by_version(a, b).is_le()) {
            positions.sort_by(by_version);
        }
        let usable = |position: &u32| &all[*position as usize];
        package.versions = Versions::new(positions.iter().map(|p| &usable(p).version).collect());
        package.may_have_default = positions
            .iter()
            .any(|p| usable(p).contents.may_have_default());
        package.positions = positions;
        for locked in locked(request, name) {
            let found = package
                .positions
                .binary_search_by(|p| usable(p).version.cmp(locked));
            package
                .preferred
                .extend(found.ok().map(|at| package.flip(at as u32)));
        }
        package
    }

    /// How many versions it has.
    pub fn count(&self) -> u32 {
        match self.entry {
            Some(_) => self.versions.len(),
            None => 1,
        }
    }

    /// The version with this index; `None` when the package is not in the catalog.
    pub fn version(&self, index: u32) -> Option<&'a CatalogVersion> {
        let position = self.positions.get(self.flip(index) as usize)?;
        self.entry?.versions.get(*position as usize)
    }

    /// The position in the catalog of every version, in the order of the indices.
    pub fn positions(&self) -> Vec<u32> {
        let mut positions = self.positions.clone();
        if self.newest_first {
            positions.reverse();
        }
        positions
    }

    /// The versions a constraint accepts.
    pub fn accepted(&mut self, constraint: &'a Constraint) -> Set {
        let Some(entry) = self.entry else {
            return Set::full();
        };
        if let Some((known, set)) = self.sets.get(constraint.as_str())
            // The same text can mean two things in two dialects.
            && *known == constraint
        {
            return set.clone();
        }
        let set = match entry.local && constraint.is_any() {
            true => Set::from_runs(vec![(0, self.count())], self.count()),
            false => self.select(constraint),
        };
        let value = (constraint, set.clone());
        self.sets.entry(constraint.as_str()).or_insert(value);
        set
    }

    fn select(&self, constraint: &Constraint) -> Set {
        let count = self.count();
        let mut runs = self.versions.accepted(constraint);
        if self.newest_first {
            for run in &mut runs {
                *run = (count - run.1, count - run.0);
            }
        }
        Set::from_runs(runs, count)
    }

    /// Turns an index into a position among the versions sorted oldest first, and back.
    fn flip(&self, index: u32) -> u32 {
        match self.newest_first {
            true => self.versions.len().wrapping_sub(index).wrapping_sub(1),
            false => index,
        }
    }
}
