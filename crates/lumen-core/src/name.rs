//! Package names: `pkg` or `@scope/pkg`.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{MAX_NAME_PART, Row, rows};

/// Names and scopes that would collide with files of a project or a registry, and the meaning
/// of these. Compared like import paths, with `-` and `.` read as `_`.
const RESERVED: [(&str, &str); 3] = [
    ("index", "a folder's own page and index"),
    ("node_modules", "the packages of another tool"),
    ("src", "a project's own sources"),
];

/// The scope that stands for the registry itself in the log of a signed registry.
const ROOT_SCOPE: &str = "root";

/// Names Windows reserves for devices, whatever their extension; `com` and `lpt` with a digit besides.
const WINDOWS_DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The name of a package, cheap to clone.
///
/// There is one rule for publishers and readers, since a name ends up in paths, in
/// import links, in shells and on command lines. Only its length may be greater
/// where a registry was made by other tools.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(Arc<str>);

/// Why a text is not a package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text or one of its parts is empty.
    #[error("a package name cannot be empty")]
    Empty,
    /// More than one `/`, or a `/` without a leading `@scope`.
    #[error("a package name is `name` or `@scope/name`")]
    Shape,
    /// A part is longer than the limit.
    #[error("`{part}` has {length} bytes; {limit}")]
    TooLong {
        /// The offending part.
        part: String,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: Row,
    },
    /// A character outside the allowed set.
    #[error(
        "`{character}` is not allowed in a package name; use lower-case letters, digits, `-`, `_` and `.`"
    )]
    Character {
        /// The offending character.
        character: char,
    },
    /// A part starts or ends with punctuation.
    #[error("`{part}` must start and end with a letter or a digit")]
    Edge {
        /// The offending part.
        part: String,
    },
    /// A part is a device name on Windows.
    #[error("`{part}` is a device name on Windows and cannot be a folder there")]
    Device {
        /// The offending part.
        part: String,
    },
    /// A part has two dots in a row, as paths out of a folder do.
    #[error("`{part}` has two dots in a row")]
    Dots {
        /// The offending part.
        part: String,
    },
    /// A part means something else.
    #[error("`{part}` is reserved: it stands for {meaning}")]
    Reserved {
        /// The offending part.
        part: String,
        /// What it stands for.
        meaning: &'static str,
    },
}

impl PackageName {
    /// Parses a name, wherever it comes from: a manifest, a lock file, a registry, the command line.
    ///
    /// Each part has 1 to 214 lower-case ASCII letters, digits, `-`, `_` or `.`, starts and
    /// ends with a letter or digit, has no two dots in a row, and is no Windows device name.
    /// The first part is none of the names that mean something else beside other files.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        for part in parts(text)? {
            check_part(part)?;
        }
        check_reserved(text)?;
        Ok(Self(text.into()))
    }

    /// Parses a name that may be published: each part has at most 64 characters.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse_publishable(text: &str) -> Result<Self, NameError> {
        let name = Self::parse(text)?;
        for part in parts(text)? {
            check_length(part, rows::MAX_NAME_PART)?;
        }
        Ok(name)
    }

    /// The whole name, `@scope/` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scope with its `@`, if the name has one.
    pub fn scope(&self) -> Option<&str> {
        self.0.split_once('/').map(|(scope, _)| scope)
    }

    /// The name without its scope.
    pub fn bare(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, bare)| bare)
    }

    /// The form under which names must be unique: lower case, with `_` and `.` read as `-`.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase().replace(['_', '.'], "-")
    }

    /// The path, with `/`, by which the Lumen compiler imports this package:
    /// `my-utils` is `my_utils`, `@org/http` is `org/http`.
    pub fn import_path(&self) -> String {
        self.0.trim_start_matches('@').replace(['-', '.'], "_")
    }

    /// The part of the import path that the Lumen compiler does not read as a name, if there is
    /// one: it starts with a digit, or is a word of the language.
    pub fn unimportable(&self) -> Option<String> {
        let path = self.import_path();
        let is_bad =
            |part: &&str| part.starts_with(|c: char| c.is_ascii_digit()) || KEYWORDS.contains(part);
        path.split('/').find(is_bad).map(str::to_owned)
    }
}

/// The words that the compiler takes for no name in an import.
const KEYWORDS: [&str; 33] = [
    "and", "as", "await", "break", "const", "continue", "defer", "else", "emit", "end", "enum",
    "expect", "false", "fn", "for", "grant", "halt", "impl", "import", "in", "is", "let", "mod",
    "mut", "not", "null", "or", "pub", "return", "then", "trait", "true", "use",
];

fn parts(text: &str) -> Result<impl Iterator<Item = &str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let (scope, bare) = match text.strip_prefix('@') {
        Some(scoped) => {
            let (scope, bare) = scoped.split_once('/').ok_or(NameError::Shape)?;
            (Some(scope), bare)
        }
        None => (None, text),
    };
    if bare.contains('/') {
        return Err(NameError::Shape);
    }
    if bare.is_empty() || scope == Some("") {
        return Err(NameError::Empty);
    }
    Ok(scope.into_iter().chain([bare]))
}

fn check_length(part: &str, limit: Row) -> Result<(), NameError> {
    match part.len() as u64 <= limit.value {
        true => Ok(()),
        false => Err(NameError::TooLong {
            part: brief(part),
            length: part.len(),
            limit,
        }),
    }
}

fn check_part(part: &str) -> Result<(), NameError> {
    let owned = || part.to_owned();
    check_length(part, rows::MAX_NAME_PART_READ)?;
    let allowed = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    if let Some(character) = part.chars().find(|c| !allowed(c)) {
        return Err(NameError::Character { character });
    }
    let alphanumeric = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if !alphanumeric(part.bytes().next()) || !alphanumeric(part.bytes().last()) {
        return Err(NameError::Edge { part: owned() });
    }
    if part.contains("..") {
        return Err(NameError::Dots { part: owned() });
    }
    if is_windows_device(part) {
        return Err(NameError::Device { part: owned() });
    }
    Ok(())
}

/// The start of a text that may be long.
fn brief(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME_PART) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The scope, or a name without one, stands beside the files of a project or a registry.
fn check_reserved(name: &str) -> Result<(), NameError> {
    let (scope, first) = match name.strip_prefix('@') {
        Some(scoped) => (true, scoped.split('/').next().unwrap_or(scoped)),
        None => (false, name),
    };
    let as_imported = first.replace(['-', '.'], "_");
    let meaning = match scope && first == ROOT_SCOPE {
        true => Some("the registry itself"),
        false => RESERVED
            .iter()
            .find(|(reserved, _)| *reserved == as_imported)
            .map(|(_, meaning)| *meaning),
    };
    match meaning {
        Some(meaning) => Err(NameError::Reserved {
            part: first.to_owned(),
            meaning,
        }),
        None => Ok(()),
    }
}

/// Whether Windows opens a device instead of a file of this name, whatever its
/// extension: `nul`, `COM1.txt`, `aux .md`, `com¹`, `CONIN$`.
pub fn is_windows_device(part: &str) -> bool {
    let stem = part.split(['.', ':']).next().unwrap_or(part).trim_end();
    let numbered = |prefix: &str| {
        let (head, digit) = match stem.char_indices().nth(3) {
            Some((at, digit)) if stem[at..].chars().count() == 1 => (&stem[..at], digit),
            _ => return false,
        };
        head.eq_ignore_ascii_case(prefix) && matches!(digit, '0'..='9' | '¹' | '²' | '³')
    };
    WINDOWS_DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
        || numbered("com")
        || numbered("lpt")
}

impl std::str::FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for PackageName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for PackageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| {
            let text = brief(&text);
            de::Error::custom(format_args!("`{text}` is not a package name: {error}"))
        })
    }
}

#[cfg(test)]
mod tests;
