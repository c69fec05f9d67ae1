//! The publish protocol: its results, and what is left of it when it is killed.

use std::process::Command;

use lumen_core::{
    Digest, Key,
    index::{GlobalIndex, PackageIndex},
    json,
    trust::Action,
};
use lumen_registry::{
    Location, Storage, StorageError,
    publish::{PublishError, init, publish},
    storage::{Fault, FaultKind, FileStorage, MemoryStorage},
};
use lumen_testkit::conformance::registry_problems;

use crate::{NOW, block_on, change, name, request, unyanked, version, yanked};

async fn package(storage: &Storage, package: &str) -> PackageIndex {
    let key = Key::package_index(&name(package));
    json::parse(&storage.get(&key, 1 << 20).await.unwrap().unwrap().0).unwrap()
}

async fn global(storage: &Storage) -> GlobalIndex {
    let key = Key::global_index();
    json::parse(&storage.get(&key, 1 << 20).await.unwrap().unwrap().0).unwrap()
}

#[test]
fn a_folder_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("registry"));
    let storage = Storage::open(&location, &Default::default()).unwrap();
    block_on(async {
        let early = publish(&storage, &request("a", "1.0.0", "a")).await;
        assert!(matches!(
            early,
            Err(PublishError::Storage(StorageError::NoRoot { .. }))
        ));
        init(&storage, "mine", NOW).await.unwrap();
        assert!(dir.path().join("registry/artifacts/sha256").is_dir());
        let again = init(&storage, "mine", NOW).await;
        assert!(matches!(again, Err(PublishError::RegistryExists { .. })));

        let published = publish(&storage, &request("@org/http", "1.0.0", "a"))
            .await
            .unwrap();
        assert!(published.new);
        publish(&storage, &request("@org/http", "1.1.0", "b"))
            .await
            .unwrap();
        publish(&storage, &request("@org/http", "2.0.0-rc.1", "c"))
            .await
            .unwrap();
        publish(&storage, &request("alpha", "0.1.0", "d"))
            .await
            .unwrap();
        assert_eq!(registry_problems(&storage).await, Vec::<String>::new());
        let index = global(&storage).await;
        assert_eq!(index.name.as_deref(), Some("mine"));
        assert_eq!(index.packages[0].latest, Some(version("1.1.0")));
    });
    let release = dir.path().join("registry/packages/@org/http/1.0.0.json");
    insta::assert_snapshot!(std::fs::read_to_string(release).unwrap(), @r#"
    {
      "name": "@org/http",
      "version": "1.0.0",
      "deps": {},
      "artifacts": [
        {
          "kind": "tar",
          "url": "artifacts/sha256/2b/4ce31ec64dcbce980bdaa793bb0df6926d6291dfb121d4b0569e0f7404226f.tar",
          "hash": "sha256:2b4ce31ec64dcbce980bdaa793bb0df6926d6291dfb121d4b0569e0f7404226f",
          "size": 8
        },
        {
          "kind": "tar.zst",
          "url": "artifacts/sha256/9c/863fc231740c97ebc143604b66e8b602c7533baa00f051adf3556785e0a408.tar.zst",
          "hash": "sha256:9c863fc231740c97ebc143604b66e8b602c7533baa00f051adf3556785e0a408",
          "size": 8
        }
      ],
      "license": "MIT",
      "description": "About @org/http",
      "categories": [
        "tests"
      ],
      "published_at": "2024-01-15T10:30:00Z"
    }
    "#);
}

#[test]
fn the_quick_start_registry_is_published_into() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("packages")).unwrap();
    std::fs::create_dir_all(dir.path().join("artifacts/sha256")).unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(async {
        let index =
            "{\n  \"name\": \"local-dev\",\n  \"version\": \"1.0.0\",\n  \"packages\": []\n}\n";
        std::fs::write(dir.path().join("index.json"), index).unwrap();
        publish(&storage, &request("my-utils", "1.0.0", "x"))
            .await
            .unwrap();
        assert_eq!(registry_problems(&storage).await, Vec::<String>::new());
        assert_eq!(global(&storage).await.name.as_deref(), Some("local-dev"));
    });
}

#[test]
fn publishing_again() {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(async {
        let first = publish(&storage, &request("a", "1.0.0", "x"))
            .await
            .unwrap();
        let mut later = request("a", "1.0.0", "x");
        later.now = "2025-01-01T00:00:00Z".into();
        later.zst = Some(b"compressed by another version".to_vec());
        let again = publish(&storage, &later).await.unwrap();
        assert!(first.new && !again.new);
        assert_eq!(
            (first.metadata, first.release),
            (again.metadata, again.release)
        );

        for other in [request("a", "1.0.0", "y"), {
            let mut other = request("a", "1.0.0", "x");
            other.release.license = None;
            other
        }] {
            let error = publish(&storage, &other).await.unwrap_err();
            assert_eq!(error.to_string(), "`a` 1.0.0 exists with other contents");
        }
        assert_eq!(registry_problems(&storage).await.len(), 0);
    });
}

#[test]
fn names_that_read_the_same_are_taken() {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(async {
        publish(&storage, &request("my-utils", "1.0.0", "x"))
            .await
            .unwrap();
        let error = publish(&storage, &request("my_utils", "1.0.0", "x")).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "the name `my_utils` is too close to `my-utils`, which exists"
        );
        assert_eq!(registry_problems(&storage).await.len(), 0);
        // What a hand-made registry let in keeps its name.
        let index = br#"{"packages": [{"name": "a-b"}, {"name": "a_b"}]}"#;
        let by_hand = Storage::Memory(MemoryStorage::new());
        by_hand.create(&Key::global_index(), index).await.unwrap();
        publish(&by_hand, &request("a_b", "1.0.0", "x"))
            .await
            .unwrap();

        let mut bad = request("a", "1.0.0", "x");
        bad.release.name = name(&"a".repeat(65));
        let error = publish(&storage, &bad).await.unwrap_err();
        assert!(matches!(error, PublishError::Name { .. }));
    });
}

#[test]
fn a_hand_made_index_keeps_its_fields() {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(async {
        let key = Key::package_index(&name("my-utils"));
        let index = br#"{"name": "my-utils", "x-owner": "me", "versions": ["0.1.0"], "latest": "0.1.0", "yanked": {}}"#;
        storage.create(&key, index).await.unwrap();
        publish(&storage, &request("my-utils", "1.0.0", "x"))
            .await
            .unwrap();
        let text = storage.get(&key, 1 << 20).await.unwrap().unwrap().0;
        assert!(
            String::from_utf8(text)
                .unwrap()
                .contains("\"x-owner\": \"me\"")
        );
        let index = package(&storage, "my-utils").await;
        assert_eq!(index.versions, [version("0.1.0"), version("1.0.0")]);
        assert_eq!(
            global(&storage).await.packages[0].latest,
            Some(version("1.0.0"))
        );
    });
}

#[test]
fn yank_and_unyank() {
    let storage = Storage::Memory(MemoryStorage::new());
    block_on(async {
        publish(&storage, &request("a", "1.0.0", "x"))
            .await
            .unwrap();
        publish(&storage, &request("a", "1.1.0", "y"))
            .await
            .unwrap();
        let new = version("1.1.0");
        let burns = || change(&storage, "a", yanked("1.1.0", "it burns"));
        let first = burns().await.unwrap();
        assert_eq!((first.changed, first.checkpoint), (true, None));
        let index = package(&storage, "a").await;
        assert_eq!(index.yank_reason(&new), Some(Some("it burns")));
        assert_eq!(
            global(&storage).await.packages[0].latest,
            Some(version("1.0.0"))
        );
        assert!(!burns().await.unwrap().changed);
        for (action, expected) in [
            (yanked("1.1.0", ""), true),
            (unyanked("1.1.0"), true),
            (unyanked("1.1.0"), false),
        ] {
            let done = change(&storage, "a", action).await.unwrap();
            assert_eq!(done.changed, expected);
        }
        assert_eq!(global(&storage).await.packages[0].latest, Some(new));
        let missing = change(&storage, "a", yanked("3.0.0", "")).await;
        assert_eq!(
            missing.unwrap_err().to_string(),
            "the registry has no `a` 3.0.0"
        );
        // Only a log has a place for it.
        let undone = change(
            &storage,
            "a",
            Action::Undeprecate {
                reason: String::new(),
            },
        );
        assert!(matches!(undone.await, Err(PublishError::NotSigned)));
        let missing = change(&storage, "b", yanked("3.0.0", "")).await;
        assert_eq!(
            missing.unwrap_err().to_string(),
            "the registry has no package `b`"
        );
    });
}

/// A registry with one release, for the crash matrix.
async fn before(storage: &Storage) {
    publish(storage, &request("a", "1.0.0", "one"))
        .await
        .unwrap();
    publish(storage, &request("b", "1.0.0", "b")).await.unwrap();
}

#[test]
fn failing_or_dying_at_every_operation_leaves_nothing_half_done() {
    for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
        for dead_afterwards in [true, false] {
            for fresh in [true, false] {
                let mut at = 1;
                while block_on(crash(
                    Fault {
                        at,
                        kind,
                        dead_afterwards,
                    },
                    fresh,
                )) {
                    at += 1;
                }
                assert!(at > 8, "the publish has more operations than {at}");
            }
        }
    }
}

/// Publishes with a fault, then without; `false` when the fault came too late to matter.
async fn crash(fault: Fault, fresh: bool) -> bool {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    if !fresh {
        before(&storage).await;
    }
    memory.set_fault(Some(fault));
    let wanted = request("a", "1.1.0", "two");
    let first = publish(&storage, &wanted).await;
    let reached = memory.operations() >= fault.at;
    memory.set_fault(None);
    // A client that reads now sees whole files, and no index that promises more than there is.
    for problem in registry_problems(&storage).await {
        assert!(
            !problem.contains("missing or wrong"),
            "{fault:?}: {problem}"
        );
    }
    if fault.at.is_multiple_of(2) {
        // Someone else comes by before the publisher tries again.
        publish(&storage, &request("a", "1.2.0", "three"))
            .await
            .unwrap();
        assert_eq!(
            registry_problems(&storage).await,
            Vec::<String>::new(),
            "{fault:?}"
        );
    }
    let second = publish(&storage, &wanted).await.unwrap();
    assert!(first.is_err() || !second.new, "{fault:?}");
    assert_eq!(
        registry_problems(&storage).await,
        Vec::<String>::new(),
        "{fault:?}"
    );
    let index = package(&storage, "a").await;
    assert!(index.versions.contains(&version("1.1.0")), "{fault:?}");
    reached
}

#[test]
fn yank_survives_faults() {
    for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
        for at in 1..8 {
            let memory = MemoryStorage::new();
            let storage = Storage::Memory(memory.clone());
            block_on(async {
                before(&storage).await;
                let one = version("1.0.0");
                memory.set_fault(Some(Fault {
                    at,
                    kind,
                    dead_afterwards: true,
                }));
                let bad = || change(&storage, "a", yanked("1.0.0", "bad"));
                let _ = bad().await;
                memory.set_fault(None);
                bad().await.unwrap();
                assert!(package(&storage, "a").await.is_yanked(&one));
                assert_eq!(registry_problems(&storage).await.len(), 0);
            });
        }
    }
}

const CHILD_ROOT: &str = "LUMEN_TEST_PUBLISH_ROOT";

/// Not a test by itself: the process that the next test kills.
#[test]
fn killed_publisher() {
    if let Some(root) = std::env::var_os(CHILD_ROOT) {
        let storage = Storage::File(FileStorage::new(root.as_ref()));
        block_on(publish(&storage, &request("a", "1.1.0", "two"))).unwrap();
    }
}

#[test]
fn a_folder_survives_a_kill_at_every_step() {
    let run = |root: &std::path::Path, at: u32| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "publish::killed_publisher"]);
        child
            .env(CHILD_ROOT, root)
            .env("LUMEN_FAULT_AT", at.to_string());
        child.output().unwrap().status.success()
    };
    let mut at = 1;
    loop {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::File(FileStorage::new(dir.path()));
        block_on(before(&storage));
        let survived = run(dir.path(), at);
        for problem in block_on(registry_problems(&storage)) {
            assert!(
                !problem.contains("missing or wrong"),
                "point {at}: {problem}"
            );
        }
        assert!(run(dir.path(), 0), "point {at}");
        let problems = block_on(registry_problems(&storage));
        assert_eq!(problems, Vec::<String>::new(), "point {at}");
        if survived {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "only {at} points");
}

#[test]
fn artifacts_come_back_when_someone_cleaned_them_away() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(async {
        let wanted = request("a", "1.0.0", "x");
        publish(&storage, &wanted).await.unwrap();
        let key = Key::artifact(&Digest::of(&wanted.tar), lumen_core::key::ArtifactKind::Tar);
        std::fs::remove_file(dir.path().join(key.as_str())).unwrap();
        assert!(!publish(&storage, &wanted).await.unwrap().new);
        assert_eq!(registry_problems(&storage).await.len(), 0);
    });
}

#[test]
fn a_global_index_that_lost_its_contents_is_made_again() {
    for harm in [None, Some(b"".as_slice()), Some(b"\n")] {
        let storage = Storage::Memory(MemoryStorage::new());
        block_on(async {
            for package in ["a", "@s/b"] {
                publish(&storage, &request(package, "1.0.0", package))
                    .await
                    .unwrap();
            }
            let Storage::Memory(memory) = &storage else {
                unreachable!()
            };
            let mut files = memory.files();
            files.remove(&Key::global_index());
            files.extend(harm.map(|bytes| (Key::global_index(), bytes.to_vec())));
            let storage = Storage::Memory(MemoryStorage::with_files(files));
            publish(&storage, &request("c", "1.0.0", "c"))
                .await
                .unwrap();
            let listed = global(&storage).await.packages.into_iter();
            let listed: Vec<String> = listed.map(|entry| entry.name.to_string()).collect();
            assert_eq!(listed, ["@s/b", "a", "c"]);
            assert_eq!(registry_problems(&storage).await, Vec::<String>::new());
        });
    }
}
