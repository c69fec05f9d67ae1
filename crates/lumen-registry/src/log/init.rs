//! The first batch: root note 1.

use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::MAX_GLOBAL_INDEX_BYTES,
    trust::{Event, PackageHistory, RootHistory, RootNote, Subject},
};

use super::{append::commitment, recover::finish_head, sign_as};
use crate::{
    derived::batch::Batch,
    logread::{Base, Head, Staging, listed},
    progress::nobody,
    signer::Signer,
    storage::{Storage, StorageError},
    write::{PublishError, Snapshot},
};

/// What identifies a signed registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootInfo {
    /// SHA-256 of its first root note.
    pub fingerprint: Digest,
    /// Its own name in every note.
    pub origin: String,
    /// The signed checkpoint of its first batch.
    pub checkpoint: String,
}

/// Makes an empty signed registry. Repeating it after it failed or was killed is safe.
///
/// The signer's key becomes root key and log key; the first claim of a name wins.
///
/// # Errors
/// [`PublishError::RegistryExists`] when there is a registry, failures of the host.
pub async fn init_signed(
    storage: &Storage,
    name: &str,
    origin: &str,
    signer: &dyn Signer,
    now: &str,
) -> Result<RootInfo, PublishError> {
    init(storage, Some(name), origin, signer, now, Vec::new()).await
}

/// Makes an unsigned registry signed. Clients see its existing releases once their owners
/// publish them again.
///
/// # Errors
/// As [`init_signed`], except [`PublishError::RegistryExists`].
pub async fn sign_existing(
    storage: &Storage,
    origin: &str,
    signer: &dyn Signer,
    now: &str,
) -> Result<RootInfo, PublishError> {
    init(storage, None, origin, signer, now, Vec::new()).await
}

/// As [`sign_existing`], with more entries in the first batch.
pub(crate) async fn init_with_entries(
    storage: &Storage,
    origin: &str,
    signer: &dyn Signer,
    now: &str,
    entries: Vec<String>,
) -> Result<RootInfo, PublishError> {
    init(storage, None, origin, signer, now, entries).await
}

async fn init(
    storage: &Storage,
    name: Option<&str>,
    origin: &str,
    signer: &dyn Signer,
    now: &str,
    more: Vec<String>,
) -> Result<RootInfo, PublishError> {
    let exists = || PublishError::RegistryExists {
        location: storage.describe(&Key::global_index()),
    };
    if let Some((head, _)) = Head::read(storage).await? {
        return half_made(storage, &head, signer).await?.ok_or_else(exists);
    }
    let global = Key::global_index();
    if name.is_some()
        && storage
            .get(&global, MAX_GLOBAL_INDEX_BYTES)
            .await?
            .is_some()
    {
        return Err(exists());
    }
    let root = first_root(origin, signer, now)?;
    let text = sign_as(&root.to_text(), signer.public(), signer)?;
    // A root note that clients would refuse must not become a root.
    let event = Event {
        i: 0,
        note: text.clone(),
    };
    let roots = RootHistory::verify(std::slice::from_ref(&event), None)?;
    let mut entries = vec![text];
    entries.extend(more);
    let batch = Batch::make(storage, &mut Base::empty(), entries).await?;
    believable(&roots, &batch)?;
    let head = commitment(storage, signer, roots.current(), &batch).await?;
    let replaced = storage.replace(&Key::head(), None, &head.to_bytes()).await;
    match (replaced, Head::read(storage).await?) {
        (Ok(()), _) => {}
        (Err(_), Some((found, _))) if found == head => {}
        (Err(StorageError::Conflict { .. }), _) => return Err(exists()),
        (Err(error), _) => return Err(error.into()),
    }
    if let Some(name) = name {
        name_it(storage, name, now).await?;
    }
    finish_head(&Snapshot::of(storage), &head, &nobody).await?;
    Ok(RootInfo {
        fingerprint: roots.fingerprint,
        origin: origin.to_owned(),
        checkpoint: head.note,
    })
}

/// Checks that readers will accept the entries of a batch about packages.
fn believable(roots: &RootHistory, batch: &Batch) -> Result<(), PublishError> {
    for (subject, events) in &batch.events {
        let Subject::Package(name) = subject else {
            continue;
        };
        let scope = match Subject::owner_of(name) {
            scope @ Subject::Scope(_) => batch.events.get(&scope),
            _ => None,
        };
        let scope = scope.map_or(&[][..], Vec::as_slice);
        PackageHistory::verify(roots, name, scope, events)?;
    }
    Ok(())
}

/// The global index with the name that was chosen, before it is stamped with the log's size.
async fn name_it(storage: &Storage, name: &str, now: &str) -> Result<(), PublishError> {
    let index = lumen_core::index::new_global_index(name, now);
    match storage.replace(&Key::global_index(), None, &index).await {
        Ok(()) | Err(StorageError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Finishes an init of the same signer that was killed after its commit.
async fn half_made(
    storage: &Storage,
    head: &Head,
    signer: &dyn Signer,
) -> Result<Option<RootInfo>, PublishError> {
    let Checkpoint { size, origin, .. } = &head.checkpoint;
    let snapshot = Snapshot::of(storage);
    let done = crate::derived::global::is_current(&snapshot, *size).await?;
    if *size != 2 || done {
        return Ok(None);
    }
    let staging = Staging::read(storage, &head.staging).await?;
    let mut events = listed(&snapshot, &Subject::Root).await?;
    if let (true, Some(note)) = (events.is_empty(), staging.entries.first()) {
        events.push(Event {
            i: 0,
            note: note.clone(),
        });
    }
    let roots = RootHistory::verify(&events, None)?;
    if super::key_of(&roots.current().root, signer).is_none() {
        return Ok(None);
    }
    finish_head(&snapshot, head, &nobody).await?;
    Ok(Some(RootInfo {
        fingerprint: roots.fingerprint,
        origin: origin.clone(),
        checkpoint: head.note.clone(),
    }))
}

fn first_root(origin: &str, signer: &dyn Signer, now: &str) -> Result<RootNote, PublishError> {
    let key = signer.public();
    let log = key
        .renamed(origin)
        .map_err(|error| crate::signer::SignError {
            key: key.name().to_owned(),
            reason: format!("`{origin}` cannot be the name of a log key: {error}"),
        })?;
    Ok(RootNote::first(origin, now, key.clone(), log))
}
