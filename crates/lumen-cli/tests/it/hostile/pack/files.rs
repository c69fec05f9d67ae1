//! Links and patterns that lead out of the package's folder.

use std::{os::unix::fs::symlink, process::Command};

use lumen_testkit::sandbox::{Ran, Sandbox};

use super::{SECRET, has_bytes, package};
use crate::{bare, fails, sandbox};

/// A package with a link to a folder of the user's, and with whatever else the attacker wrote.
fn clone(include: &str) -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("home/.ssh/id_ed25519", SECRET).unwrap();
    sandbox.write("home/notes.txt", SECRET).unwrap();
    package(&sandbox, "p", &format!("include = [{include}]"));
    std::fs::create_dir(sandbox.path("p/assets")).unwrap();
    symlink("../../home", sandbox.path("p/assets/home")).unwrap();
    symlink("/proc/self", sandbox.path("p/assets/proc")).unwrap();
    symlink("../../home/notes.txt", sandbox.path("p/assets/notes")).unwrap();
    sandbox
}

/// Runs what makes an archive of a package, with a secret in the environment.
fn try_all(sandbox: &Sandbox, folder: &str) -> Vec<Ran> {
    let ways: [&[&str]; 5] = [
        &["pkg", "pack", "--out", "out"],
        &["pkg", "pack", "--dry-run"],
        &["pkg", "publish", "--dry-run"],
        &["pkg", "submit", "--out", "out"],
        &["pkg", "publish", "--yes"],
    ];
    let run = |arguments: &&[&str]| {
        let mut command = sandbox.command(folder, arguments);
        command.env("HIDDEN", SECRET);
        Ran::of(&command.output().unwrap())
    };
    ways.iter().map(run).collect()
}

#[test]
fn a_path_behind_a_link_out_of_the_package_is_refused() {
    for (include, link, target) in [
        (
            "\"src\", \"assets/proc/environ\"",
            "assets/proc",
            "/proc/self",
        ),
        (
            "\"assets/home/.ssh/id_ed25519\"",
            "assets/home",
            "../../home",
        ),
        ("\"assets/home/.ssh\"", "assets/home", "../../home"),
        ("\"assets/home/notes.txt\"", "assets/home", "../../home"),
        ("\"./assets/home/notes.txt\"", "assets/home", "../../home"),
        ("\"/assets/home/notes.txt\"", "assets/home", "../../home"),
        ("\"assets/notes\"", "assets/notes", "../../home/notes.txt"),
        ("\"assets/*\"", "assets/notes", "../../home/notes.txt"),
    ] {
        let sandbox = clone(include);
        for ran in try_all(&sandbox, "p") {
            let told = format!("`{link}` (to `{target}`)");
            fails(&ran, 1, &["lead out of the package", &told, "hint:"]);
        }
        assert!(!sandbox.path("p/out").exists());
        assert!(!has_bytes(&sandbox, "registry", SECRET));
    }
}

#[test]
fn patterns_find_nothing_behind_a_link() {
    for include in ["\"assets/home/**\"", "\"**/id_ed25519\"", "\"assets/home\""] {
        let sandbox = clone(&format!("\"src\", {include}"));
        for ran in try_all(&sandbox, "p") {
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            assert!(!ran.out.contains("home/"), "{ran:#?}");
        }
        assert!(!has_bytes(&sandbox, "p/out", SECRET));
    }
}

#[test]
fn a_pattern_that_cannot_mean_a_file_of_the_package_is_shown() {
    for pattern in [
        "../home/notes.txt",
        "assets/../../home",
        "!../home",
        "~/.ssh",
        "//server/share",
        "C:/Users",
        "assets\\\\home",
    ] {
        let sandbox = clone(&format!("\"src\", \"{pattern}\""));
        for ran in try_all(&sandbox, "p") {
            fails(&ran, 1, &["lumen.toml:6:", "hint:"]);
        }
    }
}

#[test]
fn what_version_control_keeps_is_never_packed() {
    for include in [".git", ".git/config", "notes.txt", ".GIT/config"] {
        let sandbox = sandbox();
        package(
            &sandbox,
            "p",
            &format!("include = [\"src\", \"{include}\"]"),
        );
        sandbox.write("p/.git/config", SECRET).unwrap();
        symlink(".git/config", sandbox.path("p/notes.txt")).unwrap();
        let ran = sandbox.ok("p", &["pkg", "pack", "--out", "out"]).unwrap();
        assert!(ran.err.contains("is left out"), "{ran:#?}");
        assert!(!has_bytes(&sandbox, "p/out", SECRET), "{include}");
    }
}

#[test]
fn a_vendored_folder_is_held_to_the_same_rules() {
    let sandbox = clone("\"src\", \"assets/home/notes.txt\"");
    let dependency = "[dependencies]\np = { path = \"../p\" }\n";
    sandbox.package("app", "app", "1.0.0", dependency).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let ran = sandbox.run("app", &["pkg", "vendor"]).unwrap();
    fails(
        &ran,
        1,
        &["cannot copy `p`", "`assets/home` (to `../../home`)"],
    );
    // A folder that looks like an entry of the store is none, and its record is not believed.
    let dependency = "[dependencies]\np = { path = \"../entry/tree\" }\n";
    sandbox.package("app", "app", "1.0.0", dependency).unwrap();
    package(&sandbox, "entry/tree", "");
    let record = format!(
        "lumen store 1\nsources src\nmanifest -\nmodes yes\nunpacked 1\nfiles 1\nfolders 0\n\
         - 26 {} ../../home/notes.txt\nend\n",
        "0".repeat(64)
    );
    sandbox.write("entry/files", &record).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "vendor"]).unwrap();
    assert!(sandbox.path("app/vendor/p/src/main.lm.md").exists());
    // What would not be published is not copied either.
    package(&sandbox, "entry/tree", "exclude = [\"notes\"]");
    sandbox.write("entry/tree/notes/x", SECRET).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "vendor"]).unwrap();
    assert!(!has_bytes(&sandbox, "app/vendor", SECRET));
}

#[test]
fn a_path_in_a_git_repository_stays_in_it() {
    let sandbox = bare();
    sandbox
        .write(
            "home/lib/lumen.toml",
            "[package]\nname = \"lib\"\nversion = \"1.0.0\"\n",
        )
        .unwrap();
    sandbox.write("home/lib/notes.txt", SECRET).unwrap();
    let more = "[dependencies]\nlib = { path = \"linked/lib\" }\n";
    sandbox.package("repo", "tool", "1.0.0", more).unwrap();
    symlink(sandbox.path("home"), sandbox.path("repo/linked")).unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "-A"],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "commit",
            "-qm",
            "1",
        ],
    ] {
        let repo = sandbox.path("repo");
        let done = Command::new("git")
            .arg("-C")
            .arg(repo)
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    let url = format!("file://{}", sandbox.path("repo").display());
    let dependency = format!("[dependencies]\ntool = {{ git = \"{url}\" }}\n");
    sandbox.package("app", "app", "1.0.0", &dependency).unwrap();
    let ran = sandbox.run("app", &["pkg", "install"]).unwrap();
    fails(&ran, 1, &["lib", "hint:"]);
    assert!(!sandbox.path("app/lumen.lock").exists());
}

#[test]
fn nothing_is_written_through_a_link_that_a_clone_has() {
    for (link, below) in [
        ("submissions", ""),
        ("submissions/p", ""),
        (".github", "workflows/"),
    ] {
        let sandbox = sandbox();
        sandbox.write("home/notes.txt", "mine").unwrap();
        std::fs::create_dir_all(sandbox.path("home/workflows")).unwrap();
        package(&sandbox, "p", "");
        let place = sandbox.path("p").join(link);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(sandbox.path("home"), &place).unwrap();
        let before = lumen_testkit::sandbox::tree(&sandbox.path("home/workflows")).unwrap();
        let ran = match below {
            "" => sandbox.run("p", &["pkg", "submit"]).unwrap(),
            _ => {
                let arguments = [
                    "registry",
                    "ci",
                    "github",
                    "s3://b/r",
                    "--source",
                    "https://example.org/l",
                ];
                sandbox.run("p", &arguments).unwrap()
            }
        };
        fails(
            &ran,
            1,
            &[&format!("`{link}` leads out of this folder"), "hint:"],
        );
        assert!(!sandbox.path("home/p").exists() && !sandbox.path("home/1.0.0").exists());
        let after = lumen_testkit::sandbox::tree(&sandbox.path("home/workflows")).unwrap();
        assert_eq!(before, after);
    }
    // Who names the folder means it.
    let sandbox = sandbox();
    package(&sandbox, "p", "");
    std::fs::create_dir(sandbox.path("reg")).unwrap();
    symlink("../reg", sandbox.path("p/to")).unwrap();
    sandbox.ok("p", &["pkg", "submit", "--out", "to"]).unwrap();
    assert!(sandbox.path("reg/p/1.0.0/submission.json").exists());
}
