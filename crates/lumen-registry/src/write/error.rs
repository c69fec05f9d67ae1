//! Why a registry was not written to.

use std::fmt::{self, Display};

use lumen_core::{
    Key, PackageName, Version, index,
    json::JsonError,
    limits::rows,
    name::NameError,
    problem::Problem,
    signing::PublicKey,
    trust::{HistoryError, Subject},
};

use super::SubmittedError;
use crate::{
    signer::SignError,
    storage::{Storage, StorageError},
};

/// Why a registry was not written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The version exists with other contents.
    #[error("`{name}` {version} exists with other contents")]
    VersionExists {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// When it was published, if the registry says.
        published_at: Option<String>,
    },
    /// A version is published that differs from this one after `+` only.
    #[error(
        "`{name}` {version} cannot be published beside {other}: versions that differ only after `+` are the same to a constraint"
    )]
    SamePrecedence {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The version that is there.
        other: Version,
    },
    /// The version is too long.
    #[error(
        "the version of `{name}` has {bytes} bytes; {}",
        rows::MAX_VERSION_BYTES
    )]
    LongVersion {
        /// The package.
        name: PackageName,
        /// Its bytes.
        bytes: usize,
    },
    /// There is a file of the version with other contents, but the log does not have it.
    #[error("`{name}` {version} exists with other contents, though the log does not have it yet")]
    Unreleased {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// A package whose name looks the same exists.
    #[error("the name `{name}` is too close to `{other}`, which exists")]
    NameTaken {
        /// The name asked for.
        name: PackageName,
        /// The one that exists.
        other: PackageName,
    },
    /// The name may be read but not published.
    #[error("`{name}` cannot be published: {error}")]
    Name {
        /// The name.
        name: PackageName,
        /// The rule it breaks.
        error: NameError,
    },
    /// The registry was made by a later version.
    #[error(
        "the registry has format {format}; this version writes format {}",
        index::FORMAT
    )]
    NewerFormat {
        /// Its format.
        format: u64,
    },
    /// The metadata is larger than readers accept.
    #[error(
        "the metadata of `{name}` {version} has {size} bytes; {}",
        rows::MAX_RELEASE_BYTES
    )]
    TooLarge {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// Its size in bytes.
        size: usize,
    },
    /// There is no such package.
    #[error("the registry has no package `{name}`")]
    UnknownPackage {
        /// The package.
        name: PackageName,
    },
    /// There is no such version.
    #[error("the registry has no `{name}` {version}")]
    UnknownVersion {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The versions there are.
        versions: Vec<Version>,
    },
    /// `init`: a registry is there.
    #[error("there is a registry at {location} already")]
    RegistryExists {
        /// The location.
        location: String,
    },
    /// A file of the registry is damaged; the problem points into it.
    #[error("{}", .0.what)]
    Malformed(Box<Problem>),
    /// Others changed the file every time before this writer could.
    #[error("`{file}` is changed by others all the time; gave up after {attempts} attempts")]
    Busy {
        /// Path or URL.
        file: String,
        /// Attempts made.
        attempts: u32,
    },
    /// The host failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The registry is signed, but there is nothing to sign with.
    #[error("the registry is signed, so a key is needed to write to it")]
    NoKey,
    /// The registry is not signed, and this is only possible in signed ones.
    #[error("the registry is not signed")]
    NotSigned,
    /// The key is not one of those that may write the log.
    #[error("the key `{}` ({}) is not a log key of the registry `{origin}`", .key.name(), .key.fingerprint())]
    LogKey {
        /// The registry.
        origin: String,
        /// The key.
        key: PublicKey,
    },
    /// The key is not one of those that may publish the package.
    #[error("the key `{}` ({}) may not publish `{name}`", .key.name(), .key.fingerprint())]
    NotOwner {
        /// The package.
        name: PackageName,
        /// The key.
        key: PublicKey,
    },
    /// Names of this registry are given out by its names keys.
    #[error("`{subject}` has no owner, and the registry must approve its claim")]
    NeedsApproval {
        /// The name or scope.
        subject: Subject,
        /// The claim, signed by the key that would publish.
        claim: String,
    },
    /// The log cannot have this entry.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Nothing was signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Files or signatures in the registry do not fit together.
    #[error(transparent)]
    Submitted(#[from] SubmittedError),
    /// A file of the log, the map or the root is wrong.
    #[error("`{file}` is damaged: {what}")]
    Damaged {
        /// Path or URL.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The clock of this machine is wrong, as far as others can tell.
    #[error("the clock of this machine says {own}, but {by} {other}")]
    Clock {
        /// The time by this machine's clock, RFC 3339.
        own: String,
        /// The other time, RFC 3339.
        other: String,
        /// Whose it is.
        by: ClockWitness,
    },
    /// The key of a publisher ends, or has ended, before the log could have what it signed.
    #[error(
        "`{name}`: the key of its publisher counts for what the log has by {until}{}, and it is {now}",
        if *.margin { ", and witnesses need ten minutes before" } else { "" }
    )]
    Ended {
        /// The package.
        name: PackageName,
        /// The end of the key's line, RFC 3339.
        until: String,
        /// The time by this machine's clock, RFC 3339.
        now: String,
        /// Whether some time is left, but too little for witnesses to sign.
        margin: bool,
    },
    /// More publishers have to sign a release.
    #[error("a release of `{name}` needs the signatures of {needed} publishers")]
    NeedsSigners {
        /// The package.
        name: PackageName,
        /// How many.
        needed: u32,
    },
    /// The log does not continue the checkpoint that was seen before.
    #[error("the log has {found} entries and does not continue the {seen} seen before")]
    Diverged {
        /// Entries seen before.
        seen: u64,
        /// Entries it has now.
        found: u64,
    },
}

/// What contradicts the clock of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockWitness {
    /// The clock of the host.
    Host,
    /// The newest entry of the log, which the clock of the host confirms.
    Entry,
}

impl Display for ClockWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "the host of the registry says",
            Self::Entry => "the newest entry of the log is from",
        })
    }
}

/// The error for a wrong file of the log, the map or the root.
pub(crate) fn damaged(storage: &Storage, key: &Key, what: impl Display) -> PublishError {
    PublishError::Damaged {
        file: storage.describe(key),
        what: what.to_string(),
    }
}

/// The error for a malformed file; the problem points into it.
pub(crate) fn malformed(
    storage: &Storage,
    key: &Key,
    bytes: &[u8],
    error: &JsonError,
) -> PublishError {
    let problem = error.problem(&storage.describe(key), bytes);
    PublishError::Malformed(Box::new(problem))
}
