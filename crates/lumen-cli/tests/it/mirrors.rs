//! Mirrors, and lock files that move between a registry and its mirrors.

use std::fs;

use lumen_testkit::{
    nginx::Nginx,
    sandbox::{Sandbox, tree},
    server::{Server, not_found, ok},
};

use crate::{bare, fails, publish, sandbox};

#[test]
fn a_lock_file_installs_unchanged_from_a_mirror() {
    for signed in [true, false] {
        let sandbox = bare();
        let init = ["registry", "init", "registry", "--unsigned"];
        sandbox
            .ok(".", &init[..if signed { 3 } else { 4 }])
            .unwrap();
        publish(&sandbox, "a", "1.0.0", "");
        publish(&sandbox, "@s/b", "1.0.0", "[dependencies]\na = \"^1\"\n");
        sandbox
            .package("app", "app", "0.1.0", "[dependencies]\n\"@s/b\" = \"^1\"\n")
            .unwrap();
        if !Nginx::is_installed() {
            lumen_testkit::skip::missing("nginx");
            return;
        }
        let origin = Nginx::serve(&sandbox.path("registry"), "/").unwrap();
        let install = ["pkg", "install", "--registry", &origin.url()];
        sandbox.ok("app", &install).unwrap();
        let lock = sandbox.read("app/lumen.lock").unwrap();
        assert!(lock.contains(&origin.url()));

        // From the web to a folder, which another host serves.
        let ran = sandbox
            .ok(".", &["registry", "mirror", &origin.url(), "mirror"])
            .unwrap();
        assert!(ran.err.contains("Mirrored"), "{}", ran.err);
        let again = sandbox
            .ok(".", &["registry", "mirror", &origin.url(), "mirror"])
            .unwrap();
        assert!(again.err.contains("Mirrored nothing"), "{}", again.err);
        fs::rename(sandbox.path("registry"), sandbox.path("gone")).unwrap();
        let host = Nginx::serve(&sandbox.path("mirror"), "/").unwrap();
        for url in [
            host.url(),
            format!("file://{}", sandbox.path("mirror").display()),
        ] {
            for fresh in [false, true] {
                if fresh {
                    // As on another machine.
                    fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
                }
                let _ = fs::remove_dir_all(sandbox.path("app/.lumen"));
                let install = ["pkg", "install", "--locked", "--registry", &url];
                sandbox.ok("app", &install).unwrap();
                assert!(
                    sandbox
                        .path("app/.lumen/packages/a/src/main.lm.md")
                        .is_file()
                );
                assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock, "{url}");
            }
        }
        // Also where the mirror is what the project is configured with.
        fs::remove_dir_all(sandbox.path("home/lumen")).unwrap();
        fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
        let install = sandbox
            .command("app", &["pkg", "install", "--frozen"])
            .env(
                "LUMEN_REGISTRY",
                format!("file://{}", sandbox.path("mirror").display()),
            )
            .output()
            .unwrap();
        assert!(install.status.success());
        assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
    }
}

#[test]
fn a_mirror_with_some_packages_says_so() {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    publish(&sandbox, "b", "1.0.0", "");
    let mirror = [
        "registry",
        "mirror",
        "registry",
        "mirror",
        "--packages",
        "a",
    ];
    let ran = sandbox.ok(".", &mirror).unwrap();
    assert!(
        ran.err.contains("only has packages that match a"),
        "{}",
        ran.err
    );
    // It is whole as what it is.
    sandbox.ok(".", &["registry", "check", "mirror"]).unwrap();
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\nb = \"^1\"\n")
        .unwrap();
    let url = format!("file://{}", sandbox.path("mirror").display());
    let ran = sandbox
        .run("app", &["pkg", "install", "--registry", &url])
        .unwrap();
    fails(&ran, 4, &["`b` is not in this mirror", "`a`"]);
    let ran = sandbox.run(
        ".",
        &[
            "registry",
            "mirror",
            "registry",
            "mirror",
            "--packages",
            "A B",
        ],
    );
    fails(&ran.unwrap(), 1, &["matches no package name"]);
}

#[test]
fn what_cannot_be_a_mirror() {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    let before = tree(&sandbox.path("registry")).unwrap();
    let url = sandbox.registry_url();
    for to in ["registry", "./registry/", &url] {
        let ran = sandbox
            .run(".", &["registry", "mirror", "registry", to])
            .unwrap();
        fails(&ran, 1, &["are the same registry"]);
    }
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    let ran = sandbox
        .run(".", &["registry", "mirror", "other", "registry"])
        .unwrap();
    fails(&ran, 1, &["no mirror of this registry"]);
    let web = "http://127.0.0.1:9/registry";
    let ran = sandbox
        .run(".", &["registry", "mirror", "registry", web])
        .unwrap();
    fails(&ran, 4, &["can only be read"]);
    sandbox
        .ok(".", &["registry", "mirror", "registry", "mirror"])
        .unwrap();
    let mirror = format!("file://{}", sandbox.path("mirror").display());
    sandbox.package("c", "c", "1.0.0", "").unwrap();
    sandbox
        .ok("c", &["pkg", "publish", "--yes", "--registry", &mirror])
        .unwrap();
    let ran = sandbox
        .run(".", &["registry", "mirror", "registry", "mirror"])
        .unwrap();
    fails(&ran, 3, &["does not continue", "wrote to the mirror"]);
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
}

#[test]
fn nothing_is_made_of_nothing() {
    let sandbox = sandbox();
    let ran = sandbox.run(".", &["registry", "mirror", "nowhere", "copy"]);
    fails(&ran.unwrap(), 4, &["nowhere"]);
    assert!(!sandbox.path("copy").exists());
}

#[test]
fn garbage_is_shown_and_removed() {
    let sandbox = sandbox();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&sandbox, "a", version, "");
    }
    let count = || tree(&sandbox.path("registry")).unwrap().len();
    let before = count();
    let ran = sandbox.ok(".", &["registry", "gc", "registry"]).unwrap();
    assert!(ran.err.contains("Removed nothing"), "{}", ran.err);
    let now = ["registry", "gc", "registry", "--grace", "0h", "--dry-run"];
    let ran = sandbox.ok(".", &now).unwrap();
    assert!(
        ran.out.contains("log") && ran.err.contains("Would remove"),
        "{ran:?}"
    );
    assert_eq!(count(), before);
    sandbox.ok(".", &now[..5]).unwrap();
    assert!(count() < before - 10);
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    let ran = sandbox.run(".", &["registry", "gc", "registry", "--grace", "soon"]);
    fails(&ran.unwrap(), 2, &["hours, days or weeks"]);
}

/// Files of a registry that follow from no other: releases, artifacts and file lists.
fn contents(sandbox: &Sandbox) -> Vec<String> {
    let files = tree(&sandbox.path("registry")).unwrap().into_iter();
    let mut files: Vec<String> = files.map(|(path, _)| path).collect();
    files.retain(|path| {
        let is_release = path.starts_with("packages/") && !path.ends_with("index.json");
        is_release || path.starts_with("artifacts/")
    });
    files
}

#[test]
fn lost_files_come_back_from_a_mirror() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(
        &sandbox,
        "csv",
        "1.0.0",
        "[dependencies]\ntext = \"1.0.0\"\n",
    );
    let mirror = ["registry", "mirror", "registry", "mirror"];
    sandbox.ok(".", &mirror).unwrap();
    let before = tree(&sandbox.path("registry")).unwrap();
    let root = sandbox.path("mirror");
    let server = Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        match fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(bytes) => ok(&bytes),
            Err(_) => not_found(),
        }
    });
    let url = server.url();
    let files = contents(&sandbox);
    assert!(files.len() > 6, "{files:?}");
    let at = |path: &str| sandbox.path("registry").join(path);
    let repair = |from: &str| {
        sandbox
            .run(".", &["registry", "repair", "registry", "--from", from])
            .unwrap()
    };
    for from in ["mirror", &*url] {
        // All at once, and each damaged.
        files
            .iter()
            .for_each(|file| fs::remove_file(at(file)).unwrap());
        let ran = repair(from);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("Restored"), "{ran:#?}");
        assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
        let damaged = files.iter().filter(|file| !file.ends_with(".files"));
        for file in damaged {
            fs::write(at(file), "damaged").unwrap();
        }
        let ran = repair(from);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
        let ran = repair(from);
        assert!(ran.err.contains("Restored nothing"), "{ran:#?}");
    }
    // The command lists files that the mirror lacks, and refuses those that differ from the log.
    let lost = files.iter().find(|file| file.ends_with(".tar")).unwrap();
    fs::remove_file(at(lost)).unwrap();
    let in_mirror = sandbox.path("mirror").join(lost);
    let kept = fs::read(&in_mirror).unwrap();
    fs::remove_file(&in_mirror).unwrap();
    fails(
        &repair("mirror"),
        4,
        &["the source lacks", lost, "everything else that was lost"],
    );
    fs::write(&in_mirror, vec![b'x'; kept.len()]).unwrap();
    fails(&repair("mirror"), 3, &[lost]);
    assert!(!at(lost).exists());
    // Without signatures, no log says which file is the right one.
    let init = ["registry", "init", "--unsigned", "plain"];
    sandbox.ok(".", &init).unwrap();
    let plain = ["registry", "repair", "plain", "--from", "mirror"];
    fails(&sandbox.run(".", &plain).unwrap(), 1, &["not signed"]);
}
