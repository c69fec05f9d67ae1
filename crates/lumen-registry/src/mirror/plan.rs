//! The files of a mirror that change, decided, checked, and written at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName,
    checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES},
    index::{PackageEntry, new_global_index, set_package_entries},
    limits::MIRROR_INDEX_MEMORY,
    note::Note,
    trust::{Event, RootHistory, Subject, event::NO_EVENTS},
};

use super::{
    CONCURRENCY, Job, MirrorError, MirrorReport, Selection,
    growth::{Growth, create_all, last_batch},
    package::{Checked, Expected},
    reads::{Global, list},
};
use crate::{
    derived::{
        lists::has_more_events,
        names::packages_below,
        stamp::{log_size, registry_name, stamp},
    },
    logread::Head,
    partial::Partial,
    progress::Progress,
    storage::Storage,
};

/// The present and the next state of the mirror.
pub(super) struct Plan<'a> {
    pub(super) job: &'a Job<'a>,
    /// The storage that has the log, once it is stored: the mirror, or the source of a bundle.
    pub(super) log: &'a Storage,
    /// The checkpoint of the source, with its signatures.
    pub(super) note: &'a str,
    pub(super) after: Checkpoint,
    /// The checkpoint up to which the mirror has everything; none: everything is compared.
    pub(super) base: Option<Checkpoint>,
    pub(super) roots: RootHistory,
    pub(super) selection: Selection,
    /// The mirror's record of its packages.
    pub(super) recorded: Option<Partial>,
    /// The packages to look at, and the heads of their chains.
    pub(super) names: BTreeMap<PackageName, Digest>,
    /// The index files of scopes and of the root, and their events.
    pub(super) lists: BTreeMap<Subject, (Vec<u8>, Vec<Event>)>,
}

/// A package whose index is written when everything is checked.
pub(super) struct PendingIndex {
    entry: PackageEntry,
    has_versions: bool,
    /// None: too much is held already.
    bytes: Option<Vec<u8>>,
}

impl Plan<'_> {
    pub(super) fn has(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Package(name) => self.selection.has(name),
            Subject::Root | Subject::Scope(_) => true,
        }
    }

    /// Refuses a registry that has packages which the log does not have.
    pub(super) fn no_strangers(
        &self,
        growth: &Growth,
        packages: &BTreeMap<PackageName, PackageEntry>,
    ) -> Result<(), MirrorError> {
        let known = |name: &PackageName| growth.heads.contains_key(&Subject::Package(name.clone()));
        match packages.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(MirrorError::Foreign {
                file: self.job.target.describe(&Key::package_index(name)),
            }),
        }
    }

    /// Decides which packages to check, and prepares the data to check them against.
    pub(super) async fn choose_packages(
        &mut self,
        growth: &mut Growth,
        ours: &BTreeMap<PackageName, PackageEntry>,
        theirs: Option<&Global>,
    ) -> Result<(), MirrorError> {
        // Entries of the global index that differ from the mirror's.
        let current = theirs.filter(|(bytes, _)| log_size(bytes) == self.after.size);
        let listed = current.iter().flat_map(|(_, packages)| packages.values());
        let differs = |entry: &&PackageEntry| !ours.get(&entry.name).is_some_and(|o| o.same(entry));
        let listed = listed.filter(differs).map(|entry| entry.name.clone());
        let target = self.log;
        let below = async |scope: &str| {
            let names = packages_below(target, &Key::scope_prefix(scope)).await?;
            Ok(names)
        };
        self.changed(growth, listed.collect(), below).await
    }

    /// Decides to look at these packages and those that the log says something new of.
    /// `below`: the packages of a scope that there were.
    pub(super) async fn changed(
        &mut self,
        growth: &mut Growth,
        listed: Vec<PackageName>,
        below: impl AsyncFn(&str) -> Result<BTreeSet<PackageName>, MirrorError>,
    ) -> Result<(), MirrorError> {
        let mut names = BTreeSet::from_iter(listed);
        let mut scopes = BTreeSet::new();
        for subject in growth.heads.keys() {
            match subject {
                Subject::Package(name) => drop(names.insert(name.clone())),
                Subject::Scope(scope) => drop(scopes.insert(scope.clone())),
                Subject::Root => {}
            }
        }
        if self.base.is_some() {
            // A key may be revoked, and releases void.
            for scope in &scopes {
                names.extend(below(scope).await?);
            }
        }
        names.retain(|name| self.selection.has(name));
        for name in names {
            let head = growth
                .head(self.log, &Subject::Package(name.clone()))
                .await?;
            if head == NO_EVENTS {
                let what = format!("it lists `{name}`, of which the log has nothing");
                return Err(self.job.forged(&Key::global_index(), what));
            }
            scopes.extend(name.scope().map(str::to_owned));
            self.names.insert(name, head);
        }
        for scope in scopes {
            let subject = Subject::Scope(scope);
            let list = list(self.job, self.log, growth, subject.clone()).await?;
            self.lists.insert(subject, list);
        }
        Ok(())
    }

    /// Checks the selected packages, and copies their files except the indexes.
    pub(super) async fn packages(
        &self,
    ) -> Result<BTreeMap<PackageName, PendingIndex>, MirrorError> {
        let watch = self.job.watch;
        let steps = self.names.len() as u64;
        watch(Progress::Started {
            verb: self.job.verb,
            steps,
        });
        let held = AtomicUsize::new(0);
        let hold = |checked: Checked| {
            let total = held.fetch_add(checked.bytes.len(), Relaxed);
            PendingIndex {
                entry: PackageEntry::of(&checked.index),
                has_versions: !checked.index.versions.is_empty(),
                bytes: (total < MIRROR_INDEX_MEMORY).then_some(checked.bytes),
            }
        };
        let hold = &hold;
        let work = stream::iter(&self.names).map(|(name, _)| async move {
            let checked = self.package(name).await?;
            watch(Progress::Advanced {
                item: name.to_string(),
            });
            Ok::<_, MirrorError>((name.clone(), hold(checked)))
        });
        let all = work.buffer_unordered(CONCURRENCY).try_collect().await;
        watch(Progress::Finished);
        all
    }

    async fn package(&self, name: &PackageName) -> Result<Checked, MirrorError> {
        let scope = Subject::owner_of(name);
        let scope = self.lists.get(&scope).map_or(&[][..], |(_, events)| events);
        let expected = Expected {
            roots: &self.roots,
            scope,
            head: self.names.get(name).copied().unwrap_or(NO_EVENTS),
            size: self.after.size,
            from: self.base.as_ref().map_or(0, |base| base.size),
        };
        self.job.package(name, &expected).await
    }

    /// The global index: the source's if it follows from the log, else as it was at the
    /// checkpoint.
    pub(super) async fn global(
        &self,
        ours: BTreeMap<PackageName, PackageEntry>,
        theirs: Option<Global>,
        held: &BTreeMap<PackageName, PendingIndex>,
    ) -> Result<Vec<u8>, MirrorError> {
        let mut expected = ours;
        for (name, held) in held {
            match held.has_versions {
                true => drop(expected.insert(name.clone(), held.entry.clone())),
                false => drop(expected.remove(name)),
            }
        }
        let key = Key::global_index();
        let entries: Vec<PackageEntry> = expected.values().cloned().collect();
        let size = self.after.size;
        let current = theirs.as_ref();
        if let Some((bytes, listed)) = current.filter(|(bytes, _)| log_size(bytes) == size) {
            let chosen = |entry: &&PackageEntry| self.selection.has(&entry.name);
            let listed: Vec<&PackageEntry> = listed.values().filter(chosen).collect();
            let same = |(a, b): (&&PackageEntry, &PackageEntry)| a.same(b);
            if listed.len() != entries.len() || !listed.iter().zip(&entries).all(same) {
                return Err(self.job.forged(&key, "it does not follow from the log"));
            }
            return match self.selection.is_all() {
                true => Ok(bytes.clone()),
                false => set_package_entries(bytes, &entries)
                    .map_err(|error| self.job.forged(&key, error)),
            };
        }
        let time = last_batch(self.log, size).await?.time;
        let bytes = match theirs {
            Some((bytes, _)) => bytes,
            None => new_global_index(registry_name(&self.after.origin), &time),
        };
        let index = set_package_entries(&bytes, &entries);
        let index = index.and_then(|index| stamp(&index, size, &time));
        index.map_err(|error| self.job.forged(&key, error))
    }

    /// The writers' head, if the source has one and the mirror has the files that it names;
    /// `None` if the mirror has the head already.
    pub(super) async fn head(&self) -> Result<Option<Vec<u8>>, MirrorError> {
        let (job, key) = (self.job, Key::head());
        let limit = 2 * MAX_CHECKPOINT_BYTES;
        let Some(found) = job.read(&key, limit).await? else {
            return Ok(None);
        };
        let head = Head::parse(&found).filter(|head| head.checkpoint == self.after);
        let ours = job.target.get(&key, limit).await?;
        if head.is_some() && ours.is_some_and(|ours| ours == found) {
            return Ok(None);
        }
        let batch = last_batch(self.log, self.after.size).await?;
        let staged = batch.staging.to_bytes();
        let staging = Digest::of(&staged);
        let log = &self.roots.current().log;
        let bytes = match head {
            Some(head) => {
                head.check(job.source.storage(), self.roots.origin(), log)?;
                if head.staging != staging {
                    return Err(job.forged(&key, "it names another batch than the log's last"));
                }
                found
            }
            // A writer is at work, or died: use the state at the checkpoint.
            None => {
                let mut note = Note::parse(self.note.as_bytes())
                    .map_err(|error| job.forged(&Key::checkpoint(), error))?;
                note.signatures.retain(|signature| {
                    let by = |key: &lumen_core::signing::PublicKey| {
                        key.name() == signature.name && key.id() == signature.id
                    };
                    log.iter().any(by)
                });
                let head = Head {
                    staging,
                    checkpoint: self.after.clone(),
                    note: note.to_text(),
                };
                head.to_bytes()
            }
        };
        let files = vec![(Key::staging(&staging), staged)];
        create_all(&job.target, files).await?;
        Ok(Some(bytes))
    }

    /// Writes what changes, the global index last.
    pub(super) async fn publish(
        &self,
        held: BTreeMap<PackageName, PendingIndex>,
        head: Option<Vec<u8>>,
        global: Option<&[u8]>,
        growth: &Growth,
    ) -> Result<(), MirrorError> {
        let target = &self.job.target;
        let size = self.after.size;
        let put = async |key: &Key, bytes: &[u8]| {
            let newer = |current: &[u8]| has_more_events(current, bytes);
            target.put(key, bytes, newer).await
        };
        for (subject, (bytes, _)) in &self.lists {
            if growth.heads.contains_key(subject) {
                put(&Key::events_of(subject), bytes).await?;
            }
        }
        let put = &put;
        let index = async |(name, held): (PackageName, PendingIndex)| {
            let bytes = match held.bytes {
                Some(bytes) => bytes,
                None => self.package(&name).await?.bytes,
            };
            put(&Key::package_index(&name), &bytes).await
        };
        let indexes = stream::iter(held).map(index);
        let () = indexes.buffer_unordered(CONCURRENCY).try_collect().await?;
        // The head before the checkpoint, as writers do it: a writer that comes in between
        // finds a batch to finish, not an older log to go on from.
        if let Some(head) = head {
            let newer = |current: &[u8]| {
                Head::parse(current).is_some_and(|current| current.checkpoint.size > size)
            };
            target.put(&Key::head(), &head, newer).await?;
        }
        let newer =
            |current: &[u8]| Checkpoint::of_note(current).is_ok_and(|current| current.size > size);
        self.copy_witnessed().await?;
        let note = self.note.as_bytes();
        target.put(&Key::checkpoint(), note, newer).await?;
        let newer = |current: &[u8]| log_size(current) > size;
        match global {
            Some(global) => {
                self.job.put_followers(global).await?;
                target.put(&Key::global_index(), global, newer).await
            }
            None => Ok(()),
        }
    }

    /// The report for a mirror that had `from` entries.
    pub(super) fn report(self, from: u64) -> MirrorReport {
        let (files, bytes) = self.job.target.written();
        MirrorReport {
            from: Some(from),
            size: Some(self.after.size),
            fingerprint: Some(self.roots.fingerprint),
            packages: self.names.len() as u64,
            files,
            bytes,
            selection: (!self.selection.is_all()).then_some(self.selection),
        }
    }

    /// Says which packages the mirror has, unless it has all.
    pub(super) async fn record(&self, partial: &Partial) -> Result<(), MirrorError> {
        if self.recorded.is_none() && self.selection.is_all() {
            return Ok(());
        }
        let (target, newer) = (&self.job.target, |_: &[u8]| false);
        target.put(&Key::mirror(), &partial.to_bytes(), newer).await
    }
}
