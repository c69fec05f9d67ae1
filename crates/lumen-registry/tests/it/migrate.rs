//! Unsigned registries that become signed ones.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use lumen_core::{
    Digest, Key,
    index::{Artifact, Release},
    json,
    key::ArtifactKind,
    signing::SecretKey,
    trust::{Event, Subject},
};
use lumen_registry::{
    Registry, Storage,
    log::{Writer, check},
    migrate::{Assignments, Inventory, MigrateOptions, Migrated, migrate, take_stock},
    progress::nobody,
    publish::{PublishError, PublishRequest, init, publish},
    storage::{Fault, FaultKind, MemoryStorage},
};

use crate::{NOW, block_on, change, name, request, version, yanked};

const ORIGIN: &str = "t/00112233";

fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(name, *Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

/// Whatever is in an archive is good.
fn any(_: &Release, _: &Artifact, _: &mut dyn Read) -> io::Result<Result<(), String>> {
    Ok(Ok(()))
}

fn stock(storage: &Storage) -> Inventory {
    block_on(take_stock(storage, &any, &nobody)).unwrap()
}

fn run_as(
    storage: &Storage,
    who: &str,
    assignments: Assignments,
) -> Result<Migrated, PublishError> {
    let signer = key(who);
    let options = MigrateOptions {
        origin: ORIGIN.into(),
        signer: &signer,
        now: "2026-01-31T10:30:00Z".into(),
        assignments,
    };
    let inventory = block_on(take_stock(storage, &any, &nobody))?;
    assert_eq!(inventory.problems, []);
    block_on(migrate(storage, &inventory, &options, &nobody))
}

fn run(storage: &Storage) -> Result<Migrated, PublishError> {
    run_as(storage, "ada", Assignments::default())
}

/// A registry made by publishing, with one package as the guide makes it by hand.
fn registry() -> (MemoryStorage, Storage) {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    block_on(async {
        init(&storage, "t", NOW).await.unwrap();
        for (package, number, time) in [
            ("a", "1.1.0", "2024-03-01T00:00:00Z"),
            ("a", "1.0.0", "2024-01-01T00:00:00Z"),
            ("@s/b", "1.0.0", "2024-02-01T00:00:00Z"),
            ("@s/c", "1.0.0-rc.1", "2024-02-02T00:00:00Z"),
        ] {
            let wanted = PublishRequest {
                now: time.into(),
                ..request(package, number, &format!("{package} {number}"))
            };
            publish(&storage, &wanted).await.unwrap();
        }
        let burns = yanked("1.0.0", "it\nburns");
        change(&storage, "a", burns).await.unwrap();
    });
    let gzip = b"\x1f\x8b and so on";
    let digest = Digest::of(gzip);
    let artifact = Key::artifact(&digest, ArtifactKind::Tar);
    let release = format!(
        r#"{{ "name": "hand", "version": "0.1.0", "deps": {{}}, "license": "MIT",
  "artifacts": [{{ "kind": "tar", "url": "{artifact}", "hash": "{digest}", "size": {} }}] }}"#,
        gzip.len()
    );
    let index = r#"{"name": "hand", "versions": ["0.1.0"], "description": "By hand", "x-mine": 1}"#;
    let hand = name("hand");
    for (key, bytes) in [
        (artifact, &gzip[..]),
        (Key::release(&hand, &version("0.1.0")), release.as_bytes()),
        (Key::package_index(&hand), index.as_bytes()),
    ] {
        block_on(storage.create(&key, bytes)).unwrap();
    }
    (memory, storage)
}

fn events(storage: &Storage, package: &str) -> Vec<Event> {
    let key = Key::package_index(&name(package));
    let (bytes, _) = block_on(storage.get(&key, 1 << 20)).unwrap().unwrap();
    lumen_core::index::events_of(&bytes).unwrap()
}

#[test]
fn everything_is_logged_and_nothing_changed() {
    let (memory, storage) = registry();
    let before = memory.files();
    let inventory = stock(&storage);
    assert_eq!(memory.files(), before);
    assert_eq!(inventory.releases(), (5, 1));
    assert_eq!(inventory.packages.len(), 4);
    let subjects: Vec<String> = inventory
        .subjects()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(subjects, ["@s", "a", "hand"]);
    let warned: Vec<&str> = inventory.warnings.iter().map(|w| w.file.as_str()).collect();
    assert_eq!(warned, ["packages/hand/index.json"]);

    let migrated = run(&storage).unwrap();
    // Three claims, five releases, a yank.
    assert_eq!(migrated.entries, 9);
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
    let after = memory.files();
    for (key, bytes) in &before {
        if key.mutability() == lumen_core::key::Mutability::Immutable {
            assert_eq!(after.get(key), Some(bytes), "{key}");
        }
    }
    let reader = Registry::on("t", storage.clone());
    let info = block_on(reader.trust()).unwrap().unwrap();
    assert_eq!(
        Some(info.fingerprint),
        migrated.root.map(|root| root.fingerprint)
    );
    let a = block_on(reader.package_index(&name("a"))).unwrap().unwrap();
    assert_eq!(a.versions, [version("1.0.0"), version("1.1.0")]);
    assert_eq!(a.yank_reason(&version("1.0.0")), Some(Some("it burns")));
    let history = block_on(reader.provenance(&name("a"))).unwrap().unwrap();
    assert_eq!(
        history.releases[&version("1.0.0")].time,
        "2024-01-01T00:00:00Z"
    );
    for package in ["a", "@s/b", "@s/c", "hand"] {
        let index = block_on(reader.package_index(&name(package)))
            .unwrap()
            .unwrap();
        for number in &index.versions {
            let read = block_on(reader.release(&name(package), number, None));
            assert!(read.unwrap().is_some());
        }
    }
    // In the order in which things happened.
    let places: Vec<u64> = ["a", "@s/b", "@s/c"]
        .iter()
        .flat_map(|package| events(&storage, package))
        .filter(|event| event.note.starts_with("lumen/publish"))
        .map(|event| event.i)
        .collect();
    let (first, last) = (places[0], places[1]);
    assert!(first < places[2] && places[2] < places[3] && places[3] < last);
    // Fields of others stay.
    let index = &after[&Key::package_index(&name("hand"))];
    let index: serde_json::Value = json::parse(index).unwrap();
    assert_eq!(index["x-mine"], 1);

    // Once more, there is nothing to do; and it goes on.
    let again = run(&storage).unwrap();
    assert_eq!((again.entries, again.root), (0, None));
    assert_eq!(memory.files(), after);
    let wanted = PublishRequest {
        signer: Some(std::sync::Arc::new(key("ada"))),
        ..request("a", "2.0.0", "a 2.0.0")
    };
    block_on(publish(&storage, &wanted)).unwrap();
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
}

#[test]
fn what_cannot_be_signed_is_listed() {
    let (_, storage) = registry();
    let set = |path: &str, bytes: &[u8]| {
        let key = Key::parse(path).unwrap();
        let (_, revision) = block_on(storage.get(&key, 1 << 20)).unwrap().unzip();
        block_on(storage.replace(&key, revision.as_ref(), bytes)).unwrap();
    };
    set(
        "packages/a/index.json",
        br#"{"name": "a", "versions": ["1.0.0", "1.1.0", "9.0.0"]}"#,
    );
    set("packages/@s/b/index.json", b"{}");
    set(
        "packages/Upper/index.json",
        br#"{"name": "Upper", "versions": []}"#,
    );
    set("packages/hand/0.2.0.json", b"never listed");
    let key = Key::release(&name("@s/c"), &version("1.0.0-rc.1"));
    let (bytes, _) = block_on(storage.get(&key, 1 << 20)).unwrap().unwrap();
    let release: Release = json::parse(&bytes).unwrap();
    set(&release.artifacts[1].url, b"tampered");
    let inventory = stock(&storage);
    let problems: BTreeMap<&str, &str> = inventory
        .problems
        .iter()
        .map(|problem| (problem.file.as_str(), problem.what.as_str()))
        .collect();
    assert_eq!(problems["packages/a/9.0.0.json"], "it does not exist");
    assert!(problems["packages/@s/b/index.json"].contains("missing field"));
    assert!(problems["packages/Upper/index.json"].contains("not allowed"));
    assert!(problems["packages/@s/c/1.0.0-rc.1.json"].contains("another size or hash"));
    assert_eq!(problems.len(), 4);
    let warned = |path: &str| {
        inventory
            .warnings
            .iter()
            .any(|warning| warning.file == path)
    };
    assert!(warned("packages/hand/0.2.0.json"));
}

#[test]
fn owners_can_be_named() {
    let (_, storage) = registry();
    let bob = key("bob").public().clone();
    let assignments = Assignments {
        owners: BTreeMap::from([(Subject::Package(name("a")), vec![bob.clone()])]),
        publishers: BTreeMap::from([(name("@s/c"), vec![bob.clone()])]),
    };
    run_as(&storage, "ada", assignments).unwrap();
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
    let ada = key("ada");
    let writer = Writer {
        storage: &storage,
        signer: &ada,
        last_seen: None,
    };
    let state = block_on(writer.state()).unwrap();
    let owners = |package: &str| {
        let history = block_on(state.package(&name(package))).unwrap();
        history.owners.current().unwrap().clone()
    };
    let may = |package: &str| {
        let note = owners(package);
        note.publishers_of(&name(package)).any(|key| *key == bob)
    };
    assert!(owners("a").admins.contains(&bob) && !owners("hand").admins.contains(&bob));
    assert!(may("a") && may("@s/c") && !may("@s/b") && !may("hand"));
}

#[test]
fn a_kill_anywhere_is_made_good() {
    let (memory, _) = registry();
    let before = memory.files();
    let whole = MemoryStorage::with_files(before.clone());
    whole.set_fault(None);
    run(&Storage::Memory(whole.clone())).unwrap();
    let operations = whole.operations();
    let mut cases = 0;
    for at in 1..=operations {
        for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
            let memory = MemoryStorage::with_files(before.clone());
            let storage = Storage::Memory(memory.clone());
            memory.set_fault(Some(Fault {
                at,
                kind,
                dead_afterwards: true,
            }));
            let result = run(&storage);
            memory.set_fault(None);
            // Who reads it now sees it as it was, or an error, or all of it.
            let reader = Registry::on("t", storage.clone());
            if let Ok(Some(index)) = block_on(reader.package_index(&name("a"))) {
                assert_eq!(index.versions.len(), 2, "{at} {kind:?} {result:?}");
            }
            run(&storage).unwrap();
            assert_eq!(
                block_on(check(&storage, &nobody)).unwrap(),
                [],
                "{at} {kind:?}"
            );
            let reader = Registry::on("t", storage.clone());
            for package in ["a", "@s/b", "@s/c", "hand"] {
                let index = block_on(reader.package_index(&name(package)))
                    .unwrap()
                    .unwrap();
                assert!(!index.versions.is_empty(), "{at} {kind:?}");
            }
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn a_registry_that_was_signed_without_its_releases() {
    let (_, storage) = registry();
    let ada = key("ada");
    block_on(lumen_registry::log::sign_existing(
        &storage, ORIGIN, &ada, NOW,
    ))
    .unwrap();
    let error = run_as(&storage, "eve", Assignments::default()).unwrap_err();
    assert!(matches!(error, PublishError::LogKey { .. }), "{error}");
    let migrated = run(&storage).unwrap();
    assert_eq!((migrated.entries, migrated.root), (9, None));
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
}

#[test]
fn what_an_inspector_finds_in_an_archive_is_a_problem_of_its_release() {
    let (_, storage) = registry();
    let inspect = |release: &Release, artifact: &Artifact, bytes: &mut dyn Read| {
        let mut read = Vec::new();
        bytes.read_to_end(&mut read)?;
        assert_eq!(Digest::of(&read), artifact.hash);
        Ok(match release.version == version("1.1.0") {
            true => Err("it is odd".into()),
            false => Ok(()),
        })
    };
    let found = block_on(take_stock(&storage, &inspect, &nobody)).unwrap();
    let said = found
        .problems
        .iter()
        .map(|it| format!("{}: {}", it.file, it.what));
    assert_eq!(
        said.collect::<Vec<_>>(),
        ["packages/a/1.1.0.json: it is odd"]
    );
    assert_eq!(found.releases(), (4, 1));
}
