//! Which packages are chosen: patterns for their names.

use lumen_core::{
    PackageName,
    limits::{MAX_PATTERNS, rows},
    name::NameError,
};
use serde::{Deserialize, Serialize};

/// The packages whose names match one of some patterns; all packages when there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selection {
    patterns: Vec<String>,
}

/// Why a text is no pattern for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    #[error("there are too many patterns; {}", rows::MAX_PATTERNS)]
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

/// Whether a text consists of a pattern's pieces with anything in between.
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
