//! A command that fails changes nothing, and files that are read-only stay as they are.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, SystemTime},
};

use lumen_testkit::sandbox::{Sandbox, tree};

use crate::{fails, publish, sandbox};

/// The user's files in a project: without what installs make in `.lumen`.
fn files(sandbox: &Sandbox, folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = tree(&sandbox.path(folder)).unwrap();
    files.retain(|(path, _)| !path.starts_with(".lumen"));
    files
}

fn set_mode(sandbox: &Sandbox, file: &str, mode: u32) {
    let mode = fs::Permissions::from_mode(mode);
    fs::set_permissions(sandbox.path(file), mode).unwrap();
}

/// A project that needs `text`, and a registry with two more packages.
fn project() -> Sandbox {
    let sandbox = sandbox();
    for name in ["text", "csv", "json"] {
        publish(&sandbox, name, "1.0.0", "");
    }
    sandbox.ok(".", &["pkg", "new", "app"]).unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    sandbox
}

#[test]
fn a_link_in_the_way_changes_neither_manifest_nor_lock() {
    let sandbox = project();
    sandbox.write("app/csv/mine.txt", "mine").unwrap();
    let before = files(&sandbox, "app");
    for arguments in [&["pkg", "add", "csv"][..], &["pkg", "add", "json", "csv"]] {
        let ran = sandbox.run("app", arguments).unwrap();
        fails(&ran, 1, &["`csv` is in the way"]);
        assert_eq!(files(&sandbox, "app"), before);
    }
    sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
}

#[test]
fn a_read_only_manifest_or_lock_stays_and_so_does_the_other() {
    for file in ["lumen.toml", "lumen.lock"] {
        let sandbox = project();
        set_mode(&sandbox, &format!("app/{file}"), 0o444);
        let before = files(&sandbox, "app");
        let commands: [&[&str]; 2] = [&["pkg", "add", "csv"], &["pkg", "remove", "text"]];
        for command in commands {
            let ran = sandbox.run("app", command).unwrap();
            fails(
                &ran,
                1,
                &["is read-only", file, "chmod u+w", "nothing was changed"],
            );
            assert_eq!(files(&sandbox, "app"), before, "{command:?}");
        }
        // What changes no file needs no right.
        sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
        fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        let mode = fs::metadata(sandbox.path("app").join(file))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o444);
    }
}

#[test]
fn a_version_is_not_raised_in_a_read_only_manifest() {
    let sandbox = sandbox();
    sandbox.package("p", "p", "1.0.0", "").unwrap();
    set_mode(&sandbox, "p/lumen.toml", 0o444);
    let before = files(&sandbox, ".");
    let ran = sandbox
        .run("p", &["pkg", "publish", "--yes", "--bump", "patch"])
        .unwrap();
    fails(&ran, 1, &["lumen.toml", "is read-only"]);
    assert_eq!(files(&sandbox, "p"), {
        let of_p = before
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix("p/")?.to_owned(), bytes.clone())));
        of_p.collect::<Vec<_>>()
    });
    assert!(!sandbox.path("registry/packages/p").exists());
}

#[test]
fn a_read_only_gitignore_is_left_alone_and_told() {
    let sandbox = project();
    let before = sandbox.read("app/.gitignore").unwrap();
    set_mode(&sandbox, "app/.gitignore", 0o444);
    let ran = sandbox.ok("app", &["pkg", "add", "csv"]).unwrap();
    assert!(ran.err.contains(".gitignore` is read-only"), "{}", ran.err);
    assert_eq!(sandbox.read("app/.gitignore").unwrap(), before);
    // A new package is not begun.
    for file in [".gitignore", ".gitattributes"] {
        let folder = format!("new{file}");
        sandbox
            .write(&format!("{folder}/{file}"), "mine\n")
            .unwrap();
        set_mode(&sandbox, &format!("{folder}/{file}"), 0o444);
        let ran = sandbox
            .run(&folder, &["pkg", "init", "--name", "fresh"])
            .unwrap();
        fails(&ran, 1, &["is read-only", file]);
        assert_eq!(
            files(&sandbox, &folder),
            [(file.to_owned(), b"mine\n".to_vec())]
        );
    }
}

#[test]
fn files_keep_the_modes_that_users_gave_them() {
    let sandbox = project();
    set_mode(&sandbox, "app/lumen.toml", 0o600);
    set_mode(&sandbox, "app/lumen.lock", 0o640);
    sandbox.ok("app", &["pkg", "add", "csv"]).unwrap();
    for (file, mode) in [("lumen.toml", 0o600), ("lumen.lock", 0o640)] {
        let now = fs::metadata(sandbox.path("app").join(file))
            .unwrap()
            .permissions();
        assert_eq!(now.mode() & 0o777, mode, "{file}");
    }
}

/// A run that is killed while it writes a file leaves it under a name of its own.
#[test]
fn the_next_install_removes_what_a_killed_run_left() {
    let sandbox = project();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let left = ["app/.tmp-0123456789abcdef", "app/.tmp-ffffffffffffffff"];
    let mine = [
        "app/.tmp-notes",
        "app/.tmp-0123456789ABCDEF",
        "app/tmp-0123456789abcdef",
    ];
    let young = "app/.tmp-00000000000000aa";
    for file in left.iter().chain(&mine).chain([&young]) {
        sandbox.write(file, "half").unwrap();
        if *file != young {
            let file = fs::File::options()
                .write(true)
                .open(sandbox.path(file))
                .unwrap();
            file.set_modified(old).unwrap();
        }
    }
    sandbox.ok("app", &["pkg", "add", "csv"]).unwrap();
    for file in left {
        assert!(!sandbox.path(file).exists(), "{file}");
    }
    for file in mine.iter().chain([&young]) {
        assert!(sandbox.path(file).exists(), "{file}");
    }
}
