//! Version constraints: what a dependency accepts.
//!
//! The grammar is the guide's (`1.0.0` exact, `^ ~ = != > >= < <=`, a space as
//! AND, `||` as OR, `*` and `x` wildcards) plus cargo's partial versions and
//! commas. A bare full version is exact; a bare partial one (`1`, `1.2`) is a
//! caret range. Pre-releases follow cargo and npm: `1.3.0-rc.1` is accepted only
//! where a comparator of the same AND-group names a pre-release of 1.3.0.

mod canonical;
mod meaning;
mod parser;

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use parser::Parser;
use semver::{Prerelease, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::MAX_COMPARATORS;

/// A set of versions, written as the user wrote it.
///
/// Clones share the text and what it means.
#[derive(Clone)]
pub struct Constraint(Arc<Parsed>);

struct Parsed {
    text: Box<str>,
    /// OR of ANDs; never empty, and no group is empty.
    groups: Box<[Box<[Comparator]>]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Caret,
    Tilde,
    Exact,
    Not,
    Greater,
    GreaterEq,
    Less,
    LessEq,
    /// `*`, `1.*`, `1.2.x`.
    Wildcard,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparator {
    op: Op,
    /// `None` only for the bare wildcard.
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    pre: Prerelease,
}

/// How a requirement without an operator and the separators are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Lumen's own: see the module documentation.
    Lumen,
    /// Cargo's: a bare version is a caret range, `,` is the only separator.
    /// For test suites and imports from other ecosystems.
    Cargo,
}

/// Why a text is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version constraint: {reason}")]
pub struct ConstraintError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// Byte range of the offending part within `text`.
    pub span: std::ops::Range<usize>,
}

impl Constraint {
    fn new(text: impl Into<Box<str>>, groups: Vec<Vec<Comparator>>) -> Self {
        let groups = groups.into_iter().map(Vec::into_boxed_slice).collect();
        let text = text.into();
        Self(Arc::new(Parsed { text, groups }))
    }

    /// Accepts every release (`*`); pre-releases stay out, as everywhere.
    pub fn any() -> Self {
        let comparator = Comparator {
            op: Op::Wildcard,
            major: None,
            minor: None,
            patch: None,
            pre: Prerelease::EMPTY,
        };
        Self::new("*", vec![vec![comparator]])
    }

    /// Accepts exactly this version.
    pub fn exact(version: &Version) -> Self {
        Self::new(
            format!("={version}"),
            vec![vec![Comparator::of(Op::Exact, version)]],
        )
    }

    /// Accepts this version and later compatible ones (`^version`).
    pub fn caret(version: &Version) -> Self {
        Self::new(
            format!("^{version}"),
            vec![vec![Comparator::of(Op::Caret, version)]],
        )
    }

    /// Parses a constraint in the given dialect.
    ///
    /// # Errors
    /// Says what is wrong and where in the text.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, ConstraintError> {
        Parser {
            text,
            at: 0,
            dialect,
        }
        .constraint()
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether a version is accepted.
    pub fn matches(&self, version: &Version) -> bool {
        self.0.groups.iter().any(|group| {
            group.iter().all(|comparator| comparator.matches(version))
                && (version.pre.is_empty()
                    || group
                        .iter()
                        .any(|comparator| comparator.names_pre_release_of(version)))
        })
    }

    /// Whether the version would be accepted if pre-releases were treated like releases; for hints.
    pub fn matches_ignoring_pre_release_rule(&self, version: &Version) -> bool {
        self.0
            .groups
            .iter()
            .any(|group| group.iter().all(|comparator| comparator.matches(version)))
    }

    /// The one version accepted, when the constraint is a single `=x.y.z` or a bare full version.
    pub fn as_exact(&self) -> Option<Version> {
        let [group] = &*self.0.groups else {
            return None;
        };
        let [
            Comparator {
                op: Op::Exact,
                major: Some(major),
                minor: Some(minor),
                patch: Some(patch),
                pre,
            },
        ] = &**group
        else {
            return None;
        };
        Some(Version {
            major: *major,
            minor: *minor,
            patch: *patch,
            pre: pre.clone(),
            build: semver::BuildMetadata::EMPTY,
        })
    }

    /// The alternatives, each a conjunction; for the resolver, which matches whole version lists.
    pub(crate) fn groups(&self) -> &[Box<[Comparator]>] {
        &self.0.groups
    }

    /// Whether every release is accepted (`*`, or its canonical form `>=0.0.0`).
    pub fn is_any(&self) -> bool {
        let zero = (Some(0), Some(0), Some(0));
        let is_lowest = |c: &Comparator| (c.major, c.minor, c.patch) == zero && c.pre.is_empty();
        let is_any = |c: &Comparator| match c.op {
            Op::Wildcard => c.major.is_none(),
            Op::GreaterEq => is_lowest(c),
            _ => false,
        };
        self.0.groups.iter().any(|group| group.iter().all(is_any))
    }
}

impl Comparator {
    fn of(op: Op, version: &Version) -> Self {
        Self {
            op,
            major: Some(version.major),
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        }
    }

    /// Whether this is a `!=`: it accepts what lies outside of its interval.
    pub(crate) fn is_not(&self) -> bool {
        self.op == Op::Not
    }

    pub(crate) fn names_pre_release_of(&self, version: &Version) -> bool {
        !self.pre.is_empty()
            && self.major == Some(version.major)
            && self.minor == Some(version.minor)
            && self.patch == Some(version.patch)
    }

    fn matches(&self, version: &Version) -> bool {
        (self.side(version) == Ordering::Equal) != self.is_not()
    }

    /// Where a version lies relative to the interval this comparator names (`!=`: the one it refuses):
    /// below it, in it (`Equal`), or above it. The pre-release rule is not applied.
    pub(crate) fn side(&self, version: &Version) -> Ordering {
        let Some(major) = self.major else {
            return Ordering::Equal;
        };
        let compared = self.compare(version, major);
        let accepted = match self.op {
            Op::Exact | Op::Wildcard | Op::Not => return compared,
            Op::Greater => return compared.cmp(&Ordering::Greater),
            Op::Less => return compared.cmp(&Ordering::Less),
            Op::GreaterEq => return compared.min(Ordering::Equal),
            Op::LessEq => return compared.max(Ordering::Equal),
            Op::Tilde => self.tilde_matches(version, major),
            Op::Caret => self.caret_matches(version, major),
        };
        match accepted {
            true => Ordering::Equal,
            // A version that equals all the parts there are is accepted, so this is never `Equal`.
            false => compared,
        }
    }

    /// Compares `version` with this comparator on the parts the comparator has.
    fn compare(&self, version: &Version, major: u64) -> Ordering {
        version.major.cmp(&major).then_with(|| {
            let Some(minor) = self.minor else {
                return Ordering::Equal;
            };
            version.minor.cmp(&minor).then_with(|| {
                let Some(patch) = self.patch else {
                    return Ordering::Equal;
                };
                version
                    .patch
                    .cmp(&patch)
                    .then_with(|| version.pre.cmp(&self.pre))
            })
        })
    }

    fn tilde_matches(&self, version: &Version, major: u64) -> bool {
        version.major == major
            && self.minor.is_none_or(|minor| version.minor == minor)
            && self
                .patch
                .is_none_or(|patch| (version.patch, &version.pre) >= (patch, &self.pre))
    }

    fn caret_matches(&self, version: &Version, major: u64) -> bool {
        if version.major != major {
            return false;
        }
        let Some(minor) = self.minor else { return true };
        let Some(patch) = self.patch else {
            return if major > 0 {
                version.minor >= minor
            } else {
                version.minor == minor
            };
        };
        let at_least = self.compare(version, major) != Ordering::Less;
        at_least && (major > 0 || (version.minor == minor && (minor > 0 || version.patch == patch)))
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        Self::parse(text, Dialect::Lumen)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.text)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

/// Constraints are equal when they mean the same, however they are spaced.
impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.0.groups == other.0.groups
    }
}

impl Eq for Constraint {}

impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for Constraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
