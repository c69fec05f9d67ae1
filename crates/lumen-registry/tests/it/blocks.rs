//! What moderators block is neither chosen nor installed from a lock.

use std::collections::BTreeMap;

use lumen_core::{
    explain::explain,
    signing::SecretKey,
    trust::{Cause, Measure, Moderation},
};
use lumen_registry::{
    ReadError, Registry,
    loader::{LoadError, Routes},
    verify::{TrustError, TrustOptions},
};
use lumen_testkit::world::{NOW, Served, World, key, seconds, signed};

use crate::{
    block_on,
    loader::{asking, resolve},
    name, version,
};

fn moderator() -> SecretKey {
    key("mia", 7)
}

/// A registry with a moderator and two releases of `tool`.
fn world() -> World {
    let owner = key("ada", 3);
    let mut world = World::with("example/1f", |root| {
        root.moderator_threshold = 1;
        root.moderators = vec![moderator().public().clone()];
    });
    world.claim("tool", &owner);
    world.publish("tool", "1.0.0", &[], &owner);
    world.publish("tool", "1.1.0", &[], &owner);
    world.seal();
    world
}

fn say(world: &mut World, seq: u64, versions: &str, measure: Measure) {
    let said = Moderation {
        origin: world.root.origin.clone(),
        package: name("tool"),
        seq,
        covers: versions.parse().unwrap(),
        measure,
        time: NOW.into(),
        reason: "sends keys to a stranger".into(),
    };
    world.append(signed(said.to_text(), &[&moderator()]));
    world.seal();
}

fn client(world: &World, now: i64) -> (Served, Registry) {
    let served = Served::new(world);
    let registry = served.registry(TrustOptions {
        now,
        ..Default::default()
    });
    (served, registry)
}

/// The version that a resolution with a lock of `locked` chooses, or why there is none.
fn chosen(world: &World, locked: &str, now: i64) -> Result<String, String> {
    let (_served, registry) = client(world, now);
    let mut request = asking(&[("tool", "^1")]);
    request.now = now;
    request.locked.insert(name("tool"), version(locked));
    match resolve(&Routes::new(Some(registry)), &request) {
        Ok(loaded) => Ok(loaded.resolution.packages[&name("tool")]
            .version
            .to_string()),
        Err(LoadError::Conflict { conflict, catalog }) => {
            Err(format!("{:?}", explain(&catalog, &request, &conflict)))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Whether the release of a lock may be installed.
fn proven(world: &World, locked: &str, now: i64) -> Result<(), TrustError> {
    let (_served, registry) = client(world, now);
    let wanted = BTreeMap::from([(name("tool"), version(locked))]);
    match block_on(registry.prove(&wanted)) {
        Ok(_) => Ok(()),
        Err(ReadError::Trust(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn not_even_a_lock_keeps_a_blocked_release() {
    let now = seconds(NOW);
    let mut world = world();
    assert_eq!(chosen(&world, "1.1.0", now), Ok("1.1.0".into()));
    say(&mut world, 1, "=1.1.0", Measure::Block(Cause::default()));
    assert_eq!(chosen(&world, "1.1.0", now), Ok("1.0.0".into()));
    assert!(proven(&world, "1.0.0", now).is_ok());
    let refused = proven(&world, "1.1.0", now).unwrap_err();
    assert!(matches!(refused, TrustError::Blocked { .. }), "{refused}");
    assert_eq!(
        refused.to_string(),
        "`tool` 1.1.0 is blocked by the registry's moderators: sends keys to a stranger (said by \
         mia on 2026-01-31T10:30:00Z)"
    );
    say(&mut world, 2, "=1.1.0", Measure::Unblock);
    assert_eq!(chosen(&world, "1.1.0", now), Ok("1.1.0".into()));
    assert!(proven(&world, "1.1.0", now).is_ok());
}

#[test]
fn a_quarantine_ends_by_the_clock_of_the_reader() {
    let (now, until) = (seconds(NOW), "2026-02-07T00:00:00Z");
    let mut world = world();
    let (until, cause) = (until.to_owned(), Cause::default());
    say(&mut world, 1, "all", Measure::Quarantine { until, cause });
    let conflict = chosen(&world, "1.1.0", now).unwrap_err();
    let words = "blocked by the registry's moderators: sends keys to a stranger (said by mia on \
                 2026-01-31T10:30:00Z until 2026-02-07T00:00:00Z)";
    assert!(conflict.contains(words), "{conflict}");
    assert!(proven(&world, "1.0.0", now).is_err());
    let end = seconds("2026-02-07T00:00:00Z");
    assert!(proven(&world, "1.0.0", end - 1).is_err());
    assert!(proven(&world, "1.0.0", end).is_ok());
    assert_eq!(chosen(&world, "1.1.0", end), Ok("1.1.0".into()));
}

#[test]
fn a_host_cannot_take_a_block_out() {
    let now = seconds(NOW);
    let before = world();
    let mut world = before.clone();
    say(&mut world, 1, "all", Measure::Block(Cause::default()));
    // It shows the index from before the block beside the new checkpoint.
    let path = "/packages/tool/index.json";
    let served = Served::new(&world);
    served.replace(path, before.file(path));
    let registry = served.registry(TrustOptions {
        now,
        ..Default::default()
    });
    let found = block_on(registry.package_index(&name("tool")));
    assert!(
        matches!(found, Err(ReadError::Trust(TrustError::Withheld { .. }))),
        "{found:?}"
    );
}
