//! Reads `tests/verifier/example`, a registry that another program made from
//! docs/registry-spec.md alone: both understand the same by it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use lumen_core::{
    Digest, Version, checkpoint,
    file_list::{FileList, Lister},
    index::{self, EventList, FilesRef, Release},
    json,
    key::Key,
    merkle::{self, leaf_hash},
    name::PackageName,
    note::Note,
    signing::{PublicKey, SecretKey},
    tile::{self, Tile, Tiles, entries},
    trust::{self, Entry, Event, HistoryError, Ledger, PackageHistory, RootHistory, map},
};

/// The registry's origin.
const ORIGIN: &str = "example/5f3c9a1b";
/// How many entries its log has.
const SIZE: u64 = 17;
/// The sizes at which it had a public checkpoint.
const SIZES: [u64; 8] = [2, 4, 7, 9, 11, 13, 15, 17];

fn path(key: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/verifier/example");
    PathBuf::from(root).join(key)
}

fn read(key: &str) -> Vec<u8> {
    fs::read(path(key)).expect(key)
}

/// The entries of the log at one of its sizes.
fn leaves(size: u64) -> Vec<Vec<u8>> {
    let width = u16::try_from(size).unwrap();
    let key = format!("log/{}", entries::entries_path(0, width));
    let leaves = entries::decode(&read(&key)).unwrap();
    assert_eq!(entries::encode(&leaves).unwrap(), read(&key));
    leaves
}

/// The key that the example makes of a name, under another one.
fn key(seed: &str, name: &str) -> SecretKey {
    let seed = Digest::of(format!("lumen example key {seed}").as_bytes());
    SecretKey::from_seed(name, *seed.as_bytes()).unwrap()
}

/// The events of each key of the map at one of the log's sizes.
fn events(size: u64) -> BTreeMap<String, Vec<Event>> {
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for (i, leaf) in (0..).zip(leaves(size)) {
        let (entry, _) = Entry::parse(&leaf).unwrap();
        if let Some(subject) = entry.subject() {
            let note = String::from_utf8(leaf).unwrap();
            let events = events.entry(subject.to_string()).or_default();
            events.push(Event { i, note });
        }
    }
    events
}

fn stored_tiles(size: u64) -> Tiles {
    let mut tiles = Tiles::default();
    for tile in tile::tiles_for_edge(size) {
        tiles
            .insert(tile, read(&format!("log/{}", tile.path())))
            .unwrap();
    }
    tiles
}

/// Appends what the log got since a size to a ledger of that size.
fn replay(from: u64) -> Result<Ledger, HistoryError> {
    let before = match from {
        0 => BTreeMap::new(),
        from => events(from),
    };
    let mut ledger = match before.get("@root") {
        Some(roots) => Ledger::new(RootHistory::verify(roots, None).unwrap()),
        None => Ledger::default(),
    };
    for (index, leaf) in (0..).zip(leaves(SIZE)).filter(|(index, _)| *index >= from) {
        let (entry, note) = Entry::parse(&leaf).unwrap();
        let Some(note) = note else { continue };
        for subject in ledger.unknown(&entry).into_iter().filter(|_| from > 0) {
            let events = before.get(&subject.to_string());
            ledger.know(subject, events.map_or(&[][..], Vec::as_slice))?;
        }
        let text = String::from_utf8(leaf).unwrap();
        ledger.append(index, &text, entry.clone(), &note)?;
        // Nothing counts twice.
        let again = ledger.append(index + 1, &text, entry, &note);
        assert!(again.is_err(), "{index}: {again:?}");
    }
    Ok(ledger)
}

#[test]
fn a_ledger_takes_the_log_from_wherever_it_begins() {
    let whole = replay(0).unwrap();
    for size in SIZES {
        let ledger = replay(size).unwrap();
        assert_eq!(ledger.roots(), whole.roots(), "{size}");
    }
}

#[test]
fn the_checkpoint_is_signed_and_of_these_entries() {
    let log = key("ada", ORIGIN).public().clone();
    let (checkpoint, _) = checkpoint::open(&read("log/checkpoint"), ORIGIN, &[log]).unwrap();
    assert_eq!(checkpoint.size, SIZE);
    let tiles = stored_tiles(SIZE);
    assert_eq!(tiles.root(SIZE).unwrap(), checkpoint.root);
    for (index, leaf) in (0..).zip(leaves(SIZE)) {
        let proof = tiles.prove_inclusion(index, SIZE).unwrap();
        merkle::verify_inclusion(index, SIZE, &leaf_hash(&leaf), &proof, &checkpoint.root).unwrap();
    }
    let stranger = key("bob", ORIGIN).public().clone();
    assert!(checkpoint::open(&read("log/checkpoint"), ORIGIN, &[stranger]).is_err());
}

#[test]
fn appending_makes_the_same_tiles() {
    let mut tiles = Tiles::default();
    let mut size = 0;
    for next in SIZES {
        let new: Vec<Digest> = leaves(next)[usize::try_from(size).unwrap()..]
            .iter()
            .map(|leaf| leaf_hash(leaf))
            .collect();
        let appended = tiles.append(size, &new).unwrap();
        assert_eq!(appended.size, next);
        let written: BTreeMap<Tile, Vec<u8>> = appended.tiles.into_iter().collect();
        let stored = tile::tiles_for_edge(next)
            .into_iter()
            .map(|tile| (tile, read(&format!("log/{}", tile.path()))))
            .collect();
        assert_eq!(written, stored);
        for (tile, bytes) in written {
            tiles.insert(tile, bytes).unwrap();
        }
        size = next;
    }
}

#[test]
fn notes_are_read_and_written_alike() {
    let known = ["ada", "bob", "root"].map(|name| key(name, name).public().clone());
    for leaf in leaves(SIZE) {
        if leaf.starts_with(b"lumen/map/") {
            continue;
        }
        let note = Note::parse(&leaf).unwrap();
        assert_eq!(note.to_text().as_bytes(), leaf);
        let signers: Vec<&PublicKey> = note.verified(&known).unwrap();
        assert_eq!(signers.len(), 1);
        let signer = key(signers[0].name(), signers[0].name());
        let mut again = Note::unsigned(note.text.clone()).unwrap();
        again.add(signer.public(), signer.sign(note.text.as_bytes()));
        assert_eq!(again, note);
    }
}

#[test]
fn the_map_is_the_same_at_every_size() {
    for size in SIZES {
        let chains: BTreeMap<String, Digest> = events(size)
            .into_iter()
            .map(|(key, events)| (key, trust::chain(&events)))
            .collect();
        let (root, nodes) = map::build(&chains);
        let leaf = trust::MapLeaf { size, root }.to_text();
        assert_eq!(leaf.as_bytes(), read(Key::map_size(size).as_str()));
        assert_eq!(leaves(size).last().unwrap(), leaf.as_bytes());
        for (hash, bytes) in nodes {
            assert_eq!(bytes, read(Key::map_node(&hash).as_str()));
        }
    }
}

#[test]
fn texts_are_written_as_they_were_read() {
    for leaf in leaves(SIZE) {
        let (entry, note) = Entry::parse(&leaf).unwrap();
        let text = match entry {
            Entry::Root(root) => root.to_text(),
            Entry::Owners(owners) => owners.to_text(),
            Entry::Statement(statement) => statement.to_text(),
            Entry::Moderation(said) => said.to_text(),
            Entry::Map(leaf) => leaf.to_text(),
        };
        let expected = note.map_or(leaf, |note| note.text.into_bytes());
        assert_eq!(text.as_bytes(), expected);
    }
}

#[test]
fn the_histories_say_what_happened() {
    let events = events(SIZE);
    let fingerprint = Digest::of(&read("trust/root/1.note"));
    let roots = RootHistory::verify(&events["@root"], Some(&fingerprint)).unwrap();
    assert_eq!(roots.origin(), ORIGIN);

    let name = PackageName::parse("my-utils").unwrap();
    let utils = PackageHistory::verify(&roots, &name, &[], &events["my-utils"]).unwrap();
    let versions: Vec<String> = utils.releases.keys().map(ToString::to_string).collect();
    assert_eq!(versions, ["1.0.0", "1.1.0"]);
    let yanked: Vec<&str> = utils.yanked.values().map(|y| y.reason.as_str()).collect();
    assert_eq!(yanked, ["rounds the wrong way"]);

    let name = PackageName::parse("@org/http").unwrap();
    let http =
        PackageHistory::verify(&roots, &name, &events["@org"], &events["@org/http"]).unwrap();
    let release = http.releases.values().next().unwrap();
    assert_eq!((release.signer.name(), release.revoked), ("bob", false));
    let metadata = read("packages/@org/http/1.2.0.json");
    assert_eq!(release.metadata, Digest::of(&metadata));
    let deprecated = http.deprecated.unwrap();
    assert_eq!(deprecated.replacement.unwrap().as_str(), "my-utils");
}

#[test]
fn file_lists_are_those_of_the_archives() {
    for (package, version) in [("my-utils", "1.1.0"), ("@org/http", "1.2.0")] {
        let release = read(&format!("packages/{package}/{version}.json"));
        let release: Release = json::parse(&release).unwrap();
        let bytes = read(release.files.unwrap().key().as_str());
        assert_eq!(FilesRef::of(&bytes), release.files.unwrap());
        let list = FileList::parse(&bytes).unwrap();
        assert_eq!(list.to_bytes(), bytes);
        let mut lister = Lister::new();
        lister.update(&read(release.artifacts[0].key().unwrap().as_str()));
        assert_eq!(lister.finish().list, Ok(list));
    }
}

#[test]
fn the_same_indexes_follow() {
    let events = events(SIZE);
    let roots = RootHistory::verify(&events["@root"], None).unwrap();
    for (name, scope) in [("my-utils", None), ("@org/http", Some("@org"))] {
        let (key, name) = (name, PackageName::parse(name).unwrap());
        let scope = scope.map(|scope| events[scope].as_slice());
        let scope = scope.unwrap_or_default();
        let history = PackageHistory::verify(&roots, &name, scope, &events[key]).unwrap();
        let releases: BTreeMap<Version, Release> = history
            .releases
            .keys()
            .map(|version| {
                let bytes = read(Key::release(&name, version).as_str());
                let release: Release = json::parse(&bytes).unwrap();
                assert_eq!(release.to_bytes(), bytes);
                (version.clone(), release)
            })
            .collect();
        let stored = read(Key::package_index(&name).as_str());
        let bytes = index::put_events(None, &history, &events[key], &releases).unwrap();
        let summaries = index::summaries_of(&stored);
        assert_eq!(
            index::logged_releases(&history, &summaries, u64::MAX),
            releases
        );
        assert_eq!(String::from_utf8(bytes), String::from_utf8(stored));
    }
    for (key, name) in [
        (Key::root_index(), "@root"),
        (Key::owners_index("@org"), "@org"),
    ] {
        let list = EventList {
            name: name.into(),
            events: events[name].clone(),
        };
        assert_eq!(list.to_bytes(), read(key.as_str()));
    }
}

/// The examples of section 20.7 that are not in the folder: they could follow its notes.
#[test]
fn the_notes_of_version_2_in_the_specification_count() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/registry-spec.md");
    let spec = fs::read_to_string(file).unwrap();
    let block = |first: &str, has: &str| {
        let mut blocks = spec
            .split("```text\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        let found = blocks.find(|block| block.starts_with(first) && block.contains(has));
        found.unwrap().to_owned()
    };
    let mut ledger = replay(0).unwrap();
    for (index, text) in [
        (SIZE, block("lumen/owners/v2\n", "seq 2\n")),
        (SIZE + 1, block("lumen/publish/v1\n", "version 1.2.0\n")),
    ] {
        let (entry, note) = Entry::parse(text.as_bytes()).unwrap();
        let until = ledger.append(index, &text, entry, &note.unwrap()).unwrap();
        let ends = (index > SIZE).then(|| trust::text::seconds("2026-01-31T11:40:00Z"));
        assert_eq!(until, ends.flatten());
    }
}
