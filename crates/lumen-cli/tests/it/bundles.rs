//! Bundles: a registry across an air gap.

use std::{fs, process::Command};

use lumen_core::Digest;
use lumen_testkit::sandbox::{Sandbox, tree};

use crate::{bare, fails, publish};

/// A signed registry with one package.
fn registry() -> Sandbox {
    let sandbox = bare();
    sandbox.ok(".", &["registry", "init", "registry"]).unwrap();
    publish(&sandbox, "a", "1.0.0", "");
    sandbox
}

fn bundle(sandbox: &Sandbox, file: &str, since: &[&str]) -> String {
    let all = [&["registry", "bundle", "registry", file], since].concat();
    sandbox.ok(".", &all).unwrap().err
}

fn unbundle(sandbox: &Sandbox, file: &str, to: &str) -> String {
    let command = ["registry", "unbundle", file, to];
    sandbox.ok(".", &command).unwrap().err
}

#[test]
fn a_project_installs_behind_the_gap() {
    let sandbox = registry();
    publish(&sandbox, "@s/b", "1.0.0", "[dependencies]\na = \"^1\"\n");
    let said = bundle(&sandbox, "all.bundle", &[]);
    assert!(said.contains("Bundled"), "{said}");
    let said = unbundle(&sandbox, "all.bundle", "inner");
    assert!(said.contains("Fingerprint"), "{said}");
    publish(&sandbox, "a", "1.1.0", "");
    let app = "[dependencies]\n\"@s/b\" = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", app).unwrap();
    let install = ["pkg", "install", "--registry", "../registry"];
    sandbox.ok("app", &install).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("1.1.0"), "{lock}");

    let said = bundle(&sandbox, "more.bundle", &["--since", "all.bundle"]);
    assert!(said.contains("entries"), "{said}");
    let said = unbundle(&sandbox, "more.bundle", "inner");
    assert!(!said.contains("Fingerprint"), "{said}");
    sandbox.ok(".", &["registry", "check", "inner"]).unwrap();
    fs::rename(sandbox.path("registry"), sandbox.path("gone")).unwrap();
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    let install = ["pkg", "install", "--locked", "--registry", "../inner"];
    sandbox.ok("app", &install).unwrap();
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
}

#[test]
fn since_a_number_a_bundle_or_a_registry() {
    let sandbox = registry();
    bundle(&sandbox, "one", &[]);
    unbundle(&sandbox, "one", "inner");
    publish(&sandbox, "a", "1.1.0", "");
    let by_bundle = bundle(&sandbox, "two", &["--since", "one"]);
    let (_, from) = by_bundle.split_once("entries ").unwrap();
    let (from, _) = from.split_once(' ').unwrap();
    bundle(&sandbox, "three", &["--since", "inner"]);
    bundle(&sandbox, "four", &["--since", from]);
    let two = fs::read(sandbox.path("two")).unwrap();
    for same in ["three", "four"] {
        let sorted = |bytes: &[u8]| {
            let mut blocks: Vec<_> = bytes.chunks(512).map(Digest::of).collect();
            blocks.sort();
            blocks
        };
        // Files that were read at the same time stand in any order.
        assert_eq!(
            sorted(&fs::read(sandbox.path(same)).unwrap()),
            sorted(&two),
            "{same}"
        );
    }
    unbundle(&sandbox, "two", "inner");
    let said = bundle(&sandbox, "none", &["--since", "inner"]);
    assert!(said.contains("nothing is new"), "{said}");
    assert!(!sandbox.path("none").exists());
}

#[test]
fn a_whole_bundle_is_a_registry_for_any_tar() {
    let sandbox = registry();
    bundle(&sandbox, "one", &[]);
    unbundle(&sandbox, "one", "inner");
    fs::create_dir(sandbox.path("untarred")).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(sandbox.path("one")).arg("-C");
    let done = tar.arg(sandbox.path("untarred")).status().unwrap();
    assert!(done.success());
    sandbox.ok(".", &["registry", "check", "untarred"]).unwrap();
    fs::remove_file(sandbox.path("untarred/bundle.json")).unwrap();
    // But for the lock of the folder.
    let files = |folder: &str| {
        let mut files = tree(&sandbox.path(folder)).unwrap();
        files.retain(|(path, _)| !path.starts_with('.'));
        files
    };
    let (untarred, inner) = (files("untarred"), files("inner"));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<_> {
        files.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(names(&untarred), names(&inner));
    assert!(untarred == inner);
}

#[test]
fn what_cannot_be_taken_in() {
    let sandbox = registry();
    bundle(&sandbox, "one", &[]);
    unbundle(&sandbox, "one", "inner");
    publish(&sandbox, "a", "1.1.0", "");
    bundle(&sandbox, "two", &["--since", "one"]);
    publish(&sandbox, "a", "1.2.0", "");
    bundle(&sandbox, "three", &["--since", "two"]);
    let before = tree(&sandbox.path("inner")).unwrap();
    let bytes = fs::read(sandbox.path("two")).unwrap();
    fs::write(sandbox.path("cut"), &bytes[..bytes.len() / 2]).unwrap();
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    let other = ["registry", "bundle", "other", "strange"];
    sandbox.ok(".", &other).unwrap();
    let refused = |file: &str, code, words: &[&str]| {
        let ran = sandbox.run(".", &["registry", "unbundle", file, "inner"]);
        fails(&ran.unwrap(), code, words);
        assert_eq!(tree(&sandbox.path("inner")).unwrap(), before);
    };
    refused("three", 1, &["starts at entry", "--since"]);
    refused("cut", 4, &["no bundle", "ends too early", "copy it again"]);
    refused("strange", 1, &["ends with"]);
    refused("nothing-here", 4, &["nothing-here"]);
    // Said before anybody is asked.
    let web = ["registry", "unbundle", "one", "http://127.0.0.1:1/"];
    fails(&sandbox.run(".", &web).unwrap(), 4, &["can only be read"]);
    unbundle(&sandbox, "two", "inner");
    let ran = sandbox.run(".", &["registry", "unbundle", "one", "inner"]);
    fails(&ran.unwrap(), 1, &["ends with"]);

    let pinned = format!("sha256:{}", "a".repeat(64));
    let new = [
        "registry",
        "unbundle",
        "one",
        "new",
        "--fingerprint",
        &pinned,
    ];
    fails(&sandbox.run(".", &new).unwrap(), 3, &["fingerprint"]);
    assert!(!sandbox.path("new").exists());
}

#[test]
fn what_cannot_be_bundled() {
    let sandbox = registry();
    let refused = |args: &[&str], code, words: &[&str]| {
        let all = [&["registry", "bundle"], args].concat();
        fails(&sandbox.run(".", &all).unwrap(), code, words);
    };
    bundle(&sandbox, "one", &[]);
    refused(&["registry", "one"], 1, &["`one` exists"]);
    refused(&["nowhere", "x"], 4, &["nowhere"]);
    refused(&["registry", "x", "--since", "99"], 1, &["99"]);
    refused(&["registry", "one/x"], 4, &["one"]);
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    let other = ["registry", "x", "--since", "other"];
    refused(&other, 1, &["not of this registry"]);
    let plain = ["registry", "init", "plain", "--unsigned"];
    sandbox.ok(".", &plain).unwrap();
    refused(&["plain", "x", "--since", "3"], 1, &["not signed"]);
    assert!(!sandbox.path("x").exists());
    sandbox
        .ok(".", &["registry", "bundle", "plain", "plain.bundle"])
        .unwrap();
    unbundle(&sandbox, "plain.bundle", "copy");
    // The lock says who held it last.
    let files = |folder: &str| {
        let mut files = tree(&sandbox.path(folder)).unwrap();
        files.retain(|(name, _)| name != ".lock");
        files
    };
    assert_eq!(files("copy"), files("plain"));
}
