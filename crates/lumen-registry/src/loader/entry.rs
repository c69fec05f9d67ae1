//! The known metadata of one package of a registry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lumen_core::{
    Constraint, PackageName, Version,
    index::{PackageIndex, ReleaseSummary, identity, supported},
    resolve::{CatalogVersion, Contents, ReleaseContents},
};

use crate::reader::{ReadError, Registry};

/// A package of a registry.
pub(super) struct Entry {
    pub(super) registry: Registry,
    pub(super) index: Option<Arc<PackageIndex>>,
    /// Why there is no index, if there should be one.
    pub(super) failure: Option<ReadError>,
    /// The requirements on it, each once.
    pub(super) wanted: Vec<Wanted>,
    /// Versions whose dependencies were asked for, and whether the optional ones were, too.
    pub(super) followed: BTreeMap<Version, bool>,
    /// Versions whose own file is being or was read.
    pub(super) asked: BTreeSet<Version>,
    /// The metadata from the files of versions without a summary.
    pub(super) releases: BTreeMap<Version, ReleaseSummary>,
    /// Failures that are not the release's fault.
    pub(super) failures: BTreeMap<Version, ReadError>,
    /// How many versions to fetch ahead the next time.
    pub(super) ahead: usize,
    /// Releases that could not be read.
    pub(super) unreadable: u64,
    /// The package that asked for it first; none for a dependency of the project.
    pub(super) by: Option<PackageName>,
    /// Packages on the path from the project to this one.
    pub(super) depth: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) constraint: Constraint,
    /// Whether optional dependencies may be turned on.
    pub(super) features: bool,
}

impl Entry {
    pub(super) fn new(registry: &Registry, by: Option<PackageName>, depth: u64) -> Self {
        Self {
            registry: registry.clone(),
            index: None,
            failure: None,
            wanted: Vec::new(),
            followed: BTreeMap::new(),
            asked: BTreeSet::new(),
            releases: BTreeMap::new(),
            failures: BTreeMap::new(),
            ahead: 2,
            unreadable: 0,
            by,
            depth,
        }
    }

    pub(super) fn summary(&self, version: &Version) -> Option<&ReleaseSummary> {
        let of_index = || self.index.as_ref()?.releases.get(version);
        self.releases.get(version).or_else(of_index)
    }
}

/// The versions of an index for the catalog, oldest first.
pub(super) fn catalog_versions(
    index: &Arc<PackageIndex>,
    since: impl Fn(&Version) -> Option<i64>,
    blocked: impl Fn(&Version) -> Option<String>,
) -> Vec<CatalogVersion> {
    let mut versions: Vec<&Version> = index.versions.iter().collect();
    versions.sort_unstable();
    versions.dedup();
    let version = |version: &Version| {
        let summary = index.releases.get(version);
        CatalogVersion {
            version: version.clone(),
            yanked: index
                .yank_reason(version)
                .map(|reason| reason.unwrap_or_default().to_owned()),
            blocked: blocked(version),
            published_at: since(version),
            contents: summary.map_or(Contents::NotLoaded, |summary| {
                let (index, version) = (Arc::clone(index), version.clone());
                Contents::deferred(!summary.features.is_empty(), move || {
                    index
                        .releases
                        .get(&version)
                        .map_or_else(|| Ok(ReleaseContents::default()), contents_of)
                })
            }),
        }
    };
    versions.into_iter().map(version).collect()
}

pub(super) fn contents_of(summary: &ReleaseSummary) -> Result<ReleaseContents, String> {
    identity(&summary.artifacts).map_err(|error| error.to_string())?;
    supported(summary.lumen.as_deref()).map_err(|error| error.to_string())?;
    Ok(ReleaseContents {
        requirements: summary.requirements(),
        features: summary.features.clone(),
    })
}

pub(super) fn published_at(summary: &ReleaseSummary) -> Option<i64> {
    let time: jiff::Timestamp = summary.published_at.as_deref()?.parse().ok()?;
    Some(time.as_second())
}
