//! `verify` checks, without the network, what installs check.

use lumen_testkit::sandbox::Sandbox;

use super::{lock::edit, order};
use crate::{bare, fails, publish, sandbox};

/// A project with `text`, installed and good.
fn installed(sandbox: &Sandbox) {
    publish(sandbox, "util", "1.0.0", "");
    publish(sandbox, "text", "1.0.0", "[dependencies]\nutil = \"^1\"\n");
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let ran = sandbox.ok("app", &["pkg", "verify"]).unwrap();
    assert!(ran.err.contains("Verified 2 packages"), "{ran:#?}");
    assert!(!ran.err.contains("Not compared"), "{ran:#?}");
}

#[test]
fn a_size_that_the_owner_did_not_release() {
    let sandbox = sandbox();
    installed(&sandbox);
    edit(&sandbox, |lock| lock.replacen("size = ", "size = 1", 1));
    let ran = sandbox.run("app", &["pkg", "verify"]).unwrap();
    let said = ["is not what was released", "`lumen.lock` says size 1"];
    fails(&ran, 3, &said);
}

#[test]
fn an_archive_that_contradicts_its_release() {
    let sandbox = bare();
    sandbox
        .ok(".", &["registry", "init", "registry", "--unsigned"])
        .unwrap();
    installed(&sandbox);
    // The registry says later that it needs something else.
    for file in ["packages/text/index.json", "packages/text/1.0.0.json"] {
        let file = format!("registry/{file}");
        let text = sandbox.read(&file).unwrap();
        let other = text.replace("^1", "^2");
        sandbox.write(&file, &other).unwrap();
    }
    let ran = sandbox.run("app", &["pkg", "verify"]).unwrap();
    let said = [
        "`text` 1.0.0 is not what was released",
        "its own lumen.toml needs `util` ^1, but the release needs ^2",
    ];
    fails(&ran, 3, &said);
    let ran = sandbox.run("app", &["pkg", "verify", "--json"]).unwrap();
    assert!(ran.out.contains("\"state\": \"bad\"") || ran.out.contains("\"state\":\"bad\""));
    // Where the release is not at hand, that is said.
    std::fs::rename(sandbox.path("registry"), sandbox.path("away")).unwrap();
    let ran = sandbox.ok("app", &["pkg", "verify"]).unwrap();
    let said = "Not compared text 1.0.0, util 1.0.0: this machine does not have its release";
    assert!(ran.err.contains(said), "{ran:#?}");
}

#[test]
fn a_name_that_a_registry_in_front_has() {
    for kind in [&[][..], &["--unsigned"]] {
        let sandbox = order::world(kind, "leaf = \"^1\"\ncommon = \"^1\"\n", "");
        let run =
            |folder: &str, arguments: &[&str]| order::run(&sandbox, folder, "victim", arguments);
        assert_eq!(run("app", &["pkg", "install"]).code, Some(0));
        assert_eq!(run("app", &["pkg", "verify"]).code, Some(0));
        order::poison(&sandbox, "leaf");
        assert_eq!(run("theirs", &["pkg", "install"]).code, Some(0));
        let ran = run("app", &["pkg", "verify"]);
        fails(&ran, 3, &["`leaf` 1.0.0", "`up`", "`default` comes first"]);
    }
}
