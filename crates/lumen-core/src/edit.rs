//! Changes to a `lumen.toml` that keep everything else: comments, order, spacing, line ends.

use toml_edit::Item;

use crate::{
    constraint::Constraint,
    manifest::{DependencySource, Effect, GitReference},
    name::PackageName,
    problem::Problem,
    version::Version,
};

mod change;
mod layout;
mod publish;

use layout::Layout;
pub use publish::for_publish;

/// The key of a dependency's features.
const FEATURES: &str = "features";

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
#[non_exhaustive]
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
    #[error(
        "dependency `{0}` has a path or git source and no `version`, so others could not find it"
    )]
    NoVersion(PackageName),
    /// Something inherited that [`crate::manifest::Manifest::with_workspace`] has not filled in.
    #[error("`{0}` is inherited and not resolved")]
    Unresolved(String),
}

impl DependencyTable {
    /// All tables.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Dev];

    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "dependencies",
            Self::Dev => "dev-dependencies",
        }
    }
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

    /// Its keys and their values as TOML.
    fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys: Vec<(&'static str, String)> = Vec::new();
        let mut text = |key, value: &str| keys.push((key, change::quoted(value)));
        match &self.source {
            DependencySource::Registry {
                constraint,
                registry,
            } => {
                text("version", constraint.as_str());
                if let Some(registry) = registry {
                    text("registry", registry);
                }
            }
            DependencySource::Path { path, constraint } => {
                text("path", path);
                if let Some(constraint) = constraint {
                    text("version", constraint.as_str());
                }
            }
            DependencySource::Git {
                url,
                reference,
                constraint,
            } => {
                text("git", url);
                match reference {
                    GitReference::Default => {}
                    GitReference::Branch(branch) => text("branch", branch),
                    GitReference::Tag(tag) => text("tag", tag),
                    GitReference::Rev(rev) => text("rev", rev),
                }
                if let Some(constraint) = constraint {
                    text("version", constraint.as_str());
                }
            }
            DependencySource::Workspace => keys.push(("workspace", "true".into())),
        }
        if !self.default_features && self.source != DependencySource::Workspace {
            keys.push(("default-features", "false".into()));
        }
        if !self.features.is_empty() {
            let features: Vec<String> = self.features.iter().map(|f| change::quoted(f)).collect();
            keys.push((FEATURES, format!("[{}]", features.join(", "))));
        }
        if self.optional {
            keys.push(("optional", "true".into()));
        }
        keys
    }

    /// Keys of other sources, which cannot stand beside this one. A path or a repository stays
    /// where only another version is asked for.
    const fn excluded(&self) -> &'static [&'static str] {
        match &self.source {
            DependencySource::Registry { registry: None, .. } => &["workspace"],
            DependencySource::Registry { .. } => {
                &["workspace", "path", "git", "branch", "tag", "rev"]
            }
            DependencySource::Path { .. } => {
                &["workspace", "registry", "git", "branch", "tag", "rev"]
            }
            DependencySource::Git { .. } => {
                &["workspace", "registry", "path", "branch", "tag", "rev"]
            }
            DependencySource::Workspace => {
                &["version", "registry", "path", "git", "branch", "tag", "rev"]
            }
        }
    }

    /// The value as TOML, in its shortest form.
    fn to_toml(&self) -> String {
        match self.keys().as_slice() {
            [("version", version)] => version.clone(),
            keys => {
                let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k} = {v}")).collect();
                format!("{{ {} }}", keys.join(", "))
            }
        }
    }
}

/// Adds a dependency, or changes the one of that name in the same table: what it says beside
/// the new version, source and features stays, and so do comments.
///
/// A sorted table stays sorted; else the dependency goes to the end.
///
/// # Errors
/// When the text is malformed.
pub fn add_dependency(
    source: &str,
    table: DependencyTable,
    name: &PackageName,
    dependency: &NewDependency,
) -> Result<String, EditError> {
    let path = [table.as_str(), name.as_str()];
    let is_table = Layout::new(source)?
        .item(&path)
        .is_some_and(Item::is_table_like);
    checked(match is_table {
        true => merge(source, path, dependency)?,
        false => change::set(source, &path, &dependency.to_toml())?,
    })
}

/// Changes keys of a dependency that is a table, in whatever form.
fn merge(
    source: &str,
    [table, name]: [&str; 2],
    dependency: &NewDependency,
) -> Result<String, EditError> {
    let mut text = source.to_owned();
    let keys = dependency.keys();
    for (key, value) in &keys {
        let path = [table, name, key];
        text = match *key {
            FEATURES => change::add_strings(&text, &path, &dependency.features)?,
            _ => change::set(&text, &path, value)?,
        };
    }
    for key in dependency.excluded() {
        if !keys.iter().any(|(new, _)| new == key) {
            text = change::remove(&text, &[table, name, key])?;
        }
    }
    Ok(text)
}

/// Removes a dependency from every table, and what `[features]` says about it.
///
/// # Errors
/// When no table names it or the text is malformed.
pub fn remove_dependency(source: &str, name: &PackageName) -> Result<Removed, EditError> {
    let mut text = source.to_owned();
    let mut tables = Vec::new();
    for table in DependencyTable::ALL {
        let path = [table.as_str(), name.as_str()];
        if Layout::new(&text)?.item(&path).is_some() {
            text = change::remove(&text, &path)?;
            tables.push(table);
        }
    }
    if tables.is_empty() {
        return Err(EditError::NoDependency(name.clone()));
    }
    if tables.contains(&DependencyTable::Normal) {
        text = forget(text, name)?;
    }
    Ok(Removed {
        source: checked(text)?,
        tables,
    })
}

/// Takes a dependency that is gone out of `[features]`.
fn forget(mut text: String, name: &PackageName) -> Result<String, EditError> {
    let features: Vec<String> = Layout::new(&text)?
        .item(&["features"])
        .and_then(Item::as_table_like)
        .map(|table| table.iter().map(|(key, _)| key.to_owned()).collect())
        .unwrap_or_default();
    for feature in &features {
        text = change::remove_strings(&text, &["features", feature], |effect| {
            match Effect::of(effect) {
                Effect::Feature(other) => {
                    other == name.as_str() && !features.iter().any(|known| known == other)
                }
                effect => effect.dependency() == Some(name.as_str()),
            }
        })?;
    }
    Ok(text)
}

/// Changes the constraint of a dependency wherever it is written, in whatever form;
/// `[workspace.dependencies]` included.
///
/// # Errors
/// When no table names it, no mention has a version, or the text is malformed.
pub fn set_constraint(
    source: &str,
    name: &PackageName,
    constraint: &Constraint,
) -> Result<String, EditError> {
    let value = change::quoted(constraint.as_str());
    let mut text = source.to_owned();
    let (mut found, mut changed) = (false, false);
    for table in [
        &["dependencies"] as &[&str],
        &["dev-dependencies"],
        &["workspace", "dependencies"],
    ] {
        let mut path = table.to_vec();
        path.push(name.as_str());
        let layout = Layout::new(&text)?;
        let Some(item) = layout.item(&path) else {
            continue;
        };
        found = true;
        if !item.is_str() {
            path.push("version");
            if layout.item(&path).is_none() {
                continue;
            }
        }
        changed = true;
        text = change::set(&text, &path, &value)?;
    }
    match (found, changed) {
        (false, _) => Err(EditError::NoDependency(name.clone())),
        (true, false) => Err(EditError::NoConstraint(name.clone())),
        (true, true) => checked(text),
    }
}

/// Changes the package's version.
///
/// # Errors
/// When there is no package, its version is inherited, or the text is malformed.
pub fn set_version(source: &str, version: &Version) -> Result<String, EditError> {
    let layout = Layout::new(source)?;
    if layout.item(&["package"]).is_none() {
        return Err(EditError::NoPackage);
    }
    if layout.item(&["package", "version", "workspace"]).is_some() {
        return Err(EditError::Inherited("version"));
    }
    let value = change::quoted(&version.to_string());
    checked(change::set(source, &["package", "version"], &value)?)
}

/// The manifest of a new package.
pub fn new_manifest(name: &PackageName, version: &Version) -> String {
    format!(
        r#"[package]
name = "{name}"
version = "{version}"
# description = "One line that people find it by"
# license = "MIT"

# `lumen pkg add <name>` writes here what the package needs.
[dependencies]
"#
    )
}

/// The text, if it still is TOML: a file is never replaced by one that cannot be read.
fn checked(text: String) -> Result<String, EditError> {
    Layout::new(&text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
