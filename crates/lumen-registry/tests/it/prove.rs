//! Locked releases are proven by the whole log or by the name map, with the same result.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName, Version,
    lockfile::LockedTrust,
    trust::{Publisher, Revoked},
};
use lumen_registry::{
    ReadError,
    verify::{Proven, TrustError, TrustOptions},
};
use lumen_testkit::world::{Served, World, key};

use crate::{block_on, name, version};

/// Requests that an install with a lock may take more than from an unsigned registry, beside
/// two a package.
const MOST: usize = 8;

/// A world with packages `p0`, `p1` and so on, of one owner each.
fn world(packages: u8, others: usize) -> World {
    let mut world = World::new("example/1f");
    for number in 0..packages {
        let (package, owner) = (format!("p{number}"), key("owner", number + 1));
        world.claim(&package, &owner);
        world.publish(&package, "1.0.0", &[], &owner);
    }
    let owner = key("other", 99);
    for number in 0..others {
        world.claim(&format!("other{number}"), &owner);
    }
    world.seal();
    world
}

fn packages(numbers: std::ops::Range<u8>) -> BTreeMap<PackageName, Version> {
    let entry = |number| (name(&format!("p{number}")), version("1.0.0"));
    numbers.map(entry).collect()
}

type Found = Result<Option<BTreeMap<PackageName, Proven>>, ReadError>;

/// What a client with a lock of this world finds, and what it asked for.
fn prove(
    served: &Served,
    world: &World,
    wanted: &BTreeMap<PackageName, Version>,
) -> (Found, Vec<String>) {
    let registry = served.registry(TrustOptions {
        locked: vec![LockedTrust {
            root: world.fingerprint(),
            checkpoint: world.checkpoint(),
            root_note: None,
        }],
        ..Default::default()
    });
    served.server.take();
    let found = block_on(registry.prove(wanted));
    (found, served.server.take())
}

fn has(asked: &[String], start: &str) -> usize {
    asked.iter().filter(|path| path.starts_with(start)).count()
}

#[test]
fn by_the_log_where_that_is_less() {
    let world = world(40, 0);
    let served = Served::new(&world);
    let (found, asked) = prove(&served, &world, &packages(0..40));
    assert_eq!(found.unwrap().unwrap().len(), 40);
    // Root notes, checkpoint, and one bundle of entries.
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(has(&asked, "/log/tile/entries/"), 1);
}

#[test]
fn by_the_map_where_the_log_is_long() {
    let world = world(40, 3000);
    let served = Served::new(&world);
    for count in [1, 2, 40] {
        let (found, asked) = prove(&served, &world, &packages(0..count));
        let found = found.unwrap().unwrap();
        assert_eq!(found.len(), usize::from(count));
        let most = MOST + 2 * usize::from(count);
        assert!(asked.len() <= most, "{count}: {asked:?}");
        // The twelve bundles of the log are less than the indexes of forty packages.
        assert_eq!(
            has(&asked, "/log/tile/entries/") > 0,
            count == 40,
            "{asked:?}"
        );
    }
    let digest = |found: Found| {
        let found = found.unwrap().unwrap();
        let proven = &found[&name("p0")];
        (proven.logged.index, proven.logged.metadata)
    };
    let by_map = digest(prove(&served, &world, &packages(0..1)).0);
    let by_log = digest(prove(&served, &world, &packages(0..40)).0);
    assert_eq!(by_map, by_log);
}

#[test]
fn what_is_not_released_is_not_proven_in_either_way() {
    for others in [0, 3000] {
        let mut world = world(3, others);
        let (boss, thief) = (key("boss", 50), key("thief", 51));
        let publisher = Publisher {
            key: thief.public().clone(),
            only: None,
            until: None,
        };
        world.claim("stolen", &boss);
        world.change_owners("stolen", &boss, |note| note.publishers.push(publisher));
        world.publish("stolen", "1.0.0", &[], &thief);
        world.change_owners("stolen", &boss, |note| {
            note.publishers.pop();
            note.revoked.push(Revoked {
                key: thief.public().clone(),
                from: 0,
            });
        });
        world.seal();
        let served = Served::new(&world);
        let wanted = [(name("stolen"), version("1.0.0"))].into();
        let (found, _) = prove(&served, &world, &wanted);
        let Err(ReadError::Trust(TrustError::RevokedKey { .. })) = found else {
            panic!("{others}: {found:?}");
        };
        for (package, number) in [("p0", "1.0.1"), ("nobody", "1.0.0")] {
            let wanted = [(name(package), version(number))].into();
            let (found, _) = prove(&served, &world, &wanted);
            let Err(ReadError::Trust(TrustError::Unlogged { what })) = found else {
                panic!("{others}: {found:?}");
            };
            assert_eq!(what, format!("{package} {number}"));
        }
    }
}

#[test]
fn entries_that_do_not_lead_to_the_checkpoint_prove_nothing() {
    let world = world(3, 0);
    let served = Served::new(&world);
    let (_, asked) = prove(&served, &world, &packages(0..3));
    let bundle = asked
        .iter()
        .find(|path| path.starts_with("/log/tile/entries/"));
    let bundle = bundle.unwrap();
    let mut bytes = world.file(bundle);
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    served.replace(bundle, bytes);
    let (found, asked) = prove(&served, &world, &packages(0..3));
    let Err(ReadError::Trust(TrustError::Log { .. })) = found else {
        panic!("{found:?}");
    };
    // It was asked for once more, past all caches.
    assert_eq!(has(&asked, bundle), 2, "{asked:?}");
}
