//! What a run is doing with its hosts, for a screen to show.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What a run is doing with its hosts. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Indexes of packages that were read.
    indexes: AtomicU64,
    /// Bytes of files that were received.
    bytes: AtomicU64,
    next: AtomicU64,
    /// Requests without an answer, the oldest first.
    asking: Mutex<BTreeMap<u64, Asking>>,
    /// The tries of a host that does not answer.
    failing: Mutex<Option<Tried>>,
    listener: OnceLock<Listener>,
}

#[derive(Debug)]
struct Asking {
    host: String,
    since: Instant,
}

struct Listener(Box<dyn Fn(&Asked<'_>) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL, without credentials.
    pub url: &'a str,
    /// The status of the answer; none came otherwise.
    pub status: Option<u16>,
    /// The time until the head of the answer, or until the failure.
    pub took: Duration,
}

/// A host that is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Host and port, or the address.
    pub host: String,
    /// The number of the next try.
    pub next: usize,
    /// Tries in all.
    pub of: usize,
}

/// What was done until now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Now {
    /// Indexes of packages that were read.
    pub indexes: u64,
    /// Bytes of files that were received.
    pub bytes: u64,
    /// The host of the oldest request without an answer, and how long ago that was sent.
    pub asking: Option<(String, Duration)>,
    /// The host that is tried again.
    pub tried: Option<Tried>,
}

impl Activity {
    /// What was done until now.
    pub fn now(&self) -> Now {
        let oldest = locked(&self.inner.asking)
            .first_key_value()
            .map(|(_, asking)| (asking.host.clone(), asking.since.elapsed()));
        Now {
            indexes: self.inner.indexes.load(Ordering::Relaxed),
            bytes: self.inner.bytes.load(Ordering::Relaxed),
            asking: oldest,
            tried: locked(&self.inner.failing).clone(),
        }
    }

    /// Tells each request that is over to a listener, from any thread. Only the first call counts.
    pub fn listen(&self, listener: impl Fn(&Asked<'_>) + Send + Sync + 'static) {
        // A second listener is a defect of the caller that harms nobody.
        let _ = self.inner.listener.set(Listener(Box::new(listener)));
    }

    /// A request that is about to be sent; it is over when the value is dropped.
    pub(crate) fn ask<'a>(&'a self, method: &'a str, url: &'a str, host: &str) -> Request<'a> {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let asking = Asking {
            host: host.to_owned(),
            since: Instant::now(),
        };
        locked(&self.inner.asking).insert(id, asking);
        Request {
            activity: self,
            id,
            method,
            url,
            status: None,
        }
    }

    /// Counts the index of a package.
    pub(crate) fn read_index(&self) {
        self.inner.indexes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes of files.
    pub(crate) fn receive(&self, bytes: u64) {
        self.inner.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A host will be tried again.
    pub(crate) fn try_again(&self, tried: Tried) {
        *locked(&self.inner.failing) = Some(tried);
    }

    /// A host answered, or it was given up.
    pub(crate) fn settled(&self, host: &str) {
        let mut failing = locked(&self.inner.failing);
        if failing.as_ref().is_some_and(|tried| tried.host == host) {
            *failing = None;
        }
    }
}

/// A request under way.
pub(crate) struct Request<'a> {
    activity: &'a Activity,
    id: u64,
    method: &'a str,
    url: &'a str,
    status: Option<u16>,
}

impl Request<'_> {
    /// It was answered.
    pub(crate) const fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let inner = &self.activity.inner;
        let asking = locked(&inner.asking).remove(&self.id);
        if let (Some(listener), Some(asking)) = (inner.listener.get(), asking) {
            (listener.0)(&Asked {
                method: self.method,
                url: self.url,
                status: self.status,
                took: asking.since.elapsed(),
            });
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_shown_while_they_wait_and_told_when_they_are_over() {
        let activity = Activity::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        activity.listen(move |asked| {
            let line = format!("{} {} {:?}", asked.method, asked.url, asked.status);
            locked(&list).push(line);
        });
        let mut first = activity.ask("GET", "http://a/x", "a");
        let second = activity.ask("HEAD", "http://b/x", "b");
        assert_eq!(activity.now().asking.unwrap().0, "a");
        first.answered(200);
        drop(first);
        assert_eq!(activity.now().asking.unwrap().0, "b");
        drop(second);
        assert_eq!(activity.now(), Now::default());
        let told = locked(&told);
        assert_eq!(*told, ["GET http://a/x Some(200)", "HEAD http://b/x None"]);
    }

    #[test]
    fn a_host_is_tried_until_it_answers() {
        let activity = Activity::default();
        let tried = Tried {
            host: "a".into(),
            next: 2,
            of: 3,
        };
        activity.try_again(tried.clone());
        activity.settled("b");
        assert_eq!(activity.now().tried, Some(tried));
        activity.settled("a");
        assert_eq!(activity.now().tried, None);
    }
}
