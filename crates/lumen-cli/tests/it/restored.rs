//! A registry that came back from a backup, and the projects that saw more of it.

use std::fs;

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{bare, copy, fails, publish, sandbox};

/// Puts a copy of a folder in the place of another one.
fn replace(sandbox: &Sandbox, from: &str, to: &str) {
    let (from, to) = (sandbox.path(from), sandbox.path(to));
    let _ = fs::remove_dir_all(&to);
    copy(&from, &to);
}

/// A project that has `text` 1.1.0 locked, which the registry lost; returns its lock.
fn lost() -> (Sandbox, String) {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    replace(&sandbox, "registry", "yesterday");
    publish(&sandbox, "text", "1.1.0", "");
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    replace(&sandbox, "yesterday", "registry");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    (sandbox, lock)
}

/// The lines of a lock that say what is installed.
fn binding(lock: &str) -> Vec<&str> {
    let keys = [
        "name",
        "version",
        "checksum",
        "size",
        "compressed",
        "metadata",
        "trust-root",
    ];
    let is_binding = |line: &&str| keys.iter().any(|key| line.starts_with(key));
    lock.lines().filter(is_binding).collect()
}

/// Those that say which bytes.
fn archives(lock: &str) -> Vec<&str> {
    let mut lines = binding(lock);
    lines.retain(|line| !line.starts_with("metadata"));
    lines
}

/// Accepts the registry, in the project.
fn accept(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let url = sandbox.registry_url();
    let accept = [&["trust", "accept", &url, "--yes"], more].concat();
    sandbox.run("app", &accept).unwrap()
}

fn accepted(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let ran = accept(sandbox, more);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    ran
}

#[test]
fn a_lock_goes_on_from_the_state_that_its_user_accepted() {
    let (sandbox, before) = lost();
    let refused = sandbox.run("app", &["pkg", "update"]).unwrap();
    fails(&refused, 3, &["log rolled back"]);
    let first = accepted(&sandbox, &["--lock"]);
    for said in [
        "Anchored lumen.lock on ",
        "the hashes of 1 package stay",
        "warning: `text` 1.1.0 of lumen.lock is not in the registry",
        "hint: its owner can publish it again; `lumen pkg update text` chooses another version",
    ] {
        assert!(first.err.contains(said), "{said}: {first:#?}");
    }
    let after = sandbox.read("app/lumen.lock").unwrap();
    assert_eq!(binding(&after), binding(&before));
    assert_ne!(after, before);
    // The owner publishes the lost release again: the same archive, at another time.
    sandbox
        .ok("sources/text-1.1.0", &["pkg", "publish", "--yes"])
        .unwrap();
    let again = accepted(&sandbox, &["--lock"]);
    assert!(!again.err.contains("warning"), "{again:#?}");
    let after = sandbox.read("app/lumen.lock").unwrap();
    assert_eq!(archives(&after), archives(&before));
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    // So does everybody else who takes over this lock.
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert_eq!(
        archives(&sandbox.read("app/lumen.lock").unwrap()),
        archives(&before)
    );
}

#[test]
fn what_comes_back_with_other_bytes_is_not_installed() {
    let (sandbox, before) = lost();
    accepted(&sandbox, &["--lock"]);
    sandbox
        .write("sources/text-1.1.0/src/more.lm.md", "# other\n")
        .unwrap();
    sandbox
        .ok("sources/text-1.1.0", &["pkg", "publish", "--yes"])
        .unwrap();
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    let refused = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    let again = accepted(&sandbox, &["--lock"]);
    let said = "`text` 1.1.0 of lumen.lock has other bytes in the registry";
    assert!(again.err.contains(said), "{again:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert_eq!(binding(&lock), binding(&before));
}

#[test]
fn only_the_project_that_is_meant_is_changed() {
    let (sandbox, before) = lost();
    // Without --lock, the lock goes on to protect the project.
    let plain = accepted(&sandbox, &[]);
    let hint = format!(
        "`lumen trust accept {} --lock` in that project",
        sandbox.registry_url()
    );
    assert!(plain.err.contains(&hint), "{plain:#?}");
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), before);
    let refused = sandbox.run("app", &["pkg", "update"]).unwrap();
    fails(&refused, 3, &["log rolled back"]);

    let other = bare();
    other.ok(".", &["registry", "init", "registry"]).unwrap();
    other.package("app", "app", "0.1.0", "").unwrap();
    let hint = "hint: the registry was accepted; run it in the project";
    fails(
        &accept(&other, &["--lock"]),
        1,
        &["there is no `lumen.lock` here", hint],
    );
    other.ok("app", &["pkg", "install"]).unwrap();
    fails(
        &accept(&other, &["--lock"]),
        1,
        &["has no package of the signed registry", hint],
    );

    let conflict = format!("<<<<<<< a\n{before}=======\n{before}>>>>>>> b\n");
    sandbox.write("app/lumen.lock", &conflict).unwrap();
    fails(
        &accept(&sandbox, &["--lock"]),
        1,
        &["the markers of a merge conflict"],
    );
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), conflict);
}

#[test]
fn a_lock_of_another_program_is_called_so() {
    let sandbox = bare();
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    let foreign = "version = 4\n\n[metadata]\nresolver = \"lumen-sat-v1\"\n\n[[package]]\nname = \"@a/b\"\nversion = \"1.0.0\"\nsource = \"path+../b\"\n";
    for (text, said, hint) in [
        (
            foreign,
            "this is a lock of `wares`, the package client of the compiler",
            "hint: move it away, then run `lumen pkg install`",
        ),
        (
            "version = 2\n",
            "the lock has format 2, made by a newer lumen",
            "hint: update lumen",
        ),
    ] {
        sandbox.write("app/lumen.lock", text).unwrap();
        for command in [
            &["pkg", "install"][..],
            &["pkg", "install", "--frozen"],
            &["pkg", "list"],
        ] {
            let ran = sandbox.run("app", command).unwrap();
            fails(&ran, 1, &[said, "lumen.lock:", hint]);
            assert_eq!(sandbox.read("app/lumen.lock").unwrap(), text);
        }
    }
}

#[test]
fn publishing_the_same_again_brings_lost_files_of_a_release_back() {
    for lost in [
        "packages/text/1.0.0.json",
        "packages/text/index.json",
        "signatures/text/1.0.0.sig.json",
        "trust/names/text/1.note",
        "artifacts",
    ] {
        let sandbox = sandbox();
        publish(&sandbox, "text", "1.0.0", "");
        let path = sandbox.path("registry").join(lost);
        let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        removed.unwrap();
        let check = ["registry", "check", "registry"];
        assert_eq!(sandbox.run(".", &check).unwrap().code, Some(3), "{lost}");
        let again = ["pkg", "publish", "--yes"];
        let ran = sandbox.run("sources/text-1.0.0", &again).unwrap();
        assert_eq!(ran.code, Some(0), "{lost}: {ran:#?}");
        let ran = sandbox.run(".", &check).unwrap();
        assert_eq!(ran.code, Some(0), "{lost}: {ran:#?}");
    }
}
