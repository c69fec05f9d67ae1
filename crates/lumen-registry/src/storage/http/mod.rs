//! A registry behind a web server: read only, patient, and never fooled into an absence.

mod ask;
mod body;
mod client;
mod connect;
mod download;
mod headers;
mod line;
mod options;
mod pace;
mod proxies;
mod retry;
mod zone;

use std::sync::Arc;

use lumen_core::{Key, key::kind::FileKind, limits::MAX_BELIEVED_BYTES};
use reqwest::{
    Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, RANGE,
    },
};
use tokio::sync::Semaphore;

pub(super) use self::{
    connect::Clients,
    headers::{Caching, retry_after},
    line::{Failure, Line},
    pace::{Clock, Late, Pace, Traffic},
    retry::{Tries, root_cause},
};
pub use ask::Answer;
pub use headers::Validators;
pub use options::HttpOptions;
pub use proxies::Proxies;

use self::{
    body::{Body, Coding},
    client::Client,
};
use super::{HostOptions, Presence, Revision, StorageError, requests::Requests};
use crate::{
    activity::Activity,
    location::{HttpLocation, Location},
};

/// Bytes that a try of a download must bring so that it does not count as a failure.
pub(super) const PROGRESS: u64 = 16 << 10;

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

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
    traffic: Arc<Traffic>,
    line: Line,
    activity: Activity,
    requests: Requests,
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
    pub fn new(location: HttpLocation, host: &HostOptions) -> Self {
        let options = host.http.clone();
        let traffic = Arc::new(Traffic::told(&host.activity));
        let name = client::host_of(location.base());
        let inner = Inner {
            client: Client::new(&location, host),
            permits: Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            line: Line::new(&name, host, &traffic),
            activity: host.activity.clone(),
            traffic,
            requests: Requests::new(options.limits),
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

    pub(crate) fn read_only(&self) -> StorageError {
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
        let file = self.inner.location.url(key.as_str());
        let headers = validators.map(Validators::conditions).unwrap_or_default();
        let fetched = self
            .fetch_patiently(file, limit, headers, Coding::ACCEPTED)
            .await?;
        if key.kind() == FileKind::Index && *key != Key::global_index() {
            self.inner.activity.read_index();
        }
        Ok(fetched)
    }

    /// Reads a file as a server sends it to a client that accepts only `coding`: `gzip`, `br`,
    /// `zstd`, or `identity` for the file as it is stored. The bytes are decoded.
    ///
    /// # Errors
    /// As [`super::Storage::get`].
    pub(crate) async fn fetch_coded(
        &self,
        key: &Key,
        limit: u64,
        coding: &'static str,
    ) -> Result<Fetched, StorageError> {
        let file = self.inner.location.url(key.as_str());
        self.fetch_patiently(file, limit, HeaderMap::new(), coding)
            .await
    }

    /// Reads a file past the caches on the way, which have it under a name without `buster`.
    ///
    /// # Errors
    /// As [`super::Storage::get`].
    pub async fn fetch_uncached(
        &self,
        key: &Key,
        limit: u64,
        buster: &str,
    ) -> Result<Fetched, StorageError> {
        let file = format!("{}?c={buster}", self.inner.location.url(key.as_str()));
        let no_cache = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let headers = HeaderMap::from_iter([no_cache]);
        self.fetch_patiently(file, limit, headers, Coding::ACCEPTED)
            .await
    }

    /// Whether a file is there: by its head or, where the server gives none, by its first bytes.
    pub(super) async fn presence(&self, key: &Key) -> Result<Presence, StorageError> {
        let file = self.inner.location.url(key.as_str());
        let mut tries = self.tries(&file);
        loop {
            match tries.once(self.presence_once(&file)).await {
                Ok(presence) => return Ok(presence),
                Err(failure) => tries.wait(failure).await?,
            }
        }
    }

    async fn presence_once(&self, file: &str) -> Result<Presence, Failure> {
        let _permit = self.permit().await;
        self.count_request()?;
        let head = self.inner.client.head(file).await?;
        if head.status() == StatusCode::OK {
            return Ok(there_unless_page(&head));
        }
        // Some hosts answer every `HEAD` with an error, and 404 may be one, too.
        self.count_request()?;
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, IDENTITY)]);
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        // The answer is dropped before its body, which may be the whole file.
        let answer = self.inner.client.get(file, &headers).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(there_unless_page(&answer)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Presence::Absent),
            // It is empty.
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Presence::Unclear),
            _ => Err(self.refusal(file, &answer)),
        }
    }

    async fn fetch_patiently(
        &self,
        file: String,
        limit: u64,
        mut headers: HeaderMap,
        accepted: &'static str,
    ) -> Result<Fetched, StorageError> {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        let mut tries = self.tries(&file);
        loop {
            let mut coding = Coding::Identity;
            let fetching = self.fetch_once(&file, limit, &headers, &mut coding);
            let failure = match tries.once(fetching).await {
                Ok(fetched) => return Ok(fetched),
                Err(failure) => failure,
            };
            // A compressed copy may be damaged where the file is not.
            if coding != Coding::Identity {
                headers.insert(ACCEPT_ENCODING, IDENTITY);
            }
            tries.wait(failure).await?;
        }
    }

    pub(super) async fn get(
        &self,
        key: &Key,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, StorageError> {
        match self.fetch(key, limit, None).await? {
            Fetched::Found { bytes, .. } => Ok(Some(Revision::with(bytes))),
            Fetched::Absent | Fetched::NotModified { .. } => Ok(None),
        }
    }

    /// One try; says which coding the answer has.
    async fn fetch_once(
        &self,
        file: &str,
        limit: u64,
        headers: &HeaderMap,
        coding: &mut Coding,
    ) -> Result<Fetched, Failure> {
        let _permit = self.permit().await;
        self.count_request()?;
        let response = self.inner.client.get(file, headers).await?;
        let caching = Caching::of(response.headers());
        let is_conditional = || {
            headers
                .keys()
                .any(|name| name == IF_NONE_MATCH || name == IF_MODIFIED_SINCE)
        };
        match response.status() {
            StatusCode::OK => {
                let validators = Validators::of(response.headers());
                *coding = coding_of(file, &response)?;
                let body = Body::new(response, *coding, limit, self.pace(&Clock::default()));
                // The length is a claim; reserve only this much before bytes arrive.
                let expected = body.length().unwrap_or_default().min(MAX_BELIEVED_BYTES);
                let mut bytes = Vec::with_capacity(expected as usize);
                let read = body.read(|chunk| {
                    bytes.extend_from_slice(chunk);
                    Ok(())
                });
                read.await.map_err(|stop| stop.failure(file, limit))?;
                Ok(Fetched::Found {
                    bytes,
                    validators,
                    max_age: caching.max_age,
                    keep: caching.keep,
                })
            }
            StatusCode::NOT_MODIFIED if is_conditional() => Ok(Fetched::NotModified {
                max_age: caching.max_age,
            }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Fetched::Absent),
            _ => Err(self.refusal(file, &response)),
        }
    }

    fn tries(&self, file: &str) -> Tries<'_> {
        Tries::new(&self.inner.options, &self.inner.line, file)
    }

    fn refusal(&self, file: &str, response: &Response) -> Failure {
        retry::refusal(file.to_owned(), response, self.location().acquaintance())
    }

    fn pace(&self, clock: &Clock) -> Pace {
        Pace::new(&self.inner.traffic, &self.inner.options, clock)
    }

    /// Allows as many requests as it takes to read all files of a registry.
    pub(crate) fn allow_mirroring(&self) {
        self.inner.requests.allow_mirroring();
    }

    /// Counts a request that is about to be made.
    fn count_request(&self) -> Result<(), Failure> {
        let checked = self.inner.requests.count(self.inner.location.base());
        checked.map_err(|exceeded| Failure::final_(exceeded.into()))
    }

    async fn permit(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.inner.permits.acquire().await.ok()
    }
}

/// Some servers answer every path with a page.
fn there_unless_page(answer: &Response) -> Presence {
    let kind = answer.headers().get(CONTENT_TYPE);
    match kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        true => Presence::Unclear,
        false => Presence::There,
    }
}

/// The compression of an answer; an error for one that was not asked for.
fn coding_of(file: &str, response: &Response) -> Result<Coding, Failure> {
    Coding::of(response.headers()).map_err(|name| {
        Failure::final_(StorageError::Transfer {
            file: file.to_owned(),
            reason: format!("the server compresses it as `{name}`, which was not asked for"),
        })
    })
}
