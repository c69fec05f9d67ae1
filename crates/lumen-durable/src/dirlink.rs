//! Links to folders: symbolic links, and junctions on Windows where links need a privilege.

use std::{
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;

use crate::{fault, gate::step};

/// Creates a link to a folder. On Windows `target` must be absolute.
///
/// # Errors
/// Any I/O error; in particular when something is at `link` already.
pub fn link_dir(target: &Path, link: &Path) -> io::Result<()> {
    let _step = step();
    fault::point("link", link)?;
    make(target, link)?;
    fault::point("linked", link)
}

/// Where a folder link points; `None` when there is nothing or something else.
///
/// # Errors
/// Any I/O error other than absence.
pub fn read_link_dir(link: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::read_link(link) {
        Ok(target) => Ok(Some(target)),
        // EINVAL: not a link. Windows reports "not a reparse point" (4390).
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.kind() == io::ErrorKind::InvalidInput =>
        {
            Ok(None)
        }
        Err(error) if cfg!(windows) && error.raw_os_error() == Some(4390) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a folder link, never its target.
///
/// # Errors
/// Any I/O error; in particular when `link` is not a link.
pub fn remove_link_dir(link: &Path) -> io::Result<()> {
    let _step = step();
    if read_link_dir(link)?.is_none() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{}` is not a link", link.display()),
        ));
    }
    fault::point("unlink", link)?;
    unmake(link)?;
    fault::point("unlinked", link)
}

#[cfg(unix)]
fn make(target: &Path, link: &Path) -> io::Result<()> {
    fs::os::unix::fs::symlink(target, link)
}

#[cfg(unix)]
fn unmake(link: &Path) -> io::Result<()> {
    fs::remove_file(link)
}

#[cfg(windows)]
fn make(target: &Path, link: &Path) -> io::Result<()> {
    junction::create(target, link)
}

#[cfg(windows)]
fn unmake(link: &Path) -> io::Result<()> {
    fs::remove_dir(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_read_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::create_dir(&target).unwrap();
        fs::write(target.join("x"), "").unwrap();
        assert_eq!(read_link_dir(&link).unwrap(), None);
        link_dir(&target, &link).unwrap();
        assert_eq!(read_link_dir(&link).unwrap(), Some(target.clone()));
        assert_eq!(read_link_dir(&target).unwrap(), None);
        assert!(link_dir(&target, &link).is_err());
        assert!(remove_link_dir(&target).is_err());
        remove_link_dir(&link).unwrap();
        assert!(target.join("x").exists());
    }
}
