//! The state of a signed registry at its head, for a writer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use lumen_core::{
    Key, PackageName,
    checkpoint::Checkpoint,
    limits::ENDING_MARGIN,
    trust::{
        Entry, Event, HistoryError, Lacking, Ledger, Moderation, OwnersHistory, PackageHistory,
        RootHistory, Statement, Subject, text::time_of,
    },
};

use crate::{
    cache,
    logread::{Base, Growth, Head, growth, verified},
    storage::{Revision, Storage},
    write::{PublishError, Snapshot, damaged},
};

/// The state of a signed registry, as far as a writer read it.
///
/// Events come from index files and are compared with the map that the log commits to.
#[derive(Debug)]
pub struct State<'a> {
    /// The files of the registry that were read.
    pub(crate) snapshot: Arc<Snapshot<'a>>,
    /// The root notes.
    pub roots: RootHistory,
    pub(super) head: Head,
    pub(super) revision: Revision,
    /// The witnesses that have to sign before readers see this state; `None`: they do.
    pub lacking: Option<Lacking>,
    pub(super) base: Base,
    /// Histories that were checked.
    packages: Mutex<BTreeMap<PackageName, PackageHistory>>,
}

impl<'a> State<'a> {
    /// Loads the state at a head whose batch is finished.
    pub(super) async fn load(
        snapshot: Arc<Snapshot<'a>>,
        head: Head,
        (revision, lacking): (Revision, Option<Lacking>),
    ) -> Result<Self, PublishError> {
        let Checkpoint { size, root, origin } = &head.checkpoint;
        let storage = snapshot.storage();
        let mut base = Base::load(storage, *size, Some(root)).await?;
        let root_events = verified(&snapshot, &mut base, &Subject::Root).await?;
        let roots = RootHistory::verify(&root_events, None)?;
        if roots.origin() != origin {
            return Err(damaged(
                storage,
                &Key::head(),
                "it is that of another registry",
            ));
        }
        head.check(storage, origin, &roots.current().log)?;
        Ok(Self {
            snapshot,
            roots,
            head,
            revision,
            lacking,
            base,
            packages: Mutex::default(),
        })
    }

    pub(crate) fn storage(&self) -> &'a Storage {
        self.snapshot.storage()
    }

    /// The registry's origin.
    pub fn origin(&self) -> &str {
        self.roots.origin()
    }

    /// Entries of the log.
    pub const fn size(&self) -> u64 {
        self.base.size
    }

    /// The signed checkpoint of this state.
    pub fn checkpoint(&self) -> &str {
        &self.head.note
    }

    /// Checks that the log continues the checkpoint that was seen.
    pub(super) async fn check_continues(&self, seen: &Checkpoint) -> Result<(), PublishError> {
        let mut tiles = self.base.tiles.clone();
        match growth(self.storage(), &mut tiles, seen, &self.head.checkpoint).await? {
            Growth::Continues => Ok(()),
            Growth::Forked => Err(PublishError::Diverged {
                seen: seen.size,
                found: self.base.size,
            }),
        }
    }

    /// All events of a subject.
    ///
    /// # Errors
    /// When the registry does not list those that the log has.
    pub async fn events(&self, subject: &Subject) -> Result<Vec<Event>, PublishError> {
        // The nodes read are few and not worth sharing.
        verified(&self.snapshot, &mut self.base.clone(), subject).await
    }

    /// The owners of a subject.
    ///
    /// # Errors
    /// As [`State::events`].
    pub async fn owners(&self, subject: &Subject) -> Result<OwnersHistory, PublishError> {
        match subject {
            Subject::Package(name) => Ok(self.package(name).await?.owners),
            subject => {
                let events = self.events(subject).await?;
                let history = OwnersHistory::verify(&self.roots, subject.clone(), &events)?;
                Ok(history)
            }
        }
    }

    /// The history of a package.
    ///
    /// # Errors
    /// As [`State::events`].
    pub async fn package(&self, name: &PackageName) -> Result<PackageHistory, PublishError> {
        let packages = || self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = packages().get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let owner = Subject::owner_of(name);
        let scope = match &owner {
            Subject::Scope(_) => self.events(&owner).await?,
            _ => Vec::new(),
        };
        let own = self.events(&Subject::Package(name.clone())).await?;
        let history = PackageHistory::verify(&self.roots, name, &scope, &own)?;
        packages().insert(name.clone(), history.clone());
        Ok(history)
    }

    /// Checks that the log may have these entries next, by the rules that readers apply.
    ///
    /// # Errors
    /// [`PublishError::History`] says what is wrong with them; [`PublishError::Ended`].
    pub async fn check(&self, entries: &[String]) -> Result<(), PublishError> {
        let mut ledger = Ledger::new(self.roots.clone());
        for (index, text) in (self.base.size..).zip(entries) {
            let parsed = Entry::parse(text.as_bytes());
            let (entry, note) = parsed.map_err(|error| HistoryError::Entry { index, error })?;
            let Some(note) = note else {
                let what = "a batch has a map leaf before its end";
                return Err(damaged(self.storage(), &Key::head(), what));
            };
            let unknown = ledger.unknown(&entry);
            match (unknown.as_slice(), &entry) {
                (
                    [_, _],
                    Entry::Statement(Statement { package, .. })
                    | Entry::Moderation(Moderation { package, .. }),
                )
                | ([Subject::Package(package)], _)
                    if unknown.len() == 2 || package.scope().is_none() =>
                {
                    ledger.know_package(self.package(package).await?);
                }
                _ => {
                    for subject in unknown {
                        let events = self.events(&subject).await?;
                        ledger.know(subject, &events)?;
                    }
                }
            }
            let package = match &entry {
                Entry::Statement(statement) => Some(statement.package.clone()),
                _ => None,
            };
            let until = ledger.append(index, text, entry, &note)?;
            if let Some((name, until)) = package.zip(until) {
                self.in_time(name, until)?;
            }
        }
        Ok(())
    }

    /// Refuses a statement that the log cannot have before the keys of its signers end.
    fn in_time(&self, name: PackageName, until: i64) -> Result<(), PublishError> {
        let now = i64::try_from(cache::now()).unwrap_or(i64::MAX);
        let margin = match self.roots.current().has_quorum() {
            true => ENDING_MARGIN,
            false => 0,
        };
        match until >= now.saturating_add(margin) {
            true => Ok(()),
            false => Err(PublishError::Ended {
                name,
                until: time_of(until),
                now: time_of(now),
                margin: until >= now,
            }),
        }
    }
}
