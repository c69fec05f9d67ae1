//! How often one host was asked in this run, and what its clock says.

use std::{
    fmt::Display,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use lumen_core::limits::{Exceeded, Limit, Limits};

use super::clock::HostClock;

/// Whether an object store may answer the same request better later.
pub(crate) const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 429 | 500 | 502..=599)
}

/// Counts the requests to the host of one registry, and listens to the time of its answers.
#[derive(Debug)]
pub(super) struct Requests {
    count: AtomicU64,
    /// Whether all files of the registry are wanted.
    is_mirrored: AtomicBool,
    limits: Limits,
    /// The host's clock.
    pub(super) clock: HostClock,
}

impl Requests {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            count: AtomicU64::new(0),
            is_mirrored: AtomicBool::new(false),
            limits,
            clock: HostClock::default(),
        }
    }

    /// Allows as many as it takes to read all files of a registry.
    pub(super) fn allow_mirroring(&self) {
        self.is_mirrored.store(true, Ordering::Relaxed);
    }

    /// Counts a request that is about to be made. Each try is one.
    ///
    /// # Errors
    /// When there were as many as may be.
    pub(super) fn count(&self, host: impl Display) -> Result<(), Exceeded> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let limit = match self.is_mirrored.load(Ordering::Relaxed) {
            true => Limit::MirrorRequests,
            false => Limit::Requests,
        };
        let what = || format!("{host} was asked {count} times");
        self.limits.check(limit, count, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_that_is_allowed_and_the_one_after() {
        let limits = [(Limit::Requests, 2), (Limit::MirrorRequests, 3)];
        let requests = Requests::new(limits.into_iter().collect());
        assert_eq!(requests.count("h"), Ok(()));
        assert_eq!(requests.count("h"), Ok(()));
        let error = requests.count("h").unwrap_err();
        assert_eq!(
            error.to_string(),
            "h was asked 3 times; the limit `requests` is 2"
        );
        requests.allow_mirroring();
        let error = requests.count("h").unwrap_err();
        assert_eq!(
            error.to_string(),
            "h was asked 4 times; the limit `mirror-requests` is 3"
        );
    }
}
