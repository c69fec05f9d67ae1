//! `lumen pkg add`: new dependencies.

use std::collections::BTreeMap;

use lumen_core::{
    Constraint, PackageName,
    edit::{self, DependencyTable, NewDependency},
    manifest::{DependencySource, GitReference},
};
use lumen_store::project::MANIFEST;

use crate::{
    error::{OpsError, PackageError},
    lookup::{newest, no_such_package, package_index},
    names::parse_package,
    pack,
    resolve::ResolveOptions,
    session::Session,
    settings::{DEFAULT, is_location},
    verbs::{
        edit::{Added, apply},
        install::Outcome,
    },
};

/// A dependency to add, as the user asks for it.
#[derive(Debug, Clone)]
pub struct Addition {
    /// `name` or `name@constraint`.
    pub package: String,
    /// Where it comes from, if not from a registry.
    pub from: Option<AddFrom>,
    /// The configured registry that it comes from, if not the one of all packages of its scope.
    pub registry: Option<String>,
    /// Into which table.
    pub table: DependencyTable,
    /// Only needed when a feature asks for it.
    pub optional: bool,
    /// Features to turn on.
    pub features: Vec<String>,
    /// Whether the default features stay on.
    pub default_features: bool,
}

/// Where a dependency comes from, if not from a registry.
#[derive(Debug, Clone)]
pub enum AddFrom {
    /// A folder, as the manifest will have it.
    Path(String),
    /// A git repository.
    Git {
        /// Its URL.
        url: String,
        /// Which commit.
        reference: GitReference,
    },
}

/// Adds dependencies to the package here, and installs.
///
/// # Errors
/// When a package does not exist, no versions fit, or the install fails; nothing is written then.
pub fn add(
    session: &Session<'_>,
    additions: &[Addition],
    options: &ResolveOptions,
) -> Result<(Vec<Added>, Outcome), OpsError> {
    let (project, _lock) = session.locked_project(options.dry_run)?;
    let local = pack::current(&project)?;
    let mut text = local.source.to_string();
    let mut added = Vec::new();
    for addition in additions {
        let (name, constraint) = parse_package(&addition.package)?;
        if local.name() == Some(&name) {
            return Err(PackageError::Itself(name).into());
        }
        let source = match &addition.from {
            Some(AddFrom::Path(path)) => DependencySource::Path {
                path: path.replace('\\', "/"),
                constraint: constraint.clone(),
            },
            Some(AddFrom::Git { url, reference }) => DependencySource::Git {
                url: url.clone(),
                reference: reference.clone(),
                constraint: constraint.clone(),
            },
            None => {
                let constraint = match constraint.clone() {
                    Some(constraint) => constraint,
                    None => newest_constraint(session, &name, addition, options.exclude_newer)?,
                };
                DependencySource::Registry {
                    constraint,
                    registry: addition.registry.clone(),
                }
            }
        };
        let written = match &source {
            DependencySource::Registry { constraint, .. } => Some(constraint.clone()),
            _ => constraint,
        };
        let dependency = NewDependency {
            source,
            optional: addition.optional,
            features: addition.features.clone(),
            default_features: addition.default_features,
        };
        text = edit::add_dependency(&text, addition.table, &name, &dependency)?;
        added.push(Added {
            name,
            constraint: written,
        });
    }
    let file = local.dir.join(MANIFEST);
    let outcome = apply(session, &project, BTreeMap::from([(file, text)]), options)?;
    Ok((added, outcome))
}

/// `^newest` of a package, as `pkg add` writes it.
fn newest_constraint(
    session: &Session<'_>,
    name: &PackageName,
    addition: &Addition,
    exclude_newer: Option<i64>,
) -> Result<Constraint, OpsError> {
    let registry = match &addition.registry {
        Some(registry) => session.registry(registry)?,
        None => session.registry_for(name)?,
    };
    let index = package_index(session, &registry, name)?;
    let index = match index {
        Some(index) => index,
        None => return Err(no_such_package(session, &registry, name)),
    };
    newest(&index, exclude_newer)
        .map(Constraint::caret)
        .ok_or_else(|| PackageError::NoVersion(name.clone()).into())
}

/// Takes the name of a registry out of `--registry`: the new dependency comes from there, and
/// the others from where they were. A URL or a path stays.
pub fn take_name(registry: &mut Option<String>) -> Option<String> {
    registry.take_if(|text| !is_location(text) && text != DEFAULT)
}
