//! A registry in a branch of a git repository, through the `git` program.
//!
//! | module | what |
//! |---|---|
//! | `repository` | the clone on this machine, and fetching |
//! | `commits` | committing and pushing |
//! | `tip` | the contents of the branch's last commit |
//! | `reader` | the process that hands out contents |
//! | `draft` | writes that become one commit |
//! | `push` | the result of a push |
//! | `branch` | all of these, shared by clones of the storage |
//! | `attempts` | the loop around the push |
//!
//! Reads see the branch as it was when this storage first looked, or wrote last. The
//! compare-and-swap is the push: it succeeds only on top of the commit that the writes
//! were based on. Contents are fetched when they are needed, many at a time.

mod attempts;
mod branch;
mod commits;
mod draft;
mod push;
mod reader;
mod repository;
mod tip;

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use lumen_core::Key;

use self::{
    attempts::Attempts,
    branch::Branch,
    draft::Draft,
    reader::Found,
    tip::{Entry, Tip},
};
use super::{HostOptions, Revision, Sink, Storage, StorageError};
use crate::location::GitLocation;

/// Reads bytes as a list of files, and as a list of missing contents, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(crate) fn listed_by_git(bytes: &[u8]) {
    let missing = String::from_utf8_lossy(bytes);
    let contents = tip::Contents::parse(bytes, &missing).unwrap_or_default();
    let tip = Tip::new(None, contents);
    let entries: Vec<&Entry> = tip.below("").map(|(_, entry)| entry).collect();
    tip.lacking(entries.into_iter());
}

/// The change of one file.
enum Change<'a> {
    Create(&'a [u8]),
    Replace(Option<&'a Revision>, &'a [u8]),
    Delete,
}

/// A registry in a branch of a git repository; clones share what they know of it.
#[derive(Debug, Clone)]
pub struct GitStorage {
    branch: Arc<Branch>,
    /// Inside of [`Storage::together`]: what was written so far.
    draft: Option<Arc<Draft>>,
}

impl GitStorage {
    /// The storage at this address; nothing is fetched yet.
    ///
    /// # Errors
    /// When there is no place for the clone, or the authorities to trust cannot be known.
    pub fn new(location: &GitLocation, options: &HostOptions) -> Result<Self, StorageError> {
        Ok(Self {
            branch: Arc::new(Branch::new(location, options)?),
            draft: None,
        })
    }

    /// Removes the clones of all branches below `hosts`, as soon as no process writes to
    /// them any more.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn remove_clones(hosts: &Path) -> io::Result<()> {
        repository::remove_clones(hosts)
    }

    /// The address.
    pub fn location(&self) -> &GitLocation {
        &self.branch.location
    }

    /// As [`Storage::together`].
    pub(super) async fn together<T, E: From<StorageError>>(
        &self,
        message: &str,
        work: impl AsyncFn(&Storage) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.draft.is_some() {
            // Part of a larger commit already.
            return work(&Storage::Git(self.clone())).await;
        }
        let mut attempts = Attempts::begin(&self.branch).await?;
        loop {
            let draft = attempts.draft();
            let writer = Self {
                branch: Arc::clone(&self.branch),
                draft: Some(Arc::clone(&draft)),
            };
            let done = work(&Storage::Git(writer)).await;
            if let Some(value) = attempts.finish(&draft, message, done).await? {
                return Ok(value);
            }
        }
    }

    /// The commit that reads are about.
    async fn base(&self) -> Result<Arc<Tip>, StorageError> {
        if let Some(draft) = &self.draft {
            return Ok(Arc::clone(&draft.base));
        }
        let tip = self.branch.tip().await?;
        match tip.commit {
            Some(_) => Ok(tip),
            None => Err(StorageError::NoRoot {
                path: self.location().url(),
            }),
        }
    }

    fn path(&self, key: &Key) -> String {
        format!("{}{key}", self.location().folder)
    }

    fn file(&self, key: &Key) -> String {
        self.location().file(key.as_str())
    }

    async fn read(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<(u64, Revision)>, StorageError> {
        let path = self.path(key);
        let too_large = || StorageError::TooLarge {
            file: self.file(key),
            limit,
        };
        let written = self.draft.as_ref().and_then(|draft| draft.get(&path));
        if let Some(written) = written {
            let Some(bytes) = written else {
                return Ok(None);
            };
            let size = bytes.len() as u64;
            if size > limit {
                return Err(too_large());
            }
            out.write_all(&bytes)?;
            return Ok(Some((size, Revision::of(&bytes))));
        }
        let tip = self.base().await?;
        let id = match tip.entry(&path) {
            None => return Ok(None),
            Some(Entry::File(id)) => id,
            Some(Entry::Other) => return Err(self.no_file(key)),
        };
        self.branch.need(&tip, key, id).await?;
        match self.branch.copy(id, limit, out) {
            Ok(Found::Whole(size)) => Ok(Some((size, Revision(id.clone())))),
            Ok(Found::TooLarge) => Err(too_large()),
            Ok(Found::NotTaken(error)) => Err(error.into()),
            // It was here when the clone was looked through.
            Ok(Found::Missing) | Err(_) => {
                self.branch.damaged().await?;
                Err(StorageError::Transfer {
                    file: self.file(key),
                    reason: "the clone on this machine was damaged; the next run makes it again"
                        .into(),
                })
            }
        }
    }

    fn no_file(&self, key: &Key) -> StorageError {
        let what = format!("`{}` is a link or a repository, not a file", self.file(key));
        io::Error::new(io::ErrorKind::InvalidData, what).into()
    }

    /// Whether a file is there.
    pub(super) async fn has(&self, key: &Key) -> Result<bool, StorageError> {
        Ok(self.base().await?.entry(&self.path(key)).is_some())
    }

    pub(super) async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        let mut bytes = Vec::new();
        let read = self.read(key, limit, &mut bytes).await?;
        Ok(read.map(|(_, revision)| (bytes, revision)))
    }

    pub(super) async fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let read = self.read(key, limit, out).await?;
        Ok(read.map(|(size, _)| size))
    }

    /// As [`Storage::prefetch`].
    pub(super) async fn prefetch(&self, keys: &[Key]) -> Result<(), StorageError> {
        if self.branch.is_offline() {
            // A task that reads missing contents gets an error.
            return Ok(());
        }
        let tip = self.base().await?;
        let entries = keys.iter().filter_map(|key| tip.entry(&self.path(key)));
        let ids = tip.lacking(entries);
        self.branch.fetch(&tip, ids).await
    }

    pub(super) async fn create(&self, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
        self.change("Add", key, &Change::Create(bytes)).await
    }

    pub(super) async fn replace(
        &self,
        key: &Key,
        expected: Option<&Revision>,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        let change = Change::Replace(expected, bytes);
        self.change("Change", key, &change).await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.change("Delete", key, &Change::Delete).await
    }

    /// Changes a file in the draft, or by itself when there is none.
    async fn change(&self, verb: &str, key: &Key, change: &Change<'_>) -> Result<(), StorageError> {
        if let Some(draft) = &self.draft {
            return self.apply(draft, key, change).await;
        }
        let mut attempts = Attempts::begin(&self.branch).await?;
        loop {
            let draft = attempts.draft();
            let done = self.apply(&draft, key, change).await;
            let message = format!("{verb} {key}");
            if attempts.finish(&draft, &message, done).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn apply(
        &self,
        draft: &Draft,
        key: &Key,
        change: &Change<'_>,
    ) -> Result<(), StorageError> {
        let path = self.path(key);
        let written = draft.get(&path);
        let id = match (&written, draft.base.entry(&path)) {
            (_, Some(Entry::Other)) => return Err(self.no_file(key)),
            (None, Some(Entry::File(id))) => Some(id),
            _ => None,
        };
        let written = written.flatten();
        match *change {
            Change::Create(bytes) => {
                let is_same = match (written, id) {
                    (Some(written), _) => written == bytes,
                    (None, Some(id)) => self.branch.id_of(bytes).await? == *id,
                    (None, None) => return Ok(draft.put(&path, bytes)?),
                };
                let file = self.file(key);
                match is_same {
                    true => Ok(()),
                    false => Err(StorageError::Exists { file }),
                }
            }
            Change::Replace(expected, bytes) => {
                let written = written.map(|bytes| Revision::of(&bytes));
                let current = written.or_else(|| Some(Revision(id?.clone())));
                let file = self.file(key);
                match current.as_ref() == expected {
                    true => Ok(draft.put(&path, bytes)?),
                    false => Err(StorageError::Conflict { file }),
                }
            }
            Change::Delete => {
                draft.delete(&path);
                Ok(())
            }
        }
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<Key>, StorageError> {
        let prefix = format!("{}{prefix}", self.location().folder);
        let tip = self.base().await?;
        let there = tip.below(&prefix);
        let there = there.filter(|(_, entry)| matches!(entry, Entry::File(_)));
        let mut keys: BTreeSet<Key> = there.filter_map(|(path, _)| self.key(path)).collect();
        let written = self.draft.iter().flat_map(|draft| draft.below(&prefix));
        for (path, exists) in written {
            let Some(key) = self.key(&path) else { continue };
            match exists {
                true => keys.insert(key),
                false => keys.remove(&key),
            };
        }
        Ok(keys.into_iter().collect())
    }

    /// As [`Storage::list_sizes`], for committed files.
    pub(super) async fn list_sizes(
        &self,
        prefix: &str,
    ) -> Result<Vec<(Key, Option<u64>)>, StorageError> {
        let tip = self.base().await?;
        let sizes = self
            .branch
            .blocking(|repository| repository.sizes())
            .await?;
        let prefix = format!("{}{prefix}", self.location().folder);
        let there = tip.below(&prefix).filter_map(|(path, entry)| match entry {
            Entry::File(id) => Some((self.key(path)?, sizes.get(id).copied())),
            Entry::Other => None,
        });
        Ok(there.collect())
    }

    /// The file of the registry that is at a path of the repository.
    fn key(&self, path: &str) -> Option<Key> {
        let path = path.strip_prefix(&self.location().folder)?;
        // As in a folder, a name that starts with a dot is no key.
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        Key::parse(path).ok().filter(|_| !is_hidden)
    }
}
