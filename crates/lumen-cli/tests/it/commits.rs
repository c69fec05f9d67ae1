//! The commit that a release is packed from.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Server, not_found, ok},
};
use serde_json::{Value, json};

use crate::{fails, sandbox};

/// Runs git in a folder of the sandbox.
fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for (key, value) in [
        ("GIT_AUTHOR_NAME", "t"),
        ("GIT_AUTHOR_EMAIL", "t@example.org"),
        ("GIT_COMMITTER_NAME", "t"),
        ("GIT_COMMITTER_EMAIL", "t@example.org"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ] {
        command.env(key, value);
    }
    let output = command
        .args(arguments)
        .current_dir(sandbox.path(folder))
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    ran.out.trim().to_owned()
}

/// Commits everything; returns the hash.
fn commit(sandbox: &Sandbox, folder: &str) -> String {
    git(sandbox, folder, &["add", "--all", "."]);
    git(sandbox, folder, &["commit", "--quiet", "--message", "x"]);
    git(sandbox, folder, &["rev-parse", "HEAD"])
}

/// A sandbox with a registry, and a package in the folder `lib` of a repository.
fn repository() -> Sandbox {
    let sandbox = sandbox();
    sandbox.package("repo/lib", "lib", "1.0.0", "").unwrap();
    git(&sandbox, "repo", &["init", "--quiet"]);
    sandbox
}

fn source(sandbox: &Sandbox, version: &str) -> Value {
    let file = format!("registry/packages/lib/{version}.json");
    let release: Value = serde_json::from_str(&sandbox.read(&file).unwrap()).unwrap();
    release.get("source").cloned().unwrap_or_default()
}

fn publish(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let arguments = [&["pkg", "publish", "--yes"], more].concat();
    sandbox.run("repo/lib", &arguments).unwrap()
}

#[test]
fn a_release_names_its_commit() {
    let sandbox = repository();
    // Without a commit there is no source, and nothing to compare with.
    assert_eq!(publish(&sandbox, &[]).code, Some(0));
    assert_eq!(source(&sandbox, "1.0.0"), Value::Null);
    let commit_of = |version: &str| {
        sandbox.package("repo/lib", "lib", version, "").unwrap();
        commit(&sandbox, "repo")
    };
    let hash = commit_of("1.1.0");
    let ran = publish(&sandbox, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let expected = json!({"vcs": "git", "commit": hash, "path": "lib"});
    assert_eq!(source(&sandbox, "1.1.0"), expected);
    // From another commit, the same is the same.
    sandbox.write("repo/other", "x").unwrap();
    commit(&sandbox, "repo");
    let again = publish(&sandbox, &[]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(again.err.contains("Already published"), "{again:#?}");
    assert_eq!(source(&sandbox, "1.1.0"), expected);
    // Raising the version is Lumen's own change.
    let hash = git(&sandbox, "repo", &["rev-parse", "HEAD"]);
    let ran = publish(&sandbox, &["--bump", "minor"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let expected = json!({"vcs": "git", "commit": hash, "path": "lib"});
    assert_eq!(source(&sandbox, "1.2.0"), expected);
    // A client without the index's word proves it all the same.
    sandbox.package("user", "user", "1.0.0", "").unwrap();
    sandbox.ok("user", &["pkg", "add", "lib"]).unwrap();
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    fs::remove_dir_all(sandbox.path("user/.lumen")).unwrap();
    sandbox.ok("user", &["pkg", "install", "--locked"]).unwrap();
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
}

#[test]
fn packed_files_that_differ_from_the_commit_are_refused() {
    let sandbox = repository();
    let hash = commit(&sandbox, "repo");
    // Files that are not packed do not count.
    sandbox.write("repo/lib/.notes", "x").unwrap();
    sandbox.write("repo/elsewhere", "x").unwrap();
    let tried = publish(&sandbox, &["--dry-run"]);
    assert_eq!(tried.code, Some(0), "{tried:#?}");
    sandbox.write("repo/lib/src/new.lm", "# new\n").unwrap();
    sandbox
        .write("repo/lib/src/main.lm.md", "# changed\n")
        .unwrap();
    let said = [
        "`lib` packs files that differ from the last commit: `src/main.lm.md`, `src/new.lm`",
        "--allow-dirty",
    ];
    fails(&publish(&sandbox, &[]), 1, &said);
    fails(&publish(&sandbox, &["--dry-run"]), 1, &said);
    // A change is judged before the version is raised, and raising is undone by no failure.
    fails(&publish(&sandbox, &["--bump", "major"]), 1, &said);
    assert!(
        sandbox
            .read("repo/lib/lumen.toml")
            .unwrap()
            .contains("1.0.0")
    );
    assert!(!sandbox.path("registry/packages/lib").exists());
    // Staged is not committed.
    git(&sandbox, "repo", &["add", "--all", "."]);
    fails(&publish(&sandbox, &[]), 1, &said);
    let ran = sandbox.run("repo/lib", &["pkg", "submit"]).unwrap();
    fails(&ran, 1, &said);
    let ran = publish(&sandbox, &["--allow-dirty"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let expected = json!({"vcs": "git", "commit": hash, "path": "lib", "dirty": true});
    assert_eq!(source(&sandbox, "1.0.0"), expected);
}

#[test]
fn a_changed_manifest_and_an_ignored_package() {
    let sandbox = repository();
    commit(&sandbox, "repo");
    let manifest = sandbox.read("repo/lib/lumen.toml").unwrap();
    let raised = manifest.replace("1.0.0", "1.0.1");
    sandbox.write("repo/lib/lumen.toml", &raised).unwrap();
    let said = "`lib` packs a file that differs from the last commit: `lumen.toml`";
    fails(&publish(&sandbox, &[]), 1, &[said]);
    // Folders of build results are in no commit.
    git(
        &sandbox,
        "repo",
        &["rm", "--quiet", "-r", "--cached", "lib"],
    );
    sandbox.write("repo/.gitignore", "/lib/\n").unwrap();
    commit(&sandbox, "repo");
    let ran = publish(&sandbox, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(source(&sandbox, "1.0.1"), Value::Null);
}

#[test]
fn a_repository_runs_no_program() {
    let sandbox = repository();
    let hash = commit(&sandbox, "repo");
    let program = sandbox.path("program");
    let mark = sandbox.path("mark");
    let script = format!("#!/bin/sh\ntouch {}\ncat\n", mark.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display().to_string();
    for (key, value) in [
        ("core.fsmonitor", program.as_str()),
        ("filter.evil.clean", &program),
        ("filter.evil.smudge", &program),
        ("filter.evil.process", &program),
        ("diff.external", &program),
        ("core.sshCommand", &program),
        ("core.pager", &program),
        (
            "core.hooksPath",
            &sandbox.path("hooks").display().to_string(),
        ),
        (
            "remote.origin.url",
            &sandbox.path("nowhere").display().to_string(),
        ),
        ("remote.origin.uploadpack", &program),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
    ] {
        git(&sandbox, "repo", &["config", key, value]);
    }
    sandbox
        .write("repo/.git/info/attributes", "* filter=evil\n")
        .unwrap();
    fs::create_dir(sandbox.path("hooks")).unwrap();
    for hook in ["post-index-change", "reference-transaction", "pre-auto-gc"] {
        fs::copy(&program, sandbox.path(&format!("hooks/{hook}"))).unwrap();
    }
    sandbox.write("repo/lib/src/new.lm", "# new\n").unwrap();
    let said = "`lib` packs a file that differs from the last commit: `src/new.lm`";
    fails(&publish(&sandbox, &[]), 1, &[said]);
    fs::remove_file(sandbox.path("repo/lib/src/new.lm")).unwrap();
    let ran = publish(&sandbox, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(source(&sandbox, "1.0.0")["commit"], json!(hash));
    // An object that is missing is not fetched.
    let blob = git(&sandbox, "repo", &["rev-parse", "HEAD:lib/src/main.lm.md"]);
    let (head, tail) = blob.split_at(2);
    fs::remove_file(sandbox.path(&format!("repo/.git/objects/{head}/{tail}"))).unwrap();
    let ran = publish(&sandbox, &["--dry-run"]);
    assert_ne!(ran.code, Some(70), "{ran:#?}");
    assert!(!mark.exists(), "a program ran");
}

/// What a locked install on a machine that has nothing asks of the registry.
fn asked(sandbox: &Sandbox, server: &Server, project: &str) -> Vec<String> {
    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
    let _ = fs::remove_dir_all(sandbox.path(&format!("{project}/.lumen")));
    server.take();
    let install = ["pkg", "install", "--locked", "--registry", &server.url()];
    sandbox.ok(project, &install).unwrap();
    server.take()
}

#[test]
fn a_locked_release_with_a_commit_takes_no_request_more() {
    let sandbox = repository();
    sandbox.package("plain", "plain", "1.0.0", "").unwrap();
    sandbox.ok("plain", &["pkg", "publish", "--yes"]).unwrap();
    let hash = commit(&sandbox, "repo");
    assert_eq!(publish(&sandbox, &[]).code, Some(0));
    let root = sandbox.path("registry");
    let server = Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        fs::read(root.join(&path[1..])).map_or_else(|_| not_found(), |bytes| ok(&bytes))
    });
    for (project, needs) in [("without", "plain"), ("with", "lib")] {
        let needs = format!("[dependencies]\n{needs} = \"^1\"\n");
        sandbox.package(project, project, "1.0.0", &needs).unwrap();
        let lock = ["pkg", "lock", "--registry", &server.url()];
        sandbox.ok(project, &lock).unwrap();
    }
    let lock = sandbox.read("with/lumen.lock").unwrap();
    let line = format!("\nsource-commit = \"{hash}:lib\"\n");
    assert!(lock.contains(&line), "{lock}");
    // Each of them names a file list, which no install asks for.
    for release in ["plain", "lib"] {
        let file = format!("registry/packages/{release}/1.0.0.json");
        let release: Value = serde_json::from_str(&sandbox.read(&file).unwrap()).unwrap();
        assert!(release["files"]["hash"].is_string(), "{release}");
    }
    let without = asked(&sandbox, &server, "without");
    let with = asked(&sandbox, &server, "with");
    assert_eq!(with.len(), without.len(), "{with:#?} {without:#?}");
    for path in without.iter().chain(&with) {
        let is_release = path.starts_with("/packages/") && !path.ends_with("/index.json");
        assert!(!is_release && !path.ends_with(".files"), "{path}");
    }
    // The lock of an earlier version does not say it. What a lock says wrongly is not believed.
    for other in [String::from("\n"), line.replace(&hash[..6], "000000")] {
        sandbox
            .write("with/lumen.lock", &lock.replace(&line, &other))
            .unwrap();
        let more = asked(&sandbox, &server, "with");
        assert_eq!(more.len(), with.len() + 1, "{more:#?}");
        assert!(more.iter().any(|path| path == "/packages/lib/1.0.0.json"));
    }
}
