//! `lumen pkg add`: new dependencies.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use lumen_core::{
    Constraint, PackageName, Version,
    edit::{self, DependencyTable, NewDependency},
    explain::Story,
    manifest::{DependencySource, GitReference},
    remedy::Remedy,
};
use lumen_store::project::{LocalPackage, MANIFEST, Project, normalize, relative, slashed};

use crate::{
    error::{InputError, OpsError, PackageError, SettingsError},
    lookup::{newest, no_such_package, package_index},
    names::{Wanted, parse_wanted},
    pack,
    resolve::{Proposed, ResolveOptions},
    session::Session,
    settings::{DEFAULT, is_location},
    verbs::{
        edit::{Added, apply},
        install::Outcome,
    },
    workspace::Workspace,
};

/// A dependency to add, as the user asks for it.
#[derive(Debug, Clone)]
pub struct Addition {
    /// `name`, `name@constraint` or a folder, as [`parse_wanted`] reads it.
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
    /// A folder, by its path from the working folder.
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
    let mut added: Vec<Added> = Vec::new();
    let mut proposed = Proposed {
        package: local.name().cloned(),
        names: BTreeSet::new(),
    };
    // Where the user asks for no version, any will do: these are the newest.
    let mut free: BTreeMap<PackageName, Version> = BTreeMap::new();
    for addition in additions {
        let named = named(session, addition)?;
        let name = named.name.clone();
        if local.name() == Some(&name) {
            return Err(PackageError::Itself(name).into());
        }
        let source = source_of(session, &project, local, addition, named)?;
        let source = match source {
            Some(source) => source,
            None => {
                let newest = newest_version(session, &name, addition, options.exclude_newer)?;
                let constraint = Constraint::caret(&newest);
                free.insert(name.clone(), newest);
                DependencySource::Registry {
                    constraint,
                    registry: addition.registry.clone(),
                }
            }
        };
        if matches!(source, DependencySource::Registry { .. }) {
            proposed.names.insert(name.clone());
        }
        let written = constraint_of(&source).cloned();
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
            newest: None,
        });
    }
    let file = local.dir.join(MANIFEST);
    let options = ResolveOptions {
        proposed: Some(proposed),
        ..options.clone()
    };
    loop {
        let edited = BTreeMap::from([(file.clone(), text.clone())]);
        match apply(session, &project, edited, &options) {
            Ok(outcome) => return Ok((added, outcome)),
            // The story knows an older version that fits. Each package steps down once.
            Err(OpsError::Conflict(story)) => {
                let Some((name, version, newest)) = older(&story, &mut free) else {
                    return Err(OpsError::Conflict(story));
                };
                let constraint = Constraint::caret(&version);
                text = edit::set_constraint(&text, &name, &constraint)?;
                for added in added.iter_mut().filter(|added| added.name == name) {
                    added.constraint = Some(constraint.clone());
                    added.newest = Some(newest.clone());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// A package of `free` of which a story knows an older version that fits, that version, and the
/// newest; it is free no longer.
fn older(
    story: &Story,
    free: &mut BTreeMap<PackageName, Version>,
) -> Option<(PackageName, Version, Version)> {
    story.hints.iter().find_map(|hint| match hint {
        Remedy::Propose(name, version) => {
            let newest = free.remove(name)?;
            Some((name.clone(), Version::clone(version), newest))
        }
        _ => None,
    })
}

/// A dependency to add, once its name is known.
struct Named {
    name: PackageName,
    constraint: Option<Constraint>,
    /// The folder that it is in, by its path from the working folder.
    folder: Option<String>,
}

/// Which package is meant.
fn named(session: &Session<'_>, addition: &Addition) -> Result<Named, OpsError> {
    let options = &session.context.options;
    match parse_wanted(&addition.package)? {
        Wanted::Package(name, constraint) => Ok(Named {
            name,
            constraint,
            folder: match &addition.from {
                Some(AddFrom::Path(path)) => Some(path.clone()),
                _ => None,
            },
        }),
        Wanted::Folder(path) => {
            if addition.from.is_some() || addition.registry.is_some() {
                return Err(InputError::TwoPlaces(path).into());
            }
            let manifest = options.working_dir.join(&path).join(MANIFEST);
            if !manifest.is_file() {
                return Err(InputError::NoPackageIn(path).into());
            }
            let there = Project::load(&manifest, &session.context.surroundings())?;
            let package = there.current_member().and_then(LocalPackage::name);
            let name = package.cloned().ok_or_else(|| PackageError::NoPackage {
                file: format!("{}/{MANIFEST}", path.trim_end_matches('/')),
            })?;
            Ok(Named {
                name,
                constraint: None,
                folder: Some(path),
            })
        }
    }
}

/// Where it comes from: what the user says, else the workspace, else a registry. `None`: from a
/// registry, in a version that fits.
fn source_of(
    session: &Session<'_>,
    project: &Project,
    local: &LocalPackage,
    addition: &Addition,
    named: Named,
) -> Result<Option<DependencySource>, OpsError> {
    let Named {
        name,
        constraint,
        folder,
    } = named;
    let working_dir = &session.context.options.working_dir;
    if let Some(path) = folder {
        let dir = normalize(&working_dir.join(&path));
        let member = project.members.iter().find(|member| member.dir == dir);
        // The manifest has the path from its own folder, wherever the command runs.
        let path = match Path::new(&path).is_relative() && dir.join(MANIFEST).is_file() {
            true => slashed(&relative(&local.dir, &dir)),
            false => path.replace('\\', "/"),
        };
        return Ok(Some(DependencySource::Path {
            path,
            constraint: constraint.or_else(|| member.and_then(of_member)),
        }));
    }
    if let Some(AddFrom::Git { url, reference }) = &addition.from {
        return Ok(Some(DependencySource::Git {
            url: url.clone(),
            reference: reference.clone(),
            constraint,
        }));
    }
    if addition.registry.is_none() {
        let mut members = project.members.iter();
        if let Some(member) = members.find(|member| member.name() == Some(&name)) {
            return Ok(Some(DependencySource::Path {
                path: slashed(&relative(&local.dir, &member.dir)),
                constraint: constraint.or_else(|| of_member(member)),
            }));
        }
        let shared = project.root_package.manifest.workspace.as_ref();
        if constraint.is_none()
            && shared.is_some_and(|shared| shared.dependencies.contains_key(&name))
        {
            return Ok(Some(DependencySource::Workspace));
        }
    }
    // What is there already keeps its place; only the options are new.
    if let (None, None, Some(source)) = (&constraint, &addition.registry, existing(local, &name))
        && !matches!(source, DependencySource::Registry { .. })
    {
        return Ok(Some(source.clone()));
    }
    Ok(constraint.map(|constraint| DependencySource::Registry {
        constraint,
        registry: addition.registry.clone(),
    }))
}

/// Where a dependency of this name comes from in the manifest as it is.
fn existing<'m>(local: &'m LocalPackage, name: &PackageName) -> Option<&'m DependencySource> {
    let manifest = &local.manifest;
    let found = manifest.dependencies.get(name);
    let found = found.or_else(|| manifest.dev_dependencies.get(name));
    found.map(|dependency| &dependency.source)
}

/// What a dependency on a member says of its version, for those who get it from a registry.
fn of_member(member: &LocalPackage) -> Option<Constraint> {
    let package = member.manifest.package.as_ref();
    package.map(|package| Constraint::caret(&package.version))
}

const fn constraint_of(source: &DependencySource) -> Option<&Constraint> {
    match source {
        DependencySource::Registry { constraint, .. } => Some(constraint),
        DependencySource::Path { constraint, .. } | DependencySource::Git { constraint, .. } => {
            constraint.as_ref()
        }
        DependencySource::Workspace => None,
    }
}

/// The newest version of a package that may be chosen.
fn newest_version(
    session: &Session<'_>,
    name: &PackageName,
    addition: &Addition,
    exclude_newer: Option<i64>,
) -> Result<Version, OpsError> {
    let registry = match &addition.registry {
        Some(registry) => session.registry(registry)?,
        None => session.registry_for(name)?,
    };
    let index = package_index(session, &registry, name)?;
    let index = match index {
        Some(index) => index,
        None => return Err(no_such_package(session, &registry, name)),
    };
    let newest = newest(session, &registry, &index, exclude_newer)?;
    Ok(newest.map_err(|none| PackageError::NoVersion(Box::new(none)))?)
}

/// Takes the name of a registry out of `--registry`: the new dependency comes from there, and
/// the others from where they were. A URL or a path stays.
pub fn take_name(registry: &mut Option<String>) -> Option<String> {
    registry.take_if(|text| !is_location(text) && text != DEFAULT)
}

/// The configured name of the registry at a URL or path that `add --registry` was given: only a
/// name can stand in a dependency. `None`: it is the default of this run, since the project has
/// no packages of another default registry yet.
///
/// # Errors
/// [`SettingsError::Unnamed`] when the project has; when the project or a configuration file is
/// invalid.
pub fn name_of(session: &Session<'_>, place: &str) -> Result<Option<String>, OpsError> {
    let workspace = Workspace::find(&session.context)?;
    let plain = |text: &str| text.trim_end_matches('/').to_owned();
    if let Ok(default) = workspace.settings.urls(DEFAULT)
        && plain(&default.read) == plain(place)
    {
        return Ok(Some(DEFAULT.into()));
    }
    let mut registries = workspace.settings.registries.iter();
    if let Some((name, _)) = registries.find(|(_, urls)| plain(&urls.read) == plain(place)) {
        return Ok(Some(name.clone()));
    }
    match workspace.expected.contains_key(DEFAULT) {
        true => Err(SettingsError::Unnamed {
            place: place.into(),
        }
        .into()),
        false => Ok(None),
    }
}
