//! Folders nested deeper than any package has them.

use std::fs;

use lumen_testkit::sandbox::Sandbox;

use crate::fails;

use super::{cloned, run};

/// Deeper than a process may have files open, and than its stack would last.
const DEPTH: usize = 4000;

/// Puts a folder with so many others in it at a path.
fn nest(sandbox: &Sandbox, at: &str) {
    let (nested, outer) = (sandbox.path("nested"), sandbox.path("outer"));
    fs::create_dir(&nested).unwrap();
    for _ in 0..DEPTH {
        fs::create_dir(&outer).unwrap();
        fs::rename(&nested, outer.join("d")).unwrap();
        fs::rename(&outer, &nested).unwrap();
    }
    fs::create_dir_all(sandbox.path(at).parent().unwrap()).unwrap();
    fs::rename(&nested, sandbox.path(at)).unwrap();
}

#[test]
fn a_package_that_is_nested_too_deep_is_not_packed_and_what_is_ours_is_removed() {
    let sandbox = cloned();
    nest(&sandbox, "app/src/x");
    let verbs: [&[&str]; 3] = [
        &["pkg", "pack"],
        &["pkg", "publish", "--yes"],
        &["pkg", "submit", "--out", "out"],
    ];
    for verb in verbs {
        let ran = run(&sandbox, verb);
        fails(
            &ran,
            1,
            &[
                "lies too many folders deep; the limit `MAX_WALK_DEPTH` is 128",
                "`exclude`",
            ],
        );
    }
    // One that is left out does not matter.
    sandbox.write("app/.gitignore", "src/x/\n").unwrap();
    sandbox.ok("app", &["pkg", "pack", "--dry-run"]).unwrap();
    // As what an install left behind that was killed.
    fs::create_dir_all(sandbox.path("app/.lumen")).unwrap();
    let left = sandbox.path("app/.lumen/tmp-left");
    fs::rename(sandbox.path("app/src/x"), &left).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!left.exists());
}

#[test]
fn a_package_in_the_project_that_became_too_deep_is_made_again() {
    let sandbox = cloned();
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let copied = format!("{manifest}[install]\nlink = \"copy\"\n");
    sandbox.write("app/lumen.toml", &copied).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    nest(&sandbox, "app/.lumen/packages/text/src/x");
    let ran = run(&sandbox, &["pkg", "verify"]);
    fails(&ran, 3, &["not as they were published: 1"]);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!sandbox.path("app/.lumen/packages/text/src/x").exists());
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
}
