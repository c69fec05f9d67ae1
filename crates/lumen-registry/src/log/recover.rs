//! Finishing a committed batch: the same after a writer's own commit and after the crash of
//! another writer.

use lumen_core::{
    Key,
    trust::{Lacking, RootHistory, Subject},
};

use super::pending;
use crate::{
    derived::{
        self, Applied, Publication,
        batch::Batch,
        global::{Public, finish_global, is_current},
    },
    logread::{Head, Staging, listed, public_checkpoint, sign_of_signing},
    progress::{Progress, Watch, nobody},
    storage::Storage,
    write::{PublishError, Snapshot, damaged, swap},
};

/// Whether a registry is signed, or about to be.
///
/// # Errors
/// Failures of the host.
pub async fn is_signed(storage: &Storage) -> Result<bool, PublishError> {
    Ok(sign_of_signing(storage).await?.is_some())
}

/// Finishes what a killed writer left. Returns the size of the log.
///
/// # Errors
/// [`PublishError::NotSigned`] where there is no head, as in a copy without writers; failures of
/// the host, and files that are damaged.
pub async fn recover(storage: &Storage, watch: Watch<'_>) -> Result<u64, PublishError> {
    let Some((head, _)) = Head::read(storage).await? else {
        return Err(PublishError::NotSigned);
    };
    let state = finish_head(&Snapshot::of(storage), &head, watch).await;
    watch(Progress::Finished);
    state?;
    Ok(head.checkpoint.size)
}

/// The remaining steps of a committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    GlobalIndex,
    /// All files are there, but witnesses have to sign before readers see them.
    Witnesses,
    Everything,
}

/// The state of a head that another writer committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeadState {
    /// Whether others took some time to finish it.
    pub(super) took_time: bool,
    /// The witnesses that have to sign before readers see it.
    pub(super) lacking: Option<Lacking>,
}

/// Makes sure that the batch of a head is finished. Returns the witnesses it waits for.
pub(super) async fn finish_head(
    snapshot: &Snapshot<'_>,
    head: &Head,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let left = left_to_do(snapshot, head).await?;
    do_what_is_left(snapshot, head, left, watch).await
}

/// The same for a head that another writer may be finishing.
pub(super) async fn finish_head_patiently(
    snapshot: &Snapshot<'_>,
    head: &Head,
) -> Result<HeadState, PublishError> {
    let mut waits = 0;
    let left = loop {
        let left = left_to_do(snapshot, head).await?;
        let done = matches!(left, Left::Nothing | Left::Witnesses);
        if done || !swap::wait_for_others(snapshot.storage(), waits).await {
            break left;
        }
        waits += 1;
        snapshot.forget();
    };
    Ok(HeadState {
        lacking: do_what_is_left(snapshot, head, left, &nobody).await?,
        took_time: waits > 0,
    })
}

async fn do_what_is_left(
    snapshot: &Snapshot<'_>,
    head: &Head,
    left: Left,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let again = async || {
        let staging = Staging::read(snapshot.storage(), &head.staging).await?;
        Batch::again(snapshot.storage(), &staging, &head.checkpoint).await
    };
    match left {
        Left::Nothing => Ok(None),
        Left::Everything => finish(snapshot, head, &again().await?, watch).await,
        Left::Witnesses => {
            let roots = pending::roots_at(snapshot.storage(), head.checkpoint.size).await?;
            pending::promote(snapshot, &head.checkpoint, &roots).await
        }
        Left::GlobalIndex => {
            let batch = again().await?;
            finish_global(snapshot, &head.checkpoint, Public::Last(&batch)).await?;
            Ok(None)
        }
    }
}

async fn left_to_do(snapshot: &Snapshot<'_>, head: &Head) -> Result<Left, PublishError> {
    let size = head.checkpoint.size;
    let public = public_checkpoint(snapshot).await?;
    if public.as_ref().is_none_or(|public| public.size < size) {
        return Ok(
            match pending::is_finished(snapshot.storage(), head).await? {
                true => Left::Witnesses,
                false => Left::Everything,
            },
        );
    }
    if public.is_some_and(|public| public.size == size && public != head.checkpoint) {
        let what = "it is not the state of the log that `log/head` has";
        return Err(damaged(snapshot.storage(), &Key::checkpoint(), what));
    }
    Ok(match is_current(snapshot, size).await? {
        true => Left::Nothing,
        false => Left::GlobalIndex,
    })
}

/// Finishes a batch of any writer. Returns the witnesses that it waits for.
pub(super) async fn finish(
    snapshot: &Snapshot<'_>,
    head: &Head,
    batch: &Batch,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    // The root notes tell whether a log key signed the head; nothing is written before.
    let mut root_events = listed(snapshot, &Subject::Root).await?;
    let added = batch.events.get(&Subject::Root);
    for event in added.into_iter().flatten() {
        if !root_events.contains(event) {
            root_events.push(event.clone());
        }
    }
    let roots = RootHistory::verify(&root_events, None)?;
    head.check(snapshot.storage(), roots.origin(), &roots.current().log)?;
    apply(snapshot, head, batch, &roots, watch).await
}

/// Writes everything that follows from a committed batch, the checkpoint last but for the
/// global index. `roots` are those after the batch. If they ask for witnesses, it ends before the
/// checkpoint; the witnesses that have to sign are returned.
pub(super) async fn apply(
    snapshot: &Snapshot<'_>,
    head: &Head,
    batch: &Batch,
    roots: &RootHistory,
    watch: Watch<'_>,
) -> Result<Option<Lacking>, PublishError> {
    let waits = roots.current().has_quorum();
    let work = Applied {
        snapshot,
        batch,
        roots,
        watch,
    };
    derived::apply(&work, waits).await?;
    show(snapshot, head, Public::Last(batch), roots).await
}

/// Makes a commit public whose files are all there, or, where the root notes ask for witnesses,
/// lets it wait for them. Returns the witnesses that must sign.
pub(super) async fn show(
    snapshot: &Snapshot<'_>,
    head: &Head,
    what: Public<'_>,
    roots: &RootHistory,
) -> Result<Option<Lacking>, PublishError> {
    let Head {
        checkpoint, note, ..
    } = head;
    if roots.current().has_quorum() {
        let public = public_checkpoint(snapshot).await?;
        let public = public.map_or(0, |public| public.size);
        pending::offer(snapshot.storage(), note, (public, roots)).await?;
        return pending::promote(snapshot, checkpoint, roots).await;
    }
    let to = Publication {
        snapshot,
        checkpoint,
        note: note.as_bytes(),
        what,
        roots,
    };
    derived::publish(to).await?;
    Ok(None)
}
