//! What a publish writes in a registry of a million packages.
//!
//! The map of all names is built for real. Of the log, what a publish reads is made: the
//! tiles of the right edge and the last entries; hashes further left are made up.
//!
//! The package is like many: 20 versions in two artifacts and a file list each, a description of a line,
//! a license, two categories, four keywords, five links, a commit of its own for each version,
//! six dependencies of which one changes with every third version, and one owner whose key has
//! a name like an address.

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    checkpoint::Checkpoint,
    index::{Artifact, FilesRef, Integrity, Release, SourceCommit, put_events, put_package_entry},
    key::ArtifactKind,
    merkle::leaf_hash,
    tile::{Tiles, entries, tiles_for_edge},
    trust::{Event, MapLeaf, PackageHistory, RootNote, Statement, chain, map},
};

use super::*;

const PACKAGES: u32 = 1_000_000;
const VERSIONS: u64 = 20;
const POSITIONS: u64 = 21;

/// One package with its index and chain; its events are long ago.
struct Target {
    index: Vec<u8>,
    chain: Digest,
}

/// The key of everybody here.
const ADA: &str = "ada@example.org";

fn signed(text: String) -> String {
    let mut note = Note::unsigned(text).unwrap();
    let key = key(ADA);
    note.add(key.public(), key.sign(note.text.as_bytes()));
    note.to_text()
}

fn time(minor: u64) -> String {
    format!("2024-01-15T10:{minor:02}:00Z")
}

fn statement(package: &str, minor: u64, metadata: Digest, size: u64) -> String {
    let statement = Statement {
        origin: ORIGIN.into(),
        package: name(package),
        action: Action::Publish {
            version: version(&format!("1.{minor}.0")),
            metadata,
            size,
        },
        owners: 1,
        time: time(minor),
    };
    signed(statement.to_text())
}

fn wanted(package: &str, minor: u64) -> PublishRequest {
    let number = format!("1.{minor}.0");
    let mut wanted = crate::request(package, &number, &format!("{package} {number}"));
    let dependencies = [
        ("json", "^1.2.3".to_owned()),
        ("http-client", "^0.9.1".to_owned()),
        ("log-format", ">=2.0.0 <4.0.0".to_owned()),
        ("@org/retry-policy", "^3.1.0".to_owned()),
        ("text-tables", "~1.4.0".to_owned()),
        ("url-parts", format!("^2.{}.0", minor / 3)),
    ];
    let dependency = |(dependency, constraint): (&str, String)| {
        let constraint = constraint.parse().unwrap();
        (name(dependency), constraint)
    };
    let manifest = Digest::of(number.as_bytes());
    wanted.release = Release {
        deps: dependencies.into_iter().map(dependency).collect(),
        integrity: Some(Integrity {
            manifest_hash: Some(manifest.into()),
        }),
        license: Some("MIT OR Apache-2.0".into()),
        description: Some(
            "Fetches pages politely: retries, rate limits and robots.txt, in one place".into(),
        ),
        categories: vec!["network".into(), "command-line-utilities".into()],
        keywords: ["http", "crawler", "robots", "retry"]
            .map(Into::into)
            .into(),
        authors: vec!["Ada Example <ada@example.org>".into()],
        repository: Some("https://git.example.org/ada/polite-fetcher".into()),
        homepage: Some("https://polite-fetcher.example.org/".into()),
        documentation: Some("https://polite-fetcher.example.org/docs".into()),
        links: [(
            "changelog",
            "https://git.example.org/ada/polite-fetcher/releases",
        )]
        .map(|(name, url)| (name.into(), url.into()))
        .into(),
        readme: Some("README.md".into()),
        lumen: Some("0.1.0".into()),
        source: Some(SourceCommit {
            vcs: "git".into(),
            commit: Digest::of(number.as_bytes()).hex()[..40].into(),
            path: None,
            dirty: false,
        }),
        ..wanted.release
    };
    wanted.list = Some(format!("list of {package} {number}").into());
    wanted.now = time(minor);
    wanted.signer = Some(Arc::new(key(ADA)));
    wanted
}

/// A package with its releases in an index that has all events.
fn target(roots: &RootHistory, package: &str) -> Target {
    let owner = key(ADA).public().clone();
    let claim = OwnersNote::claim(ORIGIN, Subject::Package(name(package)), &owner, NOW);
    let mut events = vec![Event {
        i: 1000,
        note: signed(claim.to_text()),
    }];
    let mut releases = BTreeMap::new();
    for minor in 0..VERSIONS {
        let wanted = wanted(package, minor);
        let mut release = wanted.release;
        release.artifacts = vec![
            Artifact::new(ArtifactKind::Tar, Digest::of(&wanted.tar), 20_000),
            Artifact::new(
                ArtifactKind::TarZst,
                Digest::of(wanted.zst.as_deref().unwrap()),
                5_000,
            ),
        ];
        release.files = Some(FilesRef {
            size: 4_000 + minor,
            ..FilesRef::of(&wanted.list.unwrap())
        });
        release.published_at = Some(wanted.now);
        let bytes = release.to_bytes();
        let metadata = Digest::of(&bytes);
        events.push(Event {
            i: 1001 + 2 * minor,
            note: statement(package, minor, metadata, bytes.len() as u64),
        });
        releases.insert(release.version.clone(), release);
    }
    let history = PackageHistory::verify(roots, &name(package), &[], &events).unwrap();
    Target {
        index: put_events(None, &history, &events, &releases).unwrap(),
        chain: chain(&events),
    }
}

/// A log of this size whose last entries are publishes and their map leaves.
fn log(size: u64, map_root: Digest) -> (BTreeMap<Key, Vec<u8>>, Digest) {
    let mut files = BTreeMap::new();
    let (first, width) = (size / 256 * 256, (size % 256) as u16);
    let mut leaves = Vec::new();
    for i in first..size {
        let leaf = MapLeaf {
            size: i + 1,
            root: map_root,
        };
        leaves.push(match i % 2 {
            1 => leaf.to_text(),
            _ => statement("another-package", i % 20, map_root, 1000),
        });
    }
    let bundle = entries::encode(&leaves).unwrap();
    files.insert(Key::entries(first / 256, width), bundle);
    let mut tiles = Tiles::default();
    for tile in tiles_for_edge(size) {
        let made_up = |i: u16| *Digest::of(&i.to_be_bytes()).as_bytes();
        let bytes: Vec<u8> = match tile.level {
            0 => leaves
                .iter()
                .flat_map(|leaf| *leaf_hash(leaf.as_bytes()).as_bytes())
                .collect(),
            _ => (0..tile.width).flat_map(made_up).collect(),
        };
        tiles.insert(tile, bytes.clone()).unwrap();
        files.insert(Key::tile(&tile), bytes);
    }
    let leaf = leaves.pop().unwrap();
    files.insert(Key::map_size(size), leaf.into_bytes());
    let root = tiles.root(size).unwrap();
    (files, root)
}

#[test]
fn a_publish_among_a_million_packages() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    block_on(init_signed(&storage, "test", ORIGIN, &key(ADA), NOW)).unwrap();
    let root_index = memory.files()[&Key::root_index()].clone();
    let root_events = lumen_core::index::events_of(&root_index).unwrap();
    let roots = RootHistory::verify(&root_events, None).unwrap();
    let current: &RootNote = roots.current();
    let targets: Vec<(String, Target)> = (0..POSITIONS)
        .map(|n| format!("polite-fetcher-{n}"))
        .map(|package| (package.clone(), target(&roots, &package)))
        .collect();
    let mut chains: BTreeMap<String, Digest> = (0..PACKAGES)
        .map(|n| (format!("package-{n}"), Digest::of(&n.to_be_bytes())))
        .collect();
    chains.insert("@root".into(), chain(&root_events));
    chains.extend(
        targets
            .iter()
            .map(|(name, target)| (name.clone(), target.chain)),
    );
    let (map_root, nodes) = map::build(&chains);
    let nodes: BTreeMap<Digest, Vec<u8>> = nodes.into_iter().collect();
    let mut costs = Vec::new();
    for (n, (package, target)) in (0..).zip(&targets) {
        // Everywhere in a tile, from almost empty to almost full.
        let size = 2_000_000 / 256 * 256 + 8 + 12 * n;
        let (mut files, root) = log(size, map_root);
        for wanted in ["@root", package] {
            let mut path = map::Nodes::new();
            while let map::Lookup::Need(hash) = map::lookup(&path, &map_root, wanted).unwrap() {
                path.insert(hash, nodes[&hash].clone());
            }
            files.extend(
                path.into_iter()
                    .map(|(hash, bytes)| (Key::map_node(&hash), bytes)),
            );
        }
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size,
            root,
        };
        let mut note = Note::unsigned(checkpoint.to_text()).unwrap();
        note.add(&current.log[0], key(ADA).sign(note.text.as_bytes()));
        let note = note.to_text();
        let head = format!("staging {}\n{note}", Digest::of(b"").hex());
        files.insert(Key::head(), head.into_bytes());
        files.insert(Key::checkpoint(), note.into_bytes());
        files.insert(Key::root_index(), root_index.clone());
        files.insert(Key::root_note(1), root_events[0].note.clone().into_bytes());
        files.insert(Key::package_index(&name(package)), target.index.clone());
        let global = lumen_core::index::new_global_index("test", NOW);
        let parsed: PackageIndex = json::parse(&target.index).unwrap();
        let global = put_package_entry(&global, &parsed, NOW).unwrap().unwrap();
        let mut global: serde_json::Map<String, serde_json::Value> = json::parse(&global).unwrap();
        global.insert("log".into(), size.into());
        files.insert(Key::global_index(), json::to_bytes(&global.into()));
        let memory = MemoryStorage::with_files(files);
        let storage = Storage::Memory(memory.clone());
        memory.set_fault(None);
        assert!(
            block_on(publish(&storage, &wanted(package, VERSIONS)))
                .unwrap()
                .new
        );
        let mut writes = memory.writes();
        writes.retain(|(key, _)| *key != Key::global_index());
        let release = Key::release(&name(package), &version("1.20.0"));
        writes.retain(|(key, _)| !key.as_str().starts_with("artifacts/") && *key != release);
        let bytes = writes.iter().map(|(_, bytes)| bytes).sum::<u64>();
        costs.push((bytes, writes.len()));
    }
    drop(storage);
    costs.sort_unstable();
    let (bytes, _) = costs[costs.len() / 2];
    let mut counts: Vec<usize> = costs.iter().map(|(_, count)| *count).collect();
    counts.sort_unstable();
    let count = counts[counts.len() / 2];
    assert!(count <= 11, "{count} writes");
    // Measured: 69,012 bytes in the middle of a tile, 25,000 of them the newest entries, 17,600
    // the map, 20,900 the package index; 66,851 without file lists, and 63,919 without times,
    // links and commits.
    assert!(bytes <= 72 << 10, "{bytes} bytes");
}
