//! A whole log, read from its first entry, and the files that follow from it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use lumen_core::{
    Digest, Key, PackageName, Version,
    checkpoint::Checkpoint,
    index::{self, PackageIndex},
    tile::FULL,
    trust::{Action, Entry, Event, HistoryError, PackageHistory, RootHistory, Subject},
};

use super::stamp::{is_object, registry_name, stamp};
use crate::{
    logread::{Staging, load_range},
    partial::Partial,
    selection::Selection,
    storage::Storage,
    write::{PublishError, damaged},
};

/// A log that was read from its first entry.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) size: u64,
    pub(crate) entries: Vec<String>,
    pub(crate) events: BTreeMap<Subject, Vec<Event>>,
    pub(crate) roots: RootHistory,
    /// When the last note was made, by its maker's clock.
    pub(crate) time: String,
}

/// A whole log, and which of its files must exist.
pub(crate) struct Whole<'a> {
    pub(crate) storage: &'a Storage,
    /// With the commits that wait for witnesses.
    pub(crate) log: Replay,
    /// The state that readers see, if that is smaller.
    public: Public,
    /// The digest of each release's file, as its publisher signed it.
    pub(crate) published: BTreeMap<(PackageName, Version), Digest>,
    /// The packages that a mirror has which lacks some.
    selection: Option<Selection>,
    /// The package indexes that were made so far, as readers see them.
    packages: Mutex<Vec<PackageIndex>>,
    /// The global index, once it was made.
    global: OnceLock<Vec<u8>>,
}

/// The state that readers see.
enum Public {
    /// All of the log.
    All,
    /// An earlier state.
    Earlier(Box<Replay>),
    /// None: its checkpoint is gone, and witnesses have to sign one.
    Nothing,
}

impl<'a> Whole<'a> {
    /// Reads the log up to a commit, whose staging file may be all that has its last entries.
    ///
    /// # Errors
    /// When entries are damaged or missing, or do not lead to the commit; failures of the host.
    pub(crate) async fn load(
        storage: &'a Storage,
        top: &Checkpoint,
        staging: Option<&Digest>,
    ) -> Result<Self, PublishError> {
        let entries = match load_range(storage, 0, top.size).await {
            Ok(entries) => entries,
            // Its writer may have died before it wrote the last entries where they belong.
            Err(error @ PublishError::Damaged { .. }) => match staging {
                Some(staging) => staged(storage, top, staging).await.map_err(|_| error)?,
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let log = Replay::of(storage, entries)?;
        let partial = Partial::read(storage).await?;
        Ok(Self {
            storage,
            published: log.published(),
            log,
            public: Public::All,
            selection: partial.map(|partial| partial.packages()),
            packages: Mutex::default(),
            global: OnceLock::new(),
        })
    }

    /// The same, seen by readers as it was at this checkpoint. None: there is none.
    ///
    /// # Errors
    /// When the log at that size breaks a rule.
    pub(crate) fn shown_at(mut self, public: Option<&Checkpoint>) -> Result<Self, PublishError> {
        self.public = match public {
            Some(public) if public.size < self.log.size => {
                let end = usize::try_from(public.size).unwrap_or(usize::MAX);
                let entries = self.log.entries.get(..end).unwrap_or_default();
                Public::Earlier(Box::new(Replay::of(self.storage, entries.to_vec())?))
            }
            None if self.log.roots.current().has_quorum() => Public::Nothing,
            _ => Public::All,
        };
        Ok(self)
    }

    /// The log as readers see it.
    pub(crate) fn shown(&self) -> Option<&Replay> {
        match &self.public {
            Public::All => Some(&self.log),
            Public::Earlier(log) => Some(log),
            Public::Nothing => None,
        }
    }

    /// The log, and the state of it that readers see, if that is another one.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &Replay> {
        let shown = self.shown().filter(|shown| shown.size != self.log.size);
        [Some(&self.log), shown].into_iter().flatten()
    }

    /// Whether a package is to be there: a mirror may lack some.
    pub(crate) fn has_package(&self, name: &PackageName) -> bool {
        self.selection
            .as_ref()
            .is_none_or(|selection| selection.has(name))
    }

    /// Whether the log says something that matters to a package from this size on.
    pub(crate) fn has_news(&self, name: &PackageName, since: u64) -> bool {
        let (scope, own) = self.log.events_of(name);
        let last = [scope.last(), own.last()];
        last.into_iter().flatten().any(|event| event.i >= since)
    }

    /// Takes note of a package index that was made.
    pub(crate) fn made(&self, index: PackageIndex) {
        let packages = self.packages.lock();
        packages.unwrap_or_else(PoisonError::into_inner).push(index);
    }

    /// The global index of the package indexes that were made. `current`: the one that is there;
    /// its other fields are kept.
    ///
    /// # Errors
    /// When the packages do not fit into it.
    pub(crate) fn global_index(
        &self,
        shown: &Replay,
        current: Option<&[u8]>,
    ) -> Result<Vec<u8>, PublishError> {
        let current = current.filter(|current| is_object(current));
        let packages = self.packages.lock();
        let packages = packages.unwrap_or_else(PoisonError::into_inner);
        let name = registry_name(shown.roots.origin());
        let current = current.map(<[u8]>::to_vec);
        let bytes = shown.global_index(self.storage, current, name, &packages)?;
        self.global.set(bytes.clone()).ok();
        Ok(bytes)
    }

    /// The global index, once it was made.
    pub(crate) fn made_global(&self) -> Option<&[u8]> {
        self.global.get().map(Vec::as_slice)
    }
}

/// The entries of a commit whose last ones are in its staging file alone.
async fn staged(
    storage: &Storage,
    top: &Checkpoint,
    staging: &Digest,
) -> Result<Vec<String>, PublishError> {
    let staging = Staging::read(storage, staging).await?;
    let mut entries = load_range(storage, 0, staging.from).await?;
    entries.extend(staging.entries);
    match entries.len() as u64 == top.size {
        true => Ok(entries),
        false => Err(damaged(
            storage,
            &Key::head(),
            "it names another batch than the last",
        )),
    }
}

impl Replay {
    fn of(storage: &Storage, entries: Vec<String>) -> Result<Self, PublishError> {
        let mut events: BTreeMap<Subject, Vec<Event>> = BTreeMap::new();
        let mut time = String::new();
        for (i, text) in (0..).zip(&entries) {
            let (entry, _) = Entry::parse(text.as_bytes()).map_err(|error| {
                damaged(storage, &Key::entries(i / u64::from(FULL), FULL), error)
            })?;
            let note = text.clone();
            if let (Some(subject), Some(at)) = (entry.subject(), entry.time()) {
                at.clone_into(&mut time);
                events.entry(subject).or_default().push(Event { i, note });
            }
        }
        let root = events.get(&Subject::Root).map_or(&[][..], Vec::as_slice);
        let roots = RootHistory::verify(root, None)?;
        Ok(Self {
            size: entries.len() as u64,
            entries,
            events,
            roots,
            time,
        })
    }

    /// The digest of each release's file, as it was logged first.
    fn published(&self) -> BTreeMap<(PackageName, Version), Digest> {
        let mut published = BTreeMap::new();
        for (name, events) in self.packages() {
            for event in events {
                if let Ok((Entry::Statement(statement), _)) = Entry::parse(event.note.as_bytes())
                    && let Action::Publish {
                        version, metadata, ..
                    } = statement.action
                {
                    published.entry((name.clone(), version)).or_insert(metadata);
                }
            }
        }
        published
    }

    /// The packages with events, and all of the scopes they may be in.
    pub(crate) fn packages(&self) -> impl Iterator<Item = (&PackageName, &Vec<Event>)> {
        self.events
            .iter()
            .filter_map(|(subject, events)| match subject {
                Subject::Package(name) => Some((name, events)),
                _ => None,
            })
    }

    /// The events of a package's scope, and its own.
    pub(crate) fn events_of(&self, name: &PackageName) -> (&[Event], &[Event]) {
        let events = |subject: &Subject| self.events.get(subject).map_or(&[][..], Vec::as_slice);
        let scope = match Subject::owner_of(name) {
            scope @ Subject::Scope(_) => events(&scope),
            Subject::Package(_) | Subject::Root => &[],
        };
        (scope, events(&Subject::Package(name.clone())))
    }

    /// The history of a package.
    ///
    /// # Errors
    /// When its events break a rule.
    pub(crate) fn history(&self, name: &PackageName) -> Result<PackageHistory, HistoryError> {
        let (scope, events) = self.events_of(name);
        PackageHistory::verify(&self.roots, name, scope, events)
    }

    /// The global index with the entries of all packages brought up to date.
    fn global_index(
        &self,
        storage: &Storage,
        current: Option<Vec<u8>>,
        registry_name: &str,
        packages: &[PackageIndex],
    ) -> Result<Vec<u8>, PublishError> {
        let fail = |error| damaged(storage, &Key::global_index(), error);
        let mut bytes =
            current.unwrap_or_else(|| index::new_global_index(registry_name, &self.time));
        let mut packages = packages.to_vec();
        packages.retain(|index| !index.versions.is_empty());
        let put = index::put_package_entries(&bytes, &packages, &self.time).map_err(fail)?;
        bytes = put.unwrap_or(bytes);
        stamp(&bytes, self.size, &self.time).map_err(fail)
    }
}
