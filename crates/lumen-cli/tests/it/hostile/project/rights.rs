//! Folders and files of the user's own that the user made read-only, or unreadable.

use std::process::Command;

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::fails;

use super::shared::{BOB, give, good, office, run_as};

/// A project of a user in which packages were installed as files.
fn installed(mode: &str) -> Option<Sandbox> {
    let sandbox = office()?;
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let text = format!("{manifest}[install]\nlink = \"{mode}\"\n");
    sandbox.write("app/lumen.toml", &text).unwrap();
    give(&sandbox, "app", BOB, BOB);
    good(&bob(&sandbox, &["pkg", "install"]));
    Some(sandbox)
}

fn bob(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    run_as(sandbox, BOB, "022", &format!("home-{BOB}/lumen"), arguments)
}

fn chmod(sandbox: &Sandbox, mode: &str, path: &str) {
    let mut chmod = Command::new("chmod");
    let status = chmod.args(["-R", mode]).arg(sandbox.path(path)).status();
    assert!(status.unwrap().success());
}

fn up_to_date(ran: &Ran) {
    good(ran);
    assert!(ran.err.contains("Up to date"), "{ran:#?}");
}

/// Nothing of an unfinished install is left.
fn is_clean(sandbox: &Sandbox) {
    for name in std::fs::read_dir(sandbox.path("app/.lumen")).unwrap() {
        let name = name.unwrap().file_name();
        assert!(!name.to_string_lossy().contains("tmp-"), "{name:?}");
    }
}

#[test]
fn packages_that_only_became_read_only_are_left_and_removed_when_need_be() {
    for mode in ["copy", "hardlink", "reflink"] {
        let Some(sandbox) = installed(mode) else {
            return;
        };
        chmod(&sandbox, "a-w", "app/.lumen/packages/text");
        for arguments in [
            &["pkg", "install"][..],
            &["pkg", "install", "--locked"],
            &["pkg", "update"],
        ] {
            good(&bob(&sandbox, arguments));
        }
        up_to_date(&bob(&sandbox, &["pkg", "install"]));
        good(&bob(&sandbox, &["pkg", "verify"]));
        good(&bob(&sandbox, &["pkg", "add", "other"]));
        is_clean(&sandbox);
        chmod(&sandbox, "a-w", "app/.lumen/packages/text");
        good(&bob(&sandbox, &["pkg", "clean"]));
    }
}

#[test]
fn a_project_that_is_read_only_is_up_to_date_as_long_as_its_files_are_right() {
    for mode in ["copy", "hardlink", "symlink"] {
        let Some(sandbox) = installed(mode) else {
            return;
        };
        let locked: [&[&str]; 2] = [
            &["pkg", "install", "--locked"],
            &["pkg", "install", "--frozen"],
        ];
        let file = "app/.lumen/packages/text/src/main.lm.md";
        let forge = |sandbox: &Sandbox, text: &str| {
            std::fs::remove_file(sandbox.path(file)).unwrap();
            sandbox.write(file, text).unwrap();
            give(sandbox, file, BOB, BOB);
        };
        // As from a backup: every file is another one, at the same place.
        let mut copy = Command::new("cp");
        let (app, restored) = (sandbox.path("app"), sandbox.path("restored"));
        assert!(
            copy.arg("-a")
                .args([&app, &restored])
                .status()
                .unwrap()
                .success()
        );
        for is_restored in [false, true] {
            if is_restored {
                std::fs::remove_dir_all(&app).unwrap();
                std::fs::rename(&restored, &app).unwrap();
            }
            chmod(&sandbox, "a-w", "app");
            for arguments in locked {
                up_to_date(&bob(&sandbox, arguments));
                up_to_date(&bob(&sandbox, arguments));
            }
            if mode == "copy" {
                // The same size; the modes still forbid to mend it, and say what to do.
                let original = sandbox.read(file).unwrap();
                forge(&sandbox, &original.replace("1.0.0", "6.6.6"));
                let refused = bob(&sandbox, locked[0]);
                fails(&refused, 1, &["is yours", "`chmod -R u+w .lumen`"]);
                forge(&sandbox, &original);
                up_to_date(&bob(&sandbox, locked[0]));
            }
            chmod(&sandbox, "u+w", "app");
            good(&bob(&sandbox, &["pkg", "install"]));
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_and_mended() {
    for (path, told) in [
        (
            "text/src/main.lm.md",
            "src/main.lm.md other permissions in the project",
        ),
        ("text/src", "src other permissions in the project"),
    ] {
        let Some(sandbox) = installed("copy") else {
            return;
        };
        let whole = format!("app/.lumen/packages/{path}");
        let unreadable = || {
            let mut chmod = Command::new("chmod");
            let status = chmod.arg("0").arg(sandbox.path(&whole)).status();
            assert!(status.unwrap().success());
        };
        unreadable();
        let ran = bob(&sandbox, &["pkg", "verify"]);
        fails(&ran, 3, &["not as they were published: 1", "--repair"]);
        assert!(ran.out.contains(told), "{ran:#?}");
        good(&bob(&sandbox, &["pkg", "verify", "--repair"]));
        good(&bob(&sandbox, &["pkg", "verify"]));
        is_clean(&sandbox);
        unreadable();
        good(&bob(&sandbox, &["pkg", "install"]));
        good(&bob(&sandbox, &["pkg", "verify"]));
        is_clean(&sandbox);
    }
}
