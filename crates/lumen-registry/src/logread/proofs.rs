//! Proofs by tiles, for readers, writers, mirrors and witnesses alike.

use lumen_core::{
    Digest, Key,
    checkpoint::Checkpoint,
    limits::MAX_MAP_LEAF_BYTES,
    merkle::{leaf_hash, verify_consistency, verify_inclusion},
    tile::{Tiles, tiles_for_consistency, tiles_for_inclusion},
    trust::{MapLeaf, map},
};

use super::files::{LogFiles, load_state_leaf, load_tiles};
use crate::{
    storage::Storage,
    write::{PublishError, damaged},
};

/// Whether a log continues another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Every entry of the smaller one is where it was.
    Continues,
    /// The smaller one is not part of the larger one, or is larger.
    Forked,
}

/// Compares a log with one of at most its size. `tiles`: those at hand; others are read.
///
/// # Errors
/// When tiles are missing or damaged; failures of the host.
pub(crate) async fn growth<F: LogFiles>(
    files: &F,
    tiles: &mut Tiles,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<Growth, F::Error> {
    if old.size > new.size || old.origin != new.origin {
        return Ok(Growth::Forked);
    }
    load_tiles(files, tiles, &tiles_for_consistency(old.size, new.size)).await?;
    let proof = tiles.prove_consistency(old.size, new.size);
    let proof = proof.map_err(|error| files.wrong(&Key::checkpoint(), &error))?;
    let verified = verify_consistency(old.size, new.size, &old.root, &new.root, &proof);
    Ok(match verified {
        Ok(()) => Growth::Continues,
        Err(_) => Growth::Forked,
    })
}

/// Whether a text is an entry of a log, at this index. `tiles`: those at hand; others are read.
///
/// # Errors
/// As [`growth`].
pub(crate) async fn has_entry<F: LogFiles>(
    files: &F,
    tiles: &mut Tiles,
    (index, text): (u64, &[u8]),
    (size, root): (u64, &Digest),
) -> Result<bool, F::Error> {
    load_tiles(files, tiles, &tiles_for_inclusion(index, size)).await?;
    let proof = tiles.prove_inclusion(index, size);
    let proof = proof.map_err(|error| files.wrong(&Key::checkpoint(), &error))?;
    Ok(verify_inclusion(index, size, &leaf_hash(text), &proof, root).is_ok())
}

/// The root of the map at a size, proved to be in the log with this root.
pub(crate) async fn load_map_root(
    storage: &Storage,
    tiles: &mut Tiles,
    size: u64,
    root: &Digest,
) -> Result<Digest, PublishError> {
    if size == 0 {
        return Ok(map::empty().0);
    }
    let key = Key::map_size(size);
    let bytes = match storage.get(&key, MAX_MAP_LEAF_BYTES).await? {
        Some((bytes, _)) => bytes,
        // A state that waits for witnesses has no file of its own.
        None => load_state_leaf(storage, size).await?.into_bytes(),
    };
    let leaf = std::str::from_utf8(&bytes).ok().and_then(MapLeaf::parse);
    let Some(leaf) = leaf.filter(|leaf| leaf.size == size) else {
        return Err(damaged(
            storage,
            &key,
            "it is not the map leaf of this size",
        ));
    };
    match has_entry(storage, tiles, (size - 1, &bytes), (size, root)).await? {
        true => Ok(leaf.root),
        false => Err(damaged(
            storage,
            &key,
            "it is not the last entry of the log",
        )),
    }
}
