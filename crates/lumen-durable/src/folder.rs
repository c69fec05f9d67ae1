//! An open folder, and what can be done in it without leaving it.
//!
//! Everything is relative to the open folder: no path is walked twice, and another process
//! that replaces the folder meanwhile has no effect. The last step of a path is never
//! followed when it is a link; [`Folder::descend`] follows no link at all. Use it for
//! folders that cannot be trusted, such as a cloned project.
//!
//! On Windows the same calls look whether a path is a link (a reparse point) right before
//! they use it.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::gate::{Litter, litter, step};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::{Folder, NewFile};

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub use other::{Folder, NewFile};

/// Whether a file may be changed after it was written. Windows keeps no such mode; there
/// files are always writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No user: 0444 and 0555.
    ReadOnly,
    /// Its owner: 0644 and 0755.
    Writable,
}

/// A time of last change in seconds and nanoseconds, as numbers that grow.
pub type Time = (i64, i64);

/// What is known about a file or folder without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: StatusKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub changed: Time,
    /// When its contents or its metadata were last changed, as the system keeps it: no program
    /// can set that. As `changed` where the system keeps no such time.
    pub touched: Time,
    /// Whether any user may write to it; `false` where there are no modes.
    pub writable: bool,
    /// Whether any user may execute it; `None` where there are no modes.
    pub executable: Option<bool>,
    /// The number of its owner; `None` where users have none.
    pub owner: Option<u32>,
    /// The number that distinguishes it from others on its disk; 0 where there is none.
    pub number: u64,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, whatever it leads to.
    Link,
    /// Anything else: a pipe, a socket, a device.
    Other,
}

/// Where a path leads when no link is followed.
#[derive(Debug)]
pub enum Step {
    /// To a folder.
    Folder(Folder),
    /// To nothing.
    Absent,
    /// Not on: there is a link or a file at this part of the path.
    Blocked(PathBuf),
}

impl Folder {
    /// Goes down a path of names, no link followed.
    ///
    /// # Errors
    /// Any I/O error other than absence; `InvalidInput` when the path has other parts than names.
    pub fn descend(&self, path: impl AsRef<Path>) -> io::Result<Step> {
        let mut walked = PathBuf::new();
        let mut folder = self.again()?;
        for part in path.as_ref().components() {
            let std::path::Component::Normal(name) = part else {
                let message = format!("`{}` has parts that are no names", path.as_ref().display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            };
            walked.push(name);
            folder = match folder.open_inside(name)? {
                Some(inner) => inner,
                None if folder.status(name)?.is_none() => return Ok(Step::Absent),
                None => return Ok(Step::Blocked(walked)),
            };
        }
        Ok(Step::Folder(folder))
    }

    /// Opens a folder inside, made if there is none. `None`: something else is there.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open_or_make(&self, name: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let name = name.as_ref();
        if let Some(folder) = self.open_inside(name)? {
            return Ok(Some(folder));
        }
        match self.make(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
        self.open_inside(name)
    }

    /// Makes a folder inside, which must be absent, and opens it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open_new(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        self.make(name.as_ref())?;
        self.open_made(name.as_ref())
    }

    fn open_made(&self, name: &Path) -> io::Result<Self> {
        let made = self.open_inside(name)?;
        made.ok_or_else(|| gone(&self.path().join(name)))
    }

    /// Makes a folder with a new name that starts so.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn make_unique(&self, prefix: &str) -> io::Result<(String, Self)> {
        loop {
            let name = format!("{prefix}{:016x}", random()?);
            match self.make(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => {
                    result?;
                    let opened = self.open_made(name.as_ref())?;
                    return Ok((name, opened));
                }
            }
        }
    }

    /// As [`Folder::make_unique`], for a folder that goes away again: also when the process is
    /// stopped, until the third part of the result is dropped.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn make_litter(&self, prefix: &str) -> io::Result<(String, Self, Litter)> {
        let _step = step();
        let (name, folder) = self.make_unique(prefix)?;
        let litter = litter(&self.path().join(&name));
        Ok((name, folder, litter))
    }

    /// Whether a folder of this name is inside, links not followed.
    pub fn has_folder(&self, name: impl AsRef<Path>) -> bool {
        let status = self.status(name).unwrap_or_default();
        status.is_some_and(|status| status.kind == StatusKind::Folder)
    }

    /// Reads a file inside of at most `limit` bytes; `None` when there is none.
    ///
    /// # Errors
    /// `FileTooLarge` when it has more; any other I/O error.
    pub fn read_limited(&self, path: impl AsRef<Path>, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let path = path.as_ref();
        let Some(file) = self.open_file(path)? else {
            return Ok(None);
        };
        let whole = || self.path().join(path);
        let size = file.metadata()?.len().min(limit);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| named(error, "read", &whole()))?;
        match bytes.len() as u64 > limit {
            true => Err(too_large(&whole(), limit)),
            false => Ok(Some(bytes)),
        }
    }

    /// The names inside.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = self.list()?;
        names.sort();
        Ok(names)
    }
}

/// A random number that cannot be guessed.
fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The error for a file that another process removed or replaced.
fn gone(path: &Path) -> io::Error {
    let message = format!("`{}` was replaced by another program", path.display());
    io::Error::new(io::ErrorKind::NotADirectory, message)
}

fn named(error: impl Into<io::Error>, doing: &str, path: &Path) -> io::Error {
    let error = error.into();
    io::Error::new(
        error.kind(),
        format!("cannot {doing} `{}`: {error}", path.display()),
    )
}

/// The error for a file that is larger than it may be.
fn too_large(path: &Path, limit: u64) -> io::Error {
    let message = format!("`{}` is larger than {limit} bytes", path.display());
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use fs_err as fs;

    use super::*;

    #[test]
    fn no_step_follows_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::create_dir_all(dir.path().join("out/c")).unwrap();
        fs::write(dir.path().join("out/file"), "x").unwrap();
        symlink("../out", dir.path().join("a/link")).unwrap();
        symlink("../out/file", dir.path().join("a/to-file")).unwrap();
        assert!(matches!(root.descend("a/b").unwrap(), Step::Folder(_)));
        assert!(matches!(root.descend("a/none/x").unwrap(), Step::Absent));
        let blocked = |path: &str| match root.descend(path).unwrap() {
            Step::Blocked(at) => at,
            other => panic!("{other:?}"),
        };
        assert_eq!(blocked("a/link"), Path::new("a/link"));
        assert_eq!(blocked("a/link/c"), Path::new("a/link"));
        assert_eq!(blocked("out/file/c"), Path::new("out/file"));
        for bad in ["../x", "/etc", "a/../.."] {
            assert!(root.descend(bad).is_err(), "{bad}");
        }
        let a = root.open_inside("a").unwrap().unwrap();
        assert!(a.open_file("to-file").unwrap().is_none());
        assert!(a.read_limited("to-file", 9).unwrap().is_none());
        assert!(a.open_or_make("link").unwrap().is_none());
        assert!(a.lock("to-file").is_err());
        assert_eq!(fs::read(dir.path().join("out/file")).unwrap(), b"x");
        // Writing replaces the link, not what it leads to.
        a.write_fast("to-file", b"y", true).unwrap();
        assert_eq!(fs::read(dir.path().join("out/file")).unwrap(), b"x");
        assert_eq!(a.read_limited("to-file", 1).unwrap().unwrap(), b"y");
        let error = a.read_limited("to-file", 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn an_open_folder_stays_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("own/x")).unwrap();
        fs::create_dir_all(dir.path().join("victim/x")).unwrap();
        let own = Folder::open(&dir.path().join("own")).unwrap();
        // The race that an attacker wins: a link takes the place between look and use.
        fs::rename(dir.path().join("own"), dir.path().join("moved")).unwrap();
        symlink("victim", dir.path().join("own")).unwrap();
        own.remove_all("x").unwrap();
        own.make("y").unwrap();
        assert!(dir.path().join("victim/x").exists());
        assert!(!dir.path().join("victim/y").exists());
        assert!(dir.path().join("moved/y").exists());
    }

    #[test]
    fn removing_follows_nothing_and_has_no_depth() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        fs::create_dir(dir.path().join("victim")).unwrap();
        fs::write(dir.path().join("victim/file"), "x").unwrap();
        // Deeper than a process may have open files.
        let mut folder = Folder::create(&dir.path().join("deep")).unwrap();
        for _ in 0..1200 {
            folder.make("d").unwrap();
            symlink(dir.path().join("victim"), dir.path().join("tmp-link")).unwrap();
            root.rename("tmp-link", &folder, "l").unwrap();
            folder = folder.open_inside("d").unwrap().unwrap();
        }
        root.remove_all("deep").unwrap();
        root.remove_all("deep").unwrap();
        symlink("victim", dir.path().join("link")).unwrap();
        root.remove_all("link").unwrap();
        assert_eq!(root.names().unwrap(), ["victim"]);
        assert!(dir.path().join("victim/file").exists());
    }

    #[test]
    fn removing_gives_itself_the_rights() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("tree/a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), "x").unwrap();
        fs::create_dir(dir.path().join("victim")).unwrap();
        symlink(dir.path().join("victim"), inner.join("link")).unwrap();
        let set = |path: &str, mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            fs::set_permissions(dir.path().join(path), mode).unwrap();
        };
        set("victim", 0o500);
        set("tree/a/b", 0);
        set("tree/a", 0o500);
        set("tree", 0o500);
        crate::remove_dir_all(&dir.path().join("tree")).unwrap();
        let left = Folder::open(dir.path()).unwrap().names().unwrap();
        assert_eq!(left, ["victim"]);
        let mode = fs::metadata(dir.path().join("victim")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o500);
        set("victim", 0o700);
    }
}
