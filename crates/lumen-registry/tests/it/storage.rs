//! The storage contract, and what a folder adds to it.

use std::time::{Duration, SystemTime};

use lumen_core::Key;
use lumen_registry::{
    Storage, StorageError,
    storage::{FileStorage, MemoryStorage},
};
use lumen_testkit::conformance;

use crate::block_on;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[test]
fn memory_keeps_the_contract() {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(conformance::storage(&storage));
    conformance::races(&storage, 8, 50);
}

#[test]
fn a_folder_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(conformance::storage(&storage));
    conformance::races(&storage, 8, 10);
}

#[test]
fn a_missing_folder_is_an_error_and_stays_missing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("nowhere");
    let storage = Storage::File(FileStorage::new(&root));
    block_on(async {
        let missing = |error: StorageError| {
            assert!(matches!(error, StorageError::NoRoot { .. }), "{error}");
        };
        missing(storage.get(&key("index.json"), 9).await.unwrap_err());
        missing(storage.create(&key("a"), b"").await.unwrap_err());
        missing(storage.replace(&key("a"), None, b"").await.unwrap_err());
        missing(storage.list("").await.unwrap_err());
    });
    assert!(!root.exists());
}

#[test]
fn every_replace_moves_the_time_by_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    let seconds = || {
        let modified = std::fs::metadata(dir.path().join("a/i.json")).unwrap();
        let since = modified
            .modified()
            .unwrap()
            .duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_secs()
    };
    block_on(async {
        let file = key("a/i.json");
        storage.replace(&file, None, b"0").await.unwrap();
        let mut last = seconds();
        for text in [b"1", b"2", b"3"] {
            let (_, revision) = storage.get(&file, 9).await.unwrap().unwrap();
            storage.replace(&file, Some(&revision), text).await.unwrap();
            assert!(seconds() > last);
            last = seconds();
        }
        // An old file gets the real time, not merely a later one.
        let old = SystemTime::now() - Duration::from_secs(1000);
        let handle = std::fs::File::options()
            .write(true)
            .open(dir.path().join("a/i.json"));
        handle.unwrap().set_modified(old).unwrap();
        let (_, revision) = storage.get(&file, 9).await.unwrap().unwrap();
        storage.replace(&file, Some(&revision), b"4").await.unwrap();
        assert!(seconds() >= last - 5);
    });
    let names: Vec<_> = std::fs::read_dir(dir.path().join("a")).unwrap().collect();
    assert_eq!(names.len(), 1, "temporary files are gone");
}

#[cfg(unix)]
#[test]
fn a_web_server_may_read_what_is_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(async {
        storage.create(&key("x/a"), b"").await.unwrap();
        storage.replace(&key("x/b"), None, b"").await.unwrap();
    });
    for (path, mode) in [("x", 0o755), ("x/a", 0o644), ("x/b", 0o644)] {
        let metadata = std::fs::metadata(dir.path().join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
}
