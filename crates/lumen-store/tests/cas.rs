//! The store: nothing wrong gets in, nothing changed comes out, many may work at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::{
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    sync::Barrier,
};

use lumen_core::Digest;
use lumen_store::{
    Sources,
    archive::Rule,
    cas::{Check, DriftKind, Entry, Expect, InsertError, Inserted, Proof, Store, Verified},
    pack::{self, PackOptions, Packed},
};

const MANIFEST: &str = "[package]\nname = \"x\"\n";

/// A package with two files, an executable and a folder in a folder.
fn packed(marker: &str) -> Packed {
    let dir = tempfile::tempdir().unwrap();
    for (path, contents) in [
        ("lumen.toml", MANIFEST),
        ("src/a/main.lm", marker),
        ("bin/run", "#!/bin/sh\n"),
    ] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    #[cfg(unix)]
    fs::set_permissions(
        dir.path().join("bin/run"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    pack::pack(dir.path(), &PackOptions::default()).unwrap()
}

fn expect(packed: &Packed) -> Expect {
    Expect {
        hash: packed.digest,
        size: Some(packed.tar.len() as u64),
        plain: None,
    }
}

fn insert(store: &Store, packed: &Packed) -> Inserted {
    store
        .insert(&packed.digest, &packed.tar[..], &expect(packed))
        .unwrap()
}

/// Everything below the store that is not a lock, relative.
fn all_files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if !relative.ends_with("lock") {
                found.push(relative);
            }
        }
    }
    found.sort();
    found
}

struct World {
    dir: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        Self { dir, store }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn get(&self, digest: &Digest) -> Option<Entry> {
        self.store.get(digest, Check::Quick).unwrap()
    }
}

#[test]
fn a_package_goes_in_and_comes_out() {
    let world = World::new();
    let packed = packed("one");
    assert_eq!(world.get(&packed.digest), None);
    let inserted = insert(&world.store, &packed);
    assert_eq!(inserted.manifest.as_deref(), Some(MANIFEST.as_bytes()));
    let entry = world.get(&packed.digest).unwrap();
    assert_eq!(entry, inserted.entry);
    assert_eq!(
        world.store.get(&packed.digest, Check::Marker).unwrap(),
        Some(entry.clone())
    );
    assert_eq!((entry.files(), entry.sources()), (3, Sources::Src));
    assert_eq!(entry.unpacked(), MANIFEST.len() as u64 + 3 + 10);
    assert_eq!(
        entry.manifest_digest(),
        Some(&Digest::of(MANIFEST.as_bytes()))
    );
    assert_eq!(
        entry.manifest().unwrap().as_deref(),
        Some(MANIFEST.as_bytes())
    );
    assert_eq!(
        fs::read_to_string(entry.tree().join("src/a/main.lm")).unwrap(),
        "one"
    );
    let hex = packed.digest.hex();
    assert_eq!(
        entry.tree(),
        world
            .root()
            .join("sha256")
            .join(&hex[..2])
            .join(&hex[2..])
            .join("tree")
    );
    assert_eq!(
        world.store.verify(&packed.digest).unwrap(),
        Verified::Intact(Proof::Archive)
    );
    // Again: the same entry, nothing left over.
    assert_eq!(insert(&world.store, &packed), inserted);
    drop(world.store);
    let entry = format!("sha256/{}/{}", &hex[..2], &hex[2..]);
    let expected = [
        "files",
        "tree/bin/run",
        "tree/lumen.toml",
        "tree/src/a/main.lm",
    ];
    assert_eq!(
        all_files(&world.dir.path().join("store")),
        expected.map(|file| format!("{entry}/{file}"))
    );
}

#[cfg(unix)]
#[test]
fn files_are_read_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let entry = insert(&world.store, &packed("one")).entry;
    let mode = |file: &str| {
        fs::metadata(entry.tree().join(file))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("lumen.toml") & 0o222, 0);
    assert_eq!(mode("lumen.toml") & 0o111, 0);
    assert_eq!(mode("bin/run") & 0o300, 0o100);
    assert_eq!(mode("src") & 0o700, 0o700);
}

#[test]
fn a_compressed_artifact_is_the_same_package() {
    let world = World::new();
    let packed = packed("one");
    let expect = Expect {
        hash: packed.zst_digest,
        size: Some(packed.zst.len() as u64),
        plain: Some(packed.digest),
    };
    world
        .store
        .insert(&packed.digest, &packed.zst[..], &expect)
        .unwrap();
    assert_eq!(
        world.store.verify(&packed.digest).unwrap(),
        Verified::Intact(Proof::Archive)
    );

    // The right bytes, but of another package.
    let other = self::packed("two");
    let lying = Expect {
        plain: Some(other.digest),
        ..expect.clone()
    };
    let error = world
        .store
        .insert(&other.digest, &packed.zst[..], &lying)
        .unwrap_err();
    assert!(
        matches!(error, InsertError::Plain { expected, actual } if expected == other.digest && actual == packed.digest)
    );
    assert_eq!(world.get(&other.digest), None);
    // Checking one digest and filing under another is no way in either.
    let error = world
        .store
        .insert(&other.digest, &packed.tar[..], &self::expect(&packed))
        .unwrap_err();
    assert!(matches!(error, InsertError::Io(error) if error.kind() == io::ErrorKind::InvalidInput));
}

#[test]
fn an_archive_made_by_hand_is_proven_by_its_record() {
    let world = World::new();
    let packed = packed("one");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&packed.tar).unwrap();
    let bytes = encoder.finish().unwrap();
    let digest = Digest::of(&bytes);
    let expect = Expect {
        hash: digest,
        size: None,
        plain: None,
    };
    world.store.insert(&digest, &bytes[..], &expect).unwrap();
    assert_eq!(
        world.store.verify(&digest).unwrap(),
        Verified::Intact(Proof::Record)
    );
}

/// A source that breaks off.
struct Broken<'b>(&'b [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            count => Ok(count),
        }
    }
}

#[test]
fn nothing_wrong_gets_in() {
    let world = World::new();
    let packed = packed("one");
    let (bytes, size) = (&packed.tar, packed.tar.len() as u64);
    let good = expect(&packed);
    let check = |label: &str,
                 source: &mut dyn Read,
                 expect: &Expect,
                 test: &dyn Fn(&InsertError) -> bool| {
        let error = world
            .store
            .insert(&expect.hash, source, expect)
            .unwrap_err();
        assert!(test(&error), "{label}: {error:?}");
        assert_eq!(world.get(&expect.hash), None, "{label}");
    };
    let changed = |at: usize| {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        changed
    };
    let short = |error: &InsertError| matches!(error, InsertError::Size { more: false, .. });
    let hash = |error: &InsertError| matches!(error, InsertError::Hash { .. });
    check("stops", &mut &bytes[..700], &good, &short);
    check("stops at once", &mut io::empty(), &good, &short);
    check("stops between blocks", &mut &bytes[..1024], &good, &short);
    check(
        "goes on",
        &mut (&bytes[..]).chain(io::repeat(0)),
        &good,
        &|error| matches!(error, InsertError::Size { more: true, actual, expected } if *actual == size + 1 && *expected == size),
    );
    let smaller = Expect {
        size: Some(512),
        ..good.clone()
    };
    check(
        "longer than announced",
        &mut &bytes[..],
        &smaller,
        &|error| matches!(error, InsertError::Size { more: true, .. }),
    );
    let empty = Expect {
        size: Some(0),
        ..good.clone()
    };
    check("announced as nothing", &mut &bytes[..], &empty, &|error| {
        matches!(error, InsertError::Size { more: true, .. })
    });
    check(
        "breaks off",
        &mut Broken(&bytes[..700]),
        &good,
        &|error| matches!(error, InsertError::Source(error) if error.kind() == io::ErrorKind::ConnectionReset),
    );
    // Broken archives with a wrong digest are wrong bytes, whatever else they are.
    check("other contents", &mut &changed(512)[..], &good, &hash);
    check("other header", &mut &changed(0)[..], &good, &hash);
    check(
        "other end",
        &mut &changed(bytes.len() - 1)[..],
        &good,
        &hash,
    );
    let unknown = Expect {
        size: None,
        ..good.clone()
    };
    check(
        "other contents, size unknown",
        &mut &changed(0)[..],
        &unknown,
        &hash,
    );
    check(
        "something else",
        &mut &b"<html>not found</html>"[..],
        &unknown,
        &hash,
    );
    // Right bytes of a bad archive.
    let bad = changed(0);
    let announced = Expect {
        hash: Digest::of(&bad),
        size: Some(size),
        plain: None,
    };
    check(
        "bad archive",
        &mut &bad[..],
        &announced,
        &|error| matches!(error, InsertError::Refused(refusal) if refusal.rule == Rule::Checksum),
    );
    // A second try is not poisoned by all that.
    insert(&world.store, &packed);
    assert!(world.get(&packed.digest).is_some());
    assert_eq!(all_files(&world.root()).len(), 4);
}

/// Changes an entry, and checks what is noticed and that inserting again repairs it.
#[track_caller]
fn drifts(quick: bool, change: impl Fn(&Path), expected: &[(&str, DriftKind)]) {
    let world = World::new();
    let packed = packed("one");
    let tree = insert(&world.store, &packed).entry.tree().to_owned();
    // Times of change are as fine as the system's clock tick.
    std::thread::sleep(std::time::Duration::from_millis(30));
    change(&tree);
    assert_eq!(world.get(&packed.digest).is_none(), quick);
    match world.store.verify(&packed.digest).unwrap() {
        Verified::Drifted(drifts) => {
            let drifts: Vec<_> = drifts
                .iter()
                .map(|drift| (drift.path.as_str(), drift.kind))
                .collect();
            assert_eq!(drifts, expected);
        }
        other => panic!("{other:?}"),
    }
    if quick {
        insert(&world.store, &packed);
        assert!(world.get(&packed.digest).is_some());
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Intact(Proof::Archive)
        );
    } else {
        world.store.discard(&packed.digest).unwrap();
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Absent
        );
        world.store.discard(&packed.digest).unwrap();
    }
    drop(world.store);
    let left = all_files(&world.dir.path().join("store"));
    assert!(
        left.iter().all(|file| file.starts_with("sha256/")),
        "{left:?}"
    );
}

/// Overwrites a file although it is read-only.
fn overwrite(file: &Path, contents: &str) {
    let permissions = fs::metadata(file).unwrap().permissions();
    let mut writable = permissions.clone();
    #[allow(
        clippy::permissions_set_readonly_false,
        reason = "the file is in a test's own folder"
    )]
    writable.set_readonly(false);
    fs::set_permissions(file, writable).unwrap();
    fs::write(file, contents).unwrap();
    fs::set_permissions(file, permissions).unwrap();
}

#[test]
fn changes_are_noticed() {
    let main = "src/a/main.lm";
    drifts(
        true,
        |tree| overwrite(&tree.join(main), "two"),
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| overwrite(&tree.join(main), "longer"),
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| fs::remove_file(tree.join(main)).unwrap(),
        &[(main, DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| fs::write(tree.join("src/new.lm"), "").unwrap(),
        &[("src/new.lm", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::write(tree.join("new.lm"), "").unwrap(),
        &[("new.lm", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::create_dir_all(tree.join("src/a/new/x")).unwrap(),
        &[("src/a/new", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::rename(tree.join("bin/run"), tree.join("bin/ran")).unwrap(),
        &[
            ("bin/ran", DriftKind::Extra),
            ("bin/run", DriftKind::Missing),
        ],
    );
    drifts(
        true,
        |tree| {
            fs::remove_file(tree.join(main)).unwrap();
            fs::create_dir(tree.join(main)).unwrap();
        },
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| fs::remove_file(tree.with_file_name("files")).unwrap(),
        &[("", DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| fs::rename(tree, tree.with_file_name("gone")).unwrap(),
        &[("", DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| {
            let record = tree.with_file_name("files");
            let text = fs::read_to_string(&record).unwrap();
            overwrite(&record, &text[..text.len() / 2]);
        },
        &[("", DriftKind::Missing)],
    );
}

/// An edit that also sets the time back passes the quick look; reading finds it.
#[test]
fn hidden_changes_are_found_by_verify() {
    drifts(
        false,
        |tree| {
            let file = tree.join("src/a/main.lm");
            let before = fs::metadata(&file).unwrap().modified().unwrap();
            overwrite(&file, "two");
            fs::File::open(&file).unwrap().set_modified(before).unwrap();
        },
        &[("src/a/main.lm", DriftKind::Changed)],
    );
}

#[cfg(unix)]
#[test]
fn changed_modes_and_links_are_noticed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let mode =
        |file: PathBuf, mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    drifts(
        true,
        |tree| mode(tree.join("lumen.toml"), 0o644),
        &[("lumen.toml", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| mode(tree.join("lumen.toml"), 0o555),
        &[("lumen.toml", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| mode(tree.join("bin/run"), 0o444),
        &[("bin/run", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| {
            fs::rename(tree.join("src"), tree.with_file_name("elsewhere")).unwrap();
            symlink(tree.with_file_name("elsewhere"), tree.join("src")).unwrap();
        },
        &[("src", DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| {
            fs::remove_file(tree.join("lumen.toml")).unwrap();
            symlink("bin/run", tree.join("lumen.toml")).unwrap();
        },
        &[("lumen.toml", DriftKind::Changed)],
    );
}

#[test]
fn many_insert_at_once() {
    let world = World::new();
    let packages: Vec<Packed> = ["one", "two", "three"].map(packed).into();
    let barrier = Barrier::new(12);
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let (packages, barrier, world) = (&packages, &barrier, &world);
            scope.spawn(move || {
                // Half of them as other processes would.
                let own = Store::open(&world.root()).unwrap();
                let store = if thread % 2 == 0 { &own } else { &world.store };
                barrier.wait();
                for packed in packages {
                    let entry = insert(store, packed).entry;
                    assert!(store.get(entry.digest(), Check::Quick).unwrap().is_some());
                }
            });
        }
    });
    for packed in &packages {
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Intact(Proof::Archive)
        );
    }
    assert_eq!(all_files(&world.root()).len(), 12);
}

#[test]
fn many_repair_at_once() {
    let world = World::new();
    let packed = packed("one");
    let tree = insert(&world.store, &packed).entry.tree().to_owned();
    overwrite(&tree.join("lumen.toml"), "changed");
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(&world.root()).unwrap();
                barrier.wait();
                insert(&store, &packed);
                assert!(store.get(&packed.digest, Check::Quick).unwrap().is_some());
            });
        }
    });
    assert_eq!(all_files(&world.root()).len(), 4);
}

#[test]
fn cleaning_waits_for_users_and_removes_the_rest() {
    let world = World::new();
    let root = world.root();
    let (kept, dropped) = (packed("kept"), packed("dropped"));
    insert(&world.store, &kept);
    let entry = insert(&world.store, &dropped).entry;
    // Left by a killed process.
    fs::create_dir_all(root.join("tmp/dead/0")).unwrap();
    let stats = world.store.stats().unwrap();
    assert_eq!((stats.entries, stats.files), (2, 6));

    let cleaner = Store::open(&root).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let cleaning = std::thread::spawn(move || {
        let removed = cleaner.clean(|digest| *digest == kept.digest).unwrap();
        sender.send(()).unwrap();
        (removed, kept)
    });
    let waited = receiver.recv_timeout(std::time::Duration::from_millis(50));
    assert!(waited.is_err(), "cleaned under a user's feet");
    assert!(entry.tree().is_dir());
    drop(world.store);
    let (removed, kept) = cleaning.join().unwrap();
    assert_eq!(
        (removed.entries, removed.files, removed.bytes),
        (1, 3, entry.unpacked())
    );
    let store = Store::open(&root).unwrap();
    assert!(store.get(&kept.digest, Check::Quick).unwrap().is_some());
    assert_eq!(store.get(&dropped.digest, Check::Marker).unwrap(), None);
    assert_eq!(store.stats().unwrap().entries, 1);
    assert!(!root.join("tmp/dead").exists());
}
