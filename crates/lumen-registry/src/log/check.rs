//! The whole registry against its log: everything that is wrong, listed.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key, PackageName, Version,
    checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES},
    index::{FilesRef, Release, identity},
    json,
    key::kind::FileKind,
    limits::{MAX_FILE_LIST_BYTES, MAX_GLOBAL_INDEX_BYTES},
    merkle::leaf_hash,
    tile::Tiles,
    trust::{
        Entry, MapLeaf, OwnersHistory, Subject,
        event::NO_EVENTS,
        extend,
        map::{self, Nodes, Update},
    },
};

use super::pending;
use crate::{
    derived::{self, Expected, Row, Whole, tree, whole::Replay, witnessed},
    file_list::{FalseList, Reading},
    logread::{Growth, Head, growth, no_head, read_checkpoint},
    progress::{Progress, Watch, advance},
    storage::{Storage, StorageError},
    write::PublishError,
};

/// Something that is wrong with a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path of the file.
    pub file: String,
    /// Where in it, if it is about one place.
    pub at: Option<Place>,
    /// What is wrong with it.
    pub what: String,
}

/// A place in a file of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Finding {
    /// The file, and the line and column where they are known: `index.json:4:3`.
    pub fn place(&self) -> String {
        match self.at {
            Some(Place { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

/// Checks a whole signed registry: every signature, hash, tile and node, every index
/// against the log, and every artifact. Returns all that is wrong.
///
/// # Errors
/// [`PublishError::NotSigned`], and failures of the host.
pub async fn check(storage: &Storage, watch: Watch<'_>) -> Result<Vec<Finding>, PublishError> {
    storage.allow_mirroring();
    let mut checker = Checker {
        storage,
        watch,
        findings: Vec::new(),
    };
    let ran = checker.run().await;
    watch(Progress::Finished);
    match ran {
        Ok(()) => {}
        Err(PublishError::Damaged { file, what }) => checker.findings.push(Finding {
            file,
            at: None,
            what,
        }),
        Err(PublishError::History(error)) => checker.add(&Key::root_index(), error),
        Err(error) => return Err(error),
    }
    checker.findings.sort();
    checker.findings.dedup();
    Ok(checker.findings)
}

struct Checker<'a> {
    storage: &'a Storage,
    watch: Watch<'a>,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn add(&mut self, key: &Key, what: impl ToString) {
        self.findings.push(Finding {
            file: key.to_string(),
            at: None,
            what: what.to_string(),
        });
    }

    async fn get(&mut self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, PublishError> {
        match self.storage.get(key, limit).await {
            Ok(found) => Ok(found.map(|(bytes, _)| bytes)),
            Err(error @ StorageError::TooLarge { .. }) => {
                self.add(key, error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Compares a file with the expected bytes. Returns it, if they are equal.
    async fn same(&mut self, key: &Key, expected: &[u8], fault: &str) -> Result<(), PublishError> {
        let found = self.get(key, MAX_GLOBAL_INDEX_BYTES).await?;
        self.compare(key, found.as_deref(), Some(expected), fault);
        Ok(())
    }

    /// Whether a file is as expected; `None`: its sources are missing.
    fn compare(
        &mut self,
        key: &Key,
        found: Option<&[u8]>,
        expected: Option<&[u8]>,
        fault: &str,
    ) -> bool {
        match (found, expected) {
            (None, _) => self.add(key, "it does not exist"),
            (Some(found), Some(expected)) if found == expected => return true,
            (Some(_), _) => self.add(key, fault),
        }
        false
    }

    async fn run(&mut self) -> Result<(), PublishError> {
        self.storage.prefetch_below("").await?;
        let head = Head::read(self.storage).await?.map(|(head, _)| head);
        let Some(public) = self.checkpoint(head.is_some()).await? else {
            return match head {
                Some(head) => self.state(Some(&head), &head.checkpoint, None).await,
                None => Ok(()),
            };
        };
        // Commits that wait for witnesses have all their files but the public ones.
        let top = pending::newest_finished(self.storage, head.as_ref(), &public).await?;
        self.state(head.as_ref(), &top, Some(&public)).await
    }

    /// The public checkpoint, if it is there and is one.
    async fn checkpoint(&mut self, has_head: bool) -> Result<Option<Checkpoint>, PublishError> {
        match read_checkpoint(self.storage).await {
            Ok(Some((checkpoint, _))) => return Ok(Some(checkpoint)),
            Ok(None) if !has_head => return Err(no_head(self.storage).await?),
            Ok(None) => self.add(&Key::checkpoint(), "it does not exist"),
            Err(PublishError::Damaged { what, .. }) => self.add(&Key::checkpoint(), what),
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Everything at a state of the log. `public`: the one that readers see.
    async fn state(
        &mut self,
        head: Option<&Head>,
        top: &Checkpoint,
        public: Option<&Checkpoint>,
    ) -> Result<(), PublishError> {
        let whole = Whole::load(self.storage, top, None)
            .await?
            .shown_at(public)?;
        self.signatures(&whole, head, (top, public)).await?;
        let mut states = vec![(&whole.log, top)];
        states.extend(whole.shown().zip(public));
        for (log, checkpoint) in states {
            let tiles = tree::tiles(log);
            if tiles.is_ok_and(|all| all.root != checkpoint.root) {
                let what = "its root is not that of the log's entries";
                self.add(&Key::checkpoint(), what);
            }
            let leaf = log.entries.last().and_then(|entry| MapLeaf::parse(entry));
            if leaf.is_none_or(|leaf| leaf.size != log.size) {
                let what = "the log does not end with a map leaf";
                self.add(&Key::checkpoint(), what);
            }
        }
        self.map(&whole.log);
        self.histories(&whole.log);
        let rows = derived::expected(&whole)?;
        let steps: usize = rows.iter().map(|(_, files)| files.len()).sum();
        (self.watch)(Progress::Started {
            verb: "Checking",
            steps: steps as u64,
        });
        let mut there = Vec::new();
        for (row, files) in rows {
            match files {
                Expected::Known(files) => {
                    for (key, bytes) in &files {
                        self.same(key, bytes, row.fault()).await?;
                        advance(self.watch, key);
                    }
                    there.extend(files.into_keys().filter(|key| key.kind() == FileKind::Tile));
                }
                Expected::Named(keys) => {
                    for key in &keys {
                        self.named(&whole, row, key).await?;
                        advance(self.watch, key);
                    }
                }
            }
        }
        if let Some(global) = whole.made_global() {
            let files = derived::of_index(global);
            for (key, bytes) in files.unwrap_or_default() {
                let what = "it does not follow from the global index";
                self.same(&key, &bytes, what).await?;
            }
        }
        self.witnessed(&whole, top).await?;
        self.old_tiles(&whole.log, &there).await
    }

    /// The checkpoints that were kept: states of this log that witnesses signed.
    async fn witnessed(&mut self, whole: &Whole<'_>, top: &Checkpoint) -> Result<(), PublishError> {
        for key in self.storage_list(Key::WITNESSED).await? {
            let Some(bytes) = self.get(&key, MAX_CHECKPOINT_BYTES).await? else {
                continue;
            };
            let signed = witnessed::complete(&bytes, &whole.log.roots);
            let signed = signed.is_some_and(|signed| key == Key::witnessed(signed.size));
            let is_good = match Checkpoint::of_note(&bytes) {
                Ok(kept) if signed => {
                    let mut tiles = Tiles::default();
                    growth(self.storage, &mut tiles, &kept, top).await? == Growth::Continues
                }
                _ => false,
            };
            if !is_good {
                self.add(&key, "it is not a state of this log that witnesses signed");
            }
        }
        Ok(())
    }

    /// Checks a file that is derived from others, and the files that a release refers to.
    async fn named(
        &mut self,
        whole: &Whole<'_>,
        row: &dyn Row,
        key: &Key,
    ) -> Result<(), PublishError> {
        let found = self.get(key, MAX_GLOBAL_INDEX_BYTES).await?;
        let expected = row.make(whole, key, found.as_deref()).await?;
        let is_same = self.compare(key, found.as_deref(), expected.as_deref(), row.fault());
        match (key.named_release(), found) {
            (Some((name, version)), Some(bytes)) if is_same => {
                self.release(key, (&name, &version), &bytes).await
            }
            _ => Ok(()),
        }
    }

    /// Head and checkpoint against each other and the root notes.
    async fn signatures(
        &mut self,
        whole: &Whole<'_>,
        head: Option<&Head>,
        (top, public): (&Checkpoint, Option<&Checkpoint>),
    ) -> Result<(), PublishError> {
        let key = Key::checkpoint();
        if let (Some(shown), Some(_)) = (whole.shown(), public) {
            let bytes = self.get(&key, MAX_CHECKPOINT_BYTES).await?;
            let root = shown.roots.current();
            let bytes = bytes.unwrap_or_default();
            if let Err(error) = checkpoint::open(&bytes, &root.origin, &root.log) {
                self.add(&key, error);
            }
        }
        let Some(head) = head else {
            self.add(&Key::head(), "it does not exist");
            return Ok(());
        };
        if head.checkpoint != *top {
            self.add(&key, "it is not the state of the log that `log/head` has");
        }
        let roots = &whole.log.roots;
        if let Err(error) = head.check(self.storage, roots.origin(), &roots.current().log) {
            self.add(&Key::head(), error);
        }
        Ok(())
    }

    /// Tiles and bundles of earlier sizes, as far as they are there.
    async fn old_tiles(&mut self, log: &Replay, there: &[Key]) -> Result<(), PublishError> {
        let earlier = tree::Earlier::of(log);
        for key in self.storage_list(tree::FOLDER).await? {
            if there.binary_search(&key).is_ok() {
                continue;
            }
            if tree::tile_of(&key).is_none() {
                self.add(&key, "it is not the path of a tile");
            }
            // Others are of a commit that is not public yet.
            if let Some(bytes) = earlier.bytes(&key) {
                let what = "it is not what follows from the log";
                self.same(&key, &bytes, what).await?;
            }
        }
        Ok(())
    }

    /// Checks every map leaf of the log.
    fn map(&mut self, log: &Replay) {
        let (mut root, node) = map::empty();
        let mut nodes = Nodes::from([(root, node)]);
        let mut chains: BTreeMap<String, Digest> = BTreeMap::new();
        let mut changes: BTreeMap<String, Digest> = BTreeMap::new();
        for (i, text) in (0_u64..).zip(&log.entries) {
            let Ok((entry, _)) = Entry::parse(text.as_bytes()) else {
                continue;
            };
            let Entry::Map(leaf) = entry else {
                if let Some(subject) = entry.subject() {
                    let name = subject.to_string();
                    let before = chains.get(&name).copied().unwrap_or(NO_EVENTS);
                    let chain = extend(&before, i, &leaf_hash(text.as_bytes()));
                    chains.insert(name.clone(), chain);
                    changes.insert(name, chain);
                }
                continue;
            };
            if let Ok(Update::Done {
                root: new,
                nodes: made,
            }) = map::update(&nodes, &root, &std::mem::take(&mut changes))
            {
                root = new;
                nodes.extend(made);
            }
            if leaf.size != i + 1 || leaf.root != root {
                let what = "the map leaf in the log does not follow from the events";
                self.add(&Key::map_size(leaf.size), what);
            }
        }
    }

    /// Checks that owners and publishers kept the rules.
    fn histories(&mut self, log: &Replay) {
        for (subject, events) in &log.events {
            let error = match subject {
                Subject::Root => None,
                Subject::Scope(_) => {
                    OwnersHistory::verify(&log.roots, subject.clone(), events).err()
                }
                Subject::Package(name) => log.history(name).err(),
            };
            if let Some(error) = error {
                self.add(&Key::events_of(subject), error);
            }
        }
    }

    /// The file of a release that has the digest it must have, and its artifacts.
    async fn release(
        &mut self,
        key: &Key,
        (name, version): (&PackageName, &Version),
        bytes: &[u8],
    ) -> Result<(), PublishError> {
        match json::parse::<Release>(bytes) {
            Err(error) => self.add(key, error),
            Ok(release) if release.name != *name || release.version != *version => {
                self.add(key, "it is the file of another release");
            }
            Ok(release) => self.artifacts(key, version, &release).await?,
        }
        Ok(())
    }

    async fn artifacts(
        &mut self,
        key: &Key,
        version: &Version,
        release: &Release,
    ) -> Result<(), PublishError> {
        if let Err(error) = identity(&release.artifacts) {
            self.add(key, format!("{version}: {error}"));
        }
        for (number, artifact) in release.artifacts.iter().enumerate() {
            // Kinds that this version does not know are not its business.
            let Ok(path) = artifact.key() else { continue };
            let files = release.files.filter(|_| number == 0);
            let mut reading = Reading::new(files);
            let read = self
                .storage
                .read_to(&path, artifact.size, &mut reading)
                .await;
            let (hash, list) = reading.finish();
            match read {
                Ok(None) => self.add(&path, "it does not exist"),
                Ok(Some(size)) if size == artifact.size && hash == artifact.hash => {
                    if let (Some(named), Some(list)) = (files, list) {
                        self.file_list(key, version, named, list).await?;
                    }
                }
                Ok(Some(_)) => self.add(&path, "it has another size or hash than its release says"),
                Err(error @ StorageError::TooLarge { .. }) => self.add(&path, error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The file list that a release names: that of its archive, and there.
    async fn file_list(
        &mut self,
        key: &Key,
        version: &Version,
        named: FilesRef,
        list: Result<Vec<u8>, FalseList>,
    ) -> Result<(), PublishError> {
        let made = match list {
            Ok(made) => made,
            Err(why) => {
                self.add(key, format!("{version}: {why}"));
                return Ok(());
            }
        };
        let found = self.get(&named.key(), MAX_FILE_LIST_BYTES).await?;
        let fault = "it has another size or hash than its release says";
        self.compare(&named.key(), found.as_deref(), Some(&made), fault);
        Ok(())
    }

    /// On a host that cannot list files, this check is skipped.
    async fn storage_list(&self, prefix: &str) -> Result<Vec<Key>, PublishError> {
        match self.storage.list(prefix).await {
            Err(StorageError::ReadOnly { .. }) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }
}
