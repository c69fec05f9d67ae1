//! What a mirror run and a bundle read of a registry: its checkpoint, its lists of events and its
//! packages.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Key, PackageName,
    checkpoint::Checkpoint,
    index::{EventList, GlobalIndex, PackageEntry},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
    trust::{Event, Subject, event::NO_EVENTS},
};

use super::{Job, MirrorError, growth::Growth};
use crate::{
    derived::names::packages_below,
    reader::Registry,
    storage::{Storage, StorageError},
    verify::TrustInfo,
    write::damaged,
};

/// A global index and its packages.
pub(super) type Global = (Vec<u8>, BTreeMap<PackageName, PackageEntry>);

/// The checkpoint that a source was checked against.
pub(super) fn checkpoint(source: &Registry, info: &TrustInfo) -> Result<Checkpoint, MirrorError> {
    let none = || damaged(source.storage(), &Key::checkpoint(), "it is none");
    Ok(info.seen().ok_or_else(none)?)
}

/// The global index of a registry, if it has one.
pub(super) async fn global_index(storage: &Storage) -> Result<Option<Global>, MirrorError> {
    let key = Key::global_index();
    let Some((bytes, _)) = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await? else {
        return Ok(None);
    };
    let forged = |what: String| MirrorError::Forged {
        file: storage.describe(&key),
        what,
    };
    let index: GlobalIndex = json::parse(&bytes).map_err(|error| forged(error.to_string()))?;
    let count = index.packages.len();
    let entries = index.packages.into_iter();
    let packages: BTreeMap<_, _> = entries.map(|entry| (entry.name.clone(), entry)).collect();
    match packages.len() == count {
        true => Ok(Some((bytes, packages))),
        false => Err(forged("it lists a package twice".into())),
    }
}

/// The packages of a scope: from where they can be listed, or in the global index.
pub(super) async fn listed_below(
    source: &Storage,
    index: Option<&Global>,
    scope: &str,
) -> Result<BTreeSet<PackageName>, MirrorError> {
    match packages_below(source, &Key::scope_prefix(scope)).await {
        Ok(names) => Ok(names),
        Err(StorageError::ReadOnly { .. }) => {
            let names = index.iter().flat_map(|(_, packages)| packages.keys());
            Ok(names
                .filter(|n| n.scope() == Some(scope))
                .cloned()
                .collect())
        }
        Err(error) => Err(error.into()),
    }
}

/// The events of a scope or the root, all that the log has of it, and the file that lists them.
pub(super) async fn list(
    job: &Job<'_>,
    log: &Storage,
    growth: &mut Growth,
    subject: Subject,
) -> Result<(Vec<u8>, Vec<Event>), MirrorError> {
    let head = growth.head(log, &subject).await?;
    let name = subject.to_string();
    let events = match head {
        NO_EVENTS => Vec::new(),
        head => {
            job.events(&Key::events_of(&subject), &name, head, growth.size)
                .await?
                .1
        }
    };
    let list = EventList { name, events };
    Ok((list.to_bytes(), list.events))
}
