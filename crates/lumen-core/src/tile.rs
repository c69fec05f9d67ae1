//! The tiles of a log ([tlog-tiles](https://c2sp.org/tlog-tiles)), and the proofs they give.
//!
//! A tile holds up to 256 hashes of one level; those of a level above are the roots
//! of full tiles. Reading is split from computing: `tiles_for_…` says which tiles a
//! question takes, and [`Tiles`] answers it once they are there.

pub mod entries;
mod name;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    merkle::{empty_root, node_hash},
};

pub use name::Tile;

/// Hashes of a full tile.
pub const FULL: u16 = 256;

/// Levels of 8 bits of position each, of which a log of 2^64 leaves has 8.
const LEVELS: u8 = 8;

/// Why tiles do not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile.
    #[error("`{0}` is not the path of a tile")]
    Path(String),
    /// The tile's file has another length than its hashes.
    #[error("`{tile}` has {found} bytes, not {expected}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Bytes it should have.
        expected: usize,
        /// Bytes it has.
        found: usize,
    },
    /// A tile that the answer takes is not there.
    #[error("`{0}` is missing")]
    Missing(Tile),
    /// The sizes or the index are impossible.
    #[error("the log has no such position or size")]
    Range,
}

/// A complete subtree: 2^`height` leaves, the `position`-th of its height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subtree {
    height: u32,
    position: u64,
}

/// The complete subtrees that leaves `from..to` fall into, left to right, largest first.
/// `from` is a multiple of the largest.
fn subtrees(mut from: u64, to: u64) -> Vec<Subtree> {
    let mut out = Vec::new();
    while from < to {
        let most = 63 - (to - from).leading_zeros();
        let height = most.min(from.trailing_zeros());
        out.push(Subtree {
            height,
            position: from >> height,
        });
        from += 1 << height;
    }
    out
}

impl Subtree {
    /// The tile of a log of `size` leaves that has the hashes of the subtree.
    fn tile(self, size: u64) -> Tile {
        let level = self.height / 8;
        let first = self.position << (self.height % 8);
        let index = first >> 8;
        let hashes = size >> (8 * level);
        let width = (hashes - (index << 8)).min(u64::from(FULL));
        Tile {
            level: level as u8,
            index,
            width: width as u16,
        }
    }
}

/// The tiles at the right edge of a log of this size, which appending needs.
pub fn tiles_for_edge(size: u64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for level in 0..LEVELS {
        let hashes = size >> (8 * u32::from(level));
        let width = (hashes % 256) as u16;
        if width > 0 {
            tiles.push(Tile {
                level,
                index: hashes >> 8,
                width,
            });
        }
    }
    tiles
}

/// The tiles of a log of `new` leaves that have its right edge at `old` leaves, which
/// appending the leaves in between needs.
pub fn tiles_for_growth(old: u64, new: u64) -> Vec<Tile> {
    let mut tiles = tiles_for_edge(old);
    for tile in &mut tiles {
        let hashes = new >> (8 * u32::from(tile.level));
        let width = hashes.saturating_sub(tile.index << 8).min(u64::from(FULL));
        tile.width = tile.width.max(width as u16);
    }
    tiles
}

/// The tiles that prove that the leaf at `index` is in a log of `size` leaves.
pub fn tiles_for_inclusion(index: u64, size: u64) -> Vec<Tile> {
    tiles_of(&inclusion(index, size), size)
}

/// The tiles that prove that a log of `new` leaves continues one of `old` leaves.
pub fn tiles_for_consistency(old: u64, new: u64) -> Vec<Tile> {
    tiles_of(&consistency(old, new), new)
}

fn tiles_of(ranges: &[(u64, u64)], size: u64) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = ranges
        .iter()
        .flat_map(|(from, to)| subtrees(*from, *to))
        .map(|subtree| subtree.tile(size))
        .collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The ranges of leaves whose hashes are an inclusion proof, in its order (RFC 6962, section 2.1.1).
fn inclusion(index: u64, size: u64) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    if index >= size {
        return out;
    }
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            out.push((middle, to));
            to = middle;
        } else {
            out.push((from, middle));
            from = middle;
        }
    }
    out.reverse();
    out
}

/// The ranges of leaves whose hashes are a consistency proof, in its order (RFC 6962, section 2.1.2).
fn consistency(old: u64, new: u64) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    if old == 0 || old >= new {
        return out;
    }
    let (mut from, mut to) = (0, new);
    let mut whole = true;
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            out.push((middle, to));
            to = middle;
        } else {
            out.push((from, middle));
            from = middle;
            whole = false;
        }
    }
    if !whole {
        out.push((from, to));
    }
    out.reverse();
    out
}

/// Tiles at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles(BTreeMap<Tile, Vec<u8>>);

/// What appending to a log gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The new size.
    pub size: u64,
    /// The new root.
    pub root: Digest,
    /// Tiles that are new or wider, the partial ones of the new size included.
    pub tiles: Vec<(Tile, Vec<u8>)>,
}

impl Tiles {
    /// Adds a tile.
    ///
    /// # Errors
    /// When the bytes are not as many as its hashes take.
    pub fn insert(&mut self, tile: Tile, bytes: Vec<u8>) -> Result<(), TileError> {
        let (expected, found) = (usize::from(tile.width) * 32, bytes.len());
        if !(1..=FULL).contains(&tile.width) {
            return Err(TileError::Range);
        }
        if found != expected {
            return Err(TileError::Length {
                tile,
                expected,
                found,
            });
        }
        self.0.insert(tile, bytes);
        Ok(())
    }

    /// Whether a tile is at hand, in this or a greater width.
    pub fn contains(&self, tile: &Tile) -> bool {
        self.find(tile).is_some()
    }

    fn find(&self, tile: &Tile) -> Option<&[u8]> {
        let mut from_here = self.0.range(*tile..);
        let (found, bytes) = from_here.next()?;
        let same = found.level == tile.level && found.index == tile.index;
        same.then_some(bytes.as_slice())
    }

    /// The root of the log of this size.
    ///
    /// # Errors
    /// When a tile of [`tiles_for_edge`] is missing.
    pub fn root(&self, size: u64) -> Result<Digest, TileError> {
        match size {
            0 => Ok(empty_root()),
            size => self.range(0, size, size),
        }
    }

    /// The proof that the leaf at `index` is in the log of `size` leaves.
    ///
    /// # Errors
    /// When there is no such leaf, or a tile of [`tiles_for_inclusion`] is missing.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, TileError> {
        match index < size {
            true => self.hashes(&inclusion(index, size), size),
            false => Err(TileError::Range),
        }
    }

    /// The proof that the log of `new` leaves continues that of `old` leaves.
    ///
    /// # Errors
    /// When `old` is larger or only `old` is 0, or a tile of [`tiles_for_consistency`] is
    /// missing.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, TileError> {
        match old <= new && (old > 0 || new == 0) {
            true => self.hashes(&consistency(old, new), new),
            false => Err(TileError::Range),
        }
    }

    fn hashes(&self, ranges: &[(u64, u64)], size: u64) -> Result<Vec<Digest>, TileError> {
        let hash = |(from, to): &(u64, u64)| self.range(*from, *to, size);
        ranges.iter().map(hash).collect()
    }

    /// The hash over leaves `from..to` of the log of `size` leaves.
    fn range(&self, from: u64, to: u64, size: u64) -> Result<Digest, TileError> {
        let mut hash: Option<Digest> = None;
        for subtree in subtrees(from, to).into_iter().rev() {
            let left = self.subtree(subtree, size)?;
            hash = Some(match hash {
                Some(right) => node_hash(&left, &right),
                None => left,
            });
        }
        hash.ok_or(TileError::Range)
    }

    fn subtree(&self, subtree: Subtree, size: u64) -> Result<Digest, TileError> {
        let tile = subtree.tile(size);
        let bytes = self.find(&tile).ok_or(TileError::Missing(tile))?;
        let count = 1_usize << (subtree.height % 8);
        let first = (subtree.position << (subtree.height % 8)) as usize & 0xff;
        let hashes = bytes.get(first * 32..(first + count) * 32);
        let hashes = hashes.ok_or(TileError::Missing(tile))?.chunks_exact(32);
        Ok(fold(hashes.filter_map(to_digest).collect()))
    }

    /// Appends leaves to the log of `size` leaves.
    ///
    /// # Errors
    /// When a tile of [`tiles_for_edge`] is missing.
    pub fn append(&self, size: u64, leaves: &[Digest]) -> Result<Appended, TileError> {
        let new_size = size
            .checked_add(leaves.len() as u64)
            .ok_or(TileError::Range)?;
        let mut all = Self::default();
        let mut out = Vec::new();
        let mut added: Vec<Digest> = leaves.to_vec();
        for level in 0..LEVELS {
            let before = size >> (8 * u32::from(level));
            let (index, width) = (before >> 8, (before % 256) as u16);
            let mut bytes = Vec::new();
            if width > 0 {
                let tile = Tile {
                    level,
                    index,
                    width,
                };
                let found = self.find(&tile).ok_or(TileError::Missing(tile))?;
                bytes.extend_from_slice(&found[..usize::from(width) * 32]);
            }
            let changed = !added.is_empty();
            added
                .iter()
                .for_each(|hash| bytes.extend_from_slice(hash.as_bytes()));
            let mut above = Vec::new();
            for (at, chunk) in bytes.chunks(usize::from(FULL) * 32).enumerate() {
                let tile = Tile {
                    level,
                    index: index + at as u64,
                    width: (chunk.len() / 32) as u16,
                };
                if tile.width == FULL {
                    let hashes = chunk.chunks_exact(32).filter_map(to_digest);
                    above.push(fold(hashes.collect()));
                }
                if changed {
                    out.push((tile, chunk.to_vec()));
                }
                all.insert(tile, chunk.to_vec())?;
            }
            added = above;
        }
        // Subtrees below the old edge that are no longer there in parts.
        for (tile, bytes) in &self.0 {
            all.0.entry(*tile).or_insert_with(|| bytes.clone());
        }
        Ok(Appended {
            size: new_size,
            root: all.root(new_size)?,
            tiles: out,
        })
    }
}

fn to_digest(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// The root over a power of two of hashes.
fn fold(mut hashes: Vec<Digest>) -> Digest {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                pair => pair.first().copied().unwrap_or_else(empty_root),
            })
            .collect();
    }
    hashes.first().copied().unwrap_or_else(empty_root)
}
