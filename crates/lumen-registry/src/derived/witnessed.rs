//! Checkpoints that witnesses signed, kept when another takes their place.
//!
//! They show since when the entries in them have been there. `log/witnessed/<size>` never
//! changes; `log/witnessed.json` lists them for readers of hosts that cannot list files. One a
//! day is kept, and each that shows when a key that ends signed something. They follow from nothing: those that are lost stay lost, and only make entries
//! look younger.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use lumen_core::{
    Key,
    checkpoint::MAX_CHECKPOINT_BYTES,
    limits::{MAX_WITNESSED_BYTES, WITNESSED_APART},
    trust::{Entry, RootHistory, Sighting, Subject},
};

use super::{Publication, Row};
use crate::{
    cache,
    logread::{list_witnessed, listed, load_range, parse_witnessed, public_checkpoint, witnessed},
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
        asked.then(|| -> BoxFuture<'a, _> {
            Box::pin(async move {
                keep_public(to).await?;
                keep_ending(to).await
            })
        })
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

/// Keeps a checkpoint that becomes public, if it is the first with statements of publishers whose
/// keys end: readers must learn that the log had them in time, and later ones do not show it.
async fn keep_ending(to: Publication<'_>) -> Result<(), PublishError> {
    let Some(state) = complete(to.note, to.roots) else {
        return Ok(());
    };
    let (snapshot, storage) = (to.snapshot, to.snapshot.storage());
    let before = public_checkpoint(snapshot).await?;
    let (from, size) = (before.map_or(0, |before| before.size), to.checkpoint.size);
    let mut owners: BTreeMap<Subject, u64> = BTreeMap::new();
    for entry in load_range(storage, from, size).await? {
        if let Ok((Entry::Statement(statement), _)) = Entry::parse(entry.as_bytes()) {
            owners.insert(Subject::owner_of(&statement.package), statement.owners);
        }
    }
    for (subject, seq) in owners {
        let has_end = listed(snapshot, &subject).await?.iter().any(|event| {
            let parsed = Entry::parse(event.note.as_bytes());
            matches!(parsed, Ok((Entry::Owners(note), _)) if note.seq <= seq
                && note.publishers.iter().any(|publisher| publisher.until.is_some()))
        });
        if has_end {
            return list(snapshot, &state, to.note, |kept| kept.size != state.size).await;
        }
    }
    Ok(())
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
    match complete(replaced, roots) {
        Some(state) => list(snapshot, &state, replaced, |kept| is_apart(kept, &state)).await,
        None => Ok(()),
    }
}

/// Stores and lists a checkpoint, unless one that is kept makes it useless.
async fn list(
    snapshot: &Snapshot<'_>,
    state: &Sighting,
    bytes: &[u8],
    is_useful_beside: impl Fn(&Sighting) -> bool,
) -> Result<(), PublishError> {
    let key = Key::witnessed_list();
    let mut swap = Swap::on(snapshot, &key, MAX_WITNESSED_BYTES);
    loop {
        let current = swap.read().await?;
        let mut listed = current.as_deref().map(parse_witnessed).unwrap_or_default();
        if !listed.iter().all(&is_useful_beside) {
            return Ok(());
        }
        put(snapshot.storage(), state, bytes).await?;
        listed.push(*state);
        listed.sort_unstable();
        let list = list_witnessed(&listed);
        if list.len() as u64 > MAX_WITNESSED_BYTES || swap.write(&list).await? {
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
