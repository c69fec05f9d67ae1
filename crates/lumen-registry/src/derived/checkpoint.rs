//! The public checkpoint: the newest state that readers see.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use lumen_core::{
    Key,
    checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES},
    trust::RootHistory,
};

use super::{Expected, Publication, Row, Whole};
use crate::{
    storage::Storage,
    write::{PublishError, Snapshot, swap::Swap},
};

/// `log/checkpoint`. Its signatures follow from nothing: a lost one is published again.
pub(super) struct PublicCheckpoint;

impl Row for PublicCheckpoint {
    fn has(&self, key: &Key) -> bool {
        *key == Key::checkpoint()
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn publish<'a>(&self, to: Publication<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        Some(Box::pin(put_checkpoint(
            to.snapshot,
            to.checkpoint.size,
            to.note,
        )))
    }

    fn expected(&self, _: &Whole<'_>) -> Result<Expected, PublishError> {
        Ok(Expected::Known(BTreeMap::new()))
    }
}

/// Makes a checkpoint of this size the public one, unless a later one is.
async fn put_checkpoint(
    snapshot: &Snapshot<'_>,
    size: u64,
    note: &[u8],
) -> Result<(), PublishError> {
    let key = Key::checkpoint();
    let mut swap = Swap::on(snapshot, &key, MAX_CHECKPOINT_BYTES);
    loop {
        let current = swap.read().await?;
        let public = |bytes: &Vec<u8>| Some(Checkpoint::of_note(bytes).ok()?.size);
        if current.as_ref().and_then(public) >= Some(size) {
            return Ok(());
        }
        if swap.write(note).await? {
            return Ok(());
        }
    }
}

/// The public checkpoint, if a key that may write the log signed it.
pub(crate) async fn read(
    storage: &Storage,
    roots: &RootHistory,
) -> Result<Option<Checkpoint>, PublishError> {
    let Some((bytes, _)) = storage
        .get(&Key::checkpoint(), MAX_CHECKPOINT_BYTES)
        .await?
    else {
        return Ok(None);
    };
    let Ok(found) = Checkpoint::of_note(&bytes) else {
        return Ok(None);
    };
    let root = roots.at(found.size.saturating_sub(1));
    let signed = checkpoint::open(&bytes, &root.origin, &root.log);
    Ok(signed.ok().map(|(checkpoint, _)| checkpoint))
}

/// Puts the commit's own note in the place of a checkpoint that no log key signed.
pub(crate) async fn replace_unsigned(storage: &Storage, note: &[u8]) -> Result<(), PublishError> {
    let key = Key::checkpoint();
    let mut swap = Swap::new(storage, &key, MAX_CHECKPOINT_BYTES);
    while swap.read().await?.is_some_and(|current| current != note) {
        if swap.write(note).await? {
            break;
        }
    }
    Ok(())
}
