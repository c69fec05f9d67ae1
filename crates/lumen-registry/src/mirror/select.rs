//! Which packages a mirror has, and what a mirror says that lacks some.

use lumen_core::limits::{MAX_PATTERNS, MAX_SELECTION_BYTES};
use lumen_core::{Key, PackageName, json, name::NameError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::storage::{Storage, StorageError};

/// The packages whose names match one of some patterns; all packages when there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selection {
    patterns: Vec<String>,
}

/// Why a text is no pattern for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No name matches it.
    #[error("`{pattern}` matches no package name: {error}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// There are too many.
    #[error("there are more than {MAX_PATTERNS} patterns")]
    TooMany,
}

impl Selection {
    /// The packages that match patterns. `*` stands for any characters, also none.
    ///
    /// # Errors
    /// When a pattern can match no name.
    pub fn parse<T: AsRef<str>>(patterns: &[T]) -> Result<Self, SelectionError> {
        let mut all: Vec<String> = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let bare: String = pattern.split('*').collect::<Vec<_>>().join("x");
            if pattern != "*" {
                PackageName::parse(&bare).map_err(|error| SelectionError::Pattern {
                    pattern: pattern.to_owned(),
                    error,
                })?;
            }
            all.push(pattern.to_owned());
        }
        all.sort();
        all.dedup();
        match all.len() <= MAX_PATTERNS {
            true => Ok(Self { patterns: all }),
            false => Err(SelectionError::TooMany),
        }
    }

    /// Whether it has every package.
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern == "*")
    }

    /// Whether it has this package.
    pub fn has(&self, name: &PackageName) -> bool {
        self.is_all() || self.patterns.iter().any(|p| matches(p, name.as_str()))
    }

    /// The patterns, sorted.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The packages of both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut patterns = [self.patterns.as_slice(), &other.patterns].concat();
        patterns.sort();
        patterns.dedup();
        match self.is_all() || other.is_all() {
            true => Self::default(),
            false => Self { patterns },
        }
    }
}

/// Whether a text is made of a pattern's pieces with anything in between.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

/// `mirror.json`: what a mirror that lacks packages says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// The packages it has.
    pub packages: Selection,
    /// Those it is about to have, while it gets more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adding: Option<Selection>,
    /// Up to which size of the log it has them all; of a signed registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<u64>,
}

impl Partial {
    /// The packages that are there, also those that may be.
    pub(crate) fn packages(&self) -> Selection {
        let coming = self.adding.as_ref().unwrap_or(&self.packages);
        self.packages.with(coming)
    }

    /// What a mirror is to have that is asked for more.
    pub(super) fn with(&self, wanted: &Selection) -> Selection {
        wanted.with(&self.packages())
    }

    /// What it says while it gets these packages.
    pub(super) fn adding(recorded: Option<&Self>, selection: &Selection) -> Self {
        let had = recorded.map(|recorded| recorded.packages.clone());
        let packages = had.unwrap_or_else(|| selection.clone());
        Self {
            adding: (packages != *selection).then(|| selection.clone()),
            packages,
            complete: None,
        }
    }

    /// What it says when it has these packages up to a size of the log.
    pub(super) const fn has(packages: Selection, complete: Option<u64>) -> Self {
        Self {
            packages,
            adding: None,
            complete,
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(&json!(self))
    }

    /// What a registry says; `None`: nothing, so it lacks nothing.
    ///
    /// # Errors
    /// Failures of the host. A file that is no such file says nothing.
    pub async fn read(storage: &Storage) -> Result<Option<Self>, StorageError> {
        match storage.get(&Key::mirror(), MAX_SELECTION_BYTES).await {
            Ok(found) => Ok(found.and_then(|(bytes, _)| json::parse(&bytes).ok())),
            Err(StorageError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(patterns: &[&str], name: &str) -> bool {
        let selection = Selection::parse(patterns).unwrap();
        selection.has(&PackageName::parse(name).unwrap())
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("a*a", "a", false),
            ("*", "@org/x", true),
            ("@org/*", "@org/x", true),
            ("@org/*", "@orga/x", false),
            ("@*/x", "@org/x", true),
            ("a*", "@a/x", false),
        ] {
            assert_eq!(has(&[pattern], name), expected, "{pattern} {name}");
        }
        assert!(has(&[], "a"));
        assert!(has(&["b", "a"], "a"));
    }

    #[test]
    fn what_no_name_matches_is_refused() {
        for bad in ["", "a/b", "@a", "a b", "@a/b/*", ".."] {
            assert!(Selection::parse(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn selections_grow() {
        let a = Selection::parse(&["a"]).unwrap();
        let both = a.with(&Selection::parse(&["b", "a"]).unwrap());
        assert_eq!(both.patterns(), ["a", "b"]);
        assert!(a.with(&Selection::default()).is_all());
    }
}
