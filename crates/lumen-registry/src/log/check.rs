//! The whole registry against its log: everything that is wrong, listed.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key, Version,
    checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES},
    index::{MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, PackageIndex, Release, identity},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
    merkle::leaf_hash,
    tile::{Tile, Tiles, entries},
    trust::{
        Entry, MapLeaf, OwnersHistory, PackageHistory, Subject,
        event::NO_EVENTS,
        extend,
        map::{self, MAX_NODE_BYTES, Nodes, Update},
    },
};

use super::pending;
use crate::{
    derived::{
        names::registry_name,
        replay::{Replay, differs},
    },
    logread::{Head, read_checkpoint},
    progress::{Progress, Watch, advance, nobody},
    storage::{Storage, StorageError},
    write::PublishError,
};

/// Something that is wrong with a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path of the file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// Checks a whole signed registry: every signature, hash, tile and node, every index
/// against the log, and every artifact. Returns all that is wrong.
///
/// # Errors
/// [`PublishError::NotSigned`], and failures of the host.
pub async fn check(storage: &Storage) -> Result<Vec<Finding>, PublishError> {
    check_watched(storage, &nobody).await
}

/// The same, told step by step.
///
/// # Errors
/// As [`check`].
pub async fn check_watched(
    storage: &Storage,
    watch: Watch<'_>,
) -> Result<Vec<Finding>, PublishError> {
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
        Err(PublishError::Damaged { file, what }) => checker.findings.push(Finding { file, what }),
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

/// The files that the log's entries make.
#[derive(Default)]
struct Tree {
    /// Those of the log as it is now.
    files: BTreeMap<Key, Vec<u8>>,
    /// Its tiles of hashes, by level and index.
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Checker<'_> {
    fn add(&mut self, key: &Key, what: impl ToString) {
        self.findings.push(Finding {
            file: key.to_string(),
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

    /// Compares a file with what it must be.
    async fn same(&mut self, key: &Key, expected: &[u8]) -> Result<(), PublishError> {
        let found = self.get(key, MAX_GLOBAL_INDEX_BYTES).await?;
        if let Some(what) = differs(found.as_deref(), expected) {
            self.add(key, what);
        }
        Ok(())
    }

    async fn run(&mut self) -> Result<(), PublishError> {
        self.storage.prefetch_below("").await?;
        let (head_key, key) = (Key::head(), Key::checkpoint());
        let head = Head::read(self.storage).await?;
        let Some((checkpoint, _)) = read_checkpoint(self.storage).await? else {
            if head.is_none() {
                return Err(PublishError::NotSigned);
            }
            self.add(&key, "it does not exist");
            return Ok(());
        };
        // Commits that wait for witnesses have all their files but the public ones.
        let committed = head.as_ref().map(|(head, _)| head);
        let top = pending::newest_finished(self.storage, committed, &checkpoint).await?;
        let replay = Replay::load(self.storage, &top).await?;
        let public = Replay::load_public(self.storage, &replay, &checkpoint).await?;
        if let Some(public) = &public {
            self.public_state(public, &checkpoint).await?;
        }
        let bytes = self
            .get(&key, MAX_CHECKPOINT_BYTES)
            .await?
            .unwrap_or_default();
        let keys = replay.roots.current().log.clone();
        let root = public.as_ref().unwrap_or(&replay).roots.current();
        if let Err(error) = checkpoint::open(&bytes, &root.origin, &root.log) {
            self.add(&key, error);
        }
        match head {
            None => self.add(&head_key, "it does not exist"),
            Some((head, _)) => {
                if head.checkpoint != top {
                    self.add(&key, "it is not the state of the log that `log/head` has");
                }
                if let Err(error) = head.check(self.storage, replay.roots.origin(), &keys) {
                    self.add(&head_key, error);
                }
            }
        }
        let tree = self.tree(&replay, &top);
        let nodes = self.map(&replay, checkpoint.size).await?;
        let files: Vec<(Key, Vec<u8>)> = replay.notes().chain(replay.lists()).collect();
        let is_signature = |(key, _): &&(Key, Vec<u8>)| key.as_str().starts_with("signatures/");
        let releases = files.iter().filter(is_signature).count();
        let packages = replay.packages().count();
        let steps = tree.files.len() + nodes.len() + files.len() + packages + releases;
        (self.watch)(Progress::Started {
            verb: "Checking",
            steps: steps as u64,
        });
        self.tiles(&replay, &tree).await?;
        for (hash, bytes) in &nodes {
            let key = Key::map_node(hash);
            let found = self.get(&key, MAX_NODE_BYTES).await?;
            if let Some(what) = differs(found.as_deref(), bytes) {
                self.add(&key, what);
            }
            advance(self.watch, &key);
        }
        for (key, bytes) in &files {
            self.same(key, bytes).await?;
            advance(self.watch, key);
        }
        drop((tree, nodes, files));
        self.scopes(&replay);
        self.packages(&replay, public.as_ref().unwrap_or(&replay))
            .await
    }

    /// The state that readers see, before commits that wait for witnesses.
    async fn public_state(
        &mut self,
        replay: &Replay,
        public: &Checkpoint,
    ) -> Result<(), PublishError> {
        self.tree(replay, public);
        match replay.entries.last() {
            Some(leaf) if MapLeaf::parse(leaf).is_some_and(|leaf| leaf.size == public.size) => {
                self.same(&Key::map_size(public.size), leaf.as_bytes())
                    .await
            }
            _ => {
                let what = "it does not end with a map leaf";
                self.add(&Key::checkpoint(), what);
                Ok(())
            }
        }
    }

    /// All tiles and bundles there must be.
    fn tree(&mut self, replay: &Replay, public: &Checkpoint) -> Tree {
        let leaves: Vec<Digest> = replay
            .entries
            .iter()
            .map(|entry| leaf_hash(entry.as_bytes()))
            .collect();
        let all = Tiles::default().append(0, &leaves);
        let Ok(all) = all else {
            self.add(&Key::checkpoint(), "its size is impossible");
            return Tree::default();
        };
        if all.root != public.root {
            self.add(
                &Key::checkpoint(),
                "its root is not that of the log's entries",
            );
        }
        let mut tree = Tree::default();
        for (tile, bytes) in all.tiles {
            tree.files.insert(Key::tile(&tile), bytes.clone());
            tree.tiles.insert((tile.level, tile.index), bytes);
        }
        for (index, chunk) in (0..).zip(replay.entries.chunks(256)) {
            if let Ok(bytes) = entries::encode(chunk) {
                let key = Key::entries(index, chunk.len() as u16);
                tree.files.insert(key, bytes);
            }
        }
        tree
    }

    /// All tiles and bundles there must be, and all others there are.
    async fn tiles(&mut self, replay: &Replay, tree: &Tree) -> Result<(), PublishError> {
        for (key, bytes) in &tree.files {
            self.same(key, bytes).await?;
            advance(self.watch, key);
        }
        // Partial tiles of earlier sizes.
        for key in self.storage_list("log/tile/").await? {
            if tree.files.contains_key(&key) {
                continue;
            }
            let path = key.as_str().trim_start_matches("log/");
            let Ok(tile) = Tile::parse(path) else {
                self.old_bundle(replay, &key).await?;
                continue;
            };
            let length = usize::from(tile.width) * 32;
            let bytes = tree.tiles.get(&(tile.level, tile.index));
            // Others are of a commit that is not public yet.
            if let Some(bytes) = bytes.and_then(|bytes| bytes.get(..length)) {
                self.same(&key, bytes).await?;
            }
        }
        Ok(())
    }

    /// An entry bundle of an earlier size: the beginning of what is there now.
    async fn old_bundle(&mut self, replay: &Replay, key: &Key) -> Result<(), PublishError> {
        let rest = key.as_str().strip_prefix("log/tile/entries/");
        let tile = rest.and_then(|rest| Tile::parse(&format!("tile/0/{rest}")).ok());
        let Some(tile) = tile else {
            self.add(key, "it is not the path of a tile");
            return Ok(());
        };
        let from = usize::try_from(tile.index.saturating_mul(256)).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::from(tile.width));
        if let Some(Ok(bytes)) = replay.entries.get(from..to).map(entries::encode) {
            self.same(key, &bytes).await?;
        }
        Ok(())
    }

    /// Checks every map leaf of the log. Returns the nodes of the newest map.
    async fn map(
        &mut self,
        replay: &Replay,
        public: u64,
    ) -> Result<Vec<(Digest, Vec<u8>)>, PublishError> {
        let (mut root, node) = map::empty();
        let mut nodes = Nodes::from([(root, node)]);
        let mut chains: BTreeMap<String, Digest> = BTreeMap::new();
        let mut changes: BTreeMap<String, Digest> = BTreeMap::new();
        for (i, text) in (0_u64..).zip(&replay.entries) {
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
            let key = Key::map_size(leaf.size);
            if leaf.size != i + 1 || leaf.root != root {
                self.add(
                    &key,
                    "the map leaf in the log does not follow from the events",
                );
            }
            // Those of earlier sizes may be gone, and only what readers see has one.
            if leaf.size == replay.size && leaf.size == public {
                self.same(&key, text.as_bytes()).await?;
            }
        }
        if !changes.is_empty() {
            self.add(&Key::checkpoint(), "the log does not end with a map leaf");
        }
        Ok(map::build(&chains).1)
    }

    fn scopes(&mut self, replay: &Replay) {
        for (subject, events) in &replay.events {
            if let Subject::Scope(scope) = subject {
                let owners = OwnersHistory::verify(&replay.roots, subject.clone(), events);
                if let Err(error) = owners {
                    self.add(&Key::owners_index(scope), error);
                }
            }
        }
    }

    async fn packages(&mut self, replay: &Replay, public: &Replay) -> Result<(), PublishError> {
        let mut indexes = Vec::new();
        for (name, events) in replay.packages() {
            let key = Key::package_index(name);
            let owner = Subject::owner_of(name);
            let scope = match &owner {
                Subject::Scope(_) => replay.events.get(&owner).map_or(&[][..], Vec::as_slice),
                _ => &[],
            };
            match PackageHistory::verify(&replay.roots, name, scope, events) {
                Ok(history) => self.releases(&history).await?,
                Err(error) => self.add(&key, error),
            }
            advance(self.watch, name);
            let current = self.get(&key, MAX_PACKAGE_INDEX_BYTES).await?;
            let storage = self.storage;
            let expected = replay
                .package_index(storage, name, current.as_deref())
                .await?;
            if let Some(what) = differs(current.as_deref(), &expected) {
                self.add(&key, what);
            }
            let shown = public
                .index_shown(storage, name, &expected, replay.size)
                .await?;
            indexes.extend(json::parse::<PackageIndex>(&shown));
        }
        let key = Key::global_index();
        let current = self.get(&key, MAX_GLOBAL_INDEX_BYTES).await?;
        if let Some(Err(error)) = current.as_deref().map(json::check) {
            self.add(&key, error);
            return Ok(());
        }
        let name = registry_name(public.roots.origin());
        let expected = public.global_index(self.storage, current.clone(), name, &indexes)?;
        if let Some(what) = differs(current.as_deref(), &expected) {
            self.add(&key, what);
        }
        Ok(())
    }

    /// The files of all releases of a package, and their artifacts.
    async fn releases(&mut self, history: &PackageHistory) -> Result<(), PublishError> {
        for (version, logged) in &history.releases {
            let key = Key::release(&history.name, version);
            advance(self.watch, format_args!("{} {version}", history.name));
            let Some(bytes) = self.get(&key, MAX_RELEASE_BYTES).await? else {
                self.add(&key, "it does not exist");
                continue;
            };
            if Digest::of(&bytes) != logged.metadata || bytes.len() as u64 != logged.size {
                self.add(&key, "it is not the file that its owner signed");
                continue;
            }
            match json::parse::<Release>(&bytes) {
                Err(error) => self.add(&key, error),
                Ok(release) if release.name != history.name || release.version != *version => {
                    self.add(&key, "it is the file of another release");
                }
                Ok(release) => self.artifacts(&key, version, &release).await?,
            }
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
        for artifact in &release.artifacts {
            // Kinds that this version does not know are not its business.
            let Ok(key) = artifact.key() else { continue };
            let mut hasher = lumen_core::digest::Hasher::new();
            let read = self.storage.read_to(&key, artifact.size, &mut hasher).await;
            match read {
                Ok(None) => self.add(&key, "it does not exist"),
                Ok(Some(size)) if size == artifact.size && hasher.finish() == artifact.hash => {}
                Ok(Some(_)) => self.add(&key, "it has another size or hash than its release says"),
                Err(error @ StorageError::TooLarge { .. }) => self.add(&key, error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What a host that cannot list does not show is not checked.
    async fn storage_list(&self, prefix: &str) -> Result<Vec<Key>, PublishError> {
        match self.storage.list(prefix).await {
            Err(StorageError::ReadOnly { .. }) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }
}
