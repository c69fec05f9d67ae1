//! What an install with a lock says of releases that were good when they were locked.

use lumen_testkit::{
    nginx::Nginx,
    sandbox::{Ran, Sandbox},
};

use crate::{fails, publish, sandbox};

/// A registry where bob published `text` 1.1.0, and a project that has it locked.
fn locked() -> Sandbox {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let writer = ["registry", "trust", "add-log-key", "bob"];
    sandbox.ok(".", &writer).unwrap();
    for package in ["text", "other"] {
        publish(&sandbox, package, "1.0.0", "");
    }
    let publisher = ["pkg", "owner", "add", "text", "bob"];
    sandbox.ok(".", &publisher).unwrap();
    sandbox.package("next", "text", "1.1.0", "").unwrap();
    let mut command = sandbox.command("next", &["pkg", "publish", "--yes"]);
    let published = Ran::of(&command.env("LUMEN_KEY", "bob").output().unwrap());
    assert_eq!(published.code, Some(0), "{published:#?}");
    let needs = "[dependencies]\ntext = \"^1\"\nother = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    sandbox
}

/// Installs what is locked on a machine that has nothing yet.
fn install(sandbox: &Sandbox, machine: &str, more: &[&str]) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("app/.lumen"));
    let arguments = [&["pkg", "install", "--locked"], more].concat();
    let mut command = sandbox.command("app", &arguments);
    command.env("LUMEN_HOME", sandbox.path(machine));
    Ran::of(&command.output().unwrap())
}

#[test]
fn a_locked_release_of_a_stolen_key_is_not_installed() {
    let sandbox = locked();
    let good = install(&sandbox, "first", &[]);
    assert_eq!(good.code, Some(0), "{good:#?}");
    // Somebody leaves: what they published is as good as before.
    let leaves = ["pkg", "owner", "remove", "text", "bob"];
    sandbox.ok(".", &leaves).unwrap();
    let good = install(&sandbox, "second", &[]);
    assert_eq!(good.code, Some(0), "{good:#?}");
    let bob = sandbox.ok(".", &["key", "export", "bob"]).unwrap().out;
    let stolen = ["pkg", "owner", "revoke", "text", bob.trim(), "--from", "6"];
    sandbox.ok(".", &stolen).unwrap();
    let refused = install(&sandbox, "third", &[]);
    fails(
        &refused,
        3,
        &["`text` 1.1.0 was signed with a key that had been revoked"],
    );
    assert!(!sandbox.path("app/.lumen/packages/text").exists());
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(
        lock.contains("name = \"text\"\nversion = \"1.0.0\""),
        "{lock}"
    );
    let good = install(&sandbox, "third", &[]);
    assert_eq!(good.code, Some(0), "{good:#?}");
}

#[test]
fn yanks_of_locked_releases_are_told() {
    let sandbox = locked();
    let yank = ["pkg", "yank", "text@1.1.0", "--reason", "it burns"];
    sandbox.ok(".", &yank).unwrap();
    let deprecate = ["pkg", "deprecate", "other", "--reason", "it is old"];
    sandbox.ok(".", &deprecate).unwrap();
    let told = install(&sandbox, "first", &[]);
    assert_eq!(told.code, Some(0), "{told:#?}");
    for text in [
        "warning: `text` 1.1.0 is yanked: it burns\n",
        "warning: `other` is deprecated: it is old\n",
    ] {
        assert!(told.err.contains(text), "{told:#?}");
    }
    let unyank = ["pkg", "unyank", "text@1.1.0"];
    sandbox.ok(".", &unyank).unwrap();
    let told = install(&sandbox, "second", &[]);
    assert!(!told.err.contains("yanked"), "{told:#?}");
}

#[test]
fn the_log_behind_a_web_server_is_looked_through() {
    if !Nginx::is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = locked();
    let server = Nginx::serve(&sandbox.path("registry"), "/").unwrap();
    let url = server.url();
    let from_server = ["--registry", url.as_str()];
    let told = install(&sandbox, "first", &from_server);
    assert_eq!(told.code, Some(0), "{told:#?}");
    assert!(!told.err.contains("entries since"), "{told:#?}");
    let yank = ["pkg", "yank", "other@1.0.0", "--reason", "x"];
    sandbox.ok(".", &yank).unwrap();
    let told = install(&sandbox, "second", &from_server);
    assert!(told.err.contains("`other` 1.0.0 is yanked: x"), "{told:#?}");
}

const VERIFY: [&str; 2] = ["pkg", "verify"];

/// The states of the signatures that `verify --json` lists, and how they are complete.
fn signatures(ran: &Ran) -> Vec<(String, String)> {
    let verified: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let rows = verified["packages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| &row["signature"])
        .map(|signature| (text(&signature["state"]), text(&signature["complete"])))
        .collect()
}

fn all(state: &str, complete: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), complete.to_owned()); 2]
}

#[test]
fn signatures_are_checked_again_in_a_folder() {
    let sandbox = locked();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let verified = sandbox.ok("app", &VERIFY).unwrap();
    assert!(
        verified.err.contains("Checked 2 signatures\n"),
        "{verified:#?}"
    );
    let json = [&["--json"], &VERIFY[..]].concat();
    let listed = sandbox.ok("app", &json).unwrap();
    assert_eq!(signatures(&listed), all("good", "proved"));
    // The lock has another release than its owner signed.
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let line = lock.lines().find(|line| line.starts_with("metadata"));
    let other = format!("metadata = \"sha256:{}\"", "0".repeat(64));
    let forged = lock.replace(line.unwrap(), &other);
    sandbox.write("app/lumen.lock", &forged).unwrap();
    let refused = sandbox.run("app", &VERIFY).unwrap();
    fails(&refused, 3, &["but the publisher signed sha256:"]);
    sandbox.write("app/lumen.lock", &lock).unwrap();
    // An index that lacks something.
    let index = "registry/packages/text/index.json";
    let good = sandbox.read(index).unwrap();
    sandbox
        .write(index, &good.replace("\"i\":", "\"j\":0,\"i\":1"))
        .unwrap();
    let refused = sandbox.run("app", &VERIFY).unwrap();
    fails(
        &refused,
        3,
        &["the events of `text` are not those of the log"],
    );
    sandbox.write(index, &good).unwrap();
    // Without the folder the files can still be verified.
    std::fs::rename(sandbox.path("registry"), sandbox.path("away")).unwrap();
    let alone = sandbox.ok("app", &VERIFY).unwrap();
    assert!(
        alone
            .err
            .contains("not checked for signatures: other 1.0.0, text 1.1.0"),
        "{alone:#?}"
    );
    std::fs::rename(sandbox.path("away"), sandbox.path("registry")).unwrap();
    // A key that turns out to have been stolen.
    let bob = sandbox.ok(".", &["key", "export", "bob"]).unwrap().out;
    let stolen = ["pkg", "owner", "revoke", "text", bob.trim(), "--from", "6"];
    sandbox.ok(".", &stolen).unwrap();
    let refused = sandbox.run("app", &VERIFY).unwrap();
    fails(&refused, 3, &["signed with a key that had been revoked"]);
}

#[test]
fn signatures_are_checked_again_without_the_server() {
    if !Nginx::is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = locked();
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let server = Nginx::serve(&sandbox.path("registry"), "/").unwrap();
    let url = server.url();
    let registry = ["--registry", url.as_str()];
    let install = [&["pkg", "install"], &registry[..]].concat();
    sandbox.ok("app", &install).unwrap();
    let json = [&["--json"], &VERIFY[..], &registry].concat();
    drop(server);
    let listed = sandbox.ok("app", &json).unwrap();
    assert_eq!(signatures(&listed), all("good", "proved"));
    std::fs::remove_dir_all(sandbox.path("home/lumen/cache")).unwrap();
    let listed = sandbox.ok("app", &json).unwrap();
    assert_eq!(signatures(&listed), all("unchecked", ""));
    let told = [&VERIFY[..], &registry].concat();
    let told = sandbox.ok("app", &told).unwrap();
    assert!(
        told.err
            .contains("is not in the cache, and the network is off"),
        "{told:#?}"
    );
}
