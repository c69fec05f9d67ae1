//! What is used without the network: what is on this machine, also where more is known.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Server, answer, not_found, ok},
};

use crate::{fails, publish, sandbox};

/// How the server of a test behaves.
const UP: u8 = 0;
/// It has indexes, but no archives.
const HALF: u8 = 1;
const DOWN: u8 = 2;

/// A registry behind a web server.
struct World {
    sandbox: Sandbox,
    server: Server,
    state: Arc<AtomicU8>,
}

impl World {
    fn new() -> Self {
        let sandbox = sandbox();
        let root = sandbox.path("registry");
        let state = Arc::new(AtomicU8::new(UP));
        let is = Arc::clone(&state);
        let server = Server::start(move |asked| {
            let path = asked.path.split('?').next().unwrap_or_default();
            let is_archive = path.starts_with("/artifacts/");
            match (is.load(Ordering::Relaxed), fs::read(root.join(&path[1..]))) {
                (DOWN, _) => answer("503 Service Unavailable", &[], b""),
                (HALF, _) if is_archive => answer("503 Service Unavailable", &[], b""),
                (_, Ok(bytes)) => ok(&bytes),
                (_, Err(_)) => not_found(),
            }
        });
        let world = Self {
            sandbox,
            server,
            state,
        };
        for name in ["foo", "bar"] {
            publish(&world.sandbox, name, "1.0.0", "");
        }
        let needs = "[dependencies]\nfoo = \"^1\"\n";
        world.sandbox.package("app", "app", "0.1.0", needs).unwrap();
        world
    }

    fn is(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.sandbox.command("app", arguments);
        command.env("LUMEN_REGISTRY", self.server.url());
        Ran::of(&command.output().unwrap())
    }

    fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    }

    fn locks(&self, name: &str, version: &str) -> bool {
        let lock = self.sandbox.read("app/lumen.lock").unwrap();
        lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\""))
    }

    /// A version that is known on this machine, and was not downloaded.
    fn with_news() -> Self {
        let world = Self::new();
        world.ok(&["pkg", "install"]);
        publish(&world.sandbox, "foo", "1.1.0", "");
        let seen = world.ok(&["pkg", "update", "--dry-run"]);
        assert!(
            seen.err.contains("1.1.0") || seen.out.contains("1.1.0"),
            "{seen:#?}"
        );
        world
    }
}

const INSTEAD: &str =
    "without the network, versions that were downloaded before are used: `foo` 1.0.0, not 1.1.0";

#[test]
fn a_known_version_that_was_never_downloaded_is_passed_by() {
    let world = World::with_news();
    let asked = world.server.asked().len();
    let ran = world.ok(&["pkg", "update", "--offline"]);
    assert!(ran.err.contains(INSTEAD), "{ran:#?}");
    assert!(world.locks("foo", "1.0.0"));
    assert_eq!(world.server.asked().len(), asked);
    for state in [DOWN, HALF] {
        world.is(state);
        fails(&world.run(&["pkg", "update"]), 4, &[]);
        let ran = world.ok(&["pkg", "update", "--stale-if-error"]);
        assert!(ran.err.contains(INSTEAD), "{ran:#?}");
        assert!(ran.err.contains("going on without the network"), "{ran:#?}");
        assert!(world.locks("foo", "1.0.0"));
    }
    world.is(UP);
    let ran = world.ok(&["pkg", "update"]);
    assert!(!ran.err.contains("without the network"), "{ran:#?}");
    assert!(world.locks("foo", "1.1.0"));
    // What is here now is used, and nothing needs to be said.
    let ran = world.ok(&["pkg", "update", "--offline"]);
    assert!(!ran.err.contains("without the network"), "{ran:#?}");
    assert!(world.locks("foo", "1.1.0"));
}

#[test]
fn what_is_not_there_at_all_is_named() {
    let world = World::with_news();
    // The manifest asks for what was never downloaded.
    let needs = "[dependencies]\nfoo = \"=1.1.0\"\n";
    world.sandbox.package("app", "app", "0.1.0", needs).unwrap();
    let lock = world.sandbox.read("app/lumen.lock").unwrap();
    for arguments in [
        &["pkg", "install", "--offline"][..],
        &["pkg", "add", "bar", "--offline"],
    ] {
        let ran = world.run(arguments);
        let name = if arguments.contains(&"bar") {
            "bar"
        } else {
            "foo"
        };
        fails(&ran, 4, &[name, "offline"]);
        assert_eq!(world.sandbox.read("app/lumen.lock").unwrap(), lock);
    }
    // A lock that fits is not changed, whatever is there.
    world.ok(&["pkg", "lock"]);
    fs::remove_dir_all(world.sandbox.path("home/lumen/store")).unwrap();
    let ran = world.run(&["pkg", "install", "--offline"]);
    fails(&ran, 4, &["`foo` 1.1.0"]);
}

#[test]
fn a_registry_in_a_folder_needs_no_network() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    let needs = "[dependencies]\nbase = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", needs).unwrap();
    let ran = sandbox.ok("app", &["pkg", "install", "--offline"]).unwrap();
    assert!(!ran.err.contains("without the network"), "{ran:#?}");
    assert!(sandbox.path("app/.lumen/packages/base").exists());
}
