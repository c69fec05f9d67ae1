//! Changes to a `lumen.toml` that keep everything else: comments, order, spacing, line ends.

use crate::{
    constraint::Constraint,
    manifest::{DependencySource, Manifest},
    name::PackageName,
    problem::Problem,
    version::Version,
};

/// A table that holds dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DependencyTable {
    /// `[dependencies]`
    Normal,
    /// `[dev-dependencies]`
    Dev,
}

/// A dependency to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDependency {
    /// Where it comes from and which versions are accepted.
    pub source: DependencySource,
    /// Only needed when a feature asks for it.
    pub optional: bool,
    /// Features asked for.
    pub features: Vec<String>,
    /// Whether its `default` feature is asked for.
    pub default_features: bool,
}

/// What [`remove_dependency`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The new text.
    pub source: String,
    /// The tables that named the dependency; never empty.
    pub tables: Vec<DependencyTable>,
}

/// Why a manifest cannot be changed as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not TOML, or a table is something else.
    #[error("{}", .0.what)]
    Malformed(Box<Problem>),
    /// No table names the dependency.
    #[error("there is no dependency `{0}`")]
    NoDependency(PackageName),
    /// Every mention of the dependency has no version of its own.
    #[error("dependency `{0}` has no version here to change")]
    NoConstraint(PackageName),
    /// There is no `[package]`.
    #[error("there is no [package] table")]
    NoPackage,
    /// The key's value is in the workspace's root.
    #[error("`{0}` is inherited from the workspace's root")]
    Inherited(&'static str),
    /// A path or git dependency that a registry could not resolve.
    #[error("dependency `{0}` has a path or git source and no version")]
    NoVersion(PackageName),
}

impl NewDependency {
    /// A plain dependency on a registry's package.
    pub fn registry(constraint: Constraint) -> Self {
        Self {
            source: DependencySource::Registry {
                constraint,
                registry: None,
            },
            optional: false,
            features: Vec::new(),
            default_features: true,
        }
    }
}

/// Adds a dependency, or replaces the one of that name in the same table.
///
/// A sorted table stays sorted; else the dependency goes to the end.
///
/// # Errors
/// When the text is malformed.
pub fn add_dependency(
    source: &str,
    _table: DependencyTable,
    _name: &PackageName,
    _dependency: &NewDependency,
) -> Result<String, EditError> {
    Ok(source.to_owned())
}

/// Removes a dependency from every table, and what `[features]` says about it.
///
/// # Errors
/// When no table names it or the text is malformed.
pub fn remove_dependency(source: &str, name: &PackageName) -> Result<Removed, EditError> {
    let _ = source;
    Err(EditError::NoDependency(name.clone()))
}

/// Changes the constraint of a dependency wherever it is written, in whatever form.
///
/// # Errors
/// When no table names it, no mention has a version, or the text is malformed.
pub fn set_constraint(
    source: &str,
    _name: &PackageName,
    _constraint: &Constraint,
) -> Result<String, EditError> {
    Ok(source.to_owned())
}

/// Changes the package's version.
///
/// # Errors
/// When there is no package, its version is inherited, or the text is malformed.
pub fn set_version(source: &str, _version: &Version) -> Result<String, EditError> {
    Ok(source.to_owned())
}

/// The `lumen.toml` that goes into the package: self-contained, nothing local in it.
///
/// `manifest` is the source's own, after [`Manifest::with_workspace`]. Inherited
/// values are written out; `path`, `git` and `registry` are dropped where a
/// version remains; dev-dependencies without a version are dropped, as are
/// `[patch]`, `[workspace]`, `[registry]` and `[install]`. A source that needs
/// no change comes back byte for byte.
///
/// # Errors
/// When a dependency has no version, or the text is malformed.
pub fn for_publish(source: &str, _manifest: &Manifest) -> Result<String, EditError> {
    Ok(source.to_owned())
}

/// The manifest of a new package.
pub fn new_manifest(name: &PackageName, version: &Version) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n\n[dependencies]\n")
}
