//! A registry in a bucket: made, published to, installed from, and publishers that are killed.

use std::{fs, process::Command};

use lumen_core::Key;
use lumen_registry::Storage;
use lumen_testkit::{
    buckets::ObjectServer,
    proxy::{FaultyProxy, Loss},
    sandbox::{Ran, Sandbox, tree},
    tools::Tool,
};

use crate::{bare, fails};

/// Far more points than a publish has.
const MOST: usize = 400;

/// A publish is stopped at one point in so many; at all with `LUMEN_TEST_FAULTS=all`.
const USUAL: usize = 12;

const PUBLISH: [&str; 3] = ["pkg", "publish", "--yes"];

/// An empty place in a bucket, and somebody who may write there.
struct World {
    sandbox: Sandbox,
    server: &'static ObjectServer,
    prefix: String,
    variables: Vec<(String, String)>,
}

impl World {
    /// `None` where the server is not installed.
    fn new() -> Option<Self> {
        let server = ObjectServer::shared(Tool::SeaweedFs)?;
        Some(Self {
            sandbox: bare(),
            server,
            prefix: ObjectServer::fresh_prefix(),
            variables: server.variables(),
        })
    }

    fn with_registry() -> Option<Self> {
        let world = Self::new()?;
        world.ok(".", &["registry", "init", &world.url()]);
        Some(world)
    }

    fn url(&self) -> String {
        self.server.url(&self.prefix)
    }

    fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(folder, arguments);
        command.env("LUMEN_REGISTRY", self.url());
        command.envs(self.variables.clone());
        command
    }

    fn run(&self, folder: &str, arguments: &[&str]) -> Ran {
        self.ran(&mut self.command(folder, arguments))
    }

    /// Runs a command, which must keep the secret for itself.
    fn ran(&self, command: &mut Command) -> Ran {
        let ran = Ran::of(&command.output().unwrap());
        for (name, value) in &self.variables {
            assert!(!ran.out.contains(value), "{name} is in {ran:#?}");
            assert!(!ran.err.contains(value), "{name} is in {ran:#?}");
        }
        ran
    }

    fn ok(&self, folder: &str, arguments: &[&str]) -> Ran {
        let ran = self.run(folder, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    }

    fn publish(&self, name: &str, version: &str) {
        let folder = format!("sources/{name}-{version}");
        self.sandbox.package(&folder, name, version, "").unwrap();
        self.ok(&folder, &PUBLISH);
    }

    /// A project with one dependency.
    fn app(&self, folder: &str, dependency: &str, more: &str) {
        let more = format!("[dependencies]\n{dependency}\n{more}");
        self.sandbox.package(folder, "app", "0.1.0", &more).unwrap();
    }

    fn storage(&self) -> Storage {
        self.server.storage_at(&self.url(), &self.server.options())
    }

    /// Files in which the secret is, of all that commands have written.
    fn leaks(&self) -> Vec<String> {
        let has_secret = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            self.variables.iter().any(|(_, value)| text.contains(value))
        };
        let files = tree(&self.sandbox.path(".")).unwrap().into_iter();
        let leaks = files.filter(|(_, bytes)| has_secret(bytes));
        leaks.map(|(path, _)| path).collect()
    }
}

#[test]
fn a_mistyped_prefix_is_no_new_registry() {
    let Some(world) = World::new() else {
        return;
    };
    world.sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = world.run("a", &PUBLISH);
    fails(
        &ran,
        1,
        &["there is no registry at", "lumen registry init 's3://"],
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let there = runtime.block_on(world.storage().list("")).unwrap();
    assert_eq!(there, []);
}

#[test]
fn the_life_of_a_registry_in_a_bucket() {
    let Some(world) = World::new() else { return };
    let url = world.url();
    world.sandbox.package("a", "a", "1.0.0", "").unwrap();
    world.ok(".", &["registry", "init", &url]);
    let again = world.run(".", &["registry", "init", &url]);
    fails(&again, 1, &["there is a registry at"]);
    world.ok("a", &PUBLISH);
    world.ok("a", &PUBLISH);
    world.publish("a", "1.1.0");
    world.ok(".", &["pkg", "yank", "a@1.1.0", "--reason", "bad"]);
    world.app("app", "a = \"^1\"", "");
    world.ok("app", &["pkg", "install"]);
    let installed = "app/.lumen/packages/a/src/main.lm.md";
    assert_eq!(world.sandbox.read(installed).unwrap(), "# a 1.0.0\n");
    let lock = world.sandbox.read("app/lumen.lock").unwrap();
    let checkpoint = format!("\ncheckpoint = \"{}/", world.prefix);
    assert!(lock.contains(&checkpoint), "{lock}");

    // The name gets a second owner, who publishes.
    world.ok(".", &["key", "new", "bob"]);
    world.ok(".", &["registry", "trust", "add-log-key", "bob"]);
    world.ok(".", &["pkg", "owner", "add", "a", "bob"]);
    world.sandbox.package("bobs", "a", "1.2.0", "").unwrap();
    let mut by_bob = world.command("bobs", &PUBLISH);
    assert_eq!(world.ran(by_bob.env("LUMEN_KEY", "bob")).code, Some(0));
    let updated = world.ok("app", &["pkg", "update"]);
    assert!(updated.err.contains("a 1.0.0 -> 1.2.0"), "{updated:#?}");
    world.ok(".", &["registry", "check"]);
    assert_eq!(world.leaks(), [""; 0]);
}

#[test]
fn damage_in_a_bucket_is_found_and_mended_and_garbage_removed() {
    let Some(world) = World::with_registry() else {
        return;
    };
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        world.publish("a", version);
    }
    let url = world.url();
    let storage = world.storage();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let index = Key::parse("packages/a/index.json").unwrap();
    let good = runtime.block_on(storage.get(&index, 1 << 20)).unwrap();
    let (good, revision) = good.unwrap();
    let bad = storage.replace(&index, Some(&revision), b"{}");
    runtime.block_on(bad).unwrap();
    let found = world.run(".", &["registry", "check", &url]);
    fails(&found, 3, &["the log's files do not fit its checkpoint"]);
    assert!(found.out.contains("packages/a/index.json: "), "{found:#?}");
    runtime.block_on(storage.delete(&index)).unwrap();
    let rebuilt = world.ok(".", &["registry", "rebuild", &url]);
    assert!(
        rebuilt.out.contains("packages/a/index.json"),
        "{rebuilt:#?}"
    );
    world.ok(".", &["registry", "repair", &url]);
    world.ok(".", &["registry", "check", &url]);
    let mended = runtime.block_on(storage.get(&index, 1 << 20)).unwrap();
    assert_eq!(mended.unwrap().0, good);

    let count = || runtime.block_on(storage.list("")).unwrap().len();
    let before = count();
    let gc = ["registry", "gc", &url, "--grace", "0h", "--dry-run"];
    let ran = world.ok(".", &gc);
    assert!(ran.err.contains("Would remove"), "{ran:#?}");
    assert_eq!(count(), before);
    world.ok(".", &gc[..5]);
    assert!(count() < before - 10, "{before} {}", count());
    world.ok(".", &["registry", "check", &url]);
    world.publish("a", "1.3.0");
}

#[test]
fn a_lock_file_installs_unchanged_from_a_bucket() {
    let Some(world) = World::new() else { return };
    let sandbox = &world.sandbox;
    sandbox.ok(".", &["registry", "init", "registry"]).unwrap();
    crate::publish(sandbox, "a", "1.0.0", "");
    crate::publish(sandbox, "@s/b", "1.0.0", "[dependencies]\na = \"^1\"\n");
    world.app("app", "\"@s/b\" = \"^1\"", "");
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let url = world.url();
    let mirror = ["registry", "mirror", "registry", &url];
    let first = world.ok(".", &mirror);
    assert!(first.err.contains("entries 0 to "), "{first:#?}");
    let second = world.ok(".", &mirror);
    assert!(second.err.contains("Mirrored nothing"), "{second:#?}");
    fs::rename(sandbox.path("registry"), sandbox.path("gone")).unwrap();
    for reader in ["with a key", "anonymous"] {
        // As on another machine.
        for made in ["home/lumen", "app/.lumen"] {
            fs::remove_dir_all(sandbox.path(made)).unwrap();
        }
        let mut install = world.command("app", &["pkg", "install", "--locked"]);
        if reader == "anonymous" {
            for (name, _) in &world.variables {
                install.env_remove(name);
            }
        }
        let ran = world.ran(&mut install);
        assert_eq!(ran.code, Some(0), "{reader}: {ran:#?}");
        let source = "app/.lumen/packages/a/src/main.lm.md";
        assert_eq!(sandbox.read(source).unwrap(), "# a 1.0.0\n");
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock, "{reader}");
    }
}

#[test]
fn wrong_credentials_are_called_so_and_not_shown() {
    let Some(mut world) = World::with_registry() else {
        return;
    };
    world.sandbox.package("a", "a", "1.0.0", "").unwrap();
    let right = world.variables.clone();
    let hint = "check the credentials in the environment or in ~/.aws";
    for (wrong, code) in [
        ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId"),
    ] {
        world.variables = right.clone();
        for (name, value) in &mut world.variables {
            if name == wrong {
                *value = "hunter2hunter2".into();
            }
        }
        for (folder, arguments) in [("a", &PUBLISH[..]), (".", &["registry", "check"])] {
            let ran = world.run(folder, arguments);
            fails(&ran, 4, &["status 403", code, hint]);
        }
    }
    world.variables = Vec::new();
    let ran = world.run("a", &PUBLISH);
    fails(&ran, 4, &["without credentials", "set AWS_ACCESS_KEY_ID"]);
    // None of this has left anything.
    world.variables = right;
    world.ok("a", &PUBLISH);
    world.ok(".", &["registry", "check"]);
}

#[test]
fn what_was_read_from_a_bucket_is_there_without_a_network() {
    let Some(world) = World::with_registry() else {
        return;
    };
    world.publish("a", "1.0.0");
    world.publish("b", "1.0.0");
    let proxy = FaultyProxy::start(world.server.address(), Default::default(), |_, _| None);
    let proxy = proxy.unwrap();
    let url = world.server.url_through(&proxy.endpoint(), &world.prefix);
    let install = |folder: &str, more: &[&str]| {
        let arguments = [&["pkg", "install", "--registry", &url], more].concat();
        world.ran(&mut world.command(folder, &arguments))
    };
    world.app("app", "a = \"^1\"", "");
    let ran = install("app", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(proxy.requests() > 0);
    // Nobody gets through from now on.
    proxy.set_plan(|_, _| Some(Loss::Request));
    for made in ["app/.lumen", "app/lumen.lock"] {
        let made = world.sandbox.path(made);
        let gone = match made.is_dir() {
            true => fs::remove_dir_all(made),
            false => fs::remove_file(made),
        };
        gone.unwrap();
    }
    let ran = install("app", &["--offline"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    world.app("other", "b = \"^1\"", "");
    let ran = install("other", &["--offline"]);
    fails(
        &ran,
        4,
        &["`b` is not in the cache, and the network is off"],
    );
    assert_eq!(proxy.requests(), 0);
    let ran = install("other", &[]);
    assert_eq!(ran.code, Some(4), "{ran:#?}");
    assert!(proxy.requests() > 0);
}

#[test]
fn an_endpoint_that_only_a_project_names_gets_no_credentials() {
    let Some(world) = World::with_registry() else {
        return;
    };
    world.publish("a", "1.0.0");
    let signed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&signed);
    let plan = move |_, head: &str| {
        let is_signed = head.to_ascii_lowercase().contains("\r\nauthorization:");
        seen.lock().unwrap().push(is_signed);
        None
    };
    let proxy = FaultyProxy::start(world.server.address(), Default::default(), plan).unwrap();
    let url = world.server.url_through(&proxy.endpoint(), &world.prefix);
    let registry = format!("[registry]\ndefault = \"{url}\"\n");
    world.app("app", "a = \"^1\"", &registry);
    for (users, expected) in [(false, false), (true, true)] {
        signed.lock().unwrap().clear();
        let _ = fs::remove_file(world.sandbox.path("app/lumen.lock"));
        let mut install = world.command("app", &["pkg", "install"]);
        // As on two machines.
        install.env("LUMEN_HOME", world.sandbox.path(&format!("client-{users}")));
        match users {
            true => install.env("LUMEN_REGISTRY", &url),
            false => install.env_remove("LUMEN_REGISTRY"),
        };
        let ran = world.ran(&mut install);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        let signed = signed.lock().unwrap();
        assert!(!signed.is_empty());
        assert!(
            signed.iter().all(|signed| *signed == expected),
            "{signed:?}"
        );
    }
    // And nobody writes there with them.
    world.app("app", "a = \"^1\"", &registry);
    let mut publish = world.command("app", &PUBLISH);
    publish.env_remove("LUMEN_REGISTRY");
    let ran = world.ran(&mut publish);
    fails(
        &ran,
        4,
        &["without credentials", "the project names the endpoint"],
    );
}

/// A publish that is stopped at its n-th point; `false`: it has fewer.
fn stopped(world: &World, variable: &str, n: usize) -> bool {
    let log = world.sandbox.path("faults.log");
    let _ = fs::remove_file(&log);
    let mut command = world.command("next", &PUBLISH);
    command
        .env(variable, n.to_string())
        .env("LUMEN_FAULT_LOG", &log);
    let ran = world.ran(&mut command);
    let passed = fs::read_to_string(&log).unwrap_or_default();
    let stopped = passed.lines().count() >= n;
    // One request that fails is nothing to those who try again.
    let last = passed.lines().nth(n - 1).unwrap_or_default();
    let at_host = last.contains(" request ") || last.contains(" answer ");
    if variable == "LUMEN_FAULT_ERROR_AT" && at_host {
        assert_eq!(ran.code, Some(0), "{last}: {ran:#?}");
    }
    stopped
}

fn publish_survives(variable: &str, first: usize) {
    let Some(world) = World::with_registry() else {
        return;
    };
    let every = match std::env::var("LUMEN_TEST_FAULTS").as_deref() {
        Ok("all") => 1,
        _ => USUAL,
    };
    for n in (first..MOST).step_by(every) {
        let version = format!("1.{n}.0");
        world.sandbox.package("next", "a", &version, "").unwrap();
        if !stopped(&world, variable, n) {
            assert!(n > 60, "only {n} points");
            world.ok(".", &["registry", "check"]);
            return;
        }
        // Another one goes on, or the same one does.
        if n % 2 == 0 {
            world.sandbox.package("other", "b", &version, "").unwrap();
            world.ok("other", &PUBLISH);
        }
        world.ok("next", &PUBLISH);
        let info = world.ok(".", &["pkg", "info", &format!("a@{version}")]);
        assert!(info.out.contains(&version), "point {n}: {info:#?}");
        if n % 5 == 0 {
            world.ok(".", &["registry", "check"]);
        }
    }
    panic!("the publish never came to its end");
}

#[test]
fn a_killed_publish_to_a_bucket_is_finished_by_the_next() {
    publish_survives("LUMEN_FAULT_AT", 1);
}

#[test]
fn a_publish_whose_requests_fail_is_done() {
    publish_survives("LUMEN_FAULT_ERROR_AT", 4);
}
