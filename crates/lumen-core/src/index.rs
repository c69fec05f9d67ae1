//! The registry's JSON files: `index.json`, `packages/<name>/index.json` and
//! `packages/<name>/<version>.json` (docs/registry-spec.md).
//!
//! Reading keeps only what the client uses. Rewriting works on the JSON itself,
//! so that fields of other tools and later versions survive, in their order.

mod about;
mod described;
mod memory;
mod patch;
mod reading;
mod rewrite;
mod signed;
mod summary;

use std::{collections::BTreeMap, fmt};

pub use about::{FilesRef, Provenance, SourceCommit, Unsupported, VERSION, supported};
pub use described::{Contradiction, Described, ManifestHash};
pub use memory::VERSION_MEMORY;
pub use rewrite::{
    new_global_index, put_latest, put_package_entries, put_package_entry, put_releases, put_yank,
    set_package_entries,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};
use serde_json::json;
pub use signed::{EventList, REVOKED, events_of, put_events, put_events_alike, same_additions};
pub use summary::{Abouts, Summaries, Summary, logged_releases, summaries_of, with_about};

use self::about::{as_text, lenient};
pub use crate::limits::MAX_PACKAGE_INDEX_BYTES;
pub use crate::limits::MAX_RELEASE_BYTES;
use crate::{
    constraint::Constraint,
    digest::Digest,
    json,
    key::{ArtifactKind, Key},
    limits::MAX_LISTED_PACKAGES,
    name::PackageName,
    requirement::{Features, Requirement},
    trust::Event,
    version::Version,
};

/// The format of registries that this version writes.
pub const FORMAT: u64 = 1;

/// `packages/<name>/<version>.json`: one immutable release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The package, equal to the path.
    pub name: PackageName,
    /// The version, equal to the path.
    pub version: Version,
    /// Dependencies: name to constraint.
    #[serde(default)]
    pub deps: BTreeMap<PackageName, Constraint>,
    /// Options that `deps` cannot express, for the dependencies that have any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependency_options: BTreeMap<PackageName, DependencyOptions>,
    /// Features of this release.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: Features,
    /// Encodings of the contents; entry 0 is the plain tar and names the release's identity.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// Hash of the packed `lumen.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// One line about the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Categories for search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Words for search.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub keywords: Vec<String>,
    /// `Name <mail>` each.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub authors: Vec<String>,
    /// URL of the source code. As all URLs here, the publisher's word: see
    /// [`is_web_url`](crate::manifest::is_web_url).
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub repository: Option<String>,
    /// URL of the project.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub homepage: Option<String>,
    /// URL of the documentation.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub documentation: Option<String>,
    /// Other URLs by what is there, such as `changelog`.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub links: BTreeMap<String, String>,
    /// Path of the read-me in the archive.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub readme: Option<String>,
    /// The oldest version of Lumen that can use the release; see [`supported`].
    #[serde(
        default,
        deserialize_with = "as_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub lumen: Option<String>,
    /// Last day of support, `2028-01-31`.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub support_until: Option<String>,
    /// The commit that the release was packed from.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub source: Option<SourceCommit>,
    /// Reserved: proofs of how the release was built.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub provenance: Option<Provenance>,
    /// Its file list: the publisher's word, until it is compared with the archive.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub files: Option<FilesRef>,
    /// RFC 3339 time of the publish, by the publisher's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
}

/// `integrity` of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// SHA-256 of the bytes of `lumen.toml` in the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_hash: Option<ManifestHash>,
}

/// One encoding of a release's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `tar`, `tar.zst`, or a kind this version does not know.
    pub kind: String,
    /// Path inside the registry; always the content address. Empty where a file has none.
    #[serde(default)]
    pub url: String,
    /// SHA-256 of the file's bytes.
    pub hash: Digest,
    /// Size of the file in bytes.
    pub size: u64,
}

/// What a dependency has beyond its constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyOptions {
    /// Only needed when a feature asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Features asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// `false` turns the `default` feature off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_features: Option<bool>,
}

/// Why a release's artifact entry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The release has no artifact at all.
    #[error("the release has no artifact")]
    Missing,
    /// Entry 0 has another kind than `tar`.
    #[error("the first artifact must have kind `tar`, not `{0}`")]
    Kind(String),
    /// The URL is not the content address.
    #[error("the artifact's url is `{url}`, but its hash says `{expected}`")]
    Address {
        /// The URL found.
        url: String,
        /// The only URL allowed.
        expected: String,
    },
}

/// How the bytes of an artifact differ from what its metadata says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// They go on where they should end.
    #[error("it has more than the {expected} bytes that it must have")]
    Larger {
        /// How many they should be.
        expected: u64,
    },
    /// They are complete, and too few.
    #[error("it has {actual} bytes, and must have {expected}")]
    Smaller {
        /// How many they should be.
        expected: u64,
        /// How many they are.
        actual: u64,
    },
    /// They are others.
    #[error("it has the hash {actual}, and must have {expected}")]
    Hash {
        /// The hash that they should have.
        expected: Digest,
        /// The hash that they have.
        actual: Digest,
    },
    /// They decompress to others.
    #[error("it decompresses to a tar with the hash {actual}, and must be one with {expected}")]
    Plain {
        /// The hash that the tar should have.
        expected: Digest,
        /// The hash that it has.
        actual: Digest,
    },
}

impl Artifact {
    /// An artifact entry for these bytes.
    pub fn new(kind: ArtifactKind, hash: Digest, size: u64) -> Self {
        Self {
            kind: kind.as_str().into(),
            url: Key::artifact(&hash, kind).as_str().into(),
            hash,
            size,
        }
    }

    /// The key of its URL, if that is its content address, whatever its kind: mirrors and garbage
    /// collection treat kinds alike that this version does not know.
    pub fn address(&self) -> Option<Key> {
        const LONGEST_KIND: usize = 32;
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        let is_plain =
            (1..=LONGEST_KIND).contains(&self.kind.len()) && self.kind.bytes().all(letter);
        let key = Key::artifact_of(&self.hash, &self.kind);
        (is_plain && self.url == key.as_str()).then_some(key)
    }

    /// The key to read it from.
    ///
    /// # Errors
    /// When the URL is not the content address of the hash, or the kind is unknown.
    pub fn key(&self) -> Result<Key, ArtifactError> {
        let kind = ArtifactKind::from_name(&self.kind)
            .ok_or_else(|| ArtifactError::Kind(self.kind.clone()))?;
        let expected = Key::artifact(&self.hash, kind);
        match self.url == expected.as_str() {
            true => Ok(expected),
            false => Err(ArtifactError::Address {
                url: self.url.clone(),
                expected: expected.as_str().into(),
            }),
        }
    }
}

/// The artifact that gives a release its identity: entry 0, of kind `tar`.
///
/// # Errors
/// When there is none, or it has another kind or address.
pub fn identity(artifacts: &[Artifact]) -> Result<&Artifact, ArtifactError> {
    let first = artifacts.first().ok_or(ArtifactError::Missing)?;
    if first.kind != ArtifactKind::Tar.as_str() {
        return Err(ArtifactError::Kind(first.kind.clone()));
    }
    first.key().map(|_| first)
}

impl Release {
    /// A release that says nothing but its name and version.
    pub const fn new(name: PackageName, version: Version) -> Self {
        Self {
            name,
            version,
            deps: BTreeMap::new(),
            dependency_options: BTreeMap::new(),
            features: Features::new(),
            artifacts: Vec::new(),
            integrity: None,
            license: None,
            description: None,
            categories: Vec::new(),
            keywords: Vec::new(),
            authors: Vec::new(),
            repository: None,
            homepage: None,
            documentation: None,
            links: BTreeMap::new(),
            readme: None,
            lumen: None,
            support_until: None,
            source: None,
            provenance: None,
            files: None,
            published_at: None,
        }
    }

    /// The files that it names by their contents: its artifacts and its file list.
    pub fn objects(&self) -> impl Iterator<Item = Artifact> {
        let list = self.files.map(Artifact::from);
        self.artifacts.iter().cloned().chain(list)
    }

    /// The dependencies as the resolver wants them, sorted by name.
    pub fn requirements(&self) -> Vec<Requirement> {
        requirements(&self.deps, &self.dependency_options)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(&json!(self))
    }

    /// Whether a release that exists says the same as another: they differ only in their time
    /// of publishing, their source and their file lists, which follow from the archive, and
    /// constraints have the same canonical form. If it is
    /// in the form of version 0.1, fields that this form lacks say nothing: they follow from
    /// the `lumen.toml`, whose hash both have.
    pub fn same_contents(&self, other: &Self) -> bool {
        let essence = |release: &Self| Self {
            deps: release.canonical_deps(),
            published_at: None,
            source: None,
            files: None,
            ..release.clone()
        };
        let (own, other) = (essence(self), essence(other));
        own == other || (self.is_first_form() && own == other.first_form())
    }

    /// The dependencies with constraints in their canonical form.
    pub fn canonical_deps(&self) -> BTreeMap<PackageName, Constraint> {
        let canonical = |(name, constraint): (&PackageName, &Constraint)| {
            (name.clone(), constraint.canonical())
        };
        self.deps.iter().map(canonical).collect()
    }
}

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
    /// its log and are not here; see [`logged_releases`].
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

fn requirements(
    deps: &BTreeMap<PackageName, Constraint>,
    options: &BTreeMap<PackageName, DependencyOptions>,
) -> Vec<Requirement> {
    let requirement = |(name, constraint): (&PackageName, &Constraint)| {
        let options = options.get(name).cloned().unwrap_or_default();
        Requirement {
            name: name.clone(),
            constraint: constraint.clone(),
            optional: options.optional,
            features: options.features,
            default_features: options.default_features.unwrap_or(true),
        }
    };
    deps.iter().map(requirement).collect()
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

/// `index.json`: every package of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GlobalIndex {
    /// The registry's format; a hand-made one does not say and is format 1.
    #[serde(default)]
    pub format: Option<u64>,
    /// The registry's own name.
    #[serde(default)]
    pub name: Option<String>,
    /// One entry a package.
    #[serde(default, deserialize_with = "packages")]
    pub packages: Vec<PackageEntry>,
}

/// The packages of a global index, as many as there may be.
fn packages<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PackageEntry>, D::Error> {
    from.deserialize_seq(AtMost(MAX_LISTED_PACKAGES))
}

/// Reads a number of packages.
struct AtMost(usize);

impl<'de> Visitor<'de> for AtMost {
    type Value = Vec<PackageEntry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of packages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut packages = Vec::new();
        while let Some(package) = items.next_element()? {
            if packages.len() == self.0 {
                return Err(de::Error::custom(format_args!(
                    "more than {} packages",
                    self.0
                )));
            }
            packages.push(package);
        }
        Ok(packages)
    }
}

/// One package in the global index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PackageEntry {
    /// The package.
    pub name: PackageName,
    /// Its newest version to recommend; none when all are yanked.
    #[serde(default)]
    pub latest: Option<Version>,
    /// One line about it.
    #[serde(default)]
    pub description: Option<String>,
}

impl PackageEntry {
    /// The entry of a package that has this index.
    pub fn of(index: &PackageIndex) -> Self {
        Self {
            name: index.name.clone(),
            latest: index.latest.clone(),
            description: index.description.clone(),
        }
    }

    /// Whether two entries say the same; no description is an empty one.
    pub fn same(&self, other: &Self) -> bool {
        let description = |entry: &Self| entry.description.clone().unwrap_or_default();
        self.name == other.name
            && self.latest == other.latest
            && description(self) == description(other)
    }
}

#[cfg(test)]
mod tests;
