//! What is asked of a server again, and when.

use std::sync::{Arc, Mutex};

use lumen_core::{Digest, Key};
use lumen_registry::{Freshness, ReadError, Registry, RegistryOptions};

use crate::{
    block_on, name,
    server::{Asked, Server, answer, not_found},
    version,
};

const INDEX: &str = r#"{"name": "a", "versions": ["1.0.0"], "latest": "1.0.0", "yanked": {}}"#;
const RELEASE: &str = r#"{"name": "a", "version": "1.0.0", "deps": {}, "artifacts": []}"#;

/// A server of one package whose index can be changed.
struct World {
    server: Server,
    index: Arc<Mutex<Option<String>>>,
    cache: tempfile::TempDir,
}

impl World {
    fn new(cache_control: &'static str) -> Self {
        let index = Arc::new(Mutex::new(Some(INDEX.to_owned())));
        let current = Arc::clone(&index);
        let server = Server::start(move |asked| {
            let body = match asked.path.as_str() {
                "/packages/a/index.json" => current.lock().unwrap().clone(),
                "/packages/a/1.0.0.json" => Some(RELEASE.to_owned()),
                _ => None,
            };
            respond(asked, body, cache_control)
        });
        let cache = tempfile::tempdir().unwrap();
        Self {
            server,
            index,
            cache,
        }
    }

    /// A process of its own, as far as the cache can tell.
    fn registry(&self, freshness: Freshness) -> Registry {
        self.server.registry(RegistryOptions {
            cache: Some(self.cache.path().into()),
            freshness,
            ..Default::default()
        })
    }

    /// Requests for packages since the last [`World::take`].
    fn asked(&self) -> Vec<Asked> {
        let mut asked = self.server.asked();
        asked.retain(|asked| asked.path.starts_with("/packages/"));
        asked
    }

    fn take(&self) -> Vec<Asked> {
        let asked = self.asked();
        self.server.take();
        asked
    }

    fn set(&self, index: Option<&str>) {
        *self.index.lock().unwrap() = index.map(str::to_owned);
    }
}

fn respond(asked: &Asked, body: Option<String>, cache_control: &str) -> crate::server::Answer {
    let Some(body) = body else {
        return not_found();
    };
    let tag = format!("\"{}\"", &Digest::of(body.as_bytes()).hex()[..8]);
    let headers = [
        format!("ETag: {tag}"),
        format!("Cache-Control: {cache_control}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    match asked.headers.get("if-none-match") == Some(&tag) {
        true => answer("304 Not Modified", &headers, b""),
        false => answer("200 OK", &headers, body.as_bytes()),
    }
}

fn versions(registry: &Registry) -> Option<usize> {
    let index = block_on(registry.package_index(&name("a"))).unwrap();
    index.map(|index| index.versions.len())
}

const TWO: &str = r#"{"name": "a", "versions": ["1.0.0", "1.1.0"], "yanked": {}}"#;

#[test]
fn normal_uses_what_the_server_allows() {
    let world = World::new("max-age=60");
    let first = world.registry(Freshness::Normal);
    assert_eq!(versions(&first), Some(1));
    assert!(!first.used_unconfirmed());
    drop(first);
    assert_eq!(world.take().len(), 1);

    world.set(Some(TWO));
    let second = world.registry(Freshness::Normal);
    assert_eq!(versions(&second), Some(1), "fresh by the server's word");
    assert!(second.used_unconfirmed());
    assert_eq!(world.take().len(), 0);
    second.revalidate();
    assert_eq!(versions(&second), Some(2));
    assert!(!second.used_unconfirmed());
    assert_eq!(versions(&second), Some(2));
    assert_eq!(world.take().len(), 1);
}

#[test]
fn without_max_age_everything_is_confirmed_once_a_process() {
    for control in ["no-cache", "public", "max-age=0"] {
        let world = World::new(control);
        for round in 0..3 {
            let registry = world.registry(Freshness::Normal);
            assert_eq!(versions(&registry), Some(1));
            assert_eq!(versions(&registry), Some(1));
            registry.save_cache();
            let asked = world.asked();
            assert_eq!(asked.len(), 1, "{control}");
            assert_eq!(asked[0].headers.contains_key("if-none-match"), round > 0);
            world.take();
        }
    }
}

#[test]
fn revalidate_asks_although_fresh() {
    let world = World::new("max-age=60");
    assert_eq!(versions(&world.registry(Freshness::Normal)), Some(1));
    world.take();
    assert_eq!(versions(&world.registry(Freshness::Revalidate)), Some(1));
    world.set(Some(TWO));
    assert_eq!(versions(&world.registry(Freshness::Revalidate)), Some(2));
    assert_eq!(world.take().len(), 2);
    // The 200 replaced what was kept.
    assert_eq!(versions(&world.registry(Freshness::Offline)), Some(2));
}

#[test]
fn an_absence_is_never_believed_from_the_cache() {
    let world = World::new("max-age=60");
    world.set(None);
    assert_eq!(versions(&world.registry(Freshness::Normal)), None);
    // Just published.
    world.set(Some(INDEX));
    assert_eq!(versions(&world.registry(Freshness::Normal)), Some(1));
    // And a package that was removed is absent, not served from memory.
    world.set(None);
    assert_eq!(versions(&world.registry(Freshness::Revalidate)), None);
    assert_eq!(versions(&world.registry(Freshness::Offline)), None);
}

#[test]
fn offline_uses_whatever_is_there() {
    let world = World::new("no-cache");
    let offline = world.registry(Freshness::Offline);
    let error = block_on(offline.package_index(&name("a"))).unwrap_err();
    assert!(matches!(error, ReadError::Offline { .. }), "{error}");
    assert_eq!(world.take().len(), 0);
    let online = world.registry(Freshness::Normal);
    versions(&online);
    block_on(online.release(&name("a"), &version("1.0.0"), None)).unwrap();
    online.save_cache();
    world.take();
    let offline = world.registry(Freshness::Offline);
    assert_eq!(versions(&offline), Some(1));
    assert!(
        block_on(offline.release(&name("a"), &version("1.0.0"), None))
            .unwrap()
            .is_some()
    );
    let artifact =
        block_on(offline.artifact(&Key::parse("artifacts/x").unwrap(), 9, &mut Vec::new()));
    assert!(matches!(artifact, Err(ReadError::Offline { .. })));
    offline.revalidate();
    assert_eq!(offline.freshness(), Freshness::Offline);
    assert_eq!(world.take().len(), 0);
}

#[test]
fn no_store_leaves_nothing_behind() {
    let world = World::new("no-store, max-age=60");
    assert_eq!(versions(&world.registry(Freshness::Normal)), Some(1));
    let offline = world.registry(Freshness::Offline);
    assert!(block_on(offline.package_index(&name("a"))).is_err());
}

#[test]
fn releases_are_fetched_once_and_their_hash_is_checked() {
    let world = World::new("no-cache");
    let digest = Digest::of(RELEASE.as_bytes());
    for expected in [None, Some(digest)] {
        let registry = world.registry(Freshness::Revalidate);
        let found = block_on(registry.release(&name("a"), &version("1.0.0"), expected));
        assert_eq!(found.unwrap().unwrap().1, digest);
    }
    assert_eq!(world.take().len(), 1);
    let registry = world.registry(Freshness::Normal);
    let wrong = Some(Digest::of(b"other"));
    let error = block_on(registry.release(&name("a"), &version("1.0.0"), wrong)).unwrap_err();
    assert!(matches!(error, ReadError::Hash { .. }), "{error}");
    assert_eq!(
        world.take().len(),
        1,
        "asked again, in case the copy was old"
    );
}

#[test]
fn what_is_broken_is_not_kept() {
    let world = World::new("max-age=60");
    world.set(Some("<!doctype html><title>Welcome</title>"));
    let registry = world.registry(Freshness::Normal);
    let error = block_on(registry.package_index(&name("a"))).unwrap_err();
    let ReadError::Malformed(problem) = error else {
        panic!("{error}");
    };
    let hint = problem.hint.unwrap();
    assert!(hint.text().unwrap().starts_with("this is a web page"));
    let place = problem.place.unwrap();
    assert_eq!(
        place.file,
        format!("{}/packages/a/index.json", world.server.url())
    );
    drop(registry);
    world.set(Some(INDEX));
    assert_eq!(versions(&world.registry(Freshness::Normal)), Some(1));
}
