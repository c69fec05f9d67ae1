//! Which files git and `include` choose, and what the author is told of the others.

use std::process::Command;

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{bare, sandbox};

/// Runs git in a folder of the sandbox, with its own configuration.
fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(sandbox.path(folder))
        .env("GIT_CONFIG_GLOBAL", sandbox.path("none"))
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "t");
        command.env(format!("GIT_{who}_EMAIL"), "t@example.org");
    }
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
}

/// The files that would be packed, and what is said of them.
fn pack(sandbox: &Sandbox, folder: &str, variables: &[(&str, &str)]) -> (Vec<String>, String) {
    let mut command = sandbox.command(folder, &["pkg", "pack", "--dry-run", "--json"]);
    command.env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, value) in variables {
        command.env(name, value);
    }
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let files = value["files"].as_array().unwrap();
    let path = |file: &serde_json::Value| file["path"].as_str().unwrap().to_owned();
    (files.iter().map(path).collect(), ran.err)
}

#[test]
fn what_git_is_told_outside_of_the_work_tree_counts() {
    let sandbox = bare();
    sandbox.package("repo/lib", "lib", "1.0.0", "").unwrap();
    git(&sandbox, "repo", &["init", "--quiet"]);
    for file in [
        "a.own",
        "b.user",
        "c.more",
        "d.local",
        "keep.user",
        "notes/x",
    ] {
        sandbox.write(&format!("repo/lib/{file}"), "x").unwrap();
    }
    sandbox
        .write("repo/lib/.gitignore", "!keep.user\n")
        .unwrap();
    sandbox
        .write("repo/.git/info/exclude", "*.own\n/lib/notes/\n")
        .unwrap();
    // The user's file, which another file of configuration names.
    let include = "[include]\n\tpath = more.cfg\n";
    sandbox.write("home/.gitconfig", include).unwrap();
    let more = "[core]\n\texcludesFile = ~/my-ignores\n";
    sandbox.write("home/more.cfg", more).unwrap();
    sandbox
        .write("home/my-ignores", "*.user\n*.more\n[\n")
        .unwrap();
    let (files, _) = pack(&sandbox, "repo/lib", &[]);
    let expected = ["d.local", "keep.user", "lumen.toml", "src/main.lm.md"];
    assert_eq!(files, expected);
    // Without a setting, git reads a file in its folder of configuration.
    sandbox.write("home/.gitconfig", "").unwrap();
    sandbox
        .write("home/.config/git/ignore", "*.user\n")
        .unwrap();
    let (files, _) = pack(&sandbox, "repo/lib", &[]);
    let mut expected = vec!["c.more"];
    expected.extend(["d.local", "keep.user", "lumen.toml", "src/main.lm.md"]);
    assert_eq!(files, expected);
    let elsewhere = sandbox.path("config").display().to_string();
    sandbox
        .write("config/git/ignore", "*.more\n*.local\n")
        .unwrap();
    let (files, _) = pack(&sandbox, "repo/lib", &[("XDG_CONFIG_HOME", &elsewhere)]);
    assert_eq!(
        files,
        ["b.user", "keep.user", "lumen.toml", "src/main.lm.md"]
    );
    // In another work tree of the same repository, too.
    git(&sandbox, "repo", &["add", "lib/lumen.toml", "lib/src"]);
    git(&sandbox, "repo", &["commit", "--quiet", "--message", "x"]);
    git(&sandbox, "repo", &["worktree", "add", "--quiet", "../tree"]);
    sandbox.write("tree/lib/a.own", "x").unwrap();
    let (files, _) = pack(&sandbox, "tree/lib", &[]);
    assert_eq!(files, ["lumen.toml", "src/main.lm.md"]);
}

#[test]
fn a_clone_names_no_ignore_file_outside_of_it() {
    let sandbox = bare();
    sandbox.package("repo", "lib", "1.0.0", "").unwrap();
    git(&sandbox, "repo", &["init", "--quiet"]);
    sandbox.write("repo/a.x", "x").unwrap();
    sandbox.write("repo/b.y", "y").unwrap();
    sandbox.write("home/secret", "*.x\n").unwrap();
    sandbox.write("repo/inside", "*.y\n").unwrap();
    let outside = sandbox.path("home/secret").display().to_string();
    let all = ["a.x", "b.y", "inside", "lumen.toml", "src/main.lm.md"];
    for file in [outside.as_str(), "../home/secret"] {
        git(&sandbox, "repo", &["config", "core.excludesFile", file]);
        assert_eq!(pack(&sandbox, "repo", &[]).0, all, "{file}");
    }
    std::os::unix::fs::symlink("../home/secret", sandbox.path("repo/.git/link")).unwrap();
    git(
        &sandbox,
        "repo",
        &["config", "core.excludesFile", ".git/link"],
    );
    assert_eq!(pack(&sandbox, "repo", &[]).0, all);
    git(&sandbox, "repo", &["config", "core.excludesFile", "inside"]);
    let but_y = ["a.x", "inside", "lumen.toml", "src/main.lm.md"];
    assert_eq!(pack(&sandbox, "repo", &[]).0, but_y);
    // A `.git` that points to the repository of another folder, which does not point back.
    sandbox.package("planted", "lib", "1.0.0", "").unwrap();
    sandbox.write("planted/a.x", "x").unwrap();
    sandbox.write("repo/.git/info/exclude", "*.x\n").unwrap();
    git(
        &sandbox,
        "repo",
        &["config", "--unset", "core.excludesFile"],
    );
    let target = format!("gitdir: {}\n", sandbox.path("repo/.git").display());
    sandbox.write("planted/.git", &target).unwrap();
    let (files, _) = pack(&sandbox, "planted", &[]);
    assert_eq!(files, ["a.x", "lumen.toml", "src/main.lm.md"]);
}

#[test]
fn include_wins_over_gitignore_and_says_so() {
    let sandbox = bare();
    let check = |include: &str, expected: &[&str], said: &[&str]| {
        let line = format!("include = [\"src\", {include}]\n");
        sandbox.package("p", "p", "1.0.0", &line).unwrap();
        let (files, err) = pack(&sandbox, "p", &[]);
        let mut expected: Vec<&str> = [&["lumen.toml", "src/main.lm.md"], expected].concat();
        expected.sort_unstable();
        assert_eq!(files, expected, "{include}");
        for text in said {
            assert!(err.contains(text), "{include}: `{text}` in {err}");
        }
        if said.is_empty() {
            assert!(
                !err.contains("warning") && !err.contains("Taken in"),
                "{err}"
            );
        }
    };
    for (file, text) in [
        (".gitignore", "/out/\n*.log\n/gen/deep/\n"),
        ("out/a.lm.md", "a"),
        ("out/b.txt", "b"),
        ("out/c.log", "c"),
        ("out/tmp/d.txt", "d"),
        ("out/.gitignore", "tmp/\n"),
        ("gen/deep/er/e.lm.md", "e"),
        ("gen/f.log", "f"),
        ("gen/g.txt", "g"),
    ] {
        sandbox.write(&format!("p/{file}"), text).unwrap();
    }
    let said = "`out` is ignored, but named by `include` (lumen.toml:6)";
    check(
        "\"out/**\"",
        &["out/a.lm.md", "out/b.txt", "out/c.log"],
        &[said],
    );
    check("\"out/*.md\"", &["out/a.lm.md"], &[said]);
    check("\"./out/*.txt\"", &["out/b.txt"], &[said]);
    check("\"gen/deep/**\"", &["gen/deep/er/e.lm.md"], &["gen/deep"]);
    check(
        "\"gen/deep/er/*\"",
        &["gen/deep/er/e.lm.md"],
        &["gen/deep/er"],
    );
    // It names `gen`, which is not ignored: what is ignored in it stays out.
    check("\"gen/**\"", &["gen/g.txt"], &[]);
    check(
        "\"**/*.log\"",
        &[],
        &["`**/*.log` is left out", "lumen.toml:6"],
    );
    check(
        "\"LICENCE\"",
        &[],
        &["LICENCE", "lumen.toml:6", "--dry-run"],
    );
    sandbox.write("p/LICENSE", "text").unwrap();
    check(
        "\"LICENCE\"",
        &[],
        &["did you mean `LICENSE`?", "lumen.toml:6"],
    );
    check(
        "\"license\"",
        &[],
        &["did you mean `LICENSE`?", "lumen.toml:6"],
    );
}

#[test]
fn what_git_did_not_check_out_is_told() {
    let sandbox = sandbox();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\
        4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    sandbox.write("sub/s.txt", "s").unwrap();
    sandbox
        .package("repo/libs/lib", "lib", "1.0.0", "")
        .unwrap();
    sandbox.write("repo/libs/lib/model.bin", pointer).unwrap();
    for folder in ["sub", "repo"] {
        git(&sandbox, folder, &["init", "--quiet"]);
    }
    let commit = |folder: &str| {
        git(&sandbox, folder, &["add", "--all"]);
        git(&sandbox, folder, &["commit", "--quiet", "--message", "x"]);
    };
    commit("sub");
    let add = ["submodule", "--quiet", "add", "../sub", "libs/lib/src/part"];
    let url = sandbox.path("sub").display().to_string();
    let add: Vec<&str> = add
        .iter()
        .map(|a| if *a == "../sub" { &*url } else { a })
        .collect();
    git(&sandbox, "repo", &add);
    std::os::unix::fs::symlink("nowhere", sandbox.path("repo/libs/lib/lost")).unwrap();
    commit("repo");
    let (files, err) = pack_ok(&sandbox, "repo/libs/lib", "exclude = [\"lost\"]\n");
    assert!(files.contains(&"src/part/s.txt".to_owned()), "{files:?}");
    assert!(err.contains("`model.bin` is a pointer of Git LFS") && !err.contains("submodule"));
    // A clone without `--recurse-submodules`.
    git(&sandbox, ".", &["clone", "--quiet", "repo", "clone"]);
    let (_, err) = pack_ok(&sandbox, "clone/libs/lib", "exclude = [\"lost\"]\n");
    assert!(
        err.contains("`src/part` is left out: a git submodule"),
        "{err}"
    );
    assert!(err.contains("git submodule update --init"), "{err}");
    // A dependency lacks both, and the broken link.
    let needs = format!(
        "[dependencies]\nlib = {{ git = \"file://{}\" }}\n",
        sandbox.path("repo").display()
    );
    sandbox.package("app", "app", "1.0.0", &needs).unwrap();
    let mut install = sandbox.command("app", &["pkg", "install"]);
    install.env("GIT_CONFIG_COUNT", "1");
    install.env("GIT_CONFIG_KEY_0", "protocol.file.allow");
    install.env("GIT_CONFIG_VALUE_0", "always");
    let ran = Ran::of(&install.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for text in [
        "`src/part` of the git package `lib` is a git submodule",
        "`model.bin`",
        "`lost`",
    ] {
        assert!(ran.err.contains(text), "`{text}` in {}", ran.err);
    }
    // A pipe is named.
    sandbox.package("pipe", "pipe", "1.0.0", "").unwrap();
    let made = Command::new("mkfifo")
        .arg(sandbox.path("pipe/src/fifo"))
        .status();
    assert!(made.unwrap().success());
    let (_, err) = pack(&sandbox, "pipe", &[]);
    assert!(
        err.contains("`src/fifo` is left out: neither a file nor a folder"),
        "{err}"
    );
}

fn pack_ok(sandbox: &Sandbox, folder: &str, more: &str) -> (Vec<String>, String) {
    sandbox.package(folder, "lib", "1.0.0", more).unwrap();
    pack(sandbox, folder, &[])
}
