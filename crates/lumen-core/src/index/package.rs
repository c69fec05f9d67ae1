//! `packages/<name>/index.json` as a client uses it: all releases of a package.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    about::{FilesRef, SourceCommit},
    artifact::Artifact,
    release::{DependencyOptions, Integrity, Release, requirements},
};
use crate::{
    constraint::Constraint,
    digest::Digest,
    name::PackageName,
    requirement::{Features, Requirement},
    trust::Event,
    version::Version,
};

/// `packages/<name>/index.json`: all releases of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageIndex {
    /// The package, equal to the path.
    pub name: PackageName,
    /// All versions, in any order.
    pub versions: Vec<Version>,
    /// The newest version to recommend.
    pub latest: Option<Version>,
    /// Yanked versions, of those that are listed.
    pub yanked: BTreeMap<Version, Yank>,
    /// One line about the package.
    pub description: Option<String>,
    /// Categories for search.
    pub categories: Vec<String>,
    /// What resolving needs of each release; a hand-made index has none, and
    /// `<version>.json` is read instead. Those of a signed registry mean nothing without
    /// its log and are not here; see [`logged_releases`](super::logged_releases).
    pub releases: BTreeMap<Version, ReleaseSummary>,
    /// In a signed registry: all entries of its log about the package.
    pub events: Vec<Event>,
    /// Whether the package should not be used any more.
    pub deprecated: Option<Deprecation>,
    /// Bytes of the file; for a signed index, bytes of its completed summaries.
    pub bytes: u64,
    /// Estimated bytes of memory, with the data that resolving derives from it.
    pub memory: u64,
}

/// What a package index says about a version that is yanked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Yank {
    /// Why, if the index says so.
    pub reason: Option<String>,
}

/// `deprecated` of a package index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deprecation {
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// What to use in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<PackageName>,
    /// Since when, by the owner's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// One entry of `releases` in a package index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReleaseSummary {
    /// As in [`Release`].
    pub deps: BTreeMap<PackageName, Constraint>,
    /// As in [`Release`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dependency_options: BTreeMap<PackageName, DependencyOptions>,
    /// As in [`Release`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub features: Features,
    /// As in [`Release`].
    pub artifacts: Vec<Artifact>,
    /// SHA-256 of `<version>.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Digest>,
    /// As in [`Release`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// As in [`Release`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lumen: Option<String>,
    /// As in [`Release`]. An index does not have it; the release's own file and its owner's
    /// statement do.
    #[serde(skip)]
    pub integrity: Option<Integrity>,
    /// As in [`Release`], where the file or the whole index was read.
    #[serde(skip)]
    pub source: Option<SourceCommit>,
    /// As `source`.
    #[serde(skip)]
    pub files: Option<FilesRef>,
}

impl ReleaseSummary {
    /// The summary of a release whose file has this digest.
    pub fn of(release: Release, metadata: Digest) -> Self {
        Self {
            deps: release.deps,
            dependency_options: release.dependency_options,
            features: release.features,
            artifacts: release.artifacts,
            metadata: Some(metadata),
            published_at: release.published_at,
            lumen: release.lumen,
            integrity: release.integrity,
            source: release.source,
            files: release.files,
        }
    }

    /// The dependencies as the resolver wants them, sorted by name.
    pub fn requirements(&self) -> Vec<Requirement> {
        requirements(&self.deps, &self.dependency_options)
    }
}

impl PackageIndex {
    /// Whether a version is yanked, and why if the index says so.
    pub fn yank_reason(&self, version: &Version) -> Option<Option<&str>> {
        let yank = self.yanked.get(version)?;
        Some(yank.reason.as_deref())
    }

    /// Whether a version is yanked.
    pub fn is_yanked(&self, version: &Version) -> bool {
        self.yank_reason(version).is_some()
    }
}
