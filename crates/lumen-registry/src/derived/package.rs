//! Package indexes: made of the events of a package and the files of its releases.
//!
//! An index that has the events of a batch stays as it is: its writer knew more. So a slow
//! writer never removes newer events.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, Release, events_of, logged_releases,
        put_events, put_events_alike, summaries_of,
    },
    json,
    key::kind::FileKind,
    limits::MAX_SUMMARIZED_BYTES,
    trust::{Event, OwnersHistory, PackageHistory, RootHistory, Subject},
};

use super::{
    Applied, Expected, Row, Whole,
    lists::{has_more_events, merged},
    names::of_scopes,
    stamp::is_object,
    whole::Replay,
};
use crate::{
    logread::listed,
    progress::advance,
    storage::{Storage, StorageError},
    write::{PublishError, Snapshot, damaged, swap::Swap},
};

/// Packages whose indexes are written at once.
const AT_ONCE: usize = 16;

/// `packages/<name>/index.json`.
pub(super) struct PackageIndexes;

impl Row for PackageIndexes {
    fn has(&self, key: &Key) -> bool {
        key.kind() == FileKind::Index && key.package().is_some()
    }

    fn apply<'a>(&self, work: &'a Applied<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        let mut subjects = work.batch.events.keys();
        subjects
            .any(|subject| *subject != Subject::Root)
            .then(|| -> BoxFuture<'a, _> { Box::pin(put_packages(work)) })
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let names = whole.log.packages().map(|(name, _)| name);
        let here = names.filter(|name| whole.has_package(name));
        Ok(Expected::Named(here.map(Key::package_index).collect()))
    }

    fn make<'a>(
        &'a self,
        whole: &'a Whole<'a>,
        key: &'a Key,
        current: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, PublishError>> {
        Box::pin(async move {
            let Some(name) = key.package() else {
                return Ok(None);
            };
            let bytes = of_log(whole.storage, &whole.log, &name, current).await?;
            if let Some(shown) = whole.shown() {
                let shown = match shown.size == whole.log.size {
                    true => bytes.clone(),
                    false => of_log(whole.storage, shown, &name, Some(&bytes)).await?,
                };
                let index = json::parse(&shown);
                whole.made(index.map_err(|error| damaged(whole.storage, key, error))?);
            }
            Ok(Some(bytes))
        })
    }

    fn is_ahead(&self, current: &[u8], expected: &[u8]) -> bool {
        has_more_events(current, expected)
    }
}

/// The index of a package that follows from a whole log; fields of others are kept. One that
/// version 0.1 wrote stays in its form.
async fn of_log(
    storage: &Storage,
    log: &Replay,
    name: &PackageName,
    current: Option<&[u8]>,
) -> Result<Vec<u8>, PublishError> {
    let current = current.filter(|current| is_object(current));
    let (scope, events) = log.events_of(name);
    let Some(current) = current else {
        return derive(storage, &log.roots, name, None, scope, events).await;
    };
    let history = history(&log.roots, name, scope, events);
    let releases = releases_of(storage, &history, Some(current)).await?;
    put_events_alike(current, &history, events, &releases)
        .map_err(|error| damaged(storage, &Key::package_index(name), error))
}

async fn put_packages(work: &Applied<'_>) -> Result<(), PublishError> {
    let mut packages = Vec::new();
    for (subject, events) in &work.batch.events {
        if let Subject::Package(name) = subject {
            packages.push(put_and_tell(work, name, events));
        }
    }
    let packages = stream::iter(packages).buffer_unordered(AT_ONCE);
    packages.try_collect::<()>().await?;
    for name in of_scopes(work.snapshot.storage(), work.batch).await? {
        put_package(work.snapshot, work.roots, &name, &[]).await?;
    }
    Ok(())
}

async fn put_and_tell(
    work: &Applied<'_>,
    name: &PackageName,
    events: &[Event],
) -> Result<(), PublishError> {
    put_package(work.snapshot, work.roots, name, events).await?;
    advance(work.watch, name);
    Ok(())
}

/// Adds events to a package index, or only derives it again when its owners changed.
async fn put_package(
    snapshot: &Snapshot<'_>,
    roots: &RootHistory,
    name: &PackageName,
    events: &[Event],
) -> Result<(), PublishError> {
    let key = Key::package_index(name);
    let mut swap = Swap::on(snapshot, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let existing = match current.as_deref().map(events_of) {
            Some(Ok(existing)) => existing,
            Some(Err(error)) => return Err(damaged(snapshot.storage(), &key, error)),
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
            Subject::Scope(_) => listed(snapshot, &owner).await?,
            _ => Vec::new(),
        };
        let bytes = derive(
            snapshot.storage(),
            roots,
            name,
            current.as_deref(),
            &scope,
            &all,
        )
        .await?;
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
    let history = history(roots, name, scope, events);
    let releases = releases_of(storage, &history, current).await?;
    put_events(current, &history, events, &releases)
        .map_err(|error| damaged(storage, &Key::package_index(name), error))
}

/// The history of a package. Events that cannot be believed leave a package without releases,
/// not the registry without writers.
fn history(
    roots: &RootHistory,
    name: &PackageName,
    scope: &[Event],
    events: &[Event],
) -> PackageHistory {
    let unclaimed = || OwnersHistory::unclaimed(Subject::owner_of(name));
    PackageHistory::verify(roots, name, scope, events)
        .unwrap_or_else(|_| PackageHistory::new(name.clone(), unclaimed()))
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
