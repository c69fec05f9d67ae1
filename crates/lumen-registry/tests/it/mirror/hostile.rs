//! Sources that show something else than what was signed.

use lumen_registry::storage::MemoryStorage;

use super::*;

/// What changes: a reader sees nothing else.
fn mutable(files: &Files) -> Files {
    let mut files = files.clone();
    files.retain(|key, _| key.mutability() == lumen_core::key::Mutability::Mutable);
    files
}

/// Runs with a changed source into a mirror of the state before, and into a new one. Nothing
/// that a reader sees may change, and nothing may be there that the honest source does not have.
fn refused(honest: &Origin, before: &Files, changed: Files) -> Vec<MirrorError> {
    let whole = honest.memory.files();
    let server = serve(changed);
    let mut errors = Vec::new();
    for before in [before.clone(), Files::new()] {
        let copy = MemoryStorage::with_files(before.clone());
        let error = run(&server.storage(), &Storage::Memory(copy.clone())).unwrap_err();
        assert_same(&mutable(&copy.files()), &mutable(&before));
        for (key, bytes) in copy.files() {
            let genuine = whole.get(&key) == Some(&bytes) || before.get(&key) == Some(&bytes);
            assert!(genuine, "{key}: {error}");
        }
        errors.push(error);
    }
    errors
}

/// Mirrors a source that has other bytes in one artifact: everything else arrives, and nothing that
/// is not genuine.
fn left_out(honest: &Origin, before: &Files, (key, changed): (&Key, Files)) {
    let server = serve(changed);
    for before in [before.clone(), Files::new()] {
        let copy = MemoryStorage::with_files(before.clone());
        let error = run(&server.storage(), &Storage::Memory(copy.clone())).unwrap_err();
        let MirrorError::Partly(faults) = error else {
            panic!("{error}");
        };
        assert_eq!(
            (faults.damaged.len(), faults.lacking.len()),
            (1, 0),
            "{faults:?}"
        );
        assert!(faults.damaged[0].ends_with(key.as_str()), "{faults:?}");
        let whole = MemoryStorage::with_files(before);
        run(&honest.storage, &Storage::Memory(whole.clone())).unwrap();
        let mut expected = whole.files();
        assert!(expected.remove(key).is_some());
        assert_same(&copy.files(), &expected);
    }
}

/// A mirror, and its source some publishes later.
fn grown(signed: bool) -> (Origin, Files) {
    let origin = Origin::stocked(signed);
    let (copy, storage) = memory();
    run(&origin.storage, &storage).unwrap();
    origin.put("a", "2.0.0");
    origin.put("z", "1.0.0");
    (origin, copy.files())
}

fn edit(files: &Files, path: &str, from: &str, to: &str) -> Files {
    let mut files = files.clone();
    let bytes = files.get_mut(&Key::parse(path).unwrap()).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    *bytes = text.replace(from, to).into_bytes();
    files
}

/// The artifact of a release that the mirror lacks.
fn artifact(files: &Files, path: &str) -> Key {
    let release: lumen_core::index::Release =
        json::parse(&files[&Key::parse(path).unwrap()]).unwrap();
    release.artifacts[0].key().unwrap()
}

#[test]
fn tampered_artifacts_and_releases() {
    for signed in [true, false] {
        let (origin, before) = grown(signed);
        let files = origin.memory.files();
        let key = artifact(&files, "packages/a/2.0.0.json");
        for bytes in [&b"tar of b 2.0.0"[..], b"", b"tar of a 2.0.0 and more"] {
            let mut changed = files.clone();
            changed.insert(key.clone(), bytes.to_vec());
            left_out(&origin, &before, (&key, changed));
        }
        if !signed {
            let changed = edit(&files, "packages/a/2.0.0.json", "MIT", "BSD");
            refused(&origin, &before, changed);
        }
    }
}

#[test]
fn forged_indexes() {
    let (origin, before) = grown(true);
    let files = origin.memory.files();
    for (path, from, to) in [
        (
            "packages/a/index.json",
            "\"latest\":\"2.0.0\"",
            "\"latest\":\"1.0.0\"",
        ),
        (
            "packages/a/index.json",
            "\"1.1.0\":\"bad\"",
            "\"1.0.0\":\"bad\"",
        ),
        (
            "packages/a/index.json",
            "lumen/publish/v1",
            "lumen/publish/v2",
        ),
        ("packages/a/index.json", "About a", "About b"),
        (
            "packages/a/index.json",
            "\"prereleases\":[]",
            "\"prereleases\":[\"2.0.0\"]",
        ),
        ("index.json", "About z", "About y"),
        ("index.json", "\"z\"", "\"y\""),
        (
            "index.json",
            "\"latest\": \"2.0.0\"",
            "\"latest\": \"1.0.0\"",
        ),
        (
            "trust/root/index.json",
            "root-threshold 1",
            "root-threshold 0",
        ),
    ] {
        let changed = edit(&files, path, from, to);
        let errors = refused(&origin, &before, changed);
        assert_eq!(errors.len(), 2, "{path}");
    }
}

#[test]
fn a_head_that_names_another_batch() {
    let (origin, before) = grown(true);
    let files = origin.memory.files();
    let head = String::from_utf8(files[&Key::head()].clone()).unwrap();
    let (first, _) = head.split_once('\n').unwrap();
    let other = format!("staging {}", "0".repeat(64));
    let changed = edit(&files, "log/head", first, &other);
    for error in refused(&origin, &before, changed) {
        assert!(matches!(error, MirrorError::Forged { .. }), "{error}");
    }
}

#[test]
fn tampered_logs() {
    let (origin, before) = grown(true);
    let files = origin.memory.files();
    let size = json::parse::<serde_json::Value>(&files[&Key::global_index()]).unwrap()["log"]
        .as_u64()
        .unwrap();
    let bundle = Key::entries(0, u16::try_from(size).unwrap());
    for at in [3, files[&bundle].len() / 2, files[&bundle].len() - 3] {
        let mut changed = files.clone();
        changed.get_mut(&bundle).unwrap()[at] ^= 1;
        refused(&origin, &before, changed);
    }
    let mut changed = files.clone();
    changed.remove(&bundle);
    refused(&origin, &before, changed);
}

#[test]
fn withheld_packages() {
    let (origin, before) = grown(true);
    let files = origin.memory.files();
    for path in ["packages/z/index.json", "packages/a/index.json"] {
        let mut changed = files.clone();
        let key = Key::parse(path).unwrap();
        match before.get(&key) {
            Some(old) => drop(changed.insert(key, old.clone())),
            None => drop(changed.remove(&key)),
        }
        refused(&origin, &before, changed);
    }
}

#[test]
fn a_log_that_went_back_or_forked() {
    let old = Origin::stocked(true);
    let older = old.memory.files();
    let (copy, storage) = memory();
    old.put("a", "2.0.0");
    run(&old.storage, &storage).unwrap();
    let before = copy.files();
    let back = Origin {
        memory: MemoryStorage::with_files(older.clone()),
        storage: Storage::Memory(MemoryStorage::with_files(older)),
        signed: true,
    };
    for publishes in 0..3 {
        if publishes > 0 {
            back.put("f", &format!("1.0.{publishes}"));
        }
        let error = run(&back.storage, &storage).unwrap_err();
        assert!(matches!(error, MirrorError::Diverged { .. }), "{error}");
        assert_same(&copy.files(), &before);
    }
}

#[test]
fn another_registry() {
    for signed in [true, false] {
        let (copy, storage) = memory();
        run(&Origin::stocked(signed).storage, &storage).unwrap();
        let before = copy.files();
        let other = Origin::new(signed);
        other.put("else", "1.0.0");
        let other = match signed {
            false => other,
            true => {
                let memory = MemoryStorage::new();
                let storage = Storage::Memory(memory.clone());
                block_on(init_signed(&storage, "u", "u/1", &key("eve"), NOW)).unwrap();
                Origin {
                    memory,
                    storage,
                    signed,
                }
            }
        };
        let error = run(&other.storage, &storage).unwrap_err();
        assert!(
            matches!(
                error,
                MirrorError::Other { .. } | MirrorError::Foreign { .. }
            ),
            "{error}"
        );
        assert_same(&copy.files(), &before);
    }
}

#[test]
fn a_release_that_was_replaced_in_an_unsigned_registry() {
    let origin = Origin::stocked(false);
    let (copy, storage) = memory();
    run(&origin.storage, &storage).unwrap();
    let before = copy.files();
    let other = Origin::new(false);
    for (package, number) in [("@s/b", "1.0.0"), ("c", "0.1.0-rc.1"), ("a", "1.0.0")] {
        other.put(package, number);
    }
    let mut wanted = request("a", "1.1.0", "something else");
    wanted.release.license = Some("BSD".into());
    block_on(publish(&other.storage, &wanted)).unwrap();
    let error = run(&other.storage, &storage).unwrap_err();
    assert!(matches!(error, MirrorError::Changed { .. }), "{error}");
    assert_same(&mutable(&copy.files()), &mutable(&before));
}
