//! The global index, brought up to the public state.
//!
//! Package indexes may be ahead of it, where commits wait for witnesses.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::BoxFuture;
use lumen_core::{
    Key, PackageName,
    checkpoint::Checkpoint,
    index::{self, MAX_PACKAGE_INDEX_BYTES, PackageIndex, events_of},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
    tile::{FULL, entries::PER_BUNDLE},
    trust::{Entry, RootHistory, Subject, up_to},
};

use super::{
    Expected, Publication, Row, Whole,
    batch::Batch,
    names::{of_scopes, revoked_below},
    of_index,
    package::derive,
    stamp::{is_object, log_size, registry_name, stamp},
};
use crate::{
    logread::{listed, load_range, public_checkpoint},
    storage::Storage,
    write::{PublishError, Snapshot, damaged, swap::Swap},
};

/// The changes that a global index needs to reflect a later size of the log.
#[derive(Debug, Clone, Default)]
struct News {
    /// The packages that changed.
    names: BTreeSet<PackageName>,
    /// The time of the last note.
    time: String,
}

/// What became public.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Public<'a> {
    /// The last commit, which added this batch.
    Last(&'a Batch),
    /// A commit that others may follow, so that package indexes may be ahead of it. The root
    /// notes, those of later commits too.
    Earlier(&'a RootHistory),
}

/// `index.json`.
pub(super) struct GlobalIndex;

impl Row for GlobalIndex {
    fn has(&self, key: &Key) -> bool {
        *key == Key::global_index()
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn publish<'a>(&self, to: Publication<'a>) -> Option<BoxFuture<'a, Result<(), PublishError>>> {
        Some(Box::pin(finish_global(to.snapshot, to.checkpoint, to.what)))
    }

    fn expected(&self, whole: &Whole<'_>) -> Result<Expected, PublishError> {
        let shown = whole.shown().map(|_| Key::global_index());
        Ok(Expected::Named(shown.into_iter().collect()))
    }

    fn make<'a>(
        &'a self,
        whole: &'a Whole<'a>,
        _: &'a Key,
        current: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, PublishError>> {
        let shown = whole.shown();
        let made = shown.map(|shown| whole.global_index(shown, current));
        Box::pin(async move { made.transpose() })
    }

    fn is_ahead(&self, current: &[u8], expected: &[u8]) -> bool {
        log_size(current) > log_size(expected)
    }
}

/// Brings the global index up to a public checkpoint.
pub(crate) async fn finish_global(
    snapshot: &Snapshot<'_>,
    public: &Checkpoint,
    what: Public<'_>,
) -> Result<(), PublishError> {
    put_global(snapshot, public, what).await
}

/// The changes that a global index needs if it reflects the log up to `from`.
async fn news_since(
    storage: &Storage,
    from: u64,
    size: u64,
    what: Public<'_>,
) -> Result<News, PublishError> {
    match what {
        // It may be several batches behind, if they waited for witnesses.
        Public::Last(batch) if from >= batch.from => {
            let mut names = of_scopes(storage, batch).await?;
            names.extend(batch.events.keys().filter_map(package).cloned());
            let time = batch.time.clone();
            Ok(News { names, time })
        }
        Public::Last(_) | Public::Earlier(_) => news(storage, from, size).await,
    }
}

const fn package(subject: &Subject) -> Option<&PackageName> {
    match subject {
        Subject::Package(name) => Some(name),
        _ => None,
    }
}

/// The packages about which commits say something that wait for witnesses. `size`: entries of
/// the log with these commits.
pub(crate) async fn waiting_names(
    snapshot: &Snapshot<'_>,
    size: u64,
) -> Result<BTreeSet<PackageName>, PublishError> {
    let public = public_checkpoint(snapshot).await?;
    let public = public.map_or(0, |public| public.size);
    Ok(news(snapshot.storage(), public, size).await?.names)
}

/// What entries of the log say about packages, from one size of it to a later one.
async fn news(storage: &Storage, from: u64, size: u64) -> Result<News, PublishError> {
    let mut news = News::default();
    let mut at = from;
    while at < size {
        let to = (at - at % PER_BUNDLE + PER_BUNDLE).min(size);
        for text in load_range(storage, at, to).await? {
            let (entry, _) = Entry::parse(text.as_bytes())
                .map_err(|error| damaged(storage, &Key::entries(at / PER_BUNDLE, FULL), error))?;
            if let Some(time) = entry.time() {
                time.clone_into(&mut news.time);
            }
            let Some(subject) = entry.subject() else {
                continue;
            };
            let below = revoked_below(storage, &subject, &text).await?;
            news.names.extend(below);
            news.names.extend(package(&subject).cloned());
        }
        at = to;
    }
    Ok(news)
}

/// Brings the entries of packages in the global index up to a state of the log.
async fn put_global(
    snapshot: &Snapshot<'_>,
    public: &Checkpoint,
    what: Public<'_>,
) -> Result<(), PublishError> {
    let size = public.size;
    let ahead = match what {
        Public::Last(_) => None,
        // Package indexes may be ahead of that state.
        Public::Earlier(roots) => Some(roots),
    };
    let key = Key::global_index();
    let mut swap = Swap::on(snapshot, &key, MAX_GLOBAL_INDEX_BYTES);
    loop {
        // One that is damaged is made again, from all of the log.
        let current = swap.read().await?.filter(|bytes| is_object(bytes));
        let reflected = current.as_deref().map(log_size);
        if reflected.is_some_and(|reflected| reflected >= size) {
            return put_followers(snapshot.storage(), current.as_deref().unwrap_or_default()).await;
        }
        let from = reflected.unwrap_or_default();
        let News { names, time } = news_since(snapshot.storage(), from, size, what).await?;
        let name = registry_name(&public.origin);
        let mut bytes = current.unwrap_or_else(|| index::new_global_index(name, &time));
        let mut packages: Vec<PackageIndex> = Vec::new();
        for name in &names {
            let package = package_at(snapshot, (size, ahead), name).await?;
            packages.extend(package.filter(|package| !package.versions.is_empty()));
        }
        let put = index::put_package_entries(&bytes, &packages, &time)
            .map_err(|error| damaged(snapshot.storage(), &key, error))?;
        bytes = put.unwrap_or(bytes);
        let bytes =
            stamp(&bytes, size, &time).map_err(|error| damaged(snapshot.storage(), &key, error))?;
        put_followers(snapshot.storage(), &bytes).await?;
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// Writes the files that follow from a global index alone.
///
/// # Errors
/// When the index is damaged, and failures of the host.
pub(crate) async fn put_followers(storage: &Storage, index: &[u8]) -> Result<(), PublishError> {
    let files = of_index(index);
    let files = files.map_err(|error| damaged(storage, &Key::global_index(), error))?;
    for (key, bytes) in files {
        let mut swap = Swap::new(storage, &key, MAX_GLOBAL_INDEX_BYTES);
        while swap.read().await?.as_ref() != Some(&bytes) {
            if swap.write(&bytes).await? {
                break;
            }
        }
    }
    Ok(())
}

/// A package's index as it follows from a state of the log.
async fn package_at(
    snapshot: &Snapshot<'_>,
    (size, ahead): (u64, Option<&RootHistory>),
    name: &PackageName,
) -> Result<Option<PackageIndex>, PublishError> {
    let key = Key::package_index(name);
    let Some(mut bytes) = snapshot.get(&key, MAX_PACKAGE_INDEX_BYTES).await? else {
        return Ok(None);
    };
    let fail = |error| damaged(snapshot.storage(), &key, error);
    if let Some(roots) = ahead {
        let owner = Subject::owner_of(name);
        let scope = match &owner {
            Subject::Scope(_) => listed(snapshot, &owner).await?,
            _ => Vec::new(),
        };
        let events = events_of(&bytes).map_err(fail)?;
        let (scope, events) = (up_to(&scope, size), up_to(&events, size));
        let derived = derive(snapshot.storage(), roots, name, Some(&bytes), scope, events);
        bytes = Arc::new(derived.await?);
    }
    json::parse(&bytes).map(Some).map_err(fail)
}

/// Whether the global index reflects a size of the log.
pub(crate) async fn is_current(snapshot: &Snapshot<'_>, size: u64) -> Result<bool, PublishError> {
    let key = Key::global_index();
    let global = snapshot.get(&key, MAX_GLOBAL_INDEX_BYTES).await?;
    Ok(global.is_some_and(|bytes| log_size(&bytes) >= size))
}
