//! The verified registry as one process sees it, established once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lumen_core::{
    Digest, Key, PackageName,
    checkpoint::Checkpoint,
    trust::{OwnersHistory, PackageHistory, RootHistory, chain, up_to},
};
use tokio::sync::OnceCell;

use super::{
    TrustError, TrustInfo, TrustOptions,
    evidence::{Evidence, Question},
    files,
    known::{Memory, Standing},
    map::{Head, NameMap, Names, Proof},
    package::{Complete, Package},
    rules::{age_matters, check_roots, fresh, open, place, root_chain, roots, still_valid},
    state::{self, Remembered},
};
use crate::source::{ReadError, Source};

/// A registry whose root, checkpoint and log are valid.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) source: Source,
    pub(super) options: TrustOptions,
    pub(super) info: TrustInfo,
    pub(super) roots: RootHistory,
    pub(super) root_chain: Digest,
    pub(super) checkpoint: Checkpoint,
    pub(super) now: i64,
    pub(super) names: OnceCell<Names>,
    /// Owners that this machine or the lock relied on.
    pub(super) memory: Memory,
    /// The state of the registry on this machine before.
    pub(super) remembered: Option<Remembered>,
    /// The state that this process wrote in its place.
    pub(super) written: Option<Remembered>,
    /// Whether the registry was caught at something.
    pub(super) refused: AtomicBool,
    pub(super) packages: Once<PackageName, Option<Arc<Package>>>,
    pub(super) scopes: Once<String, Arc<Complete>>,
    /// Packages that were verified by the whole log.
    pub(super) replayed: Mutex<HashMap<PackageName, Arc<PackageHistory>>>,
    /// The evidence about times that was read for some questions.
    pub(super) evidence: Once<Vec<Question>, Arc<Evidence>>,
}

/// Values made once for each key, by the first caller.
pub(super) type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

impl View {
    /// The name map, proved to be the log's last word; established when first needed.
    pub(super) async fn names(&self) -> Result<&Names, ReadError> {
        let names = self.map_and_roots().await;
        self.judged(names)
    }

    async fn map_and_roots(&self) -> Result<&Names, ReadError> {
        let establish = || async {
            match self.names_now().await {
                // The cache may have the map of an earlier checkpoint, and the proofs by it.
                Err(ReadError::Offline { .. }) => Ok(Names {
                    map: None,
                    roots: self.roots.clone(),
                }),
                names => names,
            }
        };
        self.names.get_or_try_init(establish).await
    }

    async fn names_now(&self) -> Result<Names, ReadError> {
        let leaf = files::last_leaf(&self.source, &self.checkpoint).await?;
        let map = NameMap::of_leaf(&leaf, self.checkpoint.size)?;
        let head = map.head(&self.source, "@root").await?;
        let head = head.ok_or_else(|| TrustError::Withheld {
            name: "@root".into(),
        })?;
        let roots = match head == self.root_chain {
            true => self.roots.clone(),
            false => self.newer_roots(&head).await?,
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

    /// The head of a name's chain; `None`: the log has no events. Without the network, the head
    /// that was proved before.
    pub(super) async fn head(&self, name: &str) -> Result<Option<Head>, ReadError> {
        let proved = || self.source.proved(name).map(Head::remembered);
        let Some(map) = &self.names().await?.map else {
            let file = || self.source.storage().describe(&Key::map_size(self.size()));
            let offline = || ReadError::Offline { file: file() };
            return proved().map(Some).ok_or_else(offline);
        };
        match map.head(&self.source, name).await {
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
    async fn newer_roots(&self, head: &Digest) -> Result<RootHistory, ReadError> {
        let withheld = || TrustError::Withheld {
            name: "@root".into(),
        };
        let events = roots(&self.source, Some(&head.hex())).await?;
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
        check_roots(&self.options, self.remembered.as_ref(), &roots)?;
        let (_, note) = open(self.info.checkpoint.as_bytes(), roots.current())?;
        if age_matters(&self.source, &self.options) {
            still_valid(roots.current(), self.now)?;
            fresh(roots.current(), &note, self.now)?;
        }
        if let Some((dir, url)) = place(&self.source, &self.options)
            && self.written.is_some()
        {
            state::note_roots(dir, &url, &roots)?;
        }
        Ok(roots)
    }

    /// The root notes at hand. The map or the log shows whether they are complete.
    pub(super) const fn known_roots(&self) -> &RootHistory {
        &self.roots
    }

    /// The head of the chain of the root notes at hand.
    pub(super) const fn root_chain(&self) -> &Digest {
        &self.root_chain
    }

    /// The verified state; its root note is the newest that was read.
    pub(crate) fn info(&self) -> TrustInfo {
        TrustInfo {
            root_note: self.newest_roots().newest(),
            ..self.info.clone()
        }
    }

    /// The root notes, as far as they were read.
    pub(crate) fn newest_roots(&self) -> &RootHistory {
        let names = self.names.get();
        names.map_or(&self.roots, |names| &names.roots)
    }

    /// Passes a result on. When the registry was refused, this machine remembers nothing of
    /// this contact: otherwise it would later refuse the honest registry as rolled back.
    pub(super) fn judged<T>(&self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        if let Err(ReadError::Trust(error)) = &result
            // A block is no fault of the registry, and must not be forgotten.
            && !matches!(error, TrustError::State { .. } | TrustError::Blocked { .. })
            && !self.refused.swap(true, Ordering::Relaxed)
            && let Some(written) = &self.written
            && let Some((dir, _)) = place(&self.source, &self.options)
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

    /// A package that was read already.
    pub(crate) fn seen(&self, name: &PackageName) -> Option<Arc<Package>> {
        let packages = self.packages.lock();
        let packages = packages.unwrap_or_else(PoisonError::into_inner);
        packages.get(name)?.get()?.clone()
    }

    /// Compares owners with those that the user relied on.
    ///
    /// # Errors
    /// [`TrustError::Reverted`] when a note that was seen before is missing.
    pub(super) fn judge(&self, owners: &OwnersHistory) -> Result<Standing, TrustError> {
        let locked = self.options.owners.get(&owners.subject);
        self.memory.judge(locked, owners)
    }

    /// Writes down new owners.
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

    /// The root notes, checked to be all.
    pub(crate) async fn roots(&self) -> Result<RootHistory, ReadError> {
        Ok(self.names().await?.roots.clone())
    }
}
