//! The line at the bottom of a terminal that says what a run is doing.
//!
//! It appears half a second after something began, so that quick work shows none.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use lumen_registry::{
    activity::{Activity, Now},
    progress::Progress,
};

use super::text::{VERB_WIDTH, shown};

/// How long work may take before it is shown, and how long a host may think before it is named.
const SHORT: Duration = Duration::from_millis(500);

/// Time between two looks at the work.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Columns inside of the bar.
const BAR: u64 = 20;

/// What is being done.
#[derive(Debug)]
struct Work {
    verb: &'static str,
    steps: u64,
    done: u64,
    item: String,
    /// Bytes of all files that are downloaded.
    bytes: u64,
    since: Instant,
    /// What had been done before.
    before: Now,
}

/// The line, and what it is about.
pub(super) struct Line {
    activity: Activity,
    work: Mutex<Option<Work>>,
    bar: Mutex<Option<ProgressBar>>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            activity: Activity::default(),
            work: Mutex::default(),
            bar: Mutex::default(),
        }
    }

    /// Where requests are told.
    pub(super) const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Takes a step of the work. When it is over, returns what it was and how long it took.
    pub(super) fn take(&self, progress: Progress) -> Option<(&'static str, Duration)> {
        let mut work = locked(&self.work);
        match (progress, &mut *work) {
            (Progress::Started { verb, steps }, slot) => {
                *slot = Some(Work {
                    verb,
                    steps,
                    done: 0,
                    item: String::new(),
                    bytes: 0,
                    since: Instant::now(),
                    before: self.activity.now(),
                });
            }
            (Progress::Expected { bytes }, Some(work)) => work.bytes = bytes,
            (Progress::Advanced { item }, Some(work)) => {
                work.done += 1;
                work.item = item;
            }
            (Progress::Finished, slot) => {
                let over = slot.take()?;
                drop(work);
                self.clear();
                return Some((over.verb, over.since.elapsed()));
            }
            (Progress::Expected { .. } | Progress::Advanced { .. }, None) => {}
        }
        None
    }

    /// Draws the line as things are now.
    pub(super) fn draw(&self) {
        let now = self.activity.now();
        let text = {
            let work = locked(&self.work);
            text(work.as_ref().map(|work| (work, work.since.elapsed())), &now)
        };
        let Some(text) = text else {
            self.clear();
            return;
        };
        let mut bar = locked(&self.bar);
        let bar = bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr_with_hz(20);
            let bar = ProgressBar::with_draw_target(None, target);
            match ProgressStyle::with_template("{wide_msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        bar.set_message(shown(&text).into_owned());
        bar.tick();
    }

    /// Removes the line until the next look.
    pub(super) fn clear(&self) {
        if let Some(bar) = locked(&self.bar).take() {
            bar.finish_and_clear();
        }
    }

    /// Does something without the line in the way.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        let bar = locked(&self.bar);
        match &*bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// What the line says, if it says something.
fn text(work: Option<(&Work, Duration)>, now: &Now) -> Option<String> {
    let waiting = waiting(now);
    let Some((work, took)) = work else {
        return waiting.map(|waiting| format!("{:>VERB_WIDTH$} {waiting}", "Waiting"));
    };
    if took < SHORT && waiting.is_none() {
        return None;
    }
    let mut parts = Vec::new();
    let indexes = now.indexes - work.before.indexes;
    if work.steps == 0 && indexes > 0 {
        let what = if indexes == 1 { "index" } else { "indexes" };
        parts.push(format!("{indexes} {what} read"));
    }
    if work.bytes > 0 {
        parts.push(bytes(work, now.bytes - work.before.bytes, took));
    } else if !work.item.is_empty() {
        parts.push(work.item.clone());
    }
    parts.extend(waiting.map(|waiting| format!("waiting {waiting}")));
    let bar = match work.steps {
        0 => String::new(),
        steps => {
            let full = usize::try_from(work.done.min(steps) * BAR / steps).unwrap_or_default();
            let bar = format!(
                "{}{}",
                "=".repeat(full),
                if work.done < steps { ">" } else { "" }
            );
            format!("[{bar:20.20}] {}/{steps} ", work.done)
        }
    };
    Some(format!(
        "{:>VERB_WIDTH$} {bar}{}",
        work.verb,
        parts.join(", ")
    ))
}

/// How far a download is.
fn bytes(work: &Work, received: u64, took: Duration) -> String {
    if received >= work.bytes && work.done < work.steps {
        return format!("{}, unpacking", HumanBytes(received));
    }
    let all = HumanBytes(work.bytes);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = received.saturating_mul(1000) / millis;
    let mut text = format!("{} of {all}, {}/s", HumanBytes(received), HumanBytes(rate));
    if let Some(left) = (work.bytes - received.min(work.bytes)).checked_div(rate) {
        text.push_str(&format!(", {} s left", left.max(1)));
    }
    text
}

/// The host that keeps the run waiting.
fn waiting(now: &Now) -> Option<String> {
    if let Some(tried) = &now.tried {
        return Some(format!(
            "for {}, try {} of {}",
            tried.host, tried.next, tried.of
        ));
    }
    let (host, _) = now.asking.as_ref().filter(|(_, since)| *since >= SHORT)?;
    Some(format!("for {host}"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use lumen_registry::activity::Tried;

    use super::*;

    #[test]
    fn the_line_says_what_is_done_and_what_is_waited_for() {
        let work = |verb, steps, done, bytes| Work {
            verb,
            steps,
            done,
            item: String::new(),
            bytes,
            since: Instant::now(),
            before: Now::default(),
        };
        let quiet = Now::default();
        let read = |indexes, bytes| Now {
            indexes,
            bytes,
            ..Now::default()
        };
        let asking = |millis| Now {
            asking: Some(("r.example".into(), Duration::from_millis(millis))),
            ..Now::default()
        };
        let tried = Now {
            tried: Some(Tried {
                host: "r.example".into(),
                next: 2,
                of: 4,
            }),
            ..Now::default()
        };
        let (resolving, fetching) = (work("Resolving", 0, 0, 0), work("Fetching", 4, 1, 8 << 20));
        let second = Duration::from_secs(1);
        for (work, took, now, expected) in [
            (None, second, &quiet, None),
            (None, second, &asking(400), None),
            (
                None,
                second,
                &asking(600),
                Some("     Waiting for r.example"),
            ),
            (
                Some(&resolving),
                Duration::from_millis(400),
                &read(3, 0),
                None,
            ),
            (
                Some(&resolving),
                second,
                &read(3, 0),
                Some("   Resolving 3 indexes read"),
            ),
            (
                Some(&resolving),
                second,
                &tried,
                Some("   Resolving waiting for r.example, try 2 of 4"),
            ),
            (
                Some(&fetching),
                second * 2,
                &read(0, 2 << 20),
                Some(
                    "    Fetching [=====>              ] 1/4 2.00 MiB of 8.00 MiB, 1.00 MiB/s, 6 s left",
                ),
            ),
            (
                Some(&fetching),
                second * 2,
                &read(0, 8 << 20),
                Some("    Fetching [=====>              ] 1/4 8.00 MiB, unpacking"),
            ),
        ] {
            let found = text(work.map(|work| (work, took)), now);
            assert_eq!(found.as_deref(), expected);
        }
    }
}
