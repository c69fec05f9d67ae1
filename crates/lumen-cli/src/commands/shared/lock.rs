//! The lock of a project, for commands that show it.

use lumen_core::{PackageName, lockfile::Lockfile};
use lumen_ops::{OpsError, graph, names::parse_name};
use lumen_store::project::Project;

pub fn roots(project: &Project) -> Vec<PackageName> {
    project
        .members
        .iter()
        .filter_map(|member| member.name().cloned())
        .collect()
}

pub fn lock(project: &Project) -> Result<&Lockfile, OpsError> {
    Ok(graph::lock(project)?)
}

pub fn known(lock: &Lockfile, name: &str) -> Result<PackageName, OpsError> {
    let name = parse_name(name)?;
    graph::expect(lock, &name)?;
    Ok(name)
}
