//! Storages that a caller has at hand, by the places that they stand for.

use std::{collections::BTreeMap, sync::Arc};

use super::Storage;
use crate::location::Location;

/// Storages that a caller has at hand: a program may bring a registry of its own, and a test
/// one in memory. What is at one of these places is read and written there, and no host is
/// asked.
#[derive(Debug, Clone, Default)]
pub struct Storages {
    by_url: Arc<BTreeMap<String, Storage>>,
}

impl Storages {
    /// These and one more; a storage that is already known for the place gives way to it.
    #[must_use]
    pub fn with(mut self, place: &Location, storage: Storage) -> Self {
        Arc::make_mut(&mut self.by_url).insert(place.url(), storage);
        self
    }

    /// The storage for a place, if there is one at hand.
    pub fn at(&self, place: &Location) -> Option<&Storage> {
        self.by_url.get(&place.url())
    }
}

#[cfg(test)]
mod tests {
    use lumen_core::Key;

    use super::*;
    use crate::storage::{HostOptions, MemoryStorage};

    #[tokio::test]
    async fn a_storage_at_hand_is_opened_in_place_of_its_host() {
        let place = |url: &str| Location::parse(url).unwrap();
        let memory = Storage::Memory(MemoryStorage::new());
        let key = Key::global_index();
        memory.create(&key, b"{}").await.unwrap();
        let urls = [
            "https://r.example/x",
            "file:///nowhere/x",
            "s3://b/x",
            "git+https://r.example/x",
        ];
        for url in urls {
            let options = HostOptions {
                storages: Storages::default().with(&place(url), memory.clone()),
                ..HostOptions::default()
            };
            let opened = Storage::open(&place(url), &options).unwrap();
            assert!(opened.get(&key, 9).await.unwrap().is_some(), "{url}");
            let other = Storage::open(&place("file:///nowhere/else"), &options).unwrap();
            assert!(matches!(other, Storage::File(_)));
        }
    }
}
