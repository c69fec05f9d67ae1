//! What people stumble over in a project: files of usual shapes that are understood, and
//! warnings about what has no effect.

use lumen_testkit::{
    git::git,
    sandbox::{Ran, Sandbox},
};

use crate::{fails, publish, sandbox};

/// A manifest of dependencies alone is a project.
#[test]
fn a_project_need_not_be_a_package() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    publish(&sandbox, "text", "1.0.0", "[dependencies]\nbase = \"^1\"\n");
    publish(&sandbox, "text", "1.1.0", "[dependencies]\nbase = \"^1\"\n");
    let manifest = "[dependencies]\ntext = \"=1.0.0\"\n";
    sandbox.write("app/lumen.toml", manifest).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    let again = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(again.err.contains("Up to date"), "{}", again.err);
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
    let tree = sandbox.ok("app", &["pkg", "tree"]).unwrap();
    assert_eq!(tree.out, "text 1.0.0\n└── base 1.0.0\n");
    let why = sandbox.ok("app", &["pkg", "why", "base"]).unwrap();
    assert_eq!(why.out, "text 1.0.0 -> base 1.0.0\n");
    let why = sandbox.ok("app", &["pkg", "why", "text"]).unwrap();
    assert_eq!(why.out, "this project asks for text itself\n");
    let outdated = sandbox.ok("app", &["pkg", "outdated"]).unwrap();
    assert!(outdated.out.contains("1.1.0"), "{}", outdated.out);

    // Every edit makes the lock stale, whatever it is.
    for edited in [
        "[dependencies]\ntext = \"=1.1.0\"\n",
        "[dependencies]\ntext = { version = \"=1.0.0\", default-features = false }\n",
        "[dependencies]\n",
        "[dev-dependencies]\nbase = \"^1\"\n",
    ] {
        sandbox.write("app/lumen.toml", edited).unwrap();
        let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
        fails(&ran, 1, &["the dependencies of this project have changed"]);
    }
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let list = sandbox.ok("app", &["pkg", "list"]).unwrap();
    assert_eq!(list.out, "base  1.0.0\n");
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    sandbox.ok("app", &["pkg", "remove", "base"]).unwrap();
    assert!(
        sandbox
            .read("app/lumen.toml")
            .unwrap()
            .contains("text = \"^1.1.0\"")
    );

    // A package it is not.
    for verb in ["pack", "publish"] {
        let ran = sandbox.run("app", &["pkg", verb]).unwrap();
        fails(&ran, 1, &["no [package] table"]);
    }
}

#[test]
fn a_lock_of_a_project_without_a_package_decides_nothing_else() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "other", "1.0.0", "");
    let both = "[dependencies]\ntext = \"^1\"\nother = \"^1\"\n";
    sandbox.write("app/lumen.toml", both).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    // Somebody hides that only one of them is needed.
    let one = "[dependencies]\ntext = \"^1\"\n";
    sandbox.write("app/lumen.toml", one).unwrap();
    let forged = lock.replace("    \"other ^1\",\n", "");
    assert_ne!(forged, lock);
    sandbox.write("app/lumen.lock", &forged).unwrap();
    let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    fails(&ran, 1, &["nothing needs `other`"]);
}

/// The root of a workspace may have dependencies, packages or not.
#[test]
fn the_root_of_a_workspace_may_ask_for_packages() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "base", "1.0.0", "");
    let manifest = "[workspace]\nmembers = [\"packages/*\"]\n[dependencies]\ntext = \"^1\"\n";
    sandbox.write("shop/lumen.toml", manifest).unwrap();
    sandbox
        .package(
            "shop/packages/a",
            "a",
            "0.1.0",
            "[dependencies]\nbase = \"^1\"\n",
        )
        .unwrap();
    sandbox.ok("shop", &["pkg", "install"]).unwrap();
    assert!(sandbox.path("shop/text/main.lm.md").is_file());
    let tree = sandbox.ok("shop", &["pkg", "tree"]).unwrap();
    assert!(tree.out.contains("└── base 1.0.0") && tree.out.contains("text 1.0.0"));
    sandbox.ok("shop", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("shop", &["pkg", "remove", "text"]).unwrap();
    assert!(!sandbox.path("shop/text").exists());
}

/// A member whose folder is its import path is the thing itself.
#[test]
fn a_member_at_its_import_path_needs_no_link() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let members = "[workspace]\nmembers = [\"core\", \"cli\"]\n";
    sandbox.write("shop/lumen.toml", members).unwrap();
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox
        .package("shop/core", "core", "0.1.0", needs)
        .unwrap();
    let needs = "[dependencies]\ncore = { path = \"../core\" }\n";
    sandbox.package("shop/cli", "cli", "0.1.0", needs).unwrap();
    let before = sandbox.read("shop/core/src/main.lm.md").unwrap();
    sandbox.ok("shop", &["pkg", "install"]).unwrap();
    sandbox.ok("shop", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("shop", &["pkg", "verify"]).unwrap();
    let linked = sandbox.read("shop/.lumen/packages/core/src/main.lm.md");
    assert_eq!(linked.unwrap(), before);
    assert!(sandbox.path("shop/text/main.lm.md").is_file());
    sandbox.ok("shop", &["pkg", "clean"]).unwrap();
    assert_eq!(sandbox.read("shop/core/src/main.lm.md").unwrap(), before);

    // A folder of the user that is no member is in the way, as ever.
    sandbox.write("app/text/mine", "mine").unwrap();
    let manifest = "[dependencies]\ntext = \"^1\"\n";
    sandbox.write("app/lumen.toml", manifest).unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(&ran, 1, &["`text` is in the way"]);
    assert_eq!(sandbox.read("app/text/mine").unwrap(), "mine");
}

/// Git ignores what an install makes, also in a project that `init` did not make.
#[test]
fn git_sees_nothing_of_what_an_install_makes() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let manifest = "[dependencies]\ntext = \"^1\"\n";
    let workspace = "[workspace]\nmembers = [\"m\"]\n[dependencies]\ntext = \"^1\"\n";
    for (folder, manifest) in [("app", manifest), ("shop", workspace)] {
        let file = format!("{folder}/lumen.toml");
        sandbox.write(&file, manifest).unwrap();
        let root = sandbox.path(folder);
        git(&root, &["init", "-q"]).unwrap();
        if folder == "shop" {
            sandbox.package("shop/m", "m", "0.1.0", "").unwrap();
        }
        sandbox.ok(folder, &["pkg", "install"]).unwrap();
        let seen = git(&root, &["status", "--short", "-uall"]).unwrap();
        assert!(
            !seen.contains(".lumen/") && !seen.contains("text"),
            "{seen}"
        );
        // A user who takes the block out meant that.
        sandbox
            .write(&format!("{folder}/.gitignore"), "mine\n")
            .unwrap();
        sandbox.ok(folder, &["pkg", "update"]).unwrap();
        let ignored = sandbox.read(&format!("{folder}/.gitignore")).unwrap();
        assert_eq!(ignored, "mine\n");
        let seen = git(&root, &["status", "--short", "-uall"]).unwrap();
        assert!(!seen.contains(".lumen/"), "{seen}");
    }
    // Without git, no file of the user's changes.
    sandbox.write("plain/lumen.toml", manifest).unwrap();
    sandbox.ok("plain", &["pkg", "install"]).unwrap();
    assert!(!sandbox.path("plain/.gitignore").exists());
}

/// A publish that is refused leaves the version as it was, whatever refuses it.
#[test]
fn a_refused_publish_raises_no_version() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let folder = "sources/text-1.0.0";
    let file = format!("{folder}/lumen.toml");
    let before = sandbox.read(&file).unwrap();
    sandbox.ok(".", &["key", "new", "other"]).unwrap();
    let bump = ["pkg", "publish", "--yes", "--bump", "patch"];
    let mut command = sandbox.command(folder, &bump);
    let ran = Ran::of(&command.env("LUMEN_KEY", "other").output().unwrap());
    fails(&ran, 1, &["is not a log key of the registry"]);
    assert_eq!(sandbox.read(&file).unwrap(), before);
    let mut again = bump.to_vec();
    again.extend(["--registry", "nowhere/registry"]);
    let ran = sandbox.run(folder, &again).unwrap();
    fails(&ran, 4, &["there is no registry at"]);
    assert_eq!(sandbox.read(&file).unwrap(), before);
    sandbox.ok(folder, &bump).unwrap();
    assert!(sandbox.read(&file).unwrap().contains("version = \"1.0.1\""));
}

/// What has no effect is said, with its line.
#[test]
fn patterns_and_patches_without_effect_are_told() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox.package("own", "text", "1.0.1", "").unwrap();
    let manifest =
        "[workspace]\nmembers = [\"m\", \"pakages/*\"]\n[patch]\nother = { path = \"other\" }\n";
    sandbox.write("shop/lumen.toml", manifest).unwrap();
    sandbox.package("shop/other", "other", "1.0.0", "").unwrap();
    let member = "[dependencies]\ntext = \"^1\"\n[patch]\ntext = { path = \"../../own\" }\n";
    sandbox.package("shop/m", "m", "0.1.0", member).unwrap();
    for arguments in [&["pkg", "install"][..], &["pkg", "lock", "--locked"]] {
        let ran = sandbox.ok("shop", arguments).unwrap();
        for text in [
            "`members` has `pakages/*`, but no member is there",
            "lumen.toml:2:17",
            "nothing needs `other`, so its patch has no effect",
            "lumen.toml:4:1",
            "[patch] in `m/lumen.toml` has no effect",
        ] {
            assert!(ran.err.contains(text), "`{text}` is not in {}", ran.err);
        }
    }
    assert_eq!(
        sandbox.read("shop/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
    // Moved to the root, it has one.
    let manifest = "[workspace]\nmembers = [\"m\"]\n[patch]\ntext = { path = \"../own\" }\n";
    sandbox.write("shop/lumen.toml", manifest).unwrap();
    let member = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("shop/m", "m", "0.1.0", member).unwrap();
    let ran = sandbox.ok("shop", &["pkg", "install"]).unwrap();
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    assert_eq!(
        sandbox.read("shop/text/main.lm.md").unwrap(),
        "# text 1.0.1\n"
    );
}

/// A repository with some packages, each in a folder of its name.
fn repository(sandbox: &Sandbox, folder: &str, packages: &[(&str, &str)]) -> String {
    for (name, more) in packages {
        let folder = format!("{folder}/{name}");
        sandbox.package(&folder, name, "1.5.0", more).unwrap();
    }
    let path = sandbox.path(folder);
    git(&path, &["init", "-q", "-b", "main"]).unwrap();
    git(&path, &["add", "-A"]).unwrap();
    git(&path, &["commit", "-qm", "one"]).unwrap();
    format!("file://{}", path.display())
}

/// A package has one source: a repository does not overrule what other manifests ask for.
#[test]
fn a_name_from_two_places_is_an_error() {
    let sandbox = sandbox();
    publish(&sandbox, "two", "1.0.0", "");
    publish(&sandbox, "lib", "1.0.0", "[dependencies]\ntwo = \"^1\"\n");
    let beside = "[dependencies]\ntwo = { path = \"../two\" }\n";
    let mono = repository(&sandbox, "mono", &[("one", beside), ("two", "")]);
    let other = repository(&sandbox, "other", &[("three", beside), ("two", "")]);
    sandbox.package("two", "two", "3.0.0", "").unwrap();
    let one = format!("one = {{ git = \"{mono}\" }}\n");
    let conflicts = [
        format!("two = {{ git = \"{other}\" }}\n"),
        format!("three = {{ git = \"{other}\" }}\n"),
        "two = \"^1\"\n".to_owned(),
        "lib = \"^1\"\n".to_owned(),
        "two = { path = \"../two\" }\n".to_owned(),
    ];
    for conflict in &conflicts {
        for manifest in [format!("{one}{conflict}"), format!("{conflict}{one}")] {
            let manifest = format!("[dependencies]\n{manifest}");
            sandbox.write("app/lumen.toml", &manifest).unwrap();
            let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
            fails(&ran, 1, &["`two` is used from two places", "[patch]"]);
            assert!(!sandbox.path("app/lumen.lock").exists());
        }
        // A patch is about what comes from elsewhere.
        if conflict.contains("path") {
            continue;
        }
        let patched =
            format!("[dependencies]\n{one}{conflict}[patch]\ntwo = {{ git = \"{mono}\" }}\n");
        sandbox.write("patched/lumen.toml", &patched).unwrap();
        sandbox.ok("patched", &["pkg", "install"]).unwrap();
        sandbox
            .ok("patched", &["pkg", "install", "--locked"])
            .unwrap();
        let two = sandbox.read("patched/.lumen/packages/two/lumen.toml");
        assert!(two.unwrap().contains("1.5.0"));
    }
    // The same place twice is one place.
    let both = format!("[dependencies]\n{one}two = {{ git = \"{mono}\" }}\n");
    sandbox.write("app/lumen.toml", &both).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    // A lock that was made before is not believed.
    let manifest = format!("[dependencies]\n{one}");
    sandbox.write("app/lumen.toml", &manifest).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    sandbox
        .write("app/lumen.toml", &format!("{manifest}two = \"^1\"\n"))
        .unwrap();
    let forged = lock.replace("requires = [\n", "requires = [\n    \"two ^1\",\n");
    sandbox.write("app/lumen.lock", &forged).unwrap();
    let ran = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    fails(&ran, 1, &["out of date"]);
}

/// An update of a branch says which commit it leaves for which.
#[test]
fn an_update_shows_commits_that_move() {
    let sandbox = sandbox();
    let url = repository(&sandbox, "repo", &[("gd", "")]);
    let manifest = format!("[dependencies]\ngd = {{ git = \"{url}\", branch = \"main\" }}\n");
    sandbox.write("app/lumen.toml", &manifest).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let path = sandbox.path("repo");
    let head = || {
        git(&path, &["rev-parse", "HEAD"])
            .unwrap()
            .trim()
            .to_owned()
    };
    let old = head();
    sandbox.write("repo/gd/src/main.lm.md", "two\n").unwrap();
    git(&path, &["commit", "-qam", "two"]).unwrap();
    let new = head();
    let line = format!("gd 1.5.0: commit {} -> {}", &old[..10], &new[..10]);
    let json = ["--json", "pkg", "update", "--dry-run"];
    let ran = sandbox.ok("app", &json).unwrap();
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let moved = &value["changes"]["moved"][0];
    assert_eq!(
        (&moved["from"], &moved["to"]),
        (&old.as_str().into(), &new.as_str().into())
    );
    for arguments in [&["pkg", "update", "--dry-run"][..], &["pkg", "update"]] {
        let ran = sandbox.ok("app", arguments).unwrap();
        assert!(ran.err.contains(&line), "{}", ran.err);
    }
    let again = sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert!(!again.err.contains("commit"), "{}", again.err);
}

/// A registry that is named for one command is judged by itself; the lock binds where its
/// packages come from.
#[test]
fn another_registry_is_not_that_of_the_lock() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let other = format!("file://{}", sandbox.path("other").display());
    sandbox.ok(".", &["registry", "init", &other]).unwrap();
    sandbox
        .package("sources/tool", "tool", "1.0.0", "")
        .unwrap();
    let publish = ["pkg", "publish", "--yes", "--registry", &other];
    sandbox.ok("sources/tool", &publish).unwrap();
    let manifest = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", manifest).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    for arguments in [
        &["pkg", "info", "tool"][..],
        &["pkg", "owner", "list", "tool"],
        &["pkg", "publish", "--yes"],
        &["pkg", "yank", "tool@1.0.0", "--reason", "bad"],
        &["pkg", "unyank", "tool@1.0.0"],
    ] {
        let with = [arguments, &["--registry", &other]].concat();
        sandbox.ok("app", &with).unwrap();
    }
    // Packages of the lock do not come from there.
    let install = ["pkg", "update", "--registry", &other];
    let ran = sandbox.run("app", &install).unwrap();
    fails(&ran, 3, &["the lock says"]);

    // A dependency from a named registry leaves the others where they are.
    let table = format!("[registry.registries]\nother = \"{other}\"\n");
    let manifest = format!("{manifest}{table}");
    sandbox.package("app", "app", "0.1.0", &manifest).unwrap();
    let add = ["pkg", "add", "tool", "--registry", "other"];
    sandbox.ok("app", &add).unwrap();
    let text = sandbox.read("app/lumen.toml").unwrap();
    let line = "tool = { version = \"^1.0.0\", registry = \"other\" }";
    assert!(text.contains(line), "{text}");
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    assert_eq!(
        sandbox.read("app/tool/main.lm.md").unwrap(),
        "# tool 1.0.0\n"
    );
}
