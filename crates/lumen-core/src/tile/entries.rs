//! Entry bundles: the leaves under a tile of level 0, each after its length.

use super::{FULL, name::path};
pub use crate::limits::MAX_ENTRY_BUNDLE_BYTES as MAX_BUNDLE;
pub use crate::limits::MAX_LEAF;
use crate::limits::rows;

/// Entries in a bundle that is full.
pub const PER_BUNDLE: u64 = FULL as u64;

/// Why bytes are no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A leaf is too large.
    #[error("an entry of the log is too large; {}", rows::MAX_LEAF)]
    TooLarge,
    /// There are more leaves than a tile has hashes.
    #[error("the entries are more than {FULL}")]
    TooMany,
    /// The bytes end inside a leaf.
    #[error("the entries end in the middle of one")]
    Truncated,
}

/// The path of a bundle below the log.
pub fn entries_path(index: u64, width: u16) -> String {
    path("entries", index, width)
}

/// How many entries bundle `index` has in a log of `size` entries.
pub fn width(index: u64, size: u64) -> u16 {
    let rest = size
        .saturating_sub(index.saturating_mul(PER_BUNDLE))
        .min(PER_BUNDLE);
    u16::try_from(rest).unwrap_or(FULL)
}

/// The bytes of a bundle.
///
/// # Errors
/// When a leaf is too large, or there are more than [`FULL`].
pub fn encode<L: AsRef<[u8]>>(leaves: &[L]) -> Result<Vec<u8>, BundleError> {
    if leaves.len() > usize::from(FULL) {
        return Err(BundleError::TooMany);
    }
    let mut out = Vec::new();
    for leaf in leaves {
        let leaf = leaf.as_ref();
        let length = u16::try_from(leaf.len()).map_err(|_| BundleError::TooLarge)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(leaf);
    }
    Ok(out)
}

/// The leaves of a bundle.
///
/// # Errors
/// When the bytes end inside a leaf, or there are more than [`FULL`].
pub fn decode(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        if out.len() == usize::from(FULL) {
            return Err(BundleError::TooMany);
        }
        let (length, rest) = bytes
            .split_first_chunk::<2>()
            .ok_or(BundleError::Truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (leaf, rest) = rest
            .split_at_checked(length)
            .ok_or(BundleError::Truncated)?;
        out.push(leaf.to_vec());
        bytes = rest;
    }
    Ok(out)
}
