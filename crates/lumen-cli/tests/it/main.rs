//! The `lumen` command as users run it: real processes, real folders, a real nginx.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "helpers of tests may fail the test, and are steered by variables"
)]

mod buckets;
mod bundles;
mod chosen;
mod commits;
mod compiler;
mod crash;
mod damage;
mod diff;
mod everyday;
mod faults;
mod git;
mod handmade;
mod hostile;
mod hosts;
mod interrupted;
mod json;
mod keys;
mod loading;
mod locked;
mod login;
mod made;
mod merges;
mod migrated;
mod mirrors;
mod monitors;
mod offline;
mod old_registries;
mod order;
mod owners;
mod policy;
mod project;
mod proxy;
mod races;
mod reflexes;
mod registries;
mod releases;
mod restored;
mod schemas;
mod selection;
mod shown;
mod signed;
mod stats;
mod streams;
mod submissions;
mod sync;
mod trust_cli;
mod unchanged;
mod unsigned;
mod waiting;
mod web;
mod workflows;
mod workspaces;

use std::path::Path;

use lumen_testkit::{
    sandbox::{Ran, Sandbox, tree},
    verifier::verify,
};

/// A sandbox with an empty registry.
fn sandbox() -> Sandbox {
    let sandbox = bare();
    sandbox.ok(".", &["registry", "init", "registry"]).unwrap();
    sandbox
}

/// A sandbox without a registry.
fn bare() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_lumen")).unwrap()
}

/// Runs a command with another key of the same user.
fn as_key(sandbox: &Sandbox, key: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(".", arguments);
    command.env("LUMEN_KEY", key);
    Ran::of(&command.output().unwrap())
}

fn ok_as(sandbox: &Sandbox, key: &str, arguments: &[&str]) -> Ran {
    let ran = as_key(sandbox, key, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    ran
}

/// Writes and publishes a package.
fn publish(sandbox: &Sandbox, name: &str, version: &str, more: &str) {
    let folder = format!("sources/{}-{version}", name.replace('/', "-"));
    sandbox.package(&folder, name, version, more).unwrap();
    sandbox.ok(&folder, &["pkg", "publish", "--yes"]).unwrap();
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) {
    for (path, bytes) in tree(from).unwrap() {
        let path = to.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Asserts that a command failed with this code and said all of this.
fn fails(ran: &Ran, code: i32, said: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:#?}");
    for text in said {
        assert!(ran.err.contains(text), "`{text}` is not in {ran:#?}");
    }
}
