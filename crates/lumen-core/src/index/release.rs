//! `packages/<name>/<version>.json`: what a publisher says about a release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    about::{FilesRef, Provenance, SourceCommit, as_text, lenient},
    artifact::Artifact,
};
use crate::{
    constraint::Constraint,
    digest::Digest,
    json,
    name::PackageName,
    requirement::{Features, Requirement},
    version::Version,
};

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
    /// The oldest version of Lumen that can use the release; see [`supported`](super::supported).
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

/// `manifest_hash` of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ManifestHash {
    /// A digest.
    Digest(Digest),
    /// Another text, such as `sha256:def456...`: people make registries by hand from examples.
    Placeholder(String),
}

impl From<String> for ManifestHash {
    fn from(text: String) -> Self {
        text.parse().map_or(Self::Placeholder(text), Self::Digest)
    }
}

impl From<Digest> for ManifestHash {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl From<ManifestHash> for String {
    fn from(hash: ManifestHash) -> Self {
        match hash {
            ManifestHash::Digest(digest) => digest.to_string(),
            ManifestHash::Placeholder(text) => text,
        }
    }
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

    /// Whether it has no field that version 0.1 did not know.
    pub fn is_first_form(&self) -> bool {
        *self == self.clone().first_form()
    }

    /// The release without the fields that version 0.1 did not know.
    #[must_use]
    pub fn first_form(self) -> Self {
        Self {
            keywords: Vec::new(),
            authors: Vec::new(),
            repository: None,
            homepage: None,
            documentation: None,
            links: Default::default(),
            readme: None,
            lumen: None,
            support_until: None,
            source: None,
            provenance: None,
            files: None,
            ..self
        }
    }

    /// The dependencies with constraints in their canonical form.
    pub fn canonical_deps(&self) -> BTreeMap<PackageName, Constraint> {
        let canonical = |(name, constraint): (&PackageName, &Constraint)| {
            (name.clone(), constraint.canonical())
        };
        self.deps.iter().map(canonical).collect()
    }
}

/// The dependencies of a release as the resolver wants them, sorted by name.
pub(super) fn requirements(
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
