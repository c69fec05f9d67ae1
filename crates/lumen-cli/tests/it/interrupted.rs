//! Commands that their user interrupts: what they leave behind, and what they say of it.

use std::{
    fs,
    io::Read as _,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{crash::stopped, publish, sandbox};

/// More changes than any of the commands makes.
const MOST: u32 = 400;

/// What an interrupted command says, by what it leaves behind.
const UNTOUCHED: &str = "error: interrupted: nothing was changed\n";
const WHOLE: &str = "error: interrupted: what it had begun to change is complete\n";
const PART: &str = "error: interrupted: what it wrote to the registry stays; the same command goes on from there\n";

/// Everything below a folder that has the name of something unfinished.
fn unfinished(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let marks = [".tmp-", "tmp-", ".lumen-vendor-", ".lumen-unpack-"];
        if marks.iter().any(|mark| name.starts_with(mark)) {
            found.push(entry.path().display().to_string());
        }
        if entry.file_type().unwrap().is_dir() {
            unfinished(&entry.path(), found);
        }
    }
}

/// Interrupts a command at every `stride`-th change, each time in a new world, and hands each
/// world and what was said to `check`.
fn interrupted(
    stride: usize,
    world: impl Fn() -> Sandbox,
    folder: &str,
    arguments: &[&str],
    check: impl Fn(&Sandbox, &str),
) {
    let mut said = Vec::new();
    for n in (1..MOST).step_by(stride) {
        let sandbox = world();
        let Some(ran) = stopped(&sandbox, folder, arguments, "LUMEN_FAULT_STOP_AT", n) else {
            break;
        };
        // The last changes may leave nothing more to do.
        if ran.code != Some(0) {
            assert_eq!(ran.code, Some(130), "change {n}: {ran:#?}");
            let lines = [UNTOUCHED, WHOLE, PART];
            let line = lines.into_iter().find(|line| ran.err.contains(line));
            let line = line.unwrap_or_else(|| panic!("change {n}: {ran:#?}"));
            assert_eq!(ran.err.matches("interrupted").count(), 1, "{n}: {ran:#?}");
            check(&sandbox, line);
            said.push(line);
        }
        let mut found = Vec::new();
        for place in ["app", "registry", "copy", "new"] {
            unfinished(&sandbox.path(place), &mut found);
        }
        assert_eq!(found, [""; 0], "change {n}: {ran:#?}");
    }
    assert!(said.len() >= 2, "interrupted only {} times", said.len());
}

/// A registry with two packages, and a project that needs one of them.
fn project() -> Sandbox {
    let sandbox = sandbox();
    for name in ["text", "csv"] {
        publish(&sandbox, name, "1.0.0", "");
    }
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    sandbox.ok("app", &["pkg", "add", "text"]).unwrap();
    sandbox
}

/// Whether a package is in manifest, lock and links of the project; all agree.
fn has(sandbox: &Sandbox, name: &str) -> bool {
    let named = |file: &str| sandbox.read(&format!("app/{file}")).unwrap().contains(name);
    let is_there = |path: &str| sandbox.path(&format!("app/{path}{name}")).exists();
    let found = [
        named("lumen.toml"),
        named("lumen.lock"),
        is_there(".lumen/packages/"),
        is_there(""),
    ];
    assert!(
        found.iter().all(|has| *has == found[0]),
        "in manifest, lock, packages, imports: {found:?}"
    );
    found[0]
}

#[test]
fn a_project_is_as_before_or_complete() {
    for (verb, name, had) in [("add", "csv", false), ("remove", "text", true)] {
        interrupted(7, project, "app", &["pkg", verb, name], |sandbox, said| {
            let changed = has(sandbox, name) != had;
            assert_eq!(said, if changed { WHOLE } else { UNTOUCHED });
            sandbox.ok("app", &["pkg", "install", "--locked"]).unwrap();
        });
    }
}

#[test]
fn a_registry_is_whole_and_the_same_command_goes_on() {
    let world = || {
        let sandbox = project();
        sandbox.package("app", "app", "1.0.0", "").unwrap();
        sandbox
    };
    let publishing = ["pkg", "publish", "--yes"];
    interrupted(11, world, "app", &publishing, |sandbox, said| {
        let is_named = !sandbox
            .ok(".", &["pkg", "search", "app"])
            .unwrap()
            .out
            .is_empty();
        assert!(said == PART || !is_named, "{said}");
        sandbox.ok("app", &publishing).unwrap();
        sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    });
}

#[test]
fn a_mirror_goes_on() {
    let mirroring = ["registry", "mirror", "registry", "copy"];
    interrupted(13, project, ".", &mirroring, |sandbox, _| {
        sandbox.ok(".", &mirroring).unwrap();
        sandbox.ok(".", &["registry", "check", "copy"]).unwrap();
    });
}

#[test]
fn what_is_made_is_there_or_not() {
    let is_there = |file: &'static str, last: &'static str| {
        move |sandbox: &Sandbox, said: &str| {
            let made = sandbox.path(file).exists();
            assert_eq!(made, sandbox.path(last).exists());
            assert_eq!(said, if made { WHOLE } else { UNTOUCHED });
        }
    };
    let packed = ("app/dist/app-1.0.0.tar", "app/dist/.gitignore");
    interrupted(
        1,
        project,
        "app",
        &["pkg", "pack"],
        is_there(packed.0, packed.1),
    );
    let vendored = ("app/vendor", "app/vendor/text/src/main.lm.md");
    interrupted(
        1,
        project,
        "app",
        &["pkg", "vendor"],
        is_there(vendored.0, vendored.1),
    );
    let new = ("new/lumen.toml", "new/.gitattributes");
    interrupted(
        1,
        project,
        ".",
        &["pkg", "new", "new"],
        is_there(new.0, new.1),
    );
}

/// Starts a command against a host that takes connections and never answers, sends it a signal
/// once it waits, and returns how it ended.
fn signalled(sandbox: &Sandbox, signal: &str) -> Ran {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = sandbox.command("app", &["pkg", "update"]);
    let child = command
        .env("LUMEN_REGISTRY", &url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut asked, _) = silent.accept().unwrap();
    asked.read_exact(&mut [0]).unwrap();
    let process = child.id().to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.unwrap().success());
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn a_wait_ends_at_both_signals() {
    let sandbox = sandbox();
    let manifest = "[dependencies]\ntext = \"^1\"\n";
    sandbox.write("app/lumen.toml", manifest).unwrap();
    for signal in ["-INT", "-TERM"] {
        let ran = signalled(&sandbox, signal);
        assert_eq!((ran.code, &*ran.err), (Some(130), UNTOUCHED), "{ran:#?}");
        assert_eq!(sandbox.read("app/lumen.toml").unwrap(), manifest);
        assert!(!sandbox.path("app/lumen.lock").exists());
    }
}
