//! Mirrors: byte for byte, incremental, after kills, and of hostile sources.

mod bundles;
mod chain;
mod hostile;
mod kills;
mod partial;

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    Digest, Key, failure::Kind, index::PackageIndex, json, key::ArtifactKind, signing::SecretKey,
};
use lumen_registry::{
    ReadError, Registry, Storage,
    log::{check, init_signed},
    mirror::{MirrorError, MirrorOptions, MirrorReport, Selection, mirror},
    progress::nobody,
    publish::{Change, change, init, publish},
    storage::MemoryStorage,
    verify::TrustOptions,
};

use crate::{
    NOW, block_on, name, request,
    server::{Server, not_found, ok},
    version, yanked,
};

type Files = BTreeMap<Key, Vec<u8>>;

fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(name, *Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

/// A registry in memory that tests add to.
struct Origin {
    memory: MemoryStorage,
    storage: Storage,
    signed: bool,
}

impl Origin {
    fn new(signed: bool) -> Self {
        let memory = MemoryStorage::new();
        let storage = Storage::Memory(memory.clone());
        block_on(async {
            match signed {
                true => drop(
                    init_signed(&storage, "t", "t/1", &key("ada"), NOW)
                        .await
                        .unwrap(),
                ),
                false => init(&storage, "t", NOW).await.unwrap(),
            }
        });
        Self {
            memory,
            storage,
            signed,
        }
    }

    /// A registry with some packages.
    fn stocked(signed: bool) -> Self {
        let origin = Self::new(signed);
        origin.put("a", "1.0.0");
        origin.put("a", "1.1.0");
        origin.put("@s/b", "1.0.0");
        origin.put("c", "0.1.0-rc.1");
        origin.yank("a", "1.1.0");
        origin
    }

    fn put(&self, package: &str, number: &str) {
        self.put_by("ada", package, number);
    }

    fn put_by(&self, who: &str, package: &str, number: &str) {
        let mut wanted = request(package, number, &format!("{package} {number}"));
        if self.signed {
            wanted.signer = Some(Arc::new(key(who)));
        }
        block_on(publish(&self.storage, &wanted)).unwrap();
    }

    fn yank(&self, package: &str, number: &str) {
        let wanted = Change {
            name: name(package),
            action: yanked(number, "bad"),
            now: NOW.into(),
            signer: self.signed.then(|| Arc::new(key("ada")) as _),
            last_seen: None,
        };
        block_on(change(&self.storage, &wanted)).unwrap();
    }

    /// Everything but what is superseded or was only for writers of earlier batches.
    fn needed(&self) -> Files {
        let mut files = self.memory.files();
        let copy = MemoryStorage::new();
        run(&self.storage, &Storage::Memory(copy.clone())).unwrap();
        let mirrored = copy.files();
        let superseded = |key: &Key| {
            ["log/tile/", "log/staging/", "map/"]
                .iter()
                .any(|folder| key.as_str().starts_with(folder))
        };
        files.retain(|key, _| !superseded(key) || mirrored.contains_key(key));
        files
    }
}

fn run(from: &Storage, to: &Storage) -> Result<MirrorReport, MirrorError> {
    run_with(from, to, &MirrorOptions::default())
}

fn run_with(
    from: &Storage,
    to: &Storage,
    options: &MirrorOptions,
) -> Result<MirrorReport, MirrorError> {
    let source = Registry::on("source", from.clone());
    block_on(mirror(&source, to, options, &nobody))
}

fn only(patterns: &[&str]) -> MirrorOptions {
    MirrorOptions {
        packages: Selection::parse(patterns).unwrap(),
        ..MirrorOptions::default()
    }
}

fn memory() -> (MemoryStorage, Storage) {
    let memory = MemoryStorage::new();
    (memory.clone(), Storage::Memory(memory))
}

/// The files of a registry behind a web server.
fn serve(files: Files) -> Server {
    Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        let key = Key::parse(&path[1..].replace("%2B", "+"));
        match key.ok().and_then(|key| files.get(&key)) {
            Some(bytes) => ok(bytes),
            None => not_found(),
        }
    })
}

fn folder() -> (tempfile::TempDir, Storage) {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(lumen_registry::storage::FileStorage::new(
        &dir.path().join("mirror"),
    ));
    (dir, storage)
}

fn files_of(storage: &Storage) -> Files {
    block_on(async {
        let mut files = Files::new();
        for key in storage.list("").await.unwrap() {
            let (bytes, _) = storage.get(&key, u64::MAX).await.unwrap().unwrap();
            files.insert(key, bytes);
        }
        files
    })
}

fn assert_same(found: &Files, expected: &Files) {
    let names = |files: &Files| files.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (key, bytes) in expected {
        assert!(found[key] == *bytes, "{key}");
    }
}

#[test]
fn every_file_is_the_same_whatever_the_way() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let expected = origin.needed();
        // Memory to a folder, over HTTP to memory, and to a folder again.
        let (_dir, first) = folder();
        let report = run(&origin.storage, &first).unwrap();
        assert_same(&files_of(&first), &expected);
        assert_eq!(report.files, expected.len() as u64);
        let server = serve(files_of(&first));
        let (second, storage) = memory();
        run(&server.storage(), &storage).unwrap();
        assert_same(&second.files(), &expected);
        let (_dir, third) = folder();
        run(&storage, &third).unwrap();
        assert_same(&files_of(&third), &expected);
        if signed {
            assert_eq!(block_on(check(&third, &nobody)).unwrap(), []);
        }
    }
}

#[test]
fn a_second_run_transfers_nothing() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let server = serve(origin.memory.files());
        let (copy, storage) = memory();
        run(&server.storage(), &storage).unwrap();
        server.take();
        copy.set_fault(None);
        let report = run(&server.storage(), &storage).unwrap();
        assert_eq!((report.files, report.bytes), (0, 0));
        assert_eq!(copy.writes(), []);
        let asked = server.take();
        let artifacts = asked.iter().filter(|path| path.contains("artifacts"));
        assert_eq!(artifacts.count(), 0, "{asked:?}");
        // The small files that show whether it is signed, and the indexes.
        assert!(asked.len() < 10, "{asked:?}");
    }
}

#[test]
fn later_runs_take_what_is_new() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let (copy, storage) = memory();
        run(&origin.storage, &storage).unwrap();
        for (package, number) in [("a", "2.0.0"), ("new", "1.0.0"), ("@s/b", "0.9.0")] {
            origin.put(package, number);
            let server = serve(origin.memory.files());
            let report = run(&server.storage(), &storage).unwrap();
            let artifacts = |path: &&String| path.contains("artifacts");
            assert_eq!(server.take().iter().filter(artifacts).count(), 2);
            assert!(report.files > 3);
            let expected = origin.needed();
            for (key, bytes) in &expected {
                assert_eq!(copy.files().get(key), Some(bytes), "{key}");
            }
        }
        origin.yank("a", "2.0.0");
        run(&origin.storage, &storage).unwrap();
        let index = &copy.files()[&Key::package_index(&name("a"))];
        let index: PackageIndex = json::parse(index).unwrap();
        assert!(index.is_yanked(&version("2.0.0")));
    }
}

#[test]
fn a_log_of_more_than_one_tile_is_followed() {
    let origin = Origin::new(true);
    let (copy, storage) = memory();
    for round in 0..6 {
        for number in 0..30 {
            origin.put(&format!("p{}", number % 7), &format!("1.{round}.{number}"));
        }
        let report = run(&origin.storage, &storage).unwrap();
        assert_eq!(report.size > Some(256), round > 3);
        let mut expected = origin.needed();
        // Those of the run before are still there for readers of that time.
        expected.retain(|key, _| copy.files().contains_key(key));
        for (key, bytes) in origin.needed() {
            assert!(copy.files().get(&key) == Some(&bytes), "{key}");
        }
    }
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
}

#[test]
fn a_mirror_follows_a_registry_that_becomes_signed() {
    let origin = Origin::stocked(false);
    let (copy, storage) = memory();
    run(&origin.storage, &storage).unwrap();
    block_on(lumen_registry::log::sign_existing(
        &origin.storage,
        "t/1",
        &key("ada"),
        NOW,
    ))
    .unwrap();
    let signed = Origin {
        signed: true,
        ..origin
    };
    for (package, number) in [
        ("a", "1.0.0"),
        ("a", "1.1.0"),
        ("@s/b", "1.0.0"),
        ("c", "0.1.0-rc.1"),
    ] {
        signed.put(package, number);
    }
    run(&signed.storage, &storage).unwrap();
    assert_same(&copy.files(), &signed.needed());
    let error = run(&Origin::stocked(false).storage, &storage).unwrap_err();
    assert!(matches!(error, MirrorError::Other { .. }), "{error}");
}

#[test]
fn lost_files_come_back_when_everything_is_looked_at() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let (copy, storage) = memory();
        run(&origin.storage, &storage).unwrap();
        let whole = copy.files();
        let mut lost = whole.clone();
        lost.retain(|key, _| !["packages/a/1.0.0.json", "log/tile/0/000"].contains(&key.as_str()));
        let lost = MemoryStorage::with_files(lost);
        let full = MirrorOptions {
            full: true,
            ..MirrorOptions::default()
        };
        run_with(&origin.storage, &Storage::Memory(lost.clone()), &full).unwrap();
        assert_same(&lost.files(), &whole);
        // Artifacts are not told by the file of their release.
        for artifact in whole
            .keys()
            .filter(|key| key.as_str().starts_with("artifacts/"))
        {
            let mut lost = whole.clone();
            lost.remove(artifact);
            let lost = MemoryStorage::with_files(lost);
            run_with(&origin.storage, &Storage::Memory(lost.clone()), &full).unwrap();
            assert_same(&lost.files(), &whole);
            // A damaged one is told by its hash.
            let mut cut = whole.clone();
            cut.get_mut(artifact).unwrap().pop();
            let mut flipped = whole.clone();
            flipped.get_mut(artifact).unwrap()[0] ^= 1;
            for damaged in [cut, flipped] {
                let damaged = MemoryStorage::with_files(damaged);
                run_with(&origin.storage, &Storage::Memory(damaged.clone()), &full).unwrap();
                assert_same(&damaged.files(), &whole);
            }
        }
    }
}

/// What becomes of an artifact of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    Lost,
    Cut,
    Longer,
    Flipped,
}

#[test]
fn an_artifact_that_the_source_lost_or_damaged_does_not_stop_the_others() {
    for (harm, signed, is_yanked) in [Harm::Lost, Harm::Cut, Harm::Longer, Harm::Flipped]
        .into_iter()
        .flat_map(|harm| [(harm, true), (harm, false)])
        .flat_map(|(harm, signed)| [(harm, signed, false), (harm, signed, true)])
    {
        let origin = Origin::stocked(signed);
        let (copy, storage) = memory();
        run(&origin.storage, &storage).unwrap();
        origin.put("bad", "1.0.0");
        origin.put("fresh", "1.0.0");
        if is_yanked {
            origin.yank("bad", "1.0.0");
        }
        let contents = request("bad", "1.0.0", "bad 1.0.0").tar;
        let tar = Key::artifact(&Digest::of(&contents), ArtifactKind::Tar);
        let mut harmed = contents.clone();
        match harm {
            Harm::Lost => {}
            Harm::Cut => drop(harmed.pop()),
            Harm::Longer => harmed.push(0),
            Harm::Flipped => harmed[0] ^= 1,
        }
        assert!(block_on(origin.storage.delete(&tar)).is_ok());
        if harm != Harm::Lost {
            block_on(origin.storage.create(&tar, &harmed)).unwrap();
        }
        match run(&origin.storage, &storage) {
            // Operators take away what they yanked; other bytes in its place are a fault.
            Ok(_) => assert!(is_yanked && harm == Harm::Lost),
            Err(MirrorError::Partly(faults)) => {
                let (bad, none) = match harm {
                    Harm::Lost => (&faults.lacking, &faults.damaged),
                    _ => (&faults.damaged, &faults.lacking),
                };
                assert!(
                    bad.len() == 1 && bad[0].ends_with(tar.as_str()),
                    "{faults:?}"
                );
                assert!(
                    none.is_empty() && faults.false_lists.is_empty(),
                    "{faults:?}"
                );
                let kind = MirrorError::Partly(faults).kind();
                assert_eq!(kind == Kind::Untrusted, harm != Harm::Lost);
            }
            Err(error) => panic!("{error}"),
        }
        let files = copy.files();
        assert!(files.contains_key(&Key::release(&name("fresh"), &version("1.0.0"))));
        assert!(!files.contains_key(&tar));
        // A bundle is whole, or is not made.
        if !is_yanked {
            let source = Registry::on("source", origin.storage.clone());
            let options = lumen_registry::bundle::BundleOptions::default();
            let made = block_on(lumen_registry::bundle::bundle(
                &source,
                &mut Vec::new(),
                &options,
                &nobody,
            ));
            assert!(matches!(made, Err(MirrorError::Read(_))), "{made:?}");
        }
        // Once the source has it again, a look at everything brings it along.
        block_on(origin.storage.delete(&tar)).unwrap();
        block_on(origin.storage.create(&tar, &contents)).unwrap();
        let full = MirrorOptions {
            full: true,
            ..MirrorOptions::default()
        };
        run_with(&origin.storage, &storage, &full).unwrap();
        assert!(copy.files().contains_key(&tar));
    }
}

#[test]
fn the_web_page_comes_along_where_it_can_be_listed() {
    let origin = Origin::stocked(true);
    let page = ["index.html", "assets/page.js", "search/0.json"];
    for path in page {
        let key = Key::parse(path).unwrap();
        block_on(origin.storage.create(&key, path.as_bytes())).unwrap();
    }
    let (copy, storage) = memory();
    run(&origin.storage, &storage).unwrap();
    for path in page {
        assert_eq!(copy.files()[&Key::parse(path).unwrap()], path.as_bytes());
    }
    let (copy, storage) = memory();
    let without = MirrorOptions {
        without_page: true,
        ..MirrorOptions::default()
    };
    run_with(&origin.storage, &storage, &without).unwrap();
    assert!(
        !copy
            .files()
            .contains_key(&Key::parse("index.html").unwrap())
    );
}

#[test]
fn a_mirror_can_take_over() {
    let origin = Origin::stocked(true);
    let (copy, storage) = memory();
    run(&origin.storage, &storage).unwrap();
    let heir = Origin {
        memory: copy,
        storage,
        signed: true,
    };
    heir.put("a", "4.0.0");
    assert_eq!(block_on(check(&heir.storage, &nobody)).unwrap(), []);
    // What it was a mirror of can become its mirror, and not the other way round.
    let error = run(&origin.storage, &heir.storage).unwrap_err();
    assert!(matches!(error, MirrorError::Diverged { .. }), "{error}");
    run(&heir.storage, &origin.storage).unwrap();
    assert_eq!(block_on(check(&origin.storage, &nobody)).unwrap(), []);
    origin.put("a", "5.0.0");
    heir.put("a", "6.0.0");
    let error = run(&origin.storage, &heir.storage).unwrap_err();
    assert!(matches!(error, MirrorError::Diverged { .. }), "{error}");
}

#[test]
fn a_pin_is_kept() {
    let origin = Origin::stocked(true);
    let server = serve(origin.memory.files());
    let source = server.registry(lumen_registry::RegistryOptions {
        trust: TrustOptions {
            pin: Some(Digest::of(b"another")),
            ..TrustOptions::default()
        },
        ..Default::default()
    });
    let (copy, storage) = memory();
    let result = block_on(mirror(
        &source,
        &storage,
        &MirrorOptions::default(),
        &nobody,
    ));
    let error = result.unwrap_err();
    assert!(
        matches!(error, MirrorError::Read(ReadError::Trust(_))),
        "{error}"
    );
    assert!(copy.files().is_empty());
}
