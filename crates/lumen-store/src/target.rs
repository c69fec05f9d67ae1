//! A folder that a command fills because the user named it.
//!
//! Below the project that the command is about, no link on the way is followed: a clone can
//! hold one that leads anywhere. Elsewhere the user's own links are the user's word.

use std::{
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use lumen_durable::Folder;

use crate::paths::normalize;

/// The way to a folder, as far as it exists.
#[derive(Debug)]
pub(crate) struct Target {
    /// The deepest folder that exists.
    pub base: Folder,
    /// The names below it that do not.
    pub missing: Vec<OsString>,
}

/// Why a folder cannot be filled.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// A link below the project is on the way to it.
    Link(PathBuf),
    /// Something that is no folder is on the way to it, or in its place.
    NoFolder(PathBuf),
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for Blocked {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Target {
    /// Finds the way to a folder; `project` is the folder that the command is about, if there
    /// is one. Nothing is changed.
    pub(crate) fn find(project: Option<&Path>, dir: &Path) -> Result<Self, Blocked> {
        let dir = normalize(&lumen_durable::absolute(dir)?);
        let inside = project.and_then(|project| {
            let project = normalize(&lumen_durable::absolute(project).ok()?);
            let below = dir.strip_prefix(&project).ok()?.to_owned();
            Some((project, below))
        });
        let (mut base, below) = match inside {
            Some((project, below)) => (Folder::open_named(&project)?, below),
            None => {
                let exists = |path: &&Path| path.symlink_metadata().is_ok();
                let existing = dir.ancestors().find(exists).unwrap_or(&dir);
                if !existing.is_dir() {
                    return Err(Blocked::NoFolder(existing.to_owned()));
                }
                let below = dir.strip_prefix(existing).unwrap_or(Path::new(""));
                (Folder::open_named(existing)?, below.to_owned())
            }
        };
        let names = below.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            _ => None,
        });
        let mut missing: Vec<OsString> = Vec::new();
        for name in names {
            if !missing.is_empty() {
                missing.push(name);
            } else if let Some(inner) = base.open_inside(&name)? {
                base = inner;
            } else {
                let path = base.path().join(&name);
                match base.status(&name)?.map(|status| status.kind) {
                    None => missing.push(name),
                    Some(lumen_durable::StatusKind::Link) => return Err(Blocked::Link(path)),
                    Some(_) => return Err(Blocked::NoFolder(path)),
                }
            }
        }
        Ok(Self { base, missing })
    }

    /// The way to the folder above one that is missing, and its name; `None`: it exists.
    pub(crate) fn split(mut self) -> Option<(Self, OsString)> {
        let name = self.missing.pop()?;
        Some((self, name))
    }

    /// Makes missing folders, and opens the folder.
    pub(crate) fn make(self) -> io::Result<Folder> {
        let mut folder = self.base;
        for name in self.missing {
            folder = folder.open_or_make(&name)?.ok_or_else(|| {
                let what = format!("`{}` is no folder", folder.path().join(&name).display());
                io::Error::new(io::ErrorKind::NotADirectory, what)
            })?;
        }
        Ok(folder)
    }
}

/// Runs an action in a new folder beside its destination, and removes the rest of the
/// folder afterwards.
pub(crate) fn aside<T, E: From<io::Error>>(
    parent: &Folder,
    prefix: &str,
    work: impl FnOnce(&Folder) -> Result<T, E>,
) -> Result<T, E> {
    let (name, folder, _litter) = parent.make_litter(prefix)?;
    let done = work(&folder);
    let removed = parent.remove_all(&name);
    // The error that counts is the first one.
    let done = done?;
    removed?;
    Ok(done)
}
