//! A signed registry made of the formats alone, so that it can be made wrong, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
};

use lumen_core::{
    Constraint, Digest, Key,
    checkpoint::{Checkpoint, add_cosignature, cosigned_message},
    index::{Artifact, Release},
    key::ArtifactKind,
    merkle::leaf_hash,
    note::Note,
    signing::{CosignerKey, SecretKey},
    tile::{Tiles, entries::encode},
    trust::{
        Action, Entry, Event, MapLeaf, NamePolicy, OwnersNote, Publisher, RootNote, Statement,
        Subject, chain, map, text,
    },
};
use lumen_registry::{Registry, RegistryOptions, verify::TrustOptions};
use serde_json::{Value, json};

use crate::{
    name,
    server::{Answer, Server, not_found, ok},
    version,
};

pub const NOW: &str = "2026-01-31T10:30:00Z";

/// A time of a note in seconds.
pub fn seconds(time: &str) -> i64 {
    text::seconds(time).unwrap()
}

pub fn key(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(name, [seed; 32]).unwrap()
}

/// A registry and all its keys.
#[derive(Clone)]
pub struct World {
    pub root: RootNote,
    root_key: Arc<SecretKey>,
    pub log_key: Arc<SecretKey>,
    /// The witness and the time it signs, when there is one.
    pub witness: Option<(Arc<SecretKey>, u64)>,
    pub entries: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    releases: BTreeMap<(String, String), Release>,
    owners: BTreeMap<String, OwnersNote>,
}

impl World {
    pub fn new(origin: &str) -> Self {
        Self::with(origin, |_| {})
    }

    /// A registry whose first root note is changed before it is signed.
    pub fn with(origin: &str, change: impl FnOnce(&mut RootNote)) -> Self {
        let root_key = key("root", 1);
        let log_key = key(origin, 2);
        let mut root = RootNote {
            origin: origin.into(),
            seq: 1,
            prev: None,
            time: NOW.into(),
            expires: None,
            threshold: 1,
            root: vec![root_key.public().clone()],
            log: vec![log_key.public().clone()],
            policy: NamePolicy::Open,
            names_threshold: 0,
            names: Vec::new(),
            witness_quorum: 0,
            witnesses: Vec::new(),
            max_age: None,
        };
        change(&mut root);
        let mut world = Self {
            root,
            root_key: root_key.into(),
            log_key: log_key.into(),
            witness: None,
            entries: Vec::new(),
            files: BTreeMap::new(),
            releases: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        world.push_root();
        world
    }

    /// A new root note with the changes.
    pub fn change_root(&mut self, change: impl FnOnce(&mut RootNote)) {
        let last = self
            .entries
            .iter()
            .rev()
            .find(|entry| entry.starts_with("lumen/root"));
        self.root.prev = last.map(|entry| Digest::of(entry.as_bytes()));
        self.root.seq += 1;
        change(&mut self.root);
        self.push_root();
    }

    fn push_root(&mut self) {
        let note = signed(self.root.to_text(), &[&self.root_key]);
        self.entries.push(note);
    }

    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.entries[0].as_bytes())
    }

    /// Claims a name or a scope.
    pub fn claim(&mut self, subject: &str, owner: &SecretKey) {
        let note = OwnersNote {
            origin: self.root.origin.clone(),
            name: Subject::parse(subject).unwrap(),
            seq: 1,
            prev: None,
            time: NOW.into(),
            is_override: false,
            threshold: 1,
            admins: vec![owner.public().clone()],
            publishers: vec![Publisher {
                key: owner.public().clone(),
                only: None,
            }],
            revoked: Vec::new(),
        };
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
        let text = self.next_owners(subject, change);
        self.entries.push(signed(text, &[admin]));
    }

    /// Other owners by the names keys' word.
    pub fn override_owners(&mut self, subject: &str, names: &SecretKey, owner: &SecretKey) {
        let text = self.next_owners(subject, |note| {
            note.is_override = true;
            note.admins = vec![owner.public().clone()];
            note.publishers[0].key = owner.public().clone();
        });
        self.entries.push(signed(text, &[names, owner]));
    }

    fn next_owners(&mut self, subject: &str, change: impl FnOnce(&mut OwnersNote)) -> String {
        let first = format!(
            "lumen/owners/v1\nregistry {}\nname {subject}\n",
            self.root.origin
        );
        let mut entries = self.entries.iter().rev();
        let last = entries.find(|entry| entry.starts_with(&first)).unwrap();
        let note = self.owners.get_mut(subject).unwrap();
        note.prev = Some(Digest::of(last.as_bytes()));
        note.seq += 1;
        note.is_override = false;
        change(note);
        note.to_text()
    }

    /// Makes a release and its statement.
    pub fn publish(&mut self, package: &str, number: &str, deps: &[(&str, &str)], by: &SecretKey) {
        let deps = deps.iter().map(|(dependency, constraint)| {
            (name(dependency), constraint.parse::<Constraint>().unwrap())
        });
        let contents = Digest::of(format!("{package} {number}").as_bytes());
        let release = Release {
            name: name(package),
            version: version(number),
            deps: deps.collect(),
            dependency_options: BTreeMap::new(),
            features: Default::default(),
            artifacts: vec![Artifact::new(ArtifactKind::Tar, contents, 9)],
            integrity: None,
            license: Some("MIT".into()),
            description: Some(format!("About {package}")),
            categories: Vec::new(),
            published_at: Some(NOW.into()),
        };
        self.publish_release(release, by);
    }

    pub fn publish_release(&mut self, release: Release, by: &SecretKey) {
        let bytes = release.to_bytes();
        let action = Action::Publish {
            version: release.version.clone(),
            metadata: Digest::of(&bytes),
            size: bytes.len() as u64,
        };
        let package = release.name.to_string();
        let file = Key::release(&release.name, &release.version);
        self.files.insert(format!("/{file}"), bytes);
        self.state(&package, action, by);
        let key = (package, release.version.to_string());
        self.releases.insert(key, release);
    }

    pub fn yank(&mut self, package: &str, number: &str, reason: &str, by: &SecretKey) {
        let action = Action::Yank {
            version: version(number),
            reason: reason.into(),
        };
        self.state(package, action, by);
    }

    pub fn deprecate(&mut self, package: &str, for_: &str, reason: &str, by: &SecretKey) {
        let action = Action::Deprecate {
            replacement: Some(name(for_)),
            reason: reason.into(),
        };
        self.state(package, action, by);
    }

    /// Appends a statement, whoever makes it.
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

    pub fn release(&self, package: &str, number: &str) -> Release {
        self.releases[&(package.to_owned(), number.to_owned())].clone()
    }

    /// Ends a batch: all files as of now.
    pub fn seal(&mut self) {
        self.seal_with(&BTreeMap::new());
    }

    /// The same with more names in the map.
    pub fn seal_with(&mut self, others: &BTreeMap<String, Digest>) {
        let mut subjects: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for (i, note) in self.entries.iter().enumerate() {
            let (entry, _) = Entry::parse(note.as_bytes()).unwrap();
            if let Some(subject) = entry.subject() {
                let event = Event {
                    i: i as u64,
                    note: note.clone(),
                };
                subjects.entry(subject.to_string()).or_default().push(event);
            }
        }
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
        let leaves: Vec<Digest> = self
            .entries
            .iter()
            .map(|e| leaf_hash(e.as_bytes()))
            .collect();
        let appended = Tiles::default().append(0, &leaves).unwrap();
        for (tile, bytes) in appended.tiles {
            self.put(&Key::tile(&tile), bytes);
        }
        let entries = self.entries.clone();
        for (index, bundle) in (0..).zip(entries.chunks(256)) {
            let width = u16::try_from(bundle.len()).unwrap();
            self.put(&Key::entries(index, width), encode(bundle).unwrap());
        }
        for (subject, events) in &subjects {
            self.put_index(subject, events);
        }
        let checkpoint = Checkpoint {
            origin: self.root.origin.clone(),
            size,
            root: appended.root,
        };
        self.sign_checkpoint(&checkpoint);
    }

    pub fn sign_checkpoint(&mut self, checkpoint: &Checkpoint) {
        let text = signed(checkpoint.to_text(), &[&self.log_key]);
        let mut note = Note::parse(text.as_bytes()).unwrap();
        if let Some((witness, time)) = &self.witness {
            let signature = witness.sign(&cosigned_message(&note.text, *time));
            let witness = CosignerKey::new(witness.public().clone());
            add_cosignature(&mut note, &witness, *time, signature);
        }
        self.put(&Key::checkpoint(), note.to_text().into());
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

    fn put(&mut self, key: &Key, bytes: Vec<u8>) {
        self.files.insert(format!("/{key}"), bytes);
    }

    pub fn file(&self, path: &str) -> Vec<u8> {
        self.files[path].clone()
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.file(path)).unwrap()
    }

    pub fn checkpoint(&self) -> String {
        self.text("/log/checkpoint")
    }

    pub fn write_to(&self, folder: &Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(&path[1..]);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
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

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A world behind a web server.
pub struct Served {
    pub server: Server,
    files: Files,
    /// What caches on the way answer, as long as nobody asks past them.
    stale: Files,
}

impl Served {
    pub fn new(world: &World) -> Self {
        let files: Files = Arc::new(Mutex::new(world.files.clone()));
        let stale = Files::default();
        let (current, old) = (Arc::clone(&files), Arc::clone(&stale));
        let server = Server::start(move |asked| -> Answer {
            let (path, is_marked) = match asked.path.split_once('?') {
                Some((path, _)) => (path, true),
                None => (asked.path.as_str(), false),
            };
            let old = old.lock().unwrap();
            let old = old.get(path).filter(|_| !is_marked);
            let current = current.lock().unwrap();
            match old.or_else(|| current.get(path)) {
                Some(bytes) => ok(bytes),
                None => not_found(),
            }
        });
        Self {
            server,
            files,
            stale,
        }
    }

    pub fn show(&self, world: &World) {
        *self.files.lock().unwrap() = world.files.clone();
    }

    pub fn clear(&self) {
        self.files.lock().unwrap().clear();
    }

    pub fn replace(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.into(), bytes.into());
    }

    pub fn remove(&self, path: &str) {
        assert!(self.files.lock().unwrap().remove(path).is_some(), "{path}");
    }

    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let mut files = self.files.lock().unwrap();
        let text = String::from_utf8(files[path].clone()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        files.insert(path.into(), text.replace(from, to).into());
    }

    pub fn stale(&self, path: &str, bytes: Vec<u8>) {
        self.stale.lock().unwrap().insert(path.into(), bytes);
    }

    pub fn registry(&self, trust: TrustOptions) -> Registry {
        self.server.registry(RegistryOptions {
            trust,
            ..Default::default()
        })
    }
}
