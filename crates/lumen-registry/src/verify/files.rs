//! Tiles and leaves of the log, read through the registry's caches.

use std::fmt::Display;

use lumen_core::{
    Digest, Key,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
    key::kind::FileKind,
    tile::{Tile, Tiles, tiles_for_consistency, tiles_for_edge, tiles_for_inclusion},
};

use super::TrustError;
use crate::{
    logread::{self, Growth, LogFiles, has_entry, load_tiles},
    source::{ReadError, Source},
};

/// The bytes of the checkpoint.
pub(super) async fn checkpoint(
    source: &Source,
    buster: Option<&str>,
) -> Result<Vec<u8>, ReadError> {
    let key = Key::checkpoint();
    let bytes = source.mutable_bytes(&key, MAX_CHECKPOINT_BYTES, buster);
    bytes.await?.ok_or_else(|| {
        let reason = format!("`{}` is missing", source.storage().describe(&key));
        TrustError::Checkpoint { reason }.into()
    })
}

/// Compares a log with a smaller one, by its tiles.
pub(crate) async fn growth(
    source: &Source,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<Growth, ReadError> {
    let mut wanted = tiles_for_consistency(old.size, new.size);
    // To distinguish damaged tiles from a forked log.
    wanted.extend(tiles_for_edge(new.size));
    wanted.sort_unstable();
    wanted.dedup();
    let mut tiles = genuine(source, &wanted, new).await?;
    logread::growth(&Uncached(source, None), &mut tiles, old, new).await
}

/// The last leaf of a log: the map's root, proved to be in the log.
pub(super) async fn last_leaf(
    source: &Source,
    checkpoint: &Checkpoint,
) -> Result<Vec<u8>, ReadError> {
    let size = checkpoint.size;
    let Some(index) = size.checked_sub(1) else {
        return Err(log("the log is empty".into()).into());
    };
    let key = Key::map_size(size);
    for buster in [None, Some(format!("{size}"))] {
        let leaf = source.immutable_bytes(&key, 1024, None, buster.as_deref());
        let leaf = leaf.await?.ok_or_else(|| TrustError::Map {
            reason: format!("`{}` is missing", source.storage().describe(&key)),
        })?;
        let mut wanted = tiles_for_inclusion(index, size);
        wanted.extend(tiles_for_edge(size));
        wanted.sort_unstable();
        wanted.dedup();
        let mut tiles = genuine(source, &wanted, checkpoint).await?;
        let (files, log) = (Uncached(source, None), (size, &checkpoint.root));
        if has_entry(&files, &mut tiles, (index, &leaf), log).await? {
            return Ok(leaf);
        }
    }
    let reason = format!(
        "`{}` is not the last entry of the log",
        source.storage().describe(&key)
    );
    Err(TrustError::Map { reason }.into())
}

/// Tiles that lead to the checkpoint's root; read again once if they do not.
async fn genuine(
    source: &Source,
    wanted: &[Tile],
    checkpoint: &Checkpoint,
) -> Result<Tiles, ReadError> {
    let mut reason = String::new();
    for buster in [None, Some(checkpoint.root.hex())] {
        let tiles = tiles(source, wanted, buster.as_deref()).await?;
        match tiles.root(checkpoint.size) {
            Ok(root) if root == checkpoint.root => return Ok(tiles),
            Ok(_) => reason = "its tiles lead to another root".into(),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(log(reason).into())
}

pub(super) async fn tiles(
    source: &Source,
    wanted: &[Tile],
    buster: Option<&str>,
) -> Result<Tiles, ReadError> {
    let mut tiles = Tiles::default();
    load_tiles(&Uncached(source, buster), &mut tiles, wanted).await?;
    Ok(tiles)
}

/// The files of a source; with a cache buster, as no cache on the way has them.
pub(super) struct Uncached<'a>(pub(super) &'a Source, pub(super) Option<&'a str>);

impl LogFiles for Uncached<'_> {
    type Error = ReadError;

    async fn bytes(
        &self,
        key: &Key,
        limit: u64,
        digest: Option<Digest>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let bytes = self.0.immutable_bytes(key, limit, digest, self.1).await;
        bytes.map_err(|error| match error {
            ReadError::Hash { actual, .. } => {
                let what = format!("`{}` has the hash {actual}", self.0.storage().describe(key));
                about(key, what).into()
            }
            error => error,
        })
    }

    fn missing(&self, key: &Key) -> ReadError {
        let file = self.0.storage().describe(key);
        about(key, format!("`{file}` is missing")).into()
    }

    fn wrong(&self, key: &Key, what: &dyn Display) -> ReadError {
        let file = self.0.storage().describe(key);
        about(key, format!("`{file}`: {what}")).into()
    }
}

/// The error for a wrong file of the log or of its map.
fn about(key: &Key, reason: String) -> TrustError {
    match key.kind() {
        FileKind::Map => TrustError::Map { reason },
        _ => TrustError::Log { reason },
    }
}

fn log(reason: String) -> TrustError {
    TrustError::Log { reason }
}
