//! Finishing a committed batch: the same after a commit of one's own and after a
//! crash of somebody else.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key, PackageName,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
    json,
    trust::{Entry, Event, RootHistory, Subject},
};

use super::{
    batch::Batch,
    damaged,
    head::{Head, Staging, read_checkpoint},
    indexes::{is_current, put_global, put_list, put_package},
    state::listed,
};
use crate::{
    progress::{Progress, Watch, advance, nobody},
    publish::{
        PublishError,
        swap::{self, Swap},
    },
    storage::{Storage, StorageError},
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
    Everything,
}

/// Makes sure that the batch of a head is finished.
pub(super) async fn settle(
    storage: &Storage,
    head: &Head,
    watch: Watch<'_>,
) -> Result<(), PublishError> {
    let left = left_to_do(storage, head).await?;
    do_what_is_left(storage, head, left, watch).await
}

/// The same for a head that somebody else may be finishing. Returns whether it took them some time.
pub(super) async fn settle_patiently(storage: &Storage, head: &Head) -> Result<bool, PublishError> {
    let mut waits = 0;
    let left = loop {
        let left = left_to_do(storage, head).await?;
        if left == Left::Nothing || !swap::wait_for_others(storage, waits).await {
            break left;
        }
        waits += 1;
    };
    do_what_is_left(storage, head, left, &nobody).await?;
    Ok(waits > 0)
}

async fn do_what_is_left(
    storage: &Storage,
    head: &Head,
    left: Left,
    watch: Watch<'_>,
) -> Result<(), PublishError> {
    if left == Left::Nothing {
        return Ok(());
    }
    let staging = Staging::read(storage, &head.staging).await?;
    let batch = Batch::again(storage, &staging, &head.checkpoint).await?;
    match left {
        Left::Everything => finish(storage, head, &batch, watch).await,
        _ => finish_global(storage, head, &batch).await,
    }
}

async fn left_to_do(storage: &Storage, head: &Head) -> Result<Left, PublishError> {
    let size = head.checkpoint.size;
    let public = read_checkpoint(storage).await?;
    let public = public.map(|(checkpoint, _)| checkpoint);
    if public.as_ref().is_none_or(|public| public.size < size) {
        return Ok(Left::Everything);
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

/// Finishes a batch that anybody committed.
pub(super) async fn finish(
    storage: &Storage,
    head: &Head,
    batch: &Batch,
    watch: Watch<'_>,
) -> Result<(), PublishError> {
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
/// global index. `roots` are those after the batch.
pub(super) async fn apply(
    storage: &Storage,
    head: &Head,
    batch: &Batch,
    roots: &RootHistory,
    watch: Watch<'_>,
) -> Result<(), PublishError> {
    let notes: Vec<(Key, Vec<u8>)> = batch
        .events
        .values()
        .flatten()
        .filter_map(note_file)
        .collect();
    let mut files: Vec<(&Key, &[u8])> = batch.files.iter().map(pair).collect();
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
    put_checkpoint(storage, head).await?;
    finish_global(storage, head, batch).await
}

fn pair((key, bytes): &(Key, Vec<u8>)) -> (&Key, &[u8]) {
    (key, bytes)
}

/// The file of an entry that has one of its own.
pub(crate) fn note_file(event: &Event) -> Option<(Key, Vec<u8>)> {
    use lumen_core::trust::Action;
    let (entry, _) = Entry::parse(event.note.as_bytes()).ok()?;
    let key = match entry {
        Entry::Root(root) => Key::root_note(root.seq),
        Entry::Owners(owners) => Key::owners_note(&owners.name.to_string(), owners.seq),
        Entry::Statement(statement) => match statement.action {
            Action::Publish { version, .. } => {
                let bytes = json::to_line(&serde_json::json!(event));
                return Some((Key::signature(&statement.package, &version), bytes));
            }
            _ => return None,
        },
        Entry::Map(_) => return None,
    };
    Some((key, event.note.clone().into_bytes()))
}

/// The packages of scopes whose owners changed: a key may be revoked, and its releases void.
async fn of_scopes(
    storage: &Storage,
    batch: &Batch,
) -> Result<BTreeSet<PackageName>, PublishError> {
    let mut names = BTreeSet::new();
    for (subject, events) in &batch.events {
        let revokes = events.iter().any(|event| event.note.contains("\nrevoke "));
        if let (Subject::Scope(scope), true) = (subject, revokes) {
            names.extend(packages_below(storage, &format!("packages/{scope}/")).await?);
        }
    }
    Ok(names)
}

/// The packages that have an index below a prefix.
pub(crate) async fn packages_below(
    storage: &Storage,
    prefix: &str,
) -> Result<BTreeSet<PackageName>, StorageError> {
    let keys = storage.list(prefix).await?;
    Ok(keys.iter().filter_map(indexed_package).collect())
}

/// The package whose index this is.
pub(crate) fn indexed_package(key: &Key) -> Option<PackageName> {
    let path = key.as_str().strip_prefix("packages/")?;
    PackageName::parse(path.strip_suffix("/index.json")?).ok()
}

/// Makes the head's checkpoint the public one, unless a later one is.
async fn put_checkpoint(storage: &Storage, head: &Head) -> Result<(), PublishError> {
    let key = Key::checkpoint();
    let mut swap = Swap::new(storage, &key, MAX_CHECKPOINT_BYTES);
    loop {
        let current = swap.read().await?;
        let size = |bytes: &Vec<u8>| Some(Checkpoint::of_note(bytes).ok()?.size);
        if current.as_ref().and_then(size) >= Some(head.checkpoint.size) {
            return Ok(());
        }
        if swap.write(head.note.as_bytes()).await? {
            return Ok(());
        }
    }
}

async fn finish_global(storage: &Storage, head: &Head, batch: &Batch) -> Result<(), PublishError> {
    let mut names = of_scopes(storage, batch).await?;
    names.extend(batch.events.keys().filter_map(|subject| match subject {
        Subject::Package(name) => Some(name.clone()),
        _ => None,
    }));
    let names: Vec<PackageName> = names.into_iter().collect();
    let registry = registry_name(&head.checkpoint.origin);
    put_global(storage, &names, batch.size, &batch.time, registry).await
}

/// The name of a registry whose global index is gone: the first part of its origin.
pub(crate) fn registry_name(origin: &str) -> &str {
    origin.split_once('/').map_or(origin, |(name, _)| name)
}
