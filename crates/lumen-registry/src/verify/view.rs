//! What one process found at a signed registry, established once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lumen_core::limits::MAX_CLOCK_AHEAD;
use lumen_core::{
    Digest, Key, PackageName,
    checkpoint::{self, Checkpoint},
    note::Note,
    trust::{
        Cosigned, Event, HistoryError, OwnersHistory, PackageHistory, RootHistory, RootNote,
        Subject, chain, text,
    },
};
use tokio::sync::OnceCell;

use super::{
    TrustError, TrustInfo,
    establish::{check_roots, place, roots},
    files,
    known::{Memory, Standing},
    map::{Head, NameMap, Names, Proof},
    package::{Complete, Package, refusal},
    state::{self, Remembered},
};
use crate::{
    Freshness,
    reader::{ReadError, Registry},
};

/// A registry whose root, checkpoint and log are in order.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) info: TrustInfo,
    pub(super) roots: RootHistory,
    pub(super) root_chain: Digest,
    pub(super) checkpoint: Checkpoint,
    pub(super) now: i64,
    pub(super) names: OnceCell<Names>,
    /// Owners that somebody here relied on.
    pub(super) memory: Memory,
    /// What this machine remembered of the registry before.
    pub(super) remembered: Option<Remembered>,
    /// What this process wrote down in its place.
    pub(super) written: Option<Remembered>,
    /// Whether the registry was caught at something.
    pub(super) refused: AtomicBool,
    pub(super) packages: Once<PackageName, Option<Arc<Package>>>,
    pub(super) scopes: Once<String, Arc<Complete>>,
    /// Packages that were verified by the whole log.
    pub(super) replayed: Mutex<HashMap<PackageName, Arc<PackageHistory>>>,
}

/// Values made once for each key, by whoever asks first.
pub(super) type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

impl View {
    /// The name map, proved to be the log's last word; established when first needed.
    pub(super) async fn names(&self, registry: &Registry) -> Result<&Names, ReadError> {
        let names = self.map_and_roots(registry).await;
        self.judged(registry, names)
    }

    async fn map_and_roots(&self, registry: &Registry) -> Result<&Names, ReadError> {
        let establish = || async {
            match self.names_now(registry).await {
                // The cache may have it of an earlier checkpoint, and what was proved by that.
                Err(ReadError::Offline { .. }) => Ok(Names {
                    map: None,
                    roots: self.roots.clone(),
                }),
                names => names,
            }
        };
        self.names.get_or_try_init(establish).await
    }

    async fn names_now(&self, registry: &Registry) -> Result<Names, ReadError> {
        let leaf = files::last_leaf(registry, &self.checkpoint).await?;
        let map = NameMap::of_leaf(&leaf, self.checkpoint.size)?;
        let head = map.head(registry, "@root").await?;
        let head = head.ok_or_else(|| TrustError::Withheld {
            name: "@root".into(),
        })?;
        let roots = match head == self.root_chain {
            true => self.roots.clone(),
            false => self.newer_roots(registry, &head).await?,
        };
        Ok(Names {
            map: Some(map),
            roots,
        })
    }

    /// Whether the name map was read.
    pub(super) fn uses_map(&self) -> bool {
        self.names.initialized()
    }

    /// What the log has of a name; `None`: nothing. Without the network, what was proved before.
    pub(super) async fn head(
        &self,
        registry: &Registry,
        name: &str,
    ) -> Result<Option<Head>, ReadError> {
        let proved = || registry.proved(name);
        let Some(map) = &self.names(registry).await?.map else {
            let file = || registry.storage().describe(&Key::map_size(self.size()));
            let offline = || ReadError::Offline { file: file() };
            return proved().map(Some).ok_or_else(offline);
        };
        match map.head(registry, name).await {
            Ok(head) => Ok(head.map(|chain| Head {
                size: self.size(),
                chain,
                proof: Proof::Map,
            })),
            Err(error @ ReadError::Offline { .. }) => proved().map(Some).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// The root notes once more, past all caches: those at hand are not all the log has.
    async fn newer_roots(
        &self,
        registry: &Registry,
        head: &Digest,
    ) -> Result<RootHistory, ReadError> {
        let withheld = || TrustError::Withheld {
            name: "@root".into(),
        };
        let events = roots(registry, Some(&head.hex())).await?;
        let events = events.ok_or_else(withheld)?;
        let events = up_to(&events, self.checkpoint.size);
        if chain(events) != *head {
            return Err(withheld().into());
        }
        let roots = RootHistory::verify(events, Some(&self.roots.fingerprint));
        let roots = roots.map_err(root_chain)?;
        let known = self.roots.newest();
        if roots.hash_of(known.seq) != Some(known.hash) {
            return Err(withheld().into());
        }
        check_roots(registry, self.remembered.as_ref(), &roots)?;
        let (_, note) = open(self.info.checkpoint.as_bytes(), roots.current())?;
        if age_matters(registry) {
            still_valid(roots.current(), self.now)?;
            fresh(roots.current(), &note, self.now)?;
        }
        if let Some((dir, url)) = place(registry)
            && self.written.is_some()
        {
            state::note_roots(dir, &url, &roots)?;
        }
        Ok(roots)
    }

    /// The root notes at hand. The map or the log tells whether they are all.
    pub(super) const fn known_roots(&self) -> &RootHistory {
        &self.roots
    }

    /// The head of the chain of the root notes at hand.
    pub(super) const fn root_chain(&self) -> &Digest {
        &self.root_chain
    }

    /// What was verified; its root note is the newest that was read.
    pub(crate) fn info(&self) -> TrustInfo {
        TrustInfo {
            root_note: self.newest_roots().newest(),
            ..self.info.clone()
        }
    }

    /// The root notes, as far as they were read.
    pub(super) fn newest_roots(&self) -> &RootHistory {
        let names = self.names.get();
        names.map_or(&self.roots, |names| &names.roots)
    }

    /// Passes a result on. When the registry was caught at something, nothing of what it said
    /// to this process is remembered: else the honest one would be refused afterwards, as one
    /// that was rolled back.
    pub(super) fn judged<T>(
        &self,
        registry: &Registry,
        result: Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if let Err(ReadError::Trust(error)) = &result
            && !matches!(error, TrustError::State { .. })
            && !self.refused.swap(true, Ordering::Relaxed)
            && let Some(written) = &self.written
            && let Some((dir, _)) = place(registry)
            && let Err(error) = state::retract(dir, written, self.remembered.as_ref())
        {
            tracing::debug!(%error, "what a registry said that was caught is still remembered");
        }
        result
    }

    /// The state of the log.
    pub(super) const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Entries of the log.
    pub(super) const fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// A package as the log has it; concurrent callers share the work.
    pub(crate) async fn package(
        &self,
        registry: &Registry,
        name: &PackageName,
    ) -> Result<Option<Arc<Package>>, ReadError> {
        let cell = {
            let packages = self.packages.lock();
            let mut packages = packages.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(packages.entry(name.clone()).or_default())
        };
        let load = || async {
            let package = Package::load(self, registry, name).await?;
            Ok::<_, ReadError>(package.map(Arc::new))
        };
        let package = cell.get_or_try_init(load).await.cloned();
        self.judged(registry, package)
    }

    /// The same, not kept.
    pub(crate) async fn look(
        &self,
        registry: &Registry,
        name: &PackageName,
    ) -> Result<Option<Package>, ReadError> {
        let package = Package::load(self, registry, name).await;
        self.judged(registry, package)
    }

    /// A package that was read already.
    pub(crate) fn seen(&self, name: &PackageName) -> Option<Arc<Package>> {
        let packages = self.packages.lock();
        let packages = packages.unwrap_or_else(PoisonError::into_inner);
        packages.get(name)?.get()?.clone()
    }

    /// What owners are to those who relied on earlier ones.
    ///
    /// # Errors
    /// [`TrustError::Reverted`] when a note that was seen before is not there any more.
    pub(super) fn judge(
        &self,
        registry: &Registry,
        owners: &OwnersHistory,
    ) -> Result<Standing, TrustError> {
        let locked = registry.trust_options().owners.get(&owners.subject);
        self.memory.judge(locked, owners)
    }

    /// Writes down what was learned of owners.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn save(&self) -> Result<(), TrustError> {
        match self.is_refused() {
            true => Ok(()),
            false => self.memory.save(),
        }
    }

    /// Whether the registry was caught at something.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// The owners of a name or scope, checked to be all; nobody where the log has none.
    pub(crate) async fn owners(
        &self,
        registry: &Registry,
        subject: &Subject,
    ) -> Result<OwnersHistory, ReadError> {
        let nobody = || OwnersHistory::nobody(subject.clone());
        match subject {
            Subject::Package(name) => {
                let package = self.package(registry, name).await?;
                Ok(package.map_or_else(nobody, |package| package.history.owners.clone()))
            }
            Subject::Scope(scope) => {
                let events = &self.scope(registry, scope).await?.events;
                let roots = &self.names(registry).await?.roots;
                let owners = OwnersHistory::verify(roots, subject.clone(), events);
                let owners = owners.map_err(|error| refusal(scope, error).into());
                let judged = owners.and_then(|owners| {
                    self.judge(registry, &owners)?;
                    Ok(owners)
                });
                self.judged(registry, judged)
            }
            Subject::Root => Ok(nobody()),
        }
    }

    /// The root notes, checked to be all.
    pub(crate) async fn roots(&self, registry: &Registry) -> Result<RootHistory, ReadError> {
        Ok(self.names(registry).await?.roots.clone())
    }

    /// The ownership notes of a scope, checked to be all; concurrent callers share the work.
    pub(super) async fn scope(
        &self,
        registry: &Registry,
        scope: &str,
    ) -> Result<Arc<Complete>, ReadError> {
        let cell = {
            let scopes = self.scopes.lock();
            let mut scopes = scopes.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(scopes.entry(scope.to_owned()).or_default())
        };
        let load = || async {
            let events = super::package::scope_events(self, registry, scope).await?;
            Ok::<_, ReadError>(Arc::new(events))
        };
        cell.get_or_try_init(load).await.cloned()
    }
}

/// The events with an index below the size of the log: an index may be ahead of the checkpoint.
pub(crate) fn up_to(events: &[Event], size: u64) -> &[Event] {
    let end = events.iter().position(|event| event.i >= size);
    &events[..end.unwrap_or(events.len())]
}

pub(super) fn open(bytes: &[u8], root: &RootNote) -> Result<(Checkpoint, Note), TrustError> {
    checkpoint::open(bytes, &root.origin, &root.log).map_err(|error| TrustError::Checkpoint {
        reason: error.to_string(),
    })
}

pub(super) fn root_chain(error: HistoryError) -> TrustError {
    TrustError::RootChain {
        reason: error.to_string(),
    }
}

/// Without the network nothing gets newer.
pub(super) fn age_matters(registry: &Registry) -> bool {
    registry.freshness() != Freshness::Offline && !registry.trust_options().any_age
}

pub(super) fn still_valid(root: &RootNote, now: i64) -> Result<(), TrustError> {
    let expired = |at: &&String| text::seconds(at).is_none_or(|at| at <= now);
    match root.expires.as_ref().filter(expired) {
        Some(at) => Err(TrustError::Expired { at: at.clone() }),
        None => Ok(()),
    }
}

/// Whether enough witnesses signed, each of them lately. Only witnesses say when they saw a
/// checkpoint, so without them there is no age, and a root note cannot limit it.
pub(super) fn fresh(root: &RootNote, note: &Note, now: i64) -> Result<(), TrustError> {
    let latest = now.saturating_add(MAX_CLOCK_AHEAD);
    let cosigned = Cosigned::of(root, note, latest).map_err(|error| TrustError::Checkpoint {
        reason: error.to_string(),
    })?;
    if !cosigned.lacking(i64::MIN).is_nothing() {
        let (found, validating) = cosigned.count(i64::MIN);
        return Err(TrustError::Witnesses {
            found,
            quorum: root.witness_quorum,
            validating,
            validating_quorum: root.validating_quorum,
        });
    }
    if let (Some(max), Some(since)) = (root.max_age, cosigned.since()) {
        let age = now.saturating_sub(since).max(0).unsigned_abs();
        if age > max {
            return Err(TrustError::Stale {
                age,
                quorum: root.witness_quorum.max(root.validating_quorum),
                max,
            });
        }
    }
    Ok(())
}
