//! Version constraints: what a dependency accepts.
//!
//! The grammar is the guide's (`1.0.0` exact, `^ ~ = != > >= < <=`, a space as
//! AND, `||` as OR, `*` and `x` wildcards) plus cargo's partial versions and
//! commas. A bare full version is exact; a bare partial one (`1`, `1.2`) is a
//! caret range. Pre-releases follow cargo and npm: `1.3.0-rc.1` is accepted only
//! where a comparator of the same AND-group names a pre-release of 1.3.0.

use std::{cmp::Ordering, fmt, str::FromStr};

use semver::{Prerelease, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Most comparators one constraint may have; more is a mistake or an attack.
const MAX_COMPARATORS: usize = 64;

/// A set of versions, written as the user wrote it.
#[derive(Clone)]
pub struct Constraint {
    text: String,
    /// OR of ANDs; never empty, and no group is empty.
    groups: Vec<Vec<Comparator>>,
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
    /// Accepts every release (`*`); pre-releases stay out, as everywhere.
    pub fn any() -> Self {
        let comparator = Comparator {
            op: Op::Wildcard,
            major: None,
            minor: None,
            patch: None,
            pre: Prerelease::EMPTY,
        };
        Self {
            text: "*".into(),
            groups: vec![vec![comparator]],
        }
    }

    /// Accepts exactly this version.
    pub fn exact(version: &Version) -> Self {
        Self {
            text: format!("={version}"),
            groups: vec![vec![Comparator::of(Op::Exact, version)]],
        }
    }

    /// Accepts this version and later compatible ones (`^version`).
    pub fn caret(version: &Version) -> Self {
        Self {
            text: format!("^{version}"),
            groups: vec![vec![Comparator::of(Op::Caret, version)]],
        }
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
        &self.text
    }

    /// Whether a version is accepted.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            group.iter().all(|comparator| comparator.matches(version))
                && (version.pre.is_empty()
                    || group
                        .iter()
                        .any(|comparator| comparator.names_pre_release_of(version)))
        })
    }

    /// Whether the version would be accepted if pre-releases were treated like releases; for hints.
    pub fn matches_ignoring_pre_release_rule(&self, version: &Version) -> bool {
        self.groups
            .iter()
            .any(|group| group.iter().all(|comparator| comparator.matches(version)))
    }

    /// The one version accepted, when the constraint is a single `=x.y.z` or a bare full version.
    pub fn as_exact(&self) -> Option<Version> {
        let [group] = self.groups.as_slice() else {
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
        ] = group.as_slice()
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
    pub(crate) fn groups(&self) -> &[Vec<Comparator>] {
        &self.groups
    }

    /// Whether every version is accepted (`*`).
    pub fn is_any(&self) -> bool {
        self.groups.iter().any(|group| {
            group
                .iter()
                .all(|c| c.op == Op::Wildcard && c.major.is_none())
        })
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

struct Parser<'t> {
    text: &'t str,
    at: usize,
    dialect: Dialect,
}

impl Parser<'_> {
    fn constraint(mut self) -> Result<Constraint, ConstraintError> {
        let mut groups = Vec::new();
        let mut total = 0;
        loop {
            let group = self.group()?;
            total += group.len();
            if total > MAX_COMPARATORS || (self.dialect == Dialect::Cargo && total > 32) {
                return Err(self.error(0..self.text.len(), "it has too many parts"));
            }
            if self.dialect == Dialect::Cargo
                && group.len() > 1
                && group.iter().any(|comparator| comparator.major.is_none())
            {
                return Err(self.error(0..self.text.len(), "`*` must stand alone"));
            }
            groups.push(group);
            if !self.eat("||") {
                break;
            }
            if self.dialect == Dialect::Cargo {
                return Err(self.error(self.at - 2..self.at, "`||` is not cargo syntax"));
            }
        }
        Ok(Constraint {
            text: self.text.trim().to_owned(),
            groups,
        })
    }

    /// Comparators up to `||` or the end.
    fn group(&mut self) -> Result<Vec<Comparator>, ConstraintError> {
        let mut group = Vec::new();
        loop {
            self.skip_spaces();
            if self.rest().is_empty() || self.rest().starts_with("||") {
                return match group.is_empty() {
                    true => Err(self.error(self.at..self.at, "a version is missing here")),
                    false => Ok(group),
                };
            }
            group.push(self.comparator()?);
            let before = self.at;
            self.skip_spaces();
            if self.eat(",") {
                self.skip_spaces();
                if self.rest().is_empty() || self.rest().starts_with("||") {
                    return Err(self.error(self.at..self.at, "a version is missing after `,`"));
                }
            } else if !self.rest().is_empty() && !self.rest().starts_with("||") {
                if self.dialect == Dialect::Cargo {
                    return Err(
                        self.error(self.at..self.text.len(), "write `,` between comparators")
                    );
                }
                if before == self.at {
                    let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
                    return Err(self.error(self.at..end, "this character is not allowed here"));
                }
            }
        }
    }

    fn comparator(&mut self) -> Result<Comparator, ConstraintError> {
        let start = self.at;
        let op = self.operator();
        self.skip_spaces();
        let version_start = self.at;
        let major = self.part(version_start)?;
        let minor = if self.eat(".") {
            self.part(version_start)?
        } else {
            Part::Absent
        };
        let patch = if minor != Part::Absent && self.eat(".") {
            self.part(version_start)?
        } else {
            Part::Absent
        };
        let pre = self.suffix(patch)?;
        let parts = [major, minor, patch];
        let span = start..self.at;
        self.check_wildcards(parts, op, span)?;
        let number = |part: Part| {
            if let Part::Number(n) = part {
                Some(n)
            } else {
                None
            }
        };
        let op = match op {
            _ if parts.contains(&Part::Wildcard) => match op {
                // An operator in front of a wildcard means what it means for the shortened version.
                None | Some(Op::Exact) => Op::Wildcard,
                Some(op) => op,
            },
            Some(op) => op,
            None if self.dialect == Dialect::Lumen && patch != Part::Absent => Op::Exact,
            None => Op::Caret,
        };
        Ok(Comparator {
            op,
            major: number(major),
            minor: number(minor),
            patch: number(patch),
            pre,
        })
    }

    fn operator(&mut self) -> Option<Op> {
        const OPERATORS: [(&str, Op); 8] = [
            ("!=", Op::Not),
            (">=", Op::GreaterEq),
            ("<=", Op::LessEq),
            (">", Op::Greater),
            ("<", Op::Less),
            ("=", Op::Exact),
            ("^", Op::Caret),
            ("~", Op::Tilde),
        ];
        let allowed = |op: Op| op != Op::Not || self.dialect == Dialect::Lumen;
        let (token, op) = OPERATORS
            .into_iter()
            .find(|(token, op)| self.rest().starts_with(token) && allowed(*op))?;
        self.at += token.len();
        Some(op)
    }

    fn check_wildcards(
        &self,
        parts: [Part; 3],
        op: Option<Op>,
        span: std::ops::Range<usize>,
    ) -> Result<(), ConstraintError> {
        let Some(first) = parts.iter().position(|part| *part == Part::Wildcard) else {
            return Ok(());
        };
        if parts[first..]
            .iter()
            .any(|part| matches!(part, Part::Number(_)))
        {
            return Err(self.error(span, "a number cannot follow a wildcard"));
        }
        if first == 0 && op.is_some() {
            return Err(self.error(span, "an operator needs a version, not `*`"));
        }
        if first == 0 && self.dialect == Dialect::Cargo && parts[1..] != [Part::Absent; 2] {
            return Err(self.error(span, "nothing can follow `*`"));
        }
        Ok(())
    }

    fn part(&mut self, version_start: usize) -> Result<Part, ConstraintError> {
        if ["*", "x", "X"]
            .iter()
            .any(|wildcard| self.rest().starts_with(wildcard))
        {
            self.at += 1;
            return Ok(Part::Wildcard);
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let text = &self.rest()[..digits];
        if text.is_empty() {
            let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
            let reason = match self.rest().chars().next() {
                Some('v' | 'V') if self.at == version_start => "leave out the `v`".to_owned(),
                Some(c) => format!("a version number was expected, not `{c}`"),
                None => "a version number is missing at the end".to_owned(),
            };
            return Err(self.error(self.at..end, reason));
        }
        if digits > 1 && text.starts_with('0') {
            return Err(self.error(self.at..self.at + digits, "numbers have no leading zero"));
        }
        let number = text
            .parse()
            .map_err(|_| self.error(self.at..self.at + digits, "the number is too large"))?;
        self.at += digits;
        Ok(Part::Number(number))
    }

    /// `-pre.1+build` after a full version; the build part is checked and dropped, as semver precedence ignores it.
    fn suffix(&mut self, patch: Part) -> Result<Prerelease, ConstraintError> {
        let start = self.at;
        let identifier = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
        let mut pre = Prerelease::EMPTY;
        if self.rest().starts_with('-') {
            let length = self.rest()[1..]
                .bytes()
                .take_while(|c| identifier(c))
                .count();
            let text = &self.rest()[1..=length];
            pre = Prerelease::new(text)
                .map_err(|error| self.error(start..start + 1 + length, error.to_string()))?;
            if pre.is_empty() {
                return Err(self.error(start..start + 1, "a pre-release is missing after `-`"));
            }
            self.at += 1 + length;
        }
        if self.rest().starts_with('+') {
            let length = self.rest()[1..]
                .bytes()
                .take_while(|c| identifier(c))
                .count();
            let build = semver::BuildMetadata::new(&self.rest()[1..=length]);
            if length == 0 || build.is_err() {
                return Err(self.error(
                    self.at..self.at + 1 + length,
                    "the build metadata after `+` is malformed",
                ));
            }
            self.at += 1 + length;
        }
        if self.at > start && !matches!(patch, Part::Number(_)) {
            return Err(self.error(
                start..self.at,
                "only a full version (`1.2.3`) can have a pre-release or build part",
            ));
        }
        Ok(pre)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn error(&self, span: std::ops::Range<usize>, reason: impl Into<String>) -> ConstraintError {
        ConstraintError {
            text: self.text.to_owned(),
            reason: reason.into(),
            span,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Number(u64),
    Wildcard,
    Absent,
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        Self::parse(text, Dialect::Lumen)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Constraints are equal when they mean the same, however they are spaced.
impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.groups == other.groups
    }
}

impl Eq for Constraint {}

impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Constraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(constraint: &str) -> String {
        let versions = [
            "0.0.3",
            "0.2.3",
            "0.2.9",
            "0.3.0",
            "1.0.0-rc.1",
            "1.0.0",
            "1.2.3",
            "1.2.9",
            "1.3.0",
            "2.0.0-beta.2",
            "2.0.0",
            "2.0.0+b",
        ];
        let constraint: Constraint = constraint.parse().unwrap();
        let version = |text: &&&str| constraint.matches(&Version::parse(text).unwrap());
        versions
            .iter()
            .filter(version)
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn lumen_dialect() {
        for (constraint, expected) in [
            ("1.2.3", "1.2.3"),
            ("2.0.0", "2.0.0 2.0.0+b"),
            ("1.2", "1.2.3 1.2.9 1.3.0"),
            ("1", "1.0.0 1.2.3 1.2.9 1.3.0"),
            ("0.2", "0.2.3 0.2.9"),
            ("^0.2.4", "0.2.9"),
            ("^0.0.3", "0.0.3"),
            ("~1.2", "1.2.3 1.2.9"),
            ("~1", "1.0.0 1.2.3 1.2.9 1.3.0"),
            ("1.2.x", "1.2.3 1.2.9"),
            ("=1.2.*", "1.2.3 1.2.9"),
            (">=1.0 <1.3", "1.0.0 1.2.3 1.2.9"),
            (">=1.0,<1.3", "1.0.0 1.2.3 1.2.9"),
            (">= 1.0.0-rc.1, < 1.2", "1.0.0-rc.1 1.0.0"),
            ("!=1.2.3 ^1", "1.0.0 1.2.9 1.3.0"),
            ("!=1.2 ^1", "1.0.0 1.3.0"),
            ("0.0.3 || ^2.0.0-beta.1", "0.0.3 2.0.0-beta.2 2.0.0 2.0.0+b"),
            (
                "*",
                "0.0.3 0.2.3 0.2.9 0.3.0 1.0.0 1.2.3 1.2.9 1.3.0 2.0.0 2.0.0+b",
            ),
            (">1", "2.0.0 2.0.0+b"),
            ("<=1.2", "0.0.3 0.2.3 0.2.9 0.3.0 1.0.0 1.2.3 1.2.9"),
        ] {
            assert_eq!(matching(constraint), expected, "{constraint}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, span, reason) in [
            ("", 0..0, "a version is missing here"),
            ("^1.2 ||", 7..7, "a version is missing here"),
            (">=1.0,", 6..6, "a version is missing after `,`"),
            ("v1.2", 0..1, "leave out the `v`"),
            ("1.2.3.4", 5..6, "this character is not allowed here"),
            ("1.*.3", 0..5, "a number cannot follow a wildcard"),
            ("01.2", 0..2, "numbers have no leading zero"),
            (
                "1.2-rc",
                3..6,
                "only a full version (`1.2.3`) can have a pre-release or build part",
            ),
            ("latest", 0..1, "a version number was expected, not `l`"),
            ("99999999999999999999", 0..20, "the number is too large"),
            (">*", 0..2, "an operator needs a version, not `*`"),
        ] {
            let error = text.parse::<Constraint>().unwrap_err();
            assert_eq!(
                (error.span, error.reason.as_str()),
                (span, reason),
                "{text}"
            );
        }
    }

    #[test]
    fn exact_is_recognised() {
        let exact = |text: &str| {
            text.parse::<Constraint>()
                .unwrap()
                .as_exact()
                .map(|v| v.to_string())
        };
        assert_eq!(exact("1.2.3"), Some("1.2.3".into()));
        assert_eq!(exact("= 1.2.3-rc.1"), Some("1.2.3-rc.1".into()));
        assert_eq!(exact("^1.2.3"), None);
        assert_eq!(exact("=1.2"), None);
        assert_eq!(exact("1.2.3 || 1.2.4"), None);
    }
}
