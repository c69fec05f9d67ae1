//! What an install with a lock learns from the log about the releases it has.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName, Version,
    lockfile::LockedTrust,
    signing::SecretKey,
    trust::{Action, Revoked},
};
use lumen_registry::{
    ReadError, Registry, RegistryOptions,
    verify::{Since, TrustError, TrustOptions},
};

use crate::{
    block_on, name,
    verified::{Served, World, key, trust},
    version,
};

/// Requests that an install with a lock may take more than from an unsigned registry.
const MOST: usize = 8;

/// A lock of a world as it is now.
struct Lock {
    trust: LockedTrust,
    packages: BTreeMap<PackageName, Version>,
}

impl Lock {
    fn of(world: &World, packages: &[(&str, &str)]) -> Self {
        let packages = packages
            .iter()
            .map(|(package, number)| (name(package), version(number)));
        Self {
            trust: LockedTrust {
                root: world.fingerprint(),
                checkpoint: world.checkpoint(),
                root_note: None,
            },
            packages: packages.collect(),
        }
    }

    fn registry(&self, served: &Served) -> Registry {
        served.registry(TrustOptions {
            locked: vec![self.trust.clone()],
            ..Default::default()
        })
    }

    fn since(&self, registry: &Registry) -> Result<Since, TrustError> {
        match block_on(registry.since(&self.trust.checkpoint, &self.packages)) {
            Ok(since) => Ok(since),
            Err(ReadError::Trust(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    fn named(&self, served: &Served) -> Vec<String> {
        let since = self.since(&self.registry(served)).unwrap();
        assert_eq!(since.unread, 0);
        since.named.iter().map(ToString::to_string).collect()
    }
}

fn world() -> (World, SecretKey) {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    for package in ["a", "b"] {
        world.claim(package, &owner);
        world.publish(package, "1.0.0", &[], &owner);
    }
    world.claim("@org", &owner);
    for package in ["@org/x", "@org/y", "@org/z"] {
        world.publish(package, "1.0.0", &[], &owner);
    }
    world.seal();
    (world, owner)
}

const ALL: [(&str, &str); 4] = [
    ("a", "1.0.0"),
    ("b", "1.0.0"),
    ("@org/x", "1.0.0"),
    ("@org/y", "1.0.0"),
];

#[test]
fn packages_that_something_was_said_about() {
    let (world, owner) = world();
    let lock = Lock::of(&world, &ALL);
    let served = Served::new(&world);
    let after = |change: &dyn Fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        world.seal();
        served.show(&world);
        lock.named(&served)
    };
    assert_eq!(lock.named(&served), [""; 0]);
    // Others, other versions, and owners who change as they like.
    let unrelated = after(&|world| {
        world.publish("a", "1.1.0", &[], &owner);
        world.yank("a", "1.1.0", "not locked", &owner);
        world.yank("@org/z", "1.0.0", "not locked", &owner);
        world.change_owners("b", &owner, |note| note.publishers.clear());
        world.change_root(|root| root.max_age = None);
    });
    assert_eq!(unrelated, [""; 0]);
    assert_eq!(after(&|world| world.yank("a", "1.0.0", "x", &owner)), ["a"]);
    let unyanked = Action::Unyank {
        version: version("1.0.0"),
        reason: String::new(),
    };
    assert_eq!(
        after(&|world| world.state("b", unyanked.clone(), &owner)),
        ["b"]
    );
    assert_eq!(
        after(&|world| world.deprecate("b", "a", "x", &owner)),
        ["b"]
    );
    let revoked = after(&|world| {
        world.change_owners("@org", &owner, |note| {
            note.revoked = vec![Revoked {
                key: key("stolen", 8).public().clone(),
                from: 3,
            }];
        });
    });
    assert_eq!(revoked, ["@org/x", "@org/y"]);
    // A lock of merged branches may have what came after its checkpoint.
    let lock = Lock::of(&world, &[("a", "1.1.0")]);
    let mut later = world.clone();
    later.publish("a", "1.1.0", &[], &owner);
    later.seal();
    served.show(&later);
    assert_eq!(lock.named(&served), ["a"]);
}

#[test]
fn entries_are_proved() {
    let (world, owner) = world();
    let lock = Lock::of(&world, &ALL);
    let mut later = world.clone();
    later.yank("a", "1.0.0", "stolen", &owner);
    later.seal();
    let served = Served::new(&later);
    assert_eq!(lock.named(&served), ["a"]);
    let bundle = format!("/log/tile/entries/000.p/{}", later.entries.len());
    // The yank is hidden, altered, or all of it is gone.
    let good = later.file(&bundle);
    let mut hidden = world.file(&format!("/log/tile/entries/000.p/{}", world.entries.len()));
    for bytes in [good[..good.len() - 5].to_vec(), hidden.clone()] {
        served.replace(&bundle, bytes);
        let error = lock.since(&lock.registry(&served)).unwrap_err();
        assert!(matches!(error, TrustError::Log { .. }), "{error}");
    }
    let padding = &good[hidden.len()..];
    hidden.extend(padding.iter().map(|byte| byte ^ 1));
    served.replace(&bundle, hidden);
    let error = lock.since(&lock.registry(&served)).unwrap_err();
    assert!(matches!(error, TrustError::Log { .. }), "{error}");
    served.remove(&bundle);
    let error = lock.since(&lock.registry(&served)).unwrap_err();
    assert!(error.to_string().ends_with("` is missing"), "{error}");
    // A cache on the way had another file, and is asked past.
    let served = Served::new(&later);
    for cut in [0, 5] {
        let mut other = good[..good.len() - cut].to_vec();
        let last = other.len() - 2;
        other[last] ^= 1;
        served.stale(&bundle, other);
        assert_eq!(lock.named(&served), ["a"]);
    }
}

/// The holder of a log key leaves an entry out of the map and of the lists.
#[test]
fn what_the_log_says_is_in_the_histories_shown() {
    type Change<'c> = (&'c str, &'c dyn Fn(&mut World));
    let (world, owner) = world();
    let lock = Lock::of(&world, &ALL);
    let served = Served::new(&world);
    let later = |note: &mut lumen_core::trust::OwnersNote| {
        note.time = "2026-02-01T00:00:00Z".into();
    };
    let changes: [Change<'_>; 4] = [
        ("root note 2 was taken back: entry 10", &|world| {
            world.change_root(|note| note.time = "2026-02-01T00:00:00Z".into());
        }),
        (
            "ownership note 2 of `a` was taken back: entry 10",
            &|world| {
                world.change_owners("a", &owner, later);
            },
        ),
        (
            "ownership note 2 of `@org` was taken back: entry 10",
            &|world| {
                world.change_owners("@org", &owner, later);
            },
        ),
        ("the events of `b` are not those of the log", &|world| {
            world.yank("b", "1.0.0", "stolen", &owner);
        }),
    ];
    for (said, change) in changes {
        for hidden in [&[][..], &[10]] {
            let mut world = world.clone();
            assert_eq!(world.entries.len(), 10);
            change(&mut world);
            world.seal_hiding(hidden);
            served.show(&world);
            let registry = lock.registry(&served);
            let since = lock.since(&registry).unwrap();
            match (block_on(registry.confirm_shown(&since)), hidden.is_empty()) {
                (Ok(()), true) => {}
                (Err(ReadError::Trust(error)), false) => {
                    assert!(error.to_string().starts_with(said), "{error}");
                }
                (confirmed, _) => panic!("{said}, {hidden:?}: {confirmed:?}"),
            }
        }
    }
}

#[test]
fn the_cost_stays_within_the_bar_however_far_the_log_has_come() {
    let (mut world, owner) = world();
    let lock = Lock::of(&world, &ALL);
    let served = Served::new(&world);
    let mut read = Vec::new();
    for entries in [1_usize, 200, 300, 300] {
        for n in 0..entries {
            world.claim(&format!("n{}-{n}", world.entries.len()), &owner);
        }
        world.yank("a", "1.0.0", &format!("{entries}"), &owner);
        world.seal();
        served.show(&world);
        served.server.take();
        let registry = lock.registry(&served);
        assert!(trust(&registry).is_ok());
        let since = lock.since(&registry).unwrap();
        let asked: BTreeSet<String> = served.server.take().into_iter().collect();
        assert!(asked.len() <= MOST, "{asked:?}");
        match since.unread {
            0 => assert_eq!(since.named, [name("a")].into()),
            unread => {
                let known = lock_size(&lock);
                assert_eq!(unread, world.entries.len() as u64 - known);
                assert!(since.named.is_empty());
            }
        }
        read.push(since.unread == 0);
    }
    // Some three bundles of 256 entries.
    assert_eq!(read, [true, true, true, false]);

    // What is in the cache is no request: a machine that installs often sees all of it.
    let cache = tempfile::tempdir().unwrap();
    let (mut world, owner) = self::world();
    let mut lock = Lock::of(&world, &ALL);
    let served = Served::new(&world);
    let first = lock.trust.clone();
    for _ in 0..4 {
        for n in 0..250 {
            world.claim(&format!("n{}-{n}", world.entries.len()), &owner);
        }
        world.seal();
        served.show(&world);
        let registry = served.server.registry(RegistryOptions {
            cache: Some(cache.path().into()),
            freshness: lumen_registry::Freshness::Revalidate,
            ..Default::default()
        });
        assert_eq!(lock.since(&registry).unwrap().unread, 0);
        lock.trust.checkpoint = world.checkpoint();
    }
    world.yank("b", "1.0.0", "x", &owner);
    world.seal();
    served.show(&world);
    lock.trust = first;
    let registry = served.server.registry(RegistryOptions {
        cache: Some(cache.path().into()),
        freshness: lumen_registry::Freshness::Revalidate,
        ..Default::default()
    });
    let since = lock.since(&registry).unwrap();
    assert_eq!((since.unread, since.named), (0, [name("b")].into()));
}

fn lock_size(lock: &Lock) -> u64 {
    let size = lock.trust.checkpoint.lines().nth(1).unwrap();
    size.parse().unwrap()
}

#[test]
fn a_folder_is_read_as_far_as_that_is_quick() {
    let (mut world, owner) = world();
    let lock = Lock::of(&world, &ALL);
    for n in 0..900 {
        world.claim(&format!("n{n}"), &owner);
    }
    world.yank("a", "1.0.0", "x", &owner);
    world.seal();
    let folder = tempfile::tempdir().unwrap();
    world.write_to(folder.path());
    let location = lumen_registry::Location::parse_path("", folder.path()).unwrap();
    let registry = Registry::open("local", location, &RegistryOptions::default()).unwrap();
    let since = lock.since(&registry).unwrap();
    assert_eq!((since.unread, since.named), (0, [name("a")].into()));
}
