//! Bundles: what a mirror would have been given, in a file, believed as little.

use lumen_core::{
    note::Note,
    tar::{END, head, padding},
    trust::{OwnersNote, Publisher, Revoked, Subject},
};
use lumen_registry::{
    bundle::{self, BundleOptions, unbundle},
    log::Writer,
    storage::{BundleStorage, Fault, FaultKind},
};

use super::*;

struct Bundle {
    dir: tempfile::TempDir,
}

impl Bundle {
    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("x.bundle")
    }

    fn of(bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Self { dir };
        std::fs::write(bundle.path(), bytes).unwrap();
        bundle
    }

    fn files(&self) -> Files {
        files_of(&Storage::Bundle(BundleStorage::open(&self.path()).unwrap()))
    }

    fn take_in(&self, target: &Storage) -> Result<MirrorReport, MirrorError> {
        let trust = TrustOptions::default();
        block_on(unbundle(&self.path(), target, trust, &nobody))
    }
}

fn pack(origin: &Storage, since: u64, options: &MirrorOptions) -> Result<Bundle, MirrorError> {
    let mut out = Vec::new();
    let options = BundleOptions {
        since,
        packages: options.packages.clone(),
        without_page: false,
    };
    let source = Registry::on("source", origin.clone());
    block_on(bundle::bundle(&source, &mut out, &options, &nobody))?;
    Ok(Bundle::of(&out))
}

fn whole(origin: &Storage) -> Bundle {
    pack(origin, 0, &MirrorOptions::default()).unwrap()
}

fn size(files: &Files) -> u64 {
    let note = &files[&Key::checkpoint()];
    lumen_core::checkpoint::Checkpoint::of_note(note)
        .unwrap()
        .size
}

/// A copy of a registry with these files as a mirror.
fn mirror_of(origin: &Storage) -> MemoryStorage {
    let (copy, storage) = memory();
    run(origin, &storage).unwrap();
    copy
}

#[test]
fn a_whole_bundle_is_the_registry() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let expected = origin.needed();
        let bundle = whole(&origin.storage);
        assert_same(&bundle.files(), &expected);
        let (_dir, target) = folder();
        let report = bundle.take_in(&target).unwrap();
        assert_eq!(report.files, expected.len() as u64);
        assert_same(&files_of(&target), &expected);
        let again = bundle.take_in(&target).unwrap();
        assert_eq!((again.files, again.bytes), (0, 0));
        // Over HTTP, which cannot list.
        let server = serve(origin.memory.files());
        assert_same(&whole(&server.storage()).files(), &expected);
    }
}

/// Lets `bob` publish in the scope, and takes all back that he publishes.
struct Scope {
    first: OwnersNote,
}

impl Scope {
    fn new() -> Self {
        let publisher = |who: &str| Publisher {
            key: key(who).public().clone(),
            only: None,
            until: None,
        };
        Self {
            first: OwnersNote {
                origin: "t/1".into(),
                name: Subject::Scope("@s".into()),
                seq: 1,
                prev: None,
                time: NOW.into(),
                is_override: false,
                threshold: 1,
                admins: vec![key("ada").public().clone()],
                publish_threshold: 1,
                publishers: vec![publisher("ada"), publisher("bob")],
                revoked: Vec::new(),
            },
        }
    }

    fn open(&self, origin: &Origin) -> (String, u64) {
        append(origin, self.first.to_text())
    }

    fn revoke(&self, origin: &Origin, (first, from): &(String, u64)) {
        let mut note = self.first.clone();
        note.seq = 2;
        note.prev = Some(Digest::of(first.as_bytes()));
        note.publishers.pop();
        note.revoked.push(Revoked {
            key: key("bob").public().clone(),
            from: *from,
        });
        append(origin, note.to_text());
    }
}

/// Appends a note that ada signed. Returns it and its place.
fn append(origin: &Origin, text: String) -> (String, u64) {
    let ada = key("ada");
    let mut signed = Note::unsigned(text).unwrap();
    signed.add(ada.public(), ada.sign(signed.text.as_bytes()));
    let text = signed.to_text();
    let receipt = block_on(writer(origin, &ada).append_note(&text)).unwrap();
    (text, receipt.index.unwrap())
}

fn writer<'a>(origin: &'a Origin, signer: &'a SecretKey) -> Writer<'a> {
    Writer {
        storage: &origin.storage,
        signer,
        last_seen: None,
    }
}

/// Lets bob write to the log.
fn let_in(origin: &Origin) {
    let roots = block_on(writer(origin, &key("ada")).state()).unwrap().roots;
    let mut next = roots.current().clone();
    next.seq += 1;
    next.prev = Some(*roots.last());
    next.log.push(key("bob").public().renamed("t/1").unwrap());
    append(origin, next.to_text());
}

#[test]
fn a_bundle_has_what_is_new_between_any_two_states() {
    let origin = Origin::new(true);
    let mut states = vec![mirror_of(&origin.storage).files()];
    let scope = Scope::new();
    let opened = std::cell::OnceCell::new();
    let steps: [&dyn Fn(); 11] = [
        &|| origin.put("a", "1.0.0"),
        &|| let_in(&origin),
        &|| opened.set(scope.open(&origin)).unwrap(),
        &|| origin.put("@s/b", "1.0.0"),
        &|| origin.put_by("bob", "@s/b", "1.2.0"),
        &|| origin.put("a", "1.1.0"),
        &|| scope.revoke(&origin, opened.get().unwrap()),
        &|| origin.yank("a", "1.0.0"),
        &|| origin.put("@s/c", "1.0.0"),
        &|| origin.yank("@s/b", "1.0.0"),
        &|| origin.put("d", "1.0.0"),
    ];
    for step in steps {
        step();
        let now = mirror_of(&origin.storage).files();
        for before in &states {
            let (by_mirror, storage) = {
                let copy = MemoryStorage::with_files(before.clone());
                (copy.clone(), Storage::Memory(copy))
            };
            run(&origin.storage, &storage).unwrap();
            let bundle = pack(&origin.storage, size(before), &MirrorOptions::default()).unwrap();
            let copy = MemoryStorage::with_files(before.clone());
            bundle.take_in(&Storage::Memory(copy.clone())).unwrap();
            assert_same(&copy.files(), &by_mirror.files());
            // It is as small as it can be.
            for (key, bytes) in bundle.files() {
                assert!(before.get(&key) != Some(&bytes), "{key} is not new");
            }
        }
        states.push(now);
    }
}

#[test]
fn a_bundle_of_a_long_log() {
    let origin = Origin::new(true);
    let mut states = Vec::new();
    for round in 0..6 {
        for number in 0..27 {
            origin.put(&format!("p{}", number % 7), &format!("1.{round}.{number}"));
        }
        states.push(mirror_of(&origin.storage).files());
    }
    let last = states.last().unwrap();
    assert!(size(last) > 256 && size(&states[3]) < 256);
    // What the source no longer needs is not needed here either.
    let source = mirror_of(&origin.storage);
    for before in &states {
        let since = size(before);
        let source = Storage::Memory(source.clone());
        let bundle = pack(&source, since, &MirrorOptions::default()).unwrap();
        let copy = MemoryStorage::with_files(before.clone());
        bundle.take_in(&Storage::Memory(copy.clone())).unwrap();
        let files = copy.files();
        for (key, bytes) in last {
            assert!(files.get(key) == Some(bytes), "{key} since {since}");
        }
        assert_eq!(
            block_on(check(&Storage::Memory(copy), &nobody)).unwrap(),
            []
        );
    }
}

#[test]
fn bundles_follow_each_other() {
    let origin = Origin::stocked(true);
    let copy = mirror_of(&origin.storage);
    let before = copy.files();
    let target = Storage::Memory(copy.clone());
    origin.put("a", "2.0.0");
    let first = pack(&origin.storage, size(&before), &MirrorOptions::default()).unwrap();
    let between = size(&origin.needed());
    origin.put("a", "3.0.0");
    let second = pack(&origin.storage, between, &MirrorOptions::default()).unwrap();
    let error = second.take_in(&target).unwrap_err();
    assert!(matches!(error, MirrorError::Gap { .. }), "{error}");
    assert_eq!(copy.files(), before);
    first.take_in(&target).unwrap();
    second.take_in(&target).unwrap();
    let now = copy.files();
    let error = first.take_in(&target).unwrap_err();
    assert!(matches!(error, MirrorError::Older { .. }), "{error}");
    // One that overlaps is as good.
    let all = pack(&origin.storage, size(&before), &MirrorOptions::default()).unwrap();
    assert_eq!(all.take_in(&target).unwrap().files, 0);
    assert_eq!(copy.files(), now);
    // A log that it is no part of.
    let other = Origin::stocked(true);
    other.put("x", "1.0.0");
    other.put("x", "1.1.0");
    other.put("x", "1.2.0");
    let forked = pack(&other.storage, size(&before), &MirrorOptions::default()).unwrap();
    let error = forked.take_in(&target).unwrap_err();
    assert!(matches!(error, MirrorError::Diverged { .. }), "{error}");
    assert_eq!(copy.files(), now);
}

#[test]
fn what_cannot_be_bundled() {
    let unsigned = Origin::stocked(false);
    let error = pack(&unsigned.storage, 3, &MirrorOptions::default()).err();
    assert!(matches!(error, Some(MirrorError::NoLog)), "{error:?}");
    let signed = Origin::stocked(true);
    let error = pack(&signed.storage, 3000, &MirrorOptions::default()).err();
    assert!(matches!(error, Some(MirrorError::Diverged { .. })));
    let mut files = signed.memory.files();
    files.insert(Key::package_index(&name("a")), b"{}".to_vec());
    let damaged = Storage::Memory(MemoryStorage::with_files(files));
    assert!(pack(&damaged, 0, &MirrorOptions::default()).is_err());
}

#[test]
fn a_bundle_with_some_packages() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let (by_mirror, storage) = memory();
        run_with(&origin.storage, &storage, &only(&["a"])).unwrap();
        let (copy, target) = memory();
        let bundle = pack(&origin.storage, 0, &only(&["a"])).unwrap();
        bundle.take_in(&target).unwrap();
        assert_same(&copy.files(), &by_mirror.files());
        if !signed {
            continue;
        }
        let since = size(&copy.files());
        origin.put("a", "2.0.0");
        origin.put("c", "2.0.0");
        run_with(&origin.storage, &storage, &only(&["a"])).unwrap();
        let bundle = pack(&origin.storage, since, &only(&["a"])).unwrap();
        bundle.take_in(&target).unwrap();
        assert_same(&copy.files(), &by_mirror.files());
    }
}

/// The same bundle with other files.
fn forged(bundle: &Bundle, files: &Files) -> Bundle {
    let original = std::fs::read(bundle.path()).unwrap();
    // Its own description fits into one block.
    let mut bytes = original[..1024].to_vec();
    for (key, body) in files {
        let size = body.len() as u64;
        bytes.extend(head(key.as_str(), size, false));
        bytes.extend(body);
        bytes.extend(&END[..padding(size)]);
    }
    bytes.extend(END);
    Bundle::of(&bytes)
}

#[test]
fn nothing_of_a_bundle_is_believed() {
    let origin = Origin::stocked(true);
    let before = mirror_of(&origin.storage).files();
    origin.put("a", "2.0.0");
    origin.yank("@s/b", "1.0.0");
    origin.put("n", "1.0.0");
    let bundle = pack(&origin.storage, size(&before), &MirrorOptions::default()).unwrap();
    let files = bundle.files();
    let honest = MemoryStorage::with_files(before.clone());
    forged(&bundle, &files)
        .take_in(&Storage::Memory(honest.clone()))
        .unwrap();
    let honest = honest.files();
    let mut refused = 0;
    for key in files.keys() {
        for change in 0..3 {
            let mut other = files.clone();
            let body = other.get_mut(key).unwrap();
            match change {
                0 => drop(other.remove(key)),
                1 => {
                    let middle = body.len() / 2;
                    body[middle] ^= 1;
                }
                _ => body.truncate(body.len() / 2),
            }
            let copy = MemoryStorage::with_files(before.clone());
            let result = forged(&bundle, &other).take_in(&Storage::Memory(copy.clone()));
            let now = copy.files();
            match result {
                // What is made again here does not matter there.
                Ok(_) => {
                    assert!(now == honest, "{key} {change}");
                }
                Err(_) => {
                    refused += 1;
                    for (key, bytes) in &before {
                        assert!(now.get(key) == Some(bytes), "{key} {change}");
                    }
                }
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_kill_anywhere_is_made_good_by_taking_it_in_again() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        let mut before = Files::new();
        let mut since = 0;
        if signed {
            before = mirror_of(&origin.storage).files();
            since = size(&before);
            origin.put("a", "2.0.0");
            origin.put("@s/d", "1.0.0");
        }
        let bundle = pack(&origin.storage, since, &MirrorOptions::default()).unwrap();
        let whole = MemoryStorage::with_files(before.clone());
        bundle.take_in(&Storage::Memory(whole.clone())).unwrap();
        for at in 1..=whole.operations() {
            for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
                let fault = Fault {
                    at,
                    kind,
                    dead_afterwards: true,
                };
                let copy = MemoryStorage::with_files(before.clone());
                let target = Storage::Memory(copy.clone());
                copy.set_fault(Some(fault));
                let result = bundle.take_in(&target);
                copy.set_fault(None);
                let again = bundle.take_in(&target);
                assert!(again.is_ok(), "{fault:?}: {result:?}, then {again:?}");
                assert_same(&copy.files(), &whole.files());
            }
        }
    }
}
