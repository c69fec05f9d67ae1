//! Points in time as people write them.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, civil::Date};
use lumen_ops::{OpsError, error::InputError};

/// Reads a date (`2026-01-31`, meaning the start of that day in UTC), an RFC
/// 3339 time, or a duration before `now` (`7d`, `2 weeks`); in seconds since 1970.
///
/// # Errors
/// On any other text.
pub fn parse(text: &str, now: Timestamp) -> Result<i64, OpsError> {
    relative(text, |duration| now.checked_sub(duration).ok())
}

/// The same, but a duration is one after `now`: for what ends.
///
/// # Errors
/// As [`parse`].
pub fn parse_end(text: &str, now: Timestamp) -> Result<i64, OpsError> {
    relative(text, |duration| now.checked_add(duration).ok())
}

fn relative(
    text: &str,
    from_now: impl FnOnce(SignedDuration) -> Option<Timestamp>,
) -> Result<i64, OpsError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    if let Some(time) = text
        .parse::<Date>()
        .ok()
        .and_then(|date| format!("{date}T00:00:00Z").parse::<Timestamp>().ok())
    {
        return Ok(time.as_second());
    }
    let before = text.parse::<Span>().ok().filter(|span| !span.is_negative());
    let duration =
        before.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let time = duration.and_then(from_now);
    time.map(Timestamp::as_second)
        .ok_or_else(|| InputError::Time(text.to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_durations() {
        let now: Timestamp = "2026-02-08T00:00:00Z".parse().unwrap();
        let day: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        for text in [
            "2026-02-01",
            "2026-02-01T00:00:00Z",
            "7d",
            "1w",
            "168 hours",
            "1 week",
        ] {
            assert_eq!(parse(text, now).unwrap(), day.as_second(), "{text}");
            let end = match text.starts_with("2026") {
                true => day,
                false => "2026-02-15T00:00:00Z".parse().unwrap(),
            };
            assert_eq!(parse_end(text, now).unwrap(), end.as_second(), "{text}");
        }
        for text in ["", "yesterday", "7", "-7d", "2026-02-30"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }
}
