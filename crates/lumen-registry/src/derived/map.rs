//! The name map: its nodes, and its root at each size that readers saw.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use lumen_core::{
    Digest, Key,
    key::kind::FileKind,
    trust::{chain, map},
};

use super::{Expected, Publication, Row, Whole, global::Public};
use crate::{
    logread::load_state_leaf,
    write::{PublishError, swap},
};

/// `map/<2 hex>/<62 hex>`.
pub(super) struct MapNodes;

/// `map/size/<size>`. Only a state that readers see has one, so that its time says since when
/// they do.
pub(super) struct MapRoots;

fn is_root(key: &Key) -> bool {
    key.as_str().starts_with("map/size/")
}

impl Row for MapNodes {
    fn has(&self, key: &Key) -> bool {
        key.kind() == FileKind::Map && !is_root(key)
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let mut files = BTreeMap::new();
        for log in whole.logs() {
            let heads = log.events.iter();
            let heads: BTreeMap<String, Digest> = heads
                .map(|(subject, events)| (subject.to_string(), chain(events)))
                .collect();
            let nodes = map::build(&heads).1.into_iter();
            files.extend(nodes.map(|(hash, bytes)| (Key::map_node(&hash), bytes)));
        }
        Ok(Expected::Known(files))
    }
}

impl Row for MapRoots {
    fn has(&self, key: &Key) -> bool {
        is_root(key)
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn publish<'a>(&self, to: Publication<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        if let Public::Last(_) = to.what {
            // It is in the batch.
            return None;
        }
        Some(Box::pin(async move {
            let (storage, size) = (to.snapshot.storage(), to.checkpoint.size);
            let leaf = load_state_leaf(storage, size).await?;
            let key = Key::map_size(size);
            Ok(swap::create(storage, &key, leaf.as_bytes()).await?)
        }))
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        // Those of earlier sizes may be gone.
        let last = whole
            .shown()
            .and_then(|log| Some((log.size, log.entries.last()?)));
        let file = last.map(|(size, leaf)| (Key::map_size(size), leaf.clone().into_bytes()));
        Ok(Expected::Known(file.into_iter().collect()))
    }
}
