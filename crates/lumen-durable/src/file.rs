//! Files that appear whole or not at all.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use fs_err as fs;
use tempfile::{Builder, NamedTempFile};

use crate::{
    TEMPORARY, fault,
    gate::{litter, step},
    share,
};

/// Permissions of files that a web server must be able to read.
const PUBLIC: u32 = 0o644;

/// Permissions of secrets.
const PRIVATE: u32 = 0o600;

/// Permissions of folders: all users may read, only the owner may write.
const FOLDER: u32 = 0o755;

/// Permissions of folders that only the owner may read.
const CLOSED: u32 = 0o700;

/// Writes a file so that it is on the disk, whole, when this returns.
///
/// Parent folders are created. Readers see the old or the new contents.
///
/// # Errors
/// Any I/O error; the old contents are then still there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _step = step();
    let file = temporary(path, bytes, PUBLIC)?;
    sync(&file)?;
    persist(file, path)?;
    sync_parent(path)
}

/// Writes a file so that readers see the old or the new contents, without
/// waiting for the disk: for files that can be made again.
///
/// # Errors
/// Any I/O error; the old contents are then still there.
pub fn write_atomic_fast(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _step = step();
    persist(temporary(path, bytes, PUBLIC)?, path)
}

/// Creates a file that must not exist; it is on the disk, whole, when this returns.
///
/// Returns `false`, and changes nothing, when something is at `path` already.
/// Of many processes creating the same path exactly one gets `true`.
///
/// # Errors
/// Any I/O error.
pub fn create_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    create(path, bytes, PUBLIC)
}

/// As [`create_new`], but only the user can read the file, and its folder when that is new.
///
/// # Errors
/// Any I/O error.
pub fn create_new_private(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let _step = step();
    let folder = parent(path);
    if !folder.is_dir() {
        create_dir_all(parent(folder))?;
        fault::point("mkdir", folder)?;
        builder(CLOSED)
            .recursive(true)
            .create(folder)
            .map_err(|error| named(error, "create", folder))?;
    }
    create(path, bytes, PRIVATE)
}

/// As [`create_new`], for a file that is written piece by piece. Nothing is there when
/// that fails.
///
/// # Errors
/// Any I/O error, and those of `write`.
pub fn create_new_with<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<bool, E> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let begun = step();
    let mut file = empty(path, PUBLIC)?;
    let _litter = litter(file.path());
    drop(begun);
    write(file.as_file_mut())?;
    Ok(keep_new(file, path)?)
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    let _step = step();
    match path.symlink_metadata() {
        Ok(_) => Ok(false),
        Err(_) => keep_new(temporary(path, bytes, mode)?, path),
    }
}

/// Gives a file its name, unless something has it.
fn keep_new(file: NamedTempFile, path: &Path) -> io::Result<bool> {
    let _step = step();
    sync(&file)?;
    fault::point("create", path)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(named(lacking(error.error), "create", path)),
    }
    fault::point("created", path)?;
    sync_parent(path)?;
    Ok(true)
}

/// The reason why a file that was written cannot get a new name: the file system has neither
/// links nor renaming without replacing, which systems report in many ways.
#[cfg(unix)]
fn lacking(error: io::Error) -> io::Error {
    use rustix::io::Errno;
    let lacks = [Errno::PERM, Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    match Errno::from_io_error(&error) {
        Some(errno) if lacks.contains(&errno) => {
            let what = format!(
                "this file system cannot create a file without replacing another ({error})"
            );
            io::Error::new(io::ErrorKind::Unsupported, what)
        }
        _ => error,
    }
}

#[cfg(not(unix))]
fn lacking(error: io::Error) -> io::Error {
    error
}

/// Renames a file or folder.
///
/// # Errors
/// Any I/O error.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let _step = step();
    fault::point("rename", to)?;
    fs::rename(from, to)?;
    fault::point("renamed", to)
}

/// Swaps two existing files or folders.
///
/// Atomic on Linux and macOS. Elsewhere, and on file systems that cannot swap,
/// `b` is missing for a moment and its old contents end at `a`.
///
/// # Errors
/// Any I/O error.
pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    let _step = step();
    fault::point("exchange", b)?;
    if !exchange_atomically(a, b).map_err(|error| named(error, "exchange", b))? {
        let aside = a.with_extension("swap");
        fs::rename(b, &aside)?;
        fault::point("exchange-half", b)?;
        fs::rename(a, b)?;
        fs::rename(&aside, a)?;
    }
    fault::point("exchanged", b)
}

#[cfg(unix)]
fn exchange_atomically(a: &Path, b: &Path) -> io::Result<bool> {
    use rustix::fs::CWD;
    crate::exchange::exchange_at(CWD, a, CWD, b)
}

#[cfg(not(unix))]
fn exchange_atomically(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Creates a folder and its parents. Only the owner can write to them, and the group of the
/// folder above if it may write there. Existing folders are fine.
///
/// # Errors
/// Any I/O error.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    make_all(path, FOLDER).map(drop)
}

/// As [`create_dir_all`], for private files: other users cannot read the new folders, either.
///
/// # Errors
/// Any I/O error.
pub fn create_closed_dir_all(path: &Path) -> io::Result<()> {
    make_all(path, CLOSED).map(drop)
}

/// As [`create_dir_all`], for folders that a group works in, such as a registry's: the group
/// can also write to them if the umask lets it.
///
/// # Errors
/// Any I/O error.
pub fn create_shared_dir_all(path: &Path) -> io::Result<()> {
    let made = make_all(path, FOLDER)?;
    made.into_iter().try_for_each(share::share_with_group)
}

/// Makes a folder and those above it; returns those that were missing, the highest first.
fn make_all(path: &Path, mode: u32) -> io::Result<Vec<&Path>> {
    /// One thread at a time: the rights of a folder follow from those of the one above, which
    /// must have them by then.
    static TURN: Mutex<()> = Mutex::new(());
    if path.is_dir() {
        return Ok(Vec::new());
    }
    fault::point("mkdir", path)?;
    let _step = step();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = path.ancestors().take_while(|folder| {
        let named = !folder.as_os_str().is_empty();
        named && !folder.is_dir()
    });
    let mut missing: Vec<&Path> = missing.collect();
    missing.reverse();
    let mut builder = builder(mode);
    builder
        .recursive(true)
        .create(path)
        .map_err(|error| named(error, "create", path))?;
    for folder in &missing {
        share::follow_folder(folder)?;
    }
    Ok(missing)
}

/// Creates a folder. Only the owner can write to it, and the group of the folder above if it
/// may write there.
///
/// # Errors
/// Any I/O error; in particular when something is there already.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let _step = step();
    builder(FOLDER)
        .create(path)
        .map_err(|error| named(error, "create", path))?;
    share::follow_folder(path)
}

#[cfg_attr(not(unix), allow(unused_mut, unused_variables))]
fn builder(mode: u32) -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    builder
}

/// Opens a file to read and to write, and makes it if there is none.
///
/// # Errors
/// Any I/O error.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let _step = step();
    let mut options = File::options();
    options.read(true).write(true);
    loop {
        match options.clone().create_new(true).open(path) {
            Ok(file) => {
                share::follow_file(&file, path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(named(error, "create", path)),
        }
        match options.open(path) {
            // Another process removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map_err(|error| named(error, "open", path)),
        }
    }
}

/// Removes a file.
///
/// # Errors
/// Any I/O error.
pub fn remove_file(path: &Path) -> io::Result<()> {
    let _step = step();
    fault::point("unlink", path)?;
    fs::remove_file(path)?;
    fault::point("unlinked", path)
}

/// Writes the bytes to a temporary file beside `path`, with these permissions on Unix.
fn temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut file = empty(path, mode)?;
    file.write_all(bytes)
        .map_err(|error| named(error, "write", path))?;
    Ok(file)
}

/// Makes a temporary file beside `path`.
fn empty(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let parent = parent(path);
    create_dir_all(parent)?;
    fault::point("write", path)?;
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    let file = builder
        .tempfile_in(parent)
        .map_err(|error| named(error, "write", path))?;
    if mode == PUBLIC {
        share::follow_file(file.as_file(), path)?;
    }
    Ok(file)
}

fn sync(file: &NamedTempFile) -> io::Result<()> {
    fault::point("sync", file.path())?;
    file.as_file().sync_all()
}

fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    fault::point("rename", path)?;
    file.persist(path)
        .map_err(|error| named(error.error, "write", path))?;
    fault::point("renamed", path)
}

/// Makes a rename durable. Windows has no such call and needs none: NTFS journals names.
fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(parent(path))?.sync_all()?;
    fault::point("synced", path)
}

pub(crate) fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn named(error: io::Error, operation: &str, path: &Path) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("failed to {operation} `{}`: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests;
