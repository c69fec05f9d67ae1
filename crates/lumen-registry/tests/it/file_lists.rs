//! File lists: kept, mirrored and made again; and those that list something else than the
//! archive has, as a publisher could sign them.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use lumen_core::{
    Digest, Key,
    file_list::Lister,
    key::ArtifactKind,
    signing::SecretKey,
    tar::{END, head, padding},
};
use lumen_registry::{
    Registry, Storage,
    bundle::{self, BundleOptions, unbundle},
    gc::{GRACE, GcOptions, gc},
    log::check,
    migrate::take_stock,
    mirror::{Faults, MirrorError, MirrorOptions, mirror},
    progress::nobody,
    publish::{Ingest, PublishError, PublishRequest, Submitted, complete, ingest, publish},
    relist::{relist, restore},
    storage::MemoryStorage,
    verify::TrustOptions,
};

use crate::{NOW, block_on};

/// How a list is changed before it is published.
type Lie = fn(&str) -> String;

/// The lies: another name, another mode, another archive, the place of another file, and a
/// format that nobody knows.
const LIES: [Lie; 5] = [
    |list| list.replace("src/main.lm", "src/safe.lm"),
    |list| list.replace(" 644 ", " 755 "),
    |list| list.replacen("tar ", "tar 0", 1),
    |list| list.replace(" 644 1536 ", " 644 512 "),
    |_| "anything".into(),
];

fn honest(list: &str) -> String {
    list.into()
}

fn key() -> SecretKey {
    SecretKey::from_seed("ada", *Digest::of(b"ada").as_bytes()).unwrap()
}

/// A tar in the one form.
fn tar(number: &str) -> Vec<u8> {
    let manifest = format!("[package]\nname = \"text\"\nversion = \"{number}\"\n");
    let mut tar = Vec::new();
    for (path, body) in [
        ("lumen.toml", manifest.as_str()),
        ("src/main.lm", "# main\n"),
    ] {
        let size = body.len() as u64;
        tar.extend(head(path, size, false));
        tar.extend_from_slice(body.as_bytes());
        tar.resize(tar.len() + padding(size), 0);
    }
    tar.extend(END);
    tar
}

fn request(signed: bool, number: &str, lie: Lie) -> PublishRequest {
    let tar = tar(number);
    let mut lister = Lister::new();
    lister.update(&tar);
    let list = lister.finish().list.unwrap().to_bytes();
    let list = lie(&String::from_utf8(list).unwrap());
    PublishRequest {
        tar,
        list: Some(list.into()),
        signer: signed.then(|| Arc::new(key()) as _),
        ..crate::request("text", number, number)
    }
}

/// The list that a release with this archive names if it is honest.
fn listed(number: &str) -> Key {
    let list = request(false, number, honest).list.unwrap();
    Key::file_list(&Digest::of(&list))
}

/// A registry with two releases; the list of the second is changed.
fn registry(signed: bool, lie: Lie) -> (MemoryStorage, Storage) {
    let (memory, storage) = crate::founded(signed, &key());
    for (number, lie) in [("1.0.0", honest as Lie), ("1.1.0", lie)] {
        block_on(publish(&storage, &request(signed, number, lie))).unwrap();
    }
    (memory, storage)
}

/// The same without a file.
fn without(memory: &MemoryStorage, key: &Key) -> (MemoryStorage, Storage) {
    let mut files = memory.files();
    assert!(files.remove(key).is_some(), "{key}");
    let memory = MemoryStorage::with_files(files);
    (memory.clone(), Storage::Memory(memory))
}

fn copy(from: &Storage, to: &Storage, full: bool) -> Result<(), MirrorError> {
    let source = Registry::on("source", from.clone());
    let options = MirrorOptions {
        full,
        ..MirrorOptions::default()
    };
    block_on(mirror(&source, to, &options, &nobody)).map(drop)
}

/// What is wrong with a registry.
fn findings(storage: &Storage) -> Vec<String> {
    let findings = block_on(check(storage, &nobody)).unwrap();
    let said = findings
        .iter()
        .map(|it| format!("{}: {}", it.file, it.what));
    said.collect()
}

#[test]
fn lists_are_kept_and_what_nothing_names_goes() {
    for signed in [true, false] {
        let (memory, storage) = registry(signed, honest);
        let unsigned = Key::unsigned_file_list(&Digest::of(&tar("1.0.0")));
        let orphans = [
            Key::file_list(&Digest::of(b"orphan")),
            Key::unsigned_file_list(&Digest::of(b"orphan")),
        ];
        for key in orphans.iter().chain([&unsigned]) {
            block_on(storage.create(key, b"x")).unwrap();
        }
        memory.set_clock(10_000_000);
        let options = GcOptions {
            dry_run: false,
            grace: GRACE,
            now: UNIX_EPOCH + Duration::from_secs(10_000_000),
        };
        block_on(gc(&storage, &options, &nobody)).unwrap();
        let files = memory.files();
        for kept in [listed("1.0.0"), listed("1.1.0"), unsigned] {
            assert!(files.contains_key(&kept), "{kept}");
        }
        for orphan in orphans {
            assert!(!files.contains_key(&orphan), "{orphan}");
        }
    }
}

#[test]
fn a_mirror_makes_the_lists_itself() {
    for signed in [true, false] {
        let (memory, _) = registry(signed, honest);
        let copied = MemoryStorage::new();
        let target = Storage::Memory(copied.clone());
        // The source lost one; the mirror needs none of them.
        let (_, storage) = without(&memory, &listed("1.0.0"));
        copy(&storage, &target, false).unwrap();
        let whole = copied.files();
        for number in ["1.0.0", "1.1.0"] {
            assert!(whole.contains_key(&listed(number)), "{number}");
        }
        // A lost one comes back.
        let (copied, target) = without(&copied, &listed("1.1.0"));
        copy(&storage, &target, false).unwrap();
        assert!(!copied.files().contains_key(&listed("1.1.0")));
        copy(&storage, &target, true).unwrap();
        assert_eq!(copied.files(), whole);
    }
}

/// Releases of earlier versions name no list; a mirror makes it nevertheless.
#[test]
fn a_mirror_makes_lists_that_no_release_names() {
    for signed in [true, false] {
        let (_, storage) = crate::founded(signed, &key());
        for number in ["1.0.0", "1.1.0"] {
            let unlisted = PublishRequest {
                list: None,
                ..request(signed, number, honest)
            };
            block_on(publish(&storage, &unlisted)).unwrap();
        }
        // An archive in another form has none.
        let odd = PublishRequest {
            tar: b"no tar".to_vec(),
            list: None,
            ..request(signed, "1.2.0", honest)
        };
        block_on(publish(&storage, &odd)).unwrap();
        let copied = MemoryStorage::new();
        let target = Storage::Memory(copied.clone());
        copy(&storage, &target, false).unwrap();
        // The same through a bundle, which does without them.
        let source = Registry::on("source", storage.clone());
        let mut bytes = Vec::new();
        let options = BundleOptions::default();
        block_on(bundle::bundle(&source, &mut bytes, &options, &nobody)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bundle");
        std::fs::write(&path, bytes).unwrap();
        let unpacked = MemoryStorage::new();
        let inner = Storage::Memory(unpacked.clone());
        block_on(unbundle(&path, &inner, TrustOptions::default(), &nobody)).unwrap();
        assert_eq!(unpacked.files(), copied.files());
        // They are those that the source would make itself.
        let made = block_on(relist(&storage, &nobody)).unwrap();
        let is_list = |key: &&Key| key.as_str().ends_with(".files");
        let files = copied.files();
        let lists: Vec<&Key> = files.keys().filter(is_list).collect();
        assert_eq!(lists, made.made.iter().collect::<Vec<_>>());
        assert_eq!(lists.len(), 2);
        let again = block_on(relist(&target, &nobody)).unwrap();
        assert_eq!((again.made, again.without), (vec![], made.without));
        if signed {
            assert_eq!(findings(&target), [""; 0]);
        }
        // A wrong one is replaced with the tar that it lies beside.
        let (wrong, _) = without(&copied, lists[0]);
        let tar = Key::parse(lists[0].as_str().strip_suffix(".files").unwrap()).unwrap();
        let (wrong, target) = without(&wrong, &tar);
        block_on(target.create(lists[0], b"wrong")).unwrap();
        copy(&storage, &target, true).unwrap();
        assert_eq!(wrong.files(), files);
    }
}

/// A lost list comes back from the archive, if that is there; nothing else is read for it.
#[test]
fn a_repair_makes_lost_lists_again() {
    for signed in [true, false] {
        let (memory, storage) = registry(signed, honest);
        let whole = memory.files();
        let before = memory.operations();
        assert_eq!(block_on(restore(&storage, &nobody)).unwrap(), []);
        assert_eq!(memory.operations() - before, 1);
        let lost = listed("1.0.0");
        let (repaired, storage) = without(&memory, &lost);
        let made = block_on(restore(&storage, &nobody)).unwrap();
        assert_eq!(made, std::slice::from_ref(&lost));
        assert_eq!(repaired.files(), whole);
        // Without the archive there is nothing to make it from.
        let (repaired, _) = without(&memory, &lost);
        let tar = Key::artifact(&Digest::of(&tar("1.0.0")), ArtifactKind::Tar);
        let (repaired, storage) = without(&repaired, &tar);
        assert_eq!(block_on(restore(&storage, &nobody)).unwrap(), []);
        assert!(!repaired.files().contains_key(&lost));
    }
    // A list that is not that of the archive is not made.
    for lie in LIES {
        let (memory, _) = registry(true, lie);
        let false_list = Key::file_list(&Digest::of(&request(true, "1.1.0", lie).list.unwrap()));
        let (_, storage) = without(&memory, &false_list);
        assert_eq!(block_on(restore(&storage, &nobody)).unwrap(), []);
    }
}

#[test]
fn a_bundle_has_the_lists() {
    for signed in [true, false] {
        let (memory, storage) = registry(signed, honest);
        let mut bytes = Vec::new();
        let source = Registry::on("source", storage);
        let options = BundleOptions::default();
        block_on(bundle::bundle(&source, &mut bytes, &options, &nobody)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bundle");
        std::fs::write(&path, bytes).unwrap();
        let copied = MemoryStorage::new();
        let target = Storage::Memory(copied.clone());
        block_on(unbundle(&path, &target, TrustOptions::default(), &nobody)).unwrap();
        for number in ["1.0.0", "1.1.0"] {
            let list = listed(number);
            assert_eq!(
                copied.files().get(&list),
                memory.files().get(&list),
                "{list}"
            );
            assert!(copied.files().contains_key(&list), "{list}");
        }
    }
}

#[test]
fn a_release_that_lists_something_else_is_told_by_mirrors() {
    for (lie, signed) in LIES.into_iter().flat_map(|lie| [(lie, true), (lie, false)]) {
        let (memory, storage) = registry(signed, lie);
        let copied = MemoryStorage::new();
        let target = Storage::Memory(copied.clone());
        let error = copy(&storage, &target, false).unwrap_err();
        match &error {
            MirrorError::Partly(faults) => {
                let Faults {
                    lacking,
                    damaged,
                    false_lists,
                } = faults;
                let found = (false_lists.len(), lacking.len(), damaged.len());
                assert_eq!(found, (1, 0, 0), "{error}");
            }
            other => panic!("{other}"),
        }
        assert!(
            error
                .to_string()
                .ends_with("; everything else was mirrored"),
            "{error}"
        );
        // Everything else is there, but for the list.
        let false_list = request(signed, "1.1.0", lie).list.unwrap();
        let false_list = Key::file_list(&Digest::of(&false_list));
        let mut expected = memory.files();
        assert!(expected.remove(&false_list).is_some());
        let of_releases = |key: &&Key| {
            let path = key.as_str();
            path.starts_with("artifacts/") || path.starts_with("packages/")
        };
        let expected: Vec<&Key> = expected.keys().filter(of_releases).collect();
        let copied = copied.files();
        assert_eq!(
            copied.keys().filter(of_releases).collect::<Vec<_>>(),
            expected
        );
        // It was told once; nothing new is nothing to tell.
        copy(&storage, &target, false).unwrap();
        assert!(copy(&storage, &target, true).is_err());
    }
}

#[test]
fn a_check_makes_every_list_again() {
    let (memory, storage) = registry(true, honest);
    assert_eq!(findings(&storage), [""; 0]);
    let list = listed("1.0.0");
    let (_, storage) = without(&memory, &list);
    assert_eq!(findings(&storage), [format!("{list}: it does not exist")]);
    block_on(storage.create(&list, b"other")).unwrap();
    let said = "it has another size or hash than its release says";
    assert_eq!(findings(&storage), [format!("{list}: {said}")]);
    for lie in LIES {
        let (_, storage) = registry(true, lie);
        let said = "1.1.0: the file list that it names is not that of its archive";
        assert_eq!(
            findings(&storage),
            [format!("packages/text/1.1.0.json: {said}")]
        );
    }
    // An archive that has none.
    let (_, storage) = crate::founded(true, &key());
    let odd = PublishRequest {
        tar: b"no tar".to_vec(),
        ..request(true, "1.0.0", honest)
    };
    block_on(publish(&storage, &odd)).unwrap();
    let said = findings(&storage);
    assert!(
        said[0].contains("it names a file list, but its tar has another form"),
        "{said:?}"
    );
}

#[test]
fn a_submission_with_another_list_is_refused() {
    let how = Ingest {
        now: NOW.into(),
        registry_name: "t".into(),
        signer: None,
        last_seen: None,
        dry_run: false,
    };
    let submitted = |lie| {
        let PublishRequest {
            release, tar, list, ..
        } = request(false, "1.0.0", lie);
        let release = complete(&release, (&tar, None, list.as_deref()), NOW).unwrap();
        Submitted {
            metadata: release.to_bytes(),
            tar,
            zst: None,
            endorsement: None,
        }
    };
    let (memory, storage) = crate::founded(false, &key());
    let before = memory.files();
    for lie in LIES {
        let refused = block_on(ingest(&storage, &submitted(lie), &how)).unwrap_err();
        assert!(matches!(refused, PublishError::Submitted(_)), "{refused}");
        assert!(refused.to_string().contains("file list"), "{refused}");
        assert_eq!(memory.files(), before);
    }
    block_on(ingest(&storage, &submitted(honest), &how)).unwrap();
    assert!(memory.files().contains_key(&listed("1.0.0")));
}

#[test]
fn a_registry_that_lists_something_else_is_not_signed() {
    let problems = |lie: Lie| {
        let (_, storage) = registry(false, lie);
        let stock = block_on(take_stock(
            &storage,
            &|_: &_, _: &_, _: &mut _| Ok(Ok(())),
            &nobody,
        ))
        .unwrap();
        stock.problems
    };
    assert_eq!(problems(honest), []);
    for lie in LIES {
        let [problem] = &problems(lie)[..] else {
            panic!("no problem");
        };
        assert!(
            problem.what.contains("is not that of its archive"),
            "{problem:?}"
        );
    }
}

#[test]
fn who_publishes_again_need_not_name_the_list() {
    for signed in [true, false] {
        let (memory, storage) = crate::founded(signed, &key());
        let unlisted = PublishRequest {
            list: None,
            ..request(signed, "1.0.0", honest)
        };
        block_on(publish(&storage, &unlisted)).unwrap();
        let before = memory.files();
        // The release was published by an earlier version.
        let again = block_on(publish(&storage, &request(signed, "1.0.0", honest))).unwrap();
        assert!(!again.new);
        assert_eq!(memory.files(), before);
        // Its file got lost, and comes back as it was.
        let file = Key::release(&crate::name("text"), &crate::version("1.0.0"));
        let (memory, storage) = without(&memory, &file);
        if signed {
            block_on(publish(&storage, &request(signed, "1.0.0", honest))).unwrap();
            assert_eq!(memory.files().get(&file), before.get(&file));
        }
    }
}
