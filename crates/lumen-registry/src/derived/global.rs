//! The global index, brought up to what is public.
//!
//! Package indexes may be ahead of it, where commits wait for witnesses.

use std::collections::BTreeSet;

use lumen_core::{
    Key, PackageName,
    checkpoint::Checkpoint,
    index::{self, MAX_PACKAGE_INDEX_BYTES, PackageIndex, events_of},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
    trust::{Entry, RootHistory, Subject, up_to},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    batch::Batch,
    indexes::derive,
    names::{of_scopes, registry_name, revoked_below},
};
use crate::{
    logread::{listed, load_range, read_checkpoint},
    storage::Storage,
    write::{PublishError, damaged, swap::Swap},
};

/// What a global index has to learn to reflect a later size of the log.
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

/// Brings the global index up to a public checkpoint.
pub(crate) async fn finish_global(
    storage: &Storage,
    public: &Checkpoint,
    what: Public<'_>,
) -> Result<(), PublishError> {
    let registry = registry_name(&public.origin);
    let news = async |from: Option<u64>| match what {
        // It may be several batches behind, if they waited for witnesses.
        Public::Last(batch) if from.is_none_or(|from| from >= batch.from) => {
            let mut names = of_scopes(storage, batch).await?;
            names.extend(batch.events.keys().filter_map(package).cloned());
            let time = batch.time.clone();
            Ok(News { names, time })
        }
        _ => news(storage, from.unwrap_or_default(), public.size).await,
    };
    let ahead = match what {
        Public::Last(_) => None,
        Public::Earlier(roots) => Some(roots),
    };
    put_global(storage, (public.size, ahead), news, registry).await
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
    storage: &Storage,
    size: u64,
) -> Result<BTreeSet<PackageName>, PublishError> {
    let public = read_checkpoint(storage).await?;
    let public = public.map_or(0, |(checkpoint, _)| checkpoint.size);
    Ok(news(storage, public, size).await?.names)
}

/// What entries of the log say about packages, from one size of it to a later one.
async fn news(storage: &Storage, from: u64, size: u64) -> Result<News, PublishError> {
    let mut news = News::default();
    let mut at = from;
    while at < size {
        let to = (at - at % 256 + 256).min(size);
        for text in load_range(storage, at, to).await? {
            let (entry, _) = Entry::parse(text.as_bytes())
                .map_err(|error| damaged(storage, &Key::entries(at / 256, 256), error))?;
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

/// The size of the log that a global index reflects.
pub(crate) fn log_size(index: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Index {
        log: Option<u64>,
    }
    let index: Option<Index> = json::parse(index).ok();
    index.and_then(|index| index.log).unwrap_or_default()
}

/// Brings the entries of packages in the global index up to a state of the log. `news` says what
/// changed since the size that the index reflects, if there is one. With root notes, package
/// indexes may be ahead of that state.
async fn put_global(
    storage: &Storage,
    (size, ahead): (u64, Option<&RootHistory>),
    news: impl AsyncFn(Option<u64>) -> Result<News, PublishError>,
    registry_name: &str,
) -> Result<(), PublishError> {
    let key = Key::global_index();
    let mut swap = Swap::new(storage, &key, MAX_GLOBAL_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let reflected = current.as_deref().map(log_size);
        if reflected.is_some_and(|reflected| reflected >= size) {
            return Ok(());
        }
        let News { names, time } = news(reflected).await?;
        let mut bytes = current.unwrap_or_else(|| index::new_global_index(registry_name, &time));
        let mut packages: Vec<PackageIndex> = Vec::new();
        for name in &names {
            let package = package_at(storage, (size, ahead), name).await?;
            packages.extend(package.filter(|package| !package.versions.is_empty()));
        }
        let put = index::put_package_entries(&bytes, &packages, &time)
            .map_err(|error| damaged(storage, &key, error))?;
        bytes = put.unwrap_or(bytes);
        let bytes = stamp(&bytes, size, &time).map_err(|error| damaged(storage, &key, error))?;
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// A package's index as it follows from a state of the log.
async fn package_at(
    storage: &Storage,
    (size, ahead): (u64, Option<&RootHistory>),
    name: &PackageName,
) -> Result<Option<PackageIndex>, PublishError> {
    let key = Key::package_index(name);
    let Some((mut bytes, _)) = storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await? else {
        return Ok(None);
    };
    let fail = |error| damaged(storage, &key, error);
    if let Some(roots) = ahead {
        let owner = Subject::owner_of(name);
        let scope = match &owner {
            Subject::Scope(_) => listed(storage, &owner).await?,
            _ => Vec::new(),
        };
        let events = events_of(&bytes).map_err(fail)?;
        let (scope, events) = (up_to(&scope, size), up_to(&events, size));
        bytes = derive(storage, roots, name, Some(&bytes), scope, events).await?;
    }
    json::parse(&bytes).map(Some).map_err(fail)
}

/// A global index that says which size of the log it reflects, and since when.
pub(crate) fn stamp(index: &[u8], size: u64, time: &str) -> Result<Vec<u8>, json::JsonError> {
    let mut root = json::parse_tree(index)?;
    root.insert("updated_at".into(), json!(time));
    root.insert("log".into(), json!(size));
    Ok(json::to_bytes(&Value::Object(root)))
}

/// Whether the global index reflects a size of the log.
pub(crate) async fn is_current(storage: &Storage, size: u64) -> Result<bool, PublishError> {
    let global = storage
        .get(&Key::global_index(), MAX_GLOBAL_INDEX_BYTES)
        .await?;
    Ok(global.is_some_and(|(bytes, _)| log_size(&bytes) >= size))
}
