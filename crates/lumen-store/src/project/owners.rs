//! Whether to trust a manifest above a package.
//!
//! A command takes the nearest `lumen.toml` above it, and a package belongs to a workspace
//! above it. In a folder such as `/tmp`, another user can put one there, and would then
//! decide where packages come from.

use std::{
    io,
    path::{Path, PathBuf},
};

use lumen_durable::{Folder, owner::Owner};

use super::{ProjectError, parent};

/// What a project is looked at from.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder that the command runs in, absolute: relative paths start there, in arguments
    /// and in messages.
    pub working_dir: PathBuf,
    /// Folders whose manifests count whichever user they belong to.
    pub safe_folders: Vec<PathBuf>,
}

impl Surroundings {
    /// A working folder, and no folder where manifests of other users count.
    pub fn of(working_dir: impl Into<PathBuf>) -> Self {
        Self {
            working_dir: working_dir.into(),
            safe_folders: Vec::new(),
        }
    }
}

/// Checks that a manifest above belongs to us, to the administrator, or to the owner of
/// `ours` (the package's own manifest, or the folder that the command runs in), or that it
/// is in a folder that a group of ours may write to: each of its users could replace it.
///
/// # Errors
/// [`ProjectError::Foreign`] when it does not, or any I/O error.
pub(super) fn check(
    manifest: &Path,
    ours: &Path,
    safe_folders: &[PathBuf],
) -> Result<(), ProjectError> {
    let Some(owner) = strangest(manifest, ours)? else {
        return Ok(());
    };
    let folder = parent(manifest);
    let is_shared = Folder::open_named(&folder).and_then(|folder| folder.is_shared_with_us());
    if is_shared.unwrap_or(false) {
        return Ok(());
    }
    let same =
        |safe: &PathBuf| *safe == folder || safe.canonicalize().ok() == folder.canonicalize().ok();
    match safe_folders.iter().any(same) {
        true => Ok(()),
        false => Err(ProjectError::Foreign {
            file: manifest.to_owned(),
            owner,
        }),
    }
}

/// A user who owns the manifest, or a link on the way to it, and is neither we, the
/// administrator, nor the owner of `ours`.
fn strangest(manifest: &Path, ours: &Path) -> io::Result<Option<Owner>> {
    let owners = Owner::all_of(manifest)?;
    let mut strange = owners.into_iter().filter(|owner| !owner.is_trusted());
    let Some(owner) = strange.next() else {
        return Ok(None);
    };
    let own = Owner::all_of(ours)?;
    let foreign = [owner].into_iter().chain(strange);
    Ok(foreign.into_iter().find(|owner| !own.contains(owner)))
}
