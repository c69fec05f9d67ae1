//! Removing what nobody refers to, and nothing else.

mod races;

use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, UNIX_EPOCH},
};

use lumen_core::{Digest, Key, signing::SecretKey};
use lumen_registry::{
    Registry, Storage,
    gc::{GRACE, GcOptions, GcReport, Kind, gc},
    log::check,
    mirror::{MirrorOptions, Selection, mirror},
    progress::nobody,
    publish::{PublishError, PublishRequest, init, publish},
    storage::{Fault, FaultKind, FileStorage, MemoryStorage},
};

use crate::{NOW, block_on, name, version};

/// Seconds after 1970 at which everything before is older than the grace period.
const LATER: u64 = 10_000_000;

fn key() -> SecretKey {
    SecretKey::from_seed("ada", *Digest::of(b"ada").as_bytes()).unwrap()
}

fn request(signed: bool, package: &str, number: &str) -> PublishRequest {
    PublishRequest {
        signer: signed.then(|| Arc::new(key()) as _),
        ..crate::request(package, number, &format!("{package} {number}"))
    }
}

/// A registry with a few releases, made at the beginning of time.
fn registry(signed: bool) -> (MemoryStorage, Storage) {
    let (memory, storage) = crate::founded(signed, &key());
    block_on(async {
        for (package, number) in [("a", "1.0.0"), ("a", "1.1.0"), ("@s/b", "1.0.0")] {
            publish(&storage, &request(signed, package, number))
                .await
                .unwrap();
        }
    });
    (memory, storage)
}

fn options(dry_run: bool) -> GcOptions {
    GcOptions {
        dry_run,
        grace: GRACE,
        now: UNIX_EPOCH + Duration::from_secs(LATER),
    }
}

fn run(storage: &Storage) -> GcReport {
    block_on(gc(storage, &options(false), &nobody)).unwrap()
}

fn paths(report: &GcReport) -> Vec<String> {
    let path = |garbage: &lumen_registry::gc::Garbage| garbage.file.key.to_string();
    report.garbage.iter().map(path).collect()
}

/// Everything that can be installed is there.
async fn assert_whole(storage: &Storage) {
    let reader = Registry::on("t", storage.clone());
    if lumen_registry::log::is_signed(storage).await.unwrap() {
        assert_eq!(check(storage, &nobody).await.unwrap(), []);
    }
    for package in reader.names().await {
        let index = reader.package_index(&package).await.unwrap().unwrap();
        for number in &index.versions {
            let (release, _) = reader
                .release(&package, number, None)
                .await
                .unwrap()
                .unwrap();
            for artifact in release.artifacts {
                let key = artifact.key().unwrap();
                assert!(storage.get(&key, 1 << 20).await.unwrap().is_some(), "{key}");
            }
        }
    }
}

#[test]
fn what_is_needed_stays() {
    let (memory, storage) = registry(true);
    memory.set_clock(LATER);
    let before = memory.files();
    let dry = block_on(gc(&storage, &options(true), &nobody)).unwrap();
    assert_eq!(memory.files(), before);
    let report = run(&storage);
    assert_eq!(paths(&report), paths(&dry));
    let totals = report.totals();
    assert!(totals[&Kind::Log].0 > 5 && totals[&Kind::Map].0 > 5 && totals[&Kind::Staging].0 == 3);
    assert_eq!(totals.len(), 3);
    block_on(assert_whole(&storage));
    // What is left is what a mirror has.
    let copy = MemoryStorage::new();
    let source = Registry::on("t", storage.clone());
    let target = Storage::Memory(copy.clone());
    block_on(mirror(&source, &target, &MirrorOptions::default(), &nobody)).unwrap();
    let left = |files: std::collections::BTreeMap<Key, Vec<u8>>| -> BTreeSet<Key> {
        files.into_keys().collect()
    };
    assert_eq!(left(memory.files()), left(copy.files()));
    assert_eq!(run(&storage).garbage, []);
    // And it goes on.
    block_on(publish(&storage, &request(true, "a", "2.0.0"))).unwrap();
    block_on(assert_whole(&storage));
}

#[test]
fn what_readers_may_still_go_by_stays() {
    let (memory, storage) = registry(true);
    // A reader has this checkpoint; a day ago it was superseded.
    let old = memory.files();
    memory.set_clock(LATER - 24 * 60 * 60);
    block_on(publish(&storage, &request(true, "a", "2.0.0"))).unwrap();
    let report = run(&storage);
    assert!(report.garbage.len() > 5);
    let mut seen = memory.files();
    for (key, bytes) in &old {
        if key.mutability() == lumen_core::key::Mutability::Mutable {
            seen.insert(key.clone(), bytes.clone());
        }
    }
    let reader = Registry::on("t", Storage::Memory(MemoryStorage::with_files(seen)));
    for package in ["a", "@s/b", "absent"] {
        let index = block_on(reader.package_index(&name(package))).unwrap();
        assert_eq!(index.is_some(), package != "absent");
    }
}

#[test]
fn leftovers_of_killed_publishers_go_after_the_grace_period() {
    for signed in [true, false] {
        let (memory, storage) = registry(signed);
        if signed {
            memory.set_clock(LATER);
            run(&storage);
            memory.set_clock(0);
        }
        let whole = memory.files();
        memory.set_fault(None);
        block_on(publish(&storage, &request(signed, "k", "1.0.0"))).unwrap();
        let operations = memory.operations();
        let mut found = BTreeSet::new();
        for at in 1..=operations {
            let memory = MemoryStorage::with_files(whole.clone());
            let storage = Storage::Memory(memory.clone());
            memory.set_fault(Some(Fault {
                at,
                kind: FaultKind::LoseAnswer,
                dead_afterwards: true,
            }));
            block_on(publish(&storage, &request(signed, "k", "1.0.0"))).unwrap_err();
            memory.set_fault(None);
            let left = memory.files();
            let young = GcOptions {
                now: UNIX_EPOCH + Duration::from_secs(60),
                ..options(false)
            };
            block_on(gc(&storage, &young, &nobody)).unwrap();
            assert!(
                left.keys().all(|key| memory.files().contains_key(key)),
                "{at}"
            );
            memory.set_clock(LATER);
            let report = run(&storage);
            found.extend(report.totals().into_keys());
            block_on(assert_whole(&storage));
            // The publisher tries again.
            block_on(publish(&storage, &request(signed, "k", "1.0.0"))).unwrap();
            block_on(assert_whole(&storage));
        }
        let expected = match signed {
            true => vec![
                Kind::Releases,
                Kind::Artifacts,
                Kind::Staging,
                Kind::Log,
                Kind::Map,
            ],
            false => vec![Kind::Artifacts],
        };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_killed_run_is_repeated() {
    let (memory, storage) = registry(true);
    memory.set_clock(LATER);
    let files = memory.files();
    memory.set_fault(None);
    run(&storage);
    let (operations, left) = (memory.operations(), memory.files());
    for at in (1..=operations).step_by(3) {
        let memory = MemoryStorage::with_files(files.clone());
        let storage = Storage::Memory(memory.clone());
        memory.set_fault(Some(Fault {
            at,
            kind: FaultKind::LoseAnswer,
            dead_afterwards: true,
        }));
        block_on(gc(&storage, &options(false), &nobody)).unwrap_err();
        memory.set_fault(None);
        block_on(assert_whole(&storage));
        run(&storage);
        assert_eq!(memory.files(), left);
    }
}

#[test]
fn a_damaged_registry_is_left_alone() {
    let (memory, _) = registry(true);
    memory.set_clock(LATER);
    let files = memory.files();
    let size = files.keys().filter_map(|key| {
        let size = key.as_str().strip_prefix("map/size/")?;
        size.parse::<u16>().ok()
    });
    let bundle = Key::entries(0, size.max().unwrap());
    for (path, gone) in [
        (bundle.as_str(), true),
        (bundle.as_str(), false),
        ("packages/a/index.json", true),
        ("packages/a/index.json", false),
        ("trust/root/index.json", true),
        ("log/checkpoint", false),
    ] {
        let mut changed = files.clone();
        let key = Key::parse(path).unwrap();
        let mut bytes = changed.remove(&key).unwrap();
        if !gone {
            // In the root of the checkpoint, and in an entry.
            let quarters = if path == "log/checkpoint" { 1 } else { 3 };
            let at = bytes.len() * quarters / 4;
            bytes[at] ^= 4;
            changed.insert(key, bytes);
        }
        let memory = MemoryStorage::with_files(changed.clone());
        let storage = Storage::Memory(memory.clone());
        assert!(
            block_on(gc(&storage, &options(false), &nobody)).is_err(),
            "{path}"
        );
        assert_eq!(memory.files(), changed, "{path}");
    }
}

#[test]
fn a_mirror_with_some_packages_is_swept_too() {
    let (_, storage) = registry(true);
    let copy = MemoryStorage::new();
    let target = Storage::Memory(copy.clone());
    let some = MirrorOptions {
        packages: Selection::parse(&["a"]).unwrap(),
        ..MirrorOptions::default()
    };
    for number in ["2.0.0", "2.1.0"] {
        let source = Registry::on("t", storage.clone());
        block_on(mirror(&source, &target, &some, &nobody)).unwrap();
        block_on(publish(&storage, &request(true, "a", number))).unwrap();
    }
    copy.set_clock(LATER);
    let before = copy.files();
    let report = run(&target);
    assert!(
        report
            .garbage
            .iter()
            .all(|garbage| garbage.kind > Kind::Artifacts)
    );
    assert_eq!(copy.files().len(), before.len() - report.garbage.len());
    let reader = Registry::on("m", target);
    let index = block_on(reader.package_index(&name("a"))).unwrap().unwrap();
    assert_eq!(index.versions.len(), 3);
}

#[test]
fn packages_that_were_not_logged_yet_stay() {
    let (memory, storage) = registry(false);
    let key = key();
    let sign = lumen_registry::log::sign_existing(&storage, "t/1", &key, NOW);
    block_on(sign).unwrap();
    block_on(publish(&storage, &request(true, "n", "1.0.0"))).unwrap();
    memory.set_clock(LATER);
    let before = memory.files();
    run(&storage);
    for path in ["packages/", "artifacts/"] {
        let of = |files: std::collections::BTreeMap<Key, Vec<u8>>| {
            let below = files
                .into_keys()
                .filter(|key| key.as_str().starts_with(path));
            below.collect::<Vec<_>>()
        };
        assert_eq!(of(before.clone()), of(memory.files()));
    }
}

#[test]
fn a_folder_knows_ages_and_unfinished_files() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(init(&storage, "t", NOW)).unwrap();
    block_on(publish(&storage, &request(false, "a", "1.0.0"))).unwrap();
    let write = |path: &str, age: u64| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"litter").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let now = std::time::SystemTime::now();
        file.set_modified(now - Duration::from_secs(age)).unwrap();
    };
    let week = 8 * 24 * 60 * 60;
    let orphan = format!("artifacts/sha256/00/{}.tar", "0".repeat(62));
    let young = format!("artifacts/sha256/11/{}.tar", "1".repeat(62));
    write(&orphan, week);
    write(&young, 60);
    write("packages/a/.tmp-dead", week);
    write("packages/a/.tmp-busy", 1);
    write("index.html", week);
    let options = GcOptions {
        dry_run: false,
        grace: GRACE,
        now: std::time::SystemTime::now(),
    };
    // A publisher comes to need one after it was found.
    let relied = format!("artifacts/sha256/22/{}.tar", "2".repeat(62));
    write(&relied, week);
    let listed = block_on(storage.list_files("artifacts/")).unwrap();
    let key = Key::parse(&relied).unwrap();
    block_on(storage.create(&key, b"litter")).unwrap();
    let stale = listed.iter().find(|file| file.key == key).unwrap();
    assert!(!block_on(storage.remove(stale)).unwrap());
    let report = block_on(gc(&storage, &options, &nobody)).unwrap();
    assert_eq!(paths(&report), [orphan.as_str(), "packages/a/.tmp-dead"]);
    assert_eq!(report.young.0, 3);
    let there = |path: &str| dir.path().join(path).exists();
    assert!(!there(&orphan) && !there("packages/a/.tmp-dead"));
    assert!(
        there(&young) && there(&relied) && there("packages/a/.tmp-busy") && there("index.html")
    );
    block_on(assert_whole(&storage));
}
