//! Merkle trees and their proofs (RFC 6962, section 2.1).

use crate::digest::{Digest, Hasher};

/// Why a proof does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The sizes or the index are impossible.
    #[error("the proof is for an impossible size or position")]
    Range,
    /// The proof has too many or too few hashes.
    #[error("the proof has another length than the sizes ask for")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof leads to another root")]
    Root,
}

/// The hash of a leaf: SHA-256 over 0x00 and its bytes.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[0]);
    hasher.update(leaf);
    hasher.finish()
}

/// The hash of two subtrees: SHA-256 over 0x01 and both hashes.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.finish()
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// Checks that a leaf is in a tree of `size` leaves.
///
/// # Errors
/// When the proof does not show it.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Digest,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    // RFC 9162, section 2.1.3.2.
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last == 0, hash == *root) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

/// Checks that a tree of `new` leaves starts with all leaves of a tree of `old` leaves.
///
/// # Errors
/// When the proof does not show it, and when only the old tree is empty, for which there
/// are no proofs.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Digest,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if old > new || (old == 0 && new > 0) {
        return Err(ProofError::Range);
    }
    if old == new {
        let same = old_root == new_root && (old > 0 || *old_root == empty_root());
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // RFC 9162, section 2.1.4.2.
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut rest = proof.iter();
    // A complete subtree is its own first hash.
    let first = match node {
        0 => *old_root,
        _ => *rest.next().ok_or(ProofError::Length)?,
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last == 0, old_hash == *old_root && new_hash == *new_root) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}
