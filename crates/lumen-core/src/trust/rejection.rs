//! Notes that say a claim will not be approved.

use std::fmt::Write;

use super::text::{FormError, Lines};
use crate::digest::Digest;

/// The first line of a rejection.
pub(super) const KIND: &str = "lumen/rejection/v1";

/// Says that a claim will not be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The registry.
    pub origin: String,
    /// SHA-256 of the claim's text, without its signatures.
    pub claim: Digest,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Rejection {
    /// Parses the text of a rejection.
    ///
    /// # Errors
    /// On the first line that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let mut lines = Lines::of(text, KIND)?;
        let rejection = Self {
            origin: lines.origin()?,
            claim: lines.parsed("claim", "`sha256:…`")?,
            time: lines.time()?,
            reason: lines.reason()?,
        };
        lines.end()?;
        Ok(rejection)
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut out = format!("{KIND}\nregistry {}\n", self.origin);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "claim {}\ntime {}", self.claim, self.time);
        let _ = writeln!(out, "reason {}", self.reason);
        out
    }
}
