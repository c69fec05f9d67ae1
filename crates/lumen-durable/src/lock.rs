//! Advisory locks between processes, released by the kernel when a process dies.
//!
//! A user who can open a lock file can hold its lock for ever. So only the user can open lock
//! files in their own folders, and no wait is endless: after a moment the program is told
//! ([`on_lock_wait`]), after the limit it gets an error ([`Busy`]). A process that takes a lock
//! writes its name into the file, and removes it before the lock is free again; the name is
//! only ever shown, never trusted.

mod holder;
mod open;

use std::{
    fs::File,
    io::{self, Seek as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use holder::sign;
pub use holder::{Holder, Waiting};
#[cfg(unix)]
pub(crate) use open::open_at;
use open::{no_file, open};

/// How long a wait may be before the program reports it.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// Longest pause between two looks at a lock.
const MAX_PAUSE: Duration = Duration::from_millis(25);

/// Is called with each lock that was not free after a moment.
type Tell = Box<dyn Fn(&Waiting) + Send + Sync>;

/// In milliseconds; 0 is no limit.
static LIMIT: AtomicU64 = AtomicU64::new(0);
static TELL: OnceLock<Tell> = OnceLock::new();

/// Sets how long this process waits for a lock; without, it waits as long as it takes.
pub fn set_lock_limit(limit: Duration) {
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    LIMIT.store(milliseconds.max(1), Ordering::Relaxed);
}

/// Sets, once for this process, the function that is told of a lock that is not free.
pub fn on_lock_wait(tell: impl Fn(&Waiting) + Send + Sync + 'static) {
    // The first one counts.
    let _ = TELL.set(Box::new(tell));
}

/// The holder of a lock did not release it in time.
#[derive(Debug, thiserror::Error)]
#[error("gave up after {} seconds: another program holds the lock {waiting}", .limit.as_secs())]
pub struct Busy {
    /// The lock.
    pub waiting: Waiting,
    /// How long it was waited for.
    pub limit: Duration,
}

impl Busy {
    /// The refusal in an I/O error, if that is what it is.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// The file system of a file has no locks.
#[derive(Debug, thiserror::Error)]
#[error("failed to take the lock `{}`: {error}", .path.display())]
pub struct NoLock {
    /// The lock file.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl NoLock {
    /// The refusal in an I/O error, if that is what it is.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The error of the system, with the name of the file.
    fn refusal(error: io::Error, path: &Path) -> io::Error {
        let path = path.to_owned();
        io::Error::new(io::ErrorKind::Unsupported, Self { path, error })
    }
}

/// A lock on a file, held until dropped.
///
/// The lock belongs to the open file: two locks of one process exclude each
/// other as two processes would. The file itself is left in place, empty. It is never a link,
/// and others can open it only where its folder is one that others may write to.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Whether the file names this process.
    signed: bool,
}

impl Lock {
    /// Waits until no other process holds the lock.
    ///
    /// # Errors
    /// When the file cannot be created or locked, is a link, or the lock is held for too
    /// long ([`Busy`]).
    pub fn exclusive(path: &Path) -> io::Result<Self> {
        Self::wait_for(open(path)?, path, true)
    }

    /// Takes the lock if it is free; `None` when another process holds it.
    ///
    /// # Errors
    /// When the file cannot be created or locked, or is a link.
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        check(&file, path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                file,
                signed: false,
            })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(NoLock::refusal(error, path)),
        }
    }

    /// Waits until no process holds the lock exclusively; others may share it.
    ///
    /// # Errors
    /// As [`Lock::exclusive`].
    pub fn shared(path: &Path) -> io::Result<Self> {
        Self::wait_for(open(path)?, path, false)
    }

    /// Waits for the lock on an open file.
    pub(crate) fn wait_for(file: File, path: &Path, alone: bool) -> io::Result<Self> {
        check(&file, path)?;
        let limit = match LIMIT.load(Ordering::Relaxed) {
            0 => Duration::MAX,
            limit => Duration::from_millis(limit),
        };
        let start = Instant::now();
        let (mut pause, mut told) = (Duration::from_millis(1), false);
        loop {
            let tried = match alone {
                true => file.try_lock(),
                false => file.try_lock_shared(),
            };
            match tried {
                Ok(()) => break,
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(NoLock::refusal(error, path));
                }
            }
            let waited = start.elapsed();
            if waited >= limit {
                let waiting = Waiting::look(&file, path);
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    Busy { waiting, limit },
                ));
            }
            if !told && waited >= TELL_AFTER.min(limit / 2) {
                told = true;
                if let Some(tell) = TELL.get() {
                    tell(&Waiting::look(&file, path));
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(MAX_PAUSE);
        }
        let signed = alone && sign(&file);
        Ok(Self { file, signed })
    }

    /// The empty standard input of a child that holds the lock, too: when this process dies
    /// before the child, no other process gets the lock until the child has ended.
    ///
    /// # Errors
    /// When the file cannot be opened a second time.
    pub fn share(&self) -> io::Result<Stdio> {
        let mut file = self.file.try_clone()?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(file.into())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The former holder does not matter, and readers of the file should not learn it.
        if self.signed {
            holder::erase(&self.file);
        }
    }
}

fn check(file: &File, path: &Path) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => Ok(()),
        false => Err(no_file(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_child_can_hold_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = Lock::exclusive(&path).unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .stdin(lock.share().unwrap())
            .spawn()
            .unwrap();
        drop(lock);
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn locks_exclude_and_share() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/lock");
        let held = Lock::exclusive(&path).unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        drop(held);
        let _one = Lock::shared(&path).unwrap();
        let _two = Lock::shared(&path).unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_cannot_be_locked_is_named() {
        use rustix::fs::{CWD, Mode, OFlags, openat};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::fs::write(&path, "").unwrap();
        // The system refuses locks on such a descriptor, as file systems without locks do.
        let bare = openat(CWD, &path, OFlags::PATH, Mode::empty()).unwrap();
        let error = Lock::wait_for(File::from(bare), &path, true).unwrap_err();
        assert!(NoLock::of(&error).is_some());
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let said = format!("failed to take the lock `{}`: ", path.display());
        assert!(error.to_string().starts_with(&said), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_locked_and_nobody_else_can_open_them() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        symlink(&elsewhere, dir.path().join("link")).unwrap();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        for name in ["link", "folder"] {
            assert!(Lock::exclusive(&dir.path().join(name)).is_err(), "{name}");
            assert!(Lock::shared(&dir.path().join(name)).is_err(), "{name}");
        }
        assert!(!elsewhere.exists());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        let own = dir.path().join("own");
        drop(Lock::exclusive(&own).unwrap());
        assert_eq!(mode(&own), 0o600);
        // A file of another name is not written to.
        std::fs::write(&elsewhere, "mine").unwrap();
        std::fs::hard_link(&elsewhere, dir.path().join("hard")).unwrap();
        drop(Lock::exclusive(&dir.path().join("hard")).unwrap());
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"mine");
        // Where a group works together, its lock is the group's.
        let shared = dir.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o775)).unwrap();
        drop(Lock::exclusive(&shared.join("lock")).unwrap());
        assert_eq!(mode(&shared.join("lock")), 0o660);
    }
}
