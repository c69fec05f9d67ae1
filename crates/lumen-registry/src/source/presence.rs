//! Whether an address without a package has a registry at all.
//!
//! With several registries in order, a client asks the next one for packages that one does
//! not have. A mistyped address has nothing: it must not hand all names to the next.

use std::sync::atomic::{AtomicBool, Ordering};

use lumen_core::{
    Digest, Key,
    limits::{MAX_EXPECTED, MAX_GLOBAL_INDEX_BYTES},
};
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard};

use super::{Freshness, ReadError, Source, fetch};
use crate::{
    cache::{self, Body, LONGEST_FRESHNESS},
    location::Location,
    storage::{Presence, Validators},
};

/// The signs of an unsigned registry. A signed one has signatures.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Whether anything of it was found.
    found: AtomicBool,
    /// Whether its list of packages is there; asked once.
    listed: OnceCell<bool>,
    /// Held while the index of a package is read, since an index is a sign.
    reading: RwLock<()>,
}

impl Signs {
    /// To be held while something is read that would be a sign.
    pub(super) async fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.reading.read().await
    }
}

impl Source {
    /// Whether something said that there is a registry.
    pub(crate) fn was_found(&self) -> bool {
        self.inner.signs.found.load(Ordering::Relaxed)
    }

    /// Takes note that something of the registry was found.
    pub(super) fn found_something(&self) {
        if self.inner.signs.found.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(key) = marker().filter(|key| !self.was_there(key)) {
            let body = Body {
                digest: Digest::of(b""),
                bytes: Vec::new().into(),
            };
            let seen = fetch::answer(Some(body), LONGEST_FRESHNESS, Validators::default());
            self.inner.cache.put(&key, &seen);
        }
    }

    /// Makes sure that there is a registry, so that a missing package is absent.
    ///
    /// # Errors
    /// [`ReadError::NoRegistry`], and when the host does not answer.
    pub(crate) async fn is_there(&self) -> Result<(), ReadError> {
        let signs = &self.inner.signs;
        let is_listed = || async {
            // The result of another read may save the question.
            drop(signs.reading.write().await);
            let found = signs.found.load(Ordering::Relaxed);
            Ok::<_, ReadError>(
                found
                    || self.is_known().await?
                    || self.is_listed().await?
                    || self.has_packages().await?
                    || self.has_expected().await?,
            )
        };
        let is_there = *signs.listed.get_or_try_init(is_listed).await?;
        if is_there || signs.found.load(Ordering::Relaxed) {
            self.found_something();
            return Ok(());
        }
        let storage = &self.inner.storage;
        let location = self.location().map(Location::url);
        Err(ReadError::NoRegistry {
            location: location.unwrap_or_else(|| self.name().to_owned()),
            missing: storage.describe(&Key::global_index()),
        })
    }

    /// Whether the cache knows it, as far as the cache counts.
    async fn is_known(&self) -> Result<bool, ReadError> {
        let is_known = marker().is_some_and(|key| match self.freshness() {
            Freshness::Normal => self.was_there(&key),
            Freshness::Revalidate => false,
            Freshness::Offline => self.inner.cache.contains(&key),
        });
        match !is_known && self.is_offline() {
            true => Err(ReadError::Offline {
                file: self.inner.storage.describe(&Key::global_index()),
            }),
            false => Ok(is_known),
        }
    }

    fn was_there(&self, marker: &Key) -> bool {
        let seen = self.inner.cache.get(marker);
        seen.is_some_and(|seen| seen.is_fresh(cache::now(), LONGEST_FRESHNESS))
    }

    /// Whether it has a package that earlier installs got from it. A registry that was made
    /// by hand may have no `index.json`.
    async fn has_expected(&self) -> Result<bool, ReadError> {
        for name in self.inner.expected.iter().take(MAX_EXPECTED) {
            if self.unsigned_package_index(name).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there are files of packages, where looking costs little. One that was made by
    /// hand may have no list.
    async fn has_packages(&self) -> Result<bool, ReadError> {
        let found = self.inner.storage.has_below("packages/").await?;
        Ok(found.unwrap_or(false))
    }

    /// Whether the host has the list of packages.
    async fn is_listed(&self) -> Result<bool, ReadError> {
        match self.inner.storage.presence(&Key::global_index()).await? {
            Presence::There => Ok(true),
            Presence::Absent => Ok(false),
            // A page that is there for every path, or a server that knows no `HEAD`.
            Presence::Unclear => Ok(self.global_index(MAX_GLOBAL_INDEX_BYTES).await?.is_some()),
        }
    }
}

/// A name in the cache that no file of a registry has.
fn marker() -> Option<Key> {
    Key::parse("seen/registry").ok()
}
