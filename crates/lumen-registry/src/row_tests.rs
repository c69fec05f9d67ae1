//! A row of the table of derived files is published, checked, rebuilt, mirrored, bundled and
//! collected: the toy row shows it.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use lumen_core::{Key, Version, index::Release, signing::SecretKey};

use crate::{
    bundle::{BundleOptions, bundle, unbundle},
    derived::{File, Row as _, toy::Names},
    gc::{GcOptions, Kind, gc},
    log::{check, init_signed, rebuild, repair},
    mirror::{MirrorOptions, Selection, mirror},
    progress::nobody,
    publish::{self, PublishRequest},
    reader::Registry,
    storage::{MemoryStorage, Storage},
    verify::TrustOptions,
};

const NOW: &str = "2026-01-31T10:30:00Z";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

fn signer() -> SecretKey {
    SecretKey::from_seed("ada", [1; 32]).unwrap()
}

fn put(storage: &Storage, name: &str, signer: Option<SecretKey>) {
    let release: Release = serde_json::from_value(serde_json::json!({
        "name": name, "version": Version::new(1, 0, 0).to_string(),
    }))
    .unwrap();
    let request = PublishRequest {
        release,
        tar: name.as_bytes().to_vec(),
        zst: None,
        list: None,
        now: NOW.into(),
        registry_name: "test".into(),
        signer: signer.map(|signer| Arc::new(signer) as _),
        last_seen: None,
    };
    block_on(publish::publish(storage, &request)).unwrap();
}

/// A signed or unsigned registry with two packages.
fn registry(is_signed: bool) -> (MemoryStorage, Storage) {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    match is_signed {
        true => drop(block_on(init_signed(&storage, "test", "test/1", &signer(), NOW)).unwrap()),
        false => block_on(publish::init(&storage, "test", NOW)).unwrap(),
    }
    for name in ["a", "b"] {
        put(&storage, name, is_signed.then(signer));
    }
    (memory, storage)
}

/// The text that a file of the toy row has by the global index, and its place.
fn newest(memory: &MemoryStorage) -> File {
    let index = memory.file(&Key::global_index()).unwrap();
    Names.of_index(&index).unwrap().remove(0)
}

fn texts(memory: &MemoryStorage) -> Vec<String> {
    let files = memory.files().into_iter();
    let files = files.filter(|(key, _)| Names.has(key));
    files
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect()
}

#[test]
fn a_row_is_published_checked_rebuilt_and_repaired() {
    for is_signed in [true, false] {
        let (memory, _) = registry(is_signed);
        let (key, bytes) = newest(&memory);
        assert_eq!(bytes, b"a\nb\n");
        assert_eq!(memory.file(&key), Some(bytes));
    }
    let (memory, _) = registry(true);
    let (key, bytes) = newest(&memory);
    for harm in [None, Some(b"c\nd\n".to_vec())] {
        let mut files = memory.files();
        files.remove(&key);
        files.extend(harm.clone().map(|bytes| (key.clone(), bytes)));
        let damaged = MemoryStorage::with_files(files.clone());
        let storage = Storage::Memory(damaged.clone());
        let found = block_on(check(&storage, &nobody)).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].file, key.to_string());
        assert_eq!(
            block_on(rebuild(&storage, &nobody)).unwrap(),
            std::slice::from_ref(&key)
        );
        assert_eq!(damaged.file(&key).as_ref(), Some(&bytes));
        assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
    }
    let mut files = memory.files();
    files.remove(&key);
    let damaged = MemoryStorage::with_files(files);
    block_on(repair(&Storage::Memory(damaged.clone()), &nobody)).unwrap();
    assert_eq!(damaged.file(&key), Some(bytes));
}

#[test]
fn a_row_is_mirrored_and_bundled() {
    for is_signed in [true, false] {
        let (_, storage) = registry(is_signed);
        let source = Registry::on("test", storage);
        for (patterns, expected) in [(&[][..], "a\nb\n"), (&["b"], "b\n")] {
            let packages = Selection::parse(patterns).unwrap();
            let copy = MemoryStorage::new();
            let options = MirrorOptions {
                packages: packages.clone(),
                ..MirrorOptions::default()
            };
            let target = Storage::Memory(copy.clone());
            block_on(mirror(&source, &target, &options, &nobody)).unwrap();
            assert_eq!(texts(&copy), [expected], "{is_signed}");

            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("bundle");
            let mut file = fs_err::File::create(&path).unwrap();
            let options = BundleOptions {
                packages,
                ..BundleOptions::default()
            };
            block_on(bundle(&source, &mut file, &options, &nobody)).unwrap();
            let copy = MemoryStorage::new();
            let target = Storage::Memory(copy.clone());
            let trust = TrustOptions::default();
            block_on(unbundle(&path, &target, trust, &nobody)).unwrap();
            assert_eq!(texts(&copy), [expected], "{is_signed}");
        }
    }
}

#[test]
fn files_of_a_row_that_nothing_names_are_collected() {
    for is_signed in [true, false] {
        let (memory, storage) = registry(is_signed);
        assert!(texts(&memory).len() > 1);
        let options = GcOptions {
            dry_run: false,
            grace: Duration::ZERO,
            now: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        };
        let report = block_on(gc(&storage, &options, &nobody)).unwrap();
        assert!(report.totals()[&Kind::Derived].0 > 0);
        assert_eq!(texts(&memory), ["a\nb\n"]);
    }
}
