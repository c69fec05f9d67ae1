//! What a signed registry says: roots, owners, statements, the name map and their history.
//!
//! | module | what |
//! |---|---|
//! | [`text`] | the lines all of these notes are made of |
//! | [`root`] | root notes: the registry's own keys and rules |
//! | [`owners`] | ownership notes: admins and publishers of a name |
//! | [`statement`] | publish, yank, unyank, deprecate, undeprecate |
//! | [`moderation`] | block, quarantine, unblock: what the registry's moderators say |
//! | [`subject`] | what an event is about: a name, a scope or the registry |
//! | [`event`] | entries of the log, and the chain of a name's |
//! | [`quorum`] | which witnesses signed a checkpoint, and which are missing |
//! | [`age`] | how old an entry is, by evidence that its publisher did not choose |
//! | [`seen`] | a note that a client or a lock remembers, by number and hash |
//! | [`queue`] | claims that wait for the names keys |
//! | [`rejection`] | notes that refuse a claim |
//! | [`map`] | the name map: a proof that a name has exactly these events |
//! | [`history`] | what a name's events mean, and whether their signers were allowed to cause them |
//!
//! Formats: docs/registry-spec.md.

pub mod age;
pub mod event;
pub mod history;
pub mod map;
pub mod moderation;
pub mod owners;
pub mod queue;
pub mod quorum;
pub mod rejection;
pub mod root;
pub mod seen;
pub mod statement;
pub mod subject;
pub mod text;

pub use age::{Asked, Basis, Bounds, Sighting, Timeline};
pub use event::{Entry, EntryError, Event, MapLeaf, chain, extend, up_to};
pub use history::{
    HistoryError, Ledger, LoggedRelease, Moderated, ModerationHistory, OwnersHistory,
    PackageHistory, RootHistory, may_append,
};
pub use moderation::{Cause, Covered, Measure, Moderation, Severity};
pub use owners::{OwnersNote, Publisher, Revoked};
pub use quorum::{Cosigned, Lacking};
pub use rejection::Rejection;
pub use root::{NamePolicy, RootNote};
pub use seen::NoteRef;
pub use statement::{Action, Statement};
pub use subject::Subject;
pub use text::FormError;
