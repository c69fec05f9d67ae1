//! Statements about releases and packages.

use std::fmt::Write;

use super::text::{FormError, Lines};
use crate::{digest::Digest, name::PackageName, version::Version};

const VERBS: [&str; 5] = ["publish", "yank", "unyank", "deprecate", "undeprecate"];

/// The text of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The registry it is for.
    pub origin: String,
    /// The package it is about.
    pub package: PackageName,
    /// What it does.
    pub action: Action,
    /// The number of the ownership note in force.
    pub owners: u64,
    /// When it was made, by its maker's clock.
    pub time: String,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// There is a new release.
    Publish {
        /// The version.
        version: Version,
        /// SHA-256 of `<version>.json`.
        metadata: Digest,
        /// Its size in bytes.
        size: u64,
    },
    /// A release should not be chosen any more.
    Yank {
        /// The version.
        version: Version,
        /// Why.
        reason: String,
    },
    /// A yank was a mistake.
    Unyank {
        /// The version.
        version: Version,
        /// Why.
        reason: String,
    },
    /// The package should not be used any more.
    Deprecate {
        /// What to use in its place.
        replacement: Option<PackageName>,
        /// Why.
        reason: String,
    },
    /// It may be used again.
    Undeprecate {
        /// Why.
        reason: String,
    },
}

impl Action {
    /// As the first line has it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Yank { .. } => "yank",
            Self::Unyank { .. } => "unyank",
            Self::Deprecate { .. } => "deprecate",
            Self::Undeprecate { .. } => "undeprecate",
        }
    }

    /// Why it was made; a release has no reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Publish { .. } => None,
            Self::Yank { reason, .. }
            | Self::Unyank { reason, .. }
            | Self::Deprecate { reason, .. }
            | Self::Undeprecate { reason } => Some(reason),
        }
    }

    /// The version it is about, if it is about one.
    pub const fn version(&self) -> Option<&Version> {
        match self {
            Self::Publish { version, .. }
            | Self::Yank { version, .. }
            | Self::Unyank { version, .. } => Some(version),
            Self::Deprecate { .. } | Self::Undeprecate { .. } => None,
        }
    }
}

/// The verb of a first line.
fn verb_of(line: &str) -> Option<&str> {
    let verb = line.strip_prefix("lumen/")?.strip_suffix("/v1")?;
    VERBS.contains(&verb).then_some(verb)
}

/// Whether this is the first line of a statement.
pub(super) fn is_kind(line: &str) -> bool {
    verb_of(line).is_some()
}

impl Statement {
    /// Parses the text of a statement.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let kind = text.lines().next().unwrap_or_default();
        let Some(verb) = verb_of(kind) else {
            return Err(FormError {
                line: 1,
                expected: "the kind of a statement".into(),
            });
        };
        let mut lines = Lines::of(text, kind)?;
        let origin = lines.origin()?;
        let package: PackageName = lines.parsed("package", "the name of a package")?;
        let version = |lines: &mut Lines<'_>| lines.parsed::<Version>("version", "a version");
        let (action, owners, time) = match verb {
            "publish" => {
                let version = version(&mut lines)?;
                let what = "`metadata sha256:… <size>`";
                let metadata = lines.value("metadata")?;
                let (digest, size) = metadata.split_once(' ').ok_or_else(|| lines.error(what))?;
                let (metadata, size) = (lines.parse(digest, what)?, lines.number(size, what)?);
                let (owners, time) = common(&mut lines)?;
                (
                    Action::Publish {
                        version,
                        metadata,
                        size,
                    },
                    owners,
                    time,
                )
            }
            "yank" | "unyank" => {
                let version = version(&mut lines)?;
                let (owners, time) = common(&mut lines)?;
                let reason = lines.reason()?;
                let action = match verb {
                    "yank" => Action::Yank { version, reason },
                    _ => Action::Unyank { version, reason },
                };
                (action, owners, time)
            }
            _ => {
                let (owners, time) = common(&mut lines)?;
                let replacement = match lines.optional("replacement") {
                    Some(name) if verb == "deprecate" => {
                        Some(lines.parse(name, "the name of a package")?)
                    }
                    Some(_) => return Err(lines.error("`reason …`")),
                    None => None,
                };
                let reason = lines.reason()?;
                let action = match verb {
                    "deprecate" => Action::Deprecate {
                        replacement,
                        reason,
                    },
                    _ => Action::Undeprecate { reason },
                };
                (action, owners, time)
            }
        };
        lines.end()?;
        Ok(Self {
            origin,
            package,
            action,
            owners,
            time,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut out = format!(
            "lumen/{}/v1\nregistry {}\npackage {}\n",
            self.action.verb(),
            self.origin,
            self.package
        );
        // Writing to a string cannot fail.
        if let Some(version) = self.action.version() {
            let _ = writeln!(out, "version {version}");
        }
        if let Action::Publish { metadata, size, .. } = &self.action {
            let _ = writeln!(out, "metadata {metadata} {size}");
        }
        let _ = writeln!(out, "owners {}\ntime {}", self.owners, self.time);
        if let Action::Deprecate {
            replacement: Some(name),
            ..
        } = &self.action
        {
            let _ = writeln!(out, "replacement {name}");
        }
        if let Some(reason) = self.action.reason() {
            let _ = writeln!(out, "reason {reason}");
        }
        out
    }
}

fn common(lines: &mut Lines<'_>) -> Result<(u64, String), FormError> {
    let what = "the number of an ownership note";
    let owners = lines.value("owners")?;
    let owners = lines.number(owners, what)?;
    lines.check(owners >= 1, what)?;
    Ok((owners, lines.time()?))
}
