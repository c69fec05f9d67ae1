//! The four operations a registry needs of its host.
//!
//! | operation | contract |
//! |---|---|
//! | [`Storage::get`] | the whole file and its revision, or `None` |
//! | [`Storage::create`] | when it returns, the file is stored for good; it never changes an existing one |
//! | [`Storage::replace`] | a compare-and-swap: of two writers with the same revision one gets [`StorageError::Conflict`] |
//! | [`Storage::list`] | every key below a prefix, sorted |
//!
//! Publishing and reading need no others. [`Storage::list_files`], [`Storage::remove`] and
//! [`Storage::freshen`] are for [`crate::gc`].
//!
//! A closed set of hosts, so an enum. All have the same operations; [`Capabilities`] says in
//! what they differ. Nothing outside of this module asks which host it is.

#[cfg(not(all(feature = "bucket", feature = "git")))]
mod absent;
mod bound;
mod bundle;
mod capabilities;
mod clock;
mod error;
mod file;
#[cfg(feature = "git")]
mod git;
pub(crate) mod http;
mod memory;
#[cfg(feature = "bucket")]
mod object;
mod requests;
mod storages;
mod upkeep;

use std::{io::Write, path::PathBuf, sync::Arc};

use lumen_core::{Digest, Key};

pub use bound::Bound;
pub(crate) use bundle::Writer as BundleWriter;
#[cfg(feature = "fuzzing")]
pub(crate) use bundle::scan as scan_bundle;
pub use bundle::{BundleStorage, Head as BundleHead};
pub use capabilities::Capabilities;
pub use error::{CertificateFault, StorageError};
pub use file::FileStorage;
#[cfg(feature = "git")]
pub use git::GitStorage;
#[cfg(feature = "fuzzing")]
pub(crate) use git::listed_by_git;
pub use http::{Fetched, HttpOptions, HttpStorage, Proxies, Validators};
pub use memory::{Fault, FaultKind, MemoryStorage};
#[cfg(feature = "bucket")]
pub use object::ObjectStorage;
pub(crate) use requests::is_passing;
pub use storages::Storages;
pub use upkeep::{Listed, YOUNG};

use crate::{activity::Activity, location::Location, login::LoginHelper, variables::Variables};

/// The place of buckets in a build without them.
#[cfg(not(feature = "bucket"))]
pub type ObjectStorage = absent::Absent<crate::location::ObjectLocation>;
/// The place of branches in a build without them.
#[cfg(not(feature = "git"))]
pub type GitStorage = absent::Absent<crate::location::GitLocation>;

/// A host of registry files.
#[derive(Debug, Clone)]
pub enum Storage {
    /// A folder.
    File(FileStorage),
    /// A web server, read only.
    Http(HttpStorage),
    /// A bucket.
    Object(ObjectStorage),
    /// A branch.
    Git(GitStorage),
    /// A bundle, read only.
    Bundle(BundleStorage),
    /// A map in memory, for tests.
    Memory(MemoryStorage),
}

/// How hosts are spoken to.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// Patience with web servers and object stores.
    pub http: HttpOptions,
    /// The helper for credentials that the location does not have.
    pub helper: Option<Arc<dyn LoginHelper>>,
    /// Folder for data about hosts between runs: clones, and which hosts were probed. `None`:
    /// nothing is kept, and a clone is in the system's folder for temporary files meanwhile.
    pub state: Option<PathBuf>,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Where credentials, regions and endpoints of buckets come from, and the configuration
    /// that git has besides its files.
    pub variables: Variables,
    /// Storages that the caller has at hand: at their places no host is asked.
    pub storages: Storages,
    /// Where the requests are told.
    pub activity: Activity,
}

/// The revision of a file when it was read; equal revisions mean equal contents.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// The revision of hosts that know files by their contents.
    fn of(bytes: &[u8]) -> Self {
        Self(Digest::of(bytes).hex())
    }

    /// Contents with their revision there.
    fn with(bytes: Vec<u8>) -> (Vec<u8>, Self) {
        let revision = Self::of(&bytes);
        (bytes, revision)
    }
}

/// Whether a file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is.
    There,
    /// It is not.
    Absent,
    /// The host's answer may mean either.
    Unclear,
}

/// A sink for artifacts.
pub type Sink<'a> = &'a mut (dyn Write + Send);

impl Storage {
    /// The storage at a location: the one that the caller has at hand for it, else its host.
    /// Nothing is opened or connected yet.
    ///
    /// # Errors
    /// When the settings of the host in the environment are invalid.
    pub fn open(location: &Location, options: &HostOptions) -> Result<Self, StorageError> {
        if let Some(storage) = options.storages.at(location) {
            return Ok(storage.clone());
        }
        Ok(match location {
            Location::File(root) => Self::File(FileStorage::new(root)),
            Location::Http(http) => Self::Http(HttpStorage::new(http.clone(), options)),
            Location::Object(object) => Self::Object(ObjectStorage::new(object, options)?),
            Location::Git(git) => Self::Git(GitStorage::new(git, options)?),
        })
    }

    /// Does work whose writes belong together, and should be seen together where a host can do that.
    ///
    /// In a branch they become one commit with this message; when another writer was first,
    /// the work is done again on the new state. Elsewhere every write counts at once.
    ///
    /// # Errors
    /// Those of the work, and of the host.
    pub async fn together<T, E: From<StorageError>>(
        &self,
        message: &str,
        work: impl AsyncFn(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Git(git) => git.together(message, work).await,
            _ => work(self).await,
        }
    }

    /// Allows as many requests as it takes to read all files of a registry.
    pub fn allow_mirroring(&self) {
        match self {
            Self::Http(http) => http.allow_mirroring(),
            Self::Object(object) => object.allow_mirroring(),
            Self::Bundle(bundle) => bundle.base().into_iter().for_each(Self::allow_mirroring),
            Self::File(_) | Self::Git(_) | Self::Memory(_) => {}
        }
    }

    /// Gets contents that will be read soon, where one request for many is faster.
    ///
    /// # Errors
    /// Failures of the host. A missing file is no failure.
    pub async fn prefetch(&self, keys: &[Key]) -> Result<(), StorageError> {
        match self {
            Self::Git(git) => git.prefetch(keys).await,
            _ => Ok(()),
        }
    }

    /// As [`Storage::prefetch`], for all files below a prefix.
    ///
    /// # Errors
    /// As [`Storage::prefetch`].
    pub async fn prefetch_below(&self, prefix: &str) -> Result<(), StorageError> {
        match self {
            Self::Git(git) => {
                let keys = git.list(prefix).await?;
                git.prefetch(&keys).await
            }
            _ => Ok(()),
        }
    }

    /// Reads a whole file of at most `limit` bytes; `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::TooLarge`], and whatever the host reports; a refusal or a failure is never an absence.
    pub async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        match self {
            Self::File(file) => file.get(key, limit),
            Self::Http(http) => http.get(key, limit).await,
            Self::Object(object) => object.get(key, limit).await,
            Self::Git(git) => git.get(key, limit).await,
            Self::Bundle(bundle) => match (bundle.get(key, limit)?, bundle.base()) {
                (None, Some(base)) => Box::pin(base.get(key, limit)).await,
                (found, _) => Ok(found),
            },
            Self::Memory(memory) => {
                memory.turn().await;
                memory.get(key, limit)
            }
        }
    }

    /// Whether a file is there, without reading it.
    ///
    /// # Errors
    /// As [`Storage::get`].
    pub(crate) async fn presence(&self, key: &Key) -> Result<Presence, StorageError> {
        let is_there = match self {
            Self::Http(http) => return http.presence(key).await,
            Self::File(file) => file.has(key)?,
            Self::Object(object) => object.has(key).await?,
            Self::Git(git) => git.has(key).await?,
            Self::Bundle(_) | Self::Memory(_) => self.get(key, u64::MAX).await?.is_some(),
        };
        Ok(match is_there {
            true => Presence::There,
            false => Presence::Absent,
        })
    }

    /// Whether the files come from a host, which an attacker may control.
    pub(crate) fn is_of_a_host(&self) -> bool {
        match self {
            Self::Http(_) | Self::Object(_) => true,
            Self::Git(git) => git.location().remote().scheme() != "file",
            Self::File(_) | Self::Bundle(_) | Self::Memory(_) => false,
        }
    }

    /// Reads a file unless it is still what the validators say. With a cache buster, it
    /// gets past all caches on the way.
    pub(crate) async fn fetch(
        &self,
        key: &Key,
        limit: u64,
        validators: Option<&Validators>,
        buster: Option<&str>,
    ) -> Result<Fetched, StorageError> {
        match (self, buster) {
            (Self::Http(http), Some(buster)) => http.fetch_uncached(key, limit, buster).await,
            (Self::Http(http), None) => http.fetch(key, limit, validators).await,
            // Nothing is on the way to a bucket.
            (Self::Object(object), _) => object.fetch(key, limit, validators).await,
            (Self::File(_) | Self::Git(_) | Self::Bundle(_) | Self::Memory(_), _) => {
                Ok(match self.get(key, limit).await? {
                    None => Fetched::Absent,
                    Some((bytes, _)) => Fetched::Found {
                        bytes,
                        validators: Validators::default(),
                        max_age: 0,
                        keep: false,
                    },
                })
            }
        }
    }

    /// Stores a file that never changes. When the same bytes are there already, that is success too.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when other bytes are there; [`StorageError::ReadOnly`]; failures of the host.
    pub async fn create(&self, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
        lumen_durable::part();
        match self {
            Self::File(file) => file.create(key, bytes),
            Self::Http(http) => Err(http.read_only()),
            Self::Object(object) => object.create(key, bytes).await,
            Self::Git(git) => git.create(key, bytes).await,
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.create(key, bytes)
            }
        }
    }

    /// Replaces a file if its revision is still the one given (`None`: if it does not exist).
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is not. If an answer got lost, the new contents may have
    /// been stored before another writer replaced them. [`StorageError::ReadOnly`]. After any other
    /// failure the new contents may or may not be there.
    pub async fn replace(
        &self,
        key: &Key,
        expected: Option<&Revision>,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        lumen_durable::part();
        match self {
            Self::File(file) => file.replace(key, expected, bytes),
            Self::Http(http) => Err(http.read_only()),
            Self::Object(object) => object.replace(key, expected, bytes).await,
            Self::Git(git) => git.replace(key, expected, bytes).await,
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.replace(key, expected, bytes)
            }
        }
    }

    /// All keys that start with `prefix`, sorted. A prefix is empty or ends with `/`.
    ///
    /// # Errors
    /// [`StorageError::ReadOnly`] when the host cannot list; failures of the host.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Key>, StorageError> {
        match self {
            Self::File(file) => file.list(prefix),
            Self::Http(http) => Err(http.read_only()),
            Self::Object(object) => object.list(prefix).await,
            Self::Git(git) => git.list(prefix).await,
            Self::Bundle(bundle) => Ok(bundle.list(prefix)),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.list(prefix)
            }
        }
    }

    /// Whether there are files below a prefix; `None` where finding out costs requests.
    ///
    /// # Errors
    /// As [`Storage::list`].
    pub(crate) async fn has_below(&self, prefix: &str) -> Result<Option<bool>, StorageError> {
        match self {
            Self::File(_) | Self::Bundle(_) | Self::Memory(_) => {
                Ok(Some(!self.list(prefix).await?.is_empty()))
            }
            Self::Http(_) | Self::Object(_) | Self::Git(_) => Ok(None),
        }
    }

    /// Whether it was made in one go, so that a file that it lacks got lost on the way.
    pub(crate) const fn is_bundle(&self) -> bool {
        matches!(self, Self::Bundle(_))
    }

    /// Deletes a file; that there is none is success.
    ///
    /// Nothing may refer to it: no release, and no file of the log, is ever deleted by publishing.
    ///
    /// # Errors
    /// [`StorageError::ReadOnly`]; failures of the host.
    pub async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        lumen_durable::part();
        match self {
            Self::File(file) => file.delete(key),
            Self::Http(http) => Err(http.read_only()),
            Self::Object(object) => object.delete(key).await,
            Self::Git(git) => git.delete(key).await,
            Self::Bundle(bundle) => Err(bundle.read_only()),
            Self::Memory(memory) => {
                memory.turn().await;
                memory.delete(key)
            }
        }
    }

    /// Copies a content-addressed file of at most `limit` bytes into `out` and
    /// returns its size; `None` when there is none.
    ///
    /// A transfer that breaks off is continued where it stopped, so `out` sees every byte once.
    ///
    /// # Errors
    /// As [`Storage::get`], and the errors of `out`. Some bytes may have been written then.
    pub async fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        match self {
            Self::File(file) => file.read_to(key, limit, out),
            Self::Http(http) => http.read_to(key, limit, out).await,
            Self::Object(object) => object.read_to(key, limit, out).await,
            Self::Git(git) => git.read_to(key, limit, out).await,
            Self::Bundle(bundle) => match (bundle.read_to(key, limit, out)?, bundle.base()) {
                (None, Some(base)) => Box::pin(base.read_to(key, limit, out)).await,
                (found, _) => Ok(found),
            },
            Self::Memory(memory) => match memory.get(key, limit)? {
                None => Ok(None),
                Some((bytes, _)) => {
                    out.write_all(&bytes)?;
                    Ok(Some(bytes.len() as u64))
                }
            },
        }
    }

    /// The path or URL of a file, for messages.
    pub fn describe(&self, key: &Key) -> String {
        match self {
            Self::File(file) => file.path(key).display().to_string(),
            Self::Http(http) => http.location().url(key.as_str()),
            Self::Object(object) => object.location().file(key.as_str()),
            Self::Git(git) => git.location().file(key.as_str()),
            Self::Bundle(bundle) => bundle.describe(key),
            Self::Memory(_) => format!("memory:{key}"),
        }
    }
}
