//! A world behind a web server.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use lumen_registry::{Registry, RegistryOptions, verify::TrustOptions};

use super::World;
use crate::server::{Answer, Server, not_found, ok};

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A world behind a web server.
pub struct Served {
    /// The server.
    pub server: Server,
    files: Files,
    /// What caches on the way answer, as long as no client asks past them.
    stale: Files,
}

impl Served {
    /// Serves a world.
    pub fn new(world: &World) -> Self {
        let files: Files = Arc::new(Mutex::new(world.files.clone()));
        let stale = Files::default();
        let (current, old) = (Arc::clone(&files), Arc::clone(&stale));
        let server = Server::start(move |asked| -> Answer {
            let (path, is_marked) = match asked.path.split_once('?') {
                Some((path, _)) => (path, true),
                None => (asked.path.as_str(), false),
            };
            let old = old.lock().unwrap();
            let old = old.get(path).filter(|_| !is_marked);
            let current = current.lock().unwrap();
            match old.or_else(|| current.get(path)) {
                Some(bytes) => ok(bytes),
                None => not_found(),
            }
        });
        Self {
            server,
            files,
            stale,
        }
    }

    /// Serves another world from now on.
    pub fn show(&self, world: &World) {
        *self.files.lock().unwrap() = world.files.clone();
    }

    /// Serves nothing from now on.
    pub fn clear(&self) {
        self.files.lock().unwrap().clear();
    }

    /// Serves other bytes at a path.
    pub fn replace(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.into(), bytes.into());
    }

    /// Serves nothing at a path.
    pub fn remove(&self, path: &str) {
        assert!(self.files.lock().unwrap().remove(path).is_some(), "{path}");
    }

    /// Changes a text at a path.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let mut files = self.files.lock().unwrap();
        let text = String::from_utf8(files[path].clone()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        files.insert(path.into(), text.replace(from, to).into());
    }

    /// What a cache on the way has at a path.
    pub fn stale(&self, path: &str, bytes: Vec<u8>) {
        self.stale.lock().unwrap().insert(path.into(), bytes);
    }

    /// A client.
    pub fn registry(&self, trust: TrustOptions) -> Registry {
        self.server.registry(RegistryOptions {
            trust,
            ..Default::default()
        })
    }
}
