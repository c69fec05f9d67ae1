//! A project's `.lumen`, opened so that nothing in it leads elsewhere.
//!
//! A cloned project is input: anybody may have committed the contents of its `.lumen`. No
//! link there is followed, and nothing is trusted. Anything that Lumen does not make, or
//! that belongs to another user, is an error before any change.

use std::{
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use lumen_core::limits::LEFTOVER_AGE;

use lumen_durable::{
    Folder, Lock, StatusKind, Step,
    owner::{self, Owner},
};

use super::{HALF_WRITTEN, LinkError, PACKAGES, TEMPORARY, TOKEN};
use crate::project::{DOT_LUMEN, MANIFEST};

/// Held during a whole install.
const INSTALL_LOCK: &str = "install.lock";
/// Held while links change.
const LINKS_LOCK: &str = "links.lock";

/// An open project and its open `.lumen`.
#[derive(Debug)]
pub struct Place {
    /// The project's folder, absolute.
    pub(super) path: PathBuf,
    /// The same without links: it identifies the project.
    pub(super) real: PathBuf,
    pub(super) root: Folder,
    pub(super) dot: Folder,
}

/// What is wrong with something in a project that only Lumen should have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It is a link.
    #[error("is a link, and no link is followed there")]
    Link,
    /// A file or something else is where a folder belongs.
    #[error("is not a folder")]
    NoFolder,
    /// A folder or something else is where a file belongs.
    #[error("is not a file")]
    NoFile,
    /// It belongs to another user who does not share the project with us.
    #[error("belongs to {0}")]
    Owner(Owner),
    /// It belongs to another user who does not let us write to it.
    #[error("belongs to {0}, and you may not write to it")]
    Closed(Owner),
    /// It is ours, and its modes do not let us write to it.
    #[error("is yours, but its permissions do not let you write to it")]
    ReadOnly,
}

impl Place {
    /// Opens a project, and makes `.lumen` if there is none.
    ///
    /// # Errors
    /// When `.lumen` or something of ours in it is a link, of the wrong kind or another
    /// user's ([`LinkError::Foreign`]); nothing is changed then. Any I/O error.
    pub fn open(project: &Path) -> Result<Self, LinkError> {
        Self::open_or(project, |root| {
            let made = root.open_or_make(DOT_LUMEN)?;
            made.map_or_else(
                || Err(foreign(root, Path::new(DOT_LUMEN))),
                |dot| Ok(Some(dot)),
            )
        })?
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
    }

    /// Opens a project that may have no `.lumen`; then it is `None`.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn find(project: &Path) -> Result<Option<Self>, LinkError> {
        Self::open_or(project, |root| match root.open_inside(DOT_LUMEN)? {
            Some(dot) => Ok(Some(dot)),
            None if root.status(DOT_LUMEN)?.is_none() => Ok(None),
            None => Err(foreign(root, Path::new(DOT_LUMEN))),
        })
    }

    fn open_or(
        project: &Path,
        dot: impl FnOnce(&Folder) -> Result<Option<Folder>, LinkError>,
    ) -> Result<Option<Self>, LinkError> {
        let path = lumen_durable::absolute(project)?;
        let root = Folder::open_named(&path)?;
        let Some(dot) = dot(&root)? else {
            return Ok(None);
        };
        let real = fs_err::canonicalize(&path)?;
        let place = Self {
            path,
            real,
            root,
            dot,
        };
        place.check()?;
        Ok(Some(place))
    }

    /// Looks at everything of ours in `.lumen`.
    fn check(&self) -> Result<(), LinkError> {
        // Users who can change or replace the manifest decide what is installed anyway: its owner,
        // the owner of the folder, and a group that may write to the folder.
        let project = [self.path.join(MANIFEST), self.path.clone()];
        let project = project.map(|path| Owner::of(&path).ok().flatten());
        let shared = self.root.is_shared_with_us()?;
        let accepted =
            |owner: Owner| shared || owner.is_trusted() || project.contains(&Some(owner));
        let own = |path: &Path, owner: Option<u32>| match owner.map(Owner) {
            Some(owner) if owner::current().is_some() && !accepted(owner) => {
                Err(refused(path, Foreign::Owner(owner)))
            }
            _ => Ok(()),
        };
        let dot = Path::new(DOT_LUMEN);
        own(dot, self.dot.status("")?.and_then(|status| status.owner))?;
        for name in self.dot.names()? {
            let Some(expected) = expected(&name.to_string_lossy()) else {
                continue;
            };
            let path = dot.join(&name);
            let Some(status) = self.dot.status(&name)? else {
                continue;
            };
            if status.kind != expected {
                return Err(refused(&path, wrong(status.kind, expected)));
            }
            own(&path, status.owner)?;
        }
        self.dot.close_to_others()?;
        Ok(())
    }

    /// Keeps other installs out of the project.
    ///
    /// # Errors
    /// When another user owns a file that must change ([`Foreign::Closed`]), or its modes forbid
    /// it ([`Foreign::ReadOnly`]); as [`Lock::exclusive`].
    pub fn lock_install(&self) -> Result<Lock, LinkError> {
        self.lock(INSTALL_LOCK)
    }

    /// Keeps others from changing the links and the record of a project.
    pub(super) fn lock_links(&self) -> Result<Lock, LinkError> {
        self.lock(LINKS_LOCK)
    }

    fn lock(&self, name: &str) -> Result<Lock, LinkError> {
        let dot = Path::new(DOT_LUMEN);
        if let Some(closed) = self.is_closed()? {
            let path = match closed {
                "" => dot.to_owned(),
                inner => dot.join(inner),
            };
            return Err(Self::closed(&path, &self.dot, closed));
        }
        self.dot.lock(name).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Self::closed(&dot.join(name), &self.dot, name),
            _ => error.into(),
        })
    }

    /// The folder in `.lumen`, or `.lumen` itself (empty), that we may not write to.
    pub(super) fn is_closed(&self) -> io::Result<Option<&'static str>> {
        if !self.dot.may_write()? {
            return Ok(Some(""));
        }
        let may_write = match self.dot.open_inside(PACKAGES) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
            packages => match packages? {
                Some(packages) => packages.may_write()?,
                None => true,
            },
        };
        Ok((!may_write).then_some(PACKAGES))
    }

    /// The error for a path that we may not write to.
    fn closed(path: &Path, folder: &Folder, name: &str) -> LinkError {
        match folder.status(name) {
            Ok(Some(status)) => match status.owner.map(Owner) {
                Some(owner) if owner::current() == Some(owner) => refused(path, Foreign::ReadOnly),
                Some(owner) => refused(path, Foreign::Closed(owner)),
                None => io::Error::from(io::ErrorKind::PermissionDenied).into(),
            },
            Ok(None) => io::Error::from(io::ErrorKind::NotFound).into(),
            Err(error) => error.into(),
        }
    }

    /// Removes what Lumen made in `.lumen`, and `.lumen` itself if nothing is left: the compiler
    /// keeps its caches and traces there, too.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn remove(self) -> io::Result<()> {
        self.sweep()?;
        self.dot.remove_all(PACKAGES)?;
        for file in [TOKEN, LINKS_LOCK, INSTALL_LOCK] {
            self.dot.remove(file)?;
        }
        let names = self.dot.names()?;
        let others = names.iter().any(|name| name != IGNORE);
        let ignore = self.dot.read_limited(IGNORE, IGNORE_ALL.len() as u64);
        // What the user wrote there stays, and what is there stays out of git.
        if !others && matches!(ignore, Ok(Some(bytes)) if bytes == IGNORE_ALL) {
            self.dot.remove(IGNORE)?;
        }
        self.root.remove_empty(DOT_LUMEN)?;
        Ok(())
    }

    /// Keeps what is in `.lumen` out of git, whatever the project's own `.gitignore` says.
    pub(super) fn hide_from_git(&self) -> io::Result<()> {
        match self.dot.status(IGNORE)? {
            Some(_) => Ok(()),
            None => self.dot.write(IGNORE, IGNORE_ALL),
        }
    }

    /// Removes unfinished files of killed installs, and the state file of older versions of
    /// Lumen.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for name in self.dot.names()? {
            let text = name.to_string_lossy();
            if text.starts_with(TEMPORARY) {
                self.dot.remove_all(&name)?;
            } else if text.starts_with(HALF_WRITTEN)
                || (text == OLD_STATE && self.is_file(OLD_STATE)?)
            {
                self.dot.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Removes what killed runs left in a folder of the project while they wrote `lumen.toml`,
    /// `lumen.lock` or `.gitignore`. What may still be written by another process stays.
    pub(super) fn sweep_beside(&self, folder: &str) -> io::Result<()> {
        let Step::Folder(folder) = self.root.descend(folder)? else {
            return Ok(());
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs() as i64);
        for name in folder.names()? {
            if !name.to_str().is_some_and(is_half_written) {
                continue;
            }
            let Some(status) = folder.status(&name)? else {
                continue;
            };
            let is_old = status.changed.0 < now - LEFTOVER_AGE;
            if status.kind == StatusKind::File && is_old {
                folder.remove(&name)?;
            }
        }
        Ok(())
    }

    fn is_file(&self, name: &str) -> io::Result<bool> {
        let status = self.dot.status(name)?;
        Ok(status.is_some_and(|status| status.kind == StatusKind::File))
    }
}

/// Whether a name is one that we give to a file while it is written: no other program does so.
fn is_half_written(name: &str) -> bool {
    let number = name.strip_prefix(HALF_WRITTEN);
    number.is_some_and(|number| {
        number.len() == 16
            && number
                .bytes()
                .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Tells git that nothing in the folder is to be committed.
const IGNORE: &str = ".gitignore";
const IGNORE_ALL: &[u8] = b"*\n";

/// The state file of older versions of Lumen.
const OLD_STATE: &str = "state.json";

/// The kind that a file in `.lumen` must have; `None` for files that are not ours.
fn expected(name: &str) -> Option<StatusKind> {
    match name {
        PACKAGES => Some(StatusKind::Folder),
        INSTALL_LOCK | LINKS_LOCK | TOKEN => Some(StatusKind::File),
        _ if name.starts_with(TEMPORARY) => Some(StatusKind::Folder),
        _ if name.starts_with(HALF_WRITTEN) => Some(StatusKind::File),
        _ => None,
    }
}

fn wrong(kind: StatusKind, expected: StatusKind) -> Foreign {
    match (kind, expected) {
        (StatusKind::Link, _) => Foreign::Link,
        (_, StatusKind::Folder) => Foreign::NoFolder,
        _ => Foreign::NoFile,
    }
}

/// The error for a file in the place of a folder of ours.
pub(super) fn foreign(folder: &Folder, name: &Path) -> LinkError {
    match folder.status(name) {
        Ok(Some(status)) => refused(name, wrong(status.kind, StatusKind::Folder)),
        Ok(None) => refused(name, Foreign::NoFolder),
        Err(error) => error.into(),
    }
}

fn refused(path: &Path, what: Foreign) -> LinkError {
    LinkError::Foreign {
        path: path.to_owned(),
        what,
    }
}
