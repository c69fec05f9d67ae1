//! Files that were lost or damaged come back, whatever follows from the log.

use std::collections::BTreeMap;

use lumen_registry::log::Finding;

use super::*;

/// A registry with all kinds of files.
fn world() -> (MemoryStorage, Storage) {
    let (memory, storage) = shared_registry();
    for (package, number) in [
        ("a", "1.0.0"),
        ("a", "1.1.0"),
        ("@s/b", "1.0.0"),
        ("c", "0.1.0-rc.1"),
    ] {
        block_on(put(&storage, "ada", package, number)).unwrap();
    }
    block_on(say(&storage, "ada", "a", yank("1.1.0"))).unwrap();
    assert_clean(&storage);
    (memory, storage)
}

/// What follows from nothing: the log, its commit, and the contents of releases.
fn is_origin(key: &Key) -> bool {
    let origins = ["log/tile/entries/", "log/staging/", "artifacts/"];
    origins.iter().any(|start| key.as_str().starts_with(start))
}

fn findings(files: &BTreeMap<Key, Vec<u8>>) -> Vec<Finding> {
    let copy = Storage::Memory(MemoryStorage::with_files(files.clone()));
    block_on(check(&copy, &nobody)).unwrap()
}

/// Ways to bring files back; each returns the files that it says it made.
type Way = fn(&Storage) -> Option<Vec<Key>>;

fn by_repair(storage: &Storage) -> Option<Vec<Key>> {
    block_on(repair(storage, &nobody)).unwrap();
    None
}

fn by_rebuild(storage: &Storage) -> Option<Vec<Key>> {
    Some(block_on(rebuild(storage, &nobody)).unwrap())
}

#[test]
fn repair_reads_the_commit_before_and_after() {
    let (memory, storage) = world();
    memory.set_fault(None);
    block_on(repair(&storage, &nobody)).unwrap();
    // Once more at the end, since others may have gone on.
    let reads = memory.reads();
    let heads = reads.iter().filter(|key| **key == Key::head());
    assert_eq!(heads.count(), 2, "{reads:#?}");
}

/// Harms each file of a registry in turn, and brings it back. Returns how many were harmed so
/// that something was wrong.
fn each(
    files: &BTreeMap<Key, Vec<u8>>,
    way: Way,
    harm: impl Fn(&mut BTreeMap<Key, Vec<u8>>, &Key),
) -> usize {
    let mut harmed = 0;
    for key in files.keys().filter(|key| !is_origin(key)) {
        let mut bad = files.clone();
        harm(&mut bad, key);
        // What an earlier state needed is not missed.
        if findings(&bad).is_empty() {
            continue;
        }
        harmed += 1;
        let memory = MemoryStorage::with_files(bad);
        let storage = Storage::Memory(memory.clone());
        let made = way(&storage);
        assert_eq!(memory.file(key), files.get(key).cloned(), "{key}");
        assert_clean(&storage);
        if let Some(made) = made {
            assert_eq!(made, std::slice::from_ref(key));
        }
    }
    harmed
}

#[test]
fn every_lost_file_is_made_again() {
    let (memory, _) = world();
    let files = memory.files();
    for way in [by_repair as Way, by_rebuild] {
        let lost = each(&files, way, |files, key| drop(files.remove(key)));
        assert!(lost > 20, "{lost}");
    }
}

#[test]
fn every_file_that_was_cut_off_is_made_again() {
    let (memory, _) = world();
    let files = memory.files();
    for way in [by_repair as Way, by_rebuild] {
        let cut = each(&files, way, |files, key| {
            drop(files.insert(key.clone(), Vec::new()))
        });
        assert!(cut > 25, "{cut}");
    }
}

#[test]
fn every_altered_file_is_made_again() {
    let (memory, _) = world();
    let files = memory.files();
    let altered = each(&files, by_rebuild, |files, key| {
        if let Some(byte) = files.get_mut(key).and_then(|bytes| bytes.first_mut()) {
            *byte ^= 1;
        }
    });
    assert!(altered > 25, "{altered}");
}

#[test]
fn all_that_follows_from_the_log_may_be_lost_at_once() {
    let (memory, storage) = world();
    let files = memory.files();
    // Releases are told by the indexes, and the head by the checkpoint: one of both has to be there.
    let is_kept =
        |key: &Key| is_origin(key) || *key == Key::head() || key.named_release().is_some();
    for way in [by_repair as Way, by_rebuild] {
        let mut bare = files.clone();
        bare.retain(|key, _| is_kept(key));
        let bare = MemoryStorage::with_files(bare);
        way(&Storage::Memory(bare.clone()));
        assert_clean(&Storage::Memory(bare.clone()));
        let needed = files.keys().filter(|key| bare.file(key).is_none());
        for key in needed {
            let mut without = files.clone();
            without.remove(key);
            assert_eq!(findings(&without), [], "{key}");
        }
    }
    drop(storage);
}

#[test]
fn a_release_is_told_by_its_index_or_stays_lost() {
    let (memory, _) = world();
    let (file, index) = (
        Key::release(&name("a"), &version("1.1.0")),
        Key::package_index(&name("a")),
    );
    let mut files = memory.files();
    files.remove(&file);
    let memory = MemoryStorage::with_files(files.clone());
    let storage = Storage::Memory(memory.clone());
    assert_eq!(
        block_on(rebuild(&storage, &nobody)).unwrap(),
        std::slice::from_ref(&file)
    );
    // Not even the index is left: nothing is made up, and it is said what is wrong.
    files.remove(&index);
    let memory = MemoryStorage::with_files(files);
    let storage = Storage::Memory(memory.clone());
    block_on(rebuild(&storage, &nobody)).unwrap();
    assert_eq!(memory.file(&file), None);
    let found = block_on(check(&storage, &nobody)).unwrap();
    let missing = Finding {
        file: file.to_string(),
        at: None,
        what: "it does not exist".into(),
    };
    assert!(found.contains(&missing), "{found:?}");
}

#[test]
fn publishing_goes_on_over_empty_files() {
    for file in [Key::global_index(), Key::checkpoint()] {
        let (memory, _) = world();
        for empty in [b"".as_slice(), b"\n"] {
            let mut files = memory.files();
            files.insert(file.clone(), empty.to_vec());
            let memory = MemoryStorage::with_files(files);
            let storage = Storage::Memory(memory.clone());
            block_on(put(&storage, "ada", "d", "1.0.0")).unwrap();
            assert_clean(&storage);
            let listed: lumen_core::index::GlobalIndex =
                json::parse(&memory.file(&Key::global_index()).unwrap()).unwrap();
            assert_eq!(listed.packages.len(), 4, "{file}");
        }
    }
}

#[test]
fn a_lost_global_index_lists_all_packages_again() {
    let (memory, _) = world();
    let mut files = memory.files();
    files.remove(&Key::global_index());
    let storage = Storage::Memory(MemoryStorage::with_files(files));
    block_on(put(&storage, "ada", "d", "1.0.0")).unwrap();
    assert_clean(&storage);
}

#[test]
fn a_writer_that_died_and_lost_files_are_mended_together() {
    let (memory, storage) = world();
    let before = memory.files();
    block_on(put(&storage, "ada", "@s/b", "2.0.0")).unwrap();
    let after = memory.files();
    let is_commit = |key: &Key| {
        let starts = ["log/staging/", "artifacts/", "packages/@s/b/2.0.0.json"];
        *key == Key::head() || starts.iter().any(|start| key.as_str().starts_with(start))
    };
    let mut died = before;
    died.extend(
        after
            .iter()
            .filter(|(key, _)| is_commit(key))
            .map(|(k, v)| (k.clone(), v.clone())),
    );
    for folder in [
        "log/tile/0/",
        "map/",
        "packages/a/index.json",
        "index.json",
        "log/checkpoint",
    ] {
        let mut files = died.clone();
        files.retain(|key, _| !key.as_str().starts_with(folder));
        for way in [by_repair as Way, by_rebuild] {
            let storage = Storage::Memory(MemoryStorage::with_files(files.clone()));
            way(&storage);
            assert_clean(&storage);
            assert_eq!(index(&storage, "@s/b").versions.len(), 2);
        }
    }
}

#[test]
fn a_damaged_log_is_not_covered_up() {
    let (memory, _) = world();
    let files = memory.files();
    let entries = files
        .keys()
        .rfind(|key| key.as_str().starts_with("log/tile/entries/"));
    let entries = entries.unwrap().clone();
    for harm in [None, Some(Vec::new())] {
        let mut bad = files.clone();
        bad.retain(|key, _| !key.as_str().starts_with("log/tile/entries/"));
        bad.extend(harm.clone().map(|bytes| (entries.clone(), bytes)));
        let memory = MemoryStorage::with_files(bad.clone());
        let storage = Storage::Memory(memory.clone());
        for result in [
            block_on(repair(&storage, &nobody)).map(drop),
            block_on(rebuild(&storage, &nobody)).map(drop),
        ] {
            assert!(
                matches!(result, Err(PublishError::Damaged { .. })),
                "{result:?}"
            );
        }
        assert_eq!(memory.files(), bad);
    }
}

#[test]
fn indexes_go_back_with_a_log_that_is_taken_back() {
    let (memory, storage) = world();
    let before = memory.files();
    block_on(put(&storage, "ada", "a", "2.0.0")).unwrap();
    block_on(put(&storage, "ada", "z", "1.0.0")).unwrap();
    // The folders of a mirror that had seen less.
    let is_log = |key: &Key| {
        let folders = ["log/", "map/", "trust/"];
        folders
            .iter()
            .any(|folder| key.as_str().starts_with(folder))
    };
    let mut files = memory.files();
    files.retain(|key, _| !is_log(key) && !key.as_str().starts_with("signatures/"));
    files.extend(before.clone().into_iter().filter(|(key, _)| is_log(key)));
    let memory = MemoryStorage::with_files(files);
    let storage = Storage::Memory(memory.clone());
    block_on(rebuild(&storage, &nobody)).unwrap();
    assert_clean(&storage);
    let key = Key::package_index(&name("a"));
    assert_eq!(memory.file(&key).as_ref(), before.get(&key));
    let listed: lumen_core::index::GlobalIndex =
        json::parse(&memory.file(&Key::global_index()).unwrap()).unwrap();
    let a = listed.packages.iter().find(|entry| entry.name == name("a"));
    assert_eq!(a.unwrap().latest, Some(version("1.0.0")));
}

/// A registry that lost its head is damaged, and must not look like an unsigned one, in which
/// `init` could be the next step.
#[test]
fn a_lost_head_is_named_and_made_again() {
    let (memory, _) = world();
    let mut files = memory.files();
    let head = files.remove(&Key::head());
    for lost in [&[][..], &[Key::checkpoint()], &[Key::root_index()]] {
        let mut files = files.clone();
        files.retain(|key, _| !lost.contains(key));
        let memory = MemoryStorage::with_files(files);
        let storage = Storage::Memory(memory.clone());
        let refused = block_on(put(&storage, "ada", "a", "2.0.0")).unwrap_err();
        assert!(
            matches!(&refused, PublishError::Damaged { file, .. } if file.ends_with("log/head")),
            "{refused}"
        );
        if lost == [Key::checkpoint()] {
            // Nothing says which entries were committed.
            assert!(block_on(repair(&storage, &nobody)).is_err());
            continue;
        }
        block_on(repair(&storage, &nobody)).unwrap();
        assert_eq!(memory.file(&Key::head()), head);
        block_on(put(&storage, "ada", "a", "2.0.0")).unwrap();
        assert_clean(&storage);
    }
}

/// What the log says of a version decides before a file is written that could never change again.
#[test]
fn a_lost_release_comes_back_by_publishing_the_same_and_nothing_else_does() {
    let (memory, _) = world();
    let file = Key::release(&name("a"), &version("1.0.0"));
    let mut files = memory.files();
    let lost = files.remove(&file);
    let memory = MemoryStorage::with_files(files.clone());
    let storage = Storage::Memory(memory.clone());
    let later = |contents: &str| PublishRequest {
        signer: Some(Arc::new(key("ada"))),
        now: "2026-06-01T00:00:00Z".into(),
        ..crate::request("a", "1.0.0", contents)
    };
    let refused = block_on(publish(&storage, &later("other"))).unwrap_err();
    assert!(
        matches!(refused, PublishError::VersionExists { .. }),
        "{refused}"
    );
    assert_eq!(memory.files(), files);
    let published = block_on(publish(&storage, &later("a 1.0.0"))).unwrap();
    assert!(!published.new);
    assert_eq!(memory.file(&file), lost);
    assert_clean(&storage);
}
