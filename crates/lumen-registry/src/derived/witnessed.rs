//! Checkpoints that witnesses signed, kept when another takes their place.
//!
//! They show since when the entries in them have been there. `log/witnessed/<size>` never
//! changes; `log/witnessed.json` lists them for readers of hosts that cannot list files. One a
//! day is kept. They follow from nothing: those that are lost stay lost, and only make entries
//! look younger.

use futures::future::BoxFuture;
use lumen_core::{
    Key,
    checkpoint::MAX_CHECKPOINT_BYTES,
    limits::{MAX_WITNESSED_BYTES, WITNESSED_APART},
    trust::{RootHistory, Sighting},
};

use super::{Publication, Row};
use crate::{
    cache,
    logread::{list_witnessed, parse_witnessed, witnessed},
    storage::{Storage, StorageError},
    write::{PublishError, Snapshot, swap, swap::Swap},
};

/// `log/witnessed/<size>` and their list.
pub(super) struct Witnessed;

impl Row for Witnessed {
    fn has(&self, key: &Key) -> bool {
        *key == Key::witnessed_list() || key.as_str().starts_with(Key::WITNESSED)
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn publish<'a>(&self, to: Publication<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        let asked = to.roots.notes().iter().any(|(_, note)| note.has_quorum());
        asked.then(|| -> BoxFuture<'a, _> { Box::pin(keep_public(to)) })
    }
}

/// When a quorum of witnesses had signed a checkpoint; `None`: it is not signed as it must be.
pub(crate) fn complete(bytes: &[u8], roots: &RootHistory) -> Option<Sighting> {
    let now = i64::try_from(cache::now()).unwrap_or(i64::MAX);
    witnessed(bytes, roots, now).map(|(_, state)| state)
}

async fn keep_public(to: Publication<'_>) -> Result<(), PublishError> {
    let key = Key::checkpoint();
    let public = to.snapshot.get(&key, MAX_CHECKPOINT_BYTES).await?;
    match public {
        Some(public) if *public != to.note => keep(to.snapshot, &public, to.roots).await,
        _ => Ok(()),
    }
}

/// Keeps a public checkpoint that is about to be replaced, if witnesses signed it and the last
/// one that was kept is a day older.
///
/// # Errors
/// Failures of the host.
pub(crate) async fn keep(
    snapshot: &Snapshot<'_>,
    replaced: &[u8],
    roots: &RootHistory,
) -> Result<(), PublishError> {
    let Some(state) = complete(replaced, roots) else {
        return Ok(());
    };
    let key = Key::witnessed_list();
    let mut swap = Swap::on(snapshot, &key, MAX_WITNESSED_BYTES);
    loop {
        let current = swap.read().await?;
        let mut listed = current.as_deref().map(parse_witnessed).unwrap_or_default();
        if listed.iter().any(|kept| !is_apart(kept, &state)) {
            return Ok(());
        }
        put(snapshot.storage(), &state, replaced).await?;
        listed.push(state);
        listed.sort_unstable();
        let bytes = list_witnessed(&listed);
        if bytes.len() as u64 > MAX_WITNESSED_BYTES || swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// Whether a checkpoint is worth keeping beside one that is kept.
fn is_apart(kept: &Sighting, new: &Sighting) -> bool {
    new.size > kept.size && new.at >= kept.at.saturating_add(WITNESSED_APART)
}

/// Stores a kept checkpoint; one that is there stays.
pub(crate) async fn put(
    storage: &Storage,
    state: &Sighting,
    bytes: &[u8],
) -> Result<(), PublishError> {
    match swap::create(storage, &Key::witnessed(state.size), bytes).await {
        Ok(()) | Err(StorageError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
