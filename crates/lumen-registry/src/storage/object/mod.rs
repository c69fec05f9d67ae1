//! A registry in a bucket of an object store.
//!
//! | file | what |
//! |---|---|
//! | `settings`, `profile` | the host and the credentials |
//! | `client` | how requests get there, and the results of their answers |
//! | `read` | reads, with validators and ranges; listings |
//! | `write` | conditional writes, and the meaning of their answers |
//! | `upkeep` | ages of files, and removing old ones |
//! | `probe` | whether a host respects the conditions |
//!
//! Writes depend on two conditions: `If-None-Match: *` to create, and `If-Match` to
//! replace (a generation, where a host counts them). `object_store` never tries again
//! by itself, so that an answer is always the answer to one request.

mod client;
mod probe;
mod profile;
mod read;
mod settings;
mod upkeep;
mod write;

use std::{path::PathBuf, sync::Arc, time::Duration};

use lumen_core::{Key, limits::MAX_SAID};
use object_store::{ObjectStore, UpdateVersion, list::PaginatedListStore, path::Path};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use self::{client::Trace, settings::Bucket};
use super::{
    HostOptions, HttpOptions, Revision, StorageError,
    http::{Failure, Line, Traffic, Tries, root_cause},
    requests::{Requests, is_passing},
};
use crate::{
    activity::Activity,
    location::{Location, ObjectLocation},
};

/// A registry in a bucket of an object store; clones share their connections.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    location: ObjectLocation,
    options: HttpOptions,
    store: Arc<dyn ObjectStore>,
    pages: Arc<Pages>,
    host: String,
    lacks: Option<String>,
    state: Option<PathBuf>,
    permits: Semaphore,
    traffic: Arc<Traffic>,
    line: Line,
    activity: Activity,
    requests: Arc<Requests>,
    /// Set once the host is known to keep conditions.
    probed: OnceCell<()>,
}

/// Listing, which `object_store` does not want to be `Debug`.
struct Pages(Arc<dyn PaginatedListStore>);

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages")
    }
}

/// The purpose of a request; decides the words of its failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Read,
    Write,
    List,
    Delete,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

impl ObjectStorage {
    /// The storage at this address; connects with the first request.
    ///
    /// # Errors
    /// When the settings of the host in the environment are invalid.
    pub fn new(location: &ObjectLocation, options: &HostOptions) -> Result<Self, StorageError> {
        let requests = Arc::new(Requests::new(options.http.limits));
        let Bucket {
            store,
            pages,
            host,
            lacks,
        } = Bucket::new(location, options, &requests).map_err(|reason| StorageError::Settings {
            location: Location::Object(location.clone()).to_string(),
            reason,
        })?;
        let traffic = Arc::new(Traffic::told(&options.activity));
        let permits = options.http.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let inner = Inner {
            location: location.clone(),
            options: options.http.clone(),
            store,
            pages: Arc::new(Pages(pages)),
            line: Line::new(&host, options, &traffic),
            host,
            lacks,
            state: options.state.clone(),
            permits: Semaphore::new(permits),
            activity: options.activity.clone(),
            traffic,
            requests,
            probed: OnceCell::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Allows as many requests as it takes to read all files of a registry.
    pub(super) fn allow_mirroring(&self) {
        self.inner.requests.allow_mirroring();
    }

    /// The time by the host's clock, in seconds since 1970, if it has answered.
    pub(super) fn time(&self) -> Option<i64> {
        self.inner.requests.clock.now()
    }

    /// The address.
    pub fn location(&self) -> &ObjectLocation {
        &self.inner.location
    }

    /// The wait after a first failure.
    pub(crate) fn first_delay(&self) -> Duration {
        self.inner.options.first_delay
    }

    /// Distinguishes registries, and access with credentials from anonymous access. The URL is
    /// not enough: the environment may name the endpoint.
    pub(crate) fn identity(&self) -> String {
        let anonymous = self.inner.lacks.is_some();
        let prefix = &self.inner.location.prefix;
        format!("{anonymous}\n{}/{prefix}", self.inner.host)
    }

    fn url(&self) -> String {
        Location::Object(self.inner.location.clone()).to_string()
    }

    fn file(&self, key: &Key) -> String {
        self.inner.location.file(key.as_str())
    }

    /// The name of a file in the bucket.
    fn path(&self, key: &Key) -> Result<Path, StorageError> {
        let name = format!("{}{key}", self.inner.location.prefix);
        Path::parse(name).map_err(|error| StorageError::Transfer {
            file: self.file(key),
            reason: error.to_string(),
        })
    }

    /// The tries of a read.
    fn tries(&self, file: &str) -> Tries<'_> {
        Tries::new(&self.inner.options, &self.inner.line, file)
    }

    /// The tries of a write, which reads in between.
    fn write_tries(&self) -> Tries<'_> {
        Tries::alone(&self.inner.options)
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.inner.permits.acquire().await.ok()
    }

    /// The meaning of a failed request, by its answer.
    fn failure(
        &self,
        action: Action,
        file: String,
        error: &object_store::Error,
        trace: &Trace,
    ) -> Failure {
        let seen = trace.seen();
        if let Some(exceeded) = seen.exceeded {
            return Failure::final_(exceeded.into());
        }
        if let Some((connecting, reason)) = seen.failure {
            return Failure::again(match (connecting, action) {
                (true, _) => StorageError::Unreachable {
                    host: self.inner.host.clone(),
                    reason,
                },
                (false, Action::Write) => StorageError::Unclear { file, reason },
                (false, _) => StorageError::Transfer { file, reason },
            });
        }
        let Some(status) = seen.status.filter(|status| !(200..300).contains(status)) else {
            // A good answer that makes no sense, or no credentials to send.
            let reason = shown(&root_cause(error));
            return Failure::again(match action {
                Action::Write => StorageError::Unclear { file, reason },
                _ => StorageError::Transfer { file, reason },
            });
        };
        let code = seen.code;
        if status == 404 && is_no_bucket(code.as_deref()) {
            return Failure::final_(StorageError::NoBucket {
                bucket: self.inner.location.bucket.clone(),
                location: self.url(),
            });
        }
        let code = match (code, seen.region) {
            (code, Some(region)) if matches!(status, 301 | 307 | 400) => {
                let code = code.unwrap_or_else(|| "wrong region".into());
                Some(format!("{code}: the bucket is in `{region}`"))
            }
            (code, _) => code,
        };
        let error = StorageError::Answered {
            action: action.as_str(),
            file,
            status,
            code,
            lacks: self.inner.lacks.clone(),
        };
        match is_passing(status) {
            true => Failure::after(error, seen.retry_after.unwrap_or(Duration::ZERO)),
            false => Failure::final_(error),
        }
    }
}

fn is_no_bucket(code: Option<&str>) -> bool {
    matches!(code, Some("NoSuchBucket" | "ContainerNotFound"))
}

/// Text from elsewhere, short and without control characters.
fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MAX_SAID).collect()
}

/// A revision is an entity tag and, where a host counts versions, the version.
impl Revision {
    fn of_object(etag: Option<&str>, version: Option<&str>) -> Self {
        Self(format!(
            "{}\n{}",
            etag.unwrap_or_default(),
            version.unwrap_or_default()
        ))
    }

    fn to_update(&self) -> UpdateVersion {
        let (etag, version) = self.0.split_once('\n').unwrap_or((&self.0, ""));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UpdateVersion {
            e_tag: some(etag),
            version: some(version),
        }
    }
}
