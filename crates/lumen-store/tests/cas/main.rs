//! The store: nothing wrong gets in, nothing changed comes out, many may work at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod drift;
mod many;

use std::{
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use lumen_core::Digest;
use lumen_store::{
    Sources,
    archive::Rule,
    cas::{Check, Entry, Expect, InsertError, Inserted, Proof, Store, Verified},
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
