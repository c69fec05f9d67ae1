//! The known state of a branch, shared by all its users in this process.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lumen_core::{Key, limits::MAX_FETCHED_AT_ONCE};

use super::{
    draft::Draft,
    push::Pushed,
    reader::{Found, Reader},
    repository::{Reach, Repository},
    tip::Tip,
};
use crate::{
    git::GitError,
    location::GitLocation,
    storage::{HostOptions, Sink, StorageError, http::Line},
};

/// Keeps GitHub Pages from leaving out names that start with `_`.
const NO_JEKYLL: &str = ".nojekyll";

/// Keeps git from changing line ends in a clone, as it does on Windows.
const ATTRIBUTES: (&str, &[u8]) = (".gitattributes", b"* -text\n");

/// A branch, as far as this process knows it.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) location: GitLocation,
    repository: Arc<Repository>,
    offline: bool,
    current: Mutex<Current>,
    /// Held by the first task that looks.
    looking: tokio::sync::Mutex<()>,
    reader: Mutex<Option<Reader>>,
    /// Contents that a task waits for.
    wanted: Mutex<HashSet<String>>,
    /// Held by the task that fetches them.
    fetching: tokio::sync::Mutex<()>,
    /// Whether the host answers.
    line: Line,
}

/// The last commit, as far as this process knows it.
#[derive(Debug, Clone)]
enum Current {
    Unknown,
    /// This process made it, and has not looked at the branch since.
    Commit(String),
    Tip(Arc<Tip>),
}

/// Why a draft is not the branch.
#[derive(Debug)]
pub(super) enum Failed {
    /// Another writer was first.
    Lost,
    /// Unknown.
    Unclear(GitError),
}

impl Branch {
    pub(super) fn new(location: &GitLocation, options: &HostOptions) -> Result<Self, StorageError> {
        Ok(Self {
            location: location.clone(),
            repository: Arc::new(Repository::new(location, options)?),
            // A repository on this machine needs no network.
            offline: options.offline && location.remote().scheme() != "file",
            current: Mutex::new(Current::Unknown),
            looking: tokio::sync::Mutex::default(),
            reader: Mutex::default(),
            wanted: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            line: Line::new(&location.url(), options, &Arc::default()),
        })
    }

    pub(super) const fn is_offline(&self) -> bool {
        self.offline
    }

    pub(super) fn no_network(&self, file: String) -> StorageError {
        StorageError::Offline { file }
    }

    /// Runs slow work with git on a thread for blocking work.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let repository = Arc::clone(&self.repository);
        let done = tokio::task::spawn_blocking(move || work(&repository)).await;
        Ok(done.unwrap_or_else(|error| Err(io::Error::other(error).into()))?)
    }

    /// The branch as this process knows it, if it does.
    pub(super) async fn known(&self) -> Result<Option<Arc<Tip>>, StorageError> {
        let current = lock(&self.current).clone();
        let commit = match current {
            Current::Unknown => return Ok(None),
            Current::Tip(tip) => return Ok(Some(tip)),
            Current::Commit(commit) => commit,
        };
        let tip = self.blocking(move |repository| {
            let (commit, contents) = repository.contents(&commit)?;
            Ok(Tip::new(Some(commit), contents))
        });
        Ok(Some(self.learn(tip.await?)))
    }

    /// The branch as this process knows it; if it does not, it asks.
    pub(super) async fn tip(&self) -> Result<Arc<Tip>, StorageError> {
        if let Some(tip) = self.known().await? {
            return Ok(tip);
        }
        let _looking = self.looking.lock().await;
        if let Some(tip) = self.known().await? {
            return Ok(tip);
        }
        if !self.offline {
            return self.asking(self.update(Reach::Tip)).await;
        }
        match self.blocking(Repository::last).await? {
            Some((commit, contents)) => Ok(self.learn(Tip::new(Some(commit), contents))),
            None => Err(self.no_network(self.location.url())),
        }
    }

    /// The branch as it is now.
    pub(super) async fn update(&self, reach: Reach) -> Result<Arc<Tip>, StorageError> {
        let tip = self.blocking(move |repository| {
            let (commit, contents) = repository.update(reach)?;
            Ok(Tip::new(commit, contents))
        });
        Ok(self.learn(tip.await?))
    }

    /// Asks the host, unless it was given up a short while ago: git has used up its tries when it
    /// fails.
    async fn asking<T>(
        &self,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let url = self.location.url();
        if let Some(error) = self.line.given_up_on(&url) {
            return Err(error);
        }
        let result = work.await;
        if let Err(error) = &result {
            self.line.give_up(&url, error);
        }
        result
    }

    fn learn(&self, tip: Tip) -> Arc<Tip> {
        let tip = Arc::new(tip);
        *lock(&self.current) = Current::Tip(Arc::clone(&tip));
        tip
    }

    /// Makes sure that the contents of a file are on this machine.
    pub(super) async fn need(&self, tip: &Tip, key: &Key, id: &str) -> Result<(), StorageError> {
        if !tip.lacks(id) {
            return Ok(());
        }
        if self.offline {
            return Err(self.no_network(self.location.file(key.as_str())));
        }
        let mut ids = HashSet::new();
        if key.is_metadata() {
            // A task that reads one file of this kind reads others after it.
            let folder = &self.location.folder;
            let is_metadata = |path: &str| {
                let key = path.get(folder.len()..).map(Key::parse);
                key.is_some_and(|key| key.is_ok_and(|key| key.is_metadata()))
            };
            let all = tip.below(folder).filter(|(path, _)| is_metadata(path));
            ids = tip.lacking(all.map(|(_, entry)| entry));
            if ids.len() > MAX_FETCHED_AT_ONCE {
                ids.clear();
            }
        }
        ids.insert(id.to_owned());
        self.fetch(tip, ids).await
    }

    /// Fetches contents, together with those that others want meanwhile.
    pub(super) async fn fetch(&self, tip: &Tip, ids: HashSet<String>) -> Result<(), StorageError> {
        lock(&self.wanted).extend(ids.iter().cloned());
        let _fetching = self.fetching.lock().await;
        let mut batch = std::mem::take(&mut *lock(&self.wanted));
        batch.extend(ids);
        batch.retain(|id| tip.lacks(id));
        if batch.is_empty() {
            return Ok(());
        }
        let batch = self.blocking(move |repository| {
            repository.fetch_blobs(&batch)?;
            Ok(batch)
        });
        tip.arrived(&self.asking(batch).await?);
        Ok(())
    }

    /// Copies contents that are on this machine.
    pub(super) fn copy(&self, id: &str, limit: u64, out: Sink<'_>) -> io::Result<Found> {
        let mut reader = lock(&self.reader);
        let mut running = match reader.take() {
            Some(running) => running,
            None => Reader::start(self.repository.reader())?,
        };
        let found = running.read(id, limit, out)?;
        if matches!(found, Found::Whole(_) | Found::Missing) {
            *reader = Some(running);
        }
        Ok(found)
    }

    /// Throws away a clone that lacks files; the next task makes it again.
    pub(super) async fn damaged(&self) -> Result<(), StorageError> {
        *lock(&self.reader) = None;
        if !self.offline {
            self.blocking(Repository::renew).await?;
            *lock(&self.current) = Current::Unknown;
        }
        Ok(())
    }

    /// The name that git gives to contents.
    pub(super) async fn id_of(&self, bytes: &[u8]) -> Result<String, StorageError> {
        let bytes = bytes.to_vec();
        self.blocking(move |repository| repository.id_of(&bytes))
            .await
    }

    /// Makes a draft the branch, if the branch is still the base of the draft.
    pub(super) async fn push(
        &self,
        draft: &Draft,
        message: &str,
    ) -> Result<Option<Failed>, StorageError> {
        let mut files = draft.take();
        if files.is_empty() {
            return Ok(None);
        }
        let folder = &self.location.folder;
        let global = format!("{folder}{}", Key::global_index());
        let is_new = draft.base.entry(&global).is_none();
        // Pages is served from the root of a branch or from its folder `docs`.
        let served = if folder.starts_with("docs/") {
            "docs/"
        } else {
            ""
        };
        let beside = [
            (format!("{served}{NO_JEKYLL}"), &[][..]),
            (format!("{folder}{}", ATTRIBUTES.0), ATTRIBUTES.1),
        ];
        for (path, bytes) in beside {
            if is_new && draft.base.entry(&path).is_none() {
                files.insert(path, Some(bytes.to_vec()));
            }
        }
        // Two writers that do the same at the same time must not make the same commit.
        let message = format!("{message}\n\nWrite-Id: {:016x}\n", crate::random::random());
        let base = draft.base.commit.clone();
        let pushed = self.blocking(move |repository| {
            let commit = repository.commit_files(base.as_deref(), &message, &files)?;
            let pushed = repository.push(base.as_deref(), &commit)?;
            Ok((commit, pushed))
        });
        let (commit, pushed) = pushed.await?;
        match pushed {
            Pushed::Done => {
                *lock(&self.current) = Current::Commit(commit);
                Ok(None)
            }
            Pushed::Lost => Ok(Some(Failed::Lost)),
            Pushed::Unclear(error) => match self.has(commit).await {
                Ok(true) => Ok(None),
                Ok(false) => Ok(Some(Failed::Unclear(error))),
                Err(_) => Err(error.into()),
            },
        }
    }

    /// Whether a commit is in the branch.
    async fn has(&self, commit: String) -> Result<bool, StorageError> {
        let tip = self.update(Reach::Since).await?;
        let Some(now) = tip.commit.clone() else {
            return Ok(false);
        };
        self.blocking(move |repository| repository.led_to(&commit, &now))
            .await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
