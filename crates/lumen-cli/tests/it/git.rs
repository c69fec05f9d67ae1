//! A registry in a branch: made, published to, installed from, and publishers that are killed.

use std::{
    fs,
    process::{Child, Stdio},
};

use lumen_testkit::{
    git::{self, git},
    sandbox::{Ran, Sandbox},
};

use crate::{bare, fails};

/// Far more operations than a publish has.
const MOST: u32 = 200;

/// A sandbox with an empty repository in `registry.git`, and its URL as that of a registry.
fn repository() -> (Sandbox, String) {
    let sandbox = bare();
    let path = sandbox.path("registry.git");
    git::bare(&path).unwrap();
    let url = format!("git+file://{}", path.display());
    (sandbox, url)
}

fn command(
    sandbox: &Sandbox,
    url: &str,
    folder: &str,
    arguments: &[&str],
) -> std::process::Command {
    let mut command = sandbox.command(folder, arguments);
    command.env("LUMEN_REGISTRY", url);
    command
}

fn run(sandbox: &Sandbox, url: &str, folder: &str, arguments: &[&str]) -> Ran {
    Ran::of(&command(sandbox, url, folder, arguments).output().unwrap())
}

fn ok(sandbox: &Sandbox, url: &str, folder: &str, arguments: &[&str]) -> Ran {
    let ran = run(sandbox, url, folder, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    ran
}

fn subjects(sandbox: &Sandbox) -> Vec<String> {
    let log = git(
        &sandbox.path("registry.git"),
        &["log", "--format=%s", "gh-pages"],
    );
    log.unwrap().lines().map(str::to_owned).collect()
}

const PUBLISH: [&str; 3] = ["pkg", "publish", "--yes"];

#[test]
fn the_life_of_a_registry_in_a_branch() {
    let (sandbox, url) = repository();
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = run(&sandbox, &url, "a", &PUBLISH);
    fails(
        &ran,
        4,
        &["no registry folder", "lumen registry init git+file"],
    );
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    ok(&sandbox, &url, "a", &PUBLISH);
    sandbox.package("a", "a", "1.1.0", "").unwrap();
    ok(&sandbox, &url, "a", &PUBLISH);
    ok(&sandbox, &url, "a", &PUBLISH);
    ok(
        &sandbox,
        &url,
        ".",
        &["pkg", "yank", "a@1.1.0", "--reason", "bad"],
    );
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    ok(&sandbox, &url, "app", &["pkg", "install"]);
    assert_eq!(
        sandbox
            .read("app/.lumen/packages/a/src/main.lm.md")
            .unwrap(),
        "# a 1.0.0\n"
    );
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(!lock.contains("file://"), "{lock}");
    assert!(lock.contains("\ncheckpoint = \"registry/"), "{lock}");
    ok(&sandbox, &url, ".", &["registry", "check"]);
    assert_eq!(
        subjects(&sandbox),
        [
            "Yank a 1.1.0",
            "Publish a 1.1.0",
            "Publish a 1.0.0",
            "Make a registry"
        ]
    );
    // What a push asks for it asks once: nobody's name is made up when there is one.
    let author = ["log", "-1", "--format=%an <%ae>", "gh-pages"];
    let author = git(&sandbox.path("registry.git"), &author).unwrap();
    assert_eq!(author.trim(), "lumen <lumen@localhost>");
    sandbox
        .write(
            "home/.gitconfig",
            "[user]\nname = Ada\nemail = ada@example.com\n",
        )
        .unwrap();
    ok(
        &sandbox,
        &url,
        ".",
        &["pkg", "deprecate", "a", "--reason", "old"],
    );
    let author = ["log", "-1", "--format=%an <%ae> %s", "gh-pages"];
    let author = git(&sandbox.path("registry.git"), &author).unwrap();
    assert_eq!(author.trim(), "Ada <ada@example.com> Deprecate a");
}

#[test]
fn a_hook_that_says_no_is_quoted() {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    let hook = "registry.git/hooks/pre-receive";
    sandbox
        .write(hook, "#!/bin/sh\necho 'main is closed' >&2\nexit 1\n")
        .unwrap();
    let chmod = std::process::Command::new("chmod")
        .arg("+x")
        .arg(sandbox.path(hook))
        .status();
    assert!(chmod.unwrap().success());
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = run(&sandbox, &url, "a", &PUBLISH);
    fails(
        &ran,
        4,
        &["refused the push", "main is closed", "protection rules"],
    );
    assert_eq!(subjects(&sandbox).len(), 1);
}

/// A publish that is stopped at its n-th operation; `false`: it has fewer.
fn stopped(sandbox: &Sandbox, url: &str, variable: &str, n: u32) -> bool {
    let log = sandbox.path("faults.log");
    let _ = fs::remove_file(&log);
    let mut command = command(sandbox, url, "next", &PUBLISH);
    command
        .env(variable, n.to_string())
        .env("LUMEN_FAULT_LOG", &log);
    command.output().unwrap();
    let passed = fs::read_to_string(&log).unwrap_or_default().lines().count();
    passed >= n as usize
}

fn publish_survives(variable: &str) {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    for n in 1..MOST {
        sandbox
            .package("next", "a", &format!("1.{n}.0"), "")
            .unwrap();
        if !stopped(&sandbox, &url, variable, n) {
            assert!(n > 10, "only {n} operations");
            ok(&sandbox, &url, ".", &["registry", "check"]);
            return;
        }
        // Another one goes on, on the same clone, or the same one does.
        if n % 3 == 0 {
            sandbox
                .package("other", "b", &format!("1.{n}.0"), "")
                .unwrap();
            ok(&sandbox, &url, "other", &PUBLISH);
        }
        ok(&sandbox, &url, "next", &PUBLISH);
        if n % 5 == 0 {
            ok(&sandbox, &url, ".", &["registry", "check"]);
        }
        let mine = format!("Publish a 1.{n}.0");
        let mine = subjects(&sandbox)
            .into_iter()
            .filter(|subject| *subject == mine);
        assert_eq!(mine.count(), 1, "operation {n}");
    }
    panic!("the publish never came to its end");
}

#[test]
fn a_killed_push_is_done_or_not_and_the_next_one_works() {
    publish_survives("LUMEN_FAULT_AT");
}

#[test]
fn a_failed_push_is_done_or_not_and_the_next_one_works() {
    publish_survives("LUMEN_FAULT_ERROR_AT");
}

#[test]
fn many_publishers_of_one_machine_queue_up() {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    let names: Vec<String> = (0..8).map(|n| format!("pkg-{n}")).collect();
    let start = |name: &String| -> Child {
        sandbox.package(name, name, "1.0.0", "").unwrap();
        let mut command = command(&sandbox, &url, name, &PUBLISH);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = names.iter().map(start).collect();
    for child in children {
        let ran = Ran::of(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    ok(&sandbox, &url, ".", &["registry", "check"]);
    assert_eq!(subjects(&sandbox).len(), 9);
}
