//! What a host can do: callers ask this, and not which host it is.

use std::time::Duration;

use super::{FileStorage, HttpStorage, Storage, StorageError};

/// Longest wait after a lost race where a change is fast, in milliseconds.
const LONGEST_WAIT: u64 = 200;

/// What a host can do, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether files can be written.
    pub writes: bool,
    /// Whether [`Storage::together`] writes all or nothing.
    pub atomic: bool,
    /// Whether each file costs a request over a network, so that it is worth to keep it here.
    pub remote: bool,
    /// Whether a read costs so little that none need be saved.
    pub cheap_reads: bool,
    /// Whether garbage collection keeps publishers out, or removes all files at once.
    pub locks: bool,
}

impl Storage {
    /// What this host can do.
    pub const fn capabilities(&self) -> Capabilities {
        let folder = Capabilities {
            writes: true,
            atomic: false,
            remote: false,
            cheap_reads: true,
            locks: true,
        };
        match self {
            Self::File(_) | Self::Memory(_) => folder,
            Self::Http(_) => Capabilities {
                writes: false,
                remote: true,
                cheap_reads: false,
                ..folder
            },
            Self::Object(_) => Capabilities {
                remote: true,
                cheap_reads: false,
                locks: false,
                ..folder
            },
            Self::Git(_) => Capabilities {
                atomic: true,
                cheap_reads: false,
                ..folder
            },
            Self::Bundle(_) => Capabilities {
                writes: false,
                cheap_reads: false,
                ..folder
            },
        }
    }

    /// The time by the host's own clock, in seconds since 1970; `None` where it has none, or has
    /// not answered yet.
    pub(crate) fn time(&self) -> Option<i64> {
        match self {
            Self::Object(bucket) => bucket.time(),
            Self::Memory(memory) => memory.time(),
            Self::File(_) | Self::Http(_) | Self::Git(_) | Self::Bundle(_) => None,
        }
    }

    /// Refuses a host that can only be read.
    ///
    /// # Errors
    /// [`StorageError::ReadOnly`].
    pub fn check_writable(&self) -> Result<(), StorageError> {
        match self {
            Self::Http(http) => Err(http.read_only()),
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::File(_) | Self::Object(_) | Self::Git(_) | Self::Memory(_) => Ok(()),
        }
    }

    /// The folder on this machine that has the files themselves, if there is one.
    pub(crate) const fn folder(&self) -> Option<&FileStorage> {
        match self {
            Self::File(folder) => Some(folder),
            _ => None,
        }
    }

    /// The web server that serves the files, if there is one.
    pub(crate) const fn web_server(&self) -> Option<&HttpStorage> {
        match self {
            Self::Http(http) => Some(http),
            _ => None,
        }
    }

    /// A text that names the host and the user it knows, for the cache of its files; `None`:
    /// the location says all of that.
    pub(crate) fn identity(&self) -> Option<String> {
        match self {
            Self::Object(bucket) => Some(bucket.identity()),
            _ => None,
        }
    }

    /// Forgets what was found out about the host: it may be another one now.
    pub(crate) fn forget_probe(&self) {
        if let Self::Object(bucket) = self {
            bucket.forget();
        }
    }

    /// Fails where there are no files at all, and nothing else says that a registry is meant to
    /// be there. A folder was made on purpose; a bucket's prefix is there whatever it is.
    ///
    /// # Errors
    /// [`StorageError::NoRoot`]; failures of the host.
    pub(crate) async fn check_root(&self) -> Result<(), StorageError> {
        match self {
            Self::Object(bucket) if bucket.list("").await?.is_empty() => {
                let path = bucket.location().url();
                Err(StorageError::NoRoot { path })
            }
            _ => Ok(()),
        }
    }

    /// Reads a whole file of at most `limit` bytes that will not be replaced; `None` when there
    /// is none.
    ///
    /// # Errors
    /// As [`Storage::get`].
    pub(crate) async fn read(
        &self,
        key: &lumen_core::Key,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        match self {
            // Its revision would be a hash of the whole file.
            Self::File(folder) => folder.get_bytes(key, limit),
            _ => Ok(self.get(key, limit).await?.map(|(bytes, _)| bytes)),
        }
    }

    /// A first wait for another writer, where a commit takes many slow requests.
    pub(crate) fn first_delay(&self) -> Option<Duration> {
        match self {
            Self::Object(bucket) => Some(bucket.first_delay()),
            _ => None,
        }
    }

    /// The longest time that a writer waits after so many lost races; `None`: writers take
    /// turns, and it is the turn of the others now.
    pub(crate) async fn longest_wait(&self, attempt: u32) -> Option<Duration> {
        if let Self::Memory(memory) = self {
            memory.turn().await;
            return None;
        }
        Some(match self.first_delay() {
            // A writer that waits less only loses again.
            Some(first) => first * (1 << attempt.min(4)),
            None => Duration::from_millis((1_u64 << attempt.min(16)).min(LONGEST_WAIT)),
        })
    }
}
