//! What people type who know other package managers.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    terminal,
};

use crate::{fails, publish, sandbox};

/// Runs a command line that finds this folder first on the path.
fn run_with(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(".", arguments);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", sandbox.path(folder).display()));
    Ran::of(&command.output().unwrap())
}

#[test]
fn packages_are_added_installed_and_removed_at_top_level() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    sandbox.ok(".", &["new", "app"]).unwrap();
    sandbox.ok("app", &["add", "csv"]).unwrap();
    assert!(sandbox.ok("app", &["ls"]).unwrap().out.contains("csv"));
    sandbox.ok("app", &["i", "--locked"]).unwrap();
    sandbox.ok("app", &["un", "csv"]).unwrap();
    assert!(!sandbox.read("app/lumen.toml").unwrap().contains("csv ="));
    let ran = sandbox.run("app", &["i", "csv", "a b"]).unwrap();
    fails(&ran, 2, &["takes no names", "`lumen pkg add csv 'a b'`"]);
}

#[test]
fn the_client_of_the_compiler_is_the_same_program() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    sandbox.ok(".", &["new", "app"]).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lumen"), sandbox.path("wares")).unwrap();
    let mut command = sandbox.command("app", &[]);
    let mut wares = std::process::Command::new(sandbox.path("wares"));
    wares.args(["add", "csv"]).current_dir(sandbox.path("app"));
    for (name, value) in command.get_envs() {
        wares.env(name, value.unwrap_or_default());
    }
    let ran = Ran::of(&wares.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        sandbox
            .read("app/lumen.toml")
            .unwrap()
            .contains("csv = \"^1.0.0\"")
    );
    command.args(["pkg", "list"]);
    assert!(Ran::of(&command.output().unwrap()).out.contains("csv"));
}

#[test]
fn the_commands_of_the_compiler_reach_it() {
    let sandbox = sandbox();
    sandbox
        .write("bin/lumen", "#!/bin/sh\necho \"compiler: $*\"\nexit 7\n")
        .unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.path("bin/lumen"), mode).unwrap();
    for verb in [
        "check", "run", "emit", "trace", "cache", "repl", "fmt", "doc", "lang-ref", "lint", "test",
        "ci", "build", "watch", "migrate",
    ] {
        let ran = run_with(&sandbox, "bin", &[verb, "--flag", "x"]);
        assert_eq!(ran.code, Some(7), "{ran:#?}");
        assert_eq!(ran.out, format!("compiler: {verb} --flag x\n"));
        let ran = run_with(&sandbox, "bin", &["help", verb]);
        assert_eq!(ran.out, format!("compiler: {verb} --help\n"));
        let ran = sandbox.run(".", &[verb]).unwrap();
        fails(&ran, 2, &["not on the path"]);
    }
    // What both could have is Lumen's.
    let ran = run_with(&sandbox, "bin", &["help"]);
    assert!(ran.out.contains("lumen run --help"), "{ran:#?}");
    let ran = run_with(&sandbox, "bin", &["--version"]);
    assert!(ran.out.starts_with("lumen "), "{ran:#?}");
}

#[test]
fn unknown_commands_are_answered_by_meaning() {
    let sandbox = sandbox();
    for (arguments, said) in [
        (&["pkg", "audit"][..], "there are no advisories"),
        (&["audit"], "there are no advisories"),
        (&["pkg", "instal"], "did you mean `lumen pkg install`?"),
        (&["-q", "ad", "csv"], "did you mean `lumen add`?"),
        (
            &["registry", "chek"],
            "did you mean `lumen registry check`?",
        ),
    ] {
        let ran = sandbox.run(".", arguments).unwrap();
        fails(&ran, 2, &["error: there is no command `lumen ", said]);
    }
}

#[test]
fn dependencies_are_added_in_the_words_of_others() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    publish(&sandbox, "csv", "1.1.0", "");
    sandbox.package("lib", "my-lib", "0.2.0", "").unwrap();
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    let empty = sandbox.read("app/lumen.toml").unwrap();
    for (arguments, line) in [
        (&["csv@latest"][..], "csv = \"^1.1.0\""),
        (&["csv==1.0.0"], "csv = \"=1.0.0\""),
        (&["csv>=1"], "csv = \">=1\""),
        (&["csv 1.0.0"], "csv = \"1.0.0\""),
        (&["csv@^1"], "csv = \"^1\""),
        (&["-D", "csv"], "[dev-dependencies]\ncsv = \"^1.1.0\""),
        (
            &["--save-dev", "csv"],
            "[dev-dependencies]\ncsv = \"^1.1.0\"",
        ),
        (&["../lib"], "my-lib = { path = \"../lib\" }"),
        (
            &["my-lib", "--path", "../lib"],
            "my-lib = { path = \"../lib\" }",
        ),
    ] {
        sandbox.write("app/lumen.toml", &empty).unwrap();
        sandbox.ok("app", &[&["add"], arguments].concat()).unwrap();
        let text = sandbox.read("app/lumen.toml").unwrap();
        assert!(text.contains(line), "{arguments:?}: {text}");
    }
    sandbox.write("app/lumen.toml", &empty).unwrap();
    for (asked, said) in [
        ("csv@beta", "write `csv@latest`"),
        ("csv[fast]", "`lumen pkg add csv --features fast`"),
        (
            "https://example.org/csv",
            "`lumen pkg add NAME --git https://example.org/csv`",
        ),
        ("../nowhere", "it has no `lumen.toml`"),
        ("..", "it has no `lumen.toml`"),
        (".", "cannot depend on itself"),
    ] {
        fails(&sandbox.run("app", &["add", asked]).unwrap(), 1, &[said]);
        assert_eq!(sandbox.read("app/lumen.toml").unwrap(), empty);
    }
    // A folder is found from where the command runs, and written as the manifest needs it.
    sandbox.write("app/src/deep/x.lm.md", "x").unwrap();
    sandbox
        .ok("app/src/deep", &["add", "../../../lib"])
        .unwrap();
    let text = sandbox.read("app/lumen.toml").unwrap();
    assert!(text.contains("path = \"../lib\""), "{text}");
}

#[test]
fn options_are_added_to_a_dependency_that_comes_from_elsewhere() {
    let sandbox = sandbox();
    let features = "[features]\nfast = []\n";
    sandbox.package("side", "side", "1.0.0", features).unwrap();
    let needs = "[dependencies]\nside = { path = \"../side\" } # mine\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox
        .ok("app", &["add", "side", "--features", "fast"])
        .unwrap();
    let text = sandbox.read("app/lumen.toml").unwrap();
    assert!(
        text.contains("path = \"../side\"") && text.contains("\"fast\"") && text.contains("# mine"),
        "{text}"
    );
}

#[test]
fn a_dependency_is_added_in_the_newest_version_that_fits() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&sandbox, "base", version, "");
    }
    let needs = "[dependencies]\nbase = \"^1\"\n";
    publish(&sandbox, "lib", "1.0.0", needs);
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    let empty = sandbox.read("app/lumen.toml").unwrap();
    let both = "base = \"^1.1.0\"\nlib = \"^1.0.0\"";
    for commands in [
        &[&["add", "lib"][..], &["add", "base"]][..],
        &[&["add", "lib", "base"]],
    ] {
        sandbox.write("app/lumen.toml", &empty).unwrap();
        fs::remove_file(sandbox.path("app/lumen.lock")).ok();
        let mut last = None;
        for command in commands {
            last = Some(sandbox.ok("app", command).unwrap());
        }
        let last = last.unwrap();
        let said = "Added `base = \"^1.1.0\"` (the newest that fits; 2.0.0 does not)";
        assert!(last.err.contains(said), "{last:#?}");
        let text = sandbox.read("app/lumen.toml").unwrap();
        assert!(text.contains(both), "{text}");
        sandbox.ok("app", &["install", "--locked"]).unwrap();
    }
    // A version that the user asks for is not exchanged; the advice is a command.
    let before = sandbox.read("app/lumen.toml").unwrap();
    for asked in ["base@2", "base@9"] {
        let ran = sandbox.run("app", &["add", asked]).unwrap();
        fails(
            &ran,
            1,
            &["`lumen pkg add base@^1.1.0` fits", "nothing was written"],
        );
        assert_eq!(sandbox.read("app/lumen.toml").unwrap(), before);
    }
}

#[test]
fn the_command_line_is_called_so_in_a_conflict() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, "base", version, "");
    }
    let needs = "[dependencies]\nbase = \"^1.1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["install"]).unwrap();
    let ran = sandbox.run("app", &["update", "base@1.0.0"]).unwrap();
    fails(
        &ran,
        1,
        &[
            "your lumen.toml and the command line need different versions of `base`",
            "the command line asks for `base` 1.0.0",
            "in lumen.toml, change `base` from ^1.1 to ^1.0.0",
        ],
    );
}

#[test]
fn what_a_command_needs_is_said_where_something_else_is_given() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    for (arguments, said) in [
        (&["add", "csv==1.x.y"][..], "as in `^1.2`"),
        (
            &["deprecate", "csv@1.0.0", "--reason", "x"],
            "write its name without a version",
        ),
        (
            &["yank", "csv@1.0.0", "--reason", ""],
            "the reason is empty",
        ),
        (
            &["deprecate", "csv", "--reason", " "],
            "the reason is empty",
        ),
    ] {
        fails(&sandbox.run("app", arguments).unwrap(), 1, &[said]);
    }
    let registry = sandbox.path("registry").display().to_string();
    for (arguments, said) in [
        (&["registry", "bundle", &registry, "-"][..], "name a file"),
        (
            &["registry", "unbundle", &registry, "copy"],
            "`lumen registry mirror",
        ),
    ] {
        fails(&sandbox.run(".", arguments).unwrap(), 1, &[said]);
    }
    assert!(!sandbox.path("-").exists());
    // Where a registry is, as people write it who know others.
    let inside = format!("{registry}/index.json");
    for (place, code, said) in [
        ("sparse+https://localhost/x", 1, "write `https://…`"),
        ("~/registry", 4, "only a shell turns `~` into your folder"),
        (&inside, 4, "ends before its own files: try"),
    ] {
        let ran = sandbox.run("app", &["add", "csv", "--registry", place]);
        fails(&ran.unwrap(), code, &[said]);
    }
}

#[test]
fn members_and_shared_dependencies_are_added_as_such() {
    let sandbox = sandbox();
    publish(&sandbox, "csv", "1.0.0", "");
    let root =
        "[workspace]\nmembers = [\"core\", \"cli\"]\n\n[workspace.dependencies]\ncsv = \"^1\"\n";
    sandbox.write("ws/lumen.toml", root).unwrap();
    sandbox.package("ws/core", "core", "0.3.0", "").unwrap();
    sandbox.package("ws/cli", "cli", "0.1.0", "").unwrap();
    let empty = sandbox.read("ws/cli/lumen.toml").unwrap();
    for (arguments, line) in [
        (
            &["core"][..],
            "core = { path = \"../core\", version = \"^0.3.0\" }",
        ),
        (
            &["core@^0.3"],
            "core = { path = \"../core\", version = \"^0.3\" }",
        ),
        (
            &["../core"],
            "core = { path = \"../core\", version = \"^0.3.0\" }",
        ),
        (
            &["core", "--path", "../core"],
            "core = { path = \"../core\", version = \"^0.3.0\" }",
        ),
        (&["csv"], "csv = { workspace = true }"),
        (&["csv@^1.0"], "csv = \"^1.0\""),
    ] {
        sandbox.write("ws/cli/lumen.toml", &empty).unwrap();
        sandbox
            .ok("ws/cli", &[&["add"], arguments].concat())
            .unwrap();
        let text = sandbox.read("ws/cli/lumen.toml").unwrap();
        assert!(text.contains(line), "{arguments:?}: {text}");
    }
}

#[test]
fn new_packages_are_called_what_was_said() {
    let sandbox = sandbox();
    sandbox.ok(".", &["new", "@org/thing"]).unwrap();
    let text = sandbox.read("@org/thing/lumen.toml").unwrap();
    assert!(text.contains("name = \"@org/thing\""), "{text}");
    let ran = sandbox.run(".", &["new", "café"]).unwrap();
    fails(&ran, 1, &["`café` cannot be the name", "--name"]);
    assert!(!sandbox.path("café").exists());
    sandbox.ok(".", &["new", "café", "--name", "cafe"]).unwrap();
}

#[test]
fn what_changed_nothing_says_so() {
    let sandbox = sandbox();
    publish(&sandbox, "url", "1.0.0", "");
    publish(&sandbox, "csv", "1.0.0", "[dependencies]\nurl = \"^1\"\n");
    sandbox.package("app", "app", "0.1.0", "").unwrap();
    let ran = sandbox.ok("app", &["add", "csv"]).unwrap();
    assert!(ran.err.contains("Installed 2 packages"), "{ran:#?}");
    for arguments in [&["install"][..], &["update"], &["add", "csv@^1.0.0"]] {
        let ran = sandbox.ok("app", arguments).unwrap();
        assert!(ran.err.contains("Up to date 2 packages"), "{ran:#?}");
    }
    let ran = sandbox.ok("app", &["remove", "csv"]).unwrap();
    assert!(ran.err.contains("Removed 2 packages in"), "{ran:#?}");
    assert!(!ran.err.contains("Installed"), "{ran:#?}");
    sandbox.ok("app", &["add", "csv"]).unwrap();
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    let ran = sandbox.ok("app", &["install"]).unwrap();
    assert!(
        ran.err.contains("Installed 2 packages") && ran.err.contains("(2 cached)"),
        "{ran:#?}"
    );
}

#[test]
fn publish_lists_the_files_before_it_asks() {
    let sandbox = sandbox();
    sandbox.package("csv", "csv", "1.0.0", "").unwrap();
    if !terminal::is_available() {
        lumen_testkit::skip::missing("python3");
        return;
    }
    let command = sandbox.command("csv", &["publish"]);
    let no = terminal::Reply {
        to: "[y/N]",
        typed: "n",
        hidden: false,
    };
    let shown = terminal::converse(&command, &[no]).unwrap().out;
    let at = |text: &str| {
        shown
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {shown}"))
    };
    assert!(at("src/main.lm.md") < at("Publish `csv` 1.0.0"), "{shown}");
    assert!(at("lumen.toml") < at("can never be changed"), "{shown}");
}

#[test]
fn errors_name_what_helps() {
    let sandbox = sandbox();
    publish(&sandbox, "foo", "1.0.0", "");
    publish(&sandbox, "foo", "2.0.0", "");
    publish(&sandbox, "bar", "1.0.0", "[dependencies]\nfoo = \"^1\"\n");
    let needs = "[dependencies]\nfoo = \"1\"\nbar = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["lock"]).unwrap();
    let run = |arguments: &[&str]| sandbox.run("app", arguments).unwrap();
    fails(
        &run(&["verify"]),
        1,
        &["nothing is installed", "lumen pkg install"],
    );

    let ran = run(&["update", "--breaking"]);
    fails(
        &ran,
        1,
        &[
            "it would have raised foo",
            "lumen pkg update foo --breaking",
        ],
    );
    assert!(!ran.err.contains("change `foo` from"), "{ran:#?}");
    let ran = run(&["add", "foo@^2", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let error = &error["error"];
    assert!(!error["hints"].as_array().unwrap().is_empty(), "{error}");
    assert!(!error["causes"].as_array().unwrap().is_empty(), "{error}");
    assert_eq!(error["code"], 1);

    fails(
        &run(&["registry", "ingest", "./nope"]),
        3,
        &["there is no such folder"],
    );
    let key = sandbox.ok(".", &["key", "export"]).unwrap().out;
    sandbox.write("app/x.pub", &key).unwrap();
    fails(
        &run(&["key", "import", "x.pub"]),
        1,
        &["is a public key", "--secret"],
    );

    let needs = "[dependencies]\nfoo.workspace = true\n";
    sandbox.package("alone", "alone", "0.1.0", needs).unwrap();
    let ran = sandbox.run("alone", &["install", "--json"]).unwrap();
    fails(&ran, 1, &["no folder above has a workspace"]);
    let error: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(error["error"]["problems"][0]["file"], "lumen.toml");
    assert!(error["error"]["problems"][0]["line"].as_u64().unwrap() > 3);

    let far = ["--registry", "http://127.0.0.1:9"];
    let ran = run(&[&["publish", "--yes", "--offline"], &far[..]].concat());
    fails(
        &ran,
        1,
        &[
            "cannot be written to: the network is off",
            "without --offline",
        ],
    );
    let ran = run(&[
        &["yank", "foo@1.0.0", "--reason", "x", "--offline"],
        &far[..],
    ]
    .concat());
    fails(&ran, 1, &["the network is off"]);
}
