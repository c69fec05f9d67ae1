//! Package names: `pkg` or `@scope/pkg`.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{MAX_NAME_PART, MAX_NAME_PART_READ};

/// Names Windows reserves for devices, whatever their extension; `com` and `lpt` with a digit besides.
const WINDOWS_DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The name of a package, cheap to clone.
///
/// Two levels of strictness exist because a registry may have been made by hand:
/// [`PackageName::parse`] accepts only what may be published;
/// [`PackageName::parse_lenient`] accepts whatever is safe as a relative path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(Arc<str>);

/// Why a text is not a package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text or one of its parts is empty.
    #[error("a package name cannot be empty")]
    Empty,
    /// More than one `/`, or a `/` without a leading `@scope`.
    #[error("a package name is `name` or `@scope/name`")]
    Shape,
    /// A part is longer than the limit.
    #[error("`{part}` is {length} characters long; the limit is {limit}")]
    TooLong {
        /// The offending part.
        part: String,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
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
}

impl PackageName {
    /// Parses a name that may be published.
    ///
    /// Each part has 1 to 64 lower-case ASCII letters, digits, `-`, `_` or `.`,
    /// starts and ends with a letter or digit, and is no Windows device name.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        for part in parts(text)? {
            check_length(part, MAX_NAME_PART)?;
            if let Some(character) = part
                .chars()
                .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.'))
            {
                return Err(NameError::Character { character });
            }
            let alphanumeric = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
            if !alphanumeric(part.bytes().next()) || !alphanumeric(part.bytes().last()) {
                return Err(NameError::Edge {
                    part: part.to_owned(),
                });
            }
            check_device(part)?;
        }
        Ok(Self(text.into()))
    }

    /// Parses a name as found in a registry or a manifest.
    ///
    /// Also accepts upper case, leading and trailing punctuation other than a
    /// dot, and longer parts: all that is safe as a relative path on every system.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse_lenient(text: &str) -> Result<Self, NameError> {
        for part in parts(text)? {
            check_length(part, MAX_NAME_PART_READ)?;
            let allowed = |c: &char| {
                c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '~' | '!')
            };
            if let Some(character) = part.chars().find(|c| !allowed(c)) {
                return Err(NameError::Character { character });
            }
            if part.starts_with('.') || part.ends_with('.') {
                return Err(NameError::Edge {
                    part: part.to_owned(),
                });
            }
            check_device(part)?;
        }
        Ok(Self(text.into()))
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
}

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

fn check_length(part: &str, limit: usize) -> Result<(), NameError> {
    if part.len() > limit {
        return Err(NameError::TooLong {
            part: part.to_owned(),
            length: part.len(),
            limit,
        });
    }
    Ok(())
}

fn check_device(part: &str) -> Result<(), NameError> {
    if is_windows_device(part) {
        return Err(NameError::Device {
            part: part.to_owned(),
        });
    }
    Ok(())
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
        Self::parse_lenient(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishable_names() {
        for good in [
            "a",
            "my-utils",
            "@org/http",
            "x_y.z",
            "@a-b/c0",
            &"a".repeat(64),
        ] {
            assert!(PackageName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "@",
            "@/",
            "@a",
            "@a/",
            "@/b",
            "a/b",
            "@a/b/c",
            "A",
            "é",
            "a b",
            "-a",
            "a-",
            ".a",
            "a.",
            "..",
            "con",
            "nul.x",
            "@aux/x",
            "a\\b",
            "a%2f",
            &"a".repeat(65),
        ] {
            assert!(PackageName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn readable_names() {
        for good in [
            "JSONStream",
            "_private",
            "lodash.merge",
            "@Types/Node",
            &"a".repeat(200),
        ] {
            assert!(PackageName::parse_lenient(good).is_ok(), "{good}");
        }
        for bad in [
            "..", "a/../b", "@a/..", "a:b", "a\0b", "a\\b", "COM1", "x/y",
        ] {
            assert!(PackageName::parse_lenient(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_devices() {
        for device in [
            "nul",
            "NUL.txt",
            "Com1",
            "com9.lm",
            "lpt0",
            "COM\u{b9}",
            "lpt\u{b3}.x",
            "aux .md",
            "CONIN$",
            "prn:x",
        ] {
            assert!(is_windows_device(device), "{device}");
        }
        for file in [
            "null",
            "com",
            "com10",
            "lptx",
            "a.nul",
            "console",
            "",
            "\u{e9}om1",
            "comé",
        ] {
            assert!(!is_windows_device(file), "{file}");
        }
    }

    #[test]
    fn derived_forms() {
        let name = PackageName::parse("@my-org/http.client-x").unwrap();
        assert_eq!(name.scope(), Some("@my-org"));
        assert_eq!(name.bare(), "http.client-x");
        assert_eq!(name.import_path(), "my_org/http_client_x");
        assert_eq!(name.folded(), "@my-org/http-client-x");
        assert_eq!(
            PackageName::parse("my-utils").unwrap().import_path(),
            "my_utils"
        );
    }
}
