//! A project on disk: where its root is, which packages belong to it, its lock file.

pub mod files;
mod loader;
mod locals;
mod members;
mod owners;
mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use lumen_core::{
    PackageName,
    lockfile::{Lockfile, Merge},
    manifest::Manifest,
    problem::{Place, Problem, Severity},
};
use lumen_durable::owner::Owner;

pub use crate::paths::{normalize, relative, slashed};
pub use owners::Surroundings;
pub use snapshot::Snapshot;

use loader::Loader;

/// File name of a manifest.
pub const MANIFEST: &str = "lumen.toml";
/// File name of a lock file.
pub const LOCKFILE: &str = "lumen.lock";
/// Folder of everything an install makes, inside the project.
pub const DOT_LUMEN: &str = ".lumen";

/// A package whose files are on this machine: a workspace member or a path dependency.
#[derive(Debug, Clone)]
pub struct LocalPackage {
    /// Its folder, absolute.
    pub dir: PathBuf,
    /// Its folder relative to the project root, with `/`; empty for the root itself.
    pub relative: String,
    /// Its manifest as the user knows it, for messages.
    pub file: String,
    /// The manifest's text.
    pub source: Arc<str>,
    /// The manifest, workspace inheritance resolved.
    pub manifest: Arc<Manifest>,
}

/// A project: one lock file, one or more packages.
#[derive(Debug)]
pub struct Project {
    /// The folder with the lock file, absolute.
    pub root: PathBuf,
    /// The root's manifest; a workspace root may have no package.
    pub root_package: LocalPackage,
    /// Workspace members, and the root unless it only has members; sorted by folder. The root
    /// may have dependencies without being a package: then it has no name.
    pub members: Vec<LocalPackage>,
    /// Index in `members` of the package the command was run in, if it was run in one.
    pub current: Option<usize>,
    /// The lock file and its text, if there is one.
    pub lock: Option<(Lockfile, Arc<str>)>,
    /// The two sides of the lock file, where it has the markers of a merge conflict; `lock` is
    /// the lock of both.
    pub merge: Option<Merge>,
    /// Warnings about the manifests.
    pub warnings: Vec<Problem>,
    /// Manifests that are to be changed, and their new texts; the project is loaded as if they were.
    pub edited: BTreeMap<PathBuf, String>,
    /// The root and the folders of members.
    member_dirs: BTreeSet<PathBuf>,
    /// What was read so far.
    loader: Mutex<Loader>,
    locals: OnceLock<BTreeMap<PackageName, LocalPackage>>,
}

/// Why a project cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// No `lumen.toml` here or above.
    #[error("no `lumen.toml` in `{}` or any folder above it", .0.display())]
    NotFound(PathBuf),
    /// Something is wrong with a manifest or the lock file; all that was found.
    #[error("{}", .0.first().map_or("the project is invalid", |problem| problem.what.as_str()))]
    Problems(Vec<Problem>),
    /// The two sides of a conflict in the lock file contradict each other.
    #[error("{}", .0.what)]
    Contradiction(Box<Problem>),
    /// A file of the project is a link that leads out of it.
    #[error("`{}` leads to `{}`, outside of the project", .file.display(), .target.display())]
    Outside {
        /// The file.
        file: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A file of the project may not be written to, and no user may.
    #[error("`{}` is read-only, and has to change", .0.display())]
    ReadOnly(PathBuf),
    /// A manifest above the package belongs to another user.
    #[error("`{}` would decide about this project, but belongs to {owner}", .file.display())]
    Foreign {
        /// The manifest.
        file: PathBuf,
        /// Who owns it.
        owner: Owner,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Project {
    /// Finds the manifest for a command: the nearest `lumen.toml`, from the working folder upwards.
    ///
    /// # Errors
    /// When there is none, or one above the working folder belongs to another user.
    pub fn find(surroundings: &Surroundings) -> Result<PathBuf, ProjectError> {
        let start = surroundings.working_dir.as_path();
        let candidates = start.ancestors().map(|dir| dir.join(MANIFEST));
        let file = candidates
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| ProjectError::NotFound(start.to_owned()))?;
        if parent(&file) != start {
            owners::check(&file, start, &surroundings.safe_folders)?;
        }
        Ok(file)
    }

    /// Loads the project that the manifest file belongs to.
    ///
    /// # Errors
    /// When a manifest or the lock file is unreadable or invalid.
    pub fn load(manifest_file: &Path, surroundings: &Surroundings) -> Result<Self, ProjectError> {
        Snapshot::of(manifest_file, surroundings).load()
    }

    /// The project as if some manifests had other texts; nothing is read again, nor written.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn edited(&self, edited: BTreeMap<PathBuf, String>) -> Result<Self, ProjectError> {
        let loader = self.loader().with_edited(edited);
        Snapshot { loader }.load()
    }

    /// The member the command was run in; the only member when there is just one.
    pub fn current_member(&self) -> Option<&LocalPackage> {
        match (self.current, self.members.as_slice()) {
            (Some(at), members) => members.get(at),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Whether a folder is the project's root or the folder of one of its members.
    pub fn is_member(&self, dir: &Path) -> bool {
        self.member_dirs.contains(dir)
    }

    /// The root, if it is a member that is no package.
    pub fn nameless(&self) -> Option<&LocalPackage> {
        self.members.iter().find(|member| member.name().is_none())
    }

    fn loader(&self) -> MutexGuard<'_, Loader> {
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one of the project's files, or the file of the project that it is a link to.
    ///
    /// # Errors
    /// When it leads out of the project, or is read-only, or any I/O error.
    pub fn write(&self, file: &Path, text: &str) -> Result<(), ProjectError> {
        files::write(base_of(&self.root, file), file, text.as_bytes())
    }

    /// Says whether one of the project's files may be written, before anything changes.
    ///
    /// # Errors
    /// As [`Project::write`].
    pub fn check_write(&self, file: &Path) -> Result<(), ProjectError> {
        files::check(base_of(&self.root, file), file)
    }
}

impl LocalPackage {
    /// The package's name; a workspace root may have none.
    pub fn name(&self) -> Option<&PackageName> {
        self.manifest.package.as_ref().map(|package| &package.name)
    }

    /// An error that points into this manifest.
    pub fn problem(
        &self,
        span: &std::ops::Range<usize>,
        what: impl Into<String>,
        label: impl Into<String>,
    ) -> Problem {
        let place = Place {
            file: self.file.clone(),
            source: self.source.clone(),
            span: span.clone(),
            label: label.into(),
        };
        Problem::error(what).at(place)
    }
}

impl LocalPackage {
    /// A warning that points into this manifest.
    pub fn warning(&self, span: &std::ops::Range<usize>, what: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..self.problem(span, what, "")
        }
    }
}

/// Reads a text file of the project in `base`, and says where it really is; `None`: there is none.
fn text_of(
    base: &Path,
    file: &Path,
    limit: u64,
    shown: &str,
) -> Result<Option<(String, PathBuf)>, ProjectError> {
    let problem = |what: String| {
        let hint = format!("restore `{shown}` from version control, or rewrite it");
        ProjectError::Problems(vec![Problem::error(what).hint(hint)])
    };
    let found = match files::read_real(base, file, limit) {
        Err(ProjectError::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(problem(format!("`{shown}` is larger than {limit} bytes")));
        }
        result => result?,
    };
    let Some((bytes, real)) = found else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        problem(format!(
            "`{shown}` is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Some((text, real)))
}

/// The folder that a file must not lead out of: the project's, or its own when it is a path
/// dependency outside of it.
fn base_of<'p>(root: &'p Path, file: &'p Path) -> &'p Path {
    match file.starts_with(root) {
        true => root,
        false => file.parent().unwrap_or(file),
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests;
