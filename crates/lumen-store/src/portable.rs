//! Paths that mean the same on every system: one set of rules for reading archives and for packing.
//!
//! A package that was packed on Linux must unpack on macOS and Windows into the
//! same files, so a name is refused wherever *any* system would refuse it,
//! change it, or take it for another name of the same package.

use std::{borrow::Cow, collections::HashMap};

use icu_normalizer::DecomposingNormalizerBorrowed;
use lumen_core::limits::{MAX_COMPONENT_BYTES, rows};
use lumen_core::name::is_windows_device;

/// Why a path does not work everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathRule {
    /// Nothing is left of the name.
    #[error("its name is empty")]
    Empty,
    /// A leading `/`.
    #[error("its path is absolute")]
    Absolute,
    /// A leading `C:`.
    #[error("its path starts with a drive letter")]
    Drive,
    /// A `..` component.
    #[error("its path has a `..` component")]
    Parent,
    /// A `.` component other than a leading `./`.
    #[error("its path has a `.` component in the middle")]
    Current,
    /// Two slashes in a row.
    #[error("its path has an empty component")]
    EmptyComponent,
    /// A backslash, which separates folders on Windows.
    #[error("its path has a backslash")]
    Backslash,
    /// Bytes that are not UTF-8.
    #[error("its name is not UTF-8")]
    Encoding,
    /// NUL, line feed, DEL and their like.
    #[error("its name has the control character U+{:04X}", *.0 as u32)]
    Control(char),
    /// A character that cannot be seen, or turns the text around it.
    #[error("its name has the invisible character U+{:04X}", *.0 as u32)]
    Invisible(char),
    /// A character that Windows does not allow.
    #[error("its name has `{0}`, which Windows does not allow")]
    Reserved(char),
    /// A trailing dot or space, which Windows drops.
    #[error("a component of its path ends with a dot or a space, which Windows drops")]
    Trailing,
    /// A device on Windows.
    #[error("a component of its path is a device name on Windows")]
    Device,
    /// A component over [`MAX_COMPONENT_BYTES`].
    #[error("a component of its path is too long; {}", rows::MAX_COMPONENT_BYTES)]
    Component,
    /// A path over the limit.
    #[error("its path is longer than {limit} bytes, the limit `{}`", rows::MAX_PATH_BYTES.name)]
    Long {
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many components.
    #[error("its path is more than {limit} folders deep, the limit `{}`", rows::MAX_PATH_DEPTH.name)]
    Deep {
        /// The limit in components, the last included.
        limit: usize,
    },
}

/// Checks a relative path with `/` that has neither a leading `./` nor a trailing `/`.
///
/// # Errors
/// Says which rule the path breaks.
pub fn check_path(path: &str, limit: usize, depth: usize) -> Result<(), PathRule> {
    if path.is_empty() {
        return Err(PathRule::Empty);
    }
    if path.starts_with('/') {
        return Err(PathRule::Absolute);
    }
    if matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err(PathRule::Drive);
    }
    let mut components = 0;
    for component in path.split('/') {
        check_component(component)?;
        components += 1;
    }
    if path.len() > limit {
        return Err(PathRule::Long { limit });
    }
    if components > depth {
        return Err(PathRule::Deep { limit: depth });
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), PathRule> {
    match component {
        "" => return Err(PathRule::EmptyComponent),
        "." => return Err(PathRule::Current),
        ".." => return Err(PathRule::Parent),
        _ => {}
    }
    for character in component.chars() {
        match character {
            '\\' => return Err(PathRule::Backslash),
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => return Err(PathRule::Reserved(character)),
            _ if character.is_control() => return Err(PathRule::Control(character)),
            _ if is_invisible(character) => return Err(PathRule::Invisible(character)),
            _ => {}
        }
    }
    if component.ends_with(['.', ' ']) {
        return Err(PathRule::Trailing);
    }
    if component.len() > MAX_COMPONENT_BYTES {
        return Err(PathRule::Component);
    }
    if is_windows_device(component) {
        return Err(PathRule::Device);
    }
    Ok(())
}

/// Separators, marks of direction and characters without a width that have no
/// place in a file name. Joiners and variation selectors are parts of emoji and
/// of some scripts: they are allowed, and [`fold`] drops them.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

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
