//! What takes the place of a host that this build leaves out.

use std::{convert::Infallible, marker::PhantomData};

use lumen_core::Key;

use super::{HostOptions, Listed, Revision, Sink, StorageError};
use crate::location::Location;

/// An address of hosts that a feature of this crate supports.
pub trait Address: Clone {
    /// The name of the feature.
    const FEATURE: &'static str;

    /// The address among all kinds.
    fn location(&self) -> Location;
}

/// A storage that cannot be made. It has the methods of the host at an `L`, so that a caller
/// need not know which hosts this build supports.
#[derive(Debug, Clone)]
pub struct Absent<L> {
    never: Infallible,
    place: PhantomData<L>,
}

impl<L: Address> Absent<L> {
    /// Opens nothing.
    ///
    /// # Errors
    /// [`StorageError::LeftOut`], always.
    pub fn new(location: &L, _: &HostOptions) -> Result<Self, StorageError> {
        Err(StorageError::LeftOut {
            location: location.location().to_string(),
            feature: L::FEATURE,
        })
    }

    /// The address.
    pub fn location(&self) -> &L {
        match self.never {}
    }

    pub(super) async fn get(
        &self,
        _: &Key,
        _: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        match self.never {}
    }

    pub(super) async fn has(&self, _: &Key) -> Result<bool, StorageError> {
        match self.never {}
    }

    pub(super) async fn create(&self, _: &Key, _: &[u8]) -> Result<(), StorageError> {
        match self.never {}
    }

    pub(super) async fn replace(
        &self,
        _: &Key,
        _: Option<&Revision>,
        _: &[u8],
    ) -> Result<(), StorageError> {
        match self.never {}
    }

    pub(super) async fn delete(&self, _: &Key) -> Result<(), StorageError> {
        match self.never {}
    }

    pub(super) async fn list(&self, _: &str) -> Result<Vec<Key>, StorageError> {
        match self.never {}
    }

    pub(super) async fn read_to(
        &self,
        _: &Key,
        _: u64,
        _: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        match self.never {}
    }
}

#[cfg(not(feature = "bucket"))]
mod bucket {
    use std::time::Duration;

    use super::{Absent, Address, Key, Listed, StorageError};
    use crate::{
        location::{Location, ObjectLocation},
        storage::{Fetched, Validators},
    };

    impl Address for ObjectLocation {
        const FEATURE: &'static str = "bucket";

        fn location(&self) -> Location {
            Location::Object(self.clone())
        }
    }

    impl Absent<ObjectLocation> {
        pub(in crate::storage) fn time(&self) -> Option<i64> {
            match self.never {}
        }

        pub(in crate::storage) fn allow_mirroring(&self) {
            match self.never {}
        }

        pub(crate) fn first_delay(&self) -> Duration {
            match self.never {}
        }

        pub(crate) fn identity(&self) -> String {
            match self.never {}
        }

        pub(crate) fn forget(&self) {
            match self.never {}
        }

        pub(in crate::storage) async fn fetch(
            &self,
            _: &Key,
            _: u64,
            _: Option<&Validators>,
        ) -> Result<Fetched, StorageError> {
            match self.never {}
        }

        pub(in crate::storage) async fn list_files(
            &self,
            _: &str,
        ) -> Result<Vec<Listed>, StorageError> {
            match self.never {}
        }

        pub(in crate::storage) async fn remove(&self, _: &Listed) -> Result<bool, StorageError> {
            match self.never {}
        }

        pub(in crate::storage) async fn freshen(&self, _: &Key) -> Result<bool, StorageError> {
            match self.never {}
        }
    }
}

#[cfg(not(feature = "git"))]
mod git {
    use std::{io, path::Path};

    use super::{Absent, Address, Key, StorageError};
    use crate::{
        location::{GitLocation, Location},
        storage::Storage,
    };

    impl Address for GitLocation {
        const FEATURE: &'static str = "git";

        fn location(&self) -> Location {
            Location::Git(self.clone())
        }
    }

    impl Absent<GitLocation> {
        /// Does nothing: there are no clones.
        ///
        /// # Errors
        /// None.
        pub fn remove_clones(_: &Path) -> io::Result<()> {
            Ok(())
        }

        pub(in crate::storage) async fn together<T, E: From<StorageError>>(
            &self,
            _: &str,
            _: impl AsyncFn(&Storage) -> Result<T, E>,
        ) -> Result<T, E> {
            match self.never {}
        }

        pub(in crate::storage) async fn prefetch(&self, _: &[Key]) -> Result<(), StorageError> {
            match self.never {}
        }

        pub(in crate::storage) async fn list_sizes(
            &self,
            _: &str,
        ) -> Result<Vec<(Key, Option<u64>)>, StorageError> {
            match self.never {}
        }
    }
}
