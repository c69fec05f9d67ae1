//! Checking a signed registry.
//!
//! Order of the client: the root chain and its fingerprint; the checkpoint, its keys,
//! witnesses and age; that the log only grew since this machine and the lock saw it; the
//! name map; then, for every package that is read, that its events are all that the log has
//! about it, and that their signers were allowed to make them. The first failure ends it.
//! All results are derived from the log; a file of the host that says more, or something
//! else, does not count.
//!
//! | module | what |
//! |---|---|
//! | `view` | the verified registry as one process sees it, established once |
//! | `establish` | the first contact: root, checkpoint, and the remembered state |
//! | `rules` | the rules for root notes and checkpoint |
//! | `map` | the chains of names, and that a name is absent |
//! | `lookup` | packages and scopes, read and checked to be all that the log has |
//! | `package` | a verified package, and the index made of its history |
//! | `prove` | releases that a lock names, proved by the log or the map |
//! | `age` | when entries got into the log, by evidence that their publishers did not choose |
//! | `evidence` | what is asked about these times, and the answers |
//! | `since` | entries about locked releases since they were locked |
//! | `files` | reads of logs, maps and notes through the caches |
//! | [`state`] | what this machine remembers of registries |
//! | `memo` | the files of both |
//! | [`known`] | the owners of names that this machine or a lock relied on |

mod age;
mod establish;
pub(crate) mod evidence;
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

/// The requirements on a registry, and where to remember its state.
#[derive(Debug, Clone, Default)]
pub struct TrustOptions {
    /// Folder of the [`state`]; none: nothing is remembered.
    pub state_dir: Option<PathBuf>,
    /// The fingerprint the registry must have.
    pub pin: Option<Digest>,
    /// Whether an unsigned registry is refused.
    pub required: bool,
    /// Whether the root may have expired and witnesses may be silent: for operators.
    pub any_age: bool,
    /// The lock's state of the registry; those of both sides where a lock is being merged.
    pub locked: Vec<LockedTrust>,
    /// The ownership notes that the lock relies on.
    pub owners: BTreeMap<Subject, LockedOwners>,
    /// Seconds since 1970 by the caller's clock; 0: the system's clock.
    pub now: i64,
}

/// A signed registry whose root, checkpoint and log are valid.
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
