//! Projects and homes that several users share by a group, and what they do not share.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::Command,
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    skip,
};

use crate::{fails, publish};

use super::cloned;

pub(super) const GROUP: u32 = 64_330;
pub(super) const ANN: u32 = 64_331;
pub(super) const BOB: u32 = 64_332;

/// A sandbox that two users of one group can look into; `None` where this test cannot be them.
pub(super) fn office() -> Option<Sandbox> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        skip::here("only root, with `setpriv`, can become other users");
        return None;
    }
    let sandbox = cloned();
    publish(&sandbox, "other", "1.0.0", "");
    fs::copy(env!("CARGO_BIN_EXE_lumen"), sandbox.path("program")).unwrap();
    set(&sandbox, "", 0o755);
    for user in [ANN, BOB] {
        sandbox.write(&format!("home-{user}/.keep"), "").unwrap();
        give(&sandbox, &format!("home-{user}"), user, user);
    }
    Some(sandbox)
}

pub(super) fn set(sandbox: &Sandbox, path: &str, mode: u32) {
    fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives everything below a path to a user and a group.
pub(super) fn give(sandbox: &Sandbox, path: &str, user: u32, group: u32) {
    let owner = format!("{user}:{group}");
    let mut chown = Command::new("chown");
    let status = chown.args(["-hR", &owner]).arg(sandbox.path(path)).status();
    assert!(status.unwrap().success());
}

/// Runs the program as a user of the group, with this umask and home.
pub(super) fn run_as(
    sandbox: &Sandbox,
    user: u32,
    umask: &str,
    home: &str,
    arguments: &[&str],
) -> Ran {
    run_in(sandbox, "app", user, umask, home, arguments)
}

pub(super) fn run_in(
    sandbox: &Sandbox,
    folder: &str,
    user: u32,
    umask: &str,
    home: &str,
    arguments: &[&str],
) -> Ran {
    let wanted = sandbox.command(folder, arguments);
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={user}"),
        format!("--regid={user}"),
        format!("--groups={GROUP}"),
    ]);
    command.args(["--", "sh", "-c", "umask \"$0\"; exec \"$@\"", umask]);
    command.arg(sandbox.path("program")).args(arguments);
    command.current_dir(sandbox.path(folder)).env_clear();
    let variables = wanted
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.envs(variables);
    command.env("HOME", sandbox.path(&format!("home-{user}")));
    command.env("LUMEN_HOME", sandbox.path(home));
    Ran::of(&command.output().unwrap())
}

pub(super) fn good(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(!ran.err.contains("warning"), "{ran:#?}");
}

/// What is below a folder and may be written to by everybody.
fn world_writable(sandbox: &Sandbox, folder: &str) -> String {
    let mut find = Command::new("find");
    find.arg(sandbox.path(folder))
        .args(["!", "-type", "l", "-perm", "/002"]);
    String::from_utf8(find.output().unwrap().stdout).unwrap()
}

#[test]
fn a_group_shares_a_project_whatever_the_umask() {
    let Some(sandbox) = office() else { return };
    let original = sandbox.read("app/lumen.toml").unwrap();
    for umask in ["002", "022", "077", "000"] {
        for mode in ["symlink", "copy", "hardlink"] {
            let manifest =
                format!("{original}[install]\nlink = \"{mode}\"\nimport-root = \"deps\"\n");
            sandbox.write("app/lumen.toml", &manifest).unwrap();
            give(&sandbox, "app", ANN, GROUP);
            set(&sandbox, "app", 0o2775);
            let ann = |arguments: &[&str]| {
                let ran = run_as(
                    &sandbox,
                    ANN,
                    umask,
                    &format!("home-{ANN}/lumen"),
                    arguments,
                );
                good(&ran);
                ran
            };
            let bob = |arguments: &[&str]| {
                let ran = run_as(
                    &sandbox,
                    BOB,
                    umask,
                    &format!("home-{BOB}/lumen"),
                    arguments,
                );
                good(&ran);
                ran
            };
            ann(&["pkg", "install"]);
            bob(&["pkg", "install", "--locked"]);
            bob(&["pkg", "verify"]);
            let again = bob(&["pkg", "install", "--locked"]);
            assert!(again.err.contains("Up to date"), "{mode}: {again:#?}");
            bob(&["pkg", "add", "other"]);
            ann(&["pkg", "install"]);
            ann(&["pkg", "vendor", "copies"]);
            bob(&["pkg", "vendor", "copies"]);
            ann(&["pkg", "remove", "other"]);
            assert_eq!(world_writable(&sandbox, "app"), "", "{umask} {mode}");
            bob(&["pkg", "clean"]);
            ann(&["pkg", "install"]);
            assert!(sandbox.path("app/deps/text/main.lm.md").exists());
        }
    }
}

#[test]
fn a_group_shares_a_workspace_whoever_made_which_part() {
    let Some(sandbox) = office() else { return };
    let root = "[workspace]\nmembers = [\"packages/*\"]\n";
    sandbox.write("team/lumen.toml", root).unwrap();
    for (name, user) in [("of-ann", ANN), ("of-bob", BOB)] {
        let folder = format!("team/packages/{name}");
        let more = "[dependencies]\ntext = \"1\"\n";
        sandbox.package(&folder, name, "1.0.0", more).unwrap();
        give(&sandbox, &folder, user, GROUP);
        set(&sandbox, &folder, 0o2775);
    }
    for (path, mode) in [
        ("team", 0o2775),
        ("team/packages", 0o2775),
        ("team/lumen.toml", 0o664),
    ] {
        let owner = format!("{ANN}:{GROUP}");
        let mut chown = Command::new("chown");
        let status = chown.arg(owner).arg(sandbox.path(path)).status();
        assert!(status.unwrap().success());
        set(&sandbox, path, mode);
    }
    let run = |user: u32, folder: &str| {
        let home = format!("home-{user}/lumen");
        run_in(&sandbox, folder, user, "002", &home, &["pkg", "install"])
    };
    let folders = ["team/packages/of-bob", "team/packages/of-ann", "team"];
    for user in [BOB, ANN, BOB] {
        for folder in folders {
            good(&run(user, folder));
        }
    }
    // Without the group's right to the folder, it is a stranger's manifest.
    set(&sandbox, "team", 0o2755);
    let refused = run(BOB, "team/packages/of-bob");
    fails(&refused, 1, &[&format!("user {ANN}"), "LUMEN_SAFE_FOLDERS"]);
}

#[test]
fn a_group_shares_a_home_and_each_keeps_the_own_keys() {
    let Some(sandbox) = office() else { return };
    for umask in ["002", "022", "077"] {
        let home = format!("shared-{umask}");
        sandbox.write(&format!("{home}/.keep"), "").unwrap();
        give(&sandbox, &home, 0, GROUP);
        set(&sandbox, &home, 0o2775);
        let url = serve_git(&sandbox, umask);
        let ran = |user: u32, arguments: &[&str]| {
            let folder = format!("own-{user}-{umask}");
            let ran = run_in(&sandbox, &folder, user, umask, &home, arguments);
            good(&ran);
        };
        for user in [ANN, BOB] {
            let folder = format!("own-{user}-{umask}");
            let more = format!("[dependencies]\ntext = \"1\"\nfrom-git = {{ git = \"{url}\" }}\n");
            sandbox.package(&folder, "own", "1.0.0", &more).unwrap();
            give(&sandbox, &folder, user, user);
            ran(user, &["pkg", "install"]);
            ran(user, &["pkg", "add", "other"]);
            ran(user, &["pkg", "update"]);
            ran(user, &["pkg", "verify"]);
        }
        // Not the group's: neither the projects of one of them nor the keys.
        assert_eq!(
            mode(&sandbox, &format!("own-{ANN}-{umask}/.lumen")) & 0o022,
            0
        );
        for user in [ANN, BOB] {
            ran(user, &["key", "new", &format!("of-{umask}")]);
            let keys = format!("home-{user}/.config/lumen/keys");
            assert_eq!(mode(&sandbox, &keys) & 0o777, 0o700);
            let key = format!("{keys}/of-{umask}.key");
            assert_eq!(mode(&sandbox, &key) & 0o777, 0o600);
        }
        assert!(!sandbox.path(&format!("{home}/keys")).exists());
        assert_eq!(world_writable(&sandbox, &home), "", "{umask}");
        // Both can clean up after the other one.
        fs::remove_dir_all(sandbox.path(&format!("own-{ANN}-{umask}"))).unwrap();
        ran(BOB, &["pkg", "cache", "clean"]);
    }
}

fn mode(sandbox: &Sandbox, path: &str) -> u32 {
    fs::metadata(sandbox.path(path)).unwrap().mode()
}

/// A repository with the package `from-git`, which everybody can read.
fn serve_git(sandbox: &Sandbox, name: &str) -> String {
    let folder = format!("git-{name}");
    sandbox.package(&folder, "from-git", "1.0.0", "").unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-qm",
            "one",
        ],
    ] {
        let mut git = Command::new("git");
        let status = git
            .args(arguments)
            .current_dir(sandbox.path(&folder))
            .status();
        assert!(status.unwrap().success());
    }
    // Git serves a repository only to its owner, unless told otherwise.
    for user in [ANN, BOB] {
        let config = "[safe]\ndirectory = *\n";
        sandbox
            .write(&format!("home-{user}/.gitconfig"), config)
            .unwrap();
    }
    format!("file://{}", sandbox.path(&folder).display())
}

#[test]
fn what_is_not_shared_says_whose_it_is_and_what_to_do() {
    let Some(sandbox) = office() else { return };
    let own = format!("home-{BOB}/lumen");
    let change: [&[&str]; 3] = [
        &["pkg", "add", "other"],
        &["pkg", "update"],
        &["pkg", "clean"],
    ];
    let install: [&[&str]; 2] = [&["pkg", "install"], &["pkg", "install", "--locked"]];
    let refused = |verbs: &[&[&str]], said: &[&str]| {
        for verb in verbs {
            let ran = run_as(&sandbox, BOB, "022", &own, verb);
            fails(&ran, 1, &["nothing was changed"]);
            fails(&ran, 1, said);
            assert!(!ran.err.contains("LUMEN_HOME"), "{ran:#?}");
        }
    };
    // The administrator worked in a user's checkout, first alone, then beside the user.
    give(&sandbox, "app", BOB, BOB);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let root = "`.lumen` belongs to `root` (user 0), and you may not write to it";
    refused(
        &install,
        &[root, "sudo chown -R", ".lumen` in the project's folder"],
    );
    give(&sandbox, "app/.lumen", BOB, BOB);
    good(&run_as(&sandbox, BOB, "022", &own, &["pkg", "install"]));
    give(&sandbox, "app/.lumen/packages", 0, 0);
    // Where nothing has to be done, all is well.
    good(&run_as(&sandbox, BOB, "022", &own, &["pkg", "install"]));
    refused(
        &change,
        &[
            "`.lumen/packages` belongs to `root`",
            "sudo chown -R",
            " .lumen`",
        ],
    );
    give(&sandbox, "app/.lumen", BOB, BOB);
    for lock in ["install.lock", "links.lock"] {
        give(&sandbox, &format!("app/.lumen/{lock}"), 0, 0);
    }
    refused(
        &change,
        &["install.lock` belongs to `root`", "sudo chown -R"],
    );
    // Of a colleague, in a folder that the group shares, made before it did.
    give(&sandbox, "app", ANN, GROUP);
    give(&sandbox, "app/.lumen", ANN, ANN);
    set(&sandbox, "app", 0o2775);
    refused(
        &change,
        &[
            &format!("`.lumen` belongs to user {ANN}, and you may not write to it"),
            "chmod -R g+w .lumen",
        ],
    );
    // In a folder that is not shared with us, another user's is not used at all.
    give(&sandbox, "app", BOB, GROUP);
    give(&sandbox, "app/.lumen", ANN, GROUP);
    for mode in [0o755, 0o2755, 0o777, 0o1775, 0o2777] {
        set(&sandbox, "app", mode);
        refused(
            &install,
            &[
                &format!("`.lumen` belongs to user {ANN}"),
                "chgrp GROUP . && chmod g+ws .",
            ],
        );
    }
}
