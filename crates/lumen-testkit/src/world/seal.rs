//! The files that follow from a log.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Digest, Key,
    checkpoint::{Checkpoint, cosign},
    index::Release,
    merkle::leaf_hash,
    note::Note,
    tile::{FULL, Tiles, entries::encode},
    trust::{Entry, Event, MapLeaf, Subject, chain, map},
};
use serde_json::{Value, json};

use super::{NOW, World, signed};

impl World {
    /// Ends a batch: all files as of now.
    pub fn seal(&mut self) {
        self.seal_as(&BTreeMap::new(), |_| false);
    }

    /// The same with more names in the map.
    pub fn seal_with(&mut self, others: &BTreeMap<String, Digest>) {
        self.seal_as(others, |_| false);
    }

    /// The same by an insider who leaves the entries at these indices out of the map and of
    /// the lists of events. They stay in the log.
    pub fn seal_hiding(&mut self, hidden: &[u64]) {
        self.seal_as(&BTreeMap::new(), |index| hidden.contains(&index));
    }

    /// Signs the log as it is, without the map leaf that ends a batch.
    pub fn seal_without_leaf(&mut self) {
        self.write_log();
    }

    fn seal_as(&mut self, others: &BTreeMap<String, Digest>, hides: impl Fn(u64) -> bool) {
        let subjects = self.events(hides);
        let mut heads = others.clone();
        heads.extend(
            subjects
                .iter()
                .map(|(name, events)| (name.clone(), chain(events))),
        );
        let (root, nodes) = map::build(&heads);
        for (digest, bytes) in nodes {
            self.put(&Key::map_node(&digest), bytes);
        }
        let size = self.entries.len() as u64 + 1;
        let leaf = MapLeaf { size, root }.to_text();
        self.put(&Key::map_size(size), leaf.clone().into());
        self.entries.push(leaf);
        for (subject, events) in &subjects {
            self.put_index(subject, events);
        }
        self.write_log();
    }

    /// Tiles and entries of the log, its checkpoint, and what writers go on from.
    fn write_log(&mut self) {
        let size = self.entries.len() as u64;
        let leaves: Vec<Digest> = self
            .entries
            .iter()
            .map(|entry| leaf_hash(entry.as_bytes()))
            .collect();
        let appended = Tiles::default().append(0, &leaves).unwrap();
        for (tile, bytes) in appended.tiles {
            self.put(&Key::tile(&tile), bytes);
        }
        let entries = self.entries.clone();
        for (index, bundle) in (0..).zip(entries.chunks(FULL.into())) {
            let width = u16::try_from(bundle.len()).unwrap();
            self.put(&Key::entries(index, width), encode(bundle).unwrap());
        }
        self.sign_checkpoint(&Checkpoint {
            origin: self.root.origin.clone(),
            size,
            root: appended.root,
        });
    }

    /// The entries by what they are about.
    fn events(&self, hides: impl Fn(u64) -> bool) -> BTreeMap<String, Vec<Event>> {
        let mut subjects: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for (i, note) in (0..).zip(&self.entries) {
            let (entry, _) = Entry::parse(note.as_bytes()).unwrap();
            if let Some(subject) = entry.subject().filter(|_| !hides(i)) {
                let note = note.clone();
                let events = subjects.entry(subject.to_string()).or_default();
                events.push(Event { i, note });
            }
        }
        subjects
    }

    /// Signs a checkpoint with the log key and the witnesses, and shows it.
    pub fn sign_checkpoint(&mut self, checkpoint: &Checkpoint) {
        let text = signed(checkpoint.to_text(), &[&self.log_key]);
        let mut note = Note::parse(text.as_bytes()).unwrap();
        for (witness, time) in &self.witnesses {
            cosign(witness, &mut note, *time);
        }
        self.put(&Key::checkpoint(), note.to_text().into());
    }

    /// Lets others write to the registry: the last batch as its writer left it.
    pub fn open_to_writers(&mut self) {
        let is_leaf = |entry: &String| MapLeaf::parse(entry).is_some();
        let before = self.entries.split_last().map_or(&[][..], |(_, rest)| rest);
        let from = before.iter().rposition(is_leaf).map_or(0, |at| at + 1);
        let batch = json!({"from": from, "entries": self.entries[from..]});
        let staged = lumen_core::json::to_line(&batch);
        let staging = Digest::of(&staged);
        let head = format!("staging {}\n{}", staging.hex(), self.checkpoint());
        self.put(&Key::staging(&staging), staged);
        self.put(&Key::head(), head.into());
        let mut index = json!({
            "name": "world", "format": 1, "updated_at": NOW, "package_count": 0, "packages": [],
        });
        index["log"] = json!(self.entries.len());
        self.put(&Key::global_index(), index.to_string().into_bytes());
    }

    fn put_index(&mut self, subject: &str, events: &[Event]) {
        let key = match Subject::parse(subject).unwrap() {
            Subject::Root => Key::root_index(),
            Subject::Scope(scope) => Key::owners_index(&scope),
            Subject::Package(package) => {
                let own = |((of, _), _): &(&(String, String), &Release)| of == subject;
                let own: Vec<_> = self.releases.iter().filter(own).collect();
                let fields = |release: &Release| {
                    let mut fields = json!(release);
                    let object = fields.as_object_mut().unwrap();
                    object.remove("name");
                    object.remove("version");
                    fields
                };
                let releases: BTreeMap<&String, Value> = own
                    .iter()
                    .map(|((_, version), release)| (version, fields(release)))
                    .collect();
                let versions: BTreeSet<&String> = releases.keys().copied().collect();
                let index = json!({
                    "name": subject, "versions": versions, "releases": releases, "events": events,
                });
                let bytes = index.to_string().into_bytes();
                return self.put(&Key::package_index(&package), bytes);
            }
        };
        let list = json!({"name": subject, "events": events});
        self.put(&key, list.to_string().into_bytes());
    }
}
