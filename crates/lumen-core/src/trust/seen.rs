//! A note that a client or a lock saw: its number in its chain, and its hash.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::Digest;

/// Which note of a chain it is, and which bytes it has. A chain that has another note at this
/// number is another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteRef {
    /// Its number, from 1.
    pub seq: u64,
    /// SHA-256 of all its bytes, signatures included.
    pub hash: Digest,
}

/// A text that is not a number and a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the number and the hash of a note; write `3 sha256:…`")]
pub struct NoteRefError(pub String);

impl FromStr for NoteRef {
    type Err = NoteRefError;

    fn from_str(text: &str) -> Result<Self, NoteRefError> {
        let parsed = text.split_once(' ').and_then(|(seq, hash)| {
            let note = Self {
                seq: seq.parse().ok()?,
                hash: hash.parse().ok()?,
            };
            (note.seq > 0 && i64::try_from(note.seq).is_ok()).then_some(note)
        });
        // One spelling only.
        parsed
            .filter(|note| note.to_string() == text)
            .ok_or_else(|| NoteRefError(text.to_owned()))
    }
}

impl fmt::Display for NoteRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.hash)
    }
}

impl Serialize for NoteRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NoteRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let hash = Digest::of(b"note");
        let text = format!("3 {hash}");
        let note: NoteRef = text.parse().unwrap();
        assert_eq!((note.seq, note.hash, note.to_string()), (3, hash, text));
        for bad in [
            format!("0 {hash}"),
            format!("03 {hash}"),
            format!("+3 {hash}"),
            format!("9223372036854775808 {hash}"),
            format!("3  {hash}"),
            format!("3 {}", hash.hex()),
            "3".into(),
        ] {
            assert!(bad.parse::<NoteRef>().is_err(), "{bad}");
        }
    }
}
