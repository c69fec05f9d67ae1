//! Which users may write to files that we make: the folder decides.
//!
//! A group that works together in a folder (a project, a home, a registry) must be able to
//! replace files of each of its members there. So a file that is made in a folder that a group
//! may write to gives that group the rights of its owner, whatever the umask. This gives away
//! nothing: a user who may write to a folder can replace the files in it. In every other folder
//! only the owner may write. Only a lock in a folder that all users may write to is ever
//! writable for all users, and secrets have rules of their own ([`crate::create_new_private`]).

use std::{fs::File, io, path::Path};

#[cfg(unix)]
pub(crate) use unix::{follow, group_of};

/// Whether a group may write to a folder, so that new files in it belong to the group, too.
///
/// # Errors
/// Any I/O error.
#[cfg(unix)]
pub fn is_shared(folder: &Path) -> io::Result<bool> {
    Ok(group_of(&unix::stat(folder)?).is_some())
}

/// Whether a group may write to a folder: not known without modes.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn is_shared(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Gives the group of `folder` its rights to a tree that another program has just made for it.
///
/// # Errors
/// Any I/O error.
#[cfg(unix)]
pub fn share_tree(tree: &Path, folder: &Path) -> io::Result<()> {
    let above = unix::stat(folder)?;
    match group_of(&above) {
        Some(_) => Ok(unix::follow_tree(unix::open(tree)?, &above)?),
        None => Ok(()),
    }
}

/// Gives a group its rights to a tree: there are no modes.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn share_tree(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a new folder the group rights of the folder that it is in.
#[cfg(unix)]
pub(crate) fn follow_folder(path: &Path) -> io::Result<()> {
    let above = unix::stat(unix::parent(path))?;
    match group_of(&above) {
        Some(_) => Ok(follow(unix::open(path)?, &above)?),
        None => Ok(()),
    }
}

/// Gives a new folder the group rights of the folder that it is in: it has them anyway.
#[cfg(not(unix))]
pub(crate) fn follow_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a new file the group rights of the folder that `path` is in.
#[cfg(unix)]
pub(crate) fn follow_file(file: &File, path: &Path) -> io::Result<()> {
    Ok(follow(file, &unix::stat(unix::parent(path))?)?)
}

/// Gives a new file the group rights of the folder that `path` is in: it has them anyway.
#[cfg(not(unix))]
pub(crate) fn follow_file(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives the group the right to write to a new folder, if the umask does.
#[cfg(unix)]
pub(crate) fn share_with_group(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if !crate::owner::umask_lets_group() {
        return Ok(());
    }
    let mut permissions = fs_err::metadata(folder)?.permissions();
    permissions.set_mode(permissions.mode() | 0o020);
    fs_err::set_permissions(folder, permissions)
}

/// Gives the group the right to write to a new folder: as its parent says.
#[cfg(not(unix))]
pub(crate) fn share_with_group(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::{
        io,
        os::fd::{AsFd, OwnedFd},
        path::Path,
    };

    use rustix::{
        fs::{AtFlags, CWD, Dir, Gid, Mode, OFlags, Stat, fchmod, fchown, fstat, openat, statat},
        io::Errno,
        process::geteuid,
    };

    const OPEN: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    /// The group that works together in a folder: it may write there, and remove files of
    /// others. A folder that all users may write to belongs to a group only if new files
    /// inherit its group.
    pub(crate) fn group_of(folder: &Stat) -> Option<Gid> {
        let mode = Mode::from_raw_mode(folder.st_mode);
        let meant = mode.contains(Mode::SGID) || !mode.contains(Mode::WOTH);
        let shared = mode.contains(Mode::WGRP) && !mode.contains(Mode::SVTX) && meant;
        shared.then(|| Gid::from_raw(folder.st_gid))
    }

    /// Gives a new file of this process to the group of its folder, with the rights of its
    /// owner, if the group may write to the folder.
    pub(crate) fn follow(new: impl AsFd, folder: &Stat) -> Result<(), Errno> {
        let Some(group) = group_of(folder) else {
            return Ok(());
        };
        let stat = fstat(&new)?;
        if stat.st_uid != geteuid().as_raw() {
            // Another process has replaced it.
            return Ok(());
        }
        if stat.st_gid != group.as_raw() && fchown(&new, None, Some(group)).is_err() {
            // We are not in the group: our files are ours alone.
            return Ok(());
        }
        let mode = Mode::from_raw_mode(stat.st_mode);
        let rights = Mode::from_raw_mode(mode.intersection(Mode::RWXU).bits() >> 3);
        if mode.contains(rights) {
            return Ok(());
        }
        match fchmod(&new, mode.union(rights)) {
            // Not every file system keeps modes.
            Err(Errno::PERM | Errno::NOTSUP) => Ok(()),
            result => result,
        }
    }

    /// The same for a new folder and all that is in it.
    pub(super) fn follow_tree(new: OwnedFd, folder: &Stat) -> Result<(), Errno> {
        follow(&new, folder)?;
        let above = fstat(&new)?;
        for entry in Dir::read_from(&new)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match openat(&new, name, OPEN, Mode::empty()) {
                Ok(inner) => follow_tree(inner, &above)?,
                // A file, or a link.
                Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                    let flags = OPEN.difference(OFlags::DIRECTORY).union(OFlags::NONBLOCK);
                    match openat(&new, name, flags, Mode::empty()) {
                        Ok(file) => follow(file, &above)?,
                        Err(Errno::LOOP | Errno::MLINK) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn stat(folder: &Path) -> io::Result<Stat> {
        Ok(statat(CWD, folder, AtFlags::empty())?)
    }

    /// Opens a folder of this process, which may have been replaced by a link meanwhile.
    pub(super) fn open(folder: &Path) -> io::Result<OwnedFd> {
        Ok(openat(CWD, folder, OPEN, Mode::empty())?)
    }

    pub(super) fn parent(path: &Path) -> &Path {
        path.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use fs_err as fs;

    use crate::{Access, Folder, Lock};

    /// Everything that can be made in a folder of this mode, with the modes that it gets.
    fn check(folder: u32, expected: [u32; 5]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(folder)).unwrap();
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().mode() & 0o7777;
        let open = Folder::open(&path).unwrap();
        crate::create_dir_all(&path.join("by-path/below")).unwrap();
        open.make("folder").unwrap();
        open.make("folder/below").unwrap();
        Folder::create(&path.join("created")).unwrap();
        let folders = [
            "by-path",
            "by-path/below",
            "folder",
            "folder/below",
            "created",
        ];
        assert_eq!(folders.map(mode), [expected[0]; 5], "{folder:o}");
        crate::write_atomic_fast(&path.join("by-path/file"), b"").unwrap();
        crate::write_atomic(&path.join("file"), b"").unwrap();
        open.write("own", b"").unwrap();
        open.new_file("new", false, Access::Writable).unwrap();
        open.copy(&path.join("file"), "copy", false).unwrap();
        let files = ["by-path/file", "file", "own", "new", "copy"];
        assert_eq!(files.map(mode), [expected[1]; 5], "{folder:o}");
        drop(Lock::exclusive(&path.join("lock")).unwrap());
        drop(open.lock("other-lock").unwrap());
        assert_eq!(
            ["lock", "other-lock"].map(mode),
            [expected[2]; 2],
            "{folder:o}"
        );
        open.write_fast("token", b"", true).unwrap();
        assert_eq!(mode("token"), expected[3], "{folder:o}");
        // Packages are never written to again, and secrets are of one user whatever the folder.
        open.new_file("fixed", false, Access::ReadOnly).unwrap();
        crate::create_new_private(&path.join("key"), b"").unwrap();
        crate::create_new_private(&path.join("keys/key"), b"").unwrap();
        let fixed = ["fixed", "key", "keys/key"].map(mode);
        assert_eq!(fixed, [0o444, 0o600, 0o600], "{folder:o}");
        assert_eq!(mode("keys") & 0o777, 0o700, "{folder:o}");
        crate::create_closed_dir_all(&path.join("closed")).unwrap();
        assert_eq!(mode("closed"), expected[4], "{folder:o}");
    }

    #[test]
    fn what_is_made_has_the_group_rights_of_its_folder() {
        check(0o755, [0o755, 0o644, 0o600, 0o600, 0o700]);
        check(0o2775, [0o2775, 0o664, 0o660, 0o660, 0o2770]);
        check(0o775, [0o775, 0o664, 0o660, 0o660, 0o770]);
        // The group cannot replace files in these, or they belong to no group.
        check(0o2755, [0o2755, 0o644, 0o600, 0o600, 0o2700]);
        check(0o1775, [0o755, 0o644, 0o600, 0o600, 0o700]);
        check(0o1777, [0o755, 0o644, 0o600, 0o600, 0o700]);
        check(0o777, [0o755, 0o644, 0o666, 0o600, 0o700]);
    }

    #[test]
    fn what_is_made_belongs_to_the_group_of_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(dir.path(), None, Some(64_321)).is_err() {
            eprintln!("not tested, since files cannot be given to a group here");
            return;
        }
        fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o770)).unwrap();
        crate::create_dir_all(&dir.path().join("a/b")).unwrap();
        crate::write_atomic_fast(&dir.path().join("a/b/file"), b"").unwrap();
        for name in ["a", "a/b", "a/b/file"] {
            let metadata = fs::metadata(dir.path().join(name)).unwrap();
            assert_eq!(metadata.gid(), 64_321, "{name}");
            assert_eq!(metadata.mode() & 0o020, 0o020, "{name}");
        }
    }
}
