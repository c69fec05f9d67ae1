//! Locks that somebody else holds: told after a moment, and not waited for without end.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use crate::fails;

use super::cloned;

#[test]
fn nobody_can_block_us_for_ever() {
    let sandbox = cloned();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    publishable(&sandbox);
    let locks = [
        ("app/.lumen/install.lock", "app", &["pkg", "install"][..]),
        ("app/.lumen/links.lock", "app", &["pkg", "clean"]),
        ("home/lumen/store/lock", "app", &["pkg", "verify"]),
        ("registry/.lock", "more", &["pkg", "publish", "--yes"]),
    ];
    for (lock, folder, verb) in locks {
        sandbox.write("app/touched", "").unwrap();
        let manifest = sandbox.read("app/lumen.toml").unwrap();
        sandbox
            .write("app/lumen.toml", &format!("{manifest}# changed\n"))
            .unwrap();
        let held = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(sandbox.path(lock))
            .unwrap();
        held.lock().unwrap();
        let mut command = sandbox.command(folder, verb);
        command.env("LUMEN_LIMIT_LOCK_SECONDS", "1");
        let ran = lumen_testkit::sandbox::Ran::of(&command.output().unwrap());
        let path = sandbox.path(lock).display().to_string();
        let said = [
            path.as_str(),
            "waiting for the lock",
            "gave up after 1 seconds",
            "LUMEN_LIMIT_LOCK_SECONDS",
        ];
        fails(&ran, 4, &said);
        // One wait, not one for each of several tries.
        assert_eq!(
            ran.err.matches("waiting for the lock").count(),
            1,
            "{ran:#?}"
        );
        drop(held);
        sandbox.ok(folder, verb).unwrap();
        sandbox.ok("app", &["pkg", "install"]).unwrap();
    }
}

fn publishable(sandbox: &lumen_testkit::sandbox::Sandbox) {
    sandbox.package("more", "more", "1.0.0", "").unwrap();
}

#[test]
fn a_wait_is_told_with_who_holds_the_lock_and_ends_when_it_is_free() {
    let sandbox = cloned();
    publishable(&sandbox);
    let path = sandbox.path("registry/.lock");
    let held = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .unwrap();
    held.lock().unwrap();
    // As a publisher on another machine leaves it.
    fs::write(&path, "lumen-lock-1 4711 eve build-7.example\n").unwrap();
    let mut child = sandbox
        .command("more", &["pkg", "publish", "--yes"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("build-7.example") {
        assert_ne!(said.read_line(&mut text).unwrap(), 0, "{text}");
    }
    assert!(text.contains("waiting for the lock"), "{text}");
    assert!(
        text.contains("by process 4711 of eve on build-7.example"),
        "{text}"
    );
    drop(held);
    said.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    // Nor is it known afterwards who published last, and from where.
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn nobody_else_can_open_the_locks_of_private_places() {
    let sandbox = cloned();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let mut looked = 0;
    let mut folders = vec![sandbox.path("home/lumen"), sandbox.path("app/.lumen")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if name == "lock" || name.ends_with(".lock") {
                looked += 1;
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name}");
            }
        }
    }
    assert!(looked >= 3, "{looked}");
}
