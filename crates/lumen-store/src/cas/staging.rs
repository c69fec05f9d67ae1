//! Where a process unpacks before a package appears in the store.
//!
//! `tmp/<unique>/` belongs to the process that holds `tmp/<unique>.lock`. The kernel frees
//! the lock of a killed process, so a folder whose lock can be taken is garbage. A process
//! holds `tmp/lock` while it sets a staging folder up, so that no other process sees it
//! without its lock, and while it replaces a bad entry.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use fs_err as fs;
use lumen_durable::{Folder, Lock};

const LOCK: &str = "lock";

/// A process's own folder in `tmp`, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    next: AtomicU64,
    _lock: Lock,
}

impl Staging {
    /// Sets a staging folder up and removes those of killed processes.
    pub(super) fn open(tmp: &Path) -> io::Result<Self> {
        lumen_durable::create_dir_all(tmp)?;
        let setup = turn(tmp)?;
        let garbage = abandoned(tmp)?;
        let (name, _) = Folder::open_named(tmp)?.make_unique("")?;
        let folder = tmp.join(name);
        let lock = Lock::exclusive(&lock_of(&folder))?;
        drop(setup);
        for (folder, _lock) in &garbage {
            remove(folder);
        }
        Ok(Self {
            folder,
            next: AtomicU64::new(0),
            _lock: lock,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the folder that was not given out before.
    pub(super) fn fresh_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.join(number.to_string())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Keeps others from setting up a staging folder and from replacing an entry.
pub(super) fn turn(tmp: &Path) -> io::Result<Lock> {
    Lock::exclusive(&tmp.join(LOCK))
}

/// The folders whose locks could be taken, with the locks.
fn abandoned(tmp: &Path) -> io::Result<Vec<(PathBuf, Lock)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(tmp)? {
        let path = entry?.path();
        let folder = match path.extension() {
            // The lock without the folder: its owner died after removing the latter.
            Some(extension) if extension == LOCK => path.with_extension(""),
            Some(_) => continue,
            None if path.file_name().is_some_and(|name| name == LOCK) => continue,
            None => path,
        };
        if found.iter().any(|(known, _)| *known == folder) {
            continue;
        }
        match Lock::try_exclusive(&lock_of(&folder)) {
            Ok(Some(lock)) => found.push((folder, lock)),
            Ok(None) => {}
            // It belongs to another user who did not share it; only they can remove it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension(LOCK)
}

/// Removes a staging folder and then its lock. The next process removes what remains.
fn remove(folder: &Path) {
    let removed = match fs::symlink_metadata(folder) {
        Ok(_) => lumen_durable::remove_dir_all(folder),
        Err(_) => Ok(()),
    };
    if removed.is_ok() {
        let _ = lumen_durable::remove_file(&lock_of(folder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::tests::names;

    #[test]
    fn only_abandoned_folders_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = dir.path().join("tmp");
        let alive = Staging::open(&tmp).unwrap();
        fs::create_dir(alive.fresh_path()).unwrap();
        // As a killed process leaves it: with a lock file, without one, and only the lock file.
        fs::create_dir_all(tmp.join("dead/0/tree")).unwrap();
        fs::write(tmp.join("dead.lock"), "").unwrap();
        fs::create_dir_all(tmp.join("older/0")).unwrap();
        fs::write(tmp.join("half.lock"), "").unwrap();
        let another = Staging::open(&tmp).unwrap();
        let name = |staging: &Staging| {
            let name = staging.folder.file_name().unwrap();
            name.to_str().unwrap().to_owned()
        };
        let mut expected = vec!["lock".to_owned()];
        for staging in [&alive, &another] {
            expected.extend([name(staging), name(staging) + ".lock"]);
        }
        expected.sort();
        assert_eq!(names(&tmp), expected);
        assert!(alive.folder.join("0").is_dir());
        drop((alive, another));
        assert_eq!(names(&tmp), ["lock"]);
    }
}
