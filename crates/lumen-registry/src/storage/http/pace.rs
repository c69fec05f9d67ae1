//! How slow a server may be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{HttpOptions, retry};

/// What all transfers from one server have received together.
#[derive(Debug, Default)]
pub(in crate::storage) struct Traffic {
    bytes: AtomicU64,
    transfers: AtomicU64,
}

/// The pace of one transfer. Only time spent waiting for the server counts.
#[derive(Debug)]
pub(in crate::storage) struct Pace {
    traffic: Arc<Traffic>,
    /// The time over which the pace is averaged.
    window: Duration,
    /// Bytes that must come in that time.
    least: u64,
    waited: Duration,
    received: u64,
    /// What all transfers had received when the window began.
    before: u64,
}

impl Pace {
    pub(in crate::storage) fn new(traffic: &Arc<Traffic>, options: &HttpOptions) -> Self {
        traffic.transfers.fetch_add(1, Ordering::Relaxed);
        let window = options.read_timeout;
        let least = u128::from(options.lowest_speed) * window.as_millis() / 1000;
        Self {
            traffic: Arc::clone(traffic),
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
    ) -> Result<T, String> {
        let mut more = std::pin::pin!(more);
        loop {
            let start = Instant::now();
            let left = self.window.saturating_sub(self.waited);
            let Ok(found) = tokio::time::timeout(left, &mut more).await else {
                self.judge(start.elapsed())?;
                continue;
            };
            let found = found.map_err(|error| reason(&error))?;
            self.waited += start.elapsed();
            let length = length(&found) as u64;
            self.received += length;
            self.traffic.bytes.fetch_add(length, Ordering::Relaxed);
            return Ok(found);
        }
    }

    /// At the end of a window: begins the next one, if this one was not too slow.
    fn judge(&mut self, silence: Duration) -> Result<(), String> {
        let now = self.traffic.bytes.load(Ordering::Relaxed);
        let transfers = self.traffic.transfers.load(Ordering::Relaxed);
        if is_too_slow(self.received, now - self.before, transfers, self.least) {
            return Err(match silence * 2 > self.window {
                true => retry::SILENT.into(),
                false => format!(
                    "the server sends less than {} bytes in {} s",
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

/// Whether a transfer that received `own` bytes is to be given up. Many transfers may share
/// a slow line: as long as enough comes in all, and less than enough for each, that is nobody's fault.
fn is_too_slow(own: u64, all: u64, transfers: u64, least: u64) -> bool {
    let slow_line = all >= least && all < least.saturating_mul(transfers);
    own < least && !slow_line
}

#[cfg(test)]
mod tests {
    use super::*;

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
