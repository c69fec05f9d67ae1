//! Checked reads of the log's tiles and entries, and of the map's nodes.

use std::fmt::Display;

use futures::future::try_join_all;
use lumen_core::{
    Digest, Key,
    limits::MAX_TILE_BYTES,
    tile::{
        FULL, Tile, Tiles,
        entries::{self, MAX_BUNDLE, width},
    },
    trust::{
        MapLeaf,
        event::NO_EVENTS,
        map::{self, Lookup, MAX_NODE_BYTES, Nodes},
    },
};

use crate::{
    storage::Storage,
    write::{PublishError, damaged},
};

/// The source of the files of a log, and the error for wrong ones.
///
/// Readers read through their caches and get an error about an attack; writers and mirrors
/// read from the host, and get an error about damage.
pub(crate) trait LogFiles {
    /// The error for a wrong file.
    type Error;

    /// A file of at most `limit` bytes, with this digest if there must be one; `None` when it is
    /// not there.
    async fn bytes(
        &self,
        key: &Key,
        limit: u64,
        digest: Option<Digest>,
    ) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The error for a file that is missing.
    fn missing(&self, key: &Key) -> Self::Error;

    /// The error for a wrong file.
    fn wrong(&self, key: &Key, what: &dyn Display) -> Self::Error;
}

impl LogFiles for Storage {
    type Error = PublishError;

    async fn bytes(
        &self,
        key: &Key,
        limit: u64,
        digest: Option<Digest>,
    ) -> Result<Option<Vec<u8>>, PublishError> {
        let found = self.get(key, limit).await?.map(|(bytes, _)| bytes);
        let is_other = |bytes: &Vec<u8>| digest.is_some_and(|digest| Digest::of(bytes) != digest);
        match found.as_ref().is_some_and(is_other) {
            true => Err(damaged(self, key, "it has another hash than its name")),
            false => Ok(found),
        }
    }

    fn missing(&self, key: &Key) -> PublishError {
        damaged(self, key, "it does not exist")
    }

    fn wrong(&self, key: &Key, what: &dyn Display) -> PublishError {
        damaged(self, key, what)
    }
}

/// Reads those tiles that are not there yet. In place of a partial one that is gone, the full one.
pub(crate) async fn load_tiles<F: LogFiles>(
    files: &F,
    tiles: &mut Tiles,
    wanted: &[Tile],
) -> Result<(), F::Error> {
    let wanted = wanted.iter().filter(|tile| !tiles.contains(tile));
    let read = async |tile: &Tile| {
        for tile in [*tile, tile.full()] {
            if let Some(bytes) = files.bytes(&Key::tile(&tile), MAX_TILE_BYTES, None).await? {
                return Ok((tile, bytes));
            }
        }
        Err(files.missing(&Key::tile(tile)))
    };
    for (tile, bytes) in try_join_all(wanted.map(read)).await? {
        let inserted = tiles.insert(tile, bytes);
        inserted.map_err(|error| files.wrong(&Key::tile(&tile), &error))?;
    }
    Ok(())
}

/// Entries of the log under one tile: `width` of them from its first on. In place of a partial
/// bundle that is gone, the full one.
pub(crate) async fn load_entries<F: LogFiles>(
    files: &F,
    index: u64,
    width: u16,
) -> Result<Vec<String>, F::Error> {
    for there in [width, FULL] {
        let key = Key::entries(index, there);
        let Some(bytes) = files.bytes(&key, MAX_BUNDLE, None).await? else {
            continue;
        };
        let leaves = entries::decode(&bytes).map_err(|error| files.wrong(&key, &error))?;
        let text = |leaf| String::from_utf8(leaf).map_err(|error| files.wrong(&key, &error));
        let mut texts: Vec<String> = leaves.into_iter().map(text).collect::<Result<_, _>>()?;
        if texts.len() < usize::from(width) {
            return Err(files.wrong(&key, &"it has too few entries"));
        }
        texts.truncate(usize::from(width));
        return Ok(texts);
    }
    Err(files.missing(&Key::entries(index, width)))
}

/// The bytes of a node of the map.
pub(crate) async fn read_node<F: LogFiles>(files: &F, hash: &Digest) -> Result<Vec<u8>, F::Error> {
    // The map without names is the same everywhere and need not be stored.
    let (empty, bytes) = map::empty();
    if *hash == empty {
        return Ok(bytes);
    }
    let key = Key::map_node(hash);
    let found = files.bytes(&key, MAX_NODE_BYTES, Some(*hash)).await?;
    found.ok_or_else(|| files.missing(&key))
}

/// All entries from `from` up to `to`.
pub(crate) async fn load_range(
    storage: &Storage,
    from: u64,
    to: u64,
) -> Result<Vec<String>, PublishError> {
    let mut out = Vec::new();
    let mut at = from;
    while at < to {
        let full = u64::from(FULL);
        let (index, skip) = (at / full, (at % full) as usize);
        let width = width(index, to);
        let bundle = load_entries(storage, index, width).await?;
        out.extend(bundle.into_iter().skip(skip));
        at = index * full + u64::from(width);
    }
    Ok(out)
}

/// The last entry of a state of the log, which is a map leaf.
pub(crate) async fn load_state_leaf(storage: &Storage, size: u64) -> Result<String, PublishError> {
    let leaf = match size.checked_sub(1) {
        Some(at) => load_entry(storage, at, size).await?,
        None => String::new(),
    };
    match MapLeaf::parse(&leaf).is_some_and(|leaf| leaf.size == size) {
        true => Ok(leaf),
        false => {
            let key = Key::entries(
                size / u64::from(FULL),
                width(size / u64::from(FULL), size).max(1),
            );
            Err(damaged(storage, &key, "it does not end with a map leaf"))
        }
    }
}

/// An entry of a log that has `size` entries. That it is in the log is not proved.
///
/// # Errors
/// When the entries are missing or damaged; failures of the host.
pub async fn load_entry(storage: &Storage, index: u64, size: u64) -> Result<String, PublishError> {
    let full = u64::from(FULL);
    let (bundle, at) = (index / full, (index % full) as usize);
    let width = width(bundle, size);
    let mut entries = load_entries(storage, bundle, width).await?;
    match at < entries.len() {
        true => Ok(entries.swap_remove(at)),
        false => {
            let key = Key::entries(bundle, width);
            Err(damaged(storage, &key, "it has too few entries"))
        }
    }
}

/// Reads a node into those at hand.
pub(crate) async fn load_node(
    storage: &Storage,
    nodes: &mut Nodes,
    hash: &Digest,
) -> Result<(), PublishError> {
    nodes.insert(*hash, read_node(storage, hash).await?);
    Ok(())
}

/// The chain head of a key of the map.
pub(crate) async fn load_chain(
    storage: &Storage,
    nodes: &mut Nodes,
    root: &Digest,
    name: &str,
) -> Result<Digest, PublishError> {
    loop {
        match map::lookup(nodes, root, name) {
            Ok(Lookup::Found(chain)) => return Ok(chain),
            Ok(Lookup::Absent) => return Ok(NO_EVENTS),
            Ok(Lookup::Need(hash)) => load_node(storage, nodes, &hash).await?,
            Err(error) => return Err(damaged(storage, &Key::map_node(&error.0), &error)),
        }
    }
}
