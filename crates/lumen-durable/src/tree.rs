//! Removing whole trees.

use std::{io, path::Path};

use fs_err as fs;

use crate::{Folder, file::parent};

/// Removes a folder and all below it, however deep and, on Unix, whatever its modes; links are
/// removed, not followed.
///
/// # Errors
/// Any I/O error; among them that there is no such folder.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    fs::symlink_metadata(path)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Folder::open_named(parent(path))?.remove_all(name)
}
