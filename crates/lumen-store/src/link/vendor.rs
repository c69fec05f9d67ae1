//! Real copies of packages, to be kept with a project.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use lumen_core::{PackageName, limits::MAX_VENDOR_LIST_BYTES};
use lumen_durable::{Access, Folder, StatusKind, fault};

use crate::{
    cas,
    pack::{self, PackError, PackOptions, VENDOR_LIST},
    project::normalize,
    target::{Blocked, Target, aside},
};

/// Where the files of a package come from.
#[derive(Debug, Clone)]
pub enum Vendored {
    /// The tree of an entry of the store.
    Stored(PathBuf),
    /// A folder; the files that would be published are copied.
    Folder(PathBuf, PackOptions),
}

/// Why packages were not vendored; the folder is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// The folder holds something that `vendor` did not put there.
    #[error("`{}` is in the way: `vendor` did not put it there", .0.display())]
    Occupied(PathBuf),
    /// A link in the project is on the way to the folder, or in its place.
    #[error("`{}` is a link, and packages are copied only where no link of the project leads", .0.display())]
    Link(PathBuf),
    /// The files of a path dependency could not be determined.
    #[error("cannot copy `{package}`: {source}")]
    Package {
        /// The package.
        package: PackageName,
        /// What is wrong with it.
        source: PackError,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Blocked> for VendorError {
    fn from(error: Blocked) -> Self {
        match error {
            Blocked::Link(path) => Self::Link(path),
            Blocked::NoFolder(path) => Self::Occupied(path),
            Blocked::Io(error) => Self::Io(error),
        }
    }
}

/// Copies packages to `<dir>/<name>`, replacing the result of an earlier call.
///
/// The files are the user's own: they can be written to. From the folder of a path
/// dependency, it copies the files that would be published. No link below the project is
/// followed.
///
/// # Errors
/// When `dir` holds something else, a link leads to it, or the disk fails.
pub fn vendor(
    project: &Path,
    dir: &Path,
    packages: &BTreeMap<PackageName, Vendored>,
) -> Result<(), VendorError> {
    let dir = &normalize(&lumen_durable::absolute(dir)?);
    let name = match (dir.parent(), dir.file_name()) {
        (Some(_), Some(name)) if !project.starts_with(dir) => name,
        _ => return Err(VendorError::Occupied(dir.clone())),
    };
    let parent = Target::find(Some(project), dir.parent().unwrap_or(dir))?;
    let old = match parent.missing.is_empty() {
        true => parent.base.open_inside(name)?,
        false => None,
    };
    match (&old, parent.missing.is_empty()) {
        (Some(old), _) => check(old)?,
        (None, true) => match parent.base.status(name)?.map(|status| status.kind) {
            None => {}
            Some(StatusKind::Link) => return Err(VendorError::Link(dir.clone())),
            Some(_) => return Err(VendorError::Occupied(dir.clone())),
        },
        (None, false) => {}
    }
    let parent = parent.make()?;
    aside(&parent, ".lumen-vendor-", |staging| {
        fill(&staging.open_new("vendor")?, packages)?;
        let _whole = lumen_durable::whole();
        match old {
            Some(_) => staging.exchange("vendor", &parent, name)?,
            None => staging.rename("vendor", &parent, name)?,
        }
        Ok(())
    })
}

fn fill(new: &Folder, packages: &BTreeMap<PackageName, Vendored>) -> Result<(), VendorError> {
    let mut list = String::new();
    for (name, from) in packages {
        fault::point("vendor", &new.path().join(name.as_str()))?;
        let mut folder = new.again()?;
        for part in name.as_str().split('/') {
            folder = inner(&folder, part)?;
        }
        match from {
            Vendored::Stored(tree) => copy_stored(tree, &folder)?,
            Vendored::Folder(from, options) => {
                copy_folder(from, options, &folder).map_err(|source| VendorError::Package {
                    package: name.clone(),
                    source,
                })?;
            }
        }
        list.push_str(name.as_str());
        list.push('\n');
    }
    let mut file = new.new_file(VENDOR_LIST, false, Access::Writable)?;
    Ok(file.write_all(list.as_bytes())?)
}

fn inner(folder: &Folder, name: &str) -> io::Result<Folder> {
    let inner = folder.open_or_make(name)?;
    inner.ok_or_else(|| io::Error::from(io::ErrorKind::NotADirectory))
}

/// Does something in the folder that a file will be in, which is made if need be.
fn within<R>(
    to: &Folder,
    path: &str,
    act: impl FnOnce(&Folder, &str) -> io::Result<R>,
) -> io::Result<R> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folder = to.again()?;
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        folder = inner(&folder, part)?;
    }
    act(&folder, name)
}

/// Copies all files of an entry of the store.
fn copy_stored(tree: &Path, to: &Folder) -> io::Result<()> {
    let files = cas::recorded_files(tree)?
        .ok_or_else(|| io::Error::other(format!("`{}` has no record", tree.display())))?;
    for path in files {
        within(to, &path, |folder, name| {
            folder.copy(&tree.join(&path), name, false)
        })?;
    }
    Ok(())
}

/// Copies the files of a folder that would be published.
fn copy_folder(from: &Path, options: &PackOptions, to: &Folder) -> Result<(), PackError> {
    pack::read(from, options, |path, bytes, executable| {
        within(to, path, |folder, name| {
            let mut file = folder.new_file(name, executable, Access::Writable)?;
            file.write_all(bytes)
        })
    })?;
    Ok(())
}

/// An error if anything in a folder is not ours.
fn check(folder: &Folder) -> Result<(), VendorError> {
    let list = folder
        .read_limited(VENDOR_LIST, MAX_VENDOR_LIST_BYTES)?
        .unwrap_or_default();
    let list = String::from_utf8_lossy(&list);
    let ours: BTreeSet<&str> = list.lines().collect();
    let scopes: BTreeSet<&str> = ours
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0))
        .collect();
    let occupied = |path: &str| VendorError::Occupied(folder.path().join(path));
    for name in folder.names()? {
        let name = name.to_string_lossy();
        if name == VENDOR_LIST || ours.contains(&*name) {
            continue;
        }
        let inner = folder.open_inside(&*name)?;
        let Some(inner) = inner.filter(|_| scopes.contains(&*name)) else {
            return Err(occupied(&name));
        };
        for inner in inner.names()? {
            let scoped = format!("{name}/{}", inner.to_string_lossy());
            if !ours.contains(scoped.as_str()) {
                return Err(occupied(&scoped));
            }
        }
    }
    Ok(())
}
