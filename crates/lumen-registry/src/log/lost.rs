//! A lost `log/head`, made again from the newest checkpoint that a log key signed.

use lumen_core::{
    Digest, Key,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
    note::Note,
    trust::{MapLeaf, RootHistory},
};

use super::pending::{self, Shown};
use crate::{
    derived::{
        tree,
        whole::{Replay, Whole},
    },
    logread::{Head, Staging, no_head},
    storage::Storage,
    write::{PublishError, damaged},
};

/// The head of a signed registry. One that is lost or unreadable is written again: the state that
/// readers see, or a later one that waits for witnesses. A batch that was committed after it, and
/// never became public, is not in the log then; its writer publishes again. Returns the head and
/// whether it is a new one.
///
/// # Errors
/// [`PublishError::NotSigned`]; a log that does not lead to its checkpoint; failures of the host.
pub(super) async fn find(storage: &Storage) -> Result<(Head, bool), PublishError> {
    let key = Key::head();
    let found = storage.get(&key, 2 * MAX_CHECKPOINT_BYTES).await?;
    if let Some(head) = found.as_ref().and_then(|(bytes, _)| Head::parse(bytes)) {
        return Ok((head, false));
    }
    let Some(newest) = newest(storage).await? else {
        return Err(no_head(storage).await?);
    };
    let whole = Whole::load(storage, &newest.checkpoint, None).await?;
    is_of(storage, &whole.log, &newest.checkpoint)?;
    if !newest.is_signed(&whole.log.roots) {
        let what = "it is lost, and no key that may write to the log signed the newest checkpoint";
        return Err(damaged(storage, &key, what));
    }
    let staged = last_batch(&whole.log).to_bytes();
    let head = Head {
        staging: Digest::of(&staged),
        note: by_log_keys(&newest.note, &whole.log.roots).to_text(),
        checkpoint: newest.checkpoint,
    };
    // The head names it.
    storage
        .create(&Key::staging(&head.staging), &staged)
        .await?;
    let revision = found.map(|(_, revision)| revision);
    storage
        .replace(&key, revision.as_ref(), &head.to_bytes())
        .await?;
    Ok((head, true))
}

/// The newest checkpoint: the public one, or one that waits for witnesses.
async fn newest(storage: &Storage) -> Result<Option<Shown>, PublishError> {
    let public = storage
        .get(&Key::checkpoint(), MAX_CHECKPOINT_BYTES)
        .await?;
    let public = public.and_then(|(bytes, _)| Shown::parse(std::str::from_utf8(&bytes).ok()?));
    let waiting = pending::read(storage).await?;
    let all = public.into_iter().chain(waiting);
    Ok(all.max_by_key(|shown| shown.checkpoint.size))
}

/// Checks that entries are those of a checkpoint.
pub(super) fn is_of(
    storage: &Storage,
    log: &Replay,
    checkpoint: &Checkpoint,
) -> Result<(), PublishError> {
    match tree::tiles(log).is_ok_and(|all| all.root == checkpoint.root) {
        true => Ok(()),
        false => {
            let what = "its root is not that of the log's entries";
            Err(damaged(storage, &Key::checkpoint(), what))
        }
    }
}

/// The entries from the map leaf before the last one on.
fn last_batch(log: &Replay) -> Staging {
    let before = log
        .entries
        .split_last()
        .map_or(&[][..], |(_, before)| before);
    let from = before
        .iter()
        .rposition(|entry| MapLeaf::parse(entry).is_some())
        .map_or(0, |at| at + 1);
    Staging {
        from: from as u64,
        entries: log.entries[from..].to_vec(),
    }
}

/// A checkpoint without the signatures of witnesses, as its writer made it.
fn by_log_keys(note: &Note, roots: &RootHistory) -> Note {
    let mut note = note.clone();
    note.signatures.retain(|signature| {
        let mut keys = roots.current().log.iter();
        keys.any(|key| key.name() == signature.name && key.id() == signature.id)
    });
    note
}
