//! Other users of the machine: manifests above a project, folders of theirs in it.

use std::fs;

use lumen_testkit::sandbox::Sandbox;

use crate::{fails, publish, sandbox};

use super::{cloned, run};

/// Somebody who is neither us nor the administrator.
const STRANGER: u32 = 64_321;
/// Another one.
const OTHER: u32 = 64_322;

/// Gives a file to a user; only the administrator can do that.
fn give(sandbox: &Sandbox, path: &str, user: u32) -> bool {
    match std::os::unix::fs::lchown(sandbox.path(path), Some(user), None) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("not tested, since files cannot be given away here: {error}");
            false
        }
    }
}

/// A package in a folder of everybody, with the workspace of a stranger above it.
fn shared() -> Sandbox {
    let sandbox = sandbox();
    sandbox.package("shared/mine", "mine", "1.0.0", "").unwrap();
    let workspace =
        "[workspace]\nmembers = [\"*\"]\n[registry]\ndefault = \"https://evil.example\"\n";
    sandbox.write("shared/lumen.toml", workspace).unwrap();
    sandbox
}

#[test]
fn a_workspace_above_belongs_to_somebody_we_trust() {
    let sandbox = shared();
    if !give(&sandbox, "shared/lumen.toml", STRANGER) {
        return;
    }
    for verb in [
        &["pkg", "install"][..],
        &["pkg", "pack"],
        &["pkg", "list"],
        &["pkg", "publish", "--dry-run"],
    ] {
        let ran = sandbox.run("shared/mine", verb).unwrap();
        let named = sandbox.path("shared/lumen.toml").display().to_string();
        fails(
            &ran,
            1,
            &[
                &named,
                &STRANGER.to_string(),
                "LUMEN_SAFE_FOLDERS",
                "[workspace]",
            ],
        );
        assert!(!sandbox.path("shared/.lumen").exists());
    }
    // Allowed by the user, not by a project.
    let mut command = sandbox.command("shared/mine", &["pkg", "install"]);
    command.env("LUMEN_SAFE_FOLDERS", sandbox.path("shared"));
    assert!(command.output().unwrap().status.success());
    fs::remove_dir_all(sandbox.path("shared/.lumen")).unwrap();
    // The administrator in the checkout of a user.
    assert!(give(&sandbox, "shared/mine/lumen.toml", STRANGER));
    sandbox.ok("shared/mine", &["pkg", "install"]).unwrap();
    fs::remove_dir_all(sandbox.path("shared/.lumen")).unwrap();
    assert!(give(&sandbox, "shared/mine/lumen.toml", OTHER));
    fails(
        &sandbox.run("shared/mine", &["pkg", "install"]).unwrap(),
        1,
        &["belongs to"],
    );
    // Whoever made the link decides as much as who owns what it leads to.
    assert!(give(&sandbox, "shared/mine/lumen.toml", 0));
    assert!(give(&sandbox, "shared/lumen.toml", 0));
    fs::rename(
        sandbox.path("shared/lumen.toml"),
        sandbox.path("shared/real.toml"),
    )
    .unwrap();
    std::os::unix::fs::symlink("real.toml", sandbox.path("shared/lumen.toml")).unwrap();
    assert!(give(&sandbox, "shared/lumen.toml", STRANGER));
    fails(
        &sandbox.run("shared/mine", &["pkg", "install"]).unwrap(),
        1,
        &["belongs to"],
    );
}

#[test]
fn manifests_of_strangers_that_are_no_workspace_of_ours_do_not_count() {
    let sandbox = shared();
    for text in [
        "no toml",
        "[workspace]\nmembers = [\"other\"]\n",
        "[package]\nname = \"x\"\nversion = \"1.0.0\"\n",
    ] {
        sandbox.write("shared/lumen.toml", text).unwrap();
        if !give(&sandbox, "shared/lumen.toml", STRANGER) {
            return;
        }
        let ran = sandbox.ok("shared/mine", &["pkg", "install"]).unwrap();
        assert!(!ran.err.contains("no toml"), "{ran:#?}");
    }
    // Where there is no manifest, that of a stranger above is not taken.
    fs::create_dir(sandbox.path("shared/none")).unwrap();
    let ran = sandbox.run("shared/none", &["pkg", "install"]).unwrap();
    fails(&ran, 1, &["belongs to", "LUMEN_SAFE_FOLDERS"]);
}

#[test]
fn dot_lumen_of_a_stranger_is_not_used() {
    let sandbox = cloned();
    sandbox
        .write("app/.lumen/packages/text/lumen.toml", "")
        .unwrap();
    for path in ["app/.lumen/packages", "app/.lumen"] {
        if !give(&sandbox, path, STRANGER) {
            return;
        }
        let ran = run(&sandbox, &["pkg", "install"]);
        fails(
            &ran,
            1,
            &["belongs to", &STRANGER.to_string(), "nothing was changed"],
        );
        assert!(!sandbox.path("app/text").exists());
    }
    // As the project: the administrator works in a user's checkout.
    assert!(give(&sandbox, "app/lumen.toml", STRANGER));
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

#[test]
fn the_administrator_and_a_group_share_a_project() {
    use std::os::unix::fs::MetadataExt as _;
    let sandbox = cloned();
    publish(&sandbox, "other", "1.0.0", "");
    let owner = |path: &str| fs::metadata(sandbox.path(path)).unwrap().uid();
    for path in ["app", "app/lumen.toml", "app/lumen.lock"] {
        if !give(&sandbox, path, STRANGER) {
            return;
        }
    }
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    // As if the owner of the folder had installed.
    assert!(give(&sandbox, "app/.lumen/packages", STRANGER));
    assert!(give(&sandbox, "app/.lumen", STRANGER));
    sandbox.ok("app", &["pkg", "add", "other"]).unwrap();
    assert_eq!(owner("app/lumen.toml"), STRANGER);
    assert_eq!(owner("app/lumen.lock"), STRANGER);
    // The manifest is of another one of the group by now.
    assert!(give(&sandbox, "app/lumen.toml", OTHER));
    assert!(give(&sandbox, "app/.lumen", STRANGER));
    sandbox.ok("app", &["pkg", "remove", "other"]).unwrap();
    // A refusal comes before the manifest is changed.
    let before = sandbox.read("app/lumen.toml").unwrap();
    sandbox.write("app/other", "mine").unwrap();
    fails(
        &run(&sandbox, &["pkg", "add", "other"]),
        1,
        &["is in the way"],
    );
    assert_eq!(sandbox.read("app/lumen.toml").unwrap(), before);
    assert_eq!(owner("app/lumen.toml"), OTHER);
}

#[test]
fn a_store_that_others_can_change_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = cloned();
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(!ran.err.contains("others can change"), "{ran:#?}");
    let store = sandbox.path("home/lumen/store");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o777)).unwrap();
    let ran = sandbox.ok("app", &["pkg", "verify"]).unwrap();
    assert!(ran.err.contains("everybody can write to it"), "{ran:#?}");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
    if give(&sandbox, "home/lumen/store", STRANGER) {
        let ran = sandbox.ok("app", &["pkg", "verify"]).unwrap();
        assert!(
            ran.err.contains("others can change the package store"),
            "{ran:#?}"
        );
    }
}
