//! Finishing a committed batch: the same after a commit of one's own and after a
//! crash of somebody else.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key,
    trust::{Lacking, RootHistory, Subject},
};

use super::pending;
use crate::{
    derived::{
        batch::Batch,
        checkpoint::put_checkpoint,
        global::{Public, finish_global, is_current},
        indexes::{put_list, put_package},
        names::of_scopes,
        notes::note_file,
    },
    logread::{Head, Staging, listed, read_checkpoint},
    progress::{Progress, Watch, advance, nobody},
    storage::Storage,
    write::{PublishError, damaged, swap},
};

/// Packages of a batch whose indexes are written at once.
const AT_ONCE: usize = 16;

/// Whether a registry is signed, or about to be.
///
/// # Errors
/// Failures of the host.
pub async fn is_signed(storage: &Storage) -> Result<bool, PublishError> {
    let limit = lumen_core::limits::MAX_NOTE_BYTES as u64;
    for key in [Key::root_note(1), Key::head()] {
        if storage.get(&key, limit).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finishes whatever a killed writer left. Returns the size of the log.
///
/// # Errors
/// [`PublishError::NotSigned`], failures of the host, and files that are damaged.
pub async fn repair(storage: &Storage) -> Result<u64, PublishError> {
    repair_watched(storage, &nobody).await
}

/// The same, told step by step.
///
/// # Errors
/// As [`repair`].
pub async fn repair_watched(storage: &Storage, watch: Watch<'_>) -> Result<u64, PublishError> {
    let Some((head, _)) = Head::read(storage).await? else {
        return Err(PublishError::NotSigned);
    };
    let settled = settle(storage, &head, watch).await;
    watch(Progress::Finished);
    settled?;
    Ok(head.checkpoint.size)
}

/// What is not done yet of a committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    GlobalIndex,
    /// All files are there, but witnesses have to sign before readers see them.
    Witnesses,
    Everything,
}

/// What became of a head that somebody else committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// Whether others took some time to finish it.
    pub(super) took_time: bool,
    /// The witnesses that have to sign before readers see it.
    pub(super) lacking: Option<Lacking>,
}

/// Makes sure that the batch of a head is finished. Returns the witnesses it waits for.
pub(super) async fn settle(
    storage: &Storage,
    head: &Head,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let left = left_to_do(storage, head).await?;
    do_what_is_left(storage, head, left, watch).await
}

/// The same for a head that somebody else may be finishing.
pub(super) async fn settle_patiently(
    storage: &Storage,
    head: &Head,
) -> Result<Settled, PublishError> {
    let mut waits = 0;
    let left = loop {
        let left = left_to_do(storage, head).await?;
        let done = matches!(left, Left::Nothing | Left::Witnesses);
        if done || !swap::wait_for_others(storage, waits).await {
            break left;
        }
        waits += 1;
    };
    Ok(Settled {
        lacking: do_what_is_left(storage, head, left, &nobody).await?,
        took_time: waits > 0,
    })
}

async fn do_what_is_left(
    storage: &Storage,
    head: &Head,
    left: Left,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let again = async || {
        let staging = Staging::read(storage, &head.staging).await?;
        Batch::again(storage, &staging, &head.checkpoint).await
    };
    match left {
        Left::Nothing => Ok(None),
        Left::Everything => finish(storage, head, &again().await?, watch).await,
        Left::Witnesses => {
            let roots = pending::roots_at(storage, head.checkpoint.size).await?;
            pending::promote(storage, &head.checkpoint, &roots).await
        }
        Left::GlobalIndex => {
            let batch = again().await?;
            finish_global(storage, &head.checkpoint, Public::Last(&batch)).await?;
            Ok(None)
        }
    }
}

async fn left_to_do(storage: &Storage, head: &Head) -> Result<Left, PublishError> {
    let size = head.checkpoint.size;
    let public = read_checkpoint(storage).await?;
    let public = public.map(|(checkpoint, _)| checkpoint);
    if public.as_ref().is_none_or(|public| public.size < size) {
        return Ok(match pending::is_finished(storage, head).await? {
            true => Left::Witnesses,
            false => Left::Everything,
        });
    }
    if public.is_some_and(|public| public.size == size && public != head.checkpoint) {
        let what = "it is not the state of the log that `log/head` has";
        return Err(damaged(storage, &Key::checkpoint(), what));
    }
    Ok(match is_current(storage, size).await? {
        true => Left::Nothing,
        false => Left::GlobalIndex,
    })
}

/// Finishes a batch that anybody committed. Returns the witnesses it waits for.
pub(super) async fn finish(
    storage: &Storage,
    head: &Head,
    batch: &Batch,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    // Who signed a head is known once its root notes are; before that nothing is written.
    let mut root_events = listed(storage, &Subject::Root).await?;
    let added = batch.events.get(&Subject::Root);
    for event in added.into_iter().flatten() {
        if !root_events.contains(event) {
            root_events.push(event.clone());
        }
    }
    let roots = RootHistory::verify(&root_events, None)?;
    head.check(storage, roots.origin(), &roots.current().log)?;
    apply(storage, head, batch, &roots, watch).await
}

/// Writes everything that follows from a committed batch, the checkpoint last but for the
/// global index. `roots` are those after the batch. If they ask for witnesses, it ends before the
/// checkpoint; the witnesses that have to sign are returned.
pub(super) async fn apply(
    storage: &Storage,
    head: &Head,
    batch: &Batch,
    roots: &RootHistory,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let waits = roots.current().has_quorum();
    let mut files: Vec<(&Key, &[u8])> = batch.files.iter().map(pair).collect();
    if waits {
        // Only a state that readers see has one.
        files.retain(|(key, _)| **key != Key::map_size(batch.size));
    }
    let notes: Vec<(Key, Vec<u8>)> = batch
        .events
        .values()
        .flatten()
        .filter_map(note_file)
        .collect();
    let steps = files.len() + notes.len() + batch.events.len();
    watch(Progress::Started {
        verb: "Finishing",
        steps: steps as u64,
    });
    // By its root list a reader knows a signed registry, so it is there before any note.
    if let Some(events) = batch.events.get(&Subject::Root) {
        swap::create_all(storage, std::mem::take(&mut files), watch).await?;
        put_list(storage, &Subject::Root, events).await?;
        advance(watch, Subject::Root);
    }
    files.extend(notes.iter().map(pair));
    swap::create_all(storage, files, watch).await?;
    let mut packages = Vec::new();
    for (subject, events) in &batch.events {
        match subject {
            Subject::Root => {}
            Subject::Scope(_) => {
                put_list(storage, subject, events).await?;
                advance(watch, subject);
            }
            Subject::Package(name) => packages.push((name, events)),
        }
    }
    stream::iter(packages)
        .map(async |(name, events)| {
            put_package(storage, roots, name, events).await?;
            advance(watch, name);
            Ok::<_, PublishError>(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    for name in of_scopes(storage, batch).await? {
        put_package(storage, roots, &name, &[]).await?;
    }
    let Head {
        checkpoint, note, ..
    } = head;
    if waits {
        let public = read_checkpoint(storage).await?;
        let public = public.map_or(0, |(public, _)| public.size);
        pending::offer(storage, note, (public, roots)).await?;
        return pending::promote(storage, checkpoint, roots).await;
    }
    put_checkpoint(storage, checkpoint.size, note.as_bytes()).await?;
    finish_global(storage, checkpoint, Public::Last(batch)).await?;
    Ok(None)
}

fn pair((key, bytes): &(Key, Vec<u8>)) -> (&Key, &[u8]) {
    (key, bytes)
}
