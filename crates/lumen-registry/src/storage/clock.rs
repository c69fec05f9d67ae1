//! The clock of a host, as the `Date` of its answers shows it.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use reqwest::header::{AGE, DATE, HeaderMap};

/// How far the clock of a host is ahead of this machine's, in seconds; `None`: not known yet.
#[derive(Debug, Default)]
pub(super) struct HostClock(Mutex<Option<i64>>);

impl HostClock {
    /// Takes note of an answer that came just now. A cache on the way answers with an old date,
    /// so the latest one counts.
    pub(super) fn hear(&self, headers: &HeaderMap) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE).and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let Some(date) = date.map(|date| date.timestamp().as_second()) else {
            return;
        };
        let age = text(AGE).and_then(|age| age.parse::<i64>().ok());
        let ahead = date
            .saturating_add(age.unwrap_or(0).max(0))
            .saturating_sub(own());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = (*known).max(Some(ahead));
    }

    /// The time by the host's clock, in seconds since 1970, if it has said.
    pub(super) fn now(&self) -> Option<i64> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.map(|ahead| own().saturating_add(ahead))
    }
}

fn own() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_date_counts() {
        let clock = HostClock::default();
        assert_eq!(clock.now(), None);
        let headers = |date: i64, age: Option<i64>| {
            let date = Timestamp::from_second(date).unwrap();
            let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            if let Some(age) = age {
                headers.insert(AGE, age.into());
            }
            headers
        };
        let ahead = |clock: &HostClock| clock.0.lock().unwrap().unwrap();
        // Out of a cache, which does not say so.
        clock.hear(&headers(1_700_000_000, None));
        assert!(ahead(&clock) < -1_000_000);
        let start = own();
        clock.hear(&headers(start - 100, Some(4000)));
        let (least, most) = (3900 - (own() - start), 3900);
        assert!((least..=most).contains(&ahead(&clock)));
        clock.hear(&headers(start, None));
        assert!((least..=most).contains(&ahead(&clock)));
        let mut odd = headers(start + 10_000, None);
        odd.insert(DATE, "yesterday".parse().unwrap());
        clock.hear(&odd);
        assert!((least..=most).contains(&ahead(&clock)));
    }
}
