//! Results of commands that look after registries.

use lumen_registry::log;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Failure,
    shared::{Amount, Waiting},
};

/// A registry that `init` made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Founded {
    /// Its URL.
    pub url: String,
    /// Whether it is signed.
    pub signed: bool,
    /// The name in its log, if it is signed.
    pub origin: Option<String>,
    /// Its fingerprint, if it is signed.
    pub fingerprint: Option<String>,
    /// The file of the signing key that was made for it, if one was.
    pub new_key: Option<String>,
}

/// Whether the files of a registry agree.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Checked {
    /// Whether the registry is signed.
    pub signed: bool,
    /// What is wrong.
    pub problems: Vec<Finding>,
}

/// Something wrong with a file of a registry.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Finding {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub problem: String,
    /// The line, counted from 1, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, counted from 1, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl From<&log::Finding> for Finding {
    fn from(finding: &log::Finding) -> Self {
        Self {
            file: finding.file.to_string(),
            problem: finding.what.clone(),
            line: finding.at.map(|at| at.line),
            column: finding.at.map(|at| at.column),
        }
    }
}

/// What `repair` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Repaired {
    /// To a signed registry.
    Signed {
        /// How many entries its log has.
        size: u64,
        /// Entries that readers do not see yet.
        waiting: Option<Waiting>,
        /// How many missing file lists were made.
        file_lists: usize,
    },
    /// To a signed registry, from a mirror.
    Refilled {
        /// How many files were written.
        files: u64,
        /// Their size in bytes.
        bytes: u64,
        /// Files that the mirror lacks, too.
        lacking: Vec<String>,
        /// Artifacts with other bytes than were released in the mirror.
        damaged: Vec<String>,
        /// Archives whose releases name other file lists than theirs.
        false_lists: Vec<String>,
    },
    /// To one without signatures.
    Unsigned {
        /// The files that were written.
        changed: Vec<String>,
        /// What is still wrong.
        problems: Vec<Finding>,
    },
}

/// What `rebuild` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Rebuilt {
    /// The files that were written.
    pub changed: Vec<String>,
    /// Releases without a file list, with `--file-lists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Vec<Without>>,
}

/// A release without a file list.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Without {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
    /// Why.
    pub why: String,
}

/// What was removed from a registry, or would be.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Collected {
    /// Whether nothing was removed, since it was only asked what would be.
    pub dry_run: bool,
    /// The useless files by kind.
    pub kinds: Vec<Kind>,
    /// The useless files.
    pub garbage: Vec<Garbage>,
    /// How many of them remain, since a writer came to need them.
    pub spared: u64,
    /// Files without references that are too young to be removed.
    pub young: Amount,
}

/// Useless files of one kind.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Kind {
    /// The kind.
    pub kind: String,
    /// The files.
    #[serde(flatten)]
    pub sized: Amount,
}

/// A useless file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Garbage {
    /// Its path in the registry.
    pub file: String,
    /// Its kind.
    pub kind: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What would be signed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct MigrationPlan {
    /// How many packages.
    pub packages: usize,
    /// How many releases.
    pub releases: usize,
    /// How many yanks.
    pub yanks: usize,
    /// The name in the log; none if the registry is signed already.
    pub origin: Option<String>,
    /// The key that would sign; none: a new one.
    pub key: Option<String>,
    /// The names and scopes that would get an owner.
    pub names: Vec<String>,
    /// What must be put right first.
    pub problems: Vec<Noted>,
    /// What gets lost, and other oddities.
    pub oddities: Vec<Noted>,
}

/// Something about a file of a registry.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Noted {
    /// The file.
    pub file: String,
    /// What there is to know.
    pub what: String,
}

impl From<&log::Finding> for Noted {
    fn from(finding: &log::Finding) -> Self {
        Self {
            file: finding.file.to_string(),
            what: finding.what.clone(),
        }
    }
}

/// What was signed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Migrated {
    /// The registry.
    pub url: String,
    /// The name in its log; none if it was signed before.
    pub origin: Option<String>,
    /// Its fingerprint; none if it was signed before.
    pub fingerprint: Option<String>,
    /// How many entries were added to the log.
    pub entries: u64,
    /// How many packages it has.
    pub packages: usize,
    /// How many releases.
    pub releases: usize,
    /// How many yanks.
    pub yanks: usize,
    /// How many file lists were made.
    pub file_lists: usize,
}

/// What was copied to a mirror.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Mirrored {
    /// The mirror.
    pub to: String,
    /// What was copied.
    #[serde(flatten)]
    pub copied: Copied,
    /// The patterns of a partial mirror.
    pub selection: Option<Vec<String>>,
}

/// What was copied.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Copied {
    /// How many packages had something new.
    pub packages: u64,
    /// How many files were written.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many entries of the log were there before, of a signed registry.
    pub from: Option<u64>,
    /// How many there are now, of a signed registry.
    pub size: Option<u64>,
    /// The fingerprint of a signed registry.
    pub fingerprint: Option<String>,
}

/// What `bundle` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Bundled {
    /// The file; none when nothing is new.
    pub file: Option<String>,
    /// What is in it.
    #[serde(flatten)]
    pub copied: Option<Copied>,
}

/// What `sync` brought up to date.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Synced {
    /// One for each mirror. If one failed, the exit code is that of the first that did.
    pub mirrors: Vec<Synchronised>,
}

/// What became of a mirror.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Synchronised {
    /// It is up to date.
    Good {
        /// Its name in the configuration.
        name: String,
        /// What was copied.
        mirrored: Mirrored,
    },
    /// It failed.
    Failed {
        /// Its name in the configuration.
        name: String,
        /// Why.
        error: Box<Failure>,
    },
}

/// What a witness confirmed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Witnessed {
    /// How many entries the log has.
    pub size: u64,
    /// How many it had when this witness confirmed it last.
    pub before: Option<u64>,
    /// The key that signed.
    pub key: String,
    /// Whether all entries and the name map were checked.
    pub validated: bool,
    /// Entries that readers do not see yet.
    pub waiting: Option<Waiting>,
}

/// Entries of a log.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Watched {
    /// How many entries the log has: where the next run may start.
    pub size: u64,
    /// The entries.
    pub entries: Vec<LogEntry>,
}

/// An entry of a log. Without `--json`, `watch` prints each as a line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct LogEntry {
    /// Its place in the log.
    pub index: u64,
    /// The name or scope that it is about.
    pub subject: Option<String>,
    /// `root`, `owners`, `map`, `release`, `yank`, `block` or another verb.
    pub kind: String,
    /// The number of the note, of roots, owners and what moderators say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The version, of statements that are about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which versions moderators speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
    /// When a quarantine ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When it was made, by the signer's clock, of statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its exact text.
    pub text: String,
}
