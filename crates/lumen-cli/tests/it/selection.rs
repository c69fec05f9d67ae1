//! Which packages a command is about: parts of a workspace, of a lock, and exact versions.

use lumen_testkit::sandbox::Sandbox;
use serde_json::Value;

use crate::{bare, fails, publish, sandbox};

/// A project that needs `csv`, and `check` for its development, which needs `csv` and `diff`.
fn with_dev() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    publish(&sandbox, "diff", "1.0.0", "");
    let needs = "[dependencies]\ncsv = \"^1\"\ndiff = \"^1\"\n";
    publish(&sandbox, "check", "1.0.0", needs);
    let needs = "[dependencies]\ncsv = \"^1\"\n\n[dev-dependencies]\ncheck = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox
}

/// The packages that a project has.
fn installed(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let folder = sandbox.path(&format!("{folder}/.lumen/packages"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_needed_for_development_can_be_left_out() {
    let sandbox = with_dev();
    sandbox.ok("app", &["install", "--no-dev"]).unwrap();
    assert_eq!(installed(&sandbox, "app"), ["csv"]);
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(
        lock.contains("\"check\"") && lock.contains("\"diff\""),
        "{lock}"
    );
    // Lumen downloaded no other package, and does not miss those that it left out.
    let info = sandbox
        .ok(".", &["pkg", "cache", "info", "--json"])
        .unwrap();
    let info: Value = serde_json::from_str(&info.out).unwrap();
    assert_eq!(info["packages"], 1, "{info}");
    sandbox.ok("app", &["verify"]).unwrap();
    sandbox
        .ok("app", &["install", "--prod", "--locked"])
        .unwrap();
    assert_eq!(installed(&sandbox, "app"), ["csv"]);

    sandbox.ok("app", &["install", "--only-dev"]).unwrap();
    assert_eq!(installed(&sandbox, "app"), ["check", "csv", "diff"]);
    // A whole install after a partial one has work to do, though no file changed.
    sandbox.ok("app", &["install", "--no-dev"]).unwrap();
    sandbox.ok("app", &["install"]).unwrap();
    assert_eq!(installed(&sandbox, "app"), ["check", "csv", "diff"]);
    sandbox.ok("app", &["verify"]).unwrap();
    let both = sandbox.run("app", &["install", "--no-dev", "--only-dev"]);
    assert_eq!(both.unwrap().code, Some(2));
}

/// A workspace: `core` needs `csv`, `cli` needs `core` and `diff`, `docs` needs `check`.
fn workspace() -> Sandbox {
    let sandbox = sandbox();
    for name in ["csv", "diff", "check"] {
        publish(&sandbox, name, "1.0.0", "");
    }
    let root = "[workspace]\nmembers = [\"packages/*\"]\n";
    sandbox.write("ws/lumen.toml", root).unwrap();
    let member = |name: &str, needs: &str| {
        let needs = format!("[dependencies]\n{needs}");
        let folder = format!("ws/packages/{name}");
        sandbox.package(&folder, name, "0.1.0", &needs).unwrap();
    };
    member("core", "csv = \"^1\"\n");
    member(
        "cli",
        "core = { path = \"../core\", version = \"^0.1\" }\ndiff = \"^1\"\n",
    );
    member("docs", "check = \"^1\"\n");
    sandbox
}

#[test]
fn commands_are_about_parts_of_a_workspace() {
    let sandbox = workspace();
    let from_registry = |folder: &str| {
        let mut names = installed(&sandbox, folder);
        names.retain(|name| name != "core");
        names
    };
    for (arguments, expected) in [
        (&["-p", "core"][..], &["csv"][..]),
        (&["--package", "packages/core"], &["csv"]),
        (&["-p", "./packages/core/"], &["csv"]),
        (&["-p", "cli"], &["csv", "diff"]),
        (&["--filter", "c*"], &["csv", "diff"]),
        (&["--exclude", "cli"], &["check", "csv"]),
        (&["-p", "core", "-p", "docs"], &["check", "csv"]),
        (&["-r"], &["check", "csv", "diff"]),
    ] {
        sandbox
            .ok("ws", &[&["install"], arguments].concat())
            .unwrap();
        assert_eq!(from_registry("ws"), expected, "{arguments:?}");
    }
    let listed = sandbox.ok("ws", &["ls", "-p", "core"]).unwrap().out;
    assert!(
        listed.contains("csv") && !listed.contains("diff"),
        "{listed}"
    );
    let tree = sandbox.ok("ws", &["tree", "--filter", "do*"]).unwrap().out;
    assert!(tree.starts_with("docs") && !tree.contains("cli"), "{tree}");
    let refused = sandbox.run("ws", &["install", "-p", "cor"]).unwrap();
    fails(
        &refused,
        1,
        &[
            "no package of this workspace is `cor`",
            "did you mean `core`?",
        ],
    );
    let refused = sandbox.run("ws", &["install", "--exclude", "*"]).unwrap();
    fails(&refused, 1, &["no package of this workspace is left"]);

    sandbox.ok("ws", &["add", "-p", "docs", "diff"]).unwrap();
    let docs = sandbox.read("ws/packages/docs/lumen.toml").unwrap();
    assert!(docs.contains("diff = \"^1.0.0\""), "{docs}");
    sandbox.ok("ws", &["rm", "-p", "docs", "diff"]).unwrap();
    assert!(
        !sandbox
            .read("ws/packages/docs/lumen.toml")
            .unwrap()
            .contains("diff")
    );
    let refused = sandbox.run("ws", &["add", "diff"]).unwrap();
    fails(&refused, 1, &["`-p`"]);
    sandbox
        .ok("ws", &["pack", "-p", "core", "--dry-run"])
        .unwrap();

    publish(&sandbox, "csv", "1.1.0", "");
    publish(&sandbox, "diff", "1.1.0", "");
    let late = sandbox.ok("ws", &["outdated", "-p", "core"]).unwrap().out;
    assert!(late.contains("csv") && !late.contains("diff"), "{late}");
    sandbox.ok("ws", &["update", "-p", "core"]).unwrap();
    let late = sandbox.ok("ws", &["outdated"]).unwrap().out;
    assert!(!late.contains("csv") && late.contains("diff"), "{late}");

    sandbox
        .ok("ws", &["publish", "-p", "core", "--yes"])
        .unwrap();
    let ran = sandbox
        .ok("ws", &["publish", "-r", "--exclude", "docs", "--yes"])
        .unwrap();
    assert!(ran.err.contains("Published `cli`"), "{ran:#?}");
    assert!(
        ran.err.contains("Skipped `core`") && !ran.err.contains("docs"),
        "{ran:#?}"
    );
}

#[test]
fn commands_run_in_another_folder() {
    let sandbox = with_dev();
    sandbox.ok(".", &["-C", "app", "install"]).unwrap();
    sandbox.ok(".", &["pkg", "list", "-C", "app"]).unwrap();
    assert!(sandbox.path("app/lumen.lock").is_file());
    let ran = sandbox.run(".", &["-C", "nowhere", "install"]).unwrap();
    assert_ne!(ran.code, Some(0));
    assert!(ran.err.contains("cannot run in `nowhere`"), "{ran:#?}");
}

/// The locked version of a package.
fn locked(sandbox: &Sandbox, name: &str) -> String {
    let listed = sandbox.ok("app", &["ls", "--json"]).unwrap().out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let rows = listed["packages"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap();
    row["version"].as_str().unwrap().to_owned()
}

#[test]
fn updates_go_where_they_are_told() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0"] {
        publish(&sandbox, "csv", version, "");
    }
    publish(&sandbox, "http", "1.0.0", "[dependencies]\ncsv = \"^1\"\n");
    let needs = "[dependencies]\nhttp = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["install"]).unwrap();
    for (arguments, expected) in [
        (&["csv", "--precise", "1.0.0"][..], "1.0.0"),
        (&["csv"], "1.2.0"),
        (&["csv@1.1"], "1.2.0"),
        (&["csv@1.1.0"], "1.1.0"),
        (&["csv@~1.0"], "1.0.0"),
        (&["csv@latest"], "1.2.0"),
    ] {
        sandbox
            .ok("app", &[&["update"], arguments].concat())
            .unwrap();
        assert_eq!(locked(&sandbox, "csv"), expected, "{arguments:?}");
    }
    let ran = sandbox.run("app", &["update", "csv@2"]).unwrap();
    fails(&ran, 1, &["csv"]);
    assert_eq!(locked(&sandbox, "csv"), "1.2.0");
    let ran = sandbox
        .run("app", &["update", "--precise", "1.0.0"])
        .unwrap();
    fails(&ran, 1, &["`--precise` is the version of one package"]);

    // What only others need has a newest version, too: the one that they accept.
    sandbox.ok("app", &["update", "csv@1.0.0"]).unwrap();
    let ran = sandbox
        .run("app", &["outdated", "--exit-code", "--json"])
        .unwrap();
    assert_eq!(ran.code, Some(1));
    let rows: Value = serde_json::from_str(&ran.out).unwrap();
    let rows = &rows["packages"];
    assert_eq!(rows[0]["name"], "csv");
    assert_eq!(rows[0]["direct"], false);
    assert_eq!(rows[0]["wanted"], "1.2.0");
    assert_eq!(rows[0]["latest"], "2.0.0");
    assert_eq!(sandbox.run("app", &["outdated"]).unwrap().code, Some(0));
}

#[test]
fn the_store_is_filled_from_the_lock_alone() {
    let sandbox = with_dev();
    sandbox.ok("app", &["lock"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    sandbox.write("layer/lumen.lock", &lock).unwrap();
    let ran = sandbox.ok("layer", &["fetch"]).unwrap();
    assert!(ran.err.contains("Fetched 3 packages"), "{ran:#?}");
    assert_eq!(std::fs::read_dir(sandbox.path("layer")).unwrap().count(), 1);
    let ran = sandbox.ok("layer", &["fetch", "--json"]).unwrap();
    let filled: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&filled["packages"], &filled["downloaded"]),
        (&3.into(), &0.into())
    );
    // The registry is gone; what was fetched is proven, and is all that an install needs.
    std::fs::rename(sandbox.path("registry"), sandbox.path("gone")).unwrap();
    let ran = sandbox.ok("app", &["install", "--frozen"]).unwrap();
    assert!(!ran.err.contains("warning"), "{ran:#?}");
    assert_eq!(installed(&sandbox, "app"), ["check", "csv", "diff"]);
    let ran = bare().run(".", &["fetch"]).unwrap();
    fails(&ran, 1, &["there is no `lumen.lock`"]);
}
