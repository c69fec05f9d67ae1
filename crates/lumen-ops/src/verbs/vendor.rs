//! `lumen pkg vendor`: every locked package in a folder.

use std::{collections::BTreeMap, path::Path};

use lumen_core::{PackageName, lockfile::LockedSource};
use lumen_store::{
    link::vendor::{self, Vendored},
    pack::PackOptions,
    project::Project,
};

use crate::{
    error::OpsError, fetch, pack, proof::Asked, resolve, resolve::ResolveOptions,
    resolve::Resolved, session::Session,
};

/// Copies every locked package into a folder. Returns how many.
///
/// # Errors
/// When there is no lock or it does not fit, the folder holds other things, or a package cannot be had.
pub fn vendor(session: &Session<'_>, dir: &Path) -> Result<usize, OpsError> {
    let project = session.project()?;
    let resolved = resolve::run(
        session,
        &project,
        &ResolveOptions {
            locked: true,
            ..ResolveOptions::default()
        },
    )?;
    copy(session, &project, &resolved, dir)
}

/// Copies every package of a resolution into a folder, which is relative to the working folder
/// of the run. Returns how many. The lock file is not written: [`resolve::write_lock`] does that.
///
/// # Errors
/// When the folder holds other things, or a package cannot be had; [`OpsError::Locked`] when a
/// package has other contents than the lock that it was taken from says.
pub fn copy(
    session: &Session<'_>,
    project: &Project,
    resolved: &Resolved,
    dir: &Path,
) -> Result<usize, OpsError> {
    let store = session.store()?;
    let asked = Asked {
        project,
        locals: &resolved.locals,
        known: &resolved.known,
        fresh: resolved.fresh,
    };
    let fetched = fetch::run(session, &store, &resolved.lock, None, Some(&asked));
    let fetched = fetched.map_err(|error| match error {
        OpsError::Misfit(reason) => OpsError::Locked {
            reason: format!("is out of date: {reason}"),
        },
        error => error,
    })?;
    let mut trees: BTreeMap<PackageName, Vendored> = BTreeMap::new();
    for (name, package) in &resolved.lock.packages {
        let from = match (&package.source, fetched.entries.get(name)) {
            (_, Some(entry)) => Some(Vendored::Stored(entry.tree().to_owned())),
            // What lies inside the project is there already.
            (LockedSource::Path(relative), _) if relative.starts_with("..") => {
                let local = resolved.locals.get(name);
                local.map(|local| {
                    let package = local.manifest.package.as_ref();
                    let options = package.map_or_else(PackOptions::default, pack::options);
                    let options = pack::on_this_machine(session, &local.dir, options);
                    Vendored::Folder(local.dir.clone(), options)
                })
            }
            _ => None,
        };
        trees.extend(from.map(|from| (name.clone(), from)));
    }
    let dir = session.context.options.working_dir.join(dir);
    vendor::vendor(&project.root, &dir, &trees)?;
    Ok(trees.len())
}
