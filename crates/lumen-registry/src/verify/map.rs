//! The name map: the chain value of every name, and proofs of absence.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use lumen_core::{
    Digest,
    limits::MAX_MAP_DEPTH,
    trust::{
        Entry, RootHistory,
        map::{Lookup, lookup},
    },
};
use tokio::sync::OnceCell;

use super::{TrustError, files::Uncached};
use crate::{
    logread::read_node,
    source::{ReadError, Source},
};

/// The name map, and the root notes it says are all.
#[derive(Debug)]
pub(super) struct Names {
    /// Nothing where the network is off and the cache has it of an earlier checkpoint only.
    pub(super) map: Option<NameMap>,
    pub(super) roots: RootHistory,
}

/// The chain of a name in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Entries of the log that it is about.
    pub(crate) size: u64,
    /// The head of the chain of its events.
    pub(crate) chain: Digest,
    /// How that is known.
    pub(crate) proof: Proof,
}

impl Head {
    /// One that this machine remembers.
    pub(super) const fn remembered((size, chain): (u64, Digest)) -> Self {
        Self {
            size,
            chain,
            proof: Proof::Remembered,
        }
    }
}

/// How it is known that events are all that the log has of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Without the network: this machine remembers that it was proved.
    Remembered,
    /// By the name map of the checkpoint.
    Map,
}

/// The map of one checkpoint, with the nodes read so far.
#[derive(Debug)]
pub(super) struct NameMap {
    root: Digest,
    nodes: Mutex<BTreeMap<Digest, Vec<u8>>>,
    /// Nodes being read, so that each is read once.
    reading: Mutex<HashMap<Digest, Arc<OnceCell<()>>>>,
}

impl NameMap {
    /// The map whose root the last leaf of a log of `size` entries has.
    pub(super) fn of_leaf(leaf: &[u8], size: u64) -> Result<Self, TrustError> {
        let reason = match Entry::parse(leaf) {
            Ok((Entry::Map(map), _)) if map.size == size => {
                return Ok(Self {
                    root: map.root,
                    nodes: Mutex::default(),
                    reading: Mutex::default(),
                });
            }
            Ok((Entry::Map(map), _)) => format!("its root is that of {} entries", map.size),
            Ok(_) => "the log's last entry has no root of it".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(TrustError::Map { reason })
    }

    /// The chain of a name; `None` when the log has nothing of it.
    pub(super) async fn head(
        &self,
        source: &Source,
        name: &str,
    ) -> Result<Option<Digest>, ReadError> {
        for _ in 0..MAX_MAP_DEPTH {
            let step = {
                let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
                lookup(&nodes, &self.root, name)
            };
            let step = step.map_err(|error| TrustError::Map {
                reason: error.to_string(),
            })?;
            match step {
                Lookup::Found(head) => return Ok(Some(head)),
                Lookup::Absent => return Ok(None),
                Lookup::Need(node) => self.read(source, node).await?,
            }
        }
        let reason = format!("the path of `{name}` does not end");
        Err(TrustError::Map { reason }.into())
    }

    async fn read(&self, source: &Source, node: Digest) -> Result<(), ReadError> {
        let cell = {
            let reading = self.reading.lock();
            let mut reading = reading.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(reading.entry(node).or_default())
        };
        let read = || async {
            let bytes = read_node(&Uncached(source, None), &node).await?;
            let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            nodes.insert(node, bytes);
            Ok::<_, ReadError>(())
        };
        cell.get_or_try_init(read).await.copied()
    }
}
