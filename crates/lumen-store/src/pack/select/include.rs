//! What `include` names besides the files that a walk reaches: ignored files and folders, and
//! patterns that match nothing.

use std::collections::BTreeSet;

use ::ignore::gitignore::Gitignore;
use lumen_durable::StatusKind;

use super::{MANIFEST, Walk, join};
use crate::pack::{
    NoteReason, PackError,
    made::is_never,
    pattern::{exact, is_match, patterns, prefix},
    root::Leads,
};

impl Walk<'_> {
    /// Adds files that `include` names exactly and the walk did not reach.
    pub(super) fn named(&mut self, above: &mut Vec<Gitignore>) -> Result<(), PackError> {
        for path in self.exact.clone() {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let made = self.made.as_ref();
            let is_made = made.is_some_and(|made| made.is_archive(name) || made.is_place(&path));
            if is_never(&path) || is_made {
                self.note(path, NoteReason::Never);
                continue;
            }
            // The last component may be a link, which `entry` decides about.
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let folder = match self.root.follow(folder)? {
                Leads::Inside(folder) if is_never(&folder) => {
                    self.note(path, NoteReason::Never);
                    continue;
                }
                Leads::Inside(folder) => folder,
                Leads::Outside(link) => {
                    self.leads_out(link);
                    continue;
                }
                Leads::Nowhere => {
                    self.note(path, NoteReason::NotThere);
                    continue;
                }
            };
            let real = join(&folder, name);
            let inside = self.root.folder(&folder)?;
            let status = match &inside {
                Some(inside) => inside.status(name)?,
                None => None,
            };
            let (Some(inside), Some(status)) = (inside, status) else {
                self.note(path, NoteReason::NotThere);
                continue;
            };
            match status.kind {
                // A folder that is ignored as a whole is taken as a whole, except where its own
                // ignore files say otherwise.
                StatusKind::Folder if self.is_missing(&path) => {
                    if let Some(inside) = inside.open_inside(name)? {
                        self.folder(&inside, &path, &real, &mut Vec::new())?;
                    }
                }
                StatusKind::Folder => {}
                _ if self.files.contains_key(&path) => {}
                _ => self.entry(&inside, name, path.clone(), &real, above)?,
            }
        }
        Ok(())
    }

    /// Takes in ignored folders that patterns of `include` name before their first wildcard, as
    /// far as the patterns match, and except where their own ignore files say otherwise.
    pub(super) fn begun(&mut self) -> Result<(), PackError> {
        for path in self.prefixes.clone() {
            let is_ignored = |part| self.ignored.contains(part);
            if !above(&path).chain([path.as_str()]).any(is_ignored) || is_never(&path) {
                continue;
            }
            let Leads::Inside(real) = self.root.follow(&path)? else {
                continue;
            };
            let Some(inside) = self.root.folder(&real)?.filter(|_| !is_never(&real)) else {
                continue;
            };
            let manifest = inside.status(MANIFEST)?.map(|manifest| manifest.kind);
            if matches!(manifest, Some(StatusKind::File | StatusKind::Link)) {
                self.note(path, NoteReason::NestedPackage);
                continue;
            }
            let before = self.files.len();
            self.folder(&inside, &path, &real, &mut Vec::new())?;
            if self.files.len() > before {
                self.note(path, NoteReason::Named);
            }
        }
        Ok(())
    }

    fn is_missing(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        !self.files.keys().any(|path| path.starts_with(&below))
    }

    /// Notes the patterns of `include` that have wildcards and match nothing.
    pub(super) fn unmatched(&mut self, include: &[String]) -> Result<(), PackError> {
        for pattern in include {
            if pattern.starts_with('!') || exact(pattern).is_some() {
                continue;
            }
            let alone = patterns(self.path, "include", std::slice::from_ref(pattern))?;
            let matches = |path: &String| is_match(alone.as_ref(), &self.path.join(path), false);
            if !self.files.keys().any(matches) {
                self.note(pattern.clone(), NoteReason::NoMatch);
            }
        }
        Ok(())
    }
}

/// The folders that patterns with wildcards name before their first wildcard; those that lie in
/// another one of them are left out.
pub(super) fn prefixes(include: &[String]) -> BTreeSet<String> {
    let wild = include
        .iter()
        .filter(|pattern| !pattern.starts_with('!') && exact(pattern).is_none());
    let all: BTreeSet<String> = wild
        .map(|pattern| prefix(pattern))
        .filter(|path| !path.is_empty())
        .collect();
    let outer = |path: &&String| !above(path).any(|part| all.contains(part));
    all.iter().filter(outer).cloned().collect()
}

/// The paths of all folders above a path, the highest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}
