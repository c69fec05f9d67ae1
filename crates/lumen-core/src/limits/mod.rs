//! The table of limits: what a file, an answer or a run may cost.
//!
//! | limits | who chooses | where |
//! |---|---|---|
//! | of the formats | fixed: every reader and writer has the same | constants, [`Scope::Format`] |
//! | of this program | fixed | constants, [`Scope::Program`] |
//! | of the user | the user, never a project | [`Limit`] and [`Limits`] |
//!
//! `docs/limits.md` shows [`table`], and a test compares the two.

mod chosen;
mod fixed;

use std::fmt;

pub use chosen::{Exceeded, Limit, Limits, VARIABLE};
pub use fixed::*;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// An exponent of two.
    Power,
}

/// Who chooses a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The format of registries (`docs/registry-spec.md`).
    Format,
    /// This program.
    Program,
    /// The user.
    User,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name: of the constant, or the key in `[limits]` of the configuration.
    pub name: &'static str,
    /// Its value; for a limit of the user the default.
    pub value: u64,
    /// What the value counts.
    pub unit: Unit,
    /// What it bounds.
    pub bounds: &'static str,
    /// The modules that enforce it.
    pub place: &'static str,
    /// Who chooses it.
    pub scope: Scope,
}

impl fmt::Display for Row {
    /// Its name and value, as errors show them: ``the limit `MAX_REDIRECTS` is 10``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the limit `{}` is {}",
            self.name,
            self.unit.say(self.value)
        )
    }
}

/// All limits.
pub fn table() -> impl Iterator<Item = Row> {
    let chosen = Limit::ALL.iter().map(|limit| limit.row());
    FIXED.iter().copied().chain(chosen)
}

impl Unit {
    /// A value in words, such as `64 MiB`.
    pub fn say(self, value: u64) -> String {
        match self {
            Self::Bytes => bytes(value),
            Self::BytesPerSecond => format!("{} per second", bytes(value)),
            Self::Count => grouped(value),
            Self::Seconds => format!("{} s", grouped(value)),
            Self::Power => format!("2^{value}"),
        }
    }
}

impl Unit {
    /// A value as a user writes it: a whole number, for bytes also with a unit after it.
    pub fn parse(self, text: &str) -> Option<u64> {
        let text = text.trim();
        let suffix = match self {
            Self::Bytes | Self::BytesPerSecond => UNITS
                .into_iter()
                .find_map(|(bits, unit)| Some((bits, text.strip_suffix(unit)?))),
            Self::Count | Self::Seconds | Self::Power => None,
        };
        let (bits, digits) = suffix.unwrap_or((0, text));
        let digits = digits.trim_end();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| plain)?;
        number.checked_mul(1 << bits).filter(|value| *value > 0)
    }

    /// What a value looks like, for messages.
    pub const fn form(self) -> &'static str {
        match self {
            Self::Bytes | Self::BytesPerSecond => {
                "a whole number of bytes, at least 1, such as `67108864` or `64 MiB`"
            }
            Self::Seconds => "a whole number of seconds, at least 1",
            Self::Count | Self::Power => "a whole number, at least 1",
        }
    }
}

/// Units of bytes, as powers of two.
const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];

/// Bytes in the largest unit that leaves a whole number.
fn bytes(value: u64) -> String {
    let unit = UNITS
        .into_iter()
        .find(|(bits, _)| value > 0 && value.trailing_zeros() >= *bits);
    match unit {
        Some((bits, unit)) => format!("{} {unit}", grouped(value >> bits)),
        None => format!("{} bytes", grouped(value)),
    }
}

/// A number with commas between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
