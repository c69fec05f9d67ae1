//! One registry at several addresses, and machines that have packages without their proofs.

use std::fs;

use lumen_testkit::{
    sandbox::{Ran, Sandbox, tree},
    server::{Server, not_found, ok},
};

use crate::{fails, publish, sandbox};

/// A signed registry with `leaf`, and a copy of it, each behind a web server; a project that
/// reads from the first and demands signatures.
struct World {
    sandbox: Sandbox,
    servers: [Server; 2],
}

impl World {
    fn new() -> Self {
        let sandbox = sandbox();
        publish(&sandbox, "leaf", "1.0.0", "");
        let mirror = ["registry", "mirror", "registry", "mirror"];
        sandbox.ok(".", &mirror).unwrap();
        let servers = ["registry", "mirror"].map(|folder| {
            let root = sandbox.path(folder);
            Server::start(move |asked| {
                let file = fs::read(root.join(asked.path.trim_start_matches('/')));
                file.map_or_else(|_| not_found(), |bytes| ok(&bytes))
            })
        });
        let world = Self { sandbox, servers };
        world.read_from(0);
        world
    }

    fn read_from(&self, server: usize) {
        let url = self.servers[server].url();
        let more = format!(
            "[dependencies]\nleaf = \"^1\"\n[registry]\ndefault = \"{url}\"\ntrust = \"required\"\n"
        );
        self.sandbox.package("app", "app", "0.1.0", &more).unwrap();
    }

    /// Runs a command on a machine of its own, as in a fresh clone.
    fn run(&self, machine: &str, arguments: &[&str]) -> Ran {
        for made in ["app/.lumen", "app/leaf"] {
            let path = self.sandbox.path(made);
            if path.is_symlink() {
                fs::remove_file(path).unwrap();
            } else if path.exists() {
                fs::remove_dir_all(path).unwrap();
            }
        }
        let mut command = self.sandbox.command("app", arguments);
        command.env_remove("LUMEN_REGISTRY");
        command.env("LUMEN_HOME", self.sandbox.path(machine));
        Ran::of(&command.output().unwrap())
    }

    fn installs(&self, machine: &str, arguments: &[&str]) {
        let ran = self.run(machine, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        assert!(self.sandbox.path("app/.lumen/packages/leaf").exists());
    }
}

#[test]
fn what_was_proven_of_a_registry_counts_at_its_other_addresses() {
    let world = World::new();
    world.installs("one", &["pkg", "install"]);
    world.read_from(1);
    for offline in [
        &["pkg", "install", "--frozen"][..],
        &["pkg", "install", "--offline"],
    ] {
        world.installs("one", offline);
    }
    // The lock names the registry, and all of it is proven: the place is not asked.
    let down = [
        "pkg",
        "install",
        "--locked",
        "--registry",
        "http://127.0.0.1:9",
    ];
    world.installs("one", &down);
    let ran = world.run("two", &down);
    fails(&ran, 4, &[]);
    world.installs("one", &["pkg", "install", "--locked"]);
    world.installs("one", &["pkg", "install", "--frozen"]);
    // A lock that names another registry is no proof of this one.
    let lock = world.sandbox.read("app/lumen.lock").unwrap();
    let start = lock.find("trust-root = \"sha256:").unwrap() + "trust-root = \"sha256:".len();
    let mut other = lock.clone();
    other.replace_range(start..start + 64, &"ab".repeat(32));
    world.sandbox.write("app/lumen.lock", &other).unwrap();
    for arguments in [&["pkg", "install", "--frozen"][..], &down] {
        let ran = world.run("one", arguments);
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        assert!(!world.sandbox.path("app/.lumen/packages").exists());
    }
}

#[test]
fn a_package_that_was_never_proven_here_is_named() {
    let world = World::new();
    world.installs("one", &["pkg", "install"]);
    // The store of a machine whose Lumen knew no proofs.
    let store = tree(&world.sandbox.path("one")).unwrap();
    assert!(store.iter().any(|(file, _)| file == "proved"));
    for forgotten in ["proved", "trust", "cache"] {
        let path = world.sandbox.path("one").join(forgotten);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
    for verb in [
        &["pkg", "install", "--frozen"][..],
        &["pkg", "install", "--offline"],
    ] {
        let ran = world.run("one", verb);
        let said = [
            "no proof of `leaf` 1.0.0 is known on this machine",
            "trust = \"required\"",
            "run `lumen pkg install --locked` once with the network",
        ];
        fails(&ran, 4, &said);
        assert!(!ran.err.contains("map/"), "{ran:#?}");
        assert!(!world.sandbox.path("app/.lumen/packages").exists());
    }
    world.installs("one", &["pkg", "install", "--locked"]);
    world.installs("one", &["pkg", "install", "--frozen"]);
}
