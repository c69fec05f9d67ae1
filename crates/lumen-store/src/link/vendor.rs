//! Real copies of packages, to be kept with a project.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::PackageName;
use lumen_durable::fault;

use super::tree;
use crate::{
    cas,
    pack::{self, PackError, PackOptions},
};

/// Lists the packages that `vendor` put into a folder, one a line.
const LIST: &str = ".lumen-vendor";

/// Where the files of a package come from.
#[derive(Debug, Clone)]
pub enum Vendored {
    /// The tree of an entry of the store.
    Stored(PathBuf),
    /// A folder, of which what would be published is copied.
    Folder(PathBuf, PackOptions),
}

/// Why packages were not vendored; the folder is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// The folder holds something that `vendor` did not put there.
    #[error("`{}` is in the way: `vendor` did not put it there", .0.display())]
    Occupied(PathBuf),
    /// The files of a path dependency could not be told.
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

/// Copies packages to `<dir>/<name>`, replacing what an earlier call left there.
///
/// The files are the user's own: they can be written to. Of the folder of a path
/// dependency, what would be published is copied.
///
/// # Errors
/// When `dir` holds something else, or the disk fails.
pub fn vendor(dir: &Path, packages: &BTreeMap<PackageName, Vendored>) -> Result<(), VendorError> {
    let dir = &std::path::absolute(dir)?;
    let exists = check(dir)?;
    let parent = dir.parent().unwrap_or(dir);
    lumen_durable::create_dir_all(parent)?;
    let workshop = tempfile::Builder::new()
        .prefix(".lumen-vendor-")
        .tempdir_in(parent)?;
    let new = workshop.path().join("vendor");
    fs::create_dir(&new)?;
    let mut list = String::new();
    for (name, from) in packages {
        let to = new.join(name.as_str());
        fault::point("vendor", &to)?;
        match from {
            Vendored::Stored(tree) => copy_stored(tree, &to)?,
            Vendored::Folder(folder, options) => {
                copy_folder(folder, options, &to).map_err(|source| VendorError::Package {
                    package: name.clone(),
                    source,
                })?;
            }
        }
        list.push_str(name.as_str());
        list.push('\n');
    }
    fs::write(new.join(LIST), list)?;
    match exists {
        true => lumen_durable::exchange(&new, dir)?,
        false => lumen_durable::rename(&new, dir)?,
    }
    workshop.close()?;
    Ok(())
}

/// Whether there is a folder already; an error if anything in it is not ours.
fn check(dir: &Path) -> Result<bool, VendorError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(VendorError::Occupied(dir.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let list = fs::read_to_string(dir.join(LIST)).unwrap_or_default();
    let ours: BTreeSet<&str> = list.lines().collect();
    let scopes: BTreeSet<&str> = ours
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0))
        .collect();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == LIST || ours.contains(name.as_str()) {
            continue;
        }
        if !scopes.contains(name.as_str()) {
            return Err(VendorError::Occupied(entry.path()));
        }
        for inner in fs::read_dir(entry.path())? {
            let inner = inner?;
            let scoped = format!("{name}/{}", inner.file_name().to_string_lossy());
            if !ours.contains(scoped.as_str()) {
                return Err(VendorError::Occupied(inner.path()));
            }
        }
    }
    Ok(true)
}

/// Copies all files of an entry of the store.
fn copy_stored(tree: &Path, to: &Path) -> Result<(), VendorError> {
    let files = cas::recorded_files(tree)?
        .ok_or_else(|| io::Error::other(format!("`{}` has no record", tree.display())))?;
    for path in files {
        let to = to.join(&path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        tree::copy(&tree.join(path), &to)?;
    }
    Ok(())
}

/// Copies the files of a folder that would be published.
fn copy_folder(folder: &Path, options: &PackOptions, to: &Path) -> Result<(), PackError> {
    pack::read(folder, options, |path, bytes, executable| {
        let to = to.join(path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, bytes)?;
        tree::set_executable(&to, executable)
    })?;
    Ok(())
}
