//! A lock that says more than the manifests and the settings ask for.

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{fails, publish, sandbox};

/// A signed registry with `text` 1.0.0 and 1.1.0, `util` and `evil`; a project that needs
/// `text`, which needs `util`.
fn world() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "util", "1.0.0", "");
    publish(&sandbox, "evil", "1.0.0", "");
    let needs = "[dependencies]\nutil = \"^1\"\n";
    publish(&sandbox, "text", "0.9.0", needs);
    publish(&sandbox, "text", "1.0.0", needs);
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    sandbox
}

/// The block of a package in a lock.
pub(super) fn block(lock: &str, name: &str) -> String {
    let start = lock
        .find(&format!("[[package]]\nname = \"{name}\"\n"))
        .unwrap();
    let rest = &lock[start..];
    let end = rest[1..].find("[[").map_or(rest.len(), |at| at + 1);
    rest[..end].trim_end().to_owned() + "\n"
}

/// The lock of a project of its own that needs only this.
fn lock_of(sandbox: &Sandbox, name: &str, constraint: &str) -> String {
    let folder = format!("other-{name}");
    let needs = format!("[dependencies]\n{name} = \"{constraint}\"\n");
    sandbox.package(&folder, "other", "0.1.0", &needs).unwrap();
    sandbox.ok(&folder, &["pkg", "lock"]).unwrap();
    sandbox.read(&format!("{folder}/lumen.lock")).unwrap()
}

fn locked(sandbox: &Sandbox) -> Ran {
    sandbox.run("app", &["pkg", "install", "--locked"]).unwrap()
}

/// A lock that does not fit: `--locked` refuses it and names what does not fit, an install
/// says so and makes a new one, and nothing of `evil` is in the project.
fn refused(sandbox: &Sandbox, said: &str) {
    let good = lock_of(sandbox, "text", "^1");
    let ran = locked(sandbox);
    fails(&ran, 1, &[said, "--locked"]);
    assert!(!sandbox.path("app/.lumen/packages").exists());
    let mended = sandbox.ok("app", &["pkg", "install"]).unwrap();
    let warned = format!("warning: `lumen.lock` does not fit: {said}");
    assert!(mended.err.contains(&warned), "{mended:#?}");
    assert!(!sandbox.path("app/.lumen/packages/evil").exists());
    let lock = sandbox.read("app/lumen.lock").unwrap();
    for name in ["text", "util"] {
        assert_eq!(block(&lock, name), block(&good, name));
    }
    assert!(!lock.contains("evil"), "{lock}");
}

pub(super) fn edit(sandbox: &Sandbox, change: impl FnOnce(String) -> String) {
    let lock = sandbox.read("app/lumen.lock").unwrap();
    let changed = change(lock.clone());
    assert_ne!(changed, lock);
    sandbox.write("app/lumen.lock", &changed).unwrap();
}

#[test]
fn a_package_that_nothing_needs() {
    let sandbox = world();
    let evil = block(&lock_of(&sandbox, "evil", "1"), "evil");
    edit(&sandbox, |lock| format!("{lock}\n{evil}"));
    refused(&sandbox, "nothing needs `evil`, which is in it");
}

#[test]
fn a_package_that_only_the_lock_says_the_project_needs() {
    let sandbox = world();
    let evil = block(&lock_of(&sandbox, "evil", "1"), "evil");
    edit(&sandbox, |lock| {
        let lock = lock.replacen("    \"text\",\n", "    \"evil\",\n    \"text\",\n", 1);
        format!("{lock}\n{evil}")
    });
    refused(&sandbox, "`app` does not need `evil`, but it says so");
}

#[test]
fn a_dependency_that_is_not_there() {
    let sandbox = world();
    edit(&sandbox, |lock| {
        let util = block(&lock, "util");
        lock.replace(&util, "")
    });
    refused(&sandbox, "`text` needs `util`, which is not in it");
}

#[test]
fn a_direct_dependency_that_is_not_there() {
    let sandbox = world();
    edit(&sandbox, |lock| {
        let lock = lock.replace(&block(&lock, "text"), "");
        lock.replace("    \"text\",\n", "")
    });
    refused(&sandbox, "`app` needs `text`, which is not in it");
}

#[test]
fn a_version_that_the_manifest_does_not_accept() {
    let sandbox = world();
    let old = block(&lock_of(&sandbox, "text", "=0.9.0"), "text");
    edit(&sandbox, |lock| lock.replace(&block(&lock, "text"), &old));
    let said = "`app` needs `text` ^1, but it has 0.9.0";
    let ran = locked(&sandbox);
    fails(&ran, 1, &[said, "--locked"]);
    let mended = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(mended.err.contains(said), "{mended:#?}");
    assert_eq!(
        sandbox.read("app/text/main.lm.md").unwrap(),
        "# text 1.0.0\n"
    );
}

#[test]
fn a_name_from_another_registry() {
    let sandbox = world();
    sandbox
        .ok(".", &["registry", "init", "theirs", "--unsigned"])
        .unwrap();
    let theirs = format!("file://{}", sandbox.path("theirs").display());
    sandbox
        .package("bad", "text", "1.0.0", "[dependencies]\nutil = \"^1\"\n")
        .unwrap();
    sandbox.write("bad/src/main.lm.md", "# bad\n").unwrap();
    let publish = ["pkg", "publish", "--yes", "--registry", &theirs];
    sandbox.ok("bad", &publish).unwrap();
    let registries = format!("[registry.registries]\ntheirs = \"{theirs}\"\n");
    let project = |folder: &str, text: &str| {
        let needs = format!("[dependencies]\ntext = {text}\n{registries}");
        sandbox.package(folder, "app", "0.1.0", &needs).unwrap();
        sandbox.ok(folder, &["pkg", "lock"]).unwrap();
        sandbox.read(&format!("{folder}/lumen.lock")).unwrap()
    };
    let stolen = project("stolen", "{ version = \"^1\", registry = \"theirs\" }");
    project("app", "\"^1\"");
    // Its own `requires` says that nothing of the kind is asked for.
    edit(&sandbox, |lock| {
        let lock = lock.replace(&block(&lock, "text"), &block(&stolen, "text"));
        let (registry, rest) = lock.split_at(lock.find("[[package]]").unwrap());
        format!("{registry}[[registry]]\nname = \"theirs\"\n\n{rest}")
    });
    let said =
        "`text` is from the registry `theirs` there, but is asked for from the registry `default`";
    refused(&sandbox, said);
    // The same where a scope has a registry of its own.
    let scoped = format!(
        "[dependencies]\ntext = {{ version = \"^1\", registry = \"theirs\" }}\n{registries}"
    );
    sandbox.package("app", "app", "0.1.0", &scoped).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    let good = project("plain", "\"^1\"");
    edit(&sandbox, |lock| {
        lock.replace(&block(&lock, "text"), &block(&good, "text"))
    });
    let ran = locked(&sandbox);
    let said =
        "`text` is from the registry `default` there, but is asked for from the registry `theirs`";
    fails(&ran, 1, &[said]);
}

#[test]
fn a_name_from_a_git_repository_that_nobody_asked_for() {
    let sandbox = world();
    edit(&sandbox, |lock| {
        let text = block(&lock, "text");
        let source = format!(
            "git = \"https://git.invalid/text\"\ncommit = \"{}\"\n",
            "1".repeat(40)
        );
        lock.replace(&text, &text.replace("registry = \"default\"\n", &source))
    });
    let said = "`text` is from git `https://git.invalid/text` there, but is asked for from the registry `default`";
    refused(&sandbox, said);
}
