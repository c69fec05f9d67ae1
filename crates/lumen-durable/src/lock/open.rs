//! Opens lock files. Creates them if needed, follows no link, and gives access to the users who
//! may write to their folder.

use std::{fs::File, io, path::Path};

#[cfg(unix)]
pub(crate) use unix::open_at;

/// Opens the lock file at a path, and makes the folders that it needs.
pub(super) fn open(path: &Path) -> io::Result<File> {
    match open_here(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        crate::create_dir_all(folder)?;
    }
    open_here(path)
}

#[cfg(unix)]
fn open_here(path: &Path) -> io::Result<File> {
    open_at(rustix::fs::CWD, path, path)
}

/// Opens a reparse point itself, which is then no file.
#[cfg(not(unix))]
fn open_here(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;
        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
    options.open(path).map_err(|error| named(error, path))
}

pub(super) fn no_file(path: &Path) -> io::Error {
    let message = format!("the lock `{}` is no file", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn named(error: impl Into<io::Error>, path: &Path) -> io::Error {
    let error = error.into();
    let message = format!("failed to open the lock `{}`: {error}", path.display());
    io::Error::new(error.kind(), message)
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::File,
        io,
        os::fd::{AsFd, OwnedFd},
        path::Path,
    };

    use rustix::{
        fs::{AtFlags, Mode, OFlags, Stat, fchmod, openat, statat},
        io::Errno,
    };

    use super::{named, no_file};
    use crate::share;

    /// Neither follows a link nor waits for the other end of a pipe.
    const FLAGS: OFlags = OFlags::NOFOLLOW
        .union(OFlags::NONBLOCK)
        .union(OFlags::CLOEXEC);

    /// Opens a lock file in an open folder; `path` is the same file, for messages.
    pub(crate) fn open_at(folder: impl AsFd, name: &Path, path: &Path) -> io::Result<File> {
        let opened = match existing(&folder, name) {
            Err(Errno::NOENT) => match new(&folder, name) {
                Err(Errno::EXIST) => existing(&folder, name),
                other => other,
            },
            other => other,
        };
        match opened {
            Ok(fd) => Ok(File::from(fd)),
            Err(Errno::LOOP | Errno::MLINK) => {
                let message = format!("the lock `{}` is a link", path.display());
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
            Err(Errno::ISDIR) => Err(no_file(path)),
            Err(error) => Err(named(error, path)),
        }
    }

    fn existing(folder: impl AsFd, name: &Path) -> Result<OwnedFd, Errno> {
        match openat(&folder, name, OFlags::RDWR.union(FLAGS), Mode::empty()) {
            // Read access is enough for a lock; it belongs to a user who shares it.
            Err(Errno::ACCESS) => openat(&folder, name, OFlags::RDONLY.union(FLAGS), Mode::empty()),
            other => other,
        }
    }

    fn new(folder: impl AsFd, name: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR
            .union(OFlags::CREATE)
            .union(OFlags::EXCL)
            .union(FLAGS);
        let fd = openat(&folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        let above = name
            .parent()
            .filter(|above| !above.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let above = statat(&folder, above, AtFlags::empty())?;
        open_to_its_users(&fd, &above)?;
        Ok(fd)
    }

    /// Lets only the users who may write to its folder open a lock: a user who can open a lock
    /// can hold it.
    fn open_to_its_users(fd: &OwnedFd, folder: &Stat) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(folder.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            return fchmod(fd, Mode::from_raw_mode(0o666));
        }
        share::follow(fd, folder)
    }
}
