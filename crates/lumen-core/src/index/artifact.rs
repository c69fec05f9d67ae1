//! The files that hold the contents of a release, and whether they are what its metadata says.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    key::{ArtifactKind, Key},
};

/// One encoding of a release's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `tar`, `tar.zst`, or a kind this version does not know.
    pub kind: String,
    /// Path inside the registry; always the content address. Empty where a file has none.
    #[serde(default)]
    pub url: String,
    /// SHA-256 of the file's bytes.
    pub hash: Digest,
    /// Size of the file in bytes.
    pub size: u64,
}

/// Why a release's artifact entry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The release has no artifact at all.
    #[error("the release has no artifact")]
    Missing,
    /// Entry 0 has another kind than `tar`.
    #[error("the first artifact must have kind `tar`, not `{0}`")]
    Kind(String),
    /// The URL is not the content address.
    #[error("the artifact's url is `{url}`, but its hash says `{expected}`")]
    Address {
        /// The URL found.
        url: String,
        /// The only URL allowed.
        expected: String,
    },
}

/// How the bytes of an artifact differ from what its metadata says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// They go on where they should end.
    #[error("it has more than the {expected} bytes that it must have")]
    Larger {
        /// How many they should be.
        expected: u64,
    },
    /// They are complete, and too few.
    #[error("it has {actual} bytes, and must have {expected}")]
    Smaller {
        /// How many they should be.
        expected: u64,
        /// How many they are.
        actual: u64,
    },
    /// They are others.
    #[error("it has the hash {actual}, and must have {expected}")]
    Hash {
        /// The hash that they should have.
        expected: Digest,
        /// The hash that they have.
        actual: Digest,
    },
    /// They decompress to others.
    #[error("it decompresses to a tar with the hash {actual}, and must be one with {expected}")]
    Plain {
        /// The hash that the tar should have.
        expected: Digest,
        /// The hash that it has.
        actual: Digest,
    },
}

impl Artifact {
    /// An artifact entry for these bytes.
    pub fn new(kind: ArtifactKind, hash: Digest, size: u64) -> Self {
        Self {
            kind: kind.as_str().into(),
            url: Key::artifact(&hash, kind).as_str().into(),
            hash,
            size,
        }
    }

    /// The key of its URL, if that is its content address, whatever its kind: mirrors and garbage
    /// collection treat kinds alike that this version does not know.
    pub fn address(&self) -> Option<Key> {
        const LONGEST_KIND: usize = 32;
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        let is_plain =
            (1..=LONGEST_KIND).contains(&self.kind.len()) && self.kind.bytes().all(letter);
        let key = Key::artifact_of(&self.hash, &self.kind);
        (is_plain && self.url == key.as_str()).then_some(key)
    }

    /// The key to read it from.
    ///
    /// # Errors
    /// When the URL is not the content address of the hash, or the kind is unknown.
    pub fn key(&self) -> Result<Key, ArtifactError> {
        let kind = ArtifactKind::from_name(&self.kind)
            .ok_or_else(|| ArtifactError::Kind(self.kind.clone()))?;
        let expected = Key::artifact(&self.hash, kind);
        match self.url == expected.as_str() {
            true => Ok(expected),
            false => Err(ArtifactError::Address {
                url: self.url.clone(),
                expected: expected.as_str().into(),
            }),
        }
    }
}

/// The artifact that gives a release its identity: entry 0, of kind `tar`.
///
/// # Errors
/// When there is none, or it has another kind or address.
pub fn identity(artifacts: &[Artifact]) -> Result<&Artifact, ArtifactError> {
    let first = artifacts.first().ok_or(ArtifactError::Missing)?;
    if first.kind != ArtifactKind::Tar.as_str() {
        return Err(ArtifactError::Kind(first.kind.clone()));
    }
    first.key().map(|_| first)
}
