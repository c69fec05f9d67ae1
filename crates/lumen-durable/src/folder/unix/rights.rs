//! Access to an open folder: its locks, and which users may write to it.

use std::{io, path::Path};

use rustix::{
    fs::{Access, AtFlags, Mode, accessat, fchmod, fstat, statat},
    io::Errno,
    process::{getegid, geteuid, getgroups},
};

use super::Folder;
use crate::{
    folder::named,
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
}
