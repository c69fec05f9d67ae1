//! Commits that readers do not see yet, since witnesses must sign them first.
//!
//! Where the root note in force asks for witnesses, a committed batch is finished except for
//! the checkpoint and the global index. Its checkpoint goes to `log/pending`, where witnesses
//! add their signatures. The first program that finds enough of them makes it public: a
//! witness, the next writer, or a repair. Until then, readers see the checkpoint before.

use std::fmt;

use lumen_core::{
    Key,
    checkpoint::{self, Checkpoint},
    json,
    limits::{MAX_CHECKPOINT_SIGNATURES, MAX_CLOCK_AHEAD, MAX_PENDING, MAX_PENDING_BYTES},
    note::{Note, NoteSignature},
    signing::CosignerKey,
    trust::{Cosigned, Lacking, RootHistory, Subject, up_to},
};
use serde::{Deserialize, Serialize};

use crate::{
    cache,
    derived::{
        self, Publication,
        global::{Public, finish_global, is_current},
    },
    logread::{Head, listed, public_checkpoint},
    storage::Storage,
    write::{PublishError, Snapshot, swap::Swap},
};

/// Bytes of a cosignature: a time and a signature.
const COSIGNATURE: usize = 72;

/// A registry whose newest commits are not public yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Entries of the log that readers see.
    pub public: u64,
    /// Entries that are committed.
    pub size: u64,
    /// The witnesses that have to sign.
    pub lacking: Lacking,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            public,
            size,
            lacking,
        } = self;
        write!(
            f,
            "readers see {public} of {size} entries; the others wait for {lacking}"
        )
    }
}

/// A state of the log, and the note that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The state.
    pub checkpoint: Checkpoint,
    /// The checkpoint with its signatures.
    pub note: Note,
}

/// A witness's signature of a state.
#[derive(Debug, Clone)]
pub struct Cosignature {
    /// The state.
    pub checkpoint: Checkpoint,
    /// The witness.
    pub key: CosignerKey,
    /// When it was made, in seconds since 1970.
    pub time: u64,
    /// The signature of [`lumen_core::checkpoint::cosigned_message`].
    pub signature: [u8; 64],
}

/// `log/pending`: checkpoints of rising sizes.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    pending: Vec<String>,
}

/// The checkpoints in a file; a damaged one has none, as if it had never been written.
fn parse(bytes: &[u8]) -> Vec<Shown> {
    let file: Option<File> = json::parse(bytes).ok();
    let notes = file.map(|file| file.pending).unwrap_or_default();
    let mut shown: Vec<Shown> = notes.iter().filter_map(|note| Shown::parse(note)).collect();
    shown.sort_by_key(|shown| shown.checkpoint.size);
    shown.dedup_by_key(|shown| shown.checkpoint.size);
    shown
}

fn to_bytes(pending: &[Shown]) -> Vec<u8> {
    let pending = pending.iter().map(|shown| shown.note.to_text()).collect();
    json::to_line(&serde_json::json!(File { pending }))
}

pub(super) async fn read(storage: &Storage) -> Result<Vec<Shown>, PublishError> {
    let found = storage.get(&Key::pending(), MAX_PENDING_BYTES).await?;
    Ok(found.map(|(bytes, _)| parse(&bytes)).unwrap_or_default())
}

impl Shown {
    pub(super) fn parse(note: &str) -> Option<Self> {
        let note = Note::parse(note.as_bytes()).ok()?;
        let checkpoint = Checkpoint::parse(&note.text).ok()?;
        Some(Self { checkpoint, note })
    }

    fn cosignatures(&self) -> impl Iterator<Item = &NoteSignature> {
        let signatures = self.note.signatures.iter();
        signatures.filter(|signature| signature.signature.len() == COSIGNATURE)
    }

    /// Whether it has cosignatures of everybody of whom the other has one.
    fn has_all_of(&self, other: &Self) -> bool {
        let has = |theirs: &NoteSignature| {
            let mut own = self.cosignatures();
            own.any(|own| own.name == theirs.name && own.id == theirs.id)
        };
        other.cosignatures().all(has)
    }

    /// Whether a key that may write to the log signed it for this registry.
    pub(super) fn is_signed(&self, roots: &RootHistory) -> bool {
        let root = roots.at(self.checkpoint.size.saturating_sub(1));
        let bytes = self.note.to_text();
        checkpoint::open(bytes.as_bytes(), &root.origin, &root.log).is_ok()
    }

    /// The cosignatures that it lacks by the root note in force at its size.
    fn lacking(&self, roots: &RootHistory) -> Lacking {
        let root = roots.at(self.checkpoint.size.saturating_sub(1));
        let now = i64::try_from(cache::now()).unwrap_or(i64::MAX);
        match Cosigned::of(root, &self.note, now.saturating_add(MAX_CLOCK_AHEAD)) {
            Ok(cosigned) => cosigned.lacking(i64::MIN),
            // Readers refuse a note with a forged signature.
            Err(_) => Lacking {
                witnesses: root.witness_quorum,
                validating: root.validating_quorum.max(1),
            },
        }
    }

    /// Adds a cosignature, in place of an earlier one. Where there is no room, the oldest goes.
    pub(super) fn add(&mut self, cosignature: &Cosignature) {
        let Cosignature {
            key,
            time,
            signature,
            ..
        } = cosignature;
        checkpoint::add_cosignature(&mut self.note, key, *time, *signature);
        while self.note.signatures.len() > MAX_CHECKPOINT_SIGNATURES {
            let time = |signature: &NoteSignature| {
                let time = signature.signature.first_chunk::<8>();
                time.map_or(0, |time| u64::from_be_bytes(*time))
            };
            let oldest = self.cosignatures().min_by_key(|other| time(other)).cloned();
            match oldest {
                Some(oldest) => self.note.signatures.retain(|other| *other != oldest),
                None => break,
            }
        }
    }
}

/// Whether the batch of a head is finished, except for the files that make it public.
pub(super) async fn is_finished(storage: &Storage, head: &Head) -> Result<bool, PublishError> {
    let size = head.checkpoint.size;
    // The writer of a later commit had finished this one.
    let is_it = |shown: &Shown| shown.checkpoint == head.checkpoint || shown.checkpoint.size > size;
    Ok(read(storage).await?.iter().any(is_it))
}

/// The newest commit that is finished except for the files that make it public, else the
/// public state.
pub(crate) async fn newest_finished(
    storage: &Storage,
    head: Option<&Head>,
    public: &Checkpoint,
) -> Result<Checkpoint, PublishError> {
    let Some(head) = head.filter(|head| head.checkpoint.size > public.size) else {
        return Ok(public.clone());
    };
    let pending = read(storage)
        .await?
        .into_iter()
        .map(|shown| shown.checkpoint);
    let mut finished = pending.filter(|c| c.size > public.size && c.size <= head.checkpoint.size);
    Ok(finished.next_back().unwrap_or_else(|| public.clone()))
}

/// Puts a checkpoint among those that wait for witnesses.
pub(super) async fn offer(
    storage: &Storage,
    note: &str,
    (public, roots): (u64, &RootHistory),
) -> Result<(), PublishError> {
    let Some(new) = Shown::parse(note) else {
        return Ok(());
    };
    change(storage, (public, roots), |pending| {
        let same = |shown: &Shown| shown.checkpoint == new.checkpoint;
        if !pending.iter().any(same) {
            pending.retain(|shown| shown.checkpoint.size != new.checkpoint.size);
            pending.push(new.clone());
        }
    })
    .await
}

/// Changes `log/pending`. A checkpoint stays until it is public, or a later one under the same
/// root note has the cosignatures of all its witnesses.
pub(super) async fn change(
    storage: &Storage,
    (public, roots): (u64, &RootHistory),
    mut edit: impl FnMut(&mut Vec<Shown>),
) -> Result<(), PublishError> {
    let key = Key::pending();
    let mut swap = Swap::new(storage, &key, MAX_PENDING_BYTES);
    loop {
        let current = swap.read().await?;
        let mut pending = current.as_deref().map(parse).unwrap_or_default();
        edit(&mut pending);
        pending.sort_by_key(|shown| shown.checkpoint.size);
        let mut kept: Vec<Shown> = Vec::new();
        for shown in pending.into_iter().rev() {
            let root = |shown: &Shown| roots.at(shown.checkpoint.size.saturating_sub(1)).seq;
            let useless = kept
                .iter()
                .any(|later| root(later) == root(&shown) && later.has_all_of(&shown));
            if shown.checkpoint.size > public && !useless && kept.len() < MAX_PENDING {
                kept.push(shown);
            }
        }
        kept.reverse();
        let bytes = to_bytes(&kept);
        let done = match &current {
            None => kept.is_empty(),
            Some(current) => *current == bytes,
        };
        if done || swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// Makes the newest commit public that has enough cosignatures. Returns what the head's lacks.
/// `roots` are those at the head.
pub(super) async fn promote(
    snapshot: &Snapshot<'_>,
    head: &Checkpoint,
    roots: &RootHistory,
) -> Result<Option<Lacking>, PublishError> {
    let public = public_checkpoint(snapshot).await?;
    let pending = read(snapshot.storage()).await?;
    let ready = pending.iter().rev().find(|shown| {
        let in_log = shown.checkpoint.size <= head.size;
        in_log && shown.is_signed(roots) && shown.lacking(roots).is_nothing()
    });
    let mut now = public.as_ref().map_or(0, |public| public.size);
    match (ready, public) {
        (Some(ready), _) if ready.checkpoint.size > now => {
            make_public(snapshot, ready, roots).await?;
            now = ready.checkpoint.size;
        }
        // A writer may have died before the last step.
        (_, Some(public)) if !is_current(snapshot, now).await? => {
            finish_global(snapshot, &public, Public::Earlier(roots)).await?;
        }
        _ => {}
    }
    if now >= head.size {
        return Ok(None);
    }
    let of_head = pending.iter().find(|shown| shown.checkpoint == *head);
    let lacking = match of_head {
        Some(shown) => shown.lacking(roots),
        None => {
            let root = roots.at(head.size.saturating_sub(1));
            Lacking {
                witnesses: root.witness_quorum,
                validating: root.validating_quorum,
            }
        }
    };
    Ok(Some(lacking))
}

async fn make_public(
    snapshot: &Snapshot<'_>,
    shown: &Shown,
    roots: &RootHistory,
) -> Result<(), PublishError> {
    let note = shown.note.to_text();
    derived::publish(Publication {
        snapshot,
        checkpoint: &shown.checkpoint,
        note: note.as_bytes(),
        what: Public::Earlier(roots),
        roots,
    })
    .await
}

pub(super) async fn public_size(storage: &Storage) -> Result<u64, PublishError> {
    let public = public_checkpoint(&Snapshot::of(storage)).await?;
    Ok(public.map_or(0, |public| public.size))
}

/// The witnesses that a registry's newest commits wait for; `None`: readers see all commits.
///
/// # Errors
/// Failures of the host, and files that are damaged.
pub async fn waiting(storage: &Storage) -> Result<Option<Waiting>, PublishError> {
    let Some((head, _)) = Head::read(storage).await? else {
        return Ok(None);
    };
    let (head, public) = (head.checkpoint, public_size(storage).await?);
    if public >= head.size {
        return Ok(None);
    }
    let pending = read(storage).await?;
    let Some(shown) = pending.iter().find(|shown| shown.checkpoint == head) else {
        // Its writer is at it, or died.
        return Ok(None);
    };
    let roots = roots_at(storage, head.size).await?;
    Ok(Some(Waiting {
        public,
        size: head.size,
        lacking: shown.lacking(&roots),
    }))
}

/// The root notes that a registry lists up to a size of its log.
///
/// # Errors
/// When they do not follow from each other; failures of the host.
pub async fn roots_at(storage: &Storage, size: u64) -> Result<RootHistory, PublishError> {
    let events = listed(&Snapshot::of(storage), &Subject::Root).await?;
    Ok(RootHistory::verify(up_to(&events, size), None)?)
}
