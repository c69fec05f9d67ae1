//! The session that a command works in.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lumen_ops::{
    OpsError,
    context::{Context, Options, ProjectUse},
    members::Members,
    resolve::{ResolveOptions, Unlock},
    session::Session,
};
use lumen_registry::Freshness;

use crate::{
    args::{LockArgs, MemberArgs, ProjectArgs, RegistryArgs, ResolveArgs, Target},
    commands::shared::when,
    environment,
    ui::Ui,
};

/// A session for a command about a project.
pub fn session<'u>(
    project: &ProjectArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    with(
        project.manifest_path.clone(),
        &project.registry,
        freshness,
        ui,
    )
}

/// The same for some packages of a workspace.
pub fn about<'u>(
    members: Members,
    project: &ProjectArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    let mut options = options(ProjectUse::Nearest, &project.registry, freshness)?;
    options.manifest_path.clone_from(&project.manifest_path);
    options.members = members;
    on(options, ui)
}

/// The packages of a workspace that the arguments choose.
pub fn members(arguments: &MemberArgs) -> Members {
    let include = arguments.package.iter().chain(&arguments.filter);
    Members {
        include: include.cloned().collect(),
        exclude: arguments.exclude.clone(),
    }
}

/// The one package of a workspace that an argument chooses.
pub fn member(package: Option<&String>) -> Members {
    Members {
        include: package.into_iter().cloned().collect(),
        exclude: Vec::new(),
    }
}

pub fn with<'u>(
    manifest_path: Option<PathBuf>,
    registry: &RegistryArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    open(manifest_path, ProjectUse::Nearest, registry, freshness, ui)
}

/// A session for a command that no project has a say in.
pub fn alone(freshness: Freshness, ui: &Ui) -> Result<Session<'_>, OpsError> {
    let registry = RegistryArgs::default();
    open(None, ProjectUse::Ignored, &registry, freshness, ui)
}

fn open<'u>(
    manifest_path: Option<PathBuf>,
    project: ProjectUse,
    registry: &RegistryArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    let mut options = options(project, registry, freshness)?;
    options.manifest_path = manifest_path;
    on(options, ui)
}

fn options(
    project: ProjectUse,
    registry: &RegistryArgs,
    freshness: Freshness,
) -> Result<Options, OpsError> {
    Ok(Options {
        project,
        registry: registry.registry.clone(),
        offline: registry.offline,
        stale_if_error: registry.stale_if_error,
        freshness,
        ..Options::at(environment::working_dir()?, Timestamp::now())
    })
}

fn on(options: Options, ui: &Ui) -> Result<Session<'_>, OpsError> {
    let options = Options {
        activity: ui.activity(),
        ..options
    };
    Ok(Session::new(Context {
        environment: environment::read()?,
        options,
        reporter: ui,
    }))
}

pub fn resolve_options(
    lock: &LockArgs,
    dry_run: bool,
    resolve: &ResolveArgs,
) -> Result<ResolveOptions, OpsError> {
    use lumen_core::resolve::Order;
    Ok(ResolveOptions {
        locked: lock.locked || lock.frozen,
        dry_run,
        order: if resolve.minimal_versions {
            Order::Lowest
        } else {
            Order::Newest
        },
        exclude_newer: resolve
            .exclude_newer
            .as_deref()
            .map(|text| when::parse(text, Timestamp::now()))
            .transpose()?,
        unlock: Unlock::Nothing,
        ..ResolveOptions::default()
    })
}

/// A session about the registry that a command names as its argument.
pub fn target<'u>(target: &Target, ui: &'u Ui) -> Result<Session<'u>, OpsError> {
    let registry = match &target.location {
        // A folder needs no slash in its name.
        Some(text) if !text.contains("://") && Path::new(text).is_dir() => {
            let path = environment::absolute(Path::new(text))?;
            Some(path.to_string_lossy().into_owned())
        }
        other => other.clone(),
    };
    let registry = RegistryArgs {
        registry,
        ..RegistryArgs::default()
    };
    with(None, &registry, Freshness::Revalidate, ui)
}
