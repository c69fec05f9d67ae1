//! From the cache or the host, as fresh as asked for.

use std::sync::{PoisonError, atomic::Ordering};

use lumen_core::{Digest, Key};

use super::{Freshness, ReadError, Source, check};
use crate::{
    cache::{self, Body, Cache, Cached, LONGEST_FRESHNESS},
    storage::{Fetched, Storage, StorageError, Validators},
};

impl Source {
    /// Reads a mutable file. `examine` takes bytes from outside, `parse` bytes that were checked before.
    /// With a cache buster, no cache answers.
    pub(super) async fn read_mutable<T>(
        &self,
        (cache, buster): (&Cache, Option<&str>),
        key: &Key,
        limit: u64,
        examine: impl Fn(&str, &[u8]) -> Result<T, ReadError>,
        parse: impl Fn(&str, &[u8]) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let file = self.inner.storage.describe(key);
        let storage = &self.inner.storage;
        if !storage.capabilities().remote {
            let bytes = self.read_here(key, limit).await?;
            let value = bytes.map(|bytes| examine(&file, &bytes)).transpose();
            return value.map_err(|error| self.to_show(error));
        }
        let cached = cache.get(key);
        let parse_cached = |cached: &Cached| match &cached.body {
            Some(body) => parse(&file, &body.bytes).map(Some),
            None => Ok(None),
        };
        match (&cached, self.freshness()) {
            (Some(cached), Freshness::Offline) => return parse_cached(cached),
            (None, Freshness::Offline) => return Err(ReadError::Offline { file }),
            _ if buster.is_some() => {}
            (Some(cached), _) if self.is_confirmed(key) => return parse_cached(cached),
            // That there is no such package may have changed a moment ago.
            (Some(cached), Freshness::Normal)
                if cached.body.is_some() && cached.is_fresh(cache::now(), LONGEST_FRESHNESS) =>
            {
                self.inner.unconfirmed_used.store(true, Ordering::Relaxed);
                return parse_cached(cached);
            }
            _ => {}
        }
        let known = cached.filter(|cached| cached.body.is_some() && !cached.validators.is_empty());
        let validators = known.as_ref().map(|cached| &cached.validators);
        let validators = validators.filter(|_| buster.is_none());
        let fetched = storage.fetch(key, limit, validators, buster).await?;
        let (value, answer) = match (fetched, known) {
            (Fetched::NotModified { max_age }, Some(known)) => {
                let value = parse_cached(&known)?;
                cache.touch(key, cache::now(), max_age);
                self.confirm(key);
                return Ok(value);
            }
            (Fetched::NotModified { .. }, None) => return Err(unasked(storage, key).into()),
            (Fetched::Absent, _) => (None, Some(answer(None, 0, Validators::default()))),
            (
                Fetched::Found {
                    bytes,
                    validators,
                    max_age,
                    keep,
                },
                _,
            ) => {
                let value = examine(&file, &bytes).map_err(|error| self.to_show(error))?;
                let body = || Body {
                    digest: Digest::of(&bytes),
                    bytes: bytes.into(),
                };
                let answer = keep.then(|| answer(Some(body()), max_age, validators));
                (Some(value), answer)
            }
        };
        if let Some(answer) = answer {
            cache.put(key, &answer);
            self.confirm(key);
        }
        Ok(value)
    }

    /// Reads a file that never changes once it is there. With a cache buster, no cache answers.
    pub(crate) async fn read_immutable<T>(
        &self,
        key: &Key,
        limit: u64,
        (expected, buster): (Option<Digest>, Option<&str>),
        examine: impl Fn(&str, &[u8]) -> Result<T, ReadError>,
        parse: impl Fn(&str, &[u8]) -> Result<T, ReadError>,
    ) -> Result<Option<(T, Digest)>, ReadError> {
        let file = self.inner.storage.describe(key);
        let verified = |actual: Digest| match expected {
            Some(expected) if expected != actual => Err(ReadError::Hash {
                file: file.clone(),
                expected,
                actual,
            }),
            _ => Ok(actual),
        };
        let storage = &self.inner.storage;
        if !storage.capabilities().remote {
            let Some(bytes) = self.read_here(key, limit).await? else {
                return Ok(None);
            };
            let digest = verified(Digest::of(&bytes))?;
            let value = examine(&file, &bytes).map_err(|error| self.to_show(error))?;
            return Ok(Some((value, digest)));
        }
        let cache = &self.inner.cache;
        let body = cache.get(key).and_then(|cached| cached.body);
        let believed =
            |body: &Body| buster.is_none() && expected.is_none_or(|digest| digest == body.digest);
        if let Some(body) = body.filter(believed) {
            return Ok(Some((parse(&file, &body.bytes)?, body.digest)));
        }
        if self.freshness() == Freshness::Offline {
            return Err(ReadError::Offline { file });
        }
        let fetched = storage.fetch(key, limit, None, buster).await?;
        match fetched {
            Fetched::Absent => Ok(None),
            Fetched::NotModified { .. } => Err(unasked(storage, key).into()),
            Fetched::Found { bytes, keep, .. } => {
                let digest = verified(Digest::of(&bytes))?;
                let value = examine(&file, &bytes).map_err(|error| self.to_show(error))?;
                if keep {
                    let body = Body {
                        digest,
                        bytes: bytes.into(),
                    };
                    cache.put(key, &answer(Some(body), u32::MAX, Validators::default()));
                }
                Ok(Some((value, digest)))
            }
        }
    }

    /// An error about a file, with no more of its text than may be shown.
    fn to_show(&self, error: ReadError) -> ReadError {
        match self.inner.storage.is_of_a_host() {
            true => check::without_text(error),
            false => error,
        }
    }

    /// Reads a file of a host that is not worth a cache.
    async fn read_here(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.inner.storage.read(key, limit).await?)
    }

    /// Notes that a file in the cache is the same as the server's.
    pub(crate) fn vouch_for(&self, key: &Key) {
        if self
            .inner
            .cache
            .get(key)
            .is_some_and(|cached| cached.body.is_some())
        {
            self.confirm(key);
        }
    }

    fn is_confirmed(&self, key: &Key) -> bool {
        let confirmed = self.inner.confirmed.lock();
        let confirmed = confirmed.unwrap_or_else(PoisonError::into_inner);
        confirmed.contains(key)
    }

    fn confirm(&self, key: &Key) {
        let confirmed = self.inner.confirmed.lock();
        let mut confirmed = confirmed.unwrap_or_else(PoisonError::into_inner);
        confirmed.insert(key.clone());
    }
}

pub(super) fn answer(body: Option<Body>, max_age: u32, validators: Validators) -> Cached {
    Cached {
        fetched_at: cache::now(),
        max_age,
        validators,
        body,
    }
}

fn unasked(storage: &Storage, key: &Key) -> StorageError {
    StorageError::Status {
        file: storage.describe(key),
        status: 304,
    }
}
