//! `lumen pkg add`, `remove` and `update`: changes of the manifest that are only written once they resolve.

use std::{collections::BTreeMap, path::PathBuf};

use lumen_core::{
    Constraint, PackageName, Version,
    edit::{self, DependencyTable, EditError, NewDependency},
    index::PackageIndex,
    lockfile::LockedSource,
    manifest::{DependencySource, GitReference},
    problem, version,
};
use lumen_registry::Registry;
use lumen_store::project::{LocalPackage, MANIFEST, Project};

use crate::{
    error::OpsError,
    install::{self, Outcome},
    pack,
    resolve::{self, ResolveOptions, Unlock},
    session::Session,
};

/// A dependency to add, as the user asks for it.
#[derive(Debug, Clone)]
pub struct Addition {
    /// `name` or `name@constraint`.
    pub package: String,
    /// Where it comes from, if not from a registry.
    pub from: Option<AddFrom>,
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

/// What was written into a manifest.
#[derive(Debug, Clone)]
pub struct Added {
    /// The dependency.
    pub name: PackageName,
    /// The constraint written, if any.
    pub constraint: Option<Constraint>,
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
            return Err(OpsError::user(
                format!("`{name}` cannot depend on itself"),
                "name another package",
            ));
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
                    None => newest_constraint(session, &name, options.exclude_newer)?,
                };
                DependencySource::Registry {
                    constraint,
                    registry: named_registry(session)?,
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

/// Removes dependencies from the package here, and installs what is left.
///
/// # Errors
/// When there is no such dependency, or the install fails; nothing is written then.
pub fn remove(
    session: &Session<'_>,
    names: &[String],
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let (project, _lock) = session.locked_project(options.dry_run)?;
    let local = pack::current(&project)?;
    let mut text = local.source.to_string();
    for name in names {
        let name = parse_name(name)?;
        text = match edit::remove_dependency(&text, &name) {
            Ok(removed) => removed.source,
            Err(EditError::NoDependency(_)) => {
                let manifest = &local.manifest;
                let known = manifest
                    .dependencies
                    .keys()
                    .chain(manifest.dev_dependencies.keys())
                    .map(PackageName::as_str);
                let hint = match problem::nearest(name.as_str(), known) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "`lumen pkg tree --depth 1` lists the dependencies".into(),
                };
                return Err(OpsError::user(
                    format!("`{}` has no dependency `{name}`", local.file),
                    hint,
                ));
            }
            Err(error) => return Err(error.into()),
        };
    }
    let file = local.dir.join(MANIFEST);
    apply(session, &project, BTreeMap::from([(file, text)]), options)
}

/// Moves packages to the newest versions within the constraints; with `breaking`, raises the constraints first.
///
/// # Errors
/// When a name is not in the lock, no versions fit, or the install fails; nothing is written then.
pub fn update(
    session: &Session<'_>,
    names: &[String],
    breaking: bool,
    options: &ResolveOptions,
) -> Result<(Vec<Added>, Outcome), OpsError> {
    let (project, _lock) = session.locked_project(options.dry_run)?;
    let names = names
        .iter()
        .map(|name| parse_name(name))
        .collect::<Result<Vec<_>, _>>()?;
    for name in &names {
        let locked = project.lock.as_ref().map(|(lock, _)| lock);
        if let Some(lock) = locked.filter(|lock| !lock.packages.contains_key(name)) {
            let known = lock.packages.keys().map(PackageName::as_str);
            let hint = match problem::nearest(name.as_str(), known) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`lumen pkg list` lists the packages".into(),
            };
            return Err(OpsError::user(
                format!("`{name}` is not a package of this project"),
                hint,
            ));
        }
    }
    let unlock = if names.is_empty() {
        Unlock::All
    } else {
        Unlock::Names(names.iter().cloned().collect())
    };
    let options = ResolveOptions {
        unlock,
        ..options.clone()
    };
    let mut edited = BTreeMap::new();
    let mut raised = Vec::new();
    if breaking {
        // The root of a workspace has versions that its members inherit.
        let is_root = |member: &&LocalPackage| member.dir == project.root;
        let root = match project.members.iter().any(|member| is_root(&member)) {
            true => None,
            false => Some(&project.root_package),
        };
        for member in project.members.iter().chain(root) {
            let text = raise(session, member, &names, &options, &mut raised)?;
            edited.extend(text.map(|text| (member.dir.join(MANIFEST), text)));
        }
    }
    let outcome = apply(session, &project, edited, &options)?;
    Ok((raised, outcome))
}

/// Resolves and installs with manifests as edited, and writes them when that works.
/// The caller holds the project's lock.
fn apply(
    session: &Session<'_>,
    project: &Project,
    edited: BTreeMap<PathBuf, String>,
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let project = project.edited(edited)?;
    let resolved = resolve::run(session, &project, options).map_err(|error| match error {
        // The story speaks of the manifest as it would be.
        OpsError::Conflict(mut story) if !project.edited.is_empty() => {
            story
                .hints
                .push("nothing was written; lumen.toml is as it was".into());
            OpsError::Conflict(story)
        }
        other => other,
    })?;
    install::apply(session, &project, resolved, options.dry_run)
}

/// The member's manifest with every constraint raised that keeps the newest release out.
fn raise(
    session: &Session<'_>,
    member: &LocalPackage,
    names: &[PackageName],
    options: &ResolveOptions,
    raised: &mut Vec<Added>,
) -> Result<Option<String>, OpsError> {
    let mut text: Option<String> = None;
    let manifest = &member.manifest;
    let shared = manifest.workspace.as_ref();
    let shared = shared.map(|workspace| &workspace.dependencies);
    let all = manifest
        .dependencies
        .iter()
        .chain(&manifest.dev_dependencies)
        .chain(shared.into_iter().flatten());
    for (name, dependency) in all {
        let DependencySource::Registry {
            constraint,
            registry,
        } = &dependency.source
        else {
            continue;
        };
        if !(names.is_empty() || names.contains(name)) {
            continue;
        }
        let registry = match registry {
            Some(registry) => session.registry(registry)?,
            None => session.registry_for(name)?,
        };
        let Some(index) = package_index(session, &registry, name)? else {
            continue;
        };
        let Some(newest) = newest(&index, options.exclude_newer) else {
            continue;
        };
        // A constraint that reaches beyond the newest release, or names a pre-release, is left alone.
        if constraint.matches(newest)
            || index
                .versions
                .iter()
                .any(|v| constraint.matches(v) && v > newest)
        {
            continue;
        }
        let constraint = Constraint::caret(newest);
        match edit::set_constraint(text.as_deref().unwrap_or(&member.source), name, &constraint) {
            Ok(edited) => text = Some(edited),
            // Its version is in the workspace's root.
            Err(EditError::NoConstraint(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        raised.push(Added {
            name: name.clone(),
            constraint: Some(constraint),
        });
    }
    Ok(text)
}

/// `^newest` of a package, as `pkg add` writes it.
fn newest_constraint(
    session: &Session<'_>,
    name: &PackageName,
    exclude_newer: Option<i64>,
) -> Result<Constraint, OpsError> {
    let registry = session.registry_for(name)?;
    let index = package_index(session, &registry, name)?;
    let index = match index {
        Some(index) => index,
        None => return Err(no_such_package(session, &registry, name)),
    };
    newest(&index, exclude_newer)
        .map(Constraint::caret)
        .ok_or_else(|| {
            OpsError::user(
                format!("every version of `{name}` is yanked or too new"),
                format!("`lumen pkg info {name}` shows them; ask for one with `{name}@=<version>`"),
            )
        })
}

/// The newest version that may be chosen.
fn newest(index: &PackageIndex, exclude_newer: Option<i64>) -> Option<&Version> {
    let too_new = |version: &Version| {
        exclude_newer.is_some_and(|limit| {
            let published = index
                .releases
                .get(version)
                .and_then(|release| release.published_at.as_deref());
            published
                .and_then(|text| text.parse::<jiff::Timestamp>().ok())
                .is_none_or(|at| at.as_second() > limit)
        })
    };
    version::latest(&index.versions, |version| {
        index.is_yanked(version) || too_new(version)
    })
}

/// Reads a package index.
///
/// # Errors
/// When the registry cannot be read.
pub fn package_index(
    session: &Session<'_>,
    registry: &Registry,
    name: &PackageName,
) -> Result<Option<std::sync::Arc<PackageIndex>>, OpsError> {
    session.block_on(async { Ok(registry.find(name).await?) })
}

/// The error for a package that a registry does not have, with a name that is close.
pub fn no_such_package(session: &Session<'_>, registry: &Registry, name: &PackageName) -> OpsError {
    let global = session.block_on(async { Ok(registry.global_index().await?) });
    let names = global
        .ok()
        .flatten()
        .map(|index| index.packages)
        .unwrap_or_default();
    let nearest = problem::nearest(name.as_str(), names.iter().map(|entry| entry.name.as_str()));
    OpsError::NoSuchRelease {
        name: name.clone(),
        version: None,
        nearest: nearest.map(str::to_owned),
    }
}

/// With `--registry <name>` of a configured registry, the dependency records that name.
fn named_registry(session: &Session<'_>) -> Result<Option<String>, OpsError> {
    let settings = session.settings()?;
    Ok(session
        .options
        .registry
        .clone()
        .filter(|text| settings.registries.contains_key(text)))
}

/// Splits `name@constraint`.
///
/// # Errors
/// When one of them is malformed.
pub fn parse_package(text: &str) -> Result<(PackageName, Option<Constraint>), OpsError> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    match at {
        Some(at) => Ok((parse_name(&text[..at])?, Some(text[at + 1..].parse()?))),
        None => Ok((parse_name(text)?, None)),
    }
}

/// Parses a name given on the command line.
///
/// # Errors
/// When it is malformed.
pub fn parse_name(text: &str) -> Result<PackageName, OpsError> {
    PackageName::parse(text).map_err(|source| OpsError::Name {
        text: text.to_owned(),
        source,
    })
}

/// Splits `name@version`.
///
/// # Errors
/// When one of them is malformed or the version is missing.
pub fn parse_release(text: &str) -> Result<(PackageName, Version), OpsError> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    let expected = || OpsError::user(format!("`{text}` is not a release"), "write `name@1.2.3`");
    let at = at.ok_or_else(expected)?;
    let version = Version::parse(&text[at + 1..]).map_err(|_| expected())?;
    Ok((parse_name(&text[..at])?, version))
}

/// Registry packages of a lock and the name of the registry each comes from.
pub fn registry_packages(project: &Project) -> Vec<(PackageName, Version, String)> {
    let packages = project.lock.iter().flat_map(|(lock, _)| &lock.packages);
    let from_registry = packages.filter_map(|(name, package)| match &package.source {
        LockedSource::Registry(registry) => {
            Some((name.clone(), package.version.clone(), registry.clone()))
        }
        _ => None,
    });
    from_registry.collect()
}
