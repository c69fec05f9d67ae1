//! Registries in a branch, over `file://` and from git's own server.

use std::{path::PathBuf, sync::Arc};

use lumen_core::{Key, signing::SecretKey};
use lumen_registry::{
    Location, Storage, StorageError,
    git::GitError,
    log,
    publish::{self, PublishError, PublishRequest},
    storage::HostOptions,
};
use lumen_testkit::{
    conformance,
    git::{self, GitServer, PushFault, git},
};

use crate::{NOW, block_on};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// A folder with a bare repository `r.git`, and places for clones of it.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git::bare(&dir.path().join("r.git")).unwrap();
        Self { dir }
    }

    /// With a branch that has a file of somebody else's.
    fn with_branch() -> Self {
        let world = Self::new();
        git::branch(&world.repository(), "gh-pages", "README.md", "hello").unwrap();
        world
    }

    fn repository(&self) -> PathBuf {
        self.dir.path().join("r.git")
    }

    fn url(&self) -> String {
        format!("git+file://{}", self.repository().display())
    }

    /// What another machine sees.
    fn storage(&self, url: &str, machine: &str) -> Storage {
        self.storage_with(url, machine, HostOptions::default())
    }

    fn storage_with(&self, url: &str, machine: &str, options: HostOptions) -> Storage {
        let options = HostOptions {
            state: Some(self.dir.path().join(machine)),
            ..options
        };
        Storage::open(&Location::parse(url).unwrap(), &options).unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.repository(), arguments)
            .unwrap()
            .trim()
            .to_owned()
    }

    fn clone_of(&self, machine: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.dir.path().join(machine).join("git")).unwrap();
        let mut folders = entries.map(|entry| entry.unwrap().path());
        folders.find(|path| path.join("HEAD").exists()).unwrap()
    }
}

#[test]
fn a_branch_in_a_folder_keeps_the_contract() {
    let world = World::with_branch();
    let storage = world.storage(&world.url(), "a");
    block_on(conformance::storage(&storage));
    conformance::races(&storage, 4, 3);
    assert_eq!(world.git(&["show", "gh-pages:README.md"]), "hello");
}

#[test]
fn a_branch_behind_http_keeps_the_contract() {
    let world = World::with_branch();
    let server = GitServer::serve(world.dir.path()).unwrap();
    let url = format!("git+{}/r.git", server.url());
    let storage = world.storage(&url, "a");
    block_on(conformance::storage(&storage));
    conformance::races(&world.storage(&url, "b"), 3, 2);
}

fn ada() -> SecretKey {
    SecretKey::from_seed("ada", [7; 32]).unwrap()
}

async fn init(storage: &Storage) -> Result<(), PublishError> {
    let init = async |storage: &Storage| {
        log::init_signed(storage, "test", "test/00112233", &ada(), NOW).await
    };
    storage.together("Make a registry", init).await.map(drop)
}

async fn put(storage: &Storage, package: &str, number: &str) -> Result<bool, PublishError> {
    let request = PublishRequest {
        signer: Some(Arc::new(ada())),
        ..crate::request(package, number, &format!("{package} {number}"))
    };
    let message = format!("Publish {package} {number}");
    let publish = async |storage: &Storage| publish::publish(storage, &request).await;
    Ok(storage.together(&message, publish).await?.new)
}

fn assert_clean(storage: &Storage) {
    assert_eq!(block_on(log::check(storage)).unwrap(), []);
}

#[test]
fn what_belongs_together_is_one_commit() {
    let world = World::new();
    let storage = world.storage(&world.url(), "a");
    let error = block_on(storage.get(&key("index.json"), 99)).unwrap_err();
    assert!(matches!(error, StorageError::NoRoot { .. }), "{error}");
    block_on(init(&storage)).unwrap();
    assert_eq!(world.git(&["rev-list", "--count", "gh-pages"]), "1");
    assert_eq!(world.git(&["show", "gh-pages:.nojekyll"]), "");
    assert!(block_on(put(&storage, "a", "1.0.0")).unwrap());
    assert!(block_on(put(&storage, "@s/b", "1.0.0")).unwrap());
    let log = world.git(&["log", "--format=%s", "gh-pages"]);
    assert_eq!(log, "Publish @s/b 1.0.0\nPublish a 1.0.0\nMake a registry");
    // What is there already is no commit.
    assert!(!block_on(put(&storage, "a", "1.0.0")).unwrap());
    assert_eq!(world.git(&["rev-list", "--count", "gh-pages"]), "3");
    assert_clean(&storage);
    assert_clean(&world.storage(&world.url(), "b"));
    let keys = block_on(storage.list("")).unwrap();
    assert!(keys.iter().all(|key| !key.as_str().starts_with('.')));
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let world = World::with_branch();
    let storage = world.storage(&world.url(), "a");
    block_on(async {
        let result = storage.together("Try", async |storage: &Storage| {
            storage.create(&key("a/b"), b"1").await?;
            assert_eq!(storage.get(&key("a/b"), 9).await?.unwrap().0, b"1");
            // A file where a folder is, and a folder where a file is.
            for path in ["a", "a/b/c", "README.md/x"] {
                let error = storage.create(&key(path), b"2").await.unwrap_err();
                assert!(matches!(error, StorageError::Io(_)), "{path}: {error}");
            }
            storage.replace(&key("a/b"), None, b"3").await
        });
        let error = result.await.unwrap_err();
        assert!(matches!(error, StorageError::Conflict { .. }), "{error}");
        assert!(storage.get(&key("a/b"), 9).await.unwrap().is_none());
    });
    assert_eq!(world.git(&["rev-list", "--count", "gh-pages"]), "1");
}

#[test]
fn answers_that_get_lost_are_looked_for() {
    use PushFault::{LoseAnswer, LoseRequest};
    let world = World::with_branch();
    let server = GitServer::serve(world.dir.path()).unwrap();
    let url = format!("git+{}/r.git", server.url());
    let (a, b) = (world.storage(&url, "a"), world.storage(&url, "b"));
    block_on(async {
        let file = key("count");
        for (round, faults) in [
            [LoseAnswer].as_slice(),
            &[LoseRequest],
            &[LoseRequest, LoseAnswer],
        ]
        .into_iter()
        .enumerate()
        {
            let (_, revision) = a.get(&file, 9).await.unwrap().unzip();
            server.fail_pushes(faults);
            let text = round.to_string();
            // A compare-and-swap that was done must not be taken for one that was lost.
            a.replace(&file, revision.as_ref(), text.as_bytes())
                .await
                .unwrap();
            b.create(&key(&format!("other-{round}")), b"")
                .await
                .unwrap();
        }
        server.fail_pushes(&[LoseRequest; 3]);
        let error = a.create(&key("never"), b"").await.unwrap_err();
        assert!(
            matches!(error, StorageError::Git(GitError::Unreachable { .. })),
            "{error:?}"
        );
    });
    assert_eq!(world.git(&["rev-list", "--count", "gh-pages"]), "7");
    assert!(world.clone_of("a").join("shallow").exists());
}

/// How many writers and publishes each: `LUMEN_TEST_GIT_RACE=8x25`, or fewer by default.
fn race_size(writers: usize, rounds: usize) -> (usize, usize) {
    let asked = std::env::var("LUMEN_TEST_GIT_RACE").ok();
    let asked = asked.as_deref().and_then(|text| text.split_once('x'));
    let size = |text: &str| text.parse().unwrap();
    asked.map_or((writers, rounds), |(writers, rounds)| {
        (size(writers), size(rounds))
    })
}

/// Publishes different packages from many machines at once: all arrive.
fn race(world: &World, url: &str, (writers, rounds): (usize, usize)) {
    block_on(init(&world.storage(url, "founder"))).unwrap();
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let storage = world.storage(url, &format!("machine-{writer}"));
            scope.spawn(move || {
                for round in 0..rounds {
                    let package = format!("p{writer}-{round}");
                    assert!(block_on(put(&storage, &package, "1.0.0")).unwrap());
                }
            });
        }
    });
    let all = writers * rounds;
    eprintln!(
        "{all} publishes by {writers} writers in {:?}",
        start.elapsed()
    );
    let storage = world.storage(url, "reader");
    assert_clean(&storage);
    let subjects = world.git(&["log", "--format=%s", "gh-pages"]);
    let mut published: Vec<&str> = subjects
        .lines()
        .filter(|subject| subject.starts_with("Publish "))
        .collect();
    assert_eq!(published.len(), all);
    published.sort_unstable();
    published.dedup();
    assert_eq!(published.len(), all);
    let keys = block_on(storage.list("packages/")).unwrap();
    let releases = keys
        .iter()
        .filter(|key| key.as_str().ends_with("/1.0.0.json"));
    assert_eq!(releases.count(), all);
}

#[test]
fn many_machines_publish_to_one_branch() {
    let world = World::with_branch();
    race(&world, &world.url(), race_size(4, 5));
}

#[test]
fn many_machines_publish_over_http() {
    let world = World::with_branch();
    let server = GitServer::serve(world.dir.path()).unwrap();
    let url = format!("git+{}/r.git", server.url());
    race(&world, &url, race_size(3, 3));
    eprintln!("{} requests", server.requests());
}
