//! What an install leaves in a project.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use lumen_core::{Digest, PackageName, manifest::LinkMode};

use crate::Sources;

pub mod state;
pub mod vendor;

pub use state::State;

/// What a project shall have installed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How packages get into the project.
    pub mode: LinkMode,
    /// Folder for import links, relative to the project with `/`; empty or `.` is the project itself.
    pub import_root: String,
    /// The packages.
    pub packages: BTreeMap<PackageName, Planned>,
    /// The caller's own keys and values, kept in the state (digests of lock file and manifests).
    pub facts: BTreeMap<String, String>,
}

/// A package to install.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its version.
    pub version: String,
    /// Its identity; `None` for a folder that may change.
    pub digest: Option<Digest>,
    /// The folder to link to: an entry's tree, or a path dependency (always linked, whatever the mode).
    pub target: PathBuf,
    /// Where its Lumen sources are.
    pub sources: Sources,
}

/// What an install changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// Import links made.
    pub imports_added: Vec<String>,
    /// Import links removed.
    pub imports_removed: Vec<String>,
    /// Import links not made because another package has the path.
    pub imports_skipped: Vec<SkippedImport>,
}

/// An import link that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedImport {
    /// The package that goes without.
    pub package: PackageName,
    /// Its import path with `/`.
    pub path: String,
    /// The package that has it.
    pub taken_by: PackageName,
}

/// Why a project was not linked; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Something the user owns is where an import link would go.
    #[error("cannot link `{package}`: `{}` is in the way", .path.display())]
    Occupied {
        /// The package.
        package: PackageName,
        /// What is in the way, relative to the project.
        path: PathBuf,
    },
    /// The import root leaves the project.
    #[error("import root `{0}` is not a folder inside the project")]
    ImportRoot(String),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Makes a project's links as planned: old or new, never half.
///
/// # Errors
/// When a link would cover something of the user's, or the disk fails.
pub fn install(_project: &Path, _plan: &Plan) -> Result<Linked, LinkError> {
    Err(LinkError::Io(io::ErrorKind::Unsupported.into()))
}

/// Whether everything the state records is in place.
pub fn links_intact(_project: &Path, _state: &State) -> bool {
    false
}
