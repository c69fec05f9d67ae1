//! A project from its first dependency on.

use std::fs;

use crate::{fails, publish, sandbox};

#[test]
fn add_install_update_remove() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(
        &sandbox,
        "@org/http",
        "0.2.0",
        "[dependencies]\ntext = \"^1.0\"\n",
    );
    sandbox.ok(".", &["pkg", "new", "app"]).unwrap();
    sandbox.ok("app", &["pkg", "add", "@org/http"]).unwrap();
    assert!(
        sandbox
            .read("app/lumen.toml")
            .unwrap()
            .contains("\"@org/http\" = \"^0.2.0\"")
    );
    assert_eq!(
        sandbox
            .read("app/.lumen/packages/@org/http/src/main.lm.md")
            .unwrap(),
        "# @org/http 0.2.0\n"
    );
    assert_eq!(
        sandbox.read("app/org/http/main.lm.md").unwrap(),
        "# @org/http 0.2.0\n"
    );
    assert!(
        sandbox
            .read("app/.gitignore")
            .unwrap()
            .contains("\n/org/http\n")
    );

    publish(&sandbox, "text", "1.1.0", "");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let again = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(again.err.contains("Up to date"), "{}", again.err);
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    let outdated = sandbox.ok("app", &["pkg", "outdated"]).unwrap();
    assert!(outdated.out.contains("text"), "{}", outdated.out);

    sandbox.ok("app", &["pkg", "update", "--dry-run"]).unwrap();
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.1.0\n"
    );
    let tree = sandbox.ok("app", &["pkg", "tree"]).unwrap();
    assert_eq!(
        tree.out,
        "app 0.1.0 (this project)\n└── @org/http 0.2.0\n    └── text 1.1.0\n"
    );
    let why = sandbox.ok("app", &["pkg", "why", "text"]).unwrap();
    assert_eq!(why.out, "app 0.1.0 -> @org/http 0.2.0 -> text 1.1.0\n");

    sandbox.ok("app", &["pkg", "remove", "@org/http"]).unwrap();
    assert!(!sandbox.path("app/org").exists());
    assert!(!sandbox.path("app/.lumen/packages/text").exists());
    assert!(!sandbox.read("app/lumen.lock").unwrap().contains("text"));
}

#[test]
fn a_project_below_another_is_its_own() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let dependency = "[dependencies]\ntext = \"1\"\n";
    for project in ["outer", "outer/inner"] {
        sandbox
            .package(project, "app", "1.0.0", dependency)
            .unwrap();
        sandbox.ok(project, &["pkg", "install"]).unwrap();
        let linked = format!("{project}/text/main.lm.md");
        assert_eq!(sandbox.read(&linked).unwrap(), "# text 1.0.0\n");
    }
}

#[test]
fn a_failed_add_changes_nothing() {
    let sandbox = sandbox();
    publish(&sandbox, "text-utils", "1.0.0", "");
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    let before = sandbox.read("app/lumen.toml").unwrap();
    let ran = sandbox.run("app", &["pkg", "add", "text-utls"]).unwrap();
    fails(
        &ran,
        1,
        &[
            "the registry has no `text-utls`",
            "did you mean `text-utils`?",
        ],
    );
    let ran = sandbox
        .run("app", &["pkg", "add", "text-utils@^2"])
        .unwrap();
    fails(&ran, 1, &["text-utils", "hint:", "nothing was written"]);
    assert_eq!(sandbox.read("app/lumen.toml").unwrap(), before);
    assert!(!sandbox.path("app/lumen.lock").exists());
}

#[test]
fn locked_frozen_and_offline() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    fails(
        &sandbox.run("app", &["pkg", "install", "--locked"]).unwrap(),
        1,
        &["does not exist", "lumen pkg lock"],
    );
    for verb in ["install", "lock"] {
        let ran = sandbox.run("app", &["pkg", verb, "--frozen"]).unwrap();
        fails(
            &ran,
            1,
            &["does not exist, and --frozen forbids", "without --frozen"],
        );
    }
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    assert!(!sandbox.path("app/.lumen/packages").exists());
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok("app", &["pkg", "install", "--frozen"]).unwrap();
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"^1.0\"\n")
        .unwrap();
    fails(
        &sandbox.run("app", &["pkg", "install", "--locked"]).unwrap(),
        1,
        &["the dependencies of `app` have changed"],
    );
}

#[test]
fn path_dependencies_workspaces_and_patches() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    publish(&sandbox, "lib", "1.0.0", "[dependencies]\nbase = \"^1\"\n");
    sandbox
        .write(
            "ws/lumen.toml",
            "[workspace]\nmembers = [\"packages/*\"]\n\n[workspace.package]\nversion = \"0.3.0\"\n\n\
             [workspace.dependencies]\nlib = \"^1.0\"\n\n[patch]\nbase = { path = \"patched-base\" }\n",
        )
        .unwrap();
    sandbox
        .package("ws/patched-base", "base", "1.5.0", "")
        .unwrap();
    sandbox.write("ws/packages/one/lumen.toml", "[package]\nname = \"one\"\nversion.workspace = true\n[dependencies]\nlib.workspace = true\n").unwrap();
    sandbox.write("ws/packages/one/src/x.lm", "").unwrap();
    sandbox.write("ws/packages/two/lumen.toml", "[package]\nname = \"two\"\nversion.workspace = true\n[dependencies]\none = { path = \"../one\" }\n").unwrap();
    sandbox.ok("ws/packages/two", &["pkg", "install"]).unwrap();
    let tree = sandbox.ok("ws", &["pkg", "tree"]).unwrap().out;
    assert!(tree.contains("base 1.5.0 (path patched-base)"), "{tree}");
    assert!(
        tree.contains("two 0.3.0 (path packages/two)\n└── one 0.3.0"),
        "{tree}"
    );
    assert_eq!(
        sandbox
            .read("ws/.lumen/packages/base/src/main.lm.md")
            .unwrap(),
        "# base 1.5.0\n"
    );
    assert!(
        sandbox.path("ws/lumen.lock").exists()
            && !sandbox.path("ws/packages/two/lumen.lock").exists()
    );

    // A member added by its folder alone is noticed.
    sandbox
        .package(
            "ws/packages/three",
            "three",
            "0.1.0",
            "[dependencies]\nlib = \"=1.0.0\"\n",
        )
        .unwrap();
    sandbox.ok("ws", &["pkg", "install"]).unwrap();
    assert!(
        sandbox
            .read("ws/lumen.lock")
            .unwrap()
            .contains("name = \"three\"")
    );
}

#[test]
fn breaking_updates_raise_constraints_where_they_are_written() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    publish(&sandbox, "base", "1.0.0", "");
    let root =
        "[workspace]\nmembers = [\"one\"]\n\n[workspace.dependencies]\nlib = \"^1.0\" # shared\n";
    sandbox.write("ws/lumen.toml", root).unwrap();
    let member = "[dependencies]\nlib.workspace = true\nbase = \"~1.0\"\n";
    sandbox.package("ws/one", "one", "1.0.0", member).unwrap();
    sandbox.ok("ws", &["pkg", "install"]).unwrap();
    publish(&sandbox, "lib", "2.0.0", "");
    publish(&sandbox, "base", "1.1.0", "");
    sandbox.ok("ws", &["pkg", "update"]).unwrap();
    assert_eq!(sandbox.read("ws/lumen.toml").unwrap(), root);
    sandbox.ok("ws", &["pkg", "update", "--breaking"]).unwrap();
    let raised = root.replace("^1.0", "^2.0.0");
    assert_eq!(sandbox.read("ws/lumen.toml").unwrap(), raised);
    let manifest = sandbox.read("ws/one/lumen.toml").unwrap();
    assert!(
        manifest.ends_with("lib.workspace = true\nbase = \"^1.1.0\"\n"),
        "{manifest}"
    );
    let list = sandbox.ok("ws", &["pkg", "list"]).unwrap().out;
    assert_eq!(list, "base  1.1.0\nlib   2.0.0\n");
}

#[test]
fn git_dependencies() {
    let sandbox = sandbox();
    sandbox
        .package("repo/nested/tool", "tool", "2.0.0", "")
        .unwrap();
    let git = |arguments: &[&str]| {
        let identity = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
        ];
        let mut command = std::process::Command::new("git");
        assert!(
            command
                .args(identity)
                .args(arguments)
                .current_dir(sandbox.path("repo"))
                .status()
                .unwrap()
                .success()
        );
    };
    git(&["init", "--quiet", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "v2"]);
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    let url = format!("file://{}", sandbox.path("repo").display());
    sandbox
        .ok("app", &["pkg", "add", "tool", "--git", &url, "--tag", "v2"])
        .unwrap();
    assert_eq!(
        sandbox.read("app/tool/main.lm.md").unwrap(),
        "# tool 2.0.0\n"
    );
    assert!(sandbox.read("app/lumen.lock").unwrap().contains("checksum"));

    // The lock pins the commit, and a new machine checks it out again.
    sandbox
        .package("repo/nested/tool", "tool", "2.1.0", "")
        .unwrap();
    git(&["commit", "--quiet", "-am", "two"]);
    git(&["tag", "--force", "v2"]);
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
    assert_eq!(
        sandbox.read("app/tool/main.lm.md").unwrap(),
        "# tool 2.0.0\n"
    );
    sandbox.ok("app", &["pkg", "update", "tool"]).unwrap();
    assert_eq!(
        sandbox.read("app/tool/main.lm.md").unwrap(),
        "# tool 2.1.0\n"
    );
}

#[test]
fn features_turn_optional_dependencies_on() {
    let sandbox = sandbox();
    publish(&sandbox, "extra", "1.0.0", "");
    publish(
        &sandbox,
        "lib",
        "1.0.0",
        "[dependencies]\nextra = { version = \"^1\", optional = true }\n[features]\nmore = [\"dep:extra\"]\n",
    );
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.ok("app", &["pkg", "add", "lib"]).unwrap();
    assert!(!sandbox.path("app/extra").exists());
    sandbox
        .ok("app", &["pkg", "add", "lib", "--features", "more"])
        .unwrap();
    assert!(sandbox.path("app/extra/main.lm.md").exists());
    let ran = sandbox
        .run("app", &["pkg", "add", "lib", "--features", "mroe"])
        .unwrap();
    fails(&ran, 1, &["mroe"]);
}

#[test]
fn import_links_never_cover_what_is_the_users() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.write("app/text/mine.lm", "mine").unwrap();
    let ran = sandbox.run("app", &["pkg", "add", "text"]).unwrap();
    fails(&ran, 1, &["`text` is in the way", "import-root"]);
    assert_eq!(sandbox.read("app/text/mine.lm").unwrap(), "mine");
    sandbox
        .package("app", "app", "1.0.0", "[install]\nimport-root = \"deps\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    assert!(sandbox.path("app/deps/text/main.lm.md").exists());
    sandbox.ok("app", &["pkg", "clean"]).unwrap();
    assert!(!sandbox.path("app/deps/text").exists() && sandbox.path("app/text/mine.lm").exists());
}

#[test]
fn vendor_makes_real_copies() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"1\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "vendor"]).unwrap();
    let vendored = sandbox.path("app/vendor/text/lumen.toml");
    assert!(!vendored.symlink_metadata().unwrap().is_symlink());
    fs::write(vendored, "changed").unwrap();
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
}

#[test]
fn minimal_versions_and_exclude_newer() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, "text", version, "");
    }
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\ntext = \"^1\"\n")
        .unwrap();
    sandbox
        .ok("app", &["pkg", "lock", "--minimal-versions"])
        .unwrap();
    assert!(
        sandbox
            .ok("app", &["pkg", "list"])
            .unwrap()
            .out
            .contains("1.0.0")
    );
    fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let ran = sandbox
        .run("app", &["pkg", "lock", "--exclude-newer", "1d"])
        .unwrap();
    fails(&ran, 1, &["text"]);
    fails(
        &sandbox
            .run("app", &["pkg", "lock", "--exclude-newer", "soon"])
            .unwrap(),
        1,
        &["neither a date"],
    );
}

#[test]
fn a_project_becomes_a_member_of_a_workspace_and_leaves_it() {
    let sandbox = sandbox();
    publish(&sandbox, "base", "1.0.0", "");
    publish(&sandbox, "@org/tool", "1.0.0", "");
    let needs = "[dependencies]\nbase = \"^1\"\n\"@org/tool\" = \"^1\"\n";
    sandbox
        .package("ws/member", "member", "1.0.0", needs)
        .unwrap();
    sandbox.ok("ws/member", &["install"]).unwrap();
    let target = |link: &str| fs::read_link(sandbox.path(link)).unwrap();
    let links = ["ws/member/base", "ws/member/org/tool"];
    let alone = links.map(target);
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"member\"]\n")
        .unwrap();
    sandbox.ok("ws", &["install"]).unwrap();
    let shared = links.map(target);
    assert_eq!(
        shared[0],
        std::path::Path::new("../.lumen/packages/base/src")
    );
    assert_ne!(shared, alone);
    sandbox.ok("ws", &["verify"]).unwrap();
    // Back again; what the user put in the place of a link stays the user's.
    fs::remove_file(sandbox.path("ws/lumen.toml")).unwrap();
    sandbox.ok("ws/member", &["install"]).unwrap();
    assert_eq!(links.map(target), alone);
    let own = sandbox.path("ws/member/base");
    fs::remove_file(&own).unwrap();
    std::os::unix::fs::symlink("../elsewhere", &own).unwrap();
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"member\"]\n")
        .unwrap();
    let ran = sandbox.run("ws", &["install"]).unwrap();
    fails(&ran, 1, &["`member/base` is in the way"]);
    assert_eq!(
        target("ws/member/base"),
        std::path::Path::new("../elsewhere")
    );
}
