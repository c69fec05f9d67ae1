//! Results of commands that make packages and releases.

use lumen_core::index;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, shared::Lacking};

/// A packed package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Contents {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The packed files.
    pub files: Vec<File>,
    /// SHA-256 of the plain archive, which names the release for ever.
    pub digest: String,
    /// The size of the plain archive in bytes.
    pub size: usize,
    /// The size of the compressed archive in bytes.
    pub compressed_size: usize,
}

/// A packed file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct File {
    /// Its path in the package, with `/`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a program.
    pub executable: bool,
}

/// What `pack` made, or would make.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Packed {
    /// What is in it.
    #[serde(flatten)]
    pub contents: Contents,
    /// The archive; none when nothing was written.
    pub file: Option<String>,
}

/// What `unpack` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Unpacked {
    /// How many files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Packages of a workspace that would be published.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AllPlanned {
    /// In the order of publishing.
    pub packages: Vec<PlannedMember>,
}

/// Packages of a workspace that were published.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AllPublished {
    /// In the order of publishing, up to the first that failed.
    pub packages: Vec<Published>,
}

/// A release that would be published.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Planned {
    /// What would be in it.
    #[serde(flatten)]
    pub contents: Contents,
    /// The registry.
    pub registry: String,
}

/// A package of a workspace that would be published.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct PlannedMember {
    /// What would be in it.
    #[serde(flatten)]
    pub contents: Contents,
    /// The registry.
    pub registry: String,
    /// Whether the registry has no such release yet.
    pub new: bool,
}

/// A release that was published.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Published {
    /// `false`: the registry had the identical release already.
    pub new: bool,
    /// The registry.
    pub registry: String,
    /// SHA-256 of its `<version>.json`.
    pub metadata: String,
    /// The release.
    #[cfg_attr(test, schemars(with = "super::schemas::ReleaseFile"))]
    pub release: index::Release,
    /// The witnesses that have to sign before readers see it.
    pub waiting: Option<Lacking>,
}

/// What `submit` made, or would make.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Submission {
    /// What is in it.
    #[serde(flatten)]
    pub contents: Contents,
    /// The name in the log of the registry that it is for; none if that is not signed.
    pub registry: Option<String>,
    /// The name or scope that it claims, if that has no owner yet.
    pub claims: Option<String>,
    /// Where it is; none when nothing was written.
    pub submission: Option<String>,
}

/// What became of submissions.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Ingested {
    /// Whether they were only checked.
    pub dry_run: bool,
    /// One for each.
    pub submissions: Vec<Ingest>,
}

/// What became of a submission.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Ingest {
    /// It is good.
    Good(Taken),
    /// It was refused.
    Refused {
        /// Where it is.
        place: String,
        /// Why.
        error: Box<Failure>,
    },
}

/// A good submission.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Taken {
    /// Where it is.
    pub place: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `false`: the registry had the release already.
    pub new: bool,
    /// Whether it is in the registry now.
    pub published: bool,
    /// The witnesses that have to sign before readers see it.
    pub waiting: Option<Lacking>,
    /// The key that signed it.
    pub signer: Option<String>,
    /// The name or scope that it claims.
    pub claims: Option<String>,
}
