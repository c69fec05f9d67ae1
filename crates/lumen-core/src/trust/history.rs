//! What events mean, and whether their signers were allowed to cause them.
//!
//! Writers check an entry against the history before they append it, clients check
//! the history they are shown: by the same rules, since they are the same code.

mod ledger;
mod moderation;
mod owners;
mod package;
mod roots;
mod signers;

pub use ledger::Ledger;
pub use moderation::{Moderated, ModerationHistory};
pub use owners::OwnersHistory;
pub use package::{Deprecated, LoggedRelease, PackageHistory, Remark, Yanked};
pub use roots::RootHistory;

use std::borrow::Cow;

use super::{
    event::{Entry, EntryError, Event},
    subject::Subject,
    text::{FormError, time_of},
};
use crate::{
    digest::Digest,
    name::PackageName,
    note::{Note, NoteError},
    signing::PublicKey,
    version::Version,
};

/// Why a history is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// An entry is malformed.
    #[error("entry {index} of the log: {error}")]
    Entry {
        /// Its place in the log.
        index: u64,
        /// What is wrong with it.
        error: EntryError,
    },
    /// A signature does not hold.
    #[error("entry {index} of the log: {error}")]
    Signature {
        /// Its place in the log.
        index: u64,
        /// What is wrong with it.
        error: NoteError,
    },
    /// The entries are not in the order of the log.
    #[error("entry {index} of the log is listed out of order")]
    Order {
        /// Its place in the log.
        index: u64,
    },
    /// An entry is about something else.
    #[error("entry {index} of the log is not about `{subject}`")]
    Subject {
        /// Its place in the log.
        index: u64,
        /// What it should be about.
        subject: String,
    },
    /// An entry was made for another registry.
    #[error("entry {index} of the log was made for the registry `{found}`, not for `{expected}`")]
    Origin {
        /// Its place in the log.
        index: u64,
        /// This registry.
        expected: String,
        /// The one it names.
        found: String,
    },
    /// A chain of notes has a gap.
    #[error("entry {index} of the log does not continue note {after} of `{subject}`")]
    Sequence {
        /// Its place in the log.
        index: u64,
        /// What it is about.
        subject: String,
        /// The number of the note before, 0 if there is none.
        after: u64,
    },
    /// Too few of the keys that have to agree did.
    #[error("entry {index} of the log has {found} of the {needed} signatures of {whose} it needs")]
    Threshold {
        /// Its place in the log.
        index: u64,
        /// Whose signatures.
        whose: &'static str,
        /// Signatures needed.
        needed: u32,
        /// Signatures there.
        found: usize,
    },
    /// There is no root note.
    #[error("the registry has no root note")]
    NoRoot,
    /// The first root note is not the one that was pinned.
    #[error("the registry's fingerprint is {found}, not {expected}")]
    Pin {
        /// The fingerprint pinned.
        expected: Digest,
        /// The one found.
        found: Digest,
    },
    /// A name without an owner is used.
    #[error("`{subject}` has no owner at entry {index} of the log")]
    Unowned {
        /// The place in the log.
        index: u64,
        /// The name or scope.
        subject: String,
    },
    /// A key that is not an owner made a statement.
    #[error("entry {index} of the log is not signed by an owner of `{subject}`")]
    WrongOwner {
        /// Its place in the log.
        index: u64,
        /// The name or scope.
        subject: String,
    },
    /// A revoked key made a statement.
    #[error("entry {index} of the log is signed by the revoked key {}", .key.fingerprint())]
    RevokedKey {
        /// Its place in the log.
        index: u64,
        /// The key.
        key: PublicKey,
    },
    /// A statement is later than the end of the publisher lines of the keys that signed it.
    #[error(
        "entry {index} of the log is signed by the key {}, which could publish until {} only",
        .key.fingerprint(), time_of(*.until)
    )]
    EndedKey {
        /// Its place in the log.
        index: u64,
        /// The key.
        key: PublicKey,
        /// The end of its line, in seconds since 1970.
        until: i64,
    },
    /// A statement names another ownership note than the one in force.
    #[error(
        "entry {index} of the log was made under ownership note {found}; note {expected} is in force"
    )]
    Superseded {
        /// Its place in the log.
        index: u64,
        /// The note in force.
        expected: u64,
        /// The one it names.
        found: u64,
    },
    /// A version is published twice.
    #[error("entry {index} of the log publishes {version} again")]
    Twice {
        /// Its place in the log.
        index: u64,
        /// The version.
        version: Version,
    },
    /// Moderators make a statement, and the registry has none.
    #[error(
        "entry {index} of the log is a statement by moderators, and the registry had none then"
    )]
    NoModerators {
        /// Its place in the log.
        index: u64,
    },
    /// Moderators take a block back that is not there.
    #[error(
        "entry {index} of the log lifts a block of `{subject}`, versions {versions}, and none was in force"
    )]
    NotBlocked {
        /// Its place in the log.
        index: u64,
        /// The package.
        subject: String,
        /// The versions.
        versions: String,
    },
    /// A statement is about a version that is not there.
    #[error("entry {index} of the log is about {version}, which was not published")]
    UnknownVersion {
        /// Its place in the log.
        index: u64,
        /// The version.
        version: Version,
    },
    /// An earlier statement is there again, word for word.
    #[error("entry {index} of the log repeats an earlier statement")]
    Repeated {
        /// Its place in the log.
        index: u64,
    },
    /// A map leaf is for another size of the log.
    #[error("entry {index} of the log is a map leaf for {found} entries, not for {}", .index + 1)]
    MapSize {
        /// Its place in the log.
        index: u64,
        /// The size that it says.
        found: u64,
    },
    /// A map leaf does not match the log.
    #[error(
        "entry {index} of the log is a map leaf with another root than the entries before it make: the map hides or adds something"
    )]
    MapRoot {
        /// Its place in the log.
        index: u64,
    },
    /// The log ends in the middle of a batch.
    #[error("the log of {size} entries does not end with a map leaf")]
    OpenBatch {
        /// Its size.
        size: u64,
    },
    /// A note forgets a revocation.
    #[error("entry {index} of the log takes a revocation back")]
    Unrevoked {
        /// Its place in the log.
        index: u64,
    },
}

impl HistoryError {
    /// The entry of the log that breaks a rule, if one does.
    pub const fn index(&self) -> Option<u64> {
        match self {
            Self::Entry { index, .. }
            | Self::Signature { index, .. }
            | Self::Order { index }
            | Self::Subject { index, .. }
            | Self::Origin { index, .. }
            | Self::Sequence { index, .. }
            | Self::Threshold { index, .. }
            | Self::Unowned { index, .. }
            | Self::WrongOwner { index, .. }
            | Self::RevokedKey { index, .. }
            | Self::EndedKey { index, .. }
            | Self::Superseded { index, .. }
            | Self::Twice { index, .. }
            | Self::UnknownVersion { index, .. }
            | Self::NoModerators { index }
            | Self::NotBlocked { index, .. }
            | Self::Repeated { index }
            | Self::MapSize { index, .. }
            | Self::MapRoot { index }
            | Self::Unrevoked { index } => Some(*index),
            Self::OpenBatch { size } => size.checked_sub(1),
            Self::NoRoot | Self::Pin { .. } => None,
        }
    }
}

/// Checks an entry that a writer is about to append at `index`, by the rules of readers; a key
/// that is revoked may not sign it. `owners` and `package` are those the entry is about,
/// absent where the log has nothing about them.
///
/// # Errors
/// When readers would refuse it, or not let it count.
pub fn may_append(
    roots: &RootHistory,
    owners: Option<&OwnersHistory>,
    package: Option<&PackageHistory>,
    entry: &Entry,
    note: &Note,
    index: u64,
) -> Result<(), HistoryError> {
    match entry {
        Entry::Root(next) => roots.check_next(index, next, note),
        Entry::Owners(next) => match owners {
            Some(owners) => owners.check_next(roots, index, next, note),
            None => {
                OwnersHistory::unclaimed(next.name.clone()).check_next(roots, index, next, note)
            }
        },
        Entry::Statement(statement) => package_or_new(package, owners, &statement.package)
            .check_next(roots, index, statement, note),
        Entry::Moderation(said) => package_or_new(package, owners, &said.package)
            .check_moderation(roots, index, said, note),
        Entry::Map(_) => Ok(()),
    }
}

/// A package's history; if the log has nothing about it, one without events.
fn package_or_new<'p>(
    package: Option<&'p PackageHistory>,
    owners: Option<&OwnersHistory>,
    name: &PackageName,
) -> Cow<'p, PackageHistory> {
    package.map_or_else(
        || {
            let unclaimed = || OwnersHistory::unclaimed(Subject::owner_of(name));
            let owners = owners.cloned().unwrap_or_else(unclaimed);
            Cow::Owned(PackageHistory::new(name.clone(), owners))
        },
        Cow::Borrowed,
    )
}

/// Events parsed, in order and each below `origin`, if that is known.
fn parse(events: &[Event], origin: Option<&str>) -> Result<Vec<(u64, Entry, Note)>, HistoryError> {
    let mut out: Vec<(u64, Entry, Note)> = Vec::with_capacity(events.len());
    for Event { i: index, note } in events {
        let index = *index;
        if out.last().is_some_and(|(before, ..)| *before >= index) {
            return Err(HistoryError::Order { index });
        }
        let (entry, note) =
            Entry::parse(note.as_bytes()).map_err(|error| HistoryError::Entry { index, error })?;
        let Some(note) = note else {
            let error = FormError {
                line: 1,
                expected: "the kind of a note".into(),
            };
            return Err(HistoryError::Entry {
                index,
                error: error.into(),
            });
        };
        check_origin(index, &entry, origin)?;
        out.push((index, entry, note));
    }
    Ok(out)
}

fn check_origin(index: u64, entry: &Entry, origin: Option<&str>) -> Result<(), HistoryError> {
    match (origin, entry.origin()) {
        (Some(expected), Some(found)) if expected != found => Err(HistoryError::Origin {
            index,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Checks that enough of the keys signed.
fn threshold(
    index: u64,
    note: &Note,
    whose: &'static str,
    needed: u32,
    keys: &[PublicKey],
) -> Result<(), HistoryError> {
    let signers = note
        .verified(keys)
        .map_err(|error| HistoryError::Signature { index, error })?;
    // The same key under two names is still one key.
    let mut distinct: Vec<&[u8; 32]> = signers.iter().map(|key| key.bytes()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let found = distinct.len();
    match found >= needed as usize {
        true => Ok(()),
        false => Err(HistoryError::Threshold {
            index,
            whose,
            needed,
            found,
        }),
    }
}
