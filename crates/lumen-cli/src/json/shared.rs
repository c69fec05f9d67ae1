//! Parts of the results of several commands.

use std::path::Path;

use lumen_core::{PackageName, Version, trust};
use lumen_registry::log;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// A release.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Release {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Release {
    /// The release of this package with this version.
    pub fn of(name: &PackageName, version: &Version) -> Self {
        Self {
            name: name.to_string(),
            version: version.to_string(),
        }
    }
}

/// The witnesses that have to sign before readers see a change.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Lacking {
    /// How many witnesses, validating or not.
    pub witnesses: u32,
    /// How many validating witnesses.
    pub validating: u32,
}

impl From<trust::Lacking> for Lacking {
    fn from(lacking: trust::Lacking) -> Self {
        Self {
            witnesses: lacking.witnesses,
            validating: lacking.validating,
        }
    }
}

/// Entries of a log that readers do not see yet.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Waiting {
    /// How many entries readers see.
    pub public: u64,
    /// How many entries there are.
    pub size: u64,
    /// How many witnesses must sign, validating or not.
    pub witnesses: u32,
    /// How many validating witnesses must sign.
    pub validating: u32,
}

impl From<&log::Waiting> for Waiting {
    fn from(waiting: &log::Waiting) -> Self {
        Self {
            public: waiting.public,
            size: waiting.size,
            witnesses: waiting.lacking.witnesses,
            validating: waiting.lacking.validating,
        }
    }
}

/// A number of files.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A path as text; what is no UTF-8 in it is replaced.
pub fn path(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}
