//! Packages as real files: hard links, clones or copies of a tree.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use fs_err as fs;
use lumen_core::manifest::LinkMode;
use lumen_durable::fault;

/// Threads that make files; more do not help one disk.
const THREADS: usize = 8;

/// Makes `to` of every tree `from`, by several threads. `to` must be absent, its parent not.
///
/// Returns whether some files were copied since the disk cannot link or clone them.
pub(super) fn make_all(trees: &[(&Path, &Path)], mode: LinkMode) -> io::Result<bool> {
    let fell_back = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        while let Some((from, to)) = trees.get(next.fetch_add(1, Ordering::Relaxed)) {
            fault::point("tree", to)?;
            make(from, to, mode, &fell_back)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(THREADS).min(trees.len());
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        others.into_iter().fold(own, |result, thread| {
            let other = thread.join();
            result.and(other.unwrap_or_else(|_| Err(io::Error::other("a thread failed"))))
        })
    })?;
    Ok(fell_back.into_inner())
}

fn make(from: &Path, to: &Path, mode: LinkMode, fell_back: &AtomicBool) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            make(&entry.path(), &to, mode, fell_back)?;
        } else if !file(&entry.path(), &to, mode)? {
            fell_back.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Makes one file; `false` if it had to be copied.
fn file(from: &Path, to: &Path, mode: LinkMode) -> io::Result<bool> {
    match mode {
        LinkMode::Hardlink => match std::fs::hard_link(from, to) {
            Ok(()) => return Ok(true),
            Err(error) if cannot_link(&error) => {}
            Err(error) => return Err(error),
        },
        LinkMode::Reflink => {
            let cloned = reflink_copy::reflink(from, to).is_ok();
            if cloned {
                make_writable(to, from)?;
                return Ok(true);
            }
        }
        LinkMode::Symlink | LinkMode::Copy => {}
    }
    copy(from, to)?;
    Ok(mode == LinkMode::Copy)
}

/// Another disk, too many links, or a file system without hard links.
fn cannot_link(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::CrossesDevices
            | ErrorKind::TooManyLinks
            | ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
    )
}

/// Copies a file; the copy can be written to.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    make_writable(to, from)
}

/// Lets the owner write to a file, and everybody execute it or not.
#[cfg(unix)]
pub(super) fn set_executable(file: &Path, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(file, std::fs::Permissions::from_mode(mode))
}

/// Windows has no mode that says so.
#[cfg(not(unix))]
pub(super) fn set_executable(_file: &Path, _executable: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_writable(file: &Path, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = fs::metadata(like)?.permissions().mode() & 0o111 != 0;
    set_executable(file, executable)
}

#[cfg(not(unix))]
fn make_writable(file: &Path, _like: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_readonly(false);
    fs::set_permissions(file, permissions)
}
