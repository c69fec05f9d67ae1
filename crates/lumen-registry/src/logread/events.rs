//! The events of a subject, as an index file lists them.

use lumen_core::{
    Digest, Key,
    index::{MAX_PACKAGE_INDEX_BYTES, events_of},
    trust::{Event, Subject, chain, event::NO_EVENTS, map::Nodes},
};

use super::{base::Base, files::load_chain};
use crate::write::{PublishError, Snapshot, damaged};

/// The events that an index lists; none when there is no index.
pub(crate) async fn listed(
    snapshot: &Snapshot<'_>,
    subject: &Subject,
) -> Result<Vec<Event>, PublishError> {
    let key = Key::events_of(subject);
    match snapshot.get(&key, MAX_PACKAGE_INDEX_BYTES).await? {
        None => Ok(Vec::new()),
        Some(bytes) => events_of(&bytes).map_err(|error| damaged(snapshot.storage(), &key, error)),
    }
}

/// The events of a subject, compared with the map.
pub(crate) async fn verified(
    snapshot: &Snapshot<'_>,
    base: &mut Base,
    subject: &Subject,
) -> Result<Vec<Event>, PublishError> {
    let mut events = listed(snapshot, subject).await?;
    events.retain(|event| event.i < base.size);
    let nodes: &mut Nodes = &mut base.nodes;
    let expected: Digest =
        load_chain(snapshot.storage(), nodes, &base.map, &subject.to_string()).await?;
    let found = match events.is_empty() {
        true => NO_EVENTS,
        false => chain(&events),
    };
    match found == expected {
        true => Ok(events),
        false => Err(damaged(
            snapshot.storage(),
            &Key::events_of(subject),
            "its events are not those of the log",
        )),
    }
}
