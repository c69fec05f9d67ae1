//! What one package asks of another.

use std::collections::BTreeMap;

use crate::{constraint::Constraint, name::PackageName};

/// A dependency as the resolver sees it: no source, no formatting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The package asked for.
    pub name: PackageName,
    /// The versions accepted.
    pub constraint: Constraint,
    /// Only needed when a feature asks for it.
    pub optional: bool,
    /// Features of the package that are asked for.
    pub features: Vec<String>,
    /// Whether its `default` feature is asked for.
    pub default_features: bool,
}

impl Requirement {
    /// A plain requirement: not optional, default features on.
    pub fn new(name: PackageName, constraint: Constraint) -> Self {
        Self {
            name,
            constraint,
            optional: false,
            features: Vec::new(),
            default_features: true,
        }
    }
}

/// A `[features]` table: feature -> what it turns on (`other`, `dep:name`, `name/feature`, `name?/feature`).
pub type Features = BTreeMap<String, Vec<String>>;
