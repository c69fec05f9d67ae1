//! A registry in a branch of a git repository.

use lumen_core::Key;

use super::{HostOptions, Revision, Sink, Storage, StorageError};
use crate::location::{GitLocation, Location};

/// A registry in a branch of a git repository.
#[derive(Debug, Clone)]
pub struct GitStorage {
    location: GitLocation,
}

impl GitStorage {
    /// The storage at this address.
    ///
    /// # Errors
    /// When what the environment says of the host makes no sense.
    pub fn new(location: &GitLocation, _options: &HostOptions) -> Result<Self, StorageError> {
        Ok(Self {
            location: location.clone(),
        })
    }

    /// The address.
    pub fn location(&self) -> &GitLocation {
        &self.location
    }

    fn read_only(&self) -> StorageError {
        StorageError::ReadOnly {
            location: Location::Git(self.location.clone()).to_string(),
        }
    }

    /// As [`Storage::together`].
    pub(super) async fn together<T, E: From<StorageError>>(
        &self,
        _message: &str,
        work: impl AsyncFn(&Storage) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&Storage::Git(self.clone())).await
    }

    pub(super) async fn get(
        &self,
        _key: &Key,
        _limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        Err(self.read_only())
    }

    pub(super) async fn read_to(
        &self,
        _key: &Key,
        _limit: u64,
        _out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        Err(self.read_only())
    }

    pub(super) async fn create(&self, _key: &Key, _bytes: &[u8]) -> Result<(), StorageError> {
        Err(self.read_only())
    }

    pub(super) async fn replace(
        &self,
        _key: &Key,
        _expected: Option<&Revision>,
        _bytes: &[u8],
    ) -> Result<(), StorageError> {
        Err(self.read_only())
    }

    pub(super) async fn delete(&self, _key: &Key) -> Result<(), StorageError> {
        Err(self.read_only())
    }

    pub(super) async fn list(&self, _prefix: &str) -> Result<Vec<Key>, StorageError> {
        Err(self.read_only())
    }
}
