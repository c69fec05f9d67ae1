//! Signed registries as clients read them: what holds, what it costs, what is remembered.

use std::{collections::BTreeSet, sync::Arc};

use lumen_core::{Digest, lockfile::LockedTrust, signing::SecretKey};
use lumen_registry::{
    Freshness, ReadError, Registry, RegistryOptions, Storage,
    log::init_signed,
    publish::publish,
    storage::MemoryStorage,
    verify::{TrustError, TrustInfo, TrustOptions, state},
};

pub use lumen_testkit::world::{NOW, Served, World, key, seconds, signed};

use crate::{block_on, name, version};

/// What a client does first.
pub fn trust(registry: &Registry) -> Result<TrustInfo, TrustError> {
    match block_on(registry.trust()) {
        Ok(info) => Ok(info.unwrap()),
        Err(ReadError::Trust(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// The versions of a package; nothing where there is no such package.
pub fn versions(registry: &Registry, package: &str) -> Result<Option<Vec<String>>, TrustError> {
    match block_on(registry.package_index(&name(package))) {
        Ok(index) => {
            Ok(index.map(|index| index.versions.iter().map(ToString::to_string).collect()))
        }
        Err(ReadError::Trust(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn list(texts: &[&str]) -> Result<Option<Vec<String>>, TrustError> {
    Ok(Some(texts.iter().map(ToString::to_string).collect()))
}

#[test]
fn an_honest_registry() {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    world.claim("a", &owner);
    world.publish("a", "1.0.0", &[("b", "^1")], &owner);
    world.publish("a", "1.1.0", &[], &owner);
    world.claim("@org", &owner);
    world.publish("@org/x", "0.1.0", &[], &owner);
    world.seal();
    world.yank("a", "1.1.0", "broken", &owner);
    world.deprecate("a", "@org/x", "moved", &owner);
    world.seal();
    let served = Served::new(&world);
    let registry = served.registry(TrustOptions::default());
    let info = trust(&registry).unwrap();
    assert_eq!((info.origin.as_str(), info.size), ("example/1f", 10));
    assert_eq!(info.fingerprint, world.fingerprint());
    assert!(info.first_use && !info.pinned);
    assert_eq!(versions(&registry, "a"), list(&["1.0.0", "1.1.0"]));
    assert_eq!(versions(&registry, "@org/x"), list(&["0.1.0"]));
    for absent in ["b", "@org/y", "@other/y"] {
        assert_eq!(versions(&registry, absent), Ok(None));
    }
    let index = block_on(registry.package_index(&name("a")))
        .unwrap()
        .unwrap();
    assert_eq!(index.yank_reason(&version("1.1.0")), Some(Some("broken")));
    assert_eq!(index.latest, Some(version("1.0.0")));
    let summary = &index.releases[&version("1.0.0")];
    assert!(summary.deps.contains_key("b"));
    let (release, digest) = block_on(registry.release(&name("a"), &version("1.0.0"), None))
        .unwrap()
        .unwrap();
    assert_eq!(release, world.release("a", "1.0.0"));
    assert_eq!(summary.metadata, Some(digest));
    let history = block_on(registry.provenance(&name("a"))).unwrap().unwrap();
    let logged = &history.releases[&version("1.1.0")];
    assert_eq!((logged.index, &logged.signer), (3, owner.public()));
    let deprecated = history.deprecated.clone().unwrap();
    assert_eq!(deprecated.replacement, Some(name("@org/x")));
    let locked = registry.trusted().unwrap();
    assert_eq!(locked.root, world.fingerprint());
    assert_eq!(locked.checkpoint, info.checkpoint);
}

#[test]
fn what_publishing_makes_is_believed() {
    let storage = Storage::Memory(MemoryStorage::new());
    let owner: Arc<SecretKey> = Arc::new(key("owner", 7));
    block_on(init_signed(&storage, "test", "test/1f", &*owner, NOW)).unwrap();
    for (package, number) in [("a", "1.0.0"), ("a", "1.1.0"), ("@org/x", "0.1.0")] {
        let mut request = crate::request(package, number, number);
        request.now = NOW.into();
        request.signer = Some(owner.clone());
        block_on(publish(&storage, &request)).unwrap();
    }
    let registry = Registry::on("local", storage);
    let info = trust(&registry).unwrap();
    assert_eq!(info.origin, "test/1f");
    assert_eq!(versions(&registry, "a"), list(&["1.0.0", "1.1.0"]));
    assert_eq!(versions(&registry, "@org/x"), list(&["0.1.0"]));
    for (package, number) in [("a", "1.1.0"), ("@org/x", "0.1.0")] {
        let index = block_on(registry.package_index(&name(package))).unwrap();
        // The index is enough: the release's own file need not be read.
        assert!(index.unwrap().releases.contains_key(&version(number)));
        let release = block_on(registry.release(&name(package), &version(number), None));
        assert!(release.unwrap().is_some());
    }
}

#[test]
fn a_folder_is_checked_as_a_server_is() {
    let mut world = World::new("example/1f");
    world.claim("a", &key("owner", 7));
    world.publish("a", "1.0.0", &[], &key("owner", 7));
    world.seal();
    let folder = tempfile::tempdir().unwrap();
    world.write_to(folder.path());
    let location = lumen_registry::Location::parse_path("", folder.path()).unwrap();
    let registry = Registry::open("local", location, &RegistryOptions::default()).unwrap();
    assert_eq!(versions(&registry, "a"), list(&["1.0.0"]));
    assert!(trust(&registry).is_ok());
}

#[test]
fn what_was_seen_is_remembered() {
    let mut world = World::new("example/1f");
    world.seal();
    let served = Served::new(&world);
    let dir = tempfile::tempdir().unwrap();
    let options = || TrustOptions {
        state_dir: Some(dir.path().into()),
        ..Default::default()
    };
    assert!(trust(&served.registry(options())).unwrap().first_use);
    let first = state::list(dir.path()).unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].seen().unwrap().unwrap().size, 2);
    world.claim("a", &key("owner", 7));
    world.seal();
    served.show(&world);
    assert!(!trust(&served.registry(options())).unwrap().first_use);
    let second = state::list(dir.path()).unwrap();
    assert_eq!(second[0].seen().unwrap().unwrap().size, 4);
    assert_eq!(second[0].first_seen, first[0].first_seen);
    assert!(!second[0].pinned);

    let url = &second[0].url;
    let other = Digest::of(b"other");
    let error = state::pin(dir.path(), url, other, NOW).unwrap_err();
    assert!(matches!(error, TrustError::Pinned { .. }), "{error}");
    assert!(
        state::pin(dir.path(), url, world.fingerprint(), NOW)
            .unwrap()
            .pinned
    );
    assert!(trust(&served.registry(options())).unwrap().pinned);
    assert_eq!(state::forget(dir.path(), url), Ok(true));
    assert_eq!(state::forget(dir.path(), url), Ok(false));
    assert_eq!(state::list(dir.path()), Ok(Vec::new()));
    state::accept(dir.path(), &second[0]).unwrap();
    assert_eq!(state::read(dir.path(), url), Ok(Some(second[0].clone())));
    // Damage is not taken for a first contact.
    std::fs::write(state::path(dir.path(), url), b"{").unwrap();
    let error = trust(&served.registry(options())).unwrap_err();
    assert!(matches!(error, TrustError::State { .. }), "{error}");
}

#[test]
fn an_old_copy_on_the_way_is_asked_past() {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    world.claim("a", &owner);
    world.publish("a", "1.0.0", &[], &owner);
    world.seal();
    let old = world.clone();
    world.publish("a", "1.1.0", &[], &owner);
    world.seal();
    // A cache on the way has old files under their usual names.
    for path in [
        "/packages/a/index.json",
        "/log/checkpoint",
        "/trust/root/index.json",
    ] {
        let served = Served::new(&world);
        served.stale(path, old.file(path));
        let registry = served.registry(TrustOptions {
            locked: vec![LockedTrust {
                root: world.fingerprint(),
                checkpoint: world.checkpoint(),
                root_note: None,
            }],
            ..Default::default()
        });
        assert_eq!(
            versions(&registry, "a"),
            list(&["1.0.0", "1.1.0"]),
            "{path}"
        );
    }
    // An index that is ahead of the checkpoint is not wrong.
    let served = Served::new(&world);
    served.replace("/log/checkpoint", old.file("/log/checkpoint"));
    let registry = served.registry(TrustOptions::default());
    assert_eq!(versions(&registry, "a"), list(&["1.0.0"]));
}

#[test]
fn offline_what_was_proved_is_enough() {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    for package in ["a", "@org/x"] {
        world.claim(package.split('/').next().unwrap(), &owner);
        world.publish(package, "1.0.0", &[], &owner);
    }
    world.seal();
    let served = Served::new(&world);
    let cache = tempfile::tempdir().unwrap();
    let open = |freshness| {
        served.server.registry(RegistryOptions {
            cache: Some(cache.path().into()),
            freshness,
            ..Default::default()
        })
    };
    let offline = || {
        served.server.take();
        let registry = open(Freshness::Offline);
        assert_eq!(versions(&registry, "a"), list(&["1.0.0"]));
        assert_eq!(versions(&registry, "@org/x"), list(&["1.0.0"]));
        let unknown = block_on(registry.package_index(&name("b")));
        assert_eq!(served.server.take().len(), 0);
        unknown
    };
    let online = open(Freshness::Normal);
    for package in ["a", "@org/x"] {
        assert_eq!(versions(&online, package), list(&["1.0.0"]));
    }
    drop(online);
    let unknown = offline();
    assert!(
        matches!(unknown, Err(ReadError::Offline { .. })),
        "{unknown:?}"
    );
    // Later only another package was looked at, and at last nothing but the checkpoint.
    for package in [Some("b"), None] {
        if package.is_some() {
            world.claim("b", &owner);
        }
        world.yank("a", "1.0.0", "x", &owner);
        world.seal();
        served.show(&world);
        let online = open(Freshness::Revalidate);
        assert!(trust(&online).is_ok());
        if let Some(package) = package {
            assert_eq!(versions(&online, package), list(&[]));
        }
        drop(online);
        let _ = offline();
    }
}

#[test]
fn nobody_asks_for_what_the_log_says_is_not_new() {
    const ALL: usize = 40;
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    let names: Vec<String> = (0..ALL)
        .map(|n| format!("{}p{n}", ["", "@s/"][n % 2]))
        .collect();
    world.claim("@s", &owner);
    for package in &names {
        if !package.starts_with('@') {
            world.claim(package, &owner);
        }
        world.publish(package, "1.0.0", &[], &owner);
    }
    world.seal();
    let served = Served::new(&world);
    let cache = tempfile::tempdir().unwrap();
    let look = |changed: &str| {
        served.server.take();
        let registry = served.server.registry(RegistryOptions {
            cache: Some(cache.path().into()),
            freshness: Freshness::Revalidate,
            ..Default::default()
        });
        for package in &names {
            let expected: &[&str] = match package == changed {
                true => &["1.0.0", "1.1.0"],
                false => &["1.0.0"],
            };
            assert_eq!(versions(&registry, package), list(expected), "{package}");
        }
        registry.save_cache();
        let asked: BTreeSet<String> = served.server.take().into_iter().collect();
        asked
    };
    let is_index = |path: &&String| path.starts_with("/packages/");
    assert_eq!(look("").iter().filter(is_index).count(), ALL);
    let asked = look("");
    assert!(asked.len() <= 3, "{asked:?}");
    // A release of another package costs a path of the map and no index, a release of these one.
    world.claim("other", &owner);
    world.publish("other", "1.0.0", &[], &owner);
    world.seal();
    served.show(&world);
    let asked = look("");
    assert_eq!(asked.iter().filter(is_index).count(), 0, "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
    world.publish("@s/p7", "1.1.0", &[], &owner);
    world.seal();
    served.show(&world);
    let asked = look("@s/p7");
    let indexes: Vec<&String> = asked.iter().filter(is_index).collect();
    assert_eq!(indexes, ["/packages/@s/p7/index.json"]);
}

#[test]
fn unsigned_registries_cost_one_request_more() {
    let world = World::new("example/1f");
    let served = Served::new(&world);
    served.clear();
    let cache = tempfile::tempdir().unwrap();
    let open = || {
        served.server.registry(RegistryOptions {
            cache: Some(cache.path().into()),
            ..Default::default()
        })
    };
    for expected in [1, 0] {
        let registry = open();
        assert_eq!(block_on(registry.trust()).unwrap(), None);
        assert_eq!(registry.trusted(), None);
        registry.save_cache();
        assert_eq!(served.server.take().len(), expected);
    }
    let registry = open();
    assert_eq!(block_on(registry.trust()).unwrap(), None);
    assert!(registry.used_unconfirmed());
    registry.revalidate();
    assert_eq!(block_on(registry.trust()).unwrap(), None);
    assert_eq!(served.server.take().len(), 1);
}

/// The costs that were promised, at a registry of 10,000 packages with 300 of them read.
#[test]
fn costs() {
    const ALL: usize = 10_000;
    const READ: usize = 300;
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    for n in 0..READ {
        world.claim(&format!("p{n}"), &owner);
        world.publish(&format!("p{n}"), "1.0.0", &[], &owner);
    }
    let others = (READ..ALL).map(|n| {
        let package = format!("p{n}");
        let head = Digest::of(package.as_bytes());
        (package, head)
    });
    world.seal_with(&others.collect());
    let served = Served::new(&world);
    let read = |registry: &Registry| {
        block_on(async {
            let names: Vec<_> = (0..READ).map(|n| name(&format!("p{n}"))).collect();
            let reads = names.iter().map(|name| registry.package_index(name));
            for index in futures::future::try_join_all(reads).await.unwrap() {
                assert_eq!(index.unwrap().releases.len(), 1);
            }
        });
    };
    let registry = served.registry(TrustOptions::default());
    read(&registry);
    // Under load a request may be repeated.
    let asked: BTreeSet<String> = served.server.take().into_iter().collect();
    let (indexes, rest): (Vec<String>, Vec<String>) = asked
        .into_iter()
        .partition(|path| path.starts_with("/packages/"));
    assert_eq!(indexes.len(), READ);
    assert!(rest.len() <= 200, "{} requests more", rest.len());
    let bytes: usize = rest.iter().map(|path| world.file(path).len()).sum();
    assert!(bytes <= 600_000, "{bytes} bytes more");

    // A locked install, at a machine that sees the registry for the first time.
    let old = world.clone();
    world.claim("new", &owner);
    world.seal();
    served.show(&world);
    let registry = served.registry(TrustOptions {
        locked: vec![LockedTrust {
            root: old.fingerprint(),
            checkpoint: old.checkpoint(),
            root_note: None,
        }],
        ..Default::default()
    });
    assert!(trust(&registry).is_ok());
    let asked: BTreeSet<String> = served.server.take().into_iter().collect();
    assert!(asked.len() <= 8, "{asked:?}");
}
