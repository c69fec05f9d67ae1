//! A registry in a bucket of an object store.

use lumen_core::Key;

use super::{HostOptions, Revision, Sink, StorageError};
use crate::location::{Location, ObjectLocation};

/// A registry in a bucket of an object store.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    location: ObjectLocation,
}

impl ObjectStorage {
    /// The storage at this address.
    ///
    /// # Errors
    /// When what the environment says of the host makes no sense.
    pub fn new(location: &ObjectLocation, _options: &HostOptions) -> Result<Self, StorageError> {
        Ok(Self {
            location: location.clone(),
        })
    }

    /// The address.
    pub fn location(&self) -> &ObjectLocation {
        &self.location
    }

    fn read_only(&self) -> StorageError {
        StorageError::ReadOnly {
            location: Location::Object(self.location.clone()).to_string(),
        }
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
