//! No network, no repository, other hosts, locks of the dead, damaged clones.

use super::*;

#[test]
fn without_a_network_there_is_what_was_there() {
    let world = World::with_branch();
    let (server, url) = world.serve();
    let founder = world.storage(&url, "founder");
    block_on(init_signed(&founder)).unwrap();
    block_on(put(&founder, "a", "1.0.0")).unwrap();
    let offline = || HostOptions {
        offline: true,
        ..impatient()
    };
    let index = key("packages/a/index.json");
    block_on(world.storage(&url, "a").get(&index, 1 << 20))
        .unwrap()
        .unwrap();
    server.requests();
    block_on(async {
        let storage = world.storage_with(&url, "a", offline());
        assert!(storage.get(&index, 1 << 20).await.unwrap().is_some());
        let artifacts = storage.list("artifacts/").await.unwrap();
        storage.prefetch(&artifacts).await.unwrap();
        let is_offline = |error: StorageError| {
            assert!(matches!(error, StorageError::Offline { .. }), "{error}");
        };
        is_offline(storage.get(&artifacts[0], 1 << 20).await.unwrap_err());
        is_offline(storage.create(&key("x"), b"").await.unwrap_err());
        let never = world.storage_with(&url, "b", offline());
        is_offline(never.get(&index, 1 << 20).await.unwrap_err());
    });
    assert_eq!(server.requests(), 0);
}

#[test]
fn failures_have_types() {
    let world = World::new();
    let (server, url) = world.serve();
    let fail = |url: &str| {
        let storage = world.storage_with(url, "a", impatient());
        match block_on(storage.get(&key("index.json"), 99)).unwrap_err() {
            StorageError::Git(error) => error,
            error => panic!("{error}"),
        }
    };
    let missing = fail(&format!(
        "git+file://{}/none.git",
        world.dir.path().display()
    ));
    assert!(
        matches!(missing, GitError::NoRepository { .. }),
        "{missing}"
    );
    let missing = fail(&format!("git+{}/none.git", server.url()));
    assert!(
        matches!(missing, GitError::NoRepository { .. }),
        "{missing}"
    );
    server.demand("Basic dTpw");
    let denied = fail(&url);
    assert!(matches!(denied, GitError::Denied { .. }), "{denied}");
    let wrong = url.replace("//", "//user:secret@");
    let denied = fail(&wrong);
    assert!(matches!(denied, GitError::Denied { .. }), "{denied}");
    assert!(!format!("{denied} {denied:?}").contains("secret"));
    let right = world.storage(&url.replace("//", "//u:p@"), "a");
    block_on(right.create(&key("a"), b"")).unwrap();
    drop(server);
    let unreachable = fail(&url);
    assert!(
        matches!(unreachable, GitError::Unreachable { .. }),
        "{unreachable}"
    );
}

#[test]
fn credentials_do_not_follow_to_another_host() {
    let world = World::with_branch();
    let (server, url) = world.serve();
    let (other, _) = world.serve();
    server.redirect(&other.url());
    let storage = world.storage_with(&url.replace("//", "//u:p@"), "a", impatient());
    let error = block_on(storage.list("")).unwrap_err();
    assert!(
        matches!(error, StorageError::Git(GitError::Moved { .. })),
        "{error}"
    );
    assert_eq!(other.requests(), 0);
    // Without any there is nothing to lose.
    assert!(block_on(world.storage(&url, "b").list("")).is_ok());
}

#[test]
fn locks_of_the_dead_are_no_obstacle() {
    let world = World::with_branch();
    block_on(init_signed(&world.storage(&world.url(), "a"))).unwrap();
    let clone = world.clone_of("a");
    for lock in [
        "HEAD.lock",
        "config.lock",
        "index.lock",
        "packed-refs.lock",
        "shallow.lock",
        "gc.pid",
        "objects/maintenance.lock",
        "refs/lumen/new.lock",
        "refs/lumen/tip.lock",
    ] {
        std::fs::write(clone.join(lock), "").unwrap();
    }
    assert!(block_on(put(&world.storage(&world.url(), "a"), "a", "1.0.0")).unwrap());
}

#[test]
fn a_damaged_clone_is_made_anew() {
    let world = World::with_branch();
    let founder = world.storage(&world.url(), "founder");
    block_on(init_signed(&founder)).unwrap();
    let each_file = |folder: PathBuf, change: &dyn Fn(&PathBuf)| {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => change(&path),
                }
            }
        }
    };
    let remove = |path: &PathBuf| std::fs::remove_file(path).unwrap();
    let cut = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let garbage = |path: &str| std::fs::write(path, "garbage").unwrap();
    for n in 0..7 {
        let before = world.storage(&world.url(), "a");
        block_on(put(&before, &format!("before-{n}"), "1.0.0")).unwrap();
        let clone = world.clone_of("a");
        let at = |path: &str| clone.join(path).display().to_string();
        match n {
            0 => each_file(clone.join("objects"), &remove),
            1 => each_file(clone.join("objects"), &cut),
            2 => garbage(&at("refs/lumen/tip")),
            3 => garbage(&at("shallow")),
            4 => garbage(&at("HEAD")),
            5 => garbage(&at("config")),
            _ => std::fs::remove_dir_all(clone.join("refs")).unwrap(),
        }
        let package = format!("after-{n}");
        let publish = || block_on(put(&world.storage(&world.url(), "a"), &package, "1.0.0"));
        // What is only noticed while reading is mended the next time.
        let done = publish().or_else(|_| publish());
        assert!(done.unwrap(), "damage {n}");
    }
    assert_clean(&world.storage(&world.url(), "reader"));
}
