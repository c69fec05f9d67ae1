//! The index files of a signed registry, brought up to date by compare-and-swap.
//!
//! An index that has the events of a batch is left as it is: whoever wrote it knew
//! more. So a slow writer never takes anything back.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        EventList, MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, Release, events_of, logged_releases,
        put_events, summaries_of,
    },
    json,
    limits::MAX_SUMMARIZED_BYTES,
    trust::{Event, OwnersHistory, PackageHistory, RootHistory, Subject},
};

use crate::{
    logread::listed,
    storage::{Storage, StorageError},
    write::{PublishError, damaged, swap::Swap},
};

/// The events of both, sorted; where they differ, those of the log.
fn merged(listed: Vec<Event>, log: &[Event]) -> Vec<Event> {
    let mut events = listed;
    events.retain(|event| log.iter().all(|own| own.i != event.i));
    events.extend(log.iter().cloned());
    events.sort_by_key(|event| event.i);
    events
}

/// Adds events to `trust/root/index.json` or that of a scope.
pub(crate) async fn put_list(
    storage: &Storage,
    subject: &Subject,
    events: &[Event],
) -> Result<(), PublishError> {
    let key = Key::events_of(subject);
    let mut swap = Swap::new(storage, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let existing = match current.as_deref().map(events_of) {
            Some(Ok(existing)) => existing,
            // A damaged one is made anew, from what is known.
            Some(Err(_)) | None => Vec::new(),
        };
        if events.iter().all(|event| existing.contains(event)) {
            return Ok(());
        }
        let list = EventList {
            name: subject.to_string(),
            events: merged(existing, events),
        };
        if swap.write(&list.to_bytes()).await? {
            return Ok(());
        }
    }
}

/// Adds events to a package index, or only derives it anew when its owners changed.
pub(crate) async fn put_package(
    storage: &Storage,
    roots: &RootHistory,
    name: &PackageName,
    events: &[Event],
) -> Result<(), PublishError> {
    let key = Key::package_index(name);
    let mut swap = Swap::new(storage, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let existing = match current.as_deref().map(events_of) {
            Some(Ok(existing)) => existing,
            Some(Err(error)) => return Err(damaged(storage, &key, error)),
            None => Vec::new(),
        };
        let complete = events.iter().all(|event| existing.contains(event));
        if complete && !events.is_empty() {
            return Ok(());
        }
        let all = merged(existing, events);
        // Read after the index: owners only ever gain notes.
        let owner = Subject::owner_of(name);
        let scope = match &owner {
            Subject::Scope(_) => listed(storage, &owner).await?,
            _ => Vec::new(),
        };
        let bytes = derive(storage, roots, name, current.as_deref(), &scope, &all).await?;
        if current.as_deref() == Some(&bytes) || swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// The package index that follows from events. Releases that the current one has need not be
/// read again.
pub(crate) async fn derive(
    storage: &Storage,
    roots: &RootHistory,
    name: &PackageName,
    current: Option<&[u8]>,
    scope: &[Event],
    events: &[Event],
) -> Result<Vec<u8>, PublishError> {
    let owner = Subject::owner_of(name);
    // Events that cannot be believed leave a package without releases, not the
    // registry without writers.
    let history = PackageHistory::verify(roots, name, scope, events)
        .unwrap_or_else(|_| PackageHistory::new(name.clone(), OwnersHistory::nobody(owner)));
    let releases = releases_of(storage, &history, current).await?;
    put_events(current, &history, events, &releases)
        .map_err(|error| damaged(storage, &Key::package_index(name), error))
}

/// The releases of the log that are there: those that the index has, and others read from their files.
pub(crate) async fn releases_of(
    storage: &Storage,
    history: &PackageHistory,
    index: Option<&[u8]>,
) -> Result<BTreeMap<Version, Release>, PublishError> {
    let summaries = index.map(summaries_of).unwrap_or_default();
    let mut releases = logged_releases(history, &summaries, MAX_SUMMARIZED_BYTES);
    for (version, logged) in &history.releases {
        if !releases.contains_key(version) {
            let found = release(storage, &history.name, version, &logged.metadata).await?;
            releases.extend(found.map(|release| (version.clone(), release)));
        }
    }
    Ok(releases)
}

/// A release's file, if it is the one that the log has.
async fn release(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
    metadata: &Digest,
) -> Result<Option<Release>, PublishError> {
    match storage
        .get(&Key::release(name, version), MAX_RELEASE_BYTES)
        .await
    {
        Ok(Some((bytes, _))) if Digest::of(&bytes) == *metadata => Ok(json::parse(&bytes).ok()),
        Ok(_) | Err(StorageError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
