//! The names of tiles and bundles: their paths below the log.

use std::fmt;

use super::{FULL, TileError};

/// The name of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// 0 for hashes of leaves.
    pub level: u8,
    /// Its position in the level.
    pub index: u64,
    /// Its hashes: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// Its path below the log: `tile/0/x001/234.p/5`.
    pub fn path(&self) -> String {
        path(&self.level.to_string(), self.index, self.width)
    }

    /// Parses a path below the log.
    ///
    /// # Errors
    /// On any path that [`Tile::path`] does not write.
    pub fn parse(text: &str) -> Result<Self, TileError> {
        let error = || TileError::Path(text.to_owned());
        let rest = text.strip_prefix("tile/").ok_or_else(error)?;
        let (level, rest) = rest.split_once('/').ok_or_else(error)?;
        let (index, width) = parse_index(rest).ok_or_else(error)?;
        let level = level.parse::<u8>().ok().filter(|level| *level < 64);
        let tile = Self {
            level: level.ok_or_else(error)?,
            index,
            width,
        };
        match tile.path() == text {
            true => Ok(tile),
            false => Err(error()),
        }
    }

    /// The full tile at the same place.
    pub const fn full(self) -> Self {
        Self {
            width: FULL,
            ..self
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// `tile/<kind>/<index in groups of three digits>[.p/<width>]`.
pub(super) fn path(kind: &str, index: u64, width: u16) -> String {
    let mut out = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        out = format!("x{:03}/{out}", rest % 1000);
        rest /= 1000;
    }
    match width {
        FULL => format!("tile/{kind}/{out}"),
        width => format!("tile/{kind}/{out}.p/{width}"),
    }
}

fn parse_index(text: &str) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|w| (1..FULL).contains(w))?),
        None => (text, FULL),
    };
    let mut value = 0_u64;
    for group in index.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let number: u64 = digits.parse().ok().filter(|_| digits.len() == 3)?;
        value = value.checked_mul(1000)?.checked_add(number)?;
    }
    Some((value, width))
}
