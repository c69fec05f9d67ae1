//! Cloned projects: nothing outside of the project and of our own home is read, written, linked or deleted.

mod deep;
mod links;
mod locks;
mod owners;
mod rights;
mod shared;
mod verify;

use std::{fs, os::unix::fs::symlink, path::Path};

use lumen_testkit::sandbox::{Ran, Sandbox, tree};

use crate::{fails, publish, sandbox};

/// A registry with `text`, a locked project `app` that nothing was installed in, and the
/// neighbour `mono` that is none of the project's business.
fn cloned() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    for file in [
        "packages/mine/file",
        "tmp-mine/file",
        "state.json",
        ".tmp-mine",
    ] {
        sandbox.write(&format!("mono/{file}"), "mine").unwrap();
    }
    sandbox.write("empty/keep", "").unwrap();
    fs::remove_file(sandbox.path("empty/keep")).unwrap();
    sandbox
}

fn neighbour(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    tree(&sandbox.path("mono")).unwrap()
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run("app", arguments).unwrap()
}

/// Makes a link in the project, and the folders it needs.
fn plant(sandbox: &Sandbox, at: &str, target: &Path) {
    let at = sandbox.path(at);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    symlink(target, at).unwrap();
}

/// What may change a project.
const VERBS: [&[&str]; 8] = [
    &["pkg", "install"],
    &["pkg", "install", "--locked"],
    &["pkg", "add", "text"],
    &["pkg", "remove", "text"],
    &["pkg", "update"],
    &["pkg", "lock"],
    &["pkg", "clean"],
    &["pkg", "verify", "--repair"],
];

#[test]
fn links_in_the_place_of_ours_are_refused_by_every_verb() {
    let sandbox = cloned();
    let before = neighbour(&sandbox);
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let places = [
        (".lumen", "../mono"),
        (".lumen/packages", "../../mono/packages"),
        (".lumen/tmp-mine", "../../mono/tmp-mine"),
        (".lumen/install.lock", "../../mono/made"),
        (".lumen/links.lock", "../../mono/made"),
        (".lumen/id", "../../mono/made"),
    ];
    for (place, target) in places {
        plant(&sandbox, &format!("app/{place}"), target.as_ref());
        for verb in VERBS {
            let ran = run(&sandbox, verb);
            fails(&ran, 1, &[place, "is a link", "nothing was changed"]);
            assert_eq!(neighbour(&sandbox), before, "{place} {verb:?}");
            assert_eq!(sandbox.read("app/lumen.toml").unwrap(), manifest);
            assert!(!sandbox.path("app/text").exists(), "{place} {verb:?}");
        }
        let dot = sandbox.path("app/.lumen");
        fs::remove_file(&dot).unwrap_or_else(|_| fs::remove_dir_all(&dot).unwrap());
    }
    // Files where folders belong, and the other way round.
    sandbox.write("app/.lumen", "a file").unwrap();
    fails(
        &run(&sandbox, &["pkg", "install"]),
        1,
        &["`.lumen` is not a folder"],
    );
    fs::remove_file(sandbox.path("app/.lumen")).unwrap();
    sandbox.write("app/.lumen/install.lock/x", "").unwrap();
    fails(
        &run(&sandbox, &["pkg", "install"]),
        1,
        &["install.lock` is not a file"],
    );
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn a_committed_state_is_no_record() {
    let sandbox = cloned();
    let outside = sandbox.path("outside");
    symlink(sandbox.path("mono"), &outside).unwrap();
    symlink("../mono", sandbox.path("app/own")).unwrap();
    fs::create_dir_all(sandbox.path("app/kept/empty")).unwrap();
    let state = format!(
        r#"{{"format": 1, "complete": true, "mode": "symlink", "facts": {{}}, "changed": {{}},
            "imports": {{"{}": "x", "../outside": "x", "own": "../mono"}},
            "folders": ["../empty", "kept/empty", "{}"],
            "packages": {{}}}}"#,
        outside.display(),
        sandbox.path("empty").display()
    );
    for verb in [&["pkg", "install"], &["pkg", "clean"]] {
        sandbox.write("app/.lumen/state.json", &state).unwrap();
        sandbox.ok("app", verb).unwrap();
        assert!(outside.is_symlink(), "{verb:?}");
        assert!(sandbox.path("app/own").is_symlink(), "{verb:?}");
        assert!(sandbox.path("app/kept/empty").exists(), "{verb:?}");
        assert!(sandbox.path("empty").exists(), "{verb:?}");
        assert!(!sandbox.path("app/.lumen/state.json").exists(), "{verb:?}");
    }
}

/// As a740c06 leaves a project: links, and a state in the project.
#[test]
fn a_project_of_an_older_version_is_taken_over() {
    let sandbox = cloned();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    fs::remove_dir_all(sandbox.path("home/lumen/projects")).unwrap();
    fs::remove_file(sandbox.path("app/.lumen/id")).unwrap();
    sandbox.write("app/.lumen/state.json", "{}").unwrap();
    // Stale, but by the rule: a link of ours from before.
    fs::remove_file(sandbox.path("app/text")).unwrap();
    symlink(".lumen/packages/text", sandbox.path("app/text")).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    // Not by the rule: the user's.
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    symlink("../mono/packages", sandbox.path("app/text")).unwrap();
    let ran = run(&sandbox, &["pkg", "install"]);
    fails(&ran, 1, &["`text` is in the way"]);
    assert!(sandbox.path("app/text").is_symlink());
}

#[test]
fn a_record_counts_only_for_the_folder_it_was_made_for() {
    let sandbox = cloned();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let again = run(&sandbox, &["pkg", "install", "--locked"]);
    assert!(again.err.contains("Up to date"), "{again:#?}");
    // Another clone takes the place of the first, with the token of the first.
    fs::rename(sandbox.path("app"), sandbox.path("first")).unwrap();
    for file in ["lumen.toml", "lumen.lock", "src/main.lm.md", ".lumen/id"] {
        let text = sandbox.read(&format!("first/{file}")).unwrap();
        sandbox.write(&format!("app/{file}"), &text).unwrap();
    }
    sandbox
        .write("app/.lumen/packages/text/src/main.lm.md", "forged")
        .unwrap();
    symlink(".lumen/packages/text/src", sandbox.path("app/text")).unwrap();
    let ran = sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    assert!(!ran.err.contains("Up to date"), "{ran:#?}");
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
}
