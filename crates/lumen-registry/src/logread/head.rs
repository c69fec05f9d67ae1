//! Files that writers share: the head, which is the commit, and the batch that it commits.

use lumen_core::{
    Digest, Key,
    checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES},
    json,
    limits::{MAX_NOTE_BYTES, MAX_ROOTS_BYTES, MAX_STAGING_BYTES},
    signing::PublicKey,
};
use serde::{Deserialize, Serialize};

use crate::{
    storage::{Revision, Storage, StorageError},
    write::{PublishError, Snapshot, damaged},
};

/// `log/head`: the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The name of the staging file.
    pub(crate) staging: Digest,
    /// The state of the log.
    pub(crate) checkpoint: Checkpoint,
    /// The checkpoint with its signatures.
    pub(crate) note: String,
}

impl Head {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        format!("staging {}\n{}", self.staging.hex(), self.note).into_bytes()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (first, note) = text.split_once('\n')?;
        let staging = Digest::from_hex(first.strip_prefix("staging ")?).ok()?;
        Some(Self {
            staging,
            checkpoint: Checkpoint::of_note(note.as_bytes()).ok()?,
            note: note.to_owned(),
        })
    }

    /// The current head; does not check its signature.
    pub(crate) async fn read(storage: &Storage) -> Result<Option<(Self, Revision)>, PublishError> {
        let key = Key::head();
        let Some((bytes, revision)) = storage.get(&key, 2 * MAX_CHECKPOINT_BYTES).await? else {
            return Ok(None);
        };
        let what = "it is not the name of a staging file and a checkpoint";
        let head = Self::parse(&bytes).ok_or_else(|| damaged(storage, &key, what))?;
        Ok(Some((head, revision)))
    }

    /// The current head of a signed registry; does not check its signature.
    ///
    /// # Errors
    /// [`PublishError::NotSigned`], and a head that is damaged or lost.
    pub(crate) async fn of_signed(storage: &Storage) -> Result<(Self, Revision), PublishError> {
        match Self::read(storage).await? {
            Some(found) => Ok(found),
            None => Err(no_head(storage).await?),
        }
    }

    /// Checks that one of the keys signed it for this registry.
    pub(crate) fn check(
        &self,
        storage: &Storage,
        origin: &str,
        keys: &[PublicKey],
    ) -> Result<(), PublishError> {
        match checkpoint::open(self.note.as_bytes(), origin, keys) {
            Ok(_) => Ok(()),
            Err(error) => Err(damaged(storage, &Key::head(), error)),
        }
    }
}

/// The error for a registry without a head. The files that are made after the first head show
/// that it is lost, and that the registry is signed.
pub(crate) async fn no_head(storage: &Storage) -> Result<PublishError, PublishError> {
    Ok(match sign_of_signing(storage).await? {
        Some(key) => {
            let what = format!("it does not exist, though the registry is signed and has `{key}`");
            damaged(storage, &Key::head(), what)
        }
        None => PublishError::NotSigned,
    })
}

/// A file that only a signed registry has, if there is one: what makes a registry a signed one
/// for its writers. Any of them may be lost.
pub(crate) async fn sign_of_signing(storage: &Storage) -> Result<Option<Key>, PublishError> {
    for (key, limit) in [
        (Key::root_note(1), MAX_NOTE_BYTES as u64),
        (Key::head(), 2 * MAX_CHECKPOINT_BYTES),
        (Key::checkpoint(), MAX_CHECKPOINT_BYTES),
        (Key::root_index(), MAX_ROOTS_BYTES),
    ] {
        match storage.get(&key, limit).await {
            Ok(None) => {}
            // One that is too large is there, too.
            Ok(Some(_)) | Err(StorageError::TooLarge { .. }) => return Ok(Some(key)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// The public checkpoint and its revision; does not check its signatures.
pub(crate) async fn read_checkpoint(
    storage: &Storage,
) -> Result<Option<(Checkpoint, Revision)>, PublishError> {
    let key = Key::checkpoint();
    let Some((bytes, revision)) = storage.get(&key, MAX_CHECKPOINT_BYTES).await? else {
        return Ok(None);
    };
    match Checkpoint::of_note(&bytes) {
        Ok(checkpoint) => Ok(Some((checkpoint, revision))),
        Err(error) => Err(damaged(storage, &key, error)),
    }
}

/// The public checkpoint, for writers: one that is lost or damaged is published again, since
/// `log/head` has the state of the log.
pub(crate) async fn public_checkpoint(
    snapshot: &Snapshot<'_>,
) -> Result<Option<Checkpoint>, PublishError> {
    let found = snapshot
        .get(&Key::checkpoint(), MAX_CHECKPOINT_BYTES)
        .await?;
    Ok(found.and_then(|bytes| Checkpoint::of_note(&bytes).ok()))
}

/// `log/staging/<hash>`: a batch, before and after it is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staging {
    /// The size of the log before.
    pub(crate) from: u64,
    /// The entries, the map leaf last.
    pub(crate) entries: Vec<String>,
}

impl Staging {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        json::to_line(&serde_json::json!(self))
    }

    pub(crate) async fn read(storage: &Storage, name: &Digest) -> Result<Self, PublishError> {
        let key = Key::staging(name);
        let Some((bytes, _)) = storage.get(&key, MAX_STAGING_BYTES).await? else {
            return Err(damaged(storage, &key, "it does not exist"));
        };
        if Digest::of(&bytes) != *name {
            return Err(damaged(storage, &key, "it has another hash than its name"));
        }
        json::parse(&bytes).map_err(|error| damaged(storage, &key, error))
    }
}
