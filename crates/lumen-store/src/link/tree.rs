//! Packages as real files: hard links, clones or copies of a tree.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use fs_err as fs;
use lumen_core::manifest::LinkMode;
use lumen_durable::{Folder, Step, fault};

/// Threads that make files; more do not help one disk.
const THREADS: usize = 8;

/// Makes `to/<name>` of every tree, by several threads. The name must be absent, the folder
/// it is in not.
///
/// Returns whether some files were copied since the disk cannot link or clone them.
pub(super) fn make_all(trees: &[(&Path, &str)], to: &Folder, mode: LinkMode) -> io::Result<bool> {
    let fell_back = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        while let Some((from, path)) = trees.get(next.fetch_add(1, Ordering::Relaxed)) {
            fault::point("tree", &to.path().join(path))?;
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let Step::Folder(parent) = to.descend(parent)? else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            make(from, &parent, name, mode, &fell_back)?;
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

fn make(
    from: &Path,
    parent: &Folder,
    name: impl AsRef<Path>,
    mode: LinkMode,
    fell_back: &AtomicBool,
) -> io::Result<()> {
    let to = parent.open_new(name)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            make(&entry.path(), &to, &name, mode, fell_back)?;
        } else if !file(&entry.path(), &to, name.as_ref(), mode)? {
            fell_back.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Makes one file; `false` if it had to be copied.
fn file(from: &Path, to: &Folder, name: &Path, mode: LinkMode) -> io::Result<bool> {
    match mode {
        LinkMode::Hardlink => match to.hard_link(from, name) {
            Ok(()) => return Ok(true),
            Err(error) if cannot_link(&error) => {}
            Err(error) => return Err(error),
        },
        LinkMode::Reflink => {
            if to.copy(from, name, true).is_ok() {
                return Ok(true);
            }
        }
        LinkMode::Symlink | LinkMode::Copy => {}
    }
    to.copy(from, name, false)?;
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
