//! The lock of a project, for commands that show it.

use lumen_core::{PackageName, lockfile::Lockfile, problem};
use lumen_ops::{OpsError, names::parse_name};
use lumen_store::project::Project;

pub fn roots(project: &Project) -> Vec<PackageName> {
    project
        .members
        .iter()
        .filter_map(|member| member.name().cloned())
        .collect()
}

pub fn lock(project: &Project) -> Result<&Lockfile, OpsError> {
    let missing = || {
        OpsError::user(
            "there is no `lumen.lock` yet",
            "run `lumen pkg install` first",
        )
    };
    project
        .lock
        .as_ref()
        .map(|(lock, _)| lock)
        .ok_or_else(missing)
}

pub fn known(lock: &Lockfile, name: &str) -> Result<PackageName, OpsError> {
    let name = parse_name(name)?;
    if lock.packages.contains_key(&name) {
        return Ok(name);
    }
    let hint = match problem::nearest(name.as_str(), lock.packages.keys().map(PackageName::as_str))
    {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`lumen pkg list` lists the packages".into(),
    };
    Err(OpsError::user(
        format!("`{name}` is not a package of this project"),
        hint,
    ))
}
