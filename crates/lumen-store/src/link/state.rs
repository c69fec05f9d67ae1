//! The installed packages of a project, and the links that are ours.
//!
//! It is recorded in the user's own folder ([`super::Ledger`]) before links are made, naming
//! every one that may appear (`complete` is then false), and again after all is in place. So
//! every link of ours is in the record, whenever an install was killed.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{Digest, PackageName, manifest::LinkMode};
use serde::{Deserialize, Serialize};

/// Version of the form.
const FORMAT: u32 = 2;

/// What is installed in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether the install that wrote it came to its end.
    pub complete: bool,
    /// How packages got into the project.
    pub mode: LinkMode,
    /// The packages.
    pub packages: BTreeMap<PackageName, Installed>,
    /// Import links: path relative to the project, with `/`, and link target.
    pub imports: BTreeMap<String, String>,
    /// Folders made for import links, relative to the project, with `/`.
    pub folders: BTreeSet<String>,
    /// The caller's own keys and values.
    pub facts: BTreeMap<String, String>,
    /// When `packages` and the scopes in it were last touched, in seconds and nanoseconds: while
    /// that is as recorded, nothing in them was added, removed or replaced.
    pub(super) changed: BTreeMap<String, (i64, i64)>,
    /// The state of the packages that are no links ([`super::seen`]).
    pub(super) seen: BTreeMap<PackageName, Digest>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Its identity; `None` for a folder that may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The target of its link, or the folder it was copied from.
    pub target: String,
    /// Whether it is a link.
    pub link: bool,
}

/// The form of it in a file.
#[derive(Serialize, Deserialize)]
pub(super) struct File {
    format: u32,
    complete: bool,
    mode: String,
    facts: BTreeMap<String, String>,
    changed: BTreeMap<String, (i64, i64)>,
    /// Not in records of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    seen: BTreeMap<PackageName, Digest>,
    imports: BTreeMap<String, String>,
    folders: BTreeSet<String>,
    packages: BTreeMap<PackageName, Installed>,
}

/// `None` for the record of another version.
pub(super) fn read(file: File) -> Option<State> {
    if file.format != FORMAT {
        return None;
    }
    Some(State {
        complete: file.complete,
        mode: file.mode.parse().ok()?,
        packages: file.packages,
        imports: file.imports,
        folders: file.folders,
        facts: file.facts,
        changed: file.changed,
        seen: file.seen,
    })
}

pub(super) fn form(state: &State) -> File {
    let state = state.clone();
    File {
        format: FORMAT,
        complete: state.complete,
        mode: state.mode.as_str().to_owned(),
        facts: state.facts,
        changed: state.changed,
        seen: state.seen,
        imports: state.imports,
        folders: state.folders,
        packages: state.packages,
    }
}
