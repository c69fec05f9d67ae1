//! A lock that takes a name from a registry behind the one that has it.

use std::fs;

use lumen_testkit::sandbox::{Ran, Sandbox};

use super::lock::{block, edit};
use crate::{bare, fails};

fn url(sandbox: &Sandbox, registry: &str) -> String {
    format!("file://{}", sandbox.path(registry).display())
}

fn publish(sandbox: &Sandbox, registry: &str, name: &str, needs: &str) {
    let folder = format!("sources/{registry}-{name}");
    sandbox.package(&folder, name, "1.0.0", needs).unwrap();
    let said = format!("// {name} of {registry}\n");
    sandbox
        .write(&format!("{folder}/src/more.lm"), &said)
        .unwrap();
    let url = url(sandbox, registry);
    let publish = ["pkg", "publish", "--yes", "--registry", &url];
    sandbox.ok(&folder, &publish).unwrap();
}

fn project(sandbox: &Sandbox, folder: &str, needs: &str, registry: &str) {
    let more = format!("[dependencies]\n{needs}\n[registry]\n{registry}\n");
    sandbox.package(folder, "app", "1.0.0", &more).unwrap();
}

pub(super) fn run(sandbox: &Sandbox, folder: &str, home: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(folder, arguments);
    command.env_remove("LUMEN_REGISTRY");
    command.env("LUMEN_HOME", sandbox.path(home));
    Ran::of(&command.output().unwrap())
}

/// `ours` has `leaf` and `mid`, which needs it; `public` behind it has another `leaf`, and
/// `common`.
pub(super) fn world(kind: &[&str], needs: &str, more: &str) -> Sandbox {
    let sandbox = bare();
    for registry in ["ours", "public"] {
        let init = [&["registry", "init", registry], kind].concat();
        sandbox.ok(".", &init).unwrap();
    }
    publish(&sandbox, "ours", "leaf", "");
    publish(&sandbox, "ours", "mid", "[dependencies]\nleaf = \"^1\"\n");
    publish(&sandbox, "public", "leaf", "");
    publish(&sandbox, "public", "common", "");
    let public = url(&sandbox, "public");
    let default = format!("default = \"{public}\"");
    project(&sandbox, "theirs", "leaf = \"^1\"", &default);
    let ran = run(&sandbox, "theirs", "theirs-home", &["pkg", "lock"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let registries = format!(
        "default = \"{}\"\nupstreams = [\"up\"]\n{more}[registry.registries]\nup = \"{public}\"\n",
        url(&sandbox, "ours")
    );
    project(&sandbox, "app", needs, &registries);
    let ran = run(&sandbox, "app", "maker", &["pkg", "lock"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sandbox
}

/// The lock of `app` gets the package that `theirs` has, from the upstream.
pub(super) fn poison(sandbox: &Sandbox, name: &str) {
    let theirs = block(&sandbox.read("theirs/lumen.lock").unwrap(), name);
    let evil = theirs.replace("\"default\"", "\"up\"");
    edit(sandbox, |lock| lock.replace(&block(&lock, name), &evil));
}

#[test]
fn a_name_that_the_registry_in_front_has_is_not_taken_from_an_upstream() {
    let needs = [
        "leaf = \"^1\"\ncommon = \"^1\"\n",
        "mid = \"^1\"\ncommon = \"^1\"\n",
    ];
    let signed: (&[&str], &str) = (&[], "trust = \"required\"\n");
    let unsigned: (&[&str], &str) = (&["--unsigned"], "");
    for (kind, more) in [signed, unsigned] {
        for needs in needs {
            let sandbox = world(kind, needs, more);
            poison(&sandbox, "leaf");
            let evil = sandbox.read("app/lumen.lock").unwrap();
            for verb in [&["pkg", "install", "--locked"][..], &["pkg", "install"]] {
                let ran = run(&sandbox, "app", "victim", verb);
                let said = ["`leaf`", "`up`", "`default` comes first"];
                fails(&ran, 3, &said);
                assert!(!sandbox.path("app/.lumen/packages").exists());
            }
            // A package that is in the store already is no proof.
            let warm = run(&sandbox, "theirs", "victim", &["pkg", "install"]);
            assert_eq!(warm.code, Some(0), "{warm:#?}");
            let ran = run(&sandbox, "app", "victim", &["pkg", "install", "--locked"]);
            fails(&ran, 3, &["`up`", "`default` comes first"]);
            assert_eq!(sandbox.read("app/lumen.lock").unwrap(), evil);

            let update = run(&sandbox, "app", "victim", &["pkg", "update", "leaf"]);
            assert_eq!(update.code, Some(0), "{update:#?}");
            let lock = sandbox.read("app/lumen.lock").unwrap();
            assert!(block(&lock, "leaf").contains("\"default\""), "{lock}");
            assert!(block(&lock, "common").contains("\"up\""), "{lock}");
        }
    }
}

#[test]
fn what_was_proven_in_one_order_is_not_proven_in_another() {
    let sandbox = world(&[], "common = \"^1\"\n", "");
    let first = run(&sandbox, "app", "victim", &["pkg", "install"]);
    assert_eq!(first.code, Some(0), "{first:#?}");
    // The same lock and upstream, with a registry in front that has the name.
    sandbox.ok(".", &["registry", "init", "other"]).unwrap();
    publish(&sandbox, "other", "common", "");
    let manifest = sandbox.read("app/lumen.toml").unwrap();
    let (ours, other) = (url(&sandbox, "ours"), url(&sandbox, "other"));
    let change = manifest.replace(&ours, &other);
    sandbox.write("app/lumen.toml", &change).unwrap();
    let ran = run(&sandbox, "app", "victim", &["pkg", "install", "--locked"]);
    fails(&ran, 3, &["`common`", "`up`", "`default` comes first"]);
    sandbox.write("app/lumen.toml", &manifest).unwrap();
    // What was proven once needs the registry in front no more.
    fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    fs::rename(sandbox.path("ours"), sandbox.path("away")).unwrap();
    let again = run(&sandbox, "app", "victim", &["pkg", "install", "--locked"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
}

#[test]
fn a_pinned_scope_is_not_taken_from_an_upstream() {
    let sandbox = bare();
    for registry in ["ours", "public"] {
        sandbox.ok(".", &["registry", "init", registry]).unwrap();
        publish(&sandbox, registry, "@work/leaf", "");
    }
    publish(&sandbox, "public", "common", "");
    let public = url(&sandbox, "public");
    let needs = "\"@work/leaf\" = \"^1\"";
    let default = format!("default = \"{public}\"");
    project(&sandbox, "theirs", needs, &default);
    run(&sandbox, "theirs", "theirs-home", &["pkg", "lock"]);
    let registries = format!(
        "default = \"{}\"\nupstreams = [\"up\"]\n[registry.registries]\nup = \"{public}\"\n\
         [registry.scopes]\n\"@work\" = \"default\"\n",
        url(&sandbox, "ours")
    );
    let needs = format!("{needs}\ncommon = \"^1\"");
    project(&sandbox, "app", &needs, &registries);
    run(&sandbox, "app", "maker", &["pkg", "lock"]);
    poison(&sandbox, "@work/leaf");
    let ran = run(&sandbox, "app", "victim", &["pkg", "install", "--locked"]);
    fails(&ran, 1, &["`@work/leaf` is from the registry `up`"]);
}
