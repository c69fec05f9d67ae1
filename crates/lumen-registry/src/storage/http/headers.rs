//! The few response headers that matter.

use std::time::Duration;

use reqwest::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER,
};

/// The values that distinguish versions of a file (RFC 9110 section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, quotes and all; several where one version of a file has several.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // Longer ones are not worth keeping.
        let short = |name| text(headers, name).filter(|text| text.len() <= 1024);
        Self {
            etag: short(ETAG).map(|tag| with_plain(tag, headers)),
            last_modified: short(LAST_MODIFIED).map(str::to_owned),
        }
    }

    /// The headers that ask for the file only if it is another by now.
    pub(super) fn conditions(&self) -> HeaderMap {
        let values = [
            (IF_NONE_MATCH, &self.etag),
            (IF_MODIFIED_SINCE, &self.last_modified),
        ];
        let values = values.into_iter();
        let header = |(name, value): (HeaderName, &Option<String>)| {
            Some((name, HeaderValue::from_str(value.as_deref()?).ok()?))
        };
        values.filter_map(header).collect()
    }

    /// Whether there is nothing to ask with.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// Adds the tag of the uncompressed file, if a server made its tag by adding the coding.
///
/// Apache compares the tags of a request with that one only, and would otherwise send the
/// file every time.
fn with_plain(tag: &str, headers: &HeaderMap) -> String {
    let coding = text(headers, CONTENT_ENCODING).unwrap_or_default().trim();
    let plain = tag
        .strip_suffix('"')
        .and_then(|tag| tag.strip_suffix(coding))
        .and_then(|tag| tag.strip_suffix('-'));
    match plain.filter(|_| !coding.is_empty()) {
        Some(plain) => format!("{tag}, {plain}\""),
        None => tag.to_owned(),
    }
}

/// `Cache-Control` and `Age` (RFC 9111), as far as a private cache needs them.
pub(in crate::storage) struct Caching {
    /// Seconds left.
    pub(in crate::storage) max_age: u32,
    /// Whether it may be kept on the disk.
    pub(in crate::storage) keep: bool,
}

impl Caching {
    pub(in crate::storage) fn of(headers: &HeaderMap) -> Self {
        let mut caching = Self {
            max_age: 0,
            keep: true,
        };
        let mut always_ask = false;
        for value in headers.get_all(CACHE_CONTROL) {
            let directives = value.to_str().unwrap_or_default().split(',');
            for directive in directives.map(|text| text.trim().to_ascii_lowercase()) {
                match directive.split_once('=') {
                    Some(("max-age", seconds)) => {
                        let seconds = seconds.trim_matches('"').parse::<u64>().unwrap_or_default();
                        caching.max_age = u32::try_from(seconds).unwrap_or(u32::MAX);
                    }
                    None if directive == "no-store" => caching.keep = false,
                    None if directive == "no-cache" => always_ask = true,
                    _ => {}
                }
            }
        }
        let age = text(headers, AGE).and_then(|age| age.parse().ok());
        caching.max_age = match always_ask || !caching.keep {
            true => 0,
            false => caching.max_age.saturating_sub(age.unwrap_or(0)),
        };
        caching
    }
}

/// How long a server asks to be left alone.
pub(in crate::storage) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(date.duration_since(jiff::Timestamp::now())).ok()
}

/// A `Range` from this byte to the end.
pub(super) fn range_from(start: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes={start}-"))
        .unwrap_or_else(|_| HeaderValue::from_static("bytes=0-"))
}

/// What a partial answer is a part of (RFC 9110 section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Its first byte.
    pub(super) start: u64,
    /// The bytes of the whole file, if the server says.
    pub(super) whole: Option<u64>,
}

/// The part of the file that a partial answer has.
pub(super) fn range(headers: &HeaderMap) -> Option<Part> {
    let range = text(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (start, rest) = range.split_once('-')?;
    Some(Part {
        start: start.parse().ok()?,
        whole: rest
            .split_once('/')
            .and_then(|(_, whole)| whole.parse().ok()),
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn caching() {
        for (control, age, expected) in [
            ("public, max-age=3600", "0", (3600, true)),
            ("Max-Age=\"60\", must-revalidate", "20", (40, true)),
            ("max-age=60", "61", (0, true)),
            ("max-age=99999999999", "x", (u32::MAX, true)),
            ("max-age=60, no-cache", "0", (0, true)),
            ("no-store, max-age=60", "0", (0, false)),
            ("s-maxage=60", "0", (0, true)),
        ] {
            let caching = Caching::of(&headers(&[(CACHE_CONTROL, control), (AGE, age)]));
            assert_eq!((caching.max_age, caching.keep), expected, "{control}");
        }
    }

    #[test]
    fn tags_of_compressed_files() {
        for (tag, coding, expected) in [
            ("\"a-gzip\"", "gzip", "\"a-gzip\", \"a\""),
            ("W/\"a-br\"", "br", "W/\"a-br\", W/\"a\""),
            ("\"a-gzip\"", "br", "\"a-gzip\""),
            ("\"a-gzip\"", "", "\"a-gzip\""),
            ("\"a-\"", "", "\"a-\""),
            ("\"agzip\"", "gzip", "\"agzip\""),
        ] {
            let headers = headers(&[(ETAG, tag), (CONTENT_ENCODING, coding)]);
            let validators = Validators::of(&headers);
            assert_eq!(validators.etag.as_deref(), Some(expected));
            assert_eq!(validators.conditions()[IF_NONE_MATCH], expected);
        }
    }

    #[test]
    fn waits_and_ranges() {
        let after = |text| retry_after(&headers(&[(RETRY_AFTER, text)]));
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("soon"), None);
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert!(after("Fri, 06 Nov 2099 08:49:37 GMT").is_some());
        let part = |text| range(&headers(&[(CONTENT_RANGE, text)]));
        let found = |start, whole| Some(Part { start, whole });
        assert_eq!(part("bytes 5-9/10"), found(5, Some(10)));
        assert_eq!(part("bytes 5-9/*"), found(5, None));
        assert_eq!(part("bytes */10"), None);
    }
}
