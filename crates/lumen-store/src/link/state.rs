//! `.lumen/state.json`.

use std::{collections::BTreeMap, io, path::Path};

use lumen_core::{Digest, PackageName, manifest::LinkMode};

/// What is installed in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether the install that wrote it came to its end.
    pub complete: bool,
    /// How packages got into the project.
    pub mode: LinkMode,
    /// The packages.
    pub packages: BTreeMap<PackageName, Installed>,
    /// Import links: path relative to the project with `/` -> link target.
    pub imports: BTreeMap<String, String>,
    /// The caller's own keys and values.
    pub facts: BTreeMap<String, String>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Its identity; `None` for a folder that may change.
    pub digest: Option<Digest>,
    /// The folder it links to or was copied from.
    pub target: String,
}

/// Reads the state of a project; `None` when there is none or it is not readable as one.
///
/// # Errors
/// Any I/O error other than absence.
pub fn load(_project: &Path) -> io::Result<Option<State>> {
    Ok(None)
}
