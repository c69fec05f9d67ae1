//! Many machines publish to one branch at once.

use super::*;

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
    block_on(init_signed(&world.storage(url, "founder"))).unwrap();
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
    let (server, url) = world.serve();
    race(&world, &url, race_size(3, 3));
    eprintln!("{} requests", server.requests());
}
