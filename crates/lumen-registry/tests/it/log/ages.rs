//! How old clients take releases to be, whatever their publishers, hosts and witnesses do.

use std::{collections::BTreeMap, path::Path};

use lumen_core::{
    checkpoint::cosigned_message,
    signing::CosignerKey,
    trust::{Basis, Bounds, text::time_of},
};
use lumen_registry::{
    Location, Registry, RegistryOptions,
    log::{Cosignature, cosign, states},
    mirror::{MirrorOptions, mirror},
    storage::{HostOptions, Storages},
    verify::TrustOptions,
};

use lumen_testkit::verifier::verify;

use super::*;

const DAY: i64 = 86_400;

/// A day of a month in the past, at noon.
fn day(day: i64) -> i64 {
    1_770_033_600 + day * DAY
}

async fn put_on(storage: &Storage, package: &str, number: &str, seconds: i64) {
    let request = PublishRequest {
        now: time_of(seconds),
        ..request("ada", package, number)
    };
    publish(storage, &request).await.unwrap();
}

/// A client whose clock says this time. `state`: where it remembers what it saw.
pub(super) fn client(storage: &Storage, now: i64, state: Option<&Path>) -> Registry {
    let place = Location::parse("https://r.example/x").unwrap();
    let options = RegistryOptions {
        trust: TrustOptions {
            now,
            state_dir: state.map(Path::to_owned),
            ..TrustOptions::default()
        },
        host: HostOptions {
            storages: Storages::default().with(&place, storage.clone()),
            ..HostOptions::default()
        },
        ..RegistryOptions::default()
    };
    Registry::open("r", place, &options).unwrap()
}

/// The bounds of the releases of a package, for a limit.
async fn bounds(registry: &Registry, package: &str, limit: i64) -> BTreeMap<String, Bounds> {
    let index = registry.package_index(&name(package)).await.unwrap();
    let released = registry.released(&index.unwrap(), &[limit]).await.unwrap();
    let released = released.into_iter();
    released
        .map(|(version, b)| (version.to_string(), b))
        .collect()
}

/// The versions that are older than a moment.
async fn older(registry: &Registry, package: &str, limit: i64) -> Vec<String> {
    let bounds = bounds(registry, package, limit).await;
    let older = bounds
        .into_iter()
        .filter(|(_, bounds)| bounds.since <= limit);
    older.map(|(version, _)| version).collect()
}

/// The only witness signs everything there is.
pub(super) async fn sign(storage: &Storage, seconds: i64) {
    let (witness, time) = (key("wit"), u64::try_from(seconds).unwrap());
    let shown = states(storage).await.unwrap();
    let signed: Vec<Cosignature> = shown
        .into_iter()
        .map(|shown| Cosignature {
            checkpoint: shown.checkpoint,
            key: CosignerKey::new(witness.public().clone()),
            time,
            signature: witness.sign(&cosigned_message(&shown.note.text, time)),
        })
        .collect();
    cosign(storage, &signed).await.unwrap();
}

/// Asks for one witness, or for none.
pub(super) fn watched(storage: &Storage, quorum: u32, seconds: i64) {
    change_root(storage, |root| {
        root.time = time_of(seconds);
        root.witnesses = vec![CosignerKey::new(key("wit").public().clone())];
        root.witness_quorum = quorum;
    });
}

#[tokio::test]
async fn a_back_dated_release_is_as_young_as_the_entries_before_it() {
    let storage = Storage::Memory(MemoryStorage::new());
    init(&storage).await.unwrap();
    put_on(&storage, "a", "1.0.0", day(0)).await;
    put_on(&storage, "b", "1.0.0", day(9)).await;
    // With a stolen key, and a clock that is two months behind.
    put_on(&storage, "a", "1.1.0", day(-60)).await;
    let registry = client(&storage, day(10), None);
    assert_eq!(older(&registry, "a", day(3)).await, ["1.0.0"]);
    let all = bounds(&registry, "a", day(3)).await;
    assert_eq!(all["1.1.0"].not_before, Some((day(9), Basis::Entries)));
    assert_eq!(all["1.1.0"].since, day(9));
    assert!(!all["1.1.0"].is_proven());
    // Long after, it is old.
    assert_eq!(
        older(&client(&storage, day(20), None), "a", day(13))
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn an_entry_of_the_future_moves_no_other() {
    let storage = Storage::Memory(MemoryStorage::new());
    init(&storage).await.unwrap();
    put_on(&storage, "a", "1.0.0", day(0)).await;
    let before = bounds(&client(&storage, day(10), None), "a", day(3)).await;
    for (number, date) in [("1.0.0", day(40)), ("1.1.0", 4_070_908_800)] {
        put_on(&storage, "liar", number, date).await;
    }
    put_on(&storage, "a", "1.1.0", day(1)).await;
    let registry = client(&storage, day(10), None);
    let after = bounds(&registry, "a", day(3)).await;
    assert_eq!(after["1.0.0"], before["1.0.0"]);
    assert_eq!(after["1.1.0"].since, day(1));
    assert_eq!(older(&registry, "a", day(3)).await, ["1.0.0", "1.1.0"]);
    assert_eq!(older(&registry, "liar", day(3)).await, [""; 0]);
}

#[tokio::test]
async fn what_a_client_did_not_see_is_not_older() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path());
    let storage = Storage::Memory(MemoryStorage::new());
    init(&storage).await.unwrap();
    put_on(&storage, "a", "1.0.0", day(0)).await;
    for seen in [day(1), day(2), day(2) + 60, day(9)] {
        client(&storage, seen, state).trust().await.unwrap();
    }
    // The first entry after a quiet time, so that no other is before it.
    put_on(&storage, "a", "1.1.0", day(-60)).await;
    let stranger = client(&storage, day(10), None);
    assert_eq!(older(&stranger, "a", day(3)).await.len(), 2);
    let registry = client(&storage, day(10), state);
    assert_eq!(older(&registry, "a", day(3)).await, ["1.0.0"]);
    let all = bounds(&registry, "a", day(3)).await;
    assert_eq!(all["1.1.0"].not_before, Some((day(9), Basis::Machine)));
}

#[tokio::test]
async fn the_age_of_a_witnessed_release_counts_from_its_first_witnesses() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    init(&storage).await.unwrap();
    put_on(&storage, "a", "1.0.0", day(-90)).await;
    watched(&storage, 1, day(0));
    sign(&storage, day(0)).await;
    put_on(&storage, "a", "1.1.0", day(2)).await;
    sign(&storage, day(2)).await;
    put_on(&storage, "a", "1.2.0", day(-60)).await;
    sign(&storage, day(9)).await;
    let early = client(&storage, day(10), None);
    assert_eq!(older(&early, "a", day(3)).await, ["1.0.0", "1.1.0"]);
    // Nothing more is published, and the witness goes on.
    for quiet in 10..30 {
        sign(&storage, day(quiet)).await;
    }
    let kept: Vec<Key> = storage.list(Key::WITNESSED).await.unwrap();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert_clean(&storage);
    let registry = client(&storage, day(30), None);
    let all = bounds(&registry, "a", day(20)).await;
    let since = |all: &BTreeMap<String, Bounds>| -> Vec<i64> {
        all.values()
            .map(|bounds| (bounds.since - day(0)) / DAY)
            .collect()
    };
    let near = bounds(&registry, "a", day(1)).await;
    assert_eq!(since(&near), [0, 2, 9]);
    assert!(near.values().all(Bounds::is_proven));
    assert_eq!(
        all.values().map(|b| b.since <= day(20)).collect::<Vec<_>>(),
        [true; 3]
    );
    assert_eq!(older(&registry, "a", day(5)).await, ["1.0.0", "1.1.0"]);

    // A mirror has the same evidence.
    let copy = Storage::Memory(MemoryStorage::new());
    let source = client(&storage, day(30), None);
    mirror(&source, &copy, &MirrorOptions::default(), &nobody)
        .await
        .unwrap();
    let copied = client(&copy, day(30), None);
    assert_eq!(bounds(&copied, "a", day(1)).await, near);
    assert_clean(&copy);

    // The other verifier accepts what was kept, and nothing else.
    let folder = tempfile::tempdir().unwrap();
    let write = |key: &Key, bytes: &[u8]| {
        let path = folder.path().join(key.as_str());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for (key, bytes) in memory.files() {
        write(&key, &bytes);
    }
    // The archives of these tests are none, which it says, too.
    if let Some((_, said)) = verify(folder.path()) {
        assert!(!said.contains("log/"), "{said}");
        write(&kept[1], &memory.file(&kept[0]).unwrap());
        let (_, said) = verify(folder.path()).unwrap();
        let expected = format!("{}: another checkpoint", kept[1]);
        assert!(said.contains(&expected), "{said}");
    }

    // A host that hides evidence makes nothing older, not even where the witnesses have left.
    let hidden = |files: &mut BTreeMap<Key, Vec<u8>>| {
        files.retain(|key, _| !key.as_str().starts_with("log/witnessed"));
    };
    let mut files = memory.files();
    hidden(&mut files);
    let poor = Storage::Memory(MemoryStorage::with_files(files));
    let younger = bounds(&client(&poor, day(30), None), "a", day(1)).await;
    assert_eq!(since(&younger), [29, 29, 29]);
    watched(&storage, 0, day(29));
    let left = client(&storage, day(30), None);
    assert_eq!(since(&bounds(&left, "a", day(1)).await), [0, 2, 9]);
    let mut files = memory.files();
    hidden(&mut files);
    let poor = Storage::Memory(MemoryStorage::with_files(files));
    let younger = bounds(&client(&poor, day(30), None), "a", day(1)).await;
    assert_eq!(since(&younger), [29, 29, 29]);
}

#[tokio::test]
async fn evidence_that_no_witness_signed_shows_nothing() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    init(&storage).await.unwrap();
    watched(&storage, 1, day(0));
    sign(&storage, day(0)).await;
    put_on(&storage, "a", "1.0.0", day(9)).await;
    sign(&storage, day(9)).await;
    let honest = bounds(&client(&storage, day(10), None), "a", day(3)).await;
    assert_eq!(honest["1.0.0"].since, day(9));
    // The host invents an earlier signature: an old text, and another size in its name.
    let files = memory.files();
    let old = files
        .iter()
        .find(|(key, _)| key.as_str().starts_with(Key::WITNESSED));
    let old = old.unwrap().1.clone();
    let unsigned = {
        let mut note = Note::parse(&files[&Key::checkpoint()]).unwrap();
        note.signatures.pop();
        note.to_text().into_bytes()
    };
    let size = states(&storage).await.unwrap()[0].checkpoint.size;
    for forged in [old, unsigned, b"?".to_vec()] {
        let mut files = files.clone();
        files.insert(Key::witnessed(size), forged);
        let list = format!("{{\"witnessed\":[[{size},{}]]}}", day(1));
        files.insert(Key::witnessed_list(), list.into_bytes());
        let lying = Storage::Memory(MemoryStorage::with_files(files));
        let registry = client(&lying, day(10), None);
        assert_eq!(older(&registry, "a", day(3)).await, [""; 0]);
        let findings = check(&lying, &nobody).await.unwrap();
        assert!(
            findings
                .iter()
                .any(|f| f.file.starts_with("log/witnessed/")),
            "{findings:?}"
        );
    }
}
