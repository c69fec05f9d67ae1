//! Users: who a file belongs to, and what others may do with what we make.

use std::{fs::File, io, path::Path};

/// Who a file or folder belongs to. Where there are no such numbers, everything is one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub u32);

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match name_of(self.0) {
            Some(name) => write!(f, "`{name}` (user {})", self.0),
            None => write!(f, "user {}", self.0),
        }
    }
}

impl Owner {
    /// Who owns what is at a path, links followed; `None` where owners have no numbers.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        Ok(owner(&fs_err::metadata(path)?))
    }

    /// Who owns what is at a path, and the link that is there, if one is.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn all_of(path: &Path) -> io::Result<Vec<Self>> {
        let link = fs_err::symlink_metadata(path)?;
        let mut owners = Vec::from_iter(owner(&link));
        if link.is_symlink() {
            owners.extend(Self::of(path)?);
        }
        Ok(owners)
    }

    /// Whether it is the user who runs this, or the system's administrator.
    pub fn is_trusted(self) -> bool {
        self.0 == 0 || current() == Some(self)
    }
}

#[cfg(unix)]
fn owner(metadata: &std::fs::Metadata) -> Option<Owner> {
    use std::os::unix::fs::MetadataExt as _;
    Some(Owner(metadata.uid()))
}

#[cfg(not(unix))]
fn owner(_: &std::fs::Metadata) -> Option<Owner> {
    None
}

/// The user who runs this; `None` where users have no numbers.
#[cfg(unix)]
pub fn current() -> Option<Owner> {
    Some(Owner(rustix::process::geteuid().as_raw()))
}

/// The user who runs this; `None` where users have no numbers.
#[cfg(not(unix))]
pub fn current() -> Option<Owner> {
    None
}

/// The login name of a user, from the system's list.
fn name_of(user: u32) -> Option<String> {
    let list = std::fs::read_to_string(if cfg!(unix) { "/etc/passwd" } else { "" }).ok()?;
    let line = list.lines().find(|line| {
        let number = line.split(':').nth(2);
        number.and_then(|text| text.parse().ok()) == Some(user)
    })?;
    let name = line.split(':').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().all(plain).then(|| name.to_owned())
}

/// The login name of the user, as well as it is known.
pub(crate) fn user() -> String {
    let variable = if cfg!(windows) { "USERNAME" } else { "USER" };
    let known = std::env::var(variable).ok().filter(|name| !name.is_empty());
    let number = || current().map(|user| user.0.to_string());
    known.or_else(number).unwrap_or_default()
}

/// The name of this machine.
#[cfg(unix)]
pub(crate) fn host() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

/// The name of this machine.
#[cfg(not(unix))]
pub(crate) fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Whether a file is the user's own and has one name only, so that writing to it changes
/// nothing of anybody else.
#[cfg(unix)]
pub(crate) fn is_own_file(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata()
        .is_ok_and(|metadata| metadata.nlink() == 1 && current() == Some(Owner(metadata.uid())))
}

/// Whether a file is the user's own and has one name only.
#[cfg(not(unix))]
pub(crate) fn is_own_file(_: &File) -> bool {
    true
}

/// Lets those open a new file who may write to its folder: where a group works together, it
/// needs the same locks.
#[cfg(unix)]
pub(crate) fn open_as_its_folder(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    const STICKY: u32 = 0o1000;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")))?.mode();
    let mut mode = 0o600;
    if folder & 0o020 != 0 {
        mode |= 0o060;
    }
    if folder & 0o002 != 0 && folder & STICKY == 0 {
        mode |= 0o006;
    }
    if mode != 0o600 {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Lets those open a new file who may write to its folder: as its folder says anyway.
#[cfg(not(unix))]
pub(crate) fn open_as_its_folder(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// The umask this process was started with, once it was tightened.
#[cfg(unix)]
static STARTED_WITH: std::sync::OnceLock<u32> = std::sync::OnceLock::new();

/// From now on, nothing that this process or its children make can be written by anybody
/// else, whatever the umask; [`crate::create_shared_dir_all`] still gives a group what the
/// umask gives it.
#[cfg(unix)]
pub fn keep_others_from_writing() {
    use rustix::{fs::Mode, process::umask};
    let before = umask(Mode::WGRP | Mode::WOTH);
    umask(before | Mode::WGRP | Mode::WOTH);
    #[allow(clippy::useless_conversion, reason = "16 bits on macOS")]
    let _ = STARTED_WITH.set(before.bits().into());
}

/// From now on, nothing that this process makes can be written by anybody else: as the
/// folders say, where there is no umask.
#[cfg(not(unix))]
pub fn keep_others_from_writing() {}

/// Gives the group the right to write to a new folder, if the umask does.
#[cfg(unix)]
pub(crate) fn share_with_group(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if STARTED_WITH.get().is_none_or(|umask| umask & 0o020 != 0) {
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

/// Whether others than the owner and the group may write to a folder.
#[cfg(unix)]
pub fn is_open_to_all(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs_err::metadata(folder)?.permissions().mode() & 0o002 != 0)
}

/// Whether others than the owner and the group may write to a folder: not known without modes.
#[cfg(not(unix))]
pub fn is_open_to_all(_: &Path) -> io::Result<bool> {
    Ok(false)
}
