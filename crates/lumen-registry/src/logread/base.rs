//! The log and its map at a size, to continue from there.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key,
    tile::{Tiles, tiles_for_edge},
    trust::map::{self, Nodes, Update},
};

use super::{
    files::{load_node, load_tiles},
    proofs::load_map_root,
};
use crate::{
    storage::Storage,
    write::{PublishError, damaged},
};

/// The log as it was before a batch.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) size: u64,
    pub(crate) root: Digest,
    pub(crate) map: Digest,
    pub(crate) tiles: Tiles,
    pub(crate) nodes: Nodes,
}

impl Base {
    /// The log before its first entry.
    pub(crate) fn empty() -> Self {
        let (map, node) = map::empty();
        Self {
            size: 0,
            root: lumen_core::merkle::empty_root(),
            map,
            tiles: Tiles::default(),
            nodes: Nodes::from([(map, node)]),
        }
    }

    /// The log at a size; `root`: the expected root hash, if known.
    pub(crate) async fn load(
        storage: &Storage,
        size: u64,
        root: Option<&Digest>,
    ) -> Result<Self, PublishError> {
        if size == 0 {
            return Ok(Self::empty());
        }
        let mut tiles = Tiles::default();
        load_tiles(storage, &mut tiles, &tiles_for_edge(size)).await?;
        let fail = |error: &dyn std::fmt::Display| damaged(storage, &Key::head(), error);
        let found = tiles.root(size).map_err(|error| fail(&error))?;
        if root.is_some_and(|root| *root != found) {
            return Err(fail(&"its root is not that of the log's tiles"));
        }
        let map = load_map_root(storage, &mut tiles, size, &found).await?;
        Ok(Self {
            size,
            root: found,
            map,
            tiles,
            nodes: Nodes::new(),
        })
    }
}

/// The map with other heads of these names: its root, and the nodes that are new.
pub(crate) async fn update_map(
    storage: &Storage,
    base: &mut Base,
    changes: &BTreeMap<String, Digest>,
) -> Result<(Digest, Vec<(Digest, Vec<u8>)>), PublishError> {
    loop {
        match map::update(&base.nodes, &base.map, changes) {
            Ok(Update::Done { root, nodes }) => return Ok((root, nodes)),
            Ok(Update::Need(hashes)) => {
                for hash in hashes {
                    load_node(storage, &mut base.nodes, &hash).await?;
                }
            }
            Err(error) => return Err(damaged(storage, &Key::map_node(&error.0), &error)),
        }
    }
}
