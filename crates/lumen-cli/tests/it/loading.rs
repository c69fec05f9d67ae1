//! A command loads its project once: each file is opened a fixed number of times, however many
//! members there are, and each warning is said once.

use std::{fs, os::unix::fs::symlink};

use lumen_testkit::sandbox::Sandbox;

use crate::{publish, sandbox};

const MEMBERS: usize = 30;

/// A workspace of members that need each other and a package of the registry.
fn workspace(sandbox: &Sandbox) {
    publish(sandbox, "lib", "1.0.0", "");
    sandbox
        .write("ws/lumen.toml", "[workspace]\nmembers = [\"m/*\"]\n")
        .unwrap();
    for n in 0..MEMBERS {
        let before = match n.checked_sub(1) {
            Some(before) => format!("p{before} = {{ path = \"../p{before}\" }}\n"),
            None => String::new(),
        };
        let more = format!("[dependencies]\nlib = \"^1\"\n{before}");
        let folder = format!("ws/m/p{n}");
        sandbox
            .package(&folder, &format!("p{n}"), "1.0.0", &more)
            .unwrap();
    }
}

#[cfg(target_os = "linux")]
mod opens {
    use std::{collections::BTreeMap, io, mem::MaybeUninit};

    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

    use super::*;

    /// How often a command opens each of the files, by the kernel's count.
    fn count(
        sandbox: &Sandbox,
        folder: &str,
        arguments: &[&str],
        files: &[String],
    ) -> BTreeMap<String, usize> {
        let queue = inotify::init(CreateFlags::NONBLOCK).unwrap();
        let mut names = BTreeMap::new();
        for file in files {
            let watch = inotify::add_watch(&queue, sandbox.path(file), WatchFlags::OPEN).unwrap();
            names.insert(watch, file.clone());
        }
        sandbox.ok(folder, arguments).unwrap();
        let mut counts = BTreeMap::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&queue, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => *counts.entry(names[&event.wd()].clone()).or_default() += 1,
                Err(error) if io::Error::from(error).kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        counts
    }

    fn check(sandbox: &Sandbox, folder: &str, arguments: &[&str], most: usize) {
        let members = (0..MEMBERS).map(|n| format!("ws/m/p{n}/lumen.toml"));
        let files: Vec<String> = members.chain(["ws/lumen.toml".to_owned()]).collect();
        let counts = count(sandbox, folder, arguments, &files);
        for file in &files {
            let opens = counts.get(file).copied().unwrap_or_default();
            assert!(
                (1..=most).contains(&opens),
                "{arguments:?} opens {file} {opens} times, not 1 to {most}"
            );
        }
    }

    #[test]
    fn a_manifest_is_opened_once_before_the_lock_and_once_after_it() {
        let sandbox = sandbox();
        workspace(&sandbox);
        check(&sandbox, "ws", &["pkg", "install", "--dry-run"], 1);
        check(&sandbox, "ws", &["pkg", "install"], 2);
        // Nothing to do.
        check(&sandbox, "ws", &["pkg", "install"], 1);
        check(&sandbox, "ws/m/p9", &["pkg", "install"], 1);
        // A link is missing; then so is the lock.
        fs::remove_dir_all(sandbox.path("ws/.lumen/packages")).unwrap();
        check(&sandbox, "ws", &["pkg", "install"], 2);
        fs::remove_file(sandbox.path("ws/lumen.lock")).unwrap();
        check(&sandbox, "ws/m/p9", &["pkg", "install"], 2);
        sandbox
            .write(
                "home/.config/lumen/config.toml",
                "[install]\nlink = \"symlink\"\n",
            )
            .unwrap();
        check(&sandbox, "ws", &["pkg", "install"], 2);
        for command in ["lock", "update", "clean"] {
            check(&sandbox, "ws", &["pkg", command], 2);
        }
        sandbox.ok("ws", &["pkg", "install"]).unwrap();
        for command in ["list", "tree", "outdated", "verify"] {
            check(&sandbox, "ws", &["pkg", command], 1);
        }
        check(
            &sandbox,
            "ws/m/p9",
            &["pkg", "remove", "lib", "--dry-run"],
            1,
        );
    }
}

/// Also where nothing else makes a run look into the manifests.
#[test]
fn an_install_without_work_tells_the_warnings_again() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    let more = "colour = \"red\"\n[dependencies]\nlib = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    for verb in ["Installed", "Up to date"] {
        let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
        assert!(ran.err.contains(verb), "{}", ran.err);
        assert_eq!(
            ran.err.matches("unknown key `colour`").count(),
            1,
            "{}",
            ran.err
        );
    }
}

#[test]
fn each_warning_is_said_once() {
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    let more = "colour = \"red\"\n[dependencies]\nlib = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    let config = "[install]\nlink = \"symlink\"\ncolour = \"red\"\n";
    sandbox
        .write("home/.config/lumen/config.toml", config)
        .unwrap();
    let check = |arguments: &[&str]| {
        let ran = sandbox.ok("app", arguments).unwrap();
        for place in ["[package]", "[install]"] {
            let warning = format!("unknown key `colour` in {place}");
            let said = ran.err.matches(&warning).count();
            assert_eq!(said, 1, "{arguments:?} {warning}: {}", ran.err);
        }
    };
    check(&["pkg", "install"]);
    check(&["pkg", "install"]);
    fs::remove_dir_all(sandbox.path("app/.lumen/packages")).unwrap();
    check(&["pkg", "install"]);
    for command in ["list", "lock", "verify", "update", "outdated"] {
        check(&["pkg", command]);
    }
    check(&["pkg", "publish", "--dry-run"]);
    check(&["pkg", "pack", "--dry-run"]);
    // A damaged package is found, discarded and installed: three steps about one project.
    let link = sandbox.path("app/.lumen/packages/lib");
    fs::remove_file(&link).unwrap();
    symlink("/nowhere", &link).unwrap();
    check(&["pkg", "verify", "--repair"]);
}
