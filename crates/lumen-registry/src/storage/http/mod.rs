//! A registry behind a web server: read only, patient, and never fooled into an absence.

mod client;
mod headers;
mod retry;

use std::{sync::Arc, time::Duration};

use lumen_core::Key;
use reqwest::{
    Response, StatusCode,
    header::{CACHE_CONTROL, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE},
};
use tokio::sync::Semaphore;

pub use headers::Validators;

use self::{client::Client, retry::Failure};
use super::{Revision, Sink, StorageError};
use crate::location::{HttpLocation, Location};

/// Patience and politeness towards web servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence while waiting for an answer or its next bytes.
    pub read_timeout: Duration,
    /// Tries per file, the first included.
    pub tries: usize,
    /// Wait before the second try; doubles from then on.
    pub first_delay: Duration,
    /// Longest wait that a server may ask for with `Retry-After`.
    pub longest_delay: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            tries: 3,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(20),
            concurrency: 64,
        }
    }
}

/// A registry behind a web server; clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpStorage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    location: HttpLocation,
    options: HttpOptions,
    client: Client,
    permits: Semaphore,
}

/// The answer to a metadata request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// There is no such file.
    Absent,
    /// The file is still what the validators say.
    NotModified {
        /// Seconds for which this may be reused without asking again.
        max_age: u32,
    },
    /// The file.
    Found {
        /// Its contents.
        bytes: Vec<u8>,
        /// What to send when asking again.
        validators: Validators,
        /// Seconds for which this may be reused without asking again.
        max_age: u32,
        /// Whether it may be kept on the disk.
        keep: bool,
    },
}

impl HttpStorage {
    /// The storage at this address; connects when something is read.
    pub fn new(location: HttpLocation, options: HttpOptions) -> Self {
        let inner = Inner {
            client: Client::new(&location, &options),
            permits: Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            location,
            options,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The address.
    pub fn location(&self) -> &HttpLocation {
        &self.inner.location
    }

    pub(super) fn read_only(&self) -> StorageError {
        StorageError::ReadOnly {
            location: Location::Http(self.inner.location.clone()).to_string(),
        }
    }

    /// Reads a file of at most `limit` bytes, unless it is still what the validators say.
    ///
    /// # Errors
    /// As [`super::Storage::get`].
    pub async fn fetch(
        &self,
        key: &Key,
        limit: u64,
        validators: Option<&Validators>,
    ) -> Result<Fetched, StorageError> {
        let mut tries = retry::Tries::new(&self.inner.options);
        loop {
            match self.fetch_once(key, limit, validators, None).await {
                Ok(fetched) => return Ok(fetched),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    /// Reads a file past the caches on the way, which have it under a name without `mark`.
    ///
    /// # Errors
    /// As [`super::Storage::get`].
    pub async fn fetch_anew(
        &self,
        key: &Key,
        limit: u64,
        mark: &str,
    ) -> Result<Fetched, StorageError> {
        let mut tries = retry::Tries::new(&self.inner.options);
        loop {
            match self.fetch_once(key, limit, None, Some(mark)).await {
                Ok(fetched) => return Ok(fetched),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    pub(super) async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        match self.fetch(key, limit, None).await? {
            Fetched::Found { bytes, .. } => {
                let revision = Revision::of(&bytes);
                Ok(Some((bytes, revision)))
            }
            Fetched::Absent | Fetched::NotModified { .. } => Ok(None),
        }
    }

    pub(super) async fn read_to(
        &self,
        key: &Key,
        limit: u64,
        out: Sink<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let mut tries = retry::Tries::new(&self.inner.options);
        let mut received = 0;
        loop {
            match self.read_once(key, limit, &mut received, out).await {
                Ok(found) => return Ok(found.then_some(received)),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn fetch_once(
        &self,
        key: &Key,
        limit: u64,
        validators: Option<&Validators>,
        mark: Option<&str>,
    ) -> Result<Fetched, Failure> {
        let mut file = self.inner.location.url(key.as_str());
        let mut headers = HeaderMap::new();
        if let Some(mark) = mark {
            file = format!("{file}?c={mark}");
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let mut conditional = false;
        if let Some(validators) = validators {
            let values = [
                (IF_NONE_MATCH, &validators.etag),
                (IF_MODIFIED_SINCE, &validators.last_modified),
            ];
            for (name, value) in values {
                if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
                    headers.insert(name, value);
                    conditional = true;
                }
            }
        }
        let _permit = self.permit().await;
        let response = self.inner.client.get(&file, headers).await?;
        let caching = headers::Caching::of(response.headers());
        match response.status() {
            StatusCode::OK => {
                let validators = Validators::of(response.headers());
                Ok(Fetched::Found {
                    bytes: whole_body(&file, response, limit).await?,
                    validators,
                    max_age: caching.max_age,
                    keep: caching.keep,
                })
            }
            StatusCode::NOT_MODIFIED if conditional => Ok(Fetched::NotModified {
                max_age: caching.max_age,
            }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Fetched::Absent),
            _ => Err(retry::refusal(file, &response)),
        }
    }

    /// Appends what is still missing to `out`; `false` when there is no such file.
    async fn read_once(
        &self,
        key: &Key,
        limit: u64,
        received: &mut u64,
        out: Sink<'_>,
    ) -> Result<bool, Failure> {
        let file = self.inner.location.url(key.as_str());
        let mut range = HeaderMap::new();
        if *received > 0 {
            range.insert(RANGE, headers::range_from(*received));
        }
        let _permit = self.permit().await;
        let mut response = self.inner.client.get(&file, range).await?;
        // The file is content-addressed: what a server without ranges sends again is the same.
        let mut skip = match response.status() {
            StatusCode::OK => *received,
            StatusCode::PARTIAL_CONTENT
                if headers::range_start(response.headers()) == Some(*received) =>
            {
                0
            }
            StatusCode::NOT_FOUND | StatusCode::GONE if *received == 0 => return Ok(false),
            _ => return Err(retry::refusal(file, &response)),
        };
        let expected = response.content_length().unwrap_or_default();
        if expected.saturating_sub(skip) > limit.saturating_sub(*received) {
            return Err(too_large(&file, limit));
        }
        while let Some(chunk) = next_chunk(&file, &mut response).await? {
            let known = usize::try_from(skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
            skip -= known as u64;
            let new = &chunk[known..];
            if *received + new.len() as u64 > limit {
                return Err(too_large(&file, limit));
            }
            out.write_all(new)
                .map_err(|error| Failure::final_(error.into()))?;
            *received += new.len() as u64;
        }
        match skip {
            0 => Ok(true),
            _ => Err(Failure::again(StorageError::Transfer {
                file,
                reason: "the file became shorter while it was read".into(),
            })),
        }
    }

    async fn permit(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.inner.permits.acquire().await.ok()
    }
}

async fn whole_body(file: &str, mut response: Response, limit: u64) -> Result<Vec<u8>, Failure> {
    let expected = response.content_length().unwrap_or_default();
    if expected > limit {
        return Err(too_large(file, limit));
    }
    // The length is a claim; believe only so much of it before bytes arrive.
    let mut body = Vec::with_capacity(expected.min(1 << 20) as usize);
    while let Some(chunk) = next_chunk(file, &mut response).await? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(too_large(file, limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn next_chunk(
    file: &str,
    response: &mut Response,
) -> Result<Option<impl std::ops::Deref<Target = [u8]> + use<>>, Failure> {
    let chunk = response.chunk().await;
    chunk.map_err(|error| Failure::again(retry::transfer(file, &error)))
}

fn too_large(file: &str, limit: u64) -> Failure {
    Failure::final_(StorageError::TooLarge {
        file: file.to_owned(),
        limit,
    })
}
