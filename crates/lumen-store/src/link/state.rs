//! `.lumen/state.json`: what is installed in a project, and which links are ours.
//!
//! It is written before links are made, naming every one that may appear
//! (`complete` is then false), and again after all is in place. So whatever
//! moment an install was killed at, no link of ours is ever unknown.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use lumen_core::{Digest, PackageName, manifest::LinkMode};
use serde::{Deserialize, Serialize};

use super::DOT_LUMEN;

/// Version of the file's form.
const FORMAT: u32 = 1;

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
    /// When `packages` and the scopes in it were last changed, in seconds and nanoseconds: while
    /// they are as old as recorded, no link in them was added, removed or replaced.
    pub(super) changed: BTreeMap<String, (i64, i64)>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Its identity; `None` for a folder that may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What its link says, or the folder it was copied from.
    pub target: String,
    /// Whether it is a link.
    pub link: bool,
}

/// The form of the file.
#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    complete: bool,
    mode: String,
    facts: BTreeMap<String, String>,
    changed: BTreeMap<String, (i64, i64)>,
    imports: BTreeMap<String, String>,
    folders: BTreeSet<String>,
    packages: BTreeMap<PackageName, Installed>,
}

/// Reads the state of a project; `None` when there is none, or none that can be
/// understood: the next install then makes all links anew.
///
/// # Errors
/// Any I/O error other than absence.
pub fn load(project: &Path) -> io::Result<Option<State>> {
    let bytes = match fs_err::read(path(project)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Option<State> {
    let file: File = serde_json::from_slice(bytes).ok()?;
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
    })
}

/// Notes that the project must be installed anew, whatever it looks like.
///
/// # Errors
/// Any I/O error.
pub fn invalidate(project: &Path) -> io::Result<()> {
    if !path(project).exists() {
        return Ok(());
    }
    let _lock = super::lock(project)?;
    match load(project)? {
        Some(state) if state.complete => State {
            complete: false,
            ..state
        }
        .save(project),
        _ => Ok(()),
    }
}

impl State {
    pub(super) fn save(&self, project: &Path) -> io::Result<()> {
        let file = File {
            format: FORMAT,
            complete: self.complete,
            mode: self.mode.as_str().to_owned(),
            facts: self.facts.clone(),
            changed: self.changed.clone(),
            imports: self.imports.clone(),
            folders: self.folders.clone(),
            packages: self.packages.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        lumen_durable::write_atomic_fast(&path(project), &bytes)
    }
}

fn path(project: &Path) -> PathBuf {
    project.join(DOT_LUMEN).join("state.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        invalidate(dir.path()).unwrap();
        let installed = |digest| Installed {
            version: "1.0.0".into(),
            digest,
            target: "/store/x".into(),
            link: true,
        };
        let name = |text| PackageName::parse(text).unwrap();
        let mut state = State {
            complete: true,
            mode: LinkMode::Hardlink,
            packages: BTreeMap::from([
                (name("a"), installed(None)),
                (name("@x/b"), installed(Some(Digest::of(b"")))),
            ]),
            imports: BTreeMap::from([("x/b".into(), "../.lumen/packages/@x/b/src".into())]),
            folders: BTreeSet::from(["x".into()]),
            facts: BTreeMap::from([("lock".into(), "sha256:…".into())]),
            changed: BTreeMap::from([(String::new(), (1, 999_999_999))]),
        };
        state.save(dir.path()).unwrap();
        assert_eq!(load(dir.path()).unwrap().as_ref(), Some(&state));
        invalidate(dir.path()).unwrap();
        state.complete = false;
        assert_eq!(load(dir.path()).unwrap().as_ref(), Some(&state));
        for other in ["", "{", "{}", "[]", "{\"format\": 2}"] {
            fs_err::write(path(dir.path()), other).unwrap();
            assert_eq!(load(dir.path()).unwrap(), None, "{other}");
        }
    }
}
