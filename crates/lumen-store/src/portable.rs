//! Paths that mean the same on every system: one set of rules for reading archives and for packing.
//!
//! A package that was packed on Linux must unpack on macOS and Windows into the
//! same files, so a name is refused wherever *any* system would refuse it,
//! change it, or take it for another name of the same package.

use std::{borrow::Cow, collections::HashMap};

use icu_normalizer::DecomposingNormalizerBorrowed;
pub use lumen_core::path::{PathRule, check_path};

/// The form in which two names are the same file on some system: canonical
/// decomposition (macOS), no difference of case (macOS, Windows), no joiners (HFS+).
///
/// Mapping to upper and then lower case errs on the side of sameness (`ß` and `ss`).
pub fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
    }
    let decompose = DecomposingNormalizerBorrowed::new_nfd();
    let seen: String = name
        .chars()
        .filter(|c| !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'))
        .collect();
    let cased = decompose.normalize(&seen).to_uppercase().to_lowercase();
    Cow::Owned(decompose.normalize(&cased).into_owned())
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
}

/// Why a path cannot be combined with the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// The same path, twice.
    #[error("its path appears twice")]
    Duplicate,
    /// A file where a folder is, or the other way round.
    #[error("`{0}` is a file and a folder")]
    FileAndFolder(String),
    /// Two names that are one on some system.
    #[error("`{first}` and `{second}` are the same file on some systems")]
    SameName {
        /// The earlier path.
        first: String,
        /// The later path.
        second: String,
    },
}

/// The paths of one package so far, as a tree of folded names.
#[derive(Debug, Default)]
pub struct Names {
    /// Keyed by the number of the parent folder and the folded name.
    nodes: HashMap<Box<[u8]>, Node>,
    /// Room for the key of a look-up.
    key: Vec<u8>,
    folders: u32,
    root_listed: bool,
    /// The folder of the path before, and its number: most paths are in the same.
    last: (String, u32),
}

#[derive(Debug)]
struct Node {
    /// Number of the folder, from 1; 0 is a file.
    folder: u32,
    /// Whether the path was given, rather than implied by one below it.
    listed: bool,
    /// The name as given, where folding changed it.
    exact: Option<Box<str>>,
}

impl Names {
    /// No paths.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many folders there are, implied ones included, the root not.
    pub fn folders(&self) -> u32 {
        self.folders
    }

    /// Adds a path that [`check_path`] accepts; the empty path is the root folder.
    ///
    /// The length of the path of each folder that is new, parents first, is
    /// pushed to `new`.
    ///
    /// # Errors
    /// When it clashes with an earlier path.
    pub fn add(&mut self, path: &str, kind: Kind, new: &mut Vec<usize>) -> Result<(), Clash> {
        if path.is_empty() {
            return match std::mem::replace(&mut self.root_listed, true) {
                false => Ok(()),
                true => Err(Clash::Duplicate),
            };
        }
        let (parent, start) = match path.rfind('/') {
            None => (0, 0),
            Some(end) => (self.parent(&path[..end], new)?, end + 1),
        };
        self.step(path, parent, start..path.len(), Some(kind), new)?;
        Ok(())
    }

    /// The number of a folder, made if it is new.
    fn parent(&mut self, path: &str, new: &mut Vec<usize>) -> Result<u32, Clash> {
        if self.last.1 != 0 && self.last.0 == path {
            return Ok(self.last.1);
        }
        let mut folder = 0;
        let mut start = 0;
        while start < path.len() {
            let end = path[start..].find('/').map_or(path.len(), |at| start + at);
            folder = self.step(path, folder, start..end, None, new)?;
            start = end + 1;
        }
        self.last.0.clear();
        self.last.0.push_str(path);
        self.last.1 = folder;
        Ok(folder)
    }

    /// Looks one component up below `parent`, adding it if it is new; `kind` is
    /// `None` for a folder on the way. Returns the folder's number.
    fn step(
        &mut self,
        path: &str,
        parent: u32,
        range: std::ops::Range<usize>,
        kind: Option<Kind>,
        new: &mut Vec<usize>,
    ) -> Result<u32, Clash> {
        let name = &path[range.clone()];
        let folded = fold(name);
        self.key.clear();
        self.key.extend_from_slice(&parent.to_le_bytes());
        self.key.extend_from_slice(folded.as_bytes());
        let Some(node) = self.nodes.get_mut(self.key.as_slice()) else {
            let folder = if kind == Some(Kind::File) {
                0
            } else {
                self.folders += 1;
                new.push(range.end);
                self.folders
            };
            let exact = (*folded != *name).then(|| name.into());
            let node = Node {
                folder,
                listed: kind.is_some(),
                exact,
            };
            self.nodes.insert(self.key.as_slice().into(), node);
            return Ok(folder);
        };
        let exact = node.exact.as_deref().unwrap_or(&folded);
        if exact != name {
            return Err(Clash::SameName {
                first: format!("{}{exact}", &path[..range.start]),
                second: path[..range.end].to_owned(),
            });
        }
        if (node.folder == 0) != (kind == Some(Kind::File)) {
            return Err(Clash::FileAndFolder(path[..range.end].to_owned()));
        }
        if kind.is_some() && std::mem::replace(&mut node.listed, true) {
            return Err(Clash::Duplicate);
        }
        Ok(node.folder)
    }
}

#[cfg(test)]
mod tests;
