//! Locks of branches that were merged: with conflict markers, and without.

use std::{fs, process::Command};

use lumen_testkit::sandbox::{Ran, Sandbox, tree};

use crate::{copy, fails, publish, sandbox};

/// Runs git in the project and returns whether it ended well.
fn git(sandbox: &Sandbox, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
    command.args(arguments).current_dir(sandbox.path("app"));
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", sandbox.path("home"));
    command.output().unwrap().status.success()
}

fn good(sandbox: &Sandbox, arguments: &[&str]) {
    assert!(git(sandbox, arguments), "{arguments:?}");
}

fn commit(sandbox: &Sandbox) {
    good(sandbox, &["add", "-A"]);
    good(sandbox, &["commit", "-qm", "change"]);
}

/// A workspace in git, whose members `one` and `two` need `text`; each is changed in a branch.
fn workspace(sandbox: &Sandbox) {
    sandbox
        .write(
            "app/lumen.toml",
            "[workspace]\nmembers = [\"one\", \"two\"]\n",
        )
        .unwrap();
    for member in ["one", "two"] {
        member_needs(sandbox, member, "text = \"^1\"\n");
    }
    sandbox.write("app/.gitignore", ".lumen/\n").unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    good(sandbox, &["init", "-q", "-b", "main"]);
    commit(sandbox);
    good(sandbox, &["branch", "topic"]);
}

fn member_needs(sandbox: &Sandbox, member: &str, needs: &str) {
    let more = format!("[dependencies]\n{needs}");
    sandbox
        .package(&format!("app/{member}"), member, "1.0.0", &more)
        .unwrap();
}

/// Merges `topic` into `main`, which has to leave a conflict in the lock and nowhere else.
fn merge(sandbox: &Sandbox, style: &str) -> String {
    let style = format!("merge.conflictStyle={style}");
    assert!(!git(sandbox, &["-c", &style, "merge", "-q", "topic"]));
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("<<<<<<< "), "{lock}");
    for member in ["one", "two"] {
        let manifest = sandbox.read(&format!("app/{member}/lumen.toml")).unwrap();
        assert!(!manifest.contains("<<<<<<<"), "{manifest}");
    }
    lock
}

fn version_of(sandbox: &Sandbox, name: &str) -> Option<String> {
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let block = format!("name = \"{name}\"\nversion = \"");
    let rest = lock.split(&block).nth(1)?;
    Some(rest.split('"').next()?.to_owned())
}

fn checkpoint(lock: &str) -> Vec<&str> {
    lock.lines()
        .filter(|line| line.starts_with("checkpoint = "))
        .collect()
}

#[test]
fn branches_that_add_packages_while_the_registry_moves() {
    for style in ["merge", "diff3", "zdiff3"] {
        let sandbox = sandbox();
        for name in ["text", "http", "json"] {
            publish(&sandbox, name, "1.0.0", "");
        }
        workspace(&sandbox);
        good(&sandbox, &["checkout", "-q", "topic"]);
        member_needs(&sandbox, "one", "text = \"^1\"\nhttp = \"^1\"\n");
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        commit(&sandbox);
        let older = sandbox.read("app/lumen.lock").unwrap();
        publish(&sandbox, "text", "1.1.0", "");
        publish(&sandbox, "http", "1.1.0", "");
        good(&sandbox, &["checkout", "-q", "main"]);
        member_needs(&sandbox, "two", "text = \"^1\"\njson = \"^1\"\n");
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        commit(&sandbox);
        let newer = sandbox.read("app/lumen.lock").unwrap();
        assert_ne!(checkpoint(&older), checkpoint(&newer));
        let mut conflict = merge(&sandbox, style);
        if style == "merge" {
            conflict = conflict.replace('\n', "\r\n");
            sandbox.write("app/lumen.lock", &conflict).unwrap();
        }

        // Commands that do not write the lock say what to do.
        for refused in [&["--locked"][..], &["--frozen"], &["--locked", "--dry-run"]] {
            let ran = sandbox
                .run("app", &[&["pkg", "install"], refused].concat())
                .unwrap();
            let flag = refused[0];
            let said = format!(
                "error: `lumen.lock` has the markers of a merge conflict, and {flag} forbids changing it"
            );
            let hint = format!("hint: run `lumen pkg lock` without {flag}");
            fails(&ran, 1, &[&said, &hint]);
        }
        for reader in [&["pkg", "list"][..], &["pkg", "verify"], &["pkg", "vendor"]] {
            let ran = sandbox.run("app", reader).unwrap();
            fails(
                &ran,
                1,
                &[
                    "lumen.lock:",
                    "<<<<<<<",
                    "hint: `lumen pkg install` mends it",
                ],
            );
        }
        let dry = sandbox.ok("app", &["pkg", "install", "--dry-run"]).unwrap();
        assert!(
            dry.err.contains("Merged both sides of lumen.lock"),
            "{dry:#?}"
        );
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), conflict);

        let mended = sandbox.ok("app", &["pkg", "install"]).unwrap();
        let said = "Merged both sides of lumen.lock: 2 and 2 packages, 0 of them different";
        assert!(mended.err.contains(said), "{mended:#?}");
        assert!(!mended.err.contains("warning"), "{mended:#?}");
        let lock = sandbox.read("app/lumen.lock").unwrap();
        assert_eq!(checkpoint(&lock).len(), 1);
        assert_eq!(checkpoint(&lock), checkpoint(&newer));
        for (name, version) in [("text", "1.0.0"), ("http", "1.0.0"), ("json", "1.0.0")] {
            assert_eq!(version_of(&sandbox, name).as_deref(), Some(version));
        }
        sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
        sandbox.ok("app", &["pkg", "verify"]).unwrap();
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    }
}

#[test]
fn versions_of_both_sides_are_tried_before_newer_ones() {
    // What `one` accepts after the merge, and the version that follows.
    for (accepts, chosen) in [
        ("^1", "1.2.0"),
        (">=1.0.0 <1.2.0", "1.1.0"),
        ("~1.3", "1.3.1"),
    ] {
        let sandbox = sandbox();
        publish(&sandbox, "text", "1.0.0", "");
        workspace(&sandbox);
        let update = |branch: &str| {
            good(&sandbox, &["checkout", "-q", branch]);
            sandbox.ok("app", &["pkg", "update", "text"]).unwrap();
            commit(&sandbox);
        };
        publish(&sandbox, "text", "1.1.0", "");
        update("topic");
        publish(&sandbox, "text", "1.2.0", "");
        update("main");
        for later in ["1.1.5", "1.3.0", "1.3.1"] {
            publish(&sandbox, "text", later, "");
        }
        merge(&sandbox, "merge");
        member_needs(&sandbox, "one", &format!("text = \"{accepts}\"\n"));
        let mended = sandbox.ok("app", &["pkg", "install"]).unwrap();
        assert_eq!(version_of(&sandbox, "text").as_deref(), Some(chosen));
        let said = format!("= text 1.2.0 and 1.1.0: {chosen}");
        assert!(mended.err.contains(&said), "{mended:#?}");
    }
}

/// A project with `text` from the registry.
fn project(sandbox: &Sandbox) -> String {
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.read("app/lumen.lock").unwrap()
}

fn whole(ours: &str, theirs: &str) -> String {
    format!("<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> topic\n")
}

/// Asserts that an install of a conflicting lock is refused, and changes nothing.
fn refused(sandbox: &Sandbox, conflict: &str, code: i32, said: &[&str]) -> Ran {
    sandbox.write("app/lumen.lock", conflict).unwrap();
    let before = tree(&sandbox.path("app")).unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(&ran, code, said);
    assert_eq!(tree(&sandbox.path("app")).unwrap(), before, "{ran:#?}");
    ran
}

/// The lock with one value of a key replaced.
fn with(lock: &str, key: &str, value: &str) -> String {
    let line = lock
        .lines()
        .find(|line| line.starts_with(&format!("{key} = ")))
        .unwrap();
    lock.replacen(line, &format!("{key} = {value}"), 1)
}

#[test]
fn sides_that_contradict_each_other_are_refused() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let lock = project(&sandbox);
    let other = format!("\"sha256:{}\"", "ab".repeat(32));
    let note = format!("\"1 sha256:{}\"", "ab".repeat(32));
    for (key, value, what) in [
        ("checksum", other.as_str(), "`text` 1.0.0 has two hashes"),
        ("size", "1", "`text` 1.0.0 has two sizes"),
        (
            "metadata",
            &other,
            "`text` 1.0.0 has two hashes of its metadata",
        ),
        ("owners-note", &other, "two ownership notes 1 for `text`"),
        (
            "trust-root",
            &other,
            "two trust roots for the registry `default`",
        ),
        (
            "root-note",
            &note,
            "two root notes 1 of the registry `default`",
        ),
        ("checkpoint", "\"nonsense\"", "cannot be compared"),
    ] {
        for (ours, theirs) in [
            (&lock, &with(&lock, key, value)),
            (&with(&lock, key, value), &lock),
        ] {
            let said = [what, "lumen.lock:", "^^^", "hint: nothing was changed"];
            refused(&sandbox, &whole(ours, theirs), 3, &said);
        }
    }
}

#[test]
fn what_the_registry_does_not_confirm_is_refused() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let lock = project(&sandbox);
    // A release that only one side has, with a hash that the registry does not know.
    let lines = lock.split("[[package]]").next().unwrap();
    let empty = format!("{lines}[[package]]\nname = \"app\"\nversion = \"0.1.0\"\npath = \".\"\n");
    let forged = with(
        &lock,
        "checksum",
        &format!("\"sha256:{}\"", "ab".repeat(32)),
    );
    for (ours, theirs) in [(&empty, &forged), (&forged, &empty)] {
        refused(
            &sandbox,
            &whole(ours, theirs),
            3,
            &["`text` 1.0.0 has two hashes"],
        );
    }
    // A checkpoint of a log that went another way since.
    let (path, aside) = (sandbox.path("registry"), sandbox.path("aside"));
    copy(&path, &aside);
    publish(&sandbox, "other", "1.0.0", "");
    sandbox.write("app/lumen.lock", &lock).unwrap();
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    let fork = sandbox.read("app/lumen.lock").unwrap();
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    // This machine forgets what it saw; the packages stay.
    let forget = || {
        fs::remove_dir_all(sandbox.path("home/lumen/trust")).unwrap();
    };
    forget();
    for version in ["1.1.0", "1.2.0"] {
        publish(&sandbox, "text", version, "");
    }
    sandbox.write("app/lumen.lock", &lock).unwrap();
    sandbox.ok("app", &["pkg", "update"]).unwrap();
    let newer = sandbox.read("app/lumen.lock").unwrap();
    for (ours, theirs) in [(&newer, &fork), (&fork, &newer)] {
        refused(&sandbox, &whole(ours, theirs), 3, &["the log was forked"]);
    }
    // The same without anything that this machine remembers.
    forget();
    refused(&sandbox, &whole(&newer, &fork), 3, &["the log was forked"]);
    sandbox
        .write("app/lumen.lock", &whole(&newer, &lock))
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn markers_that_make_no_sense_are_shown() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let lock = project(&sandbox);
    for (conflict, said) in [
        (format!("{lock}<<<<<<< HEAD\n"), "has no end"),
        (format!("{lock}>>>>>>> topic\n"), "has no beginning"),
        (
            format!("<<<<<<< a\n{lock}<<<<<<< b\n=======\n>>>>>>> b\n=======\n>>>>>>> a\n"),
            "inside of another",
        ),
        (
            whole(&lock, &with(&lock, "size", "\"one\"")),
            "must be a whole number",
        ),
        (
            whole(&lock, &lock.replace("version = 1\n", "version = 2\n")),
            "made by a newer lumen",
        ),
    ] {
        let hint = "hint: restore either side of it, then run `lumen pkg install`";
        refused(&sandbox, &conflict, 1, &[said, "lumen.lock:", hint]);
    }
}

#[test]
fn a_lock_that_merged_without_a_conflict_gets_what_it_lacks() {
    let sandbox = sandbox();
    for name in ["http", "json", "text"] {
        publish(&sandbox, name, "1.0.0", "");
    }
    let needs = "[dependencies]\nhttp = \"^1\"\njson = \"^1\"\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    for name in ["http", "json", "text"] {
        publish(&sandbox, name, "1.1.0", "");
    }
    let blocks = lock
        .split("\n\n")
        .filter(|block| !block.contains("name = \"json\""));
    let lacking: Vec<&str> = blocks.collect();
    let lacking = lacking.join("\n\n");
    assert_ne!(lacking, lock);
    sandbox.write("app/lumen.lock", &lacking).unwrap();
    let locked = sandbox.run("app", &["pkg", "install", "--locked"]).unwrap();
    fails(&locked, 1, &["`lumen.lock` is out of date", "json"]);
    let mended = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(mended.err.contains("+ json 1.1.0"), "{mended:#?}");
    for (name, version) in [("http", "1.0.0"), ("json", "1.1.0"), ("text", "1.0.0")] {
        assert_eq!(version_of(&sandbox, name).as_deref(), Some(version));
    }
}

#[test]
fn a_new_package_tells_reviews_that_the_lock_is_generated() {
    let sandbox = sandbox();
    let line = "lumen.lock linguist-generated\n";
    sandbox.ok(".", &["pkg", "new", "made"]).unwrap();
    assert_eq!(sandbox.read("made/.gitattributes").unwrap(), line);
    // What is there is kept, and the line is added once.
    sandbox
        .write("kept/.gitattributes", "*.png binary")
        .unwrap();
    sandbox.ok("kept", &["pkg", "init"]).unwrap();
    let expected = format!("*.png binary\n{line}");
    assert_eq!(sandbox.read("kept/.gitattributes").unwrap(), expected);
    for own in [
        "lumen.lock -diff\n",
        "/lumen.lock linguist-generated=false\n",
    ] {
        let folder = format!("own-{}", own.len());
        sandbox
            .write(&format!("{folder}/.gitattributes"), own)
            .unwrap();
        sandbox
            .ok(&folder, &["pkg", "init", "--name", "own"])
            .unwrap();
        assert_eq!(
            sandbox.read(&format!("{folder}/.gitattributes")).unwrap(),
            own
        );
    }
}
