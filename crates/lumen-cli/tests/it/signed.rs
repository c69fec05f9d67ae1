//! Signed registries as newcomers meet them, and as a verifier that shares no code sees them.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use lumen_testkit::nginx::Nginx;

use crate::{bare, fails, publish, sandbox, verify};

#[test]
fn a_newcomer_gets_a_signed_registry_without_asking() {
    let sandbox = bare();
    let made = sandbox.ok(".", &["registry", "init", "registry"]).unwrap();
    assert!(made.err.contains("signed registry") && made.err.contains("sha256:"));
    publish(&sandbox, "a", "1.0.0", "");
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("trust-root = \"sha256:") && lock.contains("checkpoint = "));
}

#[test]
fn another_program_finds_what_we_write_in_order() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, "a", version, "");
        publish(
            &sandbox,
            "@scope/b",
            version,
            "[dependencies]\na = \"^1\"\n",
        );
    }
    let yank = ["pkg", "yank", "a@1.0.0", "--reason", "it burns"];
    sandbox.ok(".", &yank).unwrap();
    sandbox.ok(".", &["pkg", "unyank", "a@1.0.0"]).unwrap();
    let Some((good, said)) = verify(&sandbox.path("registry")) else {
        return;
    };
    assert!(good, "{said}");
    let index = sandbox.path("registry/packages/a/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace("it burns", "all good")).unwrap();
    assert!(!verify(&sandbox.path("registry")).unwrap().0);
}

#[test]
fn a_registry_that_was_signed_is_not_taken_unsigned() {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    std::fs::remove_dir_all(sandbox.path("registry/trust")).unwrap();
    std::fs::remove_file(sandbox.path("registry/log/checkpoint")).unwrap();
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(&ran, 3, &["signed before"]);
}

#[test]
fn a_signed_registry_without_its_root_does_not_pass_for_unsigned() {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    std::fs::remove_dir_all(sandbox.path("registry/trust")).unwrap();
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    // The first contact of this machine: it does not know that the registry was signed.
    let home = sandbox.path("home/lumen/trust");
    let _ = std::fs::remove_dir_all(home);
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    let said = [
        "`packages/a/index.json` is of a signed registry",
        "`trust/root/index.json`",
        "`lumen registry rebuild`",
    ];
    fails(&ran, 3, &said);
    assert!(!sandbox.path("app/.lumen/packages/a").exists());
    sandbox.ok(".", &["registry", "rebuild"]).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn unsigned_registries_are_refused_where_signatures_are_required() {
    let sandbox = bare();
    sandbox
        .ok(".", &["registry", "init", "registry", "--unsigned"])
        .unwrap();
    publish(&sandbox, "a", "1.0.0", "");
    let more = "[dependencies]\na = \"^1\"\n[registry]\ntrust = \"required\"\n";
    sandbox.package("app", "app", "0.1.0", more).unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(&ran, 3, &["not signed"]);
}

/// nginx tells files apart by their length and the second in which they were changed.
fn changed_in(file: &Path, seconds: u64) {
    let later = SystemTime::now() + Duration::from_secs(seconds);
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.set_modified(later).unwrap();
}

#[test]
fn a_signed_registry_is_read_from_a_web_server() {
    if !Nginx::is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    let server = Nginx::serve(&sandbox.path("registry"), "/sub/").unwrap();
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    let url = format!("{}/sub", server.url());
    let ran = sandbox
        .ok("app", &["pkg", "install", "--registry", &url])
        .unwrap();
    assert!(ran.err.contains("Trusting"), "{ran:#?}");
    // The second time it is known, and the host may not go back to what it was before.
    publish(&sandbox, "a", "1.1.0", "");
    sandbox
        .ok("app", &["pkg", "update", "--registry", &url])
        .unwrap();
    let before = sandbox.path("registry/log/checkpoint");
    let newer = std::fs::read_to_string(&before).unwrap();
    publish(&sandbox, "a", "1.2.0", "");
    changed_in(&before, 20);
    sandbox
        .ok("app", &["pkg", "update", "--registry", &url])
        .unwrap();
    std::fs::write(&before, newer).unwrap();
    changed_in(&before, 40);
    let ran = sandbox
        .run("app", &["pkg", "update", "--registry", &url])
        .unwrap();
    fails(&ran, 3, &["log rolled back from"]);
}

#[test]
fn a_publish_without_a_key_leaves_the_version_alone() {
    let sandbox = sandbox();
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let before = sandbox.read("a/lumen.toml").unwrap();
    let publish = ["pkg", "publish", "--yes", "--bump", "minor"];
    let stranger = sandbox.path("stranger");
    let output = sandbox
        .command("a", &publish)
        .env("HOME", &stranger)
        .output()
        .unwrap();
    let ran = lumen_testkit::sandbox::Ran::of(&output);
    fails(&ran, 1, &["there is no key to sign with", "lumen key new"]);
    assert_eq!(sandbox.read("a/lumen.toml").unwrap(), before);
}

#[test]
fn a_registry_nobody_knows_is_said_to_be_unknown() {
    let sandbox = sandbox();
    let root = format!("sha256:{}", "a".repeat(64));
    let ran = sandbox
        .run(".", &["trust", "pin", "registry", &root])
        .unwrap();
    fails(&ran, 1, &["no registry is called `registry`", "./registry"]);
}
