//! Checkpoints for witnesses, and adding their signatures.

use lumen_core::{Key, limits::MAX_CHECKPOINT_BYTES};

use super::pending::{
    Cosignature, Shown, Waiting, change, promote, public_size, read, roots_at, waiting,
};
use crate::{
    derived::witnessed,
    logread::Head,
    storage::Storage,
    write::{PublishError, Snapshot, damaged, swap::Swap},
};

/// The states of the log that witnesses sign: the public one first, then those that wait. All
/// have a signature of the log by the root notes listed, and nothing else is checked.
///
/// # Errors
/// [`PublishError::NotSigned`], files that are damaged, and failures of the host.
pub async fn states(storage: &Storage) -> Result<Vec<Shown>, PublishError> {
    let found = storage
        .get(&Key::checkpoint(), MAX_CHECKPOINT_BYTES)
        .await?;
    let (bytes, _) = found.ok_or(PublishError::NotSigned)?;
    let public = std::str::from_utf8(&bytes).ok().and_then(Shown::parse);
    let what = "it is not a checkpoint";
    let public = public.ok_or_else(|| damaged(storage, &Key::checkpoint(), what))?;
    let mut states = read(storage).await?;
    states.retain(|shown| shown.checkpoint.size > public.checkpoint.size);
    if let Some(last) = states.last() {
        let roots = roots_at(storage, last.checkpoint.size).await?;
        states.retain(|shown| shown.is_signed(&roots));
    }
    states.insert(0, public);
    Ok(states)
}

/// Adds the cosignatures of a witness to the public checkpoint and to waiting ones, and makes a
/// checkpoint public that then has enough. Returns what the newest commit still waits for.
///
/// # Errors
/// Files that are damaged, and failures of the host.
pub async fn cosign(
    storage: &Storage,
    signed: &[Cosignature],
) -> Result<Option<Waiting>, PublishError> {
    let public = public_size(storage).await?;
    let head = Head::read(storage).await?;
    let ahead = head.filter(|(head, _)| head.checkpoint.size > public);
    if let Some((head, _)) = ahead {
        let roots = roots_at(storage, head.checkpoint.size).await?;
        change(storage, (public, &roots), |pending| {
            for shown in pending {
                let ours = signed.iter().find(|s| s.checkpoint == shown.checkpoint);
                if let Some(ours) = ours {
                    shown.add(ours);
                }
            }
        })
        .await?;
        promote(&Snapshot::of(storage), &head.checkpoint, &roots).await?;
    }
    let key = Key::checkpoint();
    let mut swap = Swap::new(storage, &key, MAX_CHECKPOINT_BYTES);
    loop {
        let current = swap.read().await?.unwrap_or_default();
        let shown = std::str::from_utf8(&current).ok().and_then(Shown::parse);
        let Some(mut shown) = shown else { break };
        let Some(ours) = signed.iter().find(|s| s.checkpoint == shown.checkpoint) else {
            break;
        };
        shown.add(ours);
        let bytes = shown.note.to_text().into_bytes();
        if bytes == current {
            break;
        }
        // A new signature takes the place of the one that says when the witness first saw it.
        let roots = roots_at(storage, shown.checkpoint.size).await?;
        witnessed::keep(&Snapshot::of(storage), &current, &roots).await?;
        if swap.write(&bytes).await? {
            break;
        }
    }
    waiting(storage).await
}
