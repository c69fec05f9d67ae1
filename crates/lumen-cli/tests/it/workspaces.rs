//! All packages of a workspace published at once: to a folder and to a branch, with what is
//! there already, what is in the way, and interruptions.

use std::fs;

use lumen_testkit::{
    git::{self, git},
    sandbox::{Ran, Sandbox, tree},
};
use serde_json::Value;

use crate::{fails, ok_as, sandbox};

const PUBLISH: [&str; 4] = ["pkg", "publish", "--workspace", "--yes"];

const MEMBERS: &str = "[workspace]\nmembers = [\"packages/*\"]\n";

/// A member of the workspace in `shop`.
fn member(sandbox: &Sandbox, name: &str, version: &str, more: &str) {
    let folder = format!("shop/packages/{}", name.trim_start_matches("@org/"));
    sandbox.package(&folder, name, version, more).unwrap();
}

/// A workspace whose packages need each other against the order of their names: `a` needs
/// `m`, that needs `z`; `tests` is not published.
fn workspace(sandbox: &Sandbox) {
    sandbox.write("shop/lumen.toml", MEMBERS).unwrap();
    let needs = |name: &str| {
        format!("[dependencies]\n{name} = {{ path = \"../{name}\", version = \"^1\" }}\n")
    };
    member(sandbox, "a", "1.0.0", &needs("m"));
    member(sandbox, "m", "1.0.0", &needs("z"));
    member(sandbox, "z", "1.0.0", "");
    member(sandbox, "tests", "0.1.0", "publish = false\n");
}

fn verdicts(ran: &Ran) -> Vec<(String, bool)> {
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let packages = value["packages"].as_array().unwrap();
    let verdict = |package: &Value| {
        let release = package.get("release").unwrap_or(package);
        let text = |key: &str| release[key].as_str().unwrap().to_owned();
        let release = format!("{} {}", text("name"), text("version"));
        (release, package["new"].as_bool().unwrap())
    };
    packages.iter().map(verdict).collect()
}

fn expected(packages: &[(&str, bool)]) -> Vec<(String, bool)> {
    let owned = |(release, new): &(&str, bool)| ((*release).to_owned(), *new);
    packages.iter().map(owned).collect()
}

/// Whether another project can install the release.
fn installs(sandbox: &Sandbox, release: &str) {
    let (name, version) = release.split_once(' ').unwrap();
    let needs = format!("[dependencies]\n{name} = \"={version}\"\n");
    sandbox.package("app", "app", "0.1.0", &needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn what_others_need_comes_first_and_what_is_there_is_skipped() {
    let sandbox = sandbox();
    workspace(&sandbox);
    let before = tree(&sandbox.path("registry")).unwrap();
    let dry = [&["--json"], &PUBLISH[..], &["--dry-run"]].concat();
    let all = [("z 1.0.0", true), ("m 1.0.0", true), ("a 1.0.0", true)];
    let ran = sandbox.ok("shop/packages/m", &dry).unwrap();
    assert_eq!(verdicts(&ran), expected(&all));
    assert!(ran.err.contains("Would publish `z` 1.0.0 to "), "{ran:#?}");
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);

    let json = [&["--json"], &PUBLISH[..]].concat();
    let ran = sandbox.ok("shop", &json).unwrap();
    assert_eq!(verdicts(&ran), expected(&all));
    assert!(ran.err.contains("`tests` says `publish = false`"));
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    installs(&sandbox, "a 1.0.0");
    let published = sandbox.read("app/.lumen/packages/a/lumen.toml").unwrap();
    assert!(
        published.contains("m = { version = \"^1\" }") && !published.contains("path"),
        "{published}"
    );

    let before = tree(&sandbox.path("registry")).unwrap();
    let ran = sandbox.ok("shop", &json).unwrap();
    assert_eq!(
        verdicts(&ran),
        expected(&all.map(|(name, _)| (name, false)))
    );
    assert!(
        ran.err.contains("Skipped `m` 1.0.0: ") && !ran.err.contains("Published"),
        "{ran:#?}"
    );
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);

    member(&sandbox, "z", "1.1.0", "");
    let ran = sandbox.ok("shop", &dry).unwrap();
    let some = [("z 1.1.0", true), ("m 1.0.0", false), ("a 1.0.0", false)];
    assert_eq!(verdicts(&ran), expected(&some));
    assert!(ran.err.contains("Would skip `m` 1.0.0: "), "{ran:#?}");
    let ran = sandbox.ok("shop", &json).unwrap();
    assert_eq!(verdicts(&ran), expected(&some));
    installs(&sandbox, "z 1.1.0");
}

#[test]
fn nothing_is_written_when_anything_is_in_the_way() {
    let sandbox = sandbox();
    workspace(&sandbox);
    sandbox.ok("shop", &PUBLISH).unwrap();
    let before = tree(&sandbox.path("registry")).unwrap();
    // `z` comes first, and could be published.
    member(&sandbox, "z", "1.1.0", "");
    let changed = "shop/packages/a/src/main.lm.md";
    let text = sandbox.read(changed).unwrap();
    sandbox.write(changed, "# another one\n").unwrap();
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    fails(&ran, 1, &["`a` 1.0.0 exists with other contents"]);
    sandbox.write(changed, &text).unwrap();

    // Names that a registry would take for each other.
    member(&sandbox, "new-one", "1.0.0", "");
    member(&sandbox, "new_one", "1.0.0", "");
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    fails(&ran, 1, &["`new-one`", "`new_one`", "too close"]);
    fs::remove_dir_all(sandbox.path("shop/packages/new_one")).unwrap();

    // What the users of a package would not get.
    let needs = "[dependencies]\nz = { path = \"../z\", version = \"=1.0.0\" }\n\
                 tests = { path = \"../tests\", version = \"^0.1\" }\n";
    member(&sandbox, "new-one", "1.0.0", needs);
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    fails(
        &ran,
        1,
        &[
            "asks for `z` =1.0.0, but the workspace has 1.1.0",
            "`tests` says `publish = false`",
        ],
    );
    let needs = "[dependencies]\nz = { path = \"../z\" }\n";
    member(&sandbox, "new-one", "1.0.0", needs);
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    fails(&ran, 1, &["the path dependency `z` has no version"]);
    fs::remove_dir_all(sandbox.path("shop/packages/new-one")).unwrap();

    // A tag is one version, a bump one package's.
    for other in [&["--expect-tag", "v1.0.0"][..], &["--bump", "patch"]] {
        let ran = sandbox
            .run("shop", &[&PUBLISH[..], other].concat())
            .unwrap();
        fails(&ran, 2, &["'--workspace' cannot be used with", other[0]]);
    }

    // Somebody else's key, for what is new and what is not.
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let mut command = sandbox.command("shop", &PUBLISH);
    let ran = Ran::of(&command.env("LUMEN_KEY", "bob").output().unwrap());
    fails(&ran, 1, &["bob", "is not a log key"]);
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);

    sandbox
        .ok(".", &["registry", "trust", "add-log-key", "bob"])
        .unwrap();
    let before = tree(&sandbox.path("registry")).unwrap();
    let mut command = sandbox.command("shop", &PUBLISH);
    let ran = Ran::of(&command.env("LUMEN_KEY", "bob").output().unwrap());
    fails(&ran, 1, &["may not publish `z`"]);
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
    // What is there and belongs to others keeps nobody from publishing the rest.
    member(&sandbox, "z", "1.0.0", "");
    member(&sandbox, "bobs", "1.0.0", "");
    let mut command = sandbox.command("shop", &PUBLISH);
    let ran = Ran::of(&command.env("LUMEN_KEY", "bob").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.err.contains("Published `bobs` 1.0.0") && ran.err.contains("Skipped `z` 1.0.0"),
        "{ran:#?}"
    );
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
}

#[test]
fn all_names_that_have_to_be_approved_are_asked_for_at_once() {
    let sandbox = sandbox();
    workspace(&sandbox);
    sandbox.ok(".", &["key", "new", "ned"]).unwrap();
    let ned = sandbox.ok(".", &["key", "export", "ned"]).unwrap().out;
    let policy = [
        "registry",
        "trust",
        "policy",
        "approve",
        "--key",
        ned.trim(),
    ];
    sandbox.ok(".", &policy).unwrap();
    sandbox
        .ok(".", &["registry", "trust", "add-log-key", "ned"])
        .unwrap();
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    fails(
        &ran,
        1,
        &["`a`, `m`, `z` have no owners", "`lumen registry approve m`"],
    );
    for name in ["a", "m", "z"] {
        ok_as(&sandbox, "ned", &["registry", "approve", name]);
    }
    sandbox.ok("shop", &PUBLISH).unwrap();
    installs(&sandbox, "a 1.0.0");
}

#[test]
fn a_branch_gets_one_commit() {
    let sandbox = crate::bare();
    workspace(&sandbox);
    let path = sandbox.path("registry.git");
    git::bare(&path).unwrap();
    let url = format!("git+file://{}", path.display());
    let run = |folder: &str, arguments: &[&str]| {
        let mut command = sandbox.command(folder, arguments);
        Ran::of(&command.env("LUMEN_REGISTRY", &url).output().unwrap())
    };
    let ok = |folder: &str, arguments: &[&str]| {
        let ran = run(folder, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    };
    let messages = || {
        let log = git(&path, &["log", "--format=%B%x00", "gh-pages"]).unwrap();
        let messages = log.split('\0').map(|text| text.trim().to_owned());
        let messages: Vec<String> = messages.filter(|text| !text.is_empty()).collect();
        messages
    };
    ok(".", &["registry", "init", &url]);
    ok("shop", &PUBLISH);
    assert_eq!(messages().len(), 2);
    assert!(
        messages()[0].starts_with("Publish z 1.0.0, m 1.0.0, a 1.0.0\n"),
        "{:?}",
        messages()
    );
    // Nothing new, no commit.
    ok("shop", &PUBLISH);
    assert_eq!(messages().len(), 2);
    for name in ["b", "c", "z"] {
        member(&sandbox, name, "1.1.0", "");
    }
    member(&sandbox, "@org/d", "1.1.0", "");
    ok("shop", &PUBLISH);
    assert_eq!(messages().len(), 3);
    let message = &messages()[0];
    for line in ["Publish 4 packages", "@org/d 1.1.0", "b 1.1.0", "z 1.1.0"] {
        assert!(message.lines().any(|l| l == line), "{line}: {message}");
    }
    ok(".", &["registry", "check"]);
    // All or nothing: the second of two is refused by a hook, so neither is there.
    let hook = "registry.git/hooks/pre-receive";
    sandbox.write(hook, "#!/bin/sh\nexit 1\n").unwrap();
    let chmod = std::process::Command::new("chmod")
        .arg("+x")
        .arg(sandbox.path(hook))
        .status();
    assert!(chmod.unwrap().success());
    for name in ["b", "c"] {
        member(&sandbox, name, "1.2.0", "");
    }
    fails(&run("shop", &PUBLISH), 4, &["refused the push"]);
    assert_eq!(messages().len(), 3);
}

/// Far more operations than publishing three packages has.
const MOST: usize = 2000;

/// Publishes with a fault at every so many operations, and then again.
fn survives(variable: &str, step: usize) {
    for n in (1..MOST).step_by(step) {
        let sandbox = sandbox();
        workspace(&sandbox);
        let log = sandbox.path("faults.log");
        let mut command = sandbox.command("shop", &PUBLISH);
        command
            .env(variable, n.to_string())
            .env("LUMEN_FAULT_LOG", &log);
        command.output().unwrap();
        let passed = fs::read_to_string(&log).unwrap_or_default().lines().count();
        if passed < n {
            assert!(n > 100, "only {n} operations");
            return;
        }
        let ran = sandbox.ok("shop", &PUBLISH).unwrap();
        for release in ["`a` 1.0.0", "`m` 1.0.0", "`z` 1.0.0"] {
            let said = |verb: &str| ran.err.contains(&format!("{verb} {release}"));
            assert!(
                said("Published") != said("Skipped"),
                "operation {n}: {ran:#?}"
            );
        }
        sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
        installs(&sandbox, "a 1.0.0");
        let global = sandbox.read("registry/index.json").unwrap();
        for name in ["a", "m", "z"] {
            let listed = global.contains(&format!("\"name\": \"{name}\""));
            assert!(listed, "operation {n}: {global}");
        }
    }
    panic!("the publish never came to its end");
}

// All operations of one publish are met elsewhere; here it matters which package it was.

#[test]
fn an_interrupted_run_is_finished_by_the_next() {
    survives("LUMEN_FAULT_AT", 43);
}

#[test]
fn a_failed_run_is_finished_by_the_next() {
    survives("LUMEN_FAULT_ERROR_AT", 41);
}

#[test]
fn a_run_that_failed_says_what_was_published_before() {
    // What `m` is packed to, the same everywhere.
    let other = sandbox();
    workspace(&other);
    other.ok("shop", &PUBLISH).unwrap();
    let release = other.read("registry/packages/m/1.0.0.json").unwrap();
    let release: Value = serde_json::from_str(&release).unwrap();
    let artifact = release["artifacts"][0]["url"].as_str().unwrap();

    let sandbox = sandbox();
    workspace(&sandbox);
    let in_the_way = sandbox.path(&format!("registry/{artifact}"));
    fs::create_dir_all(&in_the_way).unwrap();
    let ran = sandbox.run("shop", &PUBLISH).unwrap();
    assert!(ran.err.contains("Published `z` 1.0.0 to "), "{ran:#?}");
    let hint = "published before that: `z` 1.0.0; run it again for the others";
    fails(&ran, 4, &[hint]);
    assert!(!sandbox.path("registry/packages/m/1.0.0.json").exists());
    fs::remove_dir(&in_the_way).unwrap();
    let ran = sandbox.ok("shop", &PUBLISH).unwrap();
    assert!(ran.err.contains("Skipped `z` 1.0.0: "), "{ran:#?}");
    installs(&sandbox, "a 1.0.0");
}
