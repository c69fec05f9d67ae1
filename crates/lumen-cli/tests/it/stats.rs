//! The numbers of a registry, on every kind of host.

use std::fs;

use lumen_testkit::{
    git,
    sandbox::{Ran, Sandbox, tree},
    server::{Server, not_found, ok},
};
use serde_json::Value;

use crate::{bare, fails};

/// Publishes two packages with three releases, one of them yanked, to the registry at `url`.
fn fill(sandbox: &Sandbox, url: &str, unsigned: bool) {
    let run = |folder: &str, arguments: &[&str]| {
        let mut command = sandbox.command(folder, arguments);
        let ran = Ran::of(&command.env("LUMEN_REGISTRY", url).output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    };
    let init = ["registry", "init", url, "--unsigned"];
    run(".", &init[..if unsigned { 4 } else { 3 }]);
    for (name, version) in [("a", "1.0.0"), ("a", "1.1.0-rc.1"), ("@s/b", "1.0.0")] {
        let folder = format!("sources/{}-{version}", name.replace('/', "-"));
        sandbox.package(&folder, name, version, "").unwrap();
        run(&folder, &["pkg", "publish", "--yes"]);
    }
    run(".", &["pkg", "yank", "a@1.0.0", "--reason", "test"]);
}

fn stats(sandbox: &Sandbox, url: &str) -> (Value, String) {
    let ran = sandbox.ok(".", &["registry", "stats", url]).unwrap();
    assert!(
        ran.out
            .lines()
            .all(|line| line.chars().count() <= 80 || line.contains("://")),
        "{}",
        ran.out
    );
    let json = sandbox
        .ok(".", &["registry", "stats", url, "--json"])
        .unwrap();
    (serde_json::from_str(&json.out).unwrap(), ran.out)
}

/// What does not depend on the host.
fn assert_contents(stats: &Value, signed: bool) {
    for (field, expected) in [
        ("packages", 2),
        ("scopes", 1),
        ("releases", 3),
        ("prereleases", 1),
        ("yanked", 1),
        ("deprecated", 0),
    ] {
        assert_eq!(stats[field], expected, "{field}: {stats:#}");
    }
    assert_eq!(stats["signed"], signed);
    assert_eq!(stats["fingerprint"].is_string(), signed);
    assert_eq!(stats["publisher_keys"].as_u64(), signed.then_some(1));
    assert_eq!(stats["owner_keys"].as_u64(), signed.then_some(1));
    assert_eq!(stats["newest"].as_array().unwrap().len(), 3);
    assert_eq!(stats["largest"][0]["name"], "a");
    assert!(stats["last_change"].is_string());
}

#[test]
fn a_folder_signed_or_not() {
    for signed in [true, false] {
        let sandbox = bare();
        fill(&sandbox, &sandbox.registry_url(), !signed);
        let before = tree(&sandbox.path("registry")).unwrap();
        let (found, shown) = stats(&sandbox, "registry");
        assert_contents(&found, signed);
        assert!(
            shown.contains("releases: 3, 1 of them yanked, 1 pre-release\n"),
            "{shown}"
        );
        // Every file is counted once, with its size; locks of the folder are none of it.
        let is_file =
            |(path, _): &&(String, Vec<u8>)| !path.contains("/.") && !path.starts_with('.');
        let files = before.iter().filter(is_file).count();
        let total = &found["files"]["total"];
        let bytes: usize = before
            .iter()
            .filter(is_file)
            .map(|(_, bytes)| bytes.len())
            .sum();
        assert_eq!(total["files"], files, "{found:#}");
        assert_eq!(total["bytes"], bytes);
        let kinds = &found["files"]["kinds"];
        assert_eq!(kinds["releases"]["files"], 3);
        assert_eq!(kinds["artifacts"], found["artifacts"]);
        assert_eq!(kinds["signatures"]["files"].as_u64(), signed.then_some(3));
        assert_eq!(
            tree(&sandbox.path("registry")).unwrap(),
            before,
            "only reads"
        );
    }
}

#[test]
fn a_web_server_does_not_list_its_files() {
    let sandbox = bare();
    fill(&sandbox, &sandbox.registry_url(), false);
    let root = sandbox.path("registry");
    let served = root.clone();
    let server = Server::start(move |asked| {
        match fs::read(served.join(asked.path.trim_start_matches('/'))) {
            Ok(bytes) => ok(&bytes),
            Err(_) => not_found(),
        }
    });
    let (found, shown) = stats(&sandbox, &server.url());
    assert_contents(&found, true);
    assert!(found["files"].is_null(), "{found:#}");
    assert!(
        shown.contains("unknown: this host does not list them"),
        "{shown}"
    );
    let (in_folder, _) = stats(&sandbox, "registry");
    assert_eq!(found["artifacts"], in_folder["artifacts"]);

    // What is in the cache is proved to be the newest: nobody asks for it again.
    fs::write(root.join("packages/a/index.json"), "{}").unwrap();
    assert_eq!(stats(&sandbox, &server.url()).0, found);
    sandbox.ok(".", &["pkg", "cache", "clean"]).unwrap();
    let ran = sandbox.run(".", &["registry", "stats", &server.url()]);
    fails(
        &ran.unwrap(),
        4,
        &["packages/a/index.json", "missing field"],
    );
}

#[test]
fn a_branch_is_measured_without_fetching_its_artifacts() {
    let sandbox = bare();
    let path = sandbox.path("registry.git");
    git::bare(&path).unwrap();
    let url = format!("git+file://{}", path.display());
    fill(&sandbox, &url, false);
    // As on another machine.
    fs::remove_dir_all(sandbox.path("home/lumen/hosts")).unwrap();
    let (found, _) = stats(&sandbox, &url);
    assert_contents(&found, true);
    let kinds = &found["files"]["kinds"];
    assert_eq!(kinds["artifacts"], found["artifacts"]);
    // What nobody had to read is not fetched: signature files, and batches of the log.
    assert_eq!(kinds["signatures"]["files"], 3);
    let staging = kinds["staging"]["files"].as_u64().unwrap();
    assert_eq!(found["files"]["unknown_sizes"], 3 + staging, "{found:#}");
}
