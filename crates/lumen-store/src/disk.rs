//! Many small files, with one call to the system for each step.
//!
//! On Unix everything is relative to an open folder: no path is walked twice, and
//! no link that appears meanwhile is followed out of it by its last component.

use std::{io, path::Path};

/// Who may change a file after it was written. Windows keeps no such mode; there
/// files are always writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody: 0444 and 0555.
    ReadOnly,
    /// Its owner: 0644 and 0755.
    Writable,
}

#[cfg(unix)]
pub(crate) use unix::Folder;

#[cfg(not(unix))]
pub(crate) use other::Folder;

fn named(error: impl Into<io::Error>, doing: &str, path: &str) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("cannot {doing} `{path}`: {error}"))
}

/// A time of last change, as a number that grows.
pub(crate) type Time = (i64, i64);

/// What is known about a file or folder without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub kind: StatusKind,
    pub size: u64,
    pub changed: Time,
    /// Whether somebody may write to it; `false` where there are no modes.
    pub writable: bool,
    /// Whether somebody may execute it; `None` where there are no modes.
    pub executable: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusKind {
    File,
    Folder,
    Link,
    Other,
}

#[cfg(unix)]
mod unix {
    use std::{
        ffi::{OsStr, OsString},
        fs::File,
        io::Read as _,
        os::{fd::OwnedFd, unix::ffi::OsStringExt as _},
        path::PathBuf,
    };

    use rustix::{
        fs::{
            AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat,
            statat,
        },
        io::{Errno, write},
    };

    use super::{Access, Path, Status, StatusKind, Time, io, named};

    /// An open folder.
    #[derive(Debug)]
    pub(crate) struct Folder(OwnedFd);

    const OPEN_FOLDER: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    const OPEN_FILE: OFlags = OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    const NEW_FILE: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    impl Folder {
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            let fd = openat(CWD, path, OPEN_FOLDER, Mode::empty());
            fd.map(Self)
                .map_err(|error| named(error, "open", &path.to_string_lossy()))
        }

        /// Creates a folder that must be absent, and opens it.
        pub(crate) fn create(path: &Path) -> io::Result<Self> {
            mkdirat(CWD, path, Mode::from_raw_mode(0o755))
                .map_err(|error| named(error, "create", &path.to_string_lossy()))?;
            Self::open(path)
        }

        /// Creates a folder inside.
        pub(crate) fn make(&self, path: &str) -> io::Result<()> {
            mkdirat(&self.0, path, Mode::from_raw_mode(0o755))
                .map_err(|error| named(error, "create", path))
        }

        /// Creates a file inside, which must be absent.
        pub(crate) fn new_file(
            &self,
            path: &str,
            executable: bool,
            access: Access,
        ) -> io::Result<NewFile<'_>> {
            let mode = match access {
                Access::ReadOnly => 0o444,
                Access::Writable => 0o644,
            };
            let mode = mode | if executable { 0o111 } else { 0 };
            openat(&self.0, path, NEW_FILE, Mode::from_raw_mode(mode))
                .map(|fd| NewFile(fd, std::marker::PhantomData))
                .map_err(|error| named(error, "create", path))
        }

        /// Opens this folder once more.
        pub(crate) fn again(&self) -> io::Result<Self> {
            let fd = openat(&self.0, ".", OPEN_FOLDER, Mode::empty());
            fd.map(Self).map_err(|error| named(error, "open", "."))
        }

        /// Opens a folder inside; `None` when there is none.
        pub(crate) fn open_inside(&self, path: &str) -> io::Result<Option<Self>> {
            match openat(&self.0, path, OPEN_FOLDER, Mode::empty()) {
                Ok(fd) => Ok(Some(Self(fd))),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
                Err(error) => Err(named(error, "open", path)),
            }
        }

        /// Opens a file inside for reading; `None` when there is none, also when it is a link,
        /// a pipe or a device. What waits for somebody else is not waited for.
        pub(crate) fn open_file(&self, name: &str) -> io::Result<Option<File>> {
            if !self
                .status(name)?
                .is_some_and(|status| status.kind == StatusKind::File)
            {
                return Ok(None);
            }
            let fd = match openat(
                &self.0,
                name,
                OPEN_FILE.union(OFlags::NONBLOCK),
                Mode::empty(),
            ) {
                Ok(fd) => fd,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => return Ok(None),
                Err(error) => return Err(named(error, "open", name)),
            };
            let stat = fstat(&fd).map_err(|error| named(error, "look at", name))?;
            let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            Ok(is_file.then(|| File::from(fd)))
        }

        /// The names of what is inside, in the order of the disk.
        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.0)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name));
                }
            }
            Ok(names)
        }

        /// Whether a folder of this name is inside, links not followed.
        pub(crate) fn has_folder(&self, name: &OsStr) -> bool {
            statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        }

        /// Reads a file inside and when it was written; `None` when there is none.
        pub(crate) fn read(&self, path: &str) -> io::Result<Option<(Vec<u8>, Time)>> {
            let fd = match openat(&self.0, path, OPEN_FILE, Mode::empty()) {
                Ok(fd) => fd,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(error) => return Err(named(error, "open", path)),
            };
            let stat = fstat(&fd).map_err(|error| named(error, "look at", path))?;
            let mut bytes = Vec::with_capacity(stat.st_size as usize + 1);
            let read = File::from(fd).read_to_end(&mut bytes);
            read.map_err(|error| named(error, "read", path))?;
            Ok(Some((bytes, time(&stat))))
        }

        /// What a link inside says; `None` when there is none.
        pub(crate) fn link(&self, path: &str) -> Option<PathBuf> {
            let target = readlinkat(&self.0, path, Vec::with_capacity(256)).ok()?;
            Some(OsString::from_vec(target.into_bytes()).into())
        }

        /// Whether there is a folder, links followed.
        pub(crate) fn leads_to_folder(&self, path: &str) -> bool {
            statat(&self.0, path, AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        }

        /// Looks at what is inside, without following a link; `None` when there is nothing.
        pub(crate) fn status(&self, path: &str) -> io::Result<Option<Status>> {
            let path = if path.is_empty() { "." } else { path };
            let stat = match statat(&self.0, path, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
                Err(error) => return Err(named(error, "look at", path)),
            };
            let mode = Mode::from_raw_mode(stat.st_mode);
            Ok(Some(Status {
                kind: match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => StatusKind::File,
                    FileType::Directory => StatusKind::Folder,
                    FileType::Symlink => StatusKind::Link,
                    _ => StatusKind::Other,
                },
                size: stat.st_size as u64,
                changed: time(&stat),
                writable: mode.intersects(Mode::WUSR | Mode::WGRP | Mode::WOTH),
                executable: Some(mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH)),
            }))
        }
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields' types differ between systems"
    )]
    fn time(stat: &Stat) -> Time {
        (stat.st_mtime as i64, stat.st_mtime_nsec as i64)
    }

    /// A file that is being written.
    pub(crate) struct NewFile<'f>(OwnedFd, std::marker::PhantomData<&'f Folder>);

    impl NewFile<'_> {
        pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
            while !bytes.is_empty() {
                match write(&self.0, bytes) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => bytes = &bytes[count..],
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::{
        ffi::{OsStr, OsString},
        io::Write as _,
        path::PathBuf,
    };

    use fs_err as fs;

    use super::{Access, Path, Status, StatusKind, Time, io};

    /// A folder.
    #[derive(Debug)]
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            match fs::symlink_metadata(path)?.is_dir() {
                true => Ok(Self(path.to_owned())),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        /// Creates a folder that must be absent, and opens it.
        pub(crate) fn create(path: &Path) -> io::Result<Self> {
            fs::create_dir(path)?;
            Ok(Self(path.to_owned()))
        }

        /// Creates a folder inside.
        pub(crate) fn make(&self, path: &str) -> io::Result<()> {
            fs::create_dir(self.0.join(path))
        }

        /// Creates a file inside, which must be absent.
        pub(crate) fn new_file(
            &self,
            path: &str,
            _executable: bool,
            _access: Access,
        ) -> io::Result<NewFile<'_>> {
            let file = fs::File::create_new(self.0.join(path))?;
            Ok(NewFile(file, std::marker::PhantomData))
        }

        /// Opens this folder once more.
        pub(crate) fn again(&self) -> io::Result<Self> {
            Ok(Self(self.0.clone()))
        }

        /// Opens a folder inside; `None` when there is none.
        pub(crate) fn open_inside(&self, path: &str) -> io::Result<Option<Self>> {
            match self.status(path)? {
                Some(status) if status.kind == StatusKind::Folder => {
                    Ok(Some(Self(self.0.join(path))))
                }
                _ => Ok(None),
            }
        }

        /// Opens a file inside for reading; `None` when there is none, also when it is a link.
        /// The folder must have been opened by a path without links.
        pub(crate) fn open_file(&self, name: &str) -> io::Result<Option<std::fs::File>> {
            let Some(status) = self.status(name)? else {
                return Ok(None);
            };
            if status.kind != StatusKind::File {
                return Ok(None);
            }
            let path = self.0.join(name);
            let mut options = std::fs::OpenOptions::new();
            options.read(true);
            #[cfg(windows)]
            {
                /// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link instead of what it leads to.
                const NO_FOLLOW: u32 = 0x0020_0000;
                std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, NO_FOLLOW);
            }
            let file = match options.open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            // A folder above may have become a link since it was looked at; this one was
            // opened by a path without links.
            let same = fs::canonicalize(&path)? == path;
            Ok((same && file.metadata()?.file_type().is_file()).then_some(file))
        }

        /// The names of what is inside, in the order of the disk.
        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            fs::read_dir(&self.0)?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        }

        /// Whether a folder of this name is inside, links not followed.
        pub(crate) fn has_folder(&self, name: &OsStr) -> bool {
            fs::symlink_metadata(self.0.join(name)).is_ok_and(|metadata| metadata.is_dir())
        }

        /// Reads a file inside and when it was written; `None` when there is none.
        pub(crate) fn read(&self, path: &str) -> io::Result<Option<(Vec<u8>, Time)>> {
            match self.status(path)? {
                Some(status) if status.kind == StatusKind::File => {
                    Ok(Some((fs::read(self.0.join(path))?, status.changed)))
                }
                _ => Ok(None),
            }
        }

        /// What a link inside says; `None` when there is none.
        pub(crate) fn link(&self, path: &str) -> Option<PathBuf> {
            lumen_durable::read_link_dir(&self.0.join(path)).ok()?
        }

        /// Whether there is a folder, links followed.
        pub(crate) fn leads_to_folder(&self, path: &str) -> bool {
            self.0.join(path).is_dir()
        }

        /// Looks at what is inside, without following a link; `None` when there is nothing.
        pub(crate) fn status(&self, path: &str) -> io::Result<Option<Status>> {
            let metadata = match fs::symlink_metadata(self.0.join(path)) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let since = metadata
                .modified()?
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            Ok(Some(Status {
                kind: match metadata.file_type() {
                    kind if kind.is_file() => StatusKind::File,
                    kind if kind.is_dir() => StatusKind::Folder,
                    kind if kind.is_symlink() => StatusKind::Link,
                    _ => StatusKind::Other,
                },
                size: metadata.len(),
                changed: (since.as_secs() as i64, i64::from(since.subsec_nanos())),
                writable: false,
                executable: None,
            }))
        }
    }

    /// A file that is being written.
    pub(crate) struct NewFile<'f>(fs::File, std::marker::PhantomData<&'f Folder>);

    impl NewFile<'_> {
        pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.write_all(bytes)
        }
    }
}
