//! Registries in a branch, over `file://` and from git's own server.

mod failures;
mod races;

use std::{path::PathBuf, sync::Arc};

use lumen_core::{Key, signing::SecretKey};
use lumen_registry::{
    Location, Storage, StorageError,
    git::GitError,
    log,
    progress::nobody,
    publish::{self, PublishError, PublishRequest},
    storage::HostOptions,
};
use lumen_testkit::{
    conformance,
    git::{self, GitServer, PushFault, git},
};

use crate::{NOW, block_on, server::impatient};

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

    /// With a branch that has a file of another project.
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

    /// Git's own server of it, and its URL there.
    fn serve(&self) -> (GitServer, String) {
        let server = GitServer::serve(self.dir.path()).unwrap();
        let url = format!("git+{}/r.git", server.url());
        (server, url)
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
    let (_server, url) = world.serve();
    let storage = world.storage(&url, "a");
    block_on(conformance::storage(&storage));
    conformance::races(&world.storage(&url, "b"), 3, 2);
}

fn ada() -> SecretKey {
    SecretKey::from_seed("ada", [7; 32]).unwrap()
}

async fn init_signed(storage: &Storage) -> Result<(), PublishError> {
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
    assert_eq!(block_on(log::check(storage, &nobody)).unwrap(), []);
}

#[test]
fn what_belongs_together_is_one_commit() {
    let world = World::new();
    let storage = world.storage(&world.url(), "a");
    let error = block_on(storage.get(&key("index.json"), 99)).unwrap_err();
    assert!(matches!(error, StorageError::NoRoot { .. }), "{error}");
    block_on(init_signed(&storage)).unwrap();
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
    let (server, url) = world.serve();
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

#[test]
fn a_server_that_sends_everything_will_do() {
    let world = World::with_branch();
    world.git(&["config", "uploadpack.allowFilter", "false"]);
    let storage = world.storage(&world.url(), "a");
    block_on(conformance::storage(&storage));
    assert!(
        block_on(world.storage(&world.url(), "b").list(""))
            .unwrap()
            .len()
            > 5
    );
}

#[test]
fn repositories_with_longer_hashes() {
    let world = World::new();
    std::fs::remove_dir_all(world.repository()).unwrap();
    let path = world.repository();
    let init = [
        "init",
        "-q",
        "--bare",
        "--object-format=sha256",
        path.to_str().unwrap(),
    ];
    git(world.dir.path(), &init).unwrap();
    git::branch(&path, "gh-pages", "README.md", "hello").unwrap();
    let storage = world.storage(&world.url(), "a");
    block_on(init_signed(&storage)).unwrap();
    assert!(block_on(put(&storage, "a", "1.0.0")).unwrap());
    assert_clean(&world.storage(&world.url(), "b"));
}

#[test]
fn a_clone_with_other_line_ends_is_the_same_registry() {
    let world = World::new();
    let storage = world.storage(&world.url(), "a");
    block_on(init_signed(&storage)).unwrap();
    assert!(block_on(put(&storage, "a", "1.0.0")).unwrap());
    let clone = world.dir.path().join("clone");
    let (from, to) = (world.repository(), clone.to_str().unwrap());
    let clone_it = ["-c", "core.autocrlf=true", "clone", "-q", "-b", "gh-pages"];
    let clone_it = [&clone_it[..], &[from.to_str().unwrap(), to]].concat();
    git(world.dir.path(), &clone_it).unwrap();
    let folder = Storage::open(&Location::File(clone.clone()), &HostOptions::default()).unwrap();
    assert_clean(&folder);
}

#[test]
fn a_folder_of_a_branch_leaves_the_rest_alone() {
    let world = World::new();
    git::branch(&world.repository(), "site", "docs/CNAME", "example.org").unwrap();
    let url = format!("{}#site:docs/packages", world.url());
    let storage = world.storage(&url, "a");
    block_on(init_signed(&storage)).unwrap();
    assert!(block_on(put(&storage, "a", "1.0.0")).unwrap());
    assert_clean(&storage);
    assert_eq!(world.git(&["show", "site:docs/CNAME"]), "example.org");
    let top = world.git(&["ls-tree", "--name-only", "site", "docs/"]);
    assert_eq!(top, "docs/.nojekyll\ndocs/CNAME\ndocs/packages");
    // Line ends are the registry's matter in its own folder only.
    let attributes = world.git(&["show", "site:docs/packages/.gitattributes"]);
    assert_eq!(attributes, "* -text");
    let keys = block_on(storage.list("packages/")).unwrap();
    assert_eq!(keys[0].as_str(), "packages/a/1.0.0.json");
}

#[test]
fn requests_do_not_grow_with_the_files() {
    let world = World::with_branch();
    let (server, url) = world.serve();
    let founder = world.storage(&url, "founder");
    block_on(init_signed(&founder)).unwrap();
    for n in 0..12 {
        block_on(put(&founder, &format!("p{n}"), "1.0.0")).unwrap();
    }
    server.requests();
    // Here, a push is one question and one answer.
    block_on(put(&founder, "p1", "1.1.0")).unwrap();
    assert!(server.requests() <= 3);
    // Elsewhere, the branch is fetched before, and what of it is wanted.
    block_on(put(&world.storage(&url, "other"), "p1", "1.2.0")).unwrap();
    assert!(server.requests() <= 8);
    let reader = world.storage(&url, "reader");
    block_on(async {
        let files = reader.list("packages/").await.unwrap();
        for file in &files {
            reader.get(file, 1 << 20).await.unwrap().unwrap();
        }
        let artifacts = reader.list("artifacts/").await.unwrap();
        assert!(artifacts.len() > 24);
        reader.prefetch(&artifacts).await.unwrap();
        for file in &artifacts {
            let read = reader.read_to(file, 1 << 20, &mut Vec::new()).await;
            assert!(read.unwrap().is_some());
        }
    });
    assert!(server.requests() <= 8);
}

#[test]
fn many_readers_share_their_requests() {
    let world = World::with_branch();
    let (server, url) = world.serve();
    let founder = world.storage(&url, "founder");
    block_on(async {
        let fill = async |storage: &Storage| {
            for n in 0..40 {
                let file = key(&format!("artifacts/{n}"));
                storage.create(&file, n.to_string().as_bytes()).await?;
            }
            storage.create(&key("index.json"), b"{}").await
        };
        founder.together("Fill", fill).await.unwrap();
        server.requests();
        let reader = world.storage(&url, "reader");
        let reads = (0..40).map(|n| {
            let reader = reader.clone();
            tokio::spawn(async move {
                let mut out = Vec::new();
                let file = key(&format!("artifacts/{n}"));
                reader.read_to(&file, 99, &mut out).await.unwrap();
                assert_eq!(out, n.to_string().as_bytes());
            })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap();
        }
    });
    assert!(server.requests() < 20);
}
