//! Metadata of registries on the web and in buckets, kept on the local disk.
//!
//! One append-only file a registry, read in one go: a resolution asks for
//! thousands of small files, and opening each would cost more than reading them.
//! Everything in it can be fetched again, so nothing waits for the disk and
//! whatever is damaged is ignored.

mod pack;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    ops::{Deref, Range},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

pub use lumen_core::limits::LONGEST_FRESHNESS;
use lumen_core::{Digest, Key};

use crate::{
    location::Location,
    login::Credentials,
    storage::{Storage, Validators},
};

/// The folder of a registry's cache below `root`; none for folders and branches, which need none.
///
/// `helper` is the name of the helper for credentials that the location does not have.
pub(crate) fn directory(
    root: &Path,
    storage: &Storage,
    location: &Location,
    helper: Option<&str>,
) -> Option<PathBuf> {
    let identity = match (storage.identity(), location) {
        (Some(identity), _) => identity,
        (None, Location::Http(http)) => {
            // Another user of the same registry may be shown other packages.
            let user = match http.credentials() {
                Some(Credentials::Basic { user, .. }) => user,
                Some(Credentials::Bearer(_)) => "",
                None => helper.unwrap_or_default(),
            };
            format!("{user}\n{}", http.base())
        }
        _ => return None,
    };
    let identity = Digest::of(identity.as_bytes());
    Some(root.join(&identity.hex()[..16]))
}

/// Seconds since 1970 by the local clock.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The cached files of one registry; read from the disk when first needed.
#[derive(Debug, Default)]
pub struct Cache {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    loaded: bool,
    pack: pack::Pack,
    entries: HashMap<String, Slot>,
    /// Records to append.
    pending: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Slot {
    record: Bytes,
    fetched_at: u64,
    max_age: u32,
}

/// A cached answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// When the server last confirmed it, in seconds since 1970.
    pub fetched_at: u64,
    /// Seconds for which the server allows to reuse it.
    pub max_age: u32,
    /// What to send when asking again.
    pub validators: Validators,
    /// The file, or `None` when there was none.
    pub body: Option<Body>,
}

/// A cached file. It was strict JSON of the right shape when it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

/// Part of a shared buffer.
#[derive(Debug, Clone)]
pub struct Bytes {
    buffer: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            range: 0..bytes.len(),
            buffer: Arc::new(bytes),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl Cached {
    /// Whether it may be used without asking, at most `longest` seconds after it was fetched.
    pub fn is_fresh(&self, now: u64, longest: u32) -> bool {
        // A clock that went back proves nothing.
        now.checked_sub(self.fetched_at)
            .is_some_and(|age| age < u64::from(self.max_age.min(longest)))
    }
}

impl Cache {
    /// A cache that remembers for this process only.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The cache in this file, which need not exist yet.
    pub fn at(path: &Path) -> Self {
        Self {
            path: Some(path.into()),
            state: Mutex::default(),
        }
    }

    /// What is known about a file.
    pub fn get(&self, key: &Key) -> Option<Cached> {
        let state = self.lock();
        let slot = state.entries.get(key.as_str())?;
        let mut cached = pack::decode(&slot.record)?;
        cached.fetched_at = slot.fetched_at;
        cached.max_age = slot.max_age;
        Some(cached)
    }

    /// Whether anything is known about a file.
    pub fn contains(&self, key: &Key) -> bool {
        self.lock().entries.contains_key(key.as_str())
    }

    /// Remembers an answer.
    pub fn put(&self, key: &Key, cached: &Cached) {
        self.add(pack::encode(key.as_str(), cached));
    }

    /// Remembers that the server confirmed the cached file.
    pub fn touch(&self, key: &Key, fetched_at: u64, max_age: u32) {
        self.add(pack::encode_touch(key.as_str(), fetched_at, max_age));
    }

    fn add(&self, payload: Vec<u8>) {
        let mut state = self.lock();
        if self.path.is_some() {
            pack::frame(&payload, &mut state.pending);
        }
        state.apply(payload.into());
    }

    /// Appends new metadata to the file. Without it only the next process is slower.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn save(&self) -> io::Result<()> {
        let mut state = self.lock();
        let Some(path) = self.path.as_deref().filter(|_| !state.pending.is_empty()) else {
            return Ok(());
        };
        let pending = std::mem::take(&mut state.pending);
        state.pack.append(path, &pending)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.loaded {
            state.loaded = true;
            if let Some(path) = &self.path {
                let (pack, records) = pack::Pack::read(path);
                state.pack = pack;
                for record in records {
                    state.apply(record);
                }
            }
        }
        state
    }
}

impl State {
    /// Takes a record into account; later ones win.
    fn apply(&mut self, record: Bytes) {
        let Some(header) = pack::header(&record) else {
            return;
        };
        let (fetched_at, max_age) = (header.fetched_at, header.max_age);
        if let Some(slot) = self.entries.get_mut(header.key) {
            slot.fetched_at = fetched_at;
            slot.max_age = max_age;
            if !header.is_touch {
                slot.record = record;
            }
        } else if !header.is_touch {
            let key = header.key.to_owned();
            let slot = Slot {
                record,
                fetched_at,
                max_age,
            };
            self.entries.insert(key, slot);
        }
    }
}
