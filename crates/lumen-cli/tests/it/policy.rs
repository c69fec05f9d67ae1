//! `[policy] minimum-release-age`: Lumen does not choose a release that is too young, and says on
//! which day it may be chosen.

use std::fs;

use lumen_testkit::sandbox::Sandbox;

use crate::{fails, publish, sandbox};

const CONFIG: &str = "home/.config/lumen/config.toml";

/// A project that needs `text`, of which there are two young versions.
fn project() -> Sandbox {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, "text", version, "");
    }
    let more = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    sandbox
}

fn policy(sandbox: &Sandbox, text: &str) {
    sandbox
        .write(CONFIG, &format!("[policy]\n{text}\n"))
        .unwrap();
}

#[test]
fn young_releases_are_not_chosen() {
    let sandbox = project();
    policy(&sandbox, "minimum-release-age = \"7d\"");
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(
        &ran,
        1,
        &[
            "no version of `text` that matches ^1 is old enough",
            "1.0.0 and 1.1.0 are younger than",
            "the 7 days of `minimum-release-age`; the first may be chosen on 2",
            "wait until 2",
            "add \"text@1.0.0\" to `minimum-release-age-except`",
        ],
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
    fails(
        &sandbox.run("app", &["pkg", "add", "text"]).unwrap(),
        1,
        &[
            "every version of `text` is yanked or too new for `minimum-release-age`; 1.0.0 may be",
            "chosen on 2",
        ],
    );
    // By version, and by name.
    policy(
        &sandbox,
        "minimum-release-age = \"7d\"\nminimum-release-age-except = [\"text@1.0.0\"]",
    );
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(sandbox.read("app/lumen.lock").unwrap().contains("1.0.0"));
    let shown = sandbox.ok("app", &["pkg", "outdated"]).unwrap();
    assert!(
        shown.out.contains("1.1.0 is held back until 2"),
        "{shown:#?}"
    );
    assert!(
        shown.out.contains("`minimum-release-age` is 7 days"),
        "{shown:#?}"
    );
    let json = sandbox.ok("app", &["pkg", "outdated", "--json"]).unwrap();
    assert!(json.out.contains("\"minimum_age\": 604800"), "{json:#?}");
    policy(
        &sandbox,
        "minimum-release-age = \"7d\"\nminimum-release-age-except = [\"text\"]",
    );
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert!(sandbox.read("app/lumen.lock").unwrap().contains("1.1.0"));
}

#[test]
fn locked_versions_are_kept() {
    let sandbox = project();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    policy(&sandbox, "minimum-release-age = \"7d\"");
    for command in ["install", "update", "lock"] {
        sandbox.ok("app", &["pkg", command]).unwrap();
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock, "{command}");
    }
}

#[test]
fn a_policy_may_ask_for_witnesses() {
    let sandbox = project();
    let least = "minimum-release-age = \"0d\"";
    policy(&sandbox, least);
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let proven = format!("{least}\nminimum-release-age-proven = true");
    policy(&sandbox, &proven);
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let ran = sandbox.run("app", &["pkg", "lock"]).unwrap();
    fails(&ran, 1, &["old enough", "of unknown or"]);
    policy(
        &sandbox,
        &format!("{proven}\nminimum-release-age-except = [\"text\"]"),
    );
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
}

#[test]
fn the_strictest_policy_holds() {
    let sandbox = project();
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let own = "[policy]\nminimum-release-age = \"1d\"\n\
               minimum-release-age-except = [\"text\"]\n";
    let with_policy = format!("{manifest}\n{own}");
    sandbox.write("app/lumen.toml", &with_policy).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    // A project makes no exception from what the user or the organisation asks for.
    policy(&sandbox, "minimum-release-age = \"7d\"");
    let ran = sandbox.run("app", &["pkg", "lock"]).unwrap();
    fails(&ran, 1, &["the 7 days of `minimum-release-age`"]);
    policy(&sandbox, "minimum-release-age = \"soon\"");
    let ran = sandbox.run("app", &["pkg", "lock"]).unwrap();
    fails(
        &ran,
        1,
        &[
            "`soon` is not an age",
            "config.toml",
            "write `7d`, `2w` or `36h`",
        ],
    );
}
