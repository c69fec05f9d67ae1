//! That releases which a lock names were released by an owner of their names.
//!
//! There are two ways, and the one with fewer requests is taken: the index of each package
//! with its path in the name map, or the whole log. The whole log proves more (nothing can
//! be left out of it) and is a request for each 256 entries; the index says all of a
//! release, of which the log has the digest alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key, PackageName, Version,
    checkpoint::Checkpoint,
    index::ReleaseSummary,
    limits::DOWNLOADS,
    tile::{FULL, Tiles, entries::width, tiles_for_edge, tiles_for_inclusion},
    trust::{
        Entry, Event, HistoryError, LoggedRelease, PackageHistory, RootHistory, Subject, chain,
    },
};
use tokio::task::JoinSet;

use super::{TrustError, package, since, view::View};
use crate::{
    source::{Freshness, ReadError},
    storage::StorageError,
};

/// Packages that one task verifies.
const SHARE: usize = 64;

/// A release as its owner signed it.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Its data in the log: above all the digest and size of `<version>.json`.
    pub logged: LoggedRelease,
    /// All of it, if that was read and leads to that digest.
    pub summary: Option<ReleaseSummary>,
}

impl View {
    /// Proves that releases are in the log, each by an owner of its name, with a key that
    /// was not revoked.
    ///
    /// # Errors
    /// [`TrustError::Unlogged`], [`TrustError::RevokedKey`] and [`TrustError::Late`] for a
    /// release that is not, [`TrustError::Blocked`] for one that moderators block, and when log,
    /// map or notes are not in order or cannot be read.
    pub(crate) async fn prove(
        &self,
        wanted: &BTreeMap<PackageName, Version>,
    ) -> Result<BTreeMap<PackageName, Proven>, ReadError> {
        let proven = self.prove_all(wanted).await;
        self.judged(proven)
    }

    async fn prove_all(
        &self,
        wanted: &BTreeMap<PackageName, Version>,
    ) -> Result<BTreeMap<PackageName, Proven>, ReadError> {
        let unknown = wanted.keys().filter(|name| self.history(name).is_none());
        let unknown: Vec<&PackageName> = unknown.collect();
        let is_done =
            unknown.is_empty() || (self.log_is_shorter(&unknown) && self.replay(&unknown).await?);
        if !is_done {
            let read = unknown.iter().map(|name| self.package(name));
            let read = stream::iter(read).buffer_unordered(DOWNLOADS);
            read.try_for_each(async |_| Ok(())).await?;
        }
        let mut proven = BTreeMap::new();
        for (name, version) in wanted {
            let what = || format!("{name} {version}");
            let history = self.history(name);
            let logged = history
                .as_ref()
                .and_then(|history| history.releases.get(version));
            let Some(logged) = logged else {
                return Err(TrustError::Unlogged { what: what() }.into());
            };
            if let Some(void) = TrustError::void(name, version, logged) {
                return Err(void.into());
            }
            let moderation = history.as_ref().map(|history| &history.moderation);
            let block = moderation.and_then(|said| said.blocked(version, self.now));
            if let Some(block) = block {
                return Err(TrustError::blocked(name, version, block).into());
            }
            let seen = self.seen(name);
            let summary = seen.and_then(|seen| seen.index.releases.get(version).cloned());
            let logged = logged.clone();
            proven.insert(name.clone(), Proven { logged, summary });
        }
        Ok(proven)
    }

    /// The history of a package that was verified already.
    pub(crate) fn history(&self, name: &PackageName) -> Option<Arc<PackageHistory>> {
        if let Some(package) = self.seen(name) {
            return Some(Arc::clone(&package.history));
        }
        let replayed = self.replayed.lock();
        let replayed = replayed.unwrap_or_else(PoisonError::into_inner);
        replayed.get(name).cloned()
    }

    /// Whether it takes fewer requests to read the log than the indexes of these packages.
    fn log_is_shorter(&self, names: &[&PackageName]) -> bool {
        let size = self.size();
        if size == 0 || self.source.freshness() == Freshness::Offline {
            return false;
        }
        let is_asked = |key: &Key| !self.source.is_cached(key);
        let mut tiles = tiles_for_inclusion(size - 1, size);
        tiles.extend(tiles_for_edge(size));
        let mut keys: BTreeSet<Key> = tiles.iter().map(Key::tile).collect();
        keys.insert(Key::map_size(size));
        let scopes: BTreeSet<&str> = names.iter().filter_map(|name| name.scope()).collect();
        keys.extend(scopes.iter().map(|scope| Key::owners_index(scope)));
        let subjects = names.iter().map(|name| Subject::Package((*name).clone()));
        keys.extend(subjects.map(|subject| Key::events_of(&subject)));
        // The root of the map, and a node for each name.
        let nodes = 1 + names.len() + scopes.len();
        let by_map = keys.iter().filter(|key| is_asked(key)).count() + nodes;
        let bundles = 0..size.div_ceil(u64::from(FULL));
        let asked = |bundle: &u64| is_asked(&Key::entries(*bundle, width(*bundle, size)));
        // Stops early, however long the log is.
        bundles.filter(asked).take(by_map).count() < by_map
    }

    /// Verifies packages by all entries of the log; `false` when the root notes at hand are
    /// not all of the log, and must be read again first.
    async fn replay(&self, names: &[&PackageName]) -> Result<bool, ReadError> {
        let empty = Tiles::default().root(0);
        let empty = empty.map_err(|error| TrustError::Log {
            reason: error.to_string(),
        })?;
        let nothing = Checkpoint {
            origin: self.info.origin.clone(),
            size: 0,
            root: empty,
        };
        let leaves = since::leaves(&self.source, &nothing, self.checkpoint(), &[]).await?;
        let mut events = by_subject(leaves, names)?;
        let logged = events.remove(&Subject::Root).unwrap_or_default();
        if chain(&logged) != *self.root_chain() {
            return Ok(false);
        }
        let mut work = Vec::with_capacity(names.len());
        for name in names {
            let owner = Subject::owner_of(name);
            let scope = match &owner {
                Subject::Scope(_) => events.get(&owner).cloned().unwrap_or_default(),
                Subject::Package(_) | Subject::Root => Arc::default(),
            };
            let subject = Subject::Package((*name).clone());
            if let Some(events) = events.remove(&subject) {
                work.push(((*name).clone(), scope, events));
            }
        }
        for mut history in verify_all(self.known_roots(), work).await? {
            self.judge(&history.owners)?;
            self.judge_ends(&mut history).await?;
            let mut replayed = self.replayed.lock().unwrap_or_else(PoisonError::into_inner);
            replayed.insert(history.name.clone(), Arc::new(history));
        }
        Ok(true)
    }
}

/// The entries about some packages and their scopes, and the root notes.
fn by_subject(
    leaves: Vec<String>,
    names: &[&PackageName],
) -> Result<HashMap<Subject, Arc<Vec<Event>>>, TrustError> {
    let packages = names.iter().map(|name| Subject::Package((*name).clone()));
    let owners = names.iter().map(|name| Subject::owner_of(name));
    let wanted: BTreeSet<Subject> = packages.chain(owners).chain([Subject::Root]).collect();
    let mut events: HashMap<Subject, Vec<Event>> = HashMap::new();
    for (i, note) in (0_u64..).zip(leaves) {
        let broken = |reason: String| TrustError::Log { reason };
        let (entry, _) =
            Entry::parse(note.as_bytes()).map_err(|error| broken(error.to_string()))?;
        let Some(subject) = entry.subject().filter(|subject| wanted.contains(subject)) else {
            continue;
        };
        events.entry(subject).or_default().push(Event { i, note });
    }
    Ok(events
        .into_iter()
        .map(|(subject, events)| (subject, Arc::new(events)))
        .collect())
}

/// A package with the events of its scope and its own.
type Work = (PackageName, Arc<Vec<Event>>, Arc<Vec<Event>>);

/// Verifies the histories of packages, on all cores.
async fn verify_all(
    roots: &RootHistory,
    work: Vec<Work>,
) -> Result<Vec<PackageHistory>, ReadError> {
    let roots = Arc::new(roots.clone());
    let mut tasks = JoinSet::new();
    let mut work = work.into_iter().peekable();
    while work.peek().is_some() {
        let share: Vec<Work> = work.by_ref().take(SHARE).collect();
        let roots = Arc::clone(&roots);
        tasks.spawn_blocking(move || {
            let verify = |(name, scope, events): Work| {
                let history = PackageHistory::verify(&roots, &name, &scope, &events);
                history.map_err(|error: HistoryError| package::refusal(name.as_str(), error))
            };
            share.into_iter().map(verify).collect::<Result<Vec<_>, _>>()
        });
    }
    let mut histories = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let done = done.map_err(std::io::Error::other);
        histories.extend(done.map_err(StorageError::from)??);
    }
    Ok(histories)
}
