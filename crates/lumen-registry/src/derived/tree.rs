//! Entry bundles and hash tiles.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key,
    key::kind::FileKind,
    merkle::leaf_hash,
    tile::{Appended, FULL, Tile, TileError, Tiles, entries},
};

use super::{Expected, Row, Whole, whole::Replay};
use crate::write::{PublishError, damaged};

/// The folder of all tiles and bundles.
pub(crate) const FOLDER: &str = "log/tile/";

/// Bytes of a hash in a tile.
const HASH: usize = 32;

/// `log/tile/entries/<index>[.p/<width>]`: the log itself, in pieces of 256 entries.
pub(super) struct Bundles;

/// `log/tile/<level>/<index>[.p/<width>]`: the hashes of the log's tree.
pub(crate) struct HashTiles;

fn is_bundle(key: &Key) -> bool {
    key.as_str().starts_with("log/tile/entries/")
}

impl Row for Bundles {
    fn has(&self, key: &Key) -> bool {
        is_bundle(key)
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let mut files = BTreeMap::new();
        for log in whole.logs() {
            // Only the last bundle is another one in the state that readers see.
            for (index, chunk) in (0..).zip(log.entries.chunks(usize::from(FULL))) {
                let key = Key::entries(index, entries::width(index, log.size));
                if files.contains_key(&key) {
                    continue;
                }
                let bytes = entries::encode(chunk);
                let bytes = bytes.map_err(|error| damaged(whole.storage, &key, error))?;
                files.insert(key, bytes);
            }
        }
        Ok(Expected::Known(files))
    }
}

impl Row for HashTiles {
    fn has(&self, key: &Key) -> bool {
        key.kind() == FileKind::Tile && !is_bundle(key)
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let mut files = BTreeMap::new();
        for log in whole.logs() {
            let all = tiles(log);
            let all = all.map_err(|error| damaged(whole.storage, &Key::head(), error))?;
            files.extend(
                all.tiles
                    .into_iter()
                    .map(|(tile, bytes)| (Key::tile(&tile), bytes)),
            );
        }
        Ok(Expected::Known(files))
    }
}

/// All tiles of a log, and its root.
pub(crate) fn tiles(log: &Replay) -> Result<Appended, TileError> {
    let hash = |entry: &String| leaf_hash(entry.as_bytes());
    let leaves: Vec<Digest> = log.entries.iter().map(hash).collect();
    Tiles::default().append(0, &leaves)
}

/// Tiles and bundles of earlier sizes of a log: the beginnings of those that it has now.
pub(crate) struct Earlier<'a> {
    log: &'a Replay,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl<'a> Earlier<'a> {
    /// Those of a log.
    pub(crate) fn of(log: &'a Replay) -> Self {
        let tiles = tiles(log).map(|all| all.tiles).unwrap_or_default();
        let tiles = tiles.into_iter();
        Self {
            log,
            tiles: tiles
                .map(|(tile, bytes)| ((tile.level, tile.index), bytes))
                .collect(),
        }
    }

    /// The bytes that a file must have; `None` for a file of a later size, or another file.
    pub(crate) fn bytes(&self, key: &Key) -> Option<Vec<u8>> {
        let tile = tile_of(key)?;
        if is_bundle(key) {
            let from = usize::try_from(tile.index.checked_mul(u64::from(FULL))?).ok()?;
            let to = from.checked_add(usize::from(tile.width))?;
            return entries::encode(self.log.entries.get(from..to)?).ok();
        }
        let bytes = self.tiles.get(&(tile.level, tile.index))?;
        Some(bytes.get(..usize::from(tile.width) * HASH)?.to_vec())
    }
}

/// The tile of a path below `log/tile/`, or the one that a bundle is under.
pub(crate) fn tile_of(key: &Key) -> Option<Tile> {
    let path = key.as_str().strip_prefix("log/")?;
    match path.strip_prefix("tile/entries/") {
        Some(rest) => Tile::parse(&format!("tile/0/{rest}")).ok(),
        None => Tile::parse(path).ok(),
    }
}
