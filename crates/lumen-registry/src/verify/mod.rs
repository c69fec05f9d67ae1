//! Checking what a signed registry says.
//!
//! Order of the client: the root chain and who it must be; the checkpoint, its
//! keys, witnesses and age; that the log only grew since this machine and the
//! lock saw it; the name map; then, for every package that is read, that its
//! events are all the log has of it, and that whoever made them could. The first
//! failure ends it. What is handed on is derived from the log; files of the host
//! that say more or something else are not believed.
//!
//! | module | what |
//! |---|---|
//! | `view` | what one process found at the registry, established once |
//! | `establish` | the first look: root, checkpoint, and what was seen before |
//! | `rules` | what root notes and checkpoint must be |
//! | `map` | the chains of names, and that a name is absent |
//! | `lookup` | packages and scopes, read and checked to be all that the log has |
//! | `package` | a package that holds, and the index made of its history |
//! | `prove` | releases that a lock names, proved by the log or the map |
//! | `since` | what the log says about locked releases since they were locked |
//! | `files` | reads of logs, maps and notes through the caches |
//! | [`state`] | what this machine remembers of registries |
//! | `memo` | the files of both |
//! | [`known`] | the owners of names that somebody here relied on |

mod establish;
pub(crate) mod files;
pub mod known;
mod lookup;
pub(crate) mod map;
mod memo;
pub(crate) mod package;
mod prove;
mod rules;
mod since;
pub mod state;
pub(crate) mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use lumen_core::{
    Digest,
    checkpoint::Checkpoint,
    lockfile::LockedTrust,
    trust::{NoteRef, Subject},
};

pub use crate::refusal::{PinSource, Reverted, SeenBy, TrustError};
pub use map::Proof;
pub use prove::Proven;
pub use since::Since;

/// The ownership notes of one name or scope that a lock relies on: their numbers, and their
/// hashes where the lock has them. Packages of a scope may have been locked at different times.
pub type LockedOwners = BTreeSet<(u64, Option<Digest>)>;

/// What is demanded of a registry, and where to remember it.
#[derive(Debug, Clone, Default)]
pub struct TrustOptions {
    /// Folder of the [`state`]; none: nothing is remembered.
    pub state_dir: Option<PathBuf>,
    /// The fingerprint the registry must have.
    pub pin: Option<Digest>,
    /// Whether an unsigned registry is refused.
    pub required: bool,
    /// Whether the root may have expired and witnesses may be silent: for those who run it.
    pub any_age: bool,
    /// What the lock says about the registry.
    pub locked: Option<LockedTrust>,
    /// The ownership notes that the lock relies on.
    pub owners: BTreeMap<Subject, LockedOwners>,
    /// Seconds since 1970 by the caller's clock; 0: the system's clock.
    pub now: i64,
}

/// A signed registry whose root, checkpoint and log are in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustInfo {
    /// The registry's own name in every note.
    pub origin: String,
    /// SHA-256 of its first root note.
    pub fingerprint: Digest,
    /// Whether nothing but this first contact vouches for the fingerprint.
    pub first_use: bool,
    /// Whether the fingerprint was pinned, by the caller or on this machine.
    pub pinned: bool,
    /// The checkpoint, with its signatures.
    pub checkpoint: String,
    /// Entries of the log.
    pub size: u64,
    /// The root note in force.
    pub root_note: NoteRef,
    /// When that note expires, RFC 3339.
    pub expires: Option<String>,
}

impl TrustInfo {
    /// The state of the log that was verified, for writers to continue.
    pub fn seen(&self) -> Option<Checkpoint> {
        Checkpoint::of_note(self.checkpoint.as_bytes()).ok()
    }
}
