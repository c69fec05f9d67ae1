//! What is really in a project: `verify` reads it, and no record makes up for it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::fails;

use super::{cloned, run};

fn installed(mode: &str) -> Sandbox {
    let sandbox = cloned();
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let text = format!("{manifest}[install]\nlink = \"{mode}\"\n");
    sandbox.write("app/lumen.toml", &text).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    sandbox.ok("app", &["pkg", "verify"]).unwrap();
    sandbox
}

/// Gives a package other files, as careful as an attacker: the folder has its old time.
fn forge(sandbox: &Sandbox, change: impl FnOnce(&str)) {
    let packages = sandbox.path("app/.lumen/packages");
    let time = fs::metadata(&packages).unwrap().modified().unwrap();
    change("app/.lumen/packages/text");
    let folder = fs::File::open(&packages).unwrap();
    folder.set_modified(time).unwrap();
}

#[test]
fn files_in_the_project_are_compared_and_mended_in_every_mode() {
    for mode in ["copy", "hardlink", "reflink", "symlink"] {
        let sandbox = installed(mode);
        forge(&sandbox, |package| {
            let (folder, file) = (
                sandbox.path(package),
                sandbox.path(package).join("src/main.lm.md"),
            );
            if mode == "symlink" {
                // A folder with the right name and other contents.
                fs::remove_file(&folder).unwrap();
                fs::create_dir_all(folder.join("src")).unwrap();
            } else {
                fs::remove_file(&file).unwrap();
            }
            fs::write(&file, "# text 6.6.6\n").unwrap();
            fs::write(folder.join("src/more.lm.md"), "").unwrap();
        });
        let ran = run(&sandbox, &["pkg", "verify"]);
        fails(&ran, 3, &["not as they were published: 1", "--repair"]);
        assert!(
            ran.out
                .contains("text 1.0.0: src/main.lm.md changed in the project\n"),
            "{mode}: {ran:#?}"
        );
        assert!(
            ran.out.contains("src/more.lm.md added in the project\n"),
            "{mode}: {ran:#?}"
        );
        sandbox.ok("app", &["pkg", "verify", "--repair"]).unwrap();
        sandbox.ok("app", &["pkg", "verify"]).unwrap();
        assert_eq!(
            sandbox.read("app/text/main.lm.md").unwrap(),
            "# text 1.0.0\n"
        );
        assert!(!sandbox.path("app/text/more.lm.md").exists(), "{mode}");
    }
}

#[test]
fn links_must_lead_to_the_package_that_is_locked() {
    let sandbox = installed("symlink");
    sandbox
        .write("evil/src/main.lm.md", "# text 6.6.6\n")
        .unwrap();
    let evil = sandbox.path("evil");
    let mended = || {
        sandbox.ok("app", &["pkg", "verify", "--repair"]).unwrap();
        sandbox.ok("app", &["pkg", "verify"]).unwrap();
        assert_eq!(
            sandbox.read("app/text/main.lm.md").unwrap(),
            "# text 1.0.0\n"
        );
    };
    forge(&sandbox, |package| {
        fs::remove_file(sandbox.path(package)).unwrap();
        symlink(&evil, sandbox.path(package)).unwrap();
    });
    let ran = run(&sandbox, &["pkg", "verify"]);
    fails(&ran, 3, &["not as they were published: 1"]);
    assert_eq!(ran.out, "text 1.0.0: the project does not link to it\n");
    mended();
    // A package that nobody locked.
    symlink(&evil, sandbox.path("app/.lumen/packages/json")).unwrap();
    let ran = run(&sandbox, &["pkg", "verify"]);
    fails(&ran, 3, &["not as they were published: 1"]);
    assert_eq!(ran.out, ".lumen/packages/json: no locked package\n");
    mended();
    assert!(!sandbox.path("app/.lumen/packages/json").exists());
    // The import link itself.
    fs::remove_file(sandbox.path("app/text")).unwrap();
    symlink(evil.join("src"), sandbox.path("app/text")).unwrap();
    let ran = run(&sandbox, &["pkg", "verify"]);
    fails(&ran, 3, &["not as they were published: 1"]);
    assert!(
        ran.out
            .contains("the import link `text` is missing or leads elsewhere"),
        "{ran:#?}"
    );
    // It may be the user's own: repairing does not take it away.
    fails(
        &run(&sandbox, &["pkg", "verify", "--repair"]),
        1,
        &["`text` is in the way"],
    );
    fs::remove_file(sandbox.path("app/text")).unwrap();
    mended();
}

/// A clone brings packages, links and a state that say that everything is installed.
#[test]
fn a_forged_install_is_not_up_to_date() {
    for mode in ["copy", "symlink"] {
        let sandbox = installed(mode);
        // With a record in the project, as older versions of Lumen made and believed it.
        let state = sandbox.path("app/.lumen/state.json");
        let records = fs::read_dir(sandbox.path("home/lumen/projects")).unwrap();
        for record in records.map(|entry| entry.unwrap().path()) {
            if !state.exists() {
                fs::copy(&record, &state).unwrap();
            }
            fs::remove_file(record).unwrap();
        }
        forge(&sandbox, |package| {
            let folder = sandbox.path(package);
            fs::remove_file(&folder).unwrap_or_else(|_| fs::remove_dir_all(&folder).unwrap());
            sandbox
                .write(&format!("{package}/src/main.lm.md"), "# text 6.6.6\n")
                .unwrap();
        });
        let ran = sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
        assert!(!ran.err.contains("Up to date"), "{mode}: {ran:#?}");
        assert_eq!(
            sandbox.read("app/text/main.lm.md").unwrap(),
            "# text 1.0.0\n"
        );
    }
}

/// A branch of the clone has packages, which git puts over those that were installed.
#[test]
fn what_git_checks_out_over_an_install_is_noticed_in_every_mode() {
    for mode in ["copy", "hardlink", "reflink", "symlink"] {
        let sandbox = installed(mode);
        let git = |arguments: &[&str]| {
            let mut git = std::process::Command::new("git");
            git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
            let output = git
                .args(arguments)
                .current_dir(sandbox.path("app"))
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        };
        // The packages of the branch, made beside the install.
        fs::rename(sandbox.path("app/.lumen"), sandbox.path("kept")).unwrap();
        git(&["init", "--quiet", "-b", "main"]);
        git(&["add", "lumen.toml", "lumen.lock", "src"]);
        git(&["commit", "--quiet", "-m", "one"]);
        git(&["checkout", "--quiet", "-b", "evil"]);
        let forged = ["text/src/main.lm.md", "extra/src/main.lm.md"];
        // Of a symlink, git would replace the link, which is another attack.
        for file in &forged[usize::from(mode == "symlink")..] {
            let file = format!("app/.lumen/packages/{file}");
            sandbox.write(&file, "# text 6.6.6\n").unwrap();
        }
        git(&["add", "--force", ".lumen"]);
        git(&["commit", "--quiet", "-m", "two"]);
        git(&["checkout", "--quiet", "main"]);
        fs::rename(sandbox.path("kept"), sandbox.path("app/.lumen")).unwrap();
        for verb in [
            &["pkg", "install", "--locked"],
            &["pkg", "install", "--frozen"],
        ] {
            let before = run(&sandbox, verb);
            assert!(before.err.contains("Up to date"), "{mode}: {before:#?}");
            git(&["checkout", "--quiet", "--force", "evil"]);
            assert!(sandbox.path("app/.lumen/packages/extra").exists());
            let ran = sandbox.ok("app", verb).unwrap();
            assert!(!ran.err.contains("Up to date"), "{mode}: {ran:#?}");
            assert_eq!(
                sandbox.read("app/text/main.lm.md").unwrap(),
                "# text 1.0.0\n"
            );
            assert!(
                !sandbox.path("app/.lumen/packages/extra").exists(),
                "{mode}"
            );
            sandbox.ok("app", &["pkg", "verify"]).unwrap();
            git(&["checkout", "--quiet", "--force", "main"]);
            sandbox.ok("app", &["pkg", "install"]).unwrap();
        }
    }
}

/// Everything below a folder that somebody else could write to.
fn writable(sandbox: &Sandbox, folder: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(sandbox.path(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata().unwrap();
        if metadata.is_symlink() {
            continue;
        }
        if metadata.permissions().mode() & 0o022 != 0 {
            found.push(path.clone());
        }
        if metadata.is_dir() {
            writable(sandbox, &path, found);
        }
    }
}

#[test]
fn nothing_of_ours_is_writable_for_others_whatever_the_umask() {
    for mode in ["symlink", "copy"] {
        let sandbox = cloned();
        let manifest = sandbox.read("app/lumen.toml").unwrap();
        let text = format!("{manifest}[install]\nlink = \"{mode}\"\nimport-root = \"deps\"\n");
        sandbox.write("app/lumen.toml", &text).unwrap();
        fs::remove_dir_all(sandbox.path("home")).unwrap();
        sandbox.write("home/.keep", "").unwrap();
        let loose = |folder: &str, arguments: &[&str]| {
            let lumen = sandbox.command(folder, arguments);
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", "umask 000; exec \"$0\" \"$@\""]);
            shell.arg(lumen.get_program()).args(lumen.get_args());
            shell.current_dir(sandbox.path(folder)).env_clear();
            shell.envs(
                lumen
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
            let output = shell.output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        };
        loose(".", &["key", "new"]);
        loose("app", &["pkg", "install"]);
        loose("app", &["pkg", "vendor", "copies"]);
        let mut found = Vec::new();
        for folder in ["home", "app/.lumen", "app/copies", "app/deps"] {
            writable(&sandbox, folder, &mut found);
        }
        assert_eq!(found, [""; 0], "{mode}");
    }
}

#[test]
fn a_package_that_the_store_lacks_is_told_once() {
    for mode in ["symlink", "copy"] {
        let sandbox = installed(mode);
        let mut command = sandbox.command("app", &["pkg", "verify"]);
        command.env("LUMEN_HOME", sandbox.path("other-home"));
        let ran = Ran::of(&command.output().unwrap());
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        assert_eq!(ran.out.matches("text").count(), 1, "{mode}: {ran:#?}");
        assert!(!ran.out.contains("no locked package"), "{mode}: {ran:#?}");
    }
}
