//! How slow a server may be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use lumen_core::limits::{Exceeded, Limit, Limits};

use super::HttpOptions;
use crate::{
    activity::Activity,
    storage::bound::{SILENT, SLOW},
};

/// The bytes that all transfers from one server have received together.
#[derive(Debug, Default)]
pub(in crate::storage) struct Traffic {
    bytes: AtomicU64,
    transfers: AtomicU64,
    activity: Activity,
}

impl Traffic {
    /// Traffic that is told.
    pub(in crate::storage) fn told(activity: &Activity) -> Self {
        Self {
            activity: activity.clone(),
            ..Self::default()
        }
    }

    fn receive(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.activity.receive(bytes);
    }

    /// The bytes received so far.
    pub(in crate::storage) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The time and bytes of all tries to read one file so far.
#[derive(Debug, Clone, Default)]
pub(in crate::storage) struct Clock {
    inner: Arc<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    /// Time spent waiting for the server, in microseconds. Transfers at the same time share it.
    waited: AtomicU64,
    bytes: AtomicU64,
}

/// Why no more is waited for.
#[derive(Debug, thiserror::Error)]
pub(in crate::storage) enum Late {
    /// Nothing came, or too little in a while: another try may be faster.
    #[error("{0}")]
    Slow(String),
    /// All of it takes too long.
    #[error(transparent)]
    Overdue(#[from] Exceeded),
}

impl Clock {
    /// Counts time spent waiting for the server.
    pub(in crate::storage) fn wait(&self, time: Duration, traffic: &Traffic) {
        let sharing = traffic.transfers.load(Ordering::Relaxed).max(1);
        let share = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / sharing;
        self.inner.waited.fetch_add(share, Ordering::Relaxed);
    }

    fn receive(&self, bytes: u64) {
        self.inner.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Fails when the file took longer than allowed: some seconds for any file, and the
    /// time of its bytes at the lowest speed.
    pub(in crate::storage) fn check(&self, limits: &Limits) -> Result<(), Exceeded> {
        let waited = Duration::from_micros(self.inner.waited.load(Ordering::Relaxed));
        let bytes = self.inner.bytes.load(Ordering::Relaxed);
        let for_bytes = bytes / limits.get(Limit::DownloadSpeed).max(1);
        let beyond = waited.as_secs().saturating_sub(for_bytes);
        limits.check(Limit::DownloadSeconds, beyond, || {
            let seconds = waited.as_secs();
            format!("the server sent {bytes} bytes of a file in {seconds} s")
        })
    }
}

/// How many times slower than on average a transfer may be for a while.
const SLACKNESS: u64 = 4;

/// The pace of one transfer. Only time spent waiting for the server counts.
#[derive(Debug)]
pub(in crate::storage) struct Pace {
    traffic: Arc<Traffic>,
    clock: Clock,
    limits: Limits,
    /// The time over which the pace is averaged.
    window: Duration,
    /// Bytes that must come in that time.
    least: u64,
    waited: Duration,
    received: u64,
    /// The bytes of all transfers when the window began.
    before: u64,
}

impl Pace {
    pub(in crate::storage) fn new(
        traffic: &Arc<Traffic>,
        options: &HttpOptions,
        clock: &Clock,
    ) -> Self {
        traffic.transfers.fetch_add(1, Ordering::Relaxed);
        let window = options.read_timeout;
        // A slow line has its good and its bad times.
        let lowest = options.limits.get(Limit::DownloadSpeed).div_ceil(SLACKNESS);
        let least = u128::from(lowest) * window.as_millis() / 1000;
        Self {
            traffic: Arc::clone(traffic),
            clock: clock.clone(),
            limits: options.limits,
            window,
            least: u64::try_from(least).unwrap_or(u64::MAX),
            waited: Duration::ZERO,
            received: 0,
            before: traffic.bytes.load(Ordering::Relaxed),
        }
    }

    /// Waits for more, which must be so many bytes long; the reason when nothing or too little came.
    pub(in crate::storage) async fn wait<T, E>(
        &mut self,
        more: impl Future<Output = Result<T, E>>,
        reason: impl Fn(&E) -> String,
        length: impl Fn(&T) -> usize,
    ) -> Result<T, Late> {
        let mut more = std::pin::pin!(more);
        loop {
            let start = Instant::now();
            let left = self.window.saturating_sub(self.waited);
            let found = tokio::time::timeout(left, &mut more).await;
            let waited = start.elapsed();
            self.clock.wait(waited, &self.traffic);
            let Ok(found) = found else {
                self.clock.check(&self.limits)?;
                self.judge(waited).map_err(Late::Slow)?;
                continue;
            };
            let found = found.map_err(|error| Late::Slow(reason(&error)))?;
            self.waited += waited;
            let length = length(&found) as u64;
            self.received += length;
            self.clock.receive(length);
            self.clock.check(&self.limits)?;
            self.traffic.receive(length);
            return Ok(found);
        }
    }

    /// At the end of a window: begins the next one, if this one was not too slow.
    fn judge(&mut self, silence: Duration) -> Result<(), String> {
        let now = self.traffic.bytes.load(Ordering::Relaxed);
        let transfers = self.traffic.transfers.load(Ordering::Relaxed);
        if is_too_slow(self.received, now - self.before, transfers, self.least) {
            return Err(match silence * 2 > self.window {
                true => SILENT.into(),
                false => format!(
                    "{SLOW}{} bytes in {} s",
                    self.least,
                    self.window.as_secs_f32()
                ),
            });
        }
        self.waited = Duration::ZERO;
        self.received = 0;
        self.before = now;
        Ok(())
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.traffic.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether to give up a transfer that received `own` bytes. Many transfers may share a slow line:
/// as long as enough comes in total, a slow single transfer is no fault of the server.
fn is_too_slow(own: u64, all: u64, transfers: u64, least: u64) -> bool {
    let slow_line = all >= least && all < least.saturating_mul(transfers);
    own < least && !slow_line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_some_seconds_and_more_for_its_bytes() {
        let limits: Limits = [(Limit::DownloadSeconds, 10), (Limit::DownloadSpeed, 100)]
            .into_iter()
            .collect();
        let traffic = Traffic::default();
        let clock = Clock::default();
        clock.wait(Duration::from_secs(10), &traffic);
        assert_eq!(clock.check(&limits), Ok(()));
        clock.wait(Duration::from_secs(1), &traffic);
        let error = clock.check(&limits).unwrap_err().to_string();
        assert_eq!(
            error,
            "the server sent 0 bytes of a file in 11 s; the limit `download-seconds` is 10 s"
        );
        clock.receive(100);
        assert_eq!(clock.check(&limits), Ok(()));
        // Files that come together share the time.
        traffic.transfers.store(4, Ordering::Relaxed);
        clock.wait(Duration::from_secs(3), &traffic);
        assert_eq!(clock.check(&limits), Ok(()));
        clock.wait(Duration::from_secs(1), &traffic);
        assert!(clock.check(&limits).is_err());
    }

    #[test]
    fn an_honest_slow_line_has_the_time_it_takes() {
        let limits = Limits::default();
        let (traffic, clock) = (Traffic::default(), Clock::default());
        // 512 MiB at 20 KiB a second.
        for _ in 0..26_215 {
            clock.wait(Duration::from_secs(1), &traffic);
            clock.receive(20 << 10);
            assert_eq!(clock.check(&limits), Ok(()));
        }
        // A drip of 1 KiB a second is left soon.
        let clock = Clock::default();
        let drip = |_: &u64| {
            clock.wait(Duration::from_secs(1), &traffic);
            clock.receive(1 << 10);
            clock.check(&limits).is_err()
        };
        assert_eq!((1..10_000).find(drip), Some(641));
    }

    #[test]
    fn too_slow() {
        for (own, all, transfers, expected) in [
            (100, 100, 1, false),
            (99, 99, 1, true),
            (0, 0, 1, true),
            // One drips, the others do not.
            (10, 9_000, 10, true),
            // All share a slow line.
            (10, 900, 10, false),
            // All drip.
            (9, 90, 10, true),
        ] {
            let found = is_too_slow(own, all, transfers, 100);
            assert_eq!(found, expected, "{own} {all} {transfers}");
        }
    }
}
