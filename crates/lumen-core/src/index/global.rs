//! `index.json` as a client uses it: every package of a registry.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::package::PackageIndex;
use crate::{
    limits::{Row, rows},
    name::PackageName,
    version::Version,
};

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
    from.deserialize_seq(AtMost(rows::MAX_LISTED_PACKAGES))
}

/// Reads a number of packages.
pub(super) struct AtMost(pub Row);

impl<'de> Visitor<'de> for AtMost {
    type Value = Vec<PackageEntry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of packages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut packages = Vec::new();
        while let Some(package) = items.next_element()? {
            if packages.len() as u64 == self.0.value {
                return Err(de::Error::custom(format_args!(
                    "too many packages; {}",
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
