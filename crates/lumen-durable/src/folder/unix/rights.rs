//! Access to an open folder: its locks, and which users may write to it.

use std::{io, path::Path};

use rustix::{
    fs::{Access, AtFlags, Mode, Stat, accessat, fchmod, fstat, statat},
    io::Errno,
    process::{getegid, geteuid, getgroups},
};

use super::Folder;
use crate::{
    folder::{gone, named},
    lock::{Lock, open_at},
    share::{follow, group_of},
};

impl Folder {
    /// Waits for the lock file inside, which is made if need be; a link is an error.
    ///
    /// # Errors
    /// When it is no file, or as [`Lock::exclusive`].
    pub fn lock(&self, name: impl AsRef<Path>) -> io::Result<Lock> {
        let name = name.as_ref();
        let whole = self.whole(name);
        Lock::wait_for(open_at(&self.fd, name, &whole)?, &whole, true)
    }

    /// Whether the user may add and remove things here.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn may_write(&self) -> io::Result<bool> {
        match accessat(&self.fd, ".", Access::WRITE_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(true),
            Err(Errno::ACCESS | Errno::PERM) => Ok(false),
            // The attempt gives a better error.
            Err(Errno::ROFS) => Ok(true),
            Err(error) => Err(named(error, "look at", &self.path)),
        }
    }

    /// Whether a group works together in this folder, to which the user belongs or has given
    /// the right to write; never one that everybody may write to.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn is_shared_with_us(&self) -> io::Result<bool> {
        let stat = fstat(&self.fd)?;
        let Some(group) = group_of(&stat) else {
            return Ok(false);
        };
        if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
            return Ok(false);
        }
        let user = geteuid();
        Ok(user.is_root()
            || user.as_raw() == stat.st_uid
            || getegid() == group
            || getgroups()?.contains(&group))
    }

    /// Takes from others the right to write here, if the folder is the user's own.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn close_to_others(&self) -> io::Result<()> {
        let stat = fstat(&self.fd)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if stat.st_uid == geteuid().as_raw() && mode.contains(Mode::WOTH) {
            fchmod(&self.fd, mode.difference(Mode::WGRP | Mode::WOTH))?;
            follow(&self.fd, &statat(&self.fd, "..", AtFlags::empty())?)?;
        }
        Ok(())
    }

    /// Opens a folder inside of which everything is to be removed: one of the user's own gets
    /// the rights that this takes.
    pub(super) fn open_to_empty(&self, name: &Path) -> io::Result<Self> {
        let opened = match self.open_inside(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.give_rights(name)
                    .map_err(|error| named(error, "open", &self.path.join(name)))?;
                self.open_inside(name)
            }
            opened => opened,
        };
        let inner = opened?.ok_or_else(|| gone(&self.path.join(name)))?;
        if let Some(mode) = lacking(&fstat(&inner.fd)?) {
            fchmod(&inner.fd, mode)?;
        }
        Ok(inner)
    }

    /// Gives the user all rights to a folder inside that is the user's own, and that cannot be
    /// opened without them.
    #[cfg(target_os = "linux")]
    fn give_rights(&self, name: &Path) -> Result<(), Errno> {
        use rustix::{
            fd::AsRawFd as _,
            fs::{CWD, OFlags, chmodat, openat},
        };
        // No right to the folder is needed for this, and nothing can be put in its place.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(&self.fd, name, flags, Mode::empty())?;
        match lacking(&fstat(&folder)?) {
            Some(mode) => {
                let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
                chmodat(CWD, path, mode, AtFlags::empty())
            }
            None => Ok(()),
        }
    }

    /// Gives the user all rights to a folder inside that is the user's own, and that cannot be
    /// opened without them.
    #[cfg(not(target_os = "linux"))]
    fn give_rights(&self, name: &Path) -> Result<(), Errno> {
        let stat = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match lacking(&stat) {
            Some(mode) => rustix::fs::chmodat(&self.fd, name, mode, AtFlags::SYMLINK_NOFOLLOW),
            None => Ok(()),
        }
    }
}

/// The mode that gives the user all rights to a file that is the user's own; `None` when it
/// is not, or when the user has them.
fn lacking(stat: &Stat) -> Option<Mode> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    let own = stat.st_uid == geteuid().as_raw();
    (own && !mode.contains(Mode::RWXU)).then(|| mode.union(Mode::RWXU))
}
