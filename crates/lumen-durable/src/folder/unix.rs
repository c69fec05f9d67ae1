//! Folders by their descriptors.

mod change;
mod rights;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat,
        renameat, statat, unlinkat,
    },
    io::{Errno, write},
};

use super::{Access, Status, StatusKind, Time, named, random};
use crate::{
    TEMPORARY, fault,
    gate::step,
    share::{follow, group_of},
};

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    /// How it was reached, for messages.
    path: PathBuf,
}

const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// `NONBLOCK`: opening a pipe must not wait for a writer.
const OPEN_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Folders of ours: others may read, only the owner may write, whatever the umask.
const FOLDER: Mode = Mode::from_raw_mode(0o755);

impl Folder {
    /// Opens a folder; the last step of the path must be no link.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OPEN_FOLDER)
    }

    /// Opens a folder that the user named: links are followed.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open_named(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OPEN_FOLDER.difference(OFlags::NOFOLLOW))
    }

    fn open_with(path: &Path, flags: OFlags) -> io::Result<Self> {
        match openat(CWD, path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self {
                fd,
                path: path.to_owned(),
            }),
            Err(error) => Err(named(error, "open", path)),
        }
    }

    /// Creates a folder that must be absent, and opens it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn create(path: &Path) -> io::Result<Self> {
        let _step = step();
        mkdirat(CWD, path, FOLDER).map_err(|error| named(error, "create", path))?;
        let made = Self::open(path)?;
        follow(&made.fd, &above(CWD, path)?)?;
        Ok(made)
    }

    /// The same folder, opened once more.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self {
            fd: self.fd.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// How it was reached, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn whole(&self, path: &Path) -> PathBuf {
        self.path.join(path)
    }

    /// Creates a folder inside, which must be absent.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn make(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        let path = path.as_ref();
        let failed = |error: Errno| named(error, "create", &self.whole(path));
        mkdirat(&self.fd, path, FOLDER).map_err(failed)?;
        let above = above(&self.fd, path)?;
        if group_of(&above).is_some() {
            let made = openat(&self.fd, path, OPEN_FOLDER, Mode::empty()).map_err(failed)?;
            follow(made, &above)?;
        }
        Ok(())
    }

    /// Creates a file inside, which must be absent.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn new_file(
        &self,
        path: impl AsRef<Path>,
        executable: bool,
        access: Access,
    ) -> io::Result<NewFile<'_>> {
        let mode = match access {
            Access::ReadOnly => 0o444,
            Access::Writable => 0o644,
        };
        let mode = mode | if executable { 0o111 } else { 0 };
        let fd = self.create_file(path.as_ref(), mode)?;
        Ok(NewFile(fd, std::marker::PhantomData))
    }

    fn create_file(&self, path: &Path, mode: u32) -> io::Result<OwnedFd> {
        let _step = step();
        // 16 bits on macOS.
        let mode = Mode::from_raw_mode(mode as rustix::fs::RawMode);
        let fd = openat(&self.fd, path, NEW_FILE, mode)
            .map_err(|error| named(error, "create", &self.whole(path)))?;
        follow(&fd, &above(&self.fd, path)?)?;
        Ok(fd)
    }

    /// Opens a folder inside; `None` when there is none, or a link.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn open_inside(&self, path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let path = path.as_ref();
        match openat(&self.fd, path, OPEN_FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Some(Self {
                fd,
                path: self.whole(path),
            })),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => Ok(None),
            Err(error) => Err(named(error, "open", &self.whole(path))),
        }
    }

    /// Opens a regular file inside; `None` when there is none, or a link.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn open_file(&self, path: impl AsRef<Path>) -> io::Result<Option<File>> {
        // Opening a device can have effects: open only a file, and check again afterwards.
        let status = self.status(path.as_ref())?;
        if status.is_none_or(|status| status.kind != StatusKind::File) {
            return Ok(None);
        }
        Ok(self.file_and_stat(path.as_ref())?.map(|(file, _)| file))
    }

    fn file_and_stat(&self, path: &Path) -> io::Result<Option<(File, Stat)>> {
        let fd = match openat(&self.fd, path, OPEN_FILE, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::NXIO) => {
                return Ok(None);
            }
            Err(error) => return Err(named(error, "open", &self.whole(path))),
        };
        let stat = fstat(&fd).map_err(|error| named(error, "look at", &self.whole(path)))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some((File::from(fd), stat))),
            _ => Ok(None),
        }
    }

    /// Reads a file inside and when it was written; `None` when there is none.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<(Vec<u8>, Time)>> {
        let path = path.as_ref();
        let Some((mut file, stat)) = self.file_and_stat(path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::with_capacity(stat.st_size as usize + 1);
        file.read_to_end(&mut bytes)
            .map_err(|error| named(error, "read", &self.whole(path)))?;
        Ok(Some((bytes, time(&stat))))
    }

    /// Writes a file inside so that readers see the old or the new contents, without waiting
    /// for the disk. `private`: only the owner may read it.
    ///
    /// # Errors
    /// Any I/O error; the old contents are then still there.
    pub fn write_fast(
        &self,
        name: impl AsRef<Path>,
        bytes: &[u8],
        private: bool,
    ) -> io::Result<()> {
        self.put(
            name.as_ref(),
            bytes,
            if private { 0o600 } else { 0o644 },
            false,
        )
    }

    /// Writes a file inside so that it is on the disk, whole, when this returns.
    ///
    /// # Errors
    /// Any I/O error; the old contents are then still there.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let name = name.as_ref();
        self.put(name, bytes, 0o644, true)?;
        File::from(self.fd.try_clone()?).sync_all()?;
        fault::point("synced", &self.whole(name))
    }

    fn put(&self, name: &Path, bytes: &[u8], mode: u32, sync: bool) -> io::Result<()> {
        let _step = step();
        let whole = self.whole(name);
        fault::point("write", &whole)?;
        let temporary = format!("{TEMPORARY}{:016x}", random()?);
        let temporary = Path::new(&temporary);
        let written = self.create_file(temporary, mode).and_then(|fd| {
            let mut file = NewFile(fd, std::marker::PhantomData);
            file.write_all(bytes)?;
            let old = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok();
            let old =
                old.filter(|old| FileType::from_raw_mode(old.st_mode) == FileType::RegularFile);
            // A file that its user wrote keeps its mode; those of Lumen's own have one by rule.
            if let Some(old) = old.as_ref().filter(|_| sync) {
                let mode = Mode::from_raw_mode(old.st_mode) & Mode::from_raw_mode(0o777);
                rustix::fs::fchmod(&file.0, mode)?;
            }
            // The administrator, who changes a user's file, leaves it to the user where that
            // is possible.
            if let Some(old) = old.filter(|_| rustix::process::geteuid().is_root()) {
                let owner = rustix::fs::Uid::from_raw(old.st_uid);
                let group = rustix::fs::Gid::from_raw(old.st_gid);
                let _ = rustix::fs::fchown(&file.0, Some(owner), Some(group));
            }
            if sync {
                fault::point("sync", &whole)?;
                File::from(file.0).sync_all()?;
            }
            fault::point("rename", &whole)?;
            Ok(renameat(&self.fd, temporary, &self.fd, name)?)
        });
        if let Err(error) = written {
            let _ = unlinkat(&self.fd, temporary, AtFlags::empty());
            return Err(named(error, "write", &whole));
        }
        fault::point("renamed", &whole)
    }

    /// Whether a file inside is marked as one that is not to be changed: no user may write to it.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn is_read_only(&self, name: impl AsRef<Path>) -> io::Result<bool> {
        let status = self.status(name)?;
        Ok(status.is_some_and(|status| status.kind == StatusKind::File && !status.writable))
    }

    /// The target of a link inside; `None` when there is none.
    pub fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let target = readlinkat(&self.fd, path.as_ref(), Vec::with_capacity(256)).ok()?;
        Some(OsString::from_vec(target.into_bytes()).into())
    }

    /// Whether there is a folder, links followed.
    pub fn leads_to_folder(&self, path: impl AsRef<Path>) -> bool {
        statat(&self.fd, path.as_ref(), AtFlags::empty())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// The status of a path inside, without following a link; `None` when there is nothing.
    /// An empty path is the folder itself.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn status(&self, path: impl AsRef<Path>) -> io::Result<Option<Status>> {
        let path = path.as_ref();
        let stat = if path.as_os_str().is_empty() {
            fstat(&self.fd)
        } else {
            statat(&self.fd, path, AtFlags::SYMLINK_NOFOLLOW)
        };
        match stat {
            Ok(stat) => Ok(Some(status(&stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(named(error, "look at", &self.whole(path))),
        }
    }

    pub(super) fn list(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        let listing = Dir::read_from(&self.fd).map_err(|error| named(error, "read", &self.path))?;
        for entry in listing {
            let entry = entry.map_err(|error| named(error, "read", &self.path))?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }
}

/// The status of the folder that contains the last step of a path.
fn above(folder: impl AsFd, path: &Path) -> io::Result<Stat> {
    let above = path
        .parent()
        .filter(|above| !above.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    statat(folder, above, AtFlags::empty()).map_err(|error| named(error, "look at", above))
}

fn status(stat: &Stat) -> Status {
    let mode = Mode::from_raw_mode(stat.st_mode);
    Status {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => StatusKind::File,
            FileType::Directory => StatusKind::Folder,
            FileType::Symlink => StatusKind::Link,
            _ => StatusKind::Other,
        },
        size: stat.st_size as u64,
        changed: time(stat),
        touched: touched(stat),
        writable: mode.intersects(Mode::WUSR | Mode::WGRP | Mode::WOTH),
        executable: Some(mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH)),
        owner: Some(stat.st_uid),
        number: stat.st_ino,
    }
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the fields' types differ between systems"
)]
fn time(stat: &Stat) -> Time {
    (stat.st_mtime as i64, stat.st_mtime_nsec as i64)
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the fields' types differ between systems"
)]
fn touched(stat: &Stat) -> Time {
    (stat.st_ctime as i64, stat.st_ctime_nsec as i64)
}

/// A file that is being written.
pub struct NewFile<'f>(OwnedFd, std::marker::PhantomData<&'f Folder>);

impl NewFile<'_> {
    /// Writes the bytes.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
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
