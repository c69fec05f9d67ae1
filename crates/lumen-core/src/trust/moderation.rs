//! Statements of a registry's moderators: what clients must not use, and until when.
//!
//! The moderators are keys of the root note. Their statements about one package are numbered
//! from 1, so that none of them can be used again after a later one.

use std::{fmt, fmt::Write, str::FromStr};

use serde_json::{Map, Value, json};

use super::text::{FormError, Lines, is_time, seconds};
use crate::{
    constraint::Constraint,
    limits::{MAX_ADVISORY, MAX_COVERED},
    name::PackageName,
    version::Version,
};

const VERBS: [&str; 3] = ["block", "quarantine", "unblock"];

/// The text of a statement by moderators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moderation {
    /// The registry it is for.
    pub origin: String,
    /// The package it is about, which need not have an owner yet.
    pub package: PackageName,
    /// The number of the statement among those of moderators about this package, from 1.
    pub seq: u64,
    /// The versions it is about.
    pub covers: Covered,
    /// What it does.
    pub measure: Measure,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// What a statement by moderators does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Clients refuse these versions, even those that are locked.
    Block(Cause),
    /// The same until a time.
    Quarantine {
        /// The time, as notes have it.
        until: String,
        /// Why.
        cause: Cause,
    },
    /// The newest block or quarantine of exactly these versions ends.
    Unblock,
}

/// What is known of the cause of a block, beside the words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// How bad it is.
    pub severity: Option<Severity>,
    /// The identifier of an advisory, such as `CVE-2026-1234`.
    pub advisory: Option<String>,
}

/// How bad the cause of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Hardly any harm.
    Low,
    /// Some harm.
    Moderate,
    /// Much harm.
    High,
    /// Malware, or as bad.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Moderate, Self::High, Self::Critical];

    /// As notes write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The versions that a statement by moderators is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covered {
    /// All versions, also those to come.
    All,
    /// Those between the bounds of a constraint in its canonical form. Pre-releases count by
    /// their place in the order: `<1.2.0` covers `1.2.0-rc.1`.
    Range(Constraint),
}

/// A text that does not say which versions a statement of moderators is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name versions; write a version, a constraint such as `<1.2.3`, or `all`")]
pub struct CoveredError(pub String);

impl Covered {
    const ALL: &'static str = "all";

    /// What a constraint covers, in its canonical form.
    pub fn range(constraint: &Constraint) -> Self {
        Self::Range(constraint.canonical())
    }

    /// Whether a version is among them.
    pub fn has(&self, version: &Version) -> bool {
        match self {
            Self::All => true,
            Self::Range(constraint) => constraint.matches_ignoring_pre_release_rule(version),
        }
    }
}

impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(Self::ALL),
            Self::Range(constraint) => f.write_str(constraint.as_str()),
        }
    }
}

impl FromStr for Covered {
    type Err = CoveredError;

    fn from_str(text: &str) -> Result<Self, CoveredError> {
        if text == Self::ALL {
            return Ok(Self::All);
        }
        let constraint = text.parse().ok().filter(|_| text.len() <= MAX_COVERED);
        let constraint: Constraint = constraint.ok_or_else(|| CoveredError(text.to_owned()))?;
        Ok(Self::range(&constraint))
    }
}

impl Measure {
    /// As the first line has it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Block(_) => "block",
            Self::Quarantine { .. } => "quarantine",
            Self::Unblock => "unblock",
        }
    }

    /// What is known of the cause; nothing for an unblock.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Block(cause) | Self::Quarantine { cause, .. } => Some(cause),
            Self::Unblock => None,
        }
    }

    /// When it ends by itself, as notes have it.
    pub fn until(&self) -> Option<&str> {
        match self {
            Self::Quarantine { until, .. } => Some(until),
            Self::Block(_) | Self::Unblock => None,
        }
    }

    /// Whether it has ended by itself at a moment in seconds since 1970.
    pub fn is_over(&self, now: i64) -> bool {
        self.until()
            .and_then(seconds)
            .is_some_and(|until| until <= now)
    }
}

/// The verb of a first line.
fn verb_of(line: &str) -> Option<&str> {
    let verb = line.strip_prefix("lumen/")?.strip_suffix("/v1")?;
    VERBS.contains(&verb).then_some(verb)
}

/// Whether this is the first line of a statement by moderators.
pub fn is_kind(line: &str) -> bool {
    verb_of(line).is_some()
}

/// Whether a text can be the identifier of an advisory.
pub fn is_advisory(text: &str) -> bool {
    (1..=MAX_ADVISORY).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

impl Moderation {
    /// Parses the text of a statement by moderators.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let kind = text.lines().next().unwrap_or_default();
        let Some(verb) = verb_of(kind) else {
            return Err(FormError {
                line: 1,
                expected: "the kind of a statement by moderators".into(),
            });
        };
        let mut lines = Lines::of(text, kind)?;
        let origin = lines.origin()?;
        let package = lines.parsed("package", "the name of a package")?;
        let seq = lines.value("seq")?;
        let seq = lines.number(seq, "a number from 1")?;
        lines.check(seq >= 1, "a number from 1")?;
        let covers = lines.parsed("versions", "`all` or a constraint in its canonical form")?;
        let until = match verb {
            "quarantine" => {
                let until = lines.value("until")?;
                lines.check(is_time(until), "a time like 2026-01-31T10:30:00Z")?;
                Some(until.to_owned())
            }
            _ => None,
        };
        let mut cause = Cause::default();
        if verb != "unblock" {
            if let Some(text) = lines.optional("severity") {
                let what = "`low`, `moderate`, `high` or `critical`";
                let severity = Severity::named(text).ok_or_else(|| lines.error(what))?;
                cause.severity = Some(severity);
            }
            if let Some(text) = lines.optional("advisory") {
                lines.check(is_advisory(text), "the identifier of an advisory")?;
                cause.advisory = Some(text.to_owned());
            }
        }
        let time = lines.time()?;
        // Times in notes have one form, so their texts have the order of the times.
        let later = until.as_ref().is_none_or(|until| *until > time);
        lines.check(later, "a time before the end of the quarantine")?;
        let reason = lines.reason()?;
        lines.end()?;
        let measure = match (verb, until) {
            ("unblock", _) => Measure::Unblock,
            (_, Some(until)) => Measure::Quarantine { until, cause },
            (_, None) => Measure::Block(cause),
        };
        Ok(Self {
            origin,
            package,
            seq,
            covers,
            measure,
            time,
            reason,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut out = format!(
            "lumen/{}/v1\nregistry {}\npackage {}\nseq {}\nversions {}\n",
            self.measure.verb(),
            self.origin,
            self.package,
            self.seq,
            self.covers
        );
        // Writing to a string cannot fail.
        if let Some(until) = self.measure.until() {
            let _ = writeln!(out, "until {until}");
        }
        if let Some(cause) = self.measure.cause() {
            if let Some(severity) = cause.severity {
                let _ = writeln!(out, "severity {severity}");
            }
            if let Some(advisory) = &cause.advisory {
                let _ = writeln!(out, "advisory {advisory}");
            }
        }
        let _ = writeln!(out, "time {}\nreason {}", self.time, self.reason);
        out
    }

    /// What an index says of it, if it blocks something: the fields of `blocked`.
    pub fn to_json(&self) -> Option<Value> {
        let cause = self.measure.cause()?;
        let mut fields = Map::new();
        fields.insert("versions".into(), json!(self.covers.to_string()));
        fields.insert("reason".into(), json!(self.reason));
        if let Some(until) = self.measure.until() {
            fields.insert("until".into(), json!(until));
        }
        if let Some(severity) = cause.severity {
            fields.insert("severity".into(), json!(severity.as_str()));
        }
        if let Some(advisory) = &cause.advisory {
            fields.insert("advisory".into(), json!(advisory));
        }
        fields.insert("at".into(), json!(self.time));
        Some(Value::Object(fields))
    }
}
