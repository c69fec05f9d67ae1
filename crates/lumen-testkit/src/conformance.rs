//! What every storage must do, and what every registry must look like.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test kit fails a test by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Barrier},
};

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{GlobalIndex, PackageIndex, Release, ReleaseSummary, identity},
    json,
};
use lumen_registry::{Storage, StorageError};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Checks the contract of the four operations on an empty storage.
///
/// # Panics
/// When the storage breaks the contract.
pub async fn storage(storage: &Storage) {
    reads(storage).await;
    creates(storage).await;
    replaces(storage).await;
    lists(storage).await;
}

async fn reads(storage: &Storage) {
    assert!(storage.get(&key("nothing"), 10).await.unwrap().is_none());
    assert!(
        storage
            .get(&key("no/such/folder"), 10)
            .await
            .unwrap()
            .is_none()
    );
    let file = key("read/five");
    storage.create(&file, b"12345").await.unwrap();
    assert_eq!(storage.get(&file, 5).await.unwrap().unwrap().0, b"12345");
    let error = storage.get(&file, 4).await.unwrap_err();
    assert!(
        matches!(error, StorageError::TooLarge { limit: 4, .. }),
        "{error}"
    );
    // What is below a file is absent, not an error.
    assert!(storage.get(&key("read/five/x"), 9).await.unwrap().is_none());
    let mut out = Vec::new();
    assert_eq!(storage.read_to(&file, 5, &mut out).await.unwrap(), Some(5));
    assert_eq!(out, b"12345");
    let error = storage
        .read_to(&file, 4, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { .. }), "{error}");
    let absent = storage.read_to(&key("nothing"), 4, &mut Vec::new()).await;
    assert_eq!(absent.unwrap(), None);
}

async fn creates(storage: &Storage) {
    let file = key("create/@a/b+c.json");
    storage.create(&file, b"one").await.unwrap();
    storage.create(&file, b"one").await.unwrap();
    for other in [&b"two"[..], b"", b"one and more"] {
        let error = storage.create(&file, other).await.unwrap_err();
        assert!(matches!(error, StorageError::Exists { .. }), "{error}");
    }
    assert_eq!(storage.get(&file, 99).await.unwrap().unwrap().0, b"one");
    let empty = key("create/empty");
    storage.create(&empty, b"").await.unwrap();
    assert_eq!(storage.get(&empty, 0).await.unwrap().unwrap().0, b"");
}

async fn replaces(storage: &Storage) {
    let file = key("replace/index.json");
    let conflict = |result: Result<(), StorageError>| match result {
        Err(StorageError::Conflict { .. }) => {}
        other => panic!("expected a conflict, not {other:?}"),
    };
    let (_, stranger) = storage.get(&key("read/five"), 9).await.unwrap().unwrap();
    conflict(storage.replace(&file, Some(&stranger), b"0").await);
    assert!(storage.get(&file, 9).await.unwrap().is_none());
    storage.replace(&file, None, b"1").await.unwrap();
    conflict(storage.replace(&file, None, b"2").await);
    let (bytes, first) = storage.get(&file, 9).await.unwrap().unwrap();
    assert_eq!(bytes, b"1");
    storage.replace(&file, Some(&first), b"2").await.unwrap();
    conflict(storage.replace(&file, Some(&first), b"3").await);
    let (bytes, second) = storage.get(&file, 9).await.unwrap().unwrap();
    assert_eq!(bytes, b"2");
    assert_ne!(first, second);
    let large = vec![b'x'; 3 << 20];
    storage.replace(&file, Some(&second), &large).await.unwrap();
    let (bytes, third) = storage.get(&file, 4 << 20).await.unwrap().unwrap();
    assert!(bytes == large);
    conflict(storage.replace(&file, Some(&second), &large).await);
    storage.replace(&file, Some(&third), b"4").await.unwrap();
}

async fn lists(storage: &Storage) {
    for name in [
        "list/b/2.json",
        "list/a.json",
        "list/b/1.json",
        "list-other",
    ] {
        storage.create(&key(name), b"{}").await.unwrap();
    }
    let listed = |keys: Vec<Key>| -> Vec<String> {
        keys.iter().map(|key| key.as_str().to_owned()).collect()
    };
    assert_eq!(
        listed(storage.list("list/").await.unwrap()),
        ["list/a.json", "list/b/1.json", "list/b/2.json"]
    );
    assert_eq!(
        listed(storage.list("list/b/").await.unwrap()),
        ["list/b/1.json", "list/b/2.json"]
    );
    assert!(storage.list("nowhere/").await.unwrap().is_empty());
    let all = listed(storage.list("").await.unwrap());
    assert!(all.is_sorted());
    assert!(all.contains(&"list-other".to_owned()) && all.contains(&"create/empty".to_owned()));
    assert!(
        all.iter()
            .all(|name| !name.split('/').any(|part| part.starts_with('.')))
    );
}

/// Lets threads count to `threads * rounds` by compare-and-swap, and race to create files.
///
/// # Panics
/// When an increment is lost or a file is created twice.
pub fn races(storage: &Storage, threads: usize, rounds: usize) {
    // Connections belong to the runtime that made them, so all share one; a storage
    // that blocks still has a thread for each.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap();
    let barrier = Arc::new(Barrier::new(threads));
    let start = |thread: usize| {
        let (storage, barrier) = (storage.clone(), Arc::clone(&barrier));
        runtime.spawn(async move {
            barrier.wait();
            count_and_create(&storage, thread, rounds).await
        })
    };
    let running: Vec<_> = (0..threads).map(start).collect();
    let created: Vec<Vec<bool>> = running
        .into_iter()
        .map(|task| runtime.block_on(task).unwrap())
        .collect();
    let (count, _) = runtime
        .block_on(storage.get(&key("race/count"), 99))
        .unwrap()
        .unwrap();
    assert_eq!(count, (threads * rounds).to_string().as_bytes());
    for round in 0..rounds {
        let won = |thread: &usize| created[*thread].get(round) == Some(&true);
        let winners: Vec<usize> = (0..threads).filter(won).collect();
        let file = key(&format!("race/created-{round}"));
        let (bytes, _) = runtime.block_on(storage.get(&file, 99)).unwrap().unwrap();
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(bytes, winners[0].to_string().as_bytes(), "round {round}");
    }
}

async fn count_and_create(storage: &Storage, thread: usize, rounds: usize) -> Vec<bool> {
    let mut created = Vec::new();
    for round in 0..rounds {
        let file = key(&format!("race/created-{round}"));
        match storage.create(&file, thread.to_string().as_bytes()).await {
            Ok(()) => created.push(true),
            Err(StorageError::Exists { .. }) => created.push(false),
            Err(error) => panic!("{error}"),
        }
        loop {
            let (bytes, revision) = storage.get(&key("race/count"), 99).await.unwrap().unzip();
            let count: usize = bytes.map_or(0, |bytes| {
                String::from_utf8(bytes).unwrap().parse().unwrap()
            });
            let next = (count + 1).to_string();
            match storage
                .replace(&key("race/count"), revision.as_ref(), next.as_bytes())
                .await
            {
                Ok(()) => break,
                Err(StorageError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    created
}

/// What is wrong with a published registry as a whole; empty when every file agrees with every other.
///
/// # Panics
/// When the storage fails.
pub async fn registry_problems(storage: &Storage) -> Vec<String> {
    let mut problems = Vec::new();
    let mut files: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
    for key in storage.list("").await.unwrap() {
        let (bytes, _) = storage.get(&key, u64::MAX).await.unwrap().unwrap();
        files.insert(key, bytes);
    }
    let names: BTreeSet<PackageName> = files
        .keys()
        .filter_map(|key| key.as_str().strip_prefix("packages/")?.rsplit_once('/'))
        .map(|(name, _)| PackageName::parse(name).unwrap())
        .collect();
    let global: GlobalIndex = match files.get(&Key::global_index()) {
        Some(bytes) => json::parse(bytes).unwrap(),
        None => return vec!["no index.json".into()],
    };
    let listed: Vec<&PackageName> = global.packages.iter().map(|entry| &entry.name).collect();
    if listed != names.iter().collect::<Vec<_>>() {
        problems.push(format!(
            "index.json lists {listed:?}, but there are {names:?}"
        ));
    }
    for name in &names {
        let index: PackageIndex = match files.get(&Key::package_index(name)) {
            Some(bytes) => json::parse(bytes).unwrap(),
            None => {
                problems.push(format!("{name} has no index"));
                continue;
            }
        };
        let entry = global.packages.iter().find(|entry| entry.name == *name);
        if entry.is_some_and(|entry| entry.latest != index.latest) {
            problems.push(format!("index.json is behind the index of {name}"));
        }
        let released: BTreeSet<Version> = files
            .keys()
            .filter_map(|key| key.release_version(name))
            .collect();
        if index.versions.iter().cloned().collect::<BTreeSet<_>>() != released {
            problems.push(format!("the index of {name} does not list {released:?}"));
        }
        for version in released {
            let bytes = &files[&Key::release(name, &version)];
            let release: Release = json::parse(bytes).unwrap();
            let summary = ReleaseSummary::of(release.clone(), Digest::of(bytes));
            if index.releases.get(&version) != Some(&summary) {
                problems.push(format!("the index of {name} is wrong about {version}"));
            }
            problems.extend(artifact_problems(&files, &release));
        }
    }
    problems
}

fn artifact_problems(files: &BTreeMap<Key, Vec<u8>>, release: &Release) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = identity(&release.artifacts) {
        problems.push(error.to_string());
    }
    for artifact in &release.artifacts {
        let bytes = artifact.key().ok().and_then(|key| files.get(&key));
        let right = bytes.is_some_and(|bytes| {
            bytes.len() as u64 == artifact.size && Digest::of(bytes) == artifact.hash
        });
        if !right {
            problems.push(format!("{} is missing or wrong", artifact.url));
        }
    }
    problems
}
