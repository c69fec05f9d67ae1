//! A registry in memory, with faults to order: for tests.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, UNIX_EPOCH},
};

use lumen_core::Key;

use super::{Listed, Revision, StorageError};

/// A registry in memory; clones share their contents.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Key, Vec<u8>>,
    /// Seconds after 1970, by the clock below, at which files were written or relied on.
    times: BTreeMap<Key, u64>,
    clock: u64,
    /// The time by the clock of the host, if it has one.
    host_time: Option<i64>,
    operations: u64,
    writes: Vec<(Key, u64)>,
    reads: Vec<Key>,
    fault: Option<Fault>,
    in_turns: bool,
}

/// Which operations fail, and how. Operations count from 1, reads included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The operation that fails.
    pub at: u64,
    /// What happens to it.
    pub kind: FaultKind,
    /// Whether everything after it fails too, as if the process or the line were dead.
    pub dead_afterwards: bool,
}

/// What happens to an operation that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is done.
    Fail,
    /// It is done, but reported as failed.
    LoseAnswer,
}

impl State {
    fn put(&mut self, key: &Key, bytes: &[u8]) {
        self.files.insert(key.clone(), bytes.to_vec());
        self.times.insert(key.clone(), self.clock);
    }

    fn listed(&self, key: &Key) -> Option<Listed> {
        let seconds = self.times.get(key).copied().unwrap_or_default();
        Some(Listed {
            key: key.clone(),
            size: self.files.get(key)?.len() as u64,
            modified: UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        })
    }
}

impl MemoryStorage {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a fault, or none, and starts counting operations from zero.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut state = self.lock();
        state.operations = 0;
        state.writes.clear();
        state.reads.clear();
        state.fault = fault;
    }

    /// Operations since the last [`MemoryStorage::set_fault`].
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Sets the clock that files get their times from, in seconds since 1970.
    pub fn set_clock(&self, seconds: u64) {
        self.lock().clock = seconds;
    }

    /// Gives the host a clock of its own, that says this time in seconds since 1970, or takes it
    /// away.
    pub fn set_host_time(&self, seconds: Option<i64>) {
        self.lock().host_time = seconds;
    }

    pub(super) fn time(&self) -> Option<i64> {
        self.lock().host_time
    }

    /// Lets other tasks have a turn before each operation, so that a test can decide the order.
    pub fn set_in_turns(&self, in_turns: bool) {
        self.lock().in_turns = in_turns;
    }

    /// Waits for the next turn, if tasks take turns.
    pub(crate) async fn turn(&self) {
        let mut waited = !self.lock().in_turns;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// The files stored since the last [`MemoryStorage::set_fault`], and their sizes.
    pub fn writes(&self) -> Vec<(Key, u64)> {
        self.lock().writes.clone()
    }

    /// The files asked for since the last [`MemoryStorage::set_fault`], one for each time.
    pub fn reads(&self) -> Vec<Key> {
        self.lock().reads.clone()
    }

    /// A registry with these files.
    pub fn with_files(files: BTreeMap<Key, Vec<u8>>) -> Self {
        let memory = Self::default();
        memory.lock().files = files;
        memory
    }

    /// A copy of all files.
    pub fn files(&self) -> BTreeMap<Key, Vec<u8>> {
        self.lock().files.clone()
    }

    /// A copy of one file.
    pub fn file(&self, key: &Key) -> Option<Vec<u8>> {
        self.lock().files.get(key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation, unless it is the one to fail.
    fn run<T>(
        &self,
        operation: impl FnOnce(&mut State) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut state = self.lock();
        state.operations += 1;
        let number = state.operations;
        let injected = || io::Error::other(format!("injected fault at operation {number}")).into();
        match state.fault {
            Some(fault) if number == fault.at && fault.kind == FaultKind::LoseAnswer => {
                // The answer gets lost.
                let _ = operation(&mut state);
                Err(injected())
            }
            Some(fault) if number == fault.at || (number > fault.at && fault.dead_afterwards) => {
                Err(injected())
            }
            _ => operation(&mut state),
        }
    }

    fn record(&self, key: &Key, bytes: &[u8]) {
        let write = (key.clone(), bytes.len() as u64);
        self.lock().writes.push(write);
    }

    pub(super) fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        self.lock().reads.push(key.clone());
        self.run(|state| match state.files.get(key) {
            None => Ok(None),
            Some(bytes) if bytes.len() as u64 > limit => Err(StorageError::TooLarge {
                file: describe(key),
                limit,
            }),
            Some(bytes) => Ok(Some(Revision::with(bytes.clone()))),
        })
    }

    pub(super) fn create(&self, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
        self.record(key, bytes);
        self.run(|state| match state.files.get(key) {
            Some(existing) if existing != bytes => Err(StorageError::Exists {
                file: describe(key),
            }),
            _ => {
                state.put(key, bytes);
                Ok(())
            }
        })
    }

    pub(super) fn replace(
        &self,
        key: &Key,
        expected: Option<&Revision>,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.record(key, bytes);
        self.run(|state| {
            let current = state.files.get(key).map(|bytes| Revision::of(bytes));
            if current.as_ref() != expected {
                return Err(StorageError::Conflict {
                    file: describe(key),
                });
            }
            state.put(key, bytes);
            Ok(())
        })
    }

    pub(super) fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.run(|state| {
            state.files.remove(key);
            Ok(())
        })
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Key>, StorageError> {
        self.run(|state| {
            let keys = state.files.keys();
            let below = keys.filter(|key| key.as_str().starts_with(prefix));
            Ok(below.cloned().collect())
        })
    }

    pub(super) fn list_files(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.run(|state| {
            let keys = state.files.keys();
            let below = keys.filter(|key| key.as_str().starts_with(prefix));
            Ok(below.filter_map(|key| state.listed(key)).collect())
        })
    }

    pub(super) fn remove(&self, file: &Listed) -> Result<bool, StorageError> {
        self.run(|state| {
            let same = state.listed(&file.key).as_ref() == Some(file);
            if same {
                state.files.remove(&file.key);
            }
            Ok(same)
        })
    }

    pub(super) fn freshen(&self, key: &Key) -> Result<bool, StorageError> {
        self.run(|state| {
            state.times.insert(key.clone(), state.clock);
            Ok(state.files.contains_key(key))
        })
    }
}

fn describe(key: &Key) -> String {
    format!("memory:{key}")
}
