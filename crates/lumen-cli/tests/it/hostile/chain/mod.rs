//! Keys that were removed: neither roots nor owners go back to what a client has seen replaced.
//!
//! The attacker is an insider of a signed registry: they had a key that counts no more, and
//! they can still write to its folder.
//!
//! | module | what |
//! |---|---|
//! | `roots` | root notes that go on from an earlier one |
//! | `owners` | ownership notes that are left out of the map, or have another in their place |
//! | `admins` | admins whose keys were revoked, and log keys that they keep |
//! | `pins` | pins by name, for registries that are reached in another way |
//! | `contact` | first contacts, checkpoints that are not there, witnesses that sleep |

mod admins;
mod contact;
mod owners;
mod pins;
mod roots;

use lumen_testkit::{
    sandbox::{Ran, Sandbox, tree},
    world::World,
};

use crate::{bare, fails};

/// A sandbox whose folder `registry` is a registry that a test makes, and a project `app` that
/// depends on these packages.
fn project(dependencies: &[&str]) -> Sandbox {
    let sandbox = bare();
    app(&sandbox, "app", dependencies);
    sandbox
}

/// A project in a folder of its own.
fn app(sandbox: &Sandbox, folder: &str, dependencies: &[&str]) {
    let lines: String = dependencies
        .iter()
        .map(|name| format!("\"{name}\" = \"^1\"\n"))
        .collect();
    let more = format!("[dependencies]\n{lines}");
    sandbox.package(folder, "app", "1.0.0", &more).unwrap();
}

/// Puts a registry into the place of the one before.
fn show(sandbox: &Sandbox, world: &World) {
    let folder = sandbox.path("registry");
    let _ = std::fs::remove_dir_all(&folder);
    world.write_to(&folder);
}

/// A clone of the project on a machine that never saw the registry.
fn elsewhere(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("app/.lumen"));
    let mut command = sandbox.command("app", arguments);
    command.env("LUMEN_HOME", sandbox.path("home/other"));
    Ran::of(&command.output().unwrap())
}

/// Asserts that a command is refused with code 3, says this, leaves the lock alone and links
/// nothing of what the attacker published.
fn refused(sandbox: &Sandbox, run: impl FnOnce() -> Ran, said: &[&str]) {
    let lock = || sandbox.read("app/lumen.lock").ok();
    let before = lock();
    fails(&run(), 3, said);
    assert_eq!(lock(), before);
    let packages = sandbox.path("app/.lumen/packages");
    if packages.is_dir() {
        for (path, bytes) in tree(&packages).unwrap() {
            assert!(!String::from_utf8_lossy(&bytes).contains("evil"), "{path}");
        }
    }
}
