//! The rules for root notes and checkpoint: they continue those that were seen before, and
//! are signed and in force.

use std::path::Path;

use lumen_core::{
    Key,
    checkpoint::{self, Checkpoint},
    limits::{MAX_CLOCK_AHEAD, MAX_ROOTS_BYTES},
    note::Note,
    trust::{Cosigned, Event, HistoryError, RootHistory, RootNote, Subject, text},
};

use super::{SeenBy, TrustError, TrustOptions, memo::unreverted, state::Remembered};
use crate::{
    location::Location,
    source::{Freshness, ReadError, Source},
};

/// Where this machine remembers a registry: the folder, and the URL that names the file.
pub(super) fn place<'o>(source: &Source, options: &'o TrustOptions) -> Option<(&'o Path, String)> {
    let dir = options.state_dir.as_deref()?;
    Some((dir, source.location().map(Location::url)?))
}

/// Checks that the root notes are those that lock and machine have seen, and perhaps more.
pub(super) fn check_roots(
    options: &TrustOptions,
    remembered: Option<&Remembered>,
    roots: &RootHistory,
) -> Result<(), TrustError> {
    for note in options.locked.iter().filter_map(|lock| lock.root_note) {
        let (seen, shown) = ((note.seq, Some(note.hash)), roots.hash_of(note.seq));
        unreverted(&Subject::Root, seen, shown, SeenBy::Lock)?;
    }
    remembered.map_or(Ok(()), |state| state.check_roots(roots))
}

/// The root notes; `None` where there are none.
pub(super) async fn roots(
    source: &Source,
    buster: Option<&str>,
) -> Result<Option<Vec<Event>>, ReadError> {
    let key = Key::root_index();
    if buster.is_none() && source.was_absent(&key) {
        return Ok(None);
    }
    let listed = source.events(&key, MAX_ROOTS_BYTES, buster).await?;
    Ok(listed.map(|listed| listed.events))
}

pub(super) fn open(bytes: &[u8], root: &RootNote) -> Result<(Checkpoint, Note), TrustError> {
    checkpoint::open(bytes, &root.origin, &root.log).map_err(|error| TrustError::Checkpoint {
        reason: error.to_string(),
    })
}

pub(super) fn root_chain(error: HistoryError) -> TrustError {
    TrustError::RootChain {
        reason: error.to_string(),
    }
}

/// Without the network nothing gets newer.
pub(super) fn age_matters(source: &Source, options: &TrustOptions) -> bool {
    source.freshness() != Freshness::Offline && !options.any_age
}

pub(super) fn still_valid(root: &RootNote, now: i64) -> Result<(), TrustError> {
    let expired = |at: &&String| text::seconds(at).is_none_or(|at| at <= now);
    match root.expires.as_ref().filter(expired) {
        Some(at) => Err(TrustError::Expired { at: at.clone() }),
        None => Ok(()),
    }
}

/// Whether enough witnesses signed, each of them lately. Only witnesses say when they saw a
/// checkpoint, so without them there is no age, and a root note cannot limit it.
pub(super) fn fresh(root: &RootNote, note: &Note, now: i64) -> Result<(), TrustError> {
    let latest = now.saturating_add(MAX_CLOCK_AHEAD);
    let cosigned = Cosigned::of(root, note, latest).map_err(|error| TrustError::Checkpoint {
        reason: error.to_string(),
    })?;
    if !cosigned.lacking(i64::MIN).is_nothing() {
        let (found, validating) = cosigned.count(i64::MIN);
        return Err(TrustError::Witnesses {
            found,
            quorum: root.witness_quorum,
            validating,
            validating_quorum: root.validating_quorum,
        });
    }
    if let (Some(max), Some(since)) = (root.max_age, cosigned.since()) {
        let age = now.saturating_sub(since).max(0).unsigned_abs();
        if age > max {
            return Err(TrustError::Stale {
                age,
                quorum: root.witness_quorum.max(root.validating_quorum),
                max,
            });
        }
    }
    Ok(())
}
