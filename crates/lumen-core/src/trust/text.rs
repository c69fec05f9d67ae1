//! Notes as lines of `key value`, in one order: strict enough to be read in one way only.

use std::{fmt::Display, str::FromStr, str::Split};

use jiff::Timestamp;

use crate::digest::Digest;
pub use crate::limits::MAX_ORIGIN;
pub use crate::limits::MAX_REASON;

/// A line is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the note must be {expected}")]
pub struct FormError {
    /// The line, from 1.
    pub line: usize,
    /// The expected line.
    pub expected: String,
}

/// Whether a text can be the origin of a registry.
pub fn is_origin(text: &str) -> bool {
    (1..=MAX_ORIGIN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'+')
}

/// Whether a text can be the reason of a statement.
pub fn is_reason(text: &str) -> bool {
    text.len() <= MAX_REASON && !text.contains(char::is_control)
}

/// Whether a text is a time as notes have it: RFC 3339, UTC, whole seconds.
pub fn is_time(text: &str) -> bool {
    seconds(text).is_some()
}

/// The seconds since 1970 of a time as notes have it.
pub fn seconds(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    let seconds = time.as_second();
    (time_of(seconds) == text).then_some(seconds)
}

/// A time as notes have it, from the seconds since 1970.
pub fn time_of(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads the lines of a note one after the other.
pub(super) struct Lines<'a> {
    rest: std::iter::Peekable<Split<'a, char>>,
    line: usize,
}

impl<'a> Lines<'a> {
    /// The lines of a text after its first, which must be the kind.
    pub(super) fn of(text: &'a str, kind: &str) -> Result<Self, FormError> {
        let body = text.strip_suffix('\n');
        let mut lines = Self {
            rest: body.unwrap_or_default().split('\n').peekable(),
            line: 1,
        };
        match body.and(lines.rest.next()) {
            Some(first) if first == kind => Ok(lines),
            _ => Err(lines.error(format!("`{kind}`"))),
        }
    }

    /// The value of the next line, which must have this key.
    pub(super) fn value(&mut self, key: &str) -> Result<&'a str, FormError> {
        match self.optional(key) {
            Some(value) => Ok(value),
            None => {
                self.line += 1;
                Err(self.error(format!("`{key} …`")))
            }
        }
    }

    /// The value of the next line, if it has this key.
    pub(super) fn optional(&mut self, key: &str) -> Option<&'a str> {
        let value = self.rest.peek()?.strip_prefix(key)?.strip_prefix(' ')?;
        self.rest.next();
        self.line += 1;
        Some(value)
    }

    /// Whether the next line has this key.
    pub(super) fn is_next(&mut self, key: &str) -> bool {
        let next = self.rest.peek();
        next.is_some_and(|line| line.split(' ').next() == Some(key))
    }

    /// Whether the next line is exactly this word.
    pub(super) fn flag(&mut self, word: &str) -> bool {
        let found = self.rest.next_if(|line| *line == word).is_some();
        self.line += usize::from(found);
        found
    }

    /// The value of the next line, parsed; it must be written as the parsed value is.
    pub(super) fn parsed<T: FromStr + Display>(
        &mut self,
        key: &str,
        what: &str,
    ) -> Result<T, FormError> {
        let text = self.value(key)?;
        self.parse(text, what)
    }

    /// A part of the line just read, parsed; it must be written as the parsed value is.
    pub(super) fn parse<T: FromStr + Display>(
        &self,
        text: &str,
        what: &str,
    ) -> Result<T, FormError> {
        match text.parse::<T>() {
            Ok(value) if value.to_string() == text => Ok(value),
            _ => Err(self.error(what)),
        }
    }

    /// A part of the line just read: digits without leading zeros, below 2^63.
    pub(super) fn number(&self, text: &str, what: &str) -> Result<u64, FormError> {
        let number: u64 = self.parse(text, what)?;
        self.check(number < 1 << 63, what)?;
        Ok(number)
    }

    pub(super) fn origin(&mut self) -> Result<String, FormError> {
        let text = self.value("registry")?;
        self.check(is_origin(text), "the origin of a registry")?;
        Ok(text.to_owned())
    }

    pub(super) fn time(&mut self) -> Result<String, FormError> {
        let text = self.value("time")?;
        self.check(is_time(text), "a time like 2026-01-31T10:30:00Z")?;
        Ok(text.to_owned())
    }

    pub(super) fn reason(&mut self) -> Result<String, FormError> {
        let text = self.value("reason")?;
        self.check(is_reason(text), "a reason of at most 1000 bytes")?;
        Ok(text.to_owned())
    }

    /// `seq` and `prev`, which is `none` exactly for the first.
    pub(super) fn sequence(&mut self) -> Result<(u64, Option<Digest>), FormError> {
        let seq = self.value("seq")?;
        let seq = self.number(seq, "a number")?;
        let prev = match self.value("prev")? {
            "none" => None,
            text => Some(self.parse(text, "`sha256:…` or `none`")?),
        };
        self.check(
            seq >= 1 && (seq == 1) == prev.is_none(),
            "`prev none` in note 1 and a hash in all others",
        )?;
        Ok((seq, prev))
    }

    /// As many lines of this key as there are, between `least` and `most`.
    pub(super) fn all(
        &mut self,
        key: &str,
        least: usize,
        most: usize,
    ) -> Result<Vec<&'a str>, FormError> {
        let mut values = Vec::new();
        while let Some(value) = self.optional(key) {
            values.push(value);
        }
        let what = format!("one of {least} to {most} lines `{key} …`");
        self.check((least..=most).contains(&values.len()), &what)?;
        Ok(values)
    }

    pub(super) fn check(&self, good: bool, expected: &str) -> Result<(), FormError> {
        match good {
            true => Ok(()),
            false => Err(self.error(expected)),
        }
    }

    pub(super) fn error(&self, expected: impl Into<String>) -> FormError {
        FormError {
            line: self.line,
            expected: expected.into(),
        }
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), FormError> {
        self.line += 1;
        match self.rest.next() {
            None => Ok(()),
            Some(_) => Err(self.error("the end of the note")),
        }
    }
}
