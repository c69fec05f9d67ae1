//! The project of a command, and what it means together with the user's settings: loaded once,
//! and silently.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use lumen_core::{
    PackageName,
    lockfile::{LockedSource, LockedTrust, Lockfile},
    problem::Problem,
    trust::Subject,
};
use lumen_registry::verify::LockedOwners;
use lumen_store::project::{MANIFEST, Project, ProjectError, Snapshot};

use crate::{
    context::{Context, ProjectUse},
    error::OpsError,
    settings::Settings,
};

/// A project, if there is one, and the settings that follow.
#[derive(Debug)]
pub struct Workspace {
    /// The project.
    pub project: Option<Arc<Project>>,
    /// The settings.
    pub settings: Arc<Settings>,
    /// Warnings about manifests and configuration files.
    pub warnings: Vec<Problem>,
    /// The state of signed registries in the lock, by name.
    pub(crate) locked: BTreeMap<String, Locked>,
    /// Which packages the lock has from each registry.
    pub(crate) expected: BTreeMap<String, Vec<PackageName>>,
}

/// The state of a signed registry in a lock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locked {
    /// The state; those of both sides where a lock is being merged.
    pub(crate) trust: Vec<LockedTrust>,
    /// The ownership notes that were in force, by their subject.
    pub(crate) owners: BTreeMap<Subject, LockedOwners>,
}

impl Workspace {
    /// The settings without a project.
    ///
    /// # Errors
    /// When a configuration file is invalid.
    pub fn without_project(context: &Context<'_>) -> Result<Self, OpsError> {
        let (settings, warnings) = Settings::merge(context, None)?;
        Ok(Self {
            project: None,
            settings: Arc::new(settings),
            warnings,
            locked: BTreeMap::new(),
            expected: BTreeMap::new(),
        })
    }

    /// A project, and the settings with it.
    ///
    /// # Errors
    /// When the project or a configuration file is invalid.
    pub fn load(context: &Context<'_>, snapshot: Snapshot) -> Result<Self, OpsError> {
        let mut project = snapshot.load()?;
        context.options.members.choose(&mut project)?;
        let manifest = &project.root_package.manifest;
        let (settings, more) = Settings::merge(context, Some(manifest))?;
        let mut warnings = project.warnings.clone();
        warnings.extend(more);
        let lock = project.lock.as_ref().map(|(lock, _)| lock);
        Ok(Self {
            locked: Locked::all(&locks(&project)),
            expected: lock.map(expected).unwrap_or_default(),
            project: Some(Arc::new(project)),
            settings: Arc::new(settings),
            warnings,
        })
    }

    /// What the options say: the nearest project if there is one and it has a say.
    ///
    /// # Errors
    /// When the project or a configuration file is invalid, or the options name a manifest that
    /// does not exist.
    pub fn find(context: &Context<'_>) -> Result<Self, OpsError> {
        if context.options.project == ProjectUse::Ignored {
            return Self::without_project(context);
        }
        match manifest_path(context) {
            Ok(manifest) => {
                let snapshot = Snapshot::of(&manifest, &context.surroundings());
                Self::load(context, snapshot)
            }
            Err(OpsError::Project(ProjectError::NotFound(_)))
                if context.options.manifest_path.is_none() =>
            {
                Self::without_project(context)
            }
            Err(error) => Err(error),
        }
    }
}

/// The manifest that the command is about.
///
/// # Errors
/// When there is none.
pub fn manifest_path(context: &Context<'_>) -> Result<PathBuf, OpsError> {
    let options = &context.options;
    let Some(path) = &options.manifest_path else {
        return Ok(Project::find(&context.surroundings())?);
    };
    let path = options.working_dir.join(path);
    let file = match path.is_dir() {
        true => path.join(MANIFEST),
        false => path,
    };
    match file.is_file() {
        true => Ok(file),
        false => Err(ProjectError::NotFound(file).into()),
    }
}

impl Locked {
    fn all(locks: &[&Lockfile]) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for (name, registry) in locks.iter().flat_map(|lock| &lock.registries) {
            if let Some(trust) = &registry.trust {
                let locked = all.entry(name.clone()).or_default();
                locked.trust.push(trust.clone());
            }
        }
        for (name, package) in locks.iter().flat_map(|lock| &lock.packages) {
            if let (LockedSource::Registry(registry), Some(seq)) = (&package.source, package.owners)
                && let Some(locked) = all.get_mut(registry)
            {
                // Where branches were merged, packages of a scope may differ.
                let owners = locked.owners.entry(Subject::owner_of(name)).or_default();
                owners.insert((seq, package.owners_note));
            }
        }
        all
    }
}

/// What binds the next lock: the lock of the project, or the two that it has to be merged from.
pub(crate) fn locks(project: &Project) -> Vec<&Lockfile> {
    match (&project.merge, &project.lock) {
        (Some(merge), _) => merge.sides.iter().collect(),
        (None, lock) => lock.iter().map(|(lock, _)| lock).collect(),
    }
}

fn expected(lock: &Lockfile) -> BTreeMap<String, Vec<PackageName>> {
    let mut expected: BTreeMap<String, Vec<PackageName>> = BTreeMap::new();
    for (name, package) in &lock.packages {
        if let LockedSource::Registry(registry) = &package.source {
            let names = expected.entry(registry.clone()).or_default();
            names.push(name.clone());
        }
    }
    expected
}
