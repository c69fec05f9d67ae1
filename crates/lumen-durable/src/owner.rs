//! Users: the owner of a file, and the umask of this process.

use std::{io, path::Path, sync::OnceLock};

/// The owner of a file or folder. On systems without such numbers, the user owns everything.
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
    /// The owner of a path, links followed; `None` where owners have no numbers.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        Ok(owner(&fs_err::metadata(path)?))
    }

    /// The owners of a path: of its target, and of the link itself if it is one.
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
        self.is_administrator() || current() == Some(self)
    }

    /// Whether it is the system's administrator.
    pub fn is_administrator(self) -> bool {
        self.0 == 0
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

/// Names of the user and the machine, for the notes in lock files.
static NAMES: OnceLock<Names> = OnceLock::new();

/// What people call the user and the machine that this process runs on.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The user's login name; `None`: the number of the user, where users have one.
    pub user: Option<String>,
    /// The machine's name; `None`: what the system says, where it says it without the environment.
    pub host: Option<String>,
}

/// From now on, locks of this process name their holder so. The first call counts.
pub fn call_us(names: Names) {
    let _ = NAMES.set(names);
}

/// The login name of the user, as well as it is known.
pub(crate) fn user() -> String {
    let known = NAMES.get().and_then(|names| names.user.clone());
    let number = || current().map(|user| user.0.to_string());
    known.or_else(number).unwrap_or_default()
}

/// The name of this machine.
pub(crate) fn host() -> String {
    let known = NAMES.get().and_then(|names| names.host.clone());
    known.or_else(system_name).unwrap_or_default()
}

#[cfg(unix)]
fn system_name() -> Option<String> {
    let system = rustix::system::uname();
    Some(system.nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn system_name() -> Option<String> {
    None
}

/// The umask this process was started with, once it was tightened.
#[cfg(unix)]
static STARTED_WITH: OnceLock<u32> = OnceLock::new();

/// From now on, no other user can write to files that this process or its children make,
/// whatever the umask. Files in a folder of a group still follow that folder
/// ([`crate::is_shared`]), and [`crate::create_shared_dir_all`] still gives a group the
/// rights that the umask allows.
#[cfg(unix)]
pub fn keep_others_from_writing() {
    use rustix::{fs::Mode, process::umask};
    let before = umask(Mode::WGRP | Mode::WOTH);
    umask(before | Mode::WGRP | Mode::WOTH);
    #[allow(clippy::useless_conversion, reason = "16 bits on macOS")]
    let _ = STARTED_WITH.set(before.bits().into());
}

/// From now on, no other user can write to files that this process makes. Without a umask,
/// the folders decide.
#[cfg(not(unix))]
pub fn keep_others_from_writing() {}

/// Whether the umask that this process was started with lets a group write.
#[cfg(unix)]
pub(crate) fn umask_lets_group() -> bool {
    STARTED_WITH.get().is_some_and(|umask| umask & 0o020 == 0)
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
