//! Reads: whole files, with validators; large ones, piece by piece; listings.

use futures::{TryStreamExt as _, stream::BoxStream};
use lumen_core::{
    Key,
    key::kind::FileKind,
    limits::{MAX_BELIEVED_BYTES, MAX_LISTED},
};
use object_store::{
    Attribute, GetOptions, GetRange, GetResult, ObjectMeta, list::PaginatedListOptions,
};
use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderValue};

use super::{Action, ObjectStorage, client::Trace};
use crate::storage::{
    Fetched, Revision, Sink, StorageError, Validators,
    bound::LISTED,
    http::{Caching, Clock, Failure, Late, PROGRESS, Pace},
};

/// An answer to a read.
pub(super) enum Answer {
    Absent,
    NotModified,
    Found(GetResult),
}

/// A file as it was read.
pub(super) struct Object {
    pub(super) bytes: Vec<u8>,
    pub(super) revision: Revision,
    validators: Validators,
    caching: Caching,
}

enum Read {
    Absent,
    NotModified,
    Found(Box<Object>),
}

impl ObjectStorage {
    /// Reads a file of at most `limit` bytes, unless it is still what the validators say.
    ///
    /// # Errors
    /// As [`crate::Storage::get`].
    pub async fn fetch(
        &self,
        key: &Key,
        limit: u64,
        validators: Option<&Validators>,
    ) -> Result<Fetched, StorageError> {
        let etag = validators.and_then(|validators| validators.etag.as_deref());
        let read = self.read(key, limit, etag).await?;
        if key.kind() == FileKind::Index && *key != Key::global_index() {
            self.inner.activity.read_index();
        }
        Ok(match read {
            Read::Absent => Fetched::Absent,
            // The host keeps the headers that the publisher set, and these are the same for
            // every version of a file.
            Read::NotModified => Fetched::NotModified { max_age: 0 },
            Read::Found(object) => Fetched::Found {
                bytes: object.bytes,
                validators: object.validators,
                max_age: object.caching.max_age,
                keep: object.caching.keep,
            },
        })
    }

    pub(in crate::storage) async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        let object = self.object(key, limit).await?;
        Ok(object.map(|object| (object.bytes, object.revision)))
    }

    /// Whether a file is there.
    pub(in crate::storage) async fn has(&self, key: &Key) -> Result<bool, StorageError> {
        let mut tries = self.tries(&self.file(key));
        loop {
            let asking = async {
                let options = GetOptions {
                    head: true,
                    ..GetOptions::default()
                };
                let _permit = self.permit().await;
                self.ask(key, options).await
            };
            match tries.once(asking).await {
                Ok(answer) => return Ok(!matches!(answer, Answer::Absent)),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    /// A file with all that is known of it.
    pub(super) async fn object(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<Object>, StorageError> {
        Ok(match self.read(key, limit, None).await? {
            Read::Found(object) => Some(*object),
            Read::Absent | Read::NotModified => None,
        })
    }

    async fn read(&self, key: &Key, limit: u64, etag: Option<&str>) -> Result<Read, StorageError> {
        let mut tries = self.tries(&self.file(key));
        loop {
            match tries.once(self.read_once(key, limit, etag)).await {
                Ok(read) => return Ok(read),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn read_once(&self, key: &Key, limit: u64, etag: Option<&str>) -> Result<Read, Failure> {
        let _permit = self.permit().await;
        let options = GetOptions {
            if_none_match: etag.map(str::to_owned),
            ..GetOptions::default()
        };
        let found = match self.ask(key, options).await? {
            Answer::Absent => return Ok(Read::Absent),
            Answer::NotModified => return Ok(Read::NotModified),
            Answer::Found(found) => found,
        };
        let size = found.meta.size;
        if size > limit {
            return Err(self.too_large(key, limit));
        }
        let control = found.attributes.get(&Attribute::CacheControl);
        let caching = caching(control.map(|value| value.as_ref()));
        let mut object = Object {
            bytes: Vec::with_capacity(size.min(MAX_BELIEVED_BYTES) as usize),
            revision: Revision::of_object(
                found.meta.e_tag.as_deref(),
                found.meta.version.as_deref(),
            ),
            validators: Validators {
                etag: found.meta.e_tag.clone().filter(|etag| etag.len() <= 1024),
                last_modified: None,
            },
            caching,
        };
        let (mut pace, mut stream) = (self.pace(), found.into_stream());
        while let Some(chunk) = self.next(key, &mut pace, &mut stream).await? {
            object.bytes.extend_from_slice(&chunk);
            if object.bytes.len() as u64 > limit {
                return Err(self.too_large(key, limit));
            }
        }
        match object.bytes.len() as u64 == size {
            true => Ok(Read::Found(Box::new(object))),
            false => Err(self.broken(key, "the transfer broke off")),
        }
    }

    pub(in crate::storage) async fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let mut tries = self.tries(&self.file(key));
        let mut received = 0;
        loop {
            let before = received;
            let reading = self.read_on(key, limit, &mut received, out);
            match tries.once(reading).await {
                Ok(found) => return Ok(found.then_some(received)),
                Err(failure) => {
                    if received - before >= PROGRESS {
                        tries.begin_again(&self.inner.options);
                    }
                    tries.wait(failure).await?;
                }
            }
        }
    }

    /// Appends what is still missing to `out`; `false` when there is no such file.
    async fn read_on(
        &self,
        key: &Key,
        limit: u64,
        received: &mut u64,
        out: Sink<'_>,
    ) -> Result<bool, Failure> {
        let _permit = self.permit().await;
        let options = GetOptions {
            range: (*received > 0).then_some(GetRange::Offset(*received)),
            ..GetOptions::default()
        };
        let found = match self.ask(key, options).await? {
            Answer::Found(found) => found,
            Answer::Absent if *received == 0 => return Ok(false),
            Answer::Absent | Answer::NotModified => {
                return Err(Failure::final_(self.vanished(key)));
            }
        };
        let size = found.meta.size;
        if size > limit {
            return Err(self.too_large(key, limit));
        }
        let (mut pace, mut stream) = (self.pace(), found.into_stream());
        while let Some(chunk) = self.next(key, &mut pace, &mut stream).await? {
            if *received + chunk.len() as u64 > limit {
                return Err(self.too_large(key, limit));
            }
            out.write_all(&chunk)
                .map_err(|error| Failure::final_(error.into()))?;
            *received += chunk.len() as u64;
        }
        match *received == size {
            true => Ok(true),
            false => Err(self.broken(key, "the transfer broke off")),
        }
    }

    /// Whether a file has exactly these bytes; `None` when there is no such file. With its revision.
    pub(super) async fn compare(
        &self,
        key: &Key,
        bytes: &[u8],
    ) -> Result<Option<(bool, Revision)>, StorageError> {
        let mut tries = self.tries(&self.file(key));
        loop {
            match tries.once(self.compare_once(key, bytes)).await {
                Ok(found) => return Ok(found),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn compare_once(
        &self,
        key: &Key,
        bytes: &[u8],
    ) -> Result<Option<(bool, Revision)>, Failure> {
        let _permit = self.permit().await;
        let Answer::Found(found) = self.ask(key, GetOptions::default()).await? else {
            return Ok(None);
        };
        let revision =
            Revision::of_object(found.meta.e_tag.as_deref(), found.meta.version.as_deref());
        let mut rest = bytes;
        if found.meta.size == rest.len() as u64 {
            let (mut pace, mut stream) = (self.pace(), found.into_stream());
            while let Some(chunk) = self.next(key, &mut pace, &mut stream).await? {
                match rest.strip_prefix(&chunk[..]) {
                    Some(after) => rest = after,
                    None => return Ok(Some((false, revision))),
                }
            }
            match rest.is_empty() {
                true => return Ok(Some((true, revision))),
                false => return Err(self.broken(key, "the transfer broke off")),
            }
        }
        Ok(Some((false, revision)))
    }

    /// All keys that start with `prefix`, sorted; names with a part that starts with a dot are no registry's.
    pub(in crate::storage) async fn list(&self, prefix: &str) -> Result<Vec<Key>, StorageError> {
        let objects = self.list_objects(prefix).await?;
        Ok(objects.into_iter().map(|(key, _)| key).collect())
    }

    /// The same, with all that the host says of them.
    pub(super) async fn list_objects(
        &self,
        prefix: &str,
    ) -> Result<Vec<(Key, ObjectMeta)>, StorageError> {
        let own = self.inner.location.prefix.as_str();
        let whole = format!("{own}{prefix}");
        let mut keys = Vec::new();
        let mut token = None;
        loop {
            let mut tries = self.tries(&self.inner.location.file(prefix));
            let page = loop {
                match tries.once(self.page(&whole, token.clone())).await {
                    Ok(page) => break page,
                    Err(failure) => tries.wait(failure).await?,
                }
            };
            for object in page.result.objects {
                let name = object.location.as_ref().strip_prefix(own);
                let Some(name) = name.filter(|name| name.starts_with(prefix)) else {
                    continue;
                };
                if name.split('/').any(|part| part.starts_with('.')) {
                    continue;
                }
                let key = Key::parse(name).ok();
                keys.extend(key.map(|key| (key, object)));
            }
            if keys.len() > MAX_LISTED {
                return Err(StorageError::Transfer {
                    file: self.inner.location.file(prefix),
                    reason: LISTED.to_owned(),
                });
            }
            let next = page.page_token;
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys.dedup_by(|a, b| a.0 == b.0);
        Ok(keys)
    }

    async fn page(
        &self,
        prefix: &str,
        page_token: Option<String>,
    ) -> Result<object_store::list::PaginatedListResult, Failure> {
        let _permit = self.permit().await;
        let trace = Trace::default();
        let mut options = PaginatedListOptions {
            page_token,
            ..PaginatedListOptions::default()
        };
        options.extensions.insert(trace.clone());
        let prefix = (!prefix.is_empty()).then_some(prefix);
        let page = self.inner.pages.0.list_paginated(prefix, options).await;
        page.map_err(|error| {
            let folder = format!("{}/", self.url());
            self.failure(Action::List, folder, &error, &trace)
        })
    }

    pub(super) async fn ask(&self, key: &Key, mut options: GetOptions) -> Result<Answer, Failure> {
        let trace = Trace::streaming();
        options.extensions.insert(trace.clone());
        let path = self.path(key).map_err(Failure::final_)?;
        let conditional = options.if_none_match.is_some();
        let error = match self.inner.store.get_opts(&path, options).await {
            Ok(found) => return Ok(Answer::Found(found)),
            Err(error) => error,
        };
        let seen = trace.seen();
        match seen.status {
            Some(404 | 410) if !super::is_no_bucket(seen.code.as_deref()) => Ok(Answer::Absent),
            Some(304) if conditional => Ok(Answer::NotModified),
            _ => Err(self.failure(Action::Read, self.file(key), &error, &trace)),
        }
    }

    fn pace(&self) -> Pace {
        Pace::new(&self.inner.traffic, &self.inner.options, &Clock::default())
    }

    /// The next piece of a body, which must not keep us waiting for ever.
    async fn next<T: AsRef<[u8]>>(
        &self,
        key: &Key,
        pace: &mut Pace,
        stream: &mut BoxStream<'static, object_store::Result<T>>,
    ) -> Result<Option<T>, Failure> {
        let length = |chunk: &Option<T>| chunk.as_ref().map_or(0, |chunk| chunk.as_ref().len());
        let reason = |error: &object_store::Error| super::root_cause(error);
        let chunk = pace.wait(stream.try_next(), reason, length).await;
        chunk.map_err(|late| match late {
            Late::Slow(reason) => self.broken(key, &reason),
            Late::Overdue(exceeded) => Failure::final_(exceeded.into()),
        })
    }

    fn broken(&self, key: &Key, reason: &str) -> Failure {
        Failure::again(StorageError::Transfer {
            file: self.file(key),
            reason: super::shown(reason),
        })
    }

    fn vanished(&self, key: &Key) -> StorageError {
        StorageError::Transfer {
            file: self.file(key),
            reason: "the file vanished while it was read".into(),
        }
    }

    fn too_large(&self, key: &Key, limit: u64) -> Failure {
        Failure::final_(StorageError::TooLarge {
            file: self.file(key),
            limit,
        })
    }
}

fn caching(cache_control: Option<&str>) -> Caching {
    let value = cache_control.and_then(|value| HeaderValue::from_str(value).ok());
    let headers: HeaderMap = value
        .map(|value| (CACHE_CONTROL, value))
        .into_iter()
        .collect();
    Caching::of(&headers)
}
