//! What one process found at a signed registry, established once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use lumen_core::limits::{MAX_CLOCK_AHEAD, MAX_ROOTS_BYTES};
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
    PinSource, TrustError, TrustInfo,
    files::{self, Growth},
    known::{Memory, Standing},
    map::{Head, NameMap, Names, Proof},
    package::{Complete, Package, refusal},
    state::{self, Remembered},
};
use crate::{
    Freshness, cache,
    location::Location,
    reader::{ReadError, Registry},
    storage::Storage,
};

/// A registry whose root, checkpoint and log are in order.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) info: TrustInfo,
    roots: RootHistory,
    root_chain: Digest,
    checkpoint: Checkpoint,
    now: i64,
    names: OnceCell<Names>,
    /// Owners that somebody here relied on.
    memory: Memory,
    packages: Once<PackageName, Option<Arc<Package>>>,
    scopes: Once<String, Arc<Complete>>,
    /// Packages that were verified by the whole log.
    pub(super) replayed: Mutex<HashMap<PackageName, Arc<PackageHistory>>>,
}

/// Values made once for each key, by whoever asks first.
type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

impl View {
    /// Reads root notes and checkpoint and checks them against what is known from before.
    pub(crate) async fn establish(registry: &Registry) -> Result<Option<Self>, ReadError> {
        let options = registry.trust_options();
        let url = registry.location().map(Location::url);
        let memory = options.state_dir.as_deref().zip(url.as_deref());
        let remembered = match memory {
            Some((dir, url)) => state::read(dir, url)?,
            None => None,
        };
        let Some(events) = roots(registry, None).await? else {
            return unsigned(registry, remembered.is_some()).await;
        };
        let expected = [
            (PinSource::Pin, options.pin),
            (
                PinSource::Lock,
                options.locked.as_ref().map(|lock| lock.root),
            ),
            (
                PinSource::State,
                remembered.as_ref().map(|state| state.root),
            ),
        ];
        let now = match options.now {
            0 => i64::try_from(cache::now()).unwrap_or(i64::MAX),
            now => now,
        };
        let mut before = Vec::new();
        if let Some(lock) = &options.locked {
            before.push(lock.checkpoint.as_str());
        }
        if let Some(state) = remembered
            .as_ref()
            .filter(|state| !state.checkpoint.is_empty())
        {
            before.push(state.checkpoint.as_str());
        }
        let before = before
            .into_iter()
            .map(|note| Ok((note, earlier(note)?)))
            .collect::<Result<Vec<_>, TrustError>>()?;
        let largest = before.iter().map(|(_, seen)| seen.size).max().unwrap_or(0);

        let check = |events: &[Event], bytes: &[u8]| {
            let size = state::checkpoint_of(&String::from_utf8_lossy(bytes))
                .map_err(|reason| TrustError::Checkpoint { reason })?
                .size;
            let logged = up_to(events, size);
            let roots = RootHistory::verify(logged, None).map_err(root_chain)?;
            for (by, expected) in expected {
                if let Some(expected) = expected.filter(|digest| *digest != roots.fingerprint) {
                    let found = roots.fingerprint;
                    return Err(TrustError::RootPin {
                        expected,
                        found,
                        by,
                    });
                }
            }
            let seen = remembered.as_ref().map_or(0, |state| state.root_seq);
            if roots.current().seq < seen {
                let shown = roots.current().seq;
                return Err(TrustError::RootChain {
                    reason: format!(
                        "note {shown} is shown as the newest, but note {seen} was seen before"
                    ),
                });
            }
            let (checkpoint, note) = open(bytes, roots.current())?;
            if age_matters(registry) {
                still_valid(roots.current(), now)?;
                fresh(roots.current(), &note, now)?;
            }
            Ok((chain(logged), roots, checkpoint, note))
        };
        let mut bytes = match files::checkpoint(registry, None).await {
            Err(ReadError::Trust(TrustError::Checkpoint { .. })) if before.is_empty() => {
                return Err(unfinished(&Key::root_index(), &Key::checkpoint()).into());
            }
            bytes => bytes?,
        };
        let mut checked = check(&events, &bytes);
        let behind = |checked: &Result<(_, _, Checkpoint, _), _>| {
            checked
                .as_ref()
                .map_or(true, |(_, _, checkpoint, _)| checkpoint.size < largest)
        };
        if behind(&checked) && registry.freshness() != Freshness::Offline {
            // A cache on the way may have old files; what they say now counts.
            let mark = format!("{largest}");
            let events = roots(registry, Some(&mark)).await?.unwrap_or(events);
            bytes = files::checkpoint(registry, Some(&mark)).await?;
            checked = check(&events, &bytes);
        }
        let (root_chain, roots, checkpoint, note) = checked?;

        let shown = note.to_text();
        for (note, seen) in &before {
            continues(registry, (note, seen), (&shown, &checkpoint), memory).await?;
        }
        let pinned = options.pin.is_some() || remembered.as_ref().is_some_and(|state| state.pinned);
        let current = roots.current();
        let info = TrustInfo {
            origin: current.origin.clone(),
            fingerprint: roots.fingerprint,
            first_use: !expected.iter().any(|(_, digest)| digest.is_some()),
            pinned,
            checkpoint: shown,
            size: checkpoint.size,
            root_seq: current.seq,
            expires: current.expires.clone(),
        };
        if let Some((dir, url)) = memory {
            let new = Remembered {
                url: url.to_owned(),
                origin: info.origin.clone(),
                root: info.fingerprint,
                checkpoint: info.checkpoint.clone(),
                root_seq: info.root_seq,
                first_seen: time(now),
                pinned,
            };
            state::advance(dir, &new)?;
        }
        Ok(Some(Self {
            info,
            roots,
            root_chain,
            checkpoint,
            now,
            names: OnceCell::new(),
            memory: Memory::read(memory)?,
            packages: Mutex::default(),
            scopes: Mutex::default(),
            replayed: Mutex::default(),
        }))
    }

    /// The name map, proved to be the log's last word; established when first needed.
    pub(super) async fn names(&self, registry: &Registry) -> Result<&Names, ReadError> {
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
        let (_, note) = open(self.info.checkpoint.as_bytes(), roots.current())?;
        if age_matters(registry) {
            still_valid(roots.current(), self.now)?;
            fresh(roots.current(), &note, self.now)?;
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
        cell.get_or_try_init(load).await.cloned()
    }

    /// The same, not kept.
    pub(crate) async fn look(
        &self,
        registry: &Registry,
        name: &PackageName,
    ) -> Result<Option<Package>, ReadError> {
        Package::load(self, registry, name).await
    }

    /// A package that was read already.
    pub(crate) fn seen(&self, name: &PackageName) -> Option<Arc<Package>> {
        let packages = self.packages.lock();
        let packages = packages.unwrap_or_else(PoisonError::into_inner);
        packages.get(name)?.get()?.clone()
    }

    /// What owners are to those who relied on earlier ones.
    pub(super) fn judge(&self, registry: &Registry, owners: &OwnersHistory) -> Standing {
        let locked = registry.trust_options().owners.get(&owners.subject);
        self.memory.judge(locked.copied(), owners)
    }

    /// Writes down what was learned of owners.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn save(&self) -> Result<(), TrustError> {
        self.memory.save()
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
                Ok(owners.map_err(|error| refusal(scope, error))?)
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

/// The root notes; `None` where there are none.
async fn roots(registry: &Registry, mark: Option<&str>) -> Result<Option<Vec<Event>>, ReadError> {
    let key = Key::root_index();
    if mark.is_none() && registry.was_absent(&key) {
        return Ok(None);
    }
    let listed = registry.events(&key, MAX_ROOTS_BYTES, mark).await?;
    Ok(listed.map(|listed| listed.events))
}

/// What to make of a registry without root notes.
async fn unsigned(registry: &Registry, remembered: bool) -> Result<Option<View>, ReadError> {
    let options = registry.trust_options();
    let known = [
        (PinSource::Pin, options.pin.is_some()),
        (PinSource::Lock, options.locked.is_some()),
        (PinSource::State, remembered),
    ];
    if let Some((by, _)) = known.into_iter().find(|(_, known)| *known) {
        return Err(TrustError::Downgraded { by }.into());
    }
    if options.required {
        return Err(TrustError::NotSigned.into());
    }
    // Lumen writes the list first. Where it costs nothing, others are not trusted to.
    let note = Key::root_note(1);
    if let Storage::File(_) | Storage::Memory(_) = registry.storage()
        && registry
            .storage()
            .get(&note, MAX_ROOTS_BYTES)
            .await?
            .is_some()
    {
        return Err(unfinished(&note, &Key::root_index()).into());
    }
    Ok(None)
}

fn unfinished(file: &Key, missing: &Key) -> TrustError {
    TrustError::Unfinished {
        file: file.clone(),
        missing: missing.clone(),
    }
}

/// The events with an index below the size of the log: an index may be ahead of the checkpoint.
pub(crate) fn up_to(events: &[Event], size: u64) -> &[Event] {
    let end = events.iter().position(|event| event.i >= size);
    &events[..end.unwrap_or(events.len())]
}

fn earlier(note: &str) -> Result<Checkpoint, TrustError> {
    state::checkpoint_of(note).map_err(|reason| TrustError::Checkpoint {
        reason: format!("the one remembered or locked: {reason}"),
    })
}

fn open(bytes: &[u8], root: &RootNote) -> Result<(Checkpoint, Note), TrustError> {
    checkpoint::open(bytes, &root.origin, &root.log).map_err(|error| TrustError::Checkpoint {
        reason: error.to_string(),
    })
}

fn root_chain(error: HistoryError) -> TrustError {
    TrustError::RootChain {
        reason: error.to_string(),
    }
}

/// Without the network nothing gets newer.
fn age_matters(registry: &Registry) -> bool {
    registry.freshness() != Freshness::Offline && !registry.trust_options().any_age
}

fn still_valid(root: &RootNote, now: i64) -> Result<(), TrustError> {
    let expired = |at: &&String| text::seconds(at).is_none_or(|at| at <= now);
    match root.expires.as_ref().filter(expired) {
        Some(at) => Err(TrustError::Expired { at: at.clone() }),
        None => Ok(()),
    }
}

/// Whether enough witnesses signed, and one of them lately. Only witnesses say when they
/// saw a checkpoint, so without them there is no age, and a root note cannot limit it.
fn fresh(root: &RootNote, note: &Note, now: i64) -> Result<(), TrustError> {
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
    if let (Some(max), Some(newest)) = (root.max_age, cosigned.times().max()) {
        let age = now.saturating_sub(newest).max(0).unsigned_abs();
        if age > max {
            return Err(TrustError::Stale { age, max });
        }
    }
    Ok(())
}

/// Whether the log shown is the one seen before, grown or not.
async fn continues(
    registry: &Registry,
    (old_note, old): (&str, &Checkpoint),
    (new_note, new): (&str, &Checkpoint),
    memory: Option<(&std::path::Path, &str)>,
) -> Result<(), ReadError> {
    let forked = || {
        let evidence = memory.map(|(dir, url)| state::save_evidence(dir, url, old_note, new_note));
        Ok::<_, ReadError>(TrustError::Fork {
            from: old.size,
            to: new.size,
            evidence: evidence.transpose()?,
        })
    };
    if old.origin != new.origin {
        let reason = format!("it was that of `{}` before", old.origin);
        return Err(TrustError::Checkpoint { reason }.into());
    }
    match old.size.cmp(&new.size) {
        std::cmp::Ordering::Greater => Err(TrustError::Rollback {
            from: old.size,
            to: new.size,
        }
        .into()),
        std::cmp::Ordering::Equal if old.root == new.root => Ok(()),
        std::cmp::Ordering::Equal => Err(forked()?.into()),
        std::cmp::Ordering::Less => match files::growth(registry, old, new).await? {
            Growth::Continues => Ok(()),
            Growth::Forked => Err(forked()?.into()),
        },
    }
}

/// RFC 3339.
fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
