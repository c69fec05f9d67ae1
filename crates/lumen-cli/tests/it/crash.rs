//! A process killed at every storage operation of an init, a publish and an install.

use std::{collections::BTreeSet, fs, path::Path};

use lumen_core::Digest;
use lumen_testkit::sandbox::{Ran, Sandbox, tree};
use tempfile::TempDir;

use crate::{bare, publish, sandbox};

/// The log of faults, in the sandbox.
const FAULTS: &str = "faults.log";

/// The command that publishes the package of its folder.
const PUBLISHING: [&str; 3] = ["pkg", "publish", "--yes"];

/// Far more operations than either command has.
const MOST: u32 = 400;

/// Runs a command that is stopped at its n-th storage operation; `None` when it has fewer.
///
/// A command may get over an operation that fails, a clean-up for example, and succeed.
pub fn stopped(
    sandbox: &Sandbox,
    folder: &str,
    arguments: &[&str],
    variable: &str,
    n: u32,
) -> Option<Ran> {
    let log = sandbox.path(FAULTS);
    let _ = fs::remove_file(&log);
    let mut command = sandbox.command(folder, arguments);
    command
        .env(variable, n.to_string())
        .env("LUMEN_FAULT_LOG", &log);
    let ran = Ran::of(&command.output().unwrap());
    let passed = fs::read_to_string(&log).unwrap_or_default().lines().count();
    (passed >= n as usize).then_some(ran)
}

/// Whether a stranger sees the new release, and can install everything there is.
fn readable(sandbox: &Sandbox, project: &str) -> bool {
    sandbox
        .package(project, "reader", "1.0.0", "[dependencies]\nold = \"^1\"\n")
        .unwrap();
    let _ = fs::remove_file(sandbox.path(&format!("{project}/lumen.lock")));
    sandbox.ok(project, &["pkg", "install"]).unwrap();
    let info = sandbox.run(".", &["pkg", "info", "old@1.1.0"]).unwrap();
    if info.code == Some(0) {
        sandbox
            .package(
                project,
                "reader",
                "1.0.0",
                "[dependencies]\nold = \"=1.1.0\"\n",
            )
            .unwrap();
        sandbox.ok(project, &["pkg", "install"]).unwrap();
    }
    info.code == Some(0)
}

/// Folders of a sandbox as they were, to be had again at the same path as often as it takes.
struct Saved<'s> {
    sandbox: &'s Sandbox,
    copy: TempDir,
}

impl<'s> Saved<'s> {
    fn of(sandbox: &'s Sandbox) -> Self {
        let copy = TempDir::new().unwrap();
        copy_tree(&sandbox.path(""), copy.path());
        Self { sandbox, copy }
    }

    fn restore(&self) {
        for entry in fs::read_dir(self.sandbox.path("")).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        copy_tree(self.copy.path(), &self.sandbox.path(""));
    }

    /// A digest of all names and bytes.
    fn digest(&self) -> Digest {
        let mut all = Vec::new();
        for (name, bytes) in tree(self.copy.path()).unwrap() {
            // The names of temporary files are made up, and the log of faults counts them.
            let name = name.split(".tmp-").next().unwrap_or_default().to_owned();
            if name != FAULTS {
                all.extend(format!("{name}\0{}\0", bytes.len()).into_bytes());
                all.extend(bytes);
            }
        }
        Digest::of(&all)
    }
}

/// Copies plain files and folders, with their modes.
fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap().is_dir() {
            true => {
                fs::create_dir(&to).unwrap();
                copy_tree(&from, &to);
                fs::set_permissions(&to, fs::metadata(&from).unwrap().permissions()).unwrap();
            }
            false => drop(fs::copy(from, to).unwrap()),
        }
    }
}

/// Stops a publish at each of its operations. Most of them only flush what is there, so fewer
/// states are left than there are operations, and what the next command does depends on the
/// state alone: it is tried once for each. The stops follow each other quickly, since files
/// that say another second are another state.
fn states_of_stopped_publish<'s>(before: &Saved<'s>, variable: &str) -> Vec<(u32, Saved<'s>)> {
    let mut seen = BTreeSet::new();
    let mut states = Vec::new();
    for n in 1..MOST {
        before.restore();
        let Some(ran) = stopped(before.sandbox, "next", &PUBLISHING, variable, n) else {
            assert!(n > 50, "only {n} operations");
            return states;
        };
        let after = Saved::of(before.sandbox);
        if seen.insert((ran.code, after.digest())) {
            states.push((n, after));
        }
    }
    panic!("the publish never came to its end");
}

fn publish_survives(variable: &str) {
    let sandbox = sandbox();
    publish(&sandbox, "old", "1.0.0", "");
    sandbox.package("next", "old", "1.1.0", "").unwrap();
    let states = states_of_stopped_publish(&Saved::of(&sandbox), variable);
    // Files of another second add to them.
    assert!(states.len() > 8, "only {} states", states.len());
    for (at, (n, state)) in states.into_iter().enumerate() {
        state.restore();
        readable(&sandbox, "reader");
        // Another publisher of the same package carries on, or the same one does.
        let other = at % 2 == 0;
        if other {
            publish(&sandbox, "old", "1.2.0", "");
            readable(&sandbox, "reader");
        }
        sandbox.ok("next", &PUBLISHING).unwrap();
        assert!(readable(&sandbox, "reader"), "operation {n}");
        let global = sandbox.read("registry/index.json").unwrap();
        let latest = if other { "1.2.0" } else { "1.1.0" };
        assert!(
            global.contains(&format!("\"latest\": \"{latest}\"")),
            "operation {n}: {global}"
        );
        sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    }
}

#[test]
fn a_killed_publish_is_finished_by_the_next() {
    publish_survives("LUMEN_FAULT_AT");
}

#[test]
fn a_failed_publish_is_finished_by_the_next() {
    publish_survives("LUMEN_FAULT_ERROR_AT");
}

#[test]
fn a_killed_init_is_finished_by_the_next() {
    for n in 1..MOST {
        let sandbox = bare();
        let init = ["registry", "init", "registry"];
        let Some(_) = stopped(&sandbox, ".", &init, "LUMEN_FAULT_AT", n) else {
            assert!(n > 20, "only {n} operations");
            return;
        };
        let again = sandbox.run(".", &init).unwrap();
        let done = again.code == Some(1) && again.err.contains("there is a registry at");
        assert!(again.code == Some(0) || done, "operation {n}: {again:#?}");
        publish(&sandbox, "a", "1.0.0", "");
        sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    }
    panic!("the init never came to its end");
}

fn install_survives(variable: &str) {
    let sandbox = sandbox();
    for (name, version) in [("one", "1.0.0"), ("one", "1.1.0"), ("two", "1.0.0")] {
        publish(&sandbox, name, version, "");
    }
    let project = |one: &str, two: bool| {
        let two = if two { "two = \"1\"\n" } else { "" };
        sandbox
            .package(
                "app",
                "app",
                "1.0.0",
                &format!("[dependencies]\none = \"={one}\"\n{two}"),
            )
            .unwrap();
    };
    for n in 1..MOST {
        for made in ["app", "home/lumen"] {
            let _ = fs::remove_dir_all(sandbox.path(made));
        }
        project("1.0.0", true);
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        project("1.1.0", false);
        let ran = stopped(&sandbox, "app", &["pkg", "install"], variable, n);
        // Old or new, never half: what is linked is whole.
        let one = sandbox
            .read("app/.lumen/packages/one/src/main.lm.md")
            .unwrap();
        let two = sandbox.path("app/.lumen/packages/two").exists();
        assert!(
            matches!(
                (one.as_str(), two),
                ("# one 1.0.0\n", true) | ("# one 1.1.0\n", false)
            ),
            "operation {n}: {one} {two}"
        );
        if ran.is_none() {
            assert!(n > 5, "only {n} operations");
            return;
        }
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        assert_eq!(
            sandbox.read("app/one/main.lm.md").unwrap(),
            "# one 1.1.0\n",
            "operation {n}"
        );
        assert!(
            !sandbox.path("app/two").exists(),
            "operation {n}: a stale import link is left"
        );
        sandbox.ok("app", &["pkg", "verify"]).unwrap();
    }
    panic!("the install never came to its end");
}

#[test]
fn a_killed_install_leaves_old_or_new() {
    install_survives("LUMEN_FAULT_AT");
}

#[test]
fn a_failed_install_leaves_old_or_new() {
    install_survives("LUMEN_FAULT_ERROR_AT");
}
