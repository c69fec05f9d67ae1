//! The loop around the commit.

use std::sync::Arc;

use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::{MAX_CONFLICTS, MAX_FAILURES, MAX_LOOKS},
    trust::{Entry, Lacking, RootNote, Subject},
};

use super::{
    check_log_key, clock,
    recover::{apply, finish, finish_head_patiently},
    sign_as,
    state::State,
};
use crate::{
    derived::batch::Batch,
    logread::{Head, load_range},
    progress::nobody,
    signer::Signer,
    storage::{Storage, StorageError},
    write::{
        PublishError, Snapshot,
        swap::{self, is_final, wait},
    },
};

/// A writer that appends to the log.
#[derive(Debug)]
pub struct Writer<'a> {
    /// Where the registry is.
    pub storage: &'a Storage,
    /// Signs the checkpoints; its key must be one of the log keys.
    pub signer: &'a dyn Signer,
    /// The last checkpoint that this writer saw, which the log must continue.
    pub last_seen: Option<Checkpoint>,
}

/// The result of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The index of the first entry; `None`: there was nothing to append.
    pub index: Option<u64>,
    /// The size of the log.
    pub size: u64,
    /// The signed checkpoint of that size.
    pub checkpoint: String,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// The result of replacing the head.
enum Outcome {
    Committed,
    /// Another writer was first.
    Lost,
}

/// The state of a registry whose newest commits are not public yet, with all batches of other
/// writers finished; `None`: `public` is the newest.
///
/// # Errors
/// As [`Writer::state`].
pub async fn state_ahead<'a>(
    storage: &'a Storage,
    public: &Checkpoint,
) -> Result<Option<State<'a>>, PublishError> {
    match Head::read(storage).await? {
        Some((head, _)) if head.checkpoint.size > public.size => {
            state_after(storage, Some(public)).await.map(Some)
        }
        _ => Ok(None),
    }
}

async fn state_after<'a>(
    storage: &'a Storage,
    seen: Option<&Checkpoint>,
) -> Result<State<'a>, PublishError> {
    let snapshot = Arc::new(Snapshot::of(storage));
    let mut looks = 0;
    let (head, revision, lacking) = loop {
        let (head, revision) = Head::of_signed(storage).await?;
        snapshot.forget();
        looks += 1;
        // While others were busy with it, they may have gone on.
        let found = finish_head_patiently(&snapshot, &head).await?;
        if !found.took_time || looks == MAX_LOOKS {
            break (head, revision, found.lacking);
        }
    };
    let state = State::load(snapshot, head, (revision, lacking)).await?;
    if let Some(seen) = seen {
        state.check_continues(seen).await?;
    }
    Ok(state)
}

impl<'a> Writer<'a> {
    /// The state of the registry now, with everything finished that others began.
    ///
    /// # Errors
    /// [`PublishError::NotSigned`], [`PublishError::Diverged`], failures of the host,
    /// and files that are damaged.
    pub async fn state(&self) -> Result<State<'a>, PublishError> {
        self.state_after(self.last_seen.as_ref()).await
    }

    /// The same, for a writer that is about to write files: by a clock that is not wrong.
    ///
    /// # Errors
    /// As [`Writer::state`], and [`PublishError::Clock`].
    pub(crate) async fn state_in_time(&self) -> Result<State<'a>, PublishError> {
        let state = self.state().await?;
        clock::check(&state).await?;
        Ok(state)
    }

    async fn state_after(&self, seen: Option<&Checkpoint>) -> Result<State<'a>, PublishError> {
        state_after(self.storage, seen).await
    }

    /// Appends the entries that `make` returns for the current state, as one batch.
    ///
    /// Calls `make` again whenever another writer was first; without entries, nothing is done.
    ///
    /// # Errors
    /// Those of `make`, [`PublishError::LogKey`], what [`State::check`] says of the
    /// entries, and failures of the host. After a failure of the host the entries may
    /// be in the log or not.
    pub async fn append<M>(&self, make: M) -> Result<Receipt, PublishError>
    where
        M: AsyncFn(&State<'_>) -> Result<Vec<String>, PublishError>,
    {
        self.append_to(None, make).await
    }

    /// The same, beginning with a state that was loaded already. If it is old by now, that
    /// costs a lost race.
    pub(crate) async fn append_to<M>(
        &self,
        mut loaded: Option<State<'a>>,
        make: M,
    ) -> Result<Receipt, PublishError>
    where
        M: AsyncFn(&State<'_>) -> Result<Vec<String>, PublishError>,
    {
        let mut seen = self.last_seen.clone();
        let mut attempts = 0;
        loop {
            // The newest checkpoint covers earlier ones.
            let state = match loaded.take() {
                Some(state) => state,
                None => self.state_after(seen.as_ref()).await?,
            };
            seen = Some(state.head.checkpoint.clone());
            let entries = make(&state).await?;
            if entries.is_empty() {
                return Ok(Receipt {
                    index: None,
                    size: state.size(),
                    lacking: state.lacking,
                    checkpoint: state.head.note,
                });
            }
            state.check(&entries).await?;
            clock::check(&state).await?;
            let mut base = state.base.clone();
            let batch = Batch::make(self.storage, &mut base, entries).await?;
            let head = self.commitment(&state, &batch).await?;
            match self.commit(&state, &batch, &head).await? {
                Outcome::Committed => {
                    // Others may have finished it, and gone on.
                    let lacking = match batch.events.contains_key(&Subject::Root) {
                        true => finish(&state.snapshot, &head, &batch, &nobody).await?,
                        false => {
                            apply(&state.snapshot, &head, &batch, &state.roots, &nobody).await?
                        }
                    };
                    return Ok(Receipt {
                        index: Some(batch.from),
                        size: batch.size,
                        checkpoint: head.note,
                        lacking,
                    });
                }
                Outcome::Lost => attempts += 1,
            }
            if attempts >= MAX_CONFLICTS {
                return Err(PublishError::Busy {
                    file: self.storage.describe(&Key::head()),
                    attempts,
                });
            }
            wait(self.storage, attempts).await;
        }
    }

    /// Appends one note, unless it is the log already.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub async fn append_note(&self, note: &str) -> Result<Receipt, PublishError> {
        self.append(async |state: &State<'_>| {
            let subject = match Entry::parse(note.as_bytes()) {
                Ok((entry, _)) => entry.subject(),
                // The check of the entry reports the error.
                Err(_) => None,
            };
            let events = match &subject {
                Some(subject) => state.events(subject).await?,
                None => Vec::new(),
            };
            Ok(match events.iter().any(|event| event.note == note) {
                true => Vec::new(),
                false => vec![note.to_owned()],
            })
        })
        .await
    }

    /// The staging file, and the head that commits it.
    async fn commitment(&self, state: &State<'_>, batch: &Batch) -> Result<Head, PublishError> {
        // A new root counts for its own checkpoint, too.
        let last_root =
            batch
                .entries
                .iter()
                .rev()
                .find_map(|entry| match Entry::parse(entry.as_bytes()) {
                    Ok((Entry::Root(root), _)) => Some(root),
                    _ => None,
                });
        let current = state.roots.current();
        for root in [Some(current), last_root.as_ref()].into_iter().flatten() {
            check_log_key(root, self.signer)?;
        }
        commitment(self.storage, self.signer, current, batch).await
    }

    async fn commit(
        &self,
        state: &State<'_>,
        batch: &Batch,
        head: &Head,
    ) -> Result<Outcome, PublishError> {
        let (storage, key, bytes) = (self.storage, Key::head(), head.to_bytes());
        let mut failures = 0;
        loop {
            let replaced = storage.replace(&key, Some(&state.revision), &bytes).await;
            let error = match replaced {
                Ok(()) => return Ok(Outcome::Committed),
                Err(error) if is_final(&error) => return Err(error.into()),
                Err(error) => error,
            };
            // The answer is unclear: read the head back.
            let found = match Head::read(storage).await {
                Ok(found) => found,
                // Replacing it once more cannot do harm, and asks the same.
                Err(unread) => {
                    failures += 1;
                    if failures < MAX_FAILURES {
                        wait(storage, failures).await;
                        continue;
                    }
                    return Err(match error {
                        StorageError::Conflict { .. } => unread,
                        error => error.into(),
                    });
                }
            };
            match found {
                Some((found, _)) if found == *head => return Ok(Outcome::Committed),
                Some((found, _)) if found != state.head => {
                    finish_head_patiently(&Snapshot::of(storage), &found).await?;
                    // Up to its size: there are no bundles for sizes that never were.
                    let now = found.checkpoint.size;
                    let ours = now >= batch.size
                        && load_range(storage, batch.from, now)
                            .await?
                            .starts_with(&batch.entries);
                    return Ok(match ours {
                        true => Outcome::Committed,
                        false => Outcome::Lost,
                    });
                }
                _ => {}
            }
            failures += 1;
            if failures >= MAX_FAILURES || matches!(error, StorageError::Conflict { .. }) {
                return Err(error.into());
            }
            wait(storage, failures).await;
        }
    }
}

/// Stores the staging file of a batch and signs the head that commits it.
pub(super) async fn commitment(
    storage: &Storage,
    signer: &dyn Signer,
    root: &RootNote,
    batch: &Batch,
) -> Result<Head, PublishError> {
    let key = check_log_key(root, signer)?;
    let bytes = batch.staging().to_bytes();
    let staging = Digest::of(&bytes);
    swap::create(storage, &Key::staging(&staging), &bytes).await?;
    let checkpoint = Checkpoint {
        origin: root.origin.clone(),
        size: batch.size,
        root: batch.root,
    };
    let note = sign_as(&checkpoint.to_text(), key, signer)?;
    Ok(Head {
        staging,
        checkpoint,
        note,
    })
}
