//! The lock of a project, for commands that show it.

use lumen_core::{PackageName, lockfile::Lockfile};
use lumen_ops::{OpsError, graph, names::parse_name};
use lumen_store::project::Project;

/// The members of a project, and what its root asks for if it is no package.
pub fn roots(project: &Project) -> Vec<PackageName> {
    let members = project.members.iter();
    let mut roots: Vec<PackageName> = members
        .filter_map(|member| member.name().cloned())
        .collect();
    for name in asked(project) {
        if !roots.contains(&name) {
            roots.push(name);
        }
    }
    roots
}

/// What the root of a project asks for that is no package.
pub fn asked(project: &Project) -> Vec<PackageName> {
    let manifest = project.nameless().map(|root| &root.manifest);
    let tables = manifest.map(|own| own.dependencies.keys().chain(own.dev_dependencies.keys()));
    tables.into_iter().flatten().cloned().collect()
}

pub fn lock(project: &Project) -> Result<&Lockfile, OpsError> {
    Ok(graph::lock(project)?)
}

pub fn known(lock: &Lockfile, name: &str) -> Result<PackageName, OpsError> {
    let name = parse_name(name)?;
    graph::expect(lock, &name)?;
    Ok(name)
}
