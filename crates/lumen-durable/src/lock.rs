//! Advisory locks between processes, released by the kernel when a process dies.

use std::{fs::File, io, path::Path, process::Stdio};

/// A lock on a file, held until dropped.
///
/// The lock belongs to the open file: two locks of one process exclude each
/// other as two processes would. The file itself is left in place.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Waits until nobody else holds the lock.
    ///
    /// # Errors
    /// When the file cannot be created or locked.
    pub fn exclusive(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self { file })
    }

    /// Takes the lock if nobody else holds it; `None` when somebody does.
    ///
    /// # Errors
    /// When the file cannot be created or locked.
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits until nobody holds the lock exclusively; others may share it.
    ///
    /// # Errors
    /// When the file cannot be created or locked.
    pub fn shared(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock_shared()?;
        Ok(Self { file })
    }

    /// The empty standard input of a child that holds the lock, too: when this process
    /// dies before it, nobody gets the lock until the child has ended.
    ///
    /// # Errors
    /// When the file cannot be opened a second time.
    pub fn share(&self) -> io::Result<Stdio> {
        Ok(self.file.try_clone()?.into())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let options = || {
        let mut options = fs_err::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options
    };
    let file = match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent().is_some() => {
            fs_err::create_dir_all(path.parent().unwrap_or(path))?;
            options().open(path)?
        }
        other => other?,
    };
    Ok(file.into_parts().0)
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
}
