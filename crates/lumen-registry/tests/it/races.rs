//! Many publishers at once: threads, and processes as users start them.

use std::{
    io::Read as _,
    process::{Child, Command, Stdio},
    sync::Barrier,
};

use lumen_core::{Key, index::PackageIndex, json};
use lumen_registry::{
    Storage,
    publish::{PublishError, init, publish},
    storage::FileStorage,
};
use lumen_testkit::conformance::registry_problems;

use crate::{NOW, block_on, name, request};

fn registry() -> (tempfile::TempDir, Storage) {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::File(FileStorage::new(dir.path()));
    block_on(init(&storage, "race", NOW)).unwrap();
    (dir, storage)
}

#[test]
fn sixty_four_threads_publish_versions_of_few_packages() {
    const THREADS: usize = 64;
    let (_dir, storage) = registry();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, storage) = (&barrier, &storage);
            scope.spawn(move || {
                let package = format!("p{}", thread % 3);
                let wanted = request(&package, &format!("1.{thread}.0"), &thread.to_string());
                barrier.wait();
                assert!(block_on(publish(storage, &wanted)).unwrap().new);
            });
        }
    });
    assert_eq!(block_on(registry_problems(&storage)), Vec::<String>::new());
    let key = Key::package_index(&name("p0"));
    let (bytes, _) = block_on(storage.get(&key, 1 << 20)).unwrap().unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    assert_eq!(index.versions.len(), THREADS.div_ceil(3));
}

const CHILD: &str = "LUMEN_TEST_RACE";

/// Not a test by itself: one of the racing processes, told by `root|package|version|contents`.
#[test]
fn racing_publisher() {
    let Ok(job) = std::env::var(CHILD) else {
        return;
    };
    let mut job = job.split('|');
    let mut next = || job.next().unwrap();
    let storage = Storage::File(FileStorage::new(next().as_ref()));
    let wanted = request(next(), next(), next());
    // The start signal: the parent closes the pipes of all.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    match block_on(publish(&storage, &wanted)) {
        Ok(published) if published.new => {}
        Err(PublishError::VersionExists { .. }) => std::process::exit(3),
        other => panic!("{other:?}"),
    }
}

fn start(job: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "races::racing_publisher"])
        .env(CHILD, job)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(mut children: Vec<Child>) -> Vec<Option<i32>> {
    for child in &mut children {
        drop(child.stdin.take());
    }
    let output = |child: Child| {
        let output = child.wait_with_output().unwrap();
        let code = output.status.code();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(matches!(code, Some(0 | 3)), "{text}");
        code
    };
    children.into_iter().map(output).collect()
}

#[test]
fn sixty_four_processes_publish_sixty_four_packages() {
    let (dir, storage) = registry();
    let root = dir.path().display();
    let children = (0..64)
        .map(|n| start(&format!("{root}|package-{n}|1.0.0|{n}")))
        .collect();
    assert_eq!(finish(children), vec![Some(0); 64]);
    assert_eq!(block_on(registry_problems(&storage)), Vec::<String>::new());
}

#[test]
fn sixteen_processes_publish_the_same_version() {
    let (dir, storage) = registry();
    let root = dir.path().display();
    let children = (0..16)
        .map(|n| start(&format!("{root}|same|1.0.0|contents {n}")))
        .collect();
    let codes = finish(children);
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1);
    assert_eq!(codes.iter().filter(|code| **code == Some(3)).count(), 15);
    assert_eq!(block_on(registry_problems(&storage)), Vec::<String>::new());
}
