//! Checked reads of the log's tiles and entries, and of the map's nodes.

use lumen_core::limits::MAX_MAP_LEAF_BYTES;
use lumen_core::{
    Digest, Key,
    merkle::{leaf_hash, verify_inclusion},
    tile::{
        FULL, Tile, Tiles,
        entries::{self, MAX_BUNDLE},
        tiles_for_inclusion,
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

/// Reads those tiles that are not there yet. In place of a partial one that is gone, the full one.
pub(crate) async fn load_tiles(
    storage: &Storage,
    tiles: &mut Tiles,
    wanted: &[Tile],
) -> Result<(), PublishError> {
    for tile in wanted {
        if tiles.contains(tile) {
            continue;
        }
        for tile in [*tile, tile.full()] {
            let key = Key::tile(&tile);
            let limit = u64::from(FULL) * 32;
            if let Some((bytes, _)) = storage.get(&key, limit).await? {
                tiles
                    .insert(tile, bytes)
                    .map_err(|error| damaged(storage, &key, error))?;
                break;
            }
        }
        if !tiles.contains(tile) {
            return Err(damaged(storage, &Key::tile(tile), "it does not exist"));
        }
    }
    Ok(())
}

/// Entries of the log under one tile: `width` of them from `256 * index` on.
pub(crate) async fn load_entries(
    storage: &Storage,
    index: u64,
    width: u16,
) -> Result<Vec<String>, PublishError> {
    let mut key = Key::entries(index, width);
    let mut found = storage.get(&key, MAX_BUNDLE).await?;
    if found.is_none() && width < FULL {
        key = Key::entries(index, FULL);
        found = storage.get(&key, MAX_BUNDLE).await?;
    }
    let Some((bytes, _)) = found else {
        let key = Key::entries(index, width);
        return Err(damaged(storage, &key, "it does not exist"));
    };
    let leaves = entries::decode(&bytes).map_err(|error| damaged(storage, &key, error))?;
    let text = |leaf| String::from_utf8(leaf).map_err(|error| damaged(storage, &key, error));
    let mut texts: Vec<String> = leaves.into_iter().map(text).collect::<Result<_, _>>()?;
    match texts.len() >= usize::from(width) {
        true => texts.truncate(usize::from(width)),
        false => return Err(damaged(storage, &key, "it has too few entries")),
    }
    Ok(texts)
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
        let (index, skip) = (at / 256, (at % 256) as usize);
        let width = (to - index * 256).min(u64::from(FULL)) as u16;
        let bundle = load_entries(storage, index, width).await?;
        out.extend(bundle.into_iter().skip(skip));
        at = index * 256 + u64::from(width);
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
            let key = Key::entries(size / 256, (size % 256).max(1) as u16);
            Err(damaged(storage, &key, "it does not end with a map leaf"))
        }
    }
}

/// An entry of a log that has `size` entries. That it is in the log is not proved.
///
/// # Errors
/// When the entries are missing or damaged; failures of the host.
pub async fn load_entry(storage: &Storage, index: u64, size: u64) -> Result<String, PublishError> {
    let (bundle, at) = (index / 256, (index % 256) as usize);
    let width = size.saturating_sub(bundle * 256).min(u64::from(FULL)) as u16;
    let mut entries = load_entries(storage, bundle, width).await?;
    match at < entries.len() {
        true => Ok(entries.swap_remove(at)),
        false => {
            let key = Key::entries(bundle, width);
            Err(damaged(storage, &key, "it has too few entries"))
        }
    }
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
    load_tiles(storage, tiles, &tiles_for_inclusion(size - 1, size)).await?;
    let proof = tiles
        .prove_inclusion(size - 1, size)
        .map_err(|error| damaged(storage, &key, error))?;
    verify_inclusion(size - 1, size, &leaf_hash(&bytes), &proof, root)
        .map_err(|error| damaged(storage, &key, error))?;
    Ok(leaf.root)
}

/// Reads a node into those at hand.
pub(crate) async fn load_node(
    storage: &Storage,
    nodes: &mut Nodes,
    hash: &Digest,
) -> Result<(), PublishError> {
    let key = Key::map_node(hash);
    // The map without names is the same everywhere and need not be stored.
    let (empty, bytes) = map::empty();
    if *hash == empty {
        nodes.insert(empty, bytes);
        return Ok(());
    }
    match storage.get(&key, MAX_NODE_BYTES).await? {
        Some((bytes, _)) if Digest::of(&bytes) == *hash => {
            nodes.insert(*hash, bytes);
            Ok(())
        }
        Some(_) => Err(damaged(storage, &key, "it has another hash than its name")),
        None => Err(damaged(storage, &key, "it does not exist")),
    }
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
