//! Results of commands about packages of registries.

use lumen_core::index;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::{project::Deprecated, shared::Lacking, trust::Owners};

/// What a registry says of a package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Info {
    /// The package.
    pub name: String,
    /// The newest version that is neither yanked nor a pre-release, if there is one.
    pub latest: Option<String>,
    /// All versions, the newest first.
    pub versions: Vec<String>,
    /// Those that are yanked.
    pub yanked: Vec<String>,
    /// Why the package is deprecated, if it is.
    pub deprecated: Option<Deprecated>,
    /// The registry.
    pub registry: String,
    /// The release asked for, else the latest.
    #[cfg_attr(test, schemars(with = "Option<super::schemas::ReleaseFile>"))]
    pub release: Option<index::Release>,
}

/// Who made the releases of a package, by the log.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Provenance {
    /// The package.
    pub name: String,
    /// The name or scope that its owners own.
    pub owner: String,
    /// The owners; none where the name has none.
    pub owners: Option<Owners>,
    /// Its releases, or the one asked for.
    pub releases: Vec<Released>,
    /// What was said of it later: yanks, deprecations and their ends.
    pub statements: Vec<Statement>,
}

/// A release as the log has it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Released {
    /// It was made after this time, as far as is known.
    pub not_before: Option<String>,
    /// By which evidence.
    pub not_before_by: Option<String>,
    /// It was made before this time: witnesses say so.
    pub not_after: Option<String>,
    /// The time from which its age is counted.
    pub since: Option<String>,
    /// Whether witnesses prove that.
    pub proven: bool,
    /// The version.
    pub version: String,
    /// Its entry of the log.
    pub index: u64,
    /// When it was made, by the publisher's clock.
    pub time: String,
    /// The key that signed it.
    pub key: String,
    /// The fingerprint of that key.
    pub fingerprint: String,
    /// SHA-256 of its `<version>.json`.
    pub metadata: String,
    /// The size of that file in bytes.
    pub size: u64,
    /// Whether its key is revoked from an earlier entry on, so that it is void.
    pub revoked: bool,
    /// The keys of all publishers who signed it.
    pub signers: Vec<String>,
    /// When the line of its publisher ends, if it does.
    pub until: Option<String>,
    /// Whether the log did not have it before that end, so that it is void.
    pub late: bool,
    /// Why it is yanked, if it is; may be empty.
    pub yanked: Option<String>,
}

/// Something that was said of a package or a release.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Statement {
    /// Its entry of the log.
    pub index: u64,
    /// `yank`, `unyank`, `deprecate`, `undeprecate` or another verb.
    pub kind: String,
    /// When, by the signer's clock.
    pub time: String,
    /// The version that it is about; none: the package.
    pub version: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The key that signed it.
    pub key: String,
    /// The fingerprint of that key.
    pub fingerprint: String,
    /// Whether its key is revoked from an earlier entry on, so that it is void.
    pub revoked: bool,
    /// When the line of its publisher ends, if it does.
    pub until: Option<String>,
    /// Whether the log did not have it before that end, so that it is void.
    pub late: bool,
}

/// The packages that were found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Found {
    /// The best first.
    pub packages: Vec<Entry>,
}

/// A package that was found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its latest version; none: all are yanked.
    pub latest: Option<String>,
    /// One line about it.
    pub description: Option<String>,
}

/// What `yank` or `unyank` changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Yanked {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
    /// Whether it is yanked now.
    pub yanked: bool,
    /// Whether it was not before.
    pub changed: bool,
    /// The witnesses that have to sign before readers see it.
    pub waiting: Option<Lacking>,
}

/// What `deprecate` or `undeprecate` changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Advised {
    /// The package.
    pub name: String,
    /// Whether it is deprecated now.
    pub deprecated: bool,
    /// Whether it was not before.
    pub changed: bool,
    /// The witnesses that have to sign before readers see it.
    pub waiting: Option<Lacking>,
}

impl From<&index::Deprecation> for Deprecated {
    fn from(said: &index::Deprecation) -> Self {
        Self {
            reason: said.reason.clone(),
            replacement: said.replacement.as_ref().map(ToString::to_string),
            at: said.at.clone(),
        }
    }
}
