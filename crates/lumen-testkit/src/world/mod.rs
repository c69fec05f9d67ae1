//! Signed registries made of the formats alone, so that they can be made wrong, too.
//!
//! A [`World`] is the log of a registry and every key of it. A test appends entries, with any
//! key, and [seals](World::seal) them: that ends the batch and makes all files again. A clone
//! is a fork. Its files go into a folder ([`World::write_to`]) or behind a web server
//! ([`Served`]), where the `lumen` program meets them as it would meet a hostile host.
//!
//! | an insider | plays it with |
//! |---|---|
//! | appends what the rules forbid | [`World::append`], [`World::state`], [`World::change_owners`] |
//! | goes on from an earlier note | [`World::root_after`], [`World::owners_after`], [`World::go_on_under`] |
//! | leaves entries out of the map | [`World::seal_hiding`] |
//! | ends a log in the middle of a batch | [`World::seal_without_leaf`] |
//! | signs checkpoints with another key | [`World::log_key`], [`World::sign_checkpoint`] |
//! | shows an earlier state, or another history | an earlier clone |
//!
//! There is no `log/head`, so no publisher can write to a world before it is
//! [opened to writers](World::open_to_writers).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test kit fails a test by panicking"
)]

mod seal;
mod served;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use lumen_core::{
    Constraint, Digest, Key, PackageName, Version,
    index::{Artifact, Integrity, Release},
    key::ArtifactKind,
    note::Note,
    signing::SecretKey,
    tar,
    trust::{Action, Entry, OwnersNote, Publisher, RootNote, Statement, Subject, text},
};
use lumen_registry::storage::MemoryStorage;

pub use served::Served;

/// The time of every note.
pub const NOW: &str = "2026-01-31T10:30:00Z";

/// A time of a note in seconds.
pub fn seconds(time: &str) -> i64 {
    text::seconds(time).unwrap()
}

/// A key by its name and a seed.
pub fn key(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(name, [seed; 32]).unwrap()
}

/// A note with the signatures of keys.
pub fn signed(text: String, keys: &[&SecretKey]) -> String {
    let mut note = Note::unsigned(text).unwrap();
    for key in keys {
        let signature = key.sign(note.text.as_bytes());
        note.add(key.public(), signature);
    }
    note.to_text()
}

/// A registry and all its keys.
#[derive(Clone)]
pub struct World {
    /// The root note that was appended last.
    pub root: RootNote,
    root_key: Arc<SecretKey>,
    /// The key that signs the next checkpoints.
    pub log_key: Arc<SecretKey>,
    /// The witnesses that cosign them, and the times they say, in seconds since 1970.
    pub witnesses: Vec<(Arc<SecretKey>, u64)>,
    /// The log.
    pub entries: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    releases: BTreeMap<(String, String), Release>,
    /// The ownership notes that were appended last.
    owners: BTreeMap<String, OwnersNote>,
}

impl World {
    /// A registry with one root key and one log key, which [`key`] makes of `root` and seed 1,
    /// and of the origin and seed 2.
    pub fn new(origin: &str) -> Self {
        Self::with(origin, |_| {})
    }

    /// A registry whose first root note is changed before it is signed.
    pub fn with(origin: &str, change: impl FnOnce(&mut RootNote)) -> Self {
        let root_key = key("root", 1);
        let log_key = key(origin, 2);
        let mut root = RootNote::first(
            origin,
            NOW,
            root_key.public().clone(),
            log_key.public().clone(),
        );
        change(&mut root);
        let first = signed(root.to_text(), &[&root_key]);
        Self {
            root,
            root_key: root_key.into(),
            log_key: log_key.into(),
            witnesses: Vec::new(),
            entries: vec![first],
            files: BTreeMap::new(),
            releases: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// A new root note with the changes, signed by the first root key.
    pub fn change_root(&mut self, change: impl FnOnce(&mut RootNote)) {
        let (seq, by) = (self.root.seq, Arc::clone(&self.root_key));
        self.root_after(seq, &[&by], change);
    }

    /// The same after root note `seq`, whatever came since, signed by these keys.
    pub fn root_after(&mut self, seq: u64, by: &[&SecretKey], change: impl FnOnce(&mut RootNote)) {
        let (mut note, prev) = self
            .last(|entry| match entry {
                Entry::Root(note) if note.seq == seq => Some(note),
                _ => None,
            })
            .unwrap();
        note.prev = Some(prev);
        note.seq += 1;
        change(&mut note);
        self.entries.push(signed(note.to_text(), by));
        self.root = note;
    }

    /// The last entry of a kind, and the hash of its bytes.
    fn last<T>(&self, kind: impl Fn(Entry) -> Option<T>) -> Option<(T, Digest)> {
        self.entries.iter().rev().find_map(|text| {
            let (entry, _) = Entry::parse(text.as_bytes()).unwrap();
            Some((kind(entry)?, Digest::of(text.as_bytes())))
        })
    }

    /// The hash of the first root note.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.entries[0].as_bytes())
    }

    /// Claims a name or a scope.
    pub fn claim(&mut self, subject: &str, owner: &SecretKey) {
        let name = Subject::parse(subject).unwrap();
        let note = OwnersNote::claim(&self.root.origin, name, owner.public(), NOW);
        self.entries.push(signed(note.to_text(), &[owner]));
        self.owners.insert(subject.into(), note);
    }

    /// A new ownership note with the changes, signed by its admin.
    pub fn change_owners(
        &mut self,
        subject: &str,
        admin: &SecretKey,
        change: impl FnOnce(&mut OwnersNote),
    ) {
        let seq = self.owners[subject].seq;
        self.owners_after(subject, seq, &[admin], change);
    }

    /// The same after ownership note `seq`, whatever came since, signed by these keys.
    pub fn owners_after(
        &mut self,
        subject: &str,
        seq: u64,
        by: &[&SecretKey],
        change: impl FnOnce(&mut OwnersNote),
    ) {
        let name = Subject::parse(subject).unwrap();
        let (mut note, prev) = self
            .last(|entry| match entry {
                Entry::Owners(note) if note.name == name && note.seq == seq => Some(note),
                _ => None,
            })
            .unwrap();
        note.prev = Some(prev);
        note.seq += 1;
        note.is_override = false;
        change(&mut note);
        self.entries.push(signed(note.to_text(), by));
        self.owners.insert(subject.into(), note);
    }

    /// Other owners by the names keys' word.
    pub fn override_owners(&mut self, subject: &str, names: &SecretKey, owner: &SecretKey) {
        let seq = self.owners[subject].seq;
        self.owners_after(subject, seq, &[names, owner], |note| {
            note.is_override = true;
            note.admins = vec![owner.public().clone()];
            note.publishers = vec![Publisher {
                key: owner.public().clone(),
                only: None,
                until: None,
            }];
        });
    }

    /// Makes a release and its statement; it has no files, so it can be chosen, not installed.
    pub fn publish(&mut self, package: &str, number: &str, deps: &[(&str, &str)], by: &SecretKey) {
        let contents = Digest::of(format!("{package} {number}").as_bytes());
        let artifact = Artifact::new(ArtifactKind::Tar, contents, 9);
        self.publish_release(release(package, number, deps, artifact), by);
    }

    /// Makes a release that can be installed: `lumen.toml`, and `src/main.lm.md` with `text`.
    pub fn publish_files(
        &mut self,
        package: &str,
        number: &str,
        deps: &[(&str, &str)],
        text: &str,
        by: &SecretKey,
    ) {
        let manifest = manifest(package, number, deps);
        let files = [("lumen.toml", manifest.as_str()), ("src/main.lm.md", text)];
        self.publish_archive((package, number, deps), &files, |_| {}, by);
    }

    /// Makes a release with any files, whose metadata may contradict them.
    pub fn publish_archive(
        &mut self,
        (package, number, deps): (&str, &str, &[(&str, &str)]),
        files: &[(&str, &str)],
        change: impl FnOnce(&mut Release),
        by: &SecretKey,
    ) {
        let archive = archive(files);
        let hash = Digest::of(&archive);
        let artifact = Artifact::new(ArtifactKind::Tar, hash, archive.len() as u64);
        self.put(&artifact.key().unwrap(), archive);
        let mut release = release(package, number, deps, artifact);
        let manifest = files.iter().find(|(path, _)| *path == "lumen.toml");
        release.integrity = manifest.map(|(_, text)| Integrity {
            manifest_hash: Some(Digest::of(text.as_bytes()).into()),
        });
        change(&mut release);
        self.publish_release(release, by);
    }

    /// Makes the file of a release, and its statement.
    pub fn publish_release(&mut self, release: Release, by: &SecretKey) {
        let bytes = release.to_bytes();
        let action = Action::Publish {
            version: release.version.clone(),
            metadata: Digest::of(&bytes),
            size: bytes.len() as u64,
        };
        let package = release.name.to_string();
        self.put(&Key::release(&release.name, &release.version), bytes);
        self.state(&package, action, by);
        let key = (package, release.version.to_string());
        self.releases.insert(key, release);
    }

    /// Yanks a release.
    pub fn yank(&mut self, package: &str, number: &str, reason: &str, by: &SecretKey) {
        let action = Action::Yank {
            version: version(number),
            reason: reason.into(),
        };
        self.state(package, action, by);
    }

    /// Advises against a package.
    pub fn deprecate(&mut self, package: &str, for_: &str, reason: &str, by: &SecretKey) {
        let action = Action::Deprecate {
            replacement: Some(name(for_)),
            reason: reason.into(),
        };
        self.state(package, action, by);
    }

    /// Appends a statement with any signer.
    pub fn state(&mut self, package: &str, action: Action, by: &SecretKey) {
        let owner = Subject::owner_of(&name(package)).to_string();
        let statement = Statement {
            origin: self.root.origin.clone(),
            package: name(package),
            action,
            owners: self.owners.get(&owner).map_or(1, |note| note.seq),
            time: NOW.into(),
        };
        self.entries.push(signed(statement.to_text(), &[by]));
    }

    /// Appends an entry as it is.
    pub fn append(&mut self, entry: impl Into<String>) {
        self.entries.push(entry.into());
    }

    /// From now on statements about a name are made under its ownership note `seq`, as if it
    /// were the newest.
    pub fn go_on_under(&mut self, subject: &str, seq: u64) {
        self.owners.get_mut(subject).unwrap().seq = seq;
    }

    /// A release that was made.
    pub fn release(&self, package: &str, number: &str) -> Release {
        self.releases[&(package.to_owned(), number.to_owned())].clone()
    }

    fn put(&mut self, key: &Key, bytes: Vec<u8>) {
        self.files.insert(format!("/{key}"), bytes);
    }

    /// A file by its path, with a `/` in front.
    pub fn file(&self, path: &str) -> Vec<u8> {
        self.files[path].clone()
    }

    /// The same as text.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.file(path)).unwrap()
    }

    /// The checkpoint that was signed last.
    pub fn checkpoint(&self) -> String {
        self.text("/log/checkpoint")
    }

    /// All files, in memory.
    pub fn storage(&self) -> MemoryStorage {
        let key = |path: &String| Key::parse(&path[1..]).unwrap();
        let files = self.files.iter();
        MemoryStorage::with_files(
            files
                .map(|(path, bytes)| (key(path), bytes.clone()))
                .collect(),
        )
    }

    /// Writes all files below a folder, over those there are.
    pub fn write_to(&self, folder: &Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(&path[1..]);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn release(package: &str, number: &str, deps: &[(&str, &str)], artifact: Artifact) -> Release {
    let deps = deps.iter().map(|(dependency, constraint)| {
        (name(dependency), constraint.parse::<Constraint>().unwrap())
    });
    Release {
        deps: deps.collect(),
        artifacts: vec![artifact],
        license: Some("MIT".into()),
        description: Some(format!("About {package}")),
        published_at: Some(NOW.into()),
        ..Release::new(name(package), version(number))
    }
}

fn manifest(package: &str, number: &str, deps: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[package]\nname = \"{package}\"\nversion = \"{number}\"\nlicense = \"MIT\"\ndescription = \"About {package}\"\n\n[dependencies]\n"
    );
    for (name, constraint) in deps {
        text.push_str(&format!("\"{name}\" = \"{constraint}\"\n"));
    }
    text
}

/// A tar as Lumen writes it.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, text) in files {
        let size = text.len() as u64;
        out.extend(tar::head(path, size, false));
        out.extend(text.as_bytes());
        out.resize(out.len() + tar::padding(size), 0);
    }
    out.extend(tar::END);
    out
}
