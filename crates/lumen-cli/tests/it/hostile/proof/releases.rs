//! A lock that says something else of a release than its owner, with an empty store and a warm one.

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Server, not_found, ok},
};

use super::lock::{block, edit};
use crate::{as_key, fails, ok_as, publish, sandbox};

/// A signed registry with `text` and `util` of one owner, and `evil` of another; a project
/// that has `text`, which needs `util`, locked.
pub(super) fn world() -> Sandbox {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "mallory"]).unwrap();
    let writer = ["registry", "trust", "add-log-key", "mallory"];
    sandbox.ok(".", &writer).unwrap();
    publish(&sandbox, "util", "1.0.0", "");
    publish(&sandbox, "text", "1.0.0", "[dependencies]\nutil = \"^1\"\n");
    sandbox.package("evil", "evil", "1.0.0", "").unwrap();
    let published = as_key(
        &sandbox,
        "mallory",
        &["pkg", "publish", "--yes", "--manifest-path", "evil"],
    );
    assert_eq!(published.code, Some(0), "{published:#?}");
    let needs = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    sandbox.ok("app", &["pkg", "lock"]).unwrap();
    sandbox
}

/// Runs a command in the project on another machine.
fn on(sandbox: &Sandbox, machine: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command("app", arguments);
    command.env("LUMEN_HOME", sandbox.path(machine));
    Ran::of(&command.output().unwrap())
}

const INSTALL: [&str; 3] = ["pkg", "install", "--locked"];

/// The lock of a project that needs only `evil`, which is then in the store of this machine.
fn evil(sandbox: &Sandbox, machine: &str) -> String {
    let needs = "[dependencies]\nevil = \"1\"\n";
    sandbox.package("other", "other", "0.1.0", needs).unwrap();
    let mut command = sandbox.command("other", &["pkg", "install"]);
    command.env("LUMEN_HOME", sandbox.path(machine));
    assert_eq!(command.status().unwrap().code(), Some(0));
    sandbox.read("other/lumen.lock").unwrap()
}

/// The value of a key in a block.
fn value<'b>(block: &'b str, key: &str) -> &'b str {
    let start = format!("{key} = ");
    let line = block.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap()
}

/// Writes values of one package's block into another's.
fn swap(sandbox: &Sandbox, name: &str, from: &str, keys: &[&str]) {
    edit(sandbox, |lock| {
        let old = block(&lock, name);
        let mut new = old.clone();
        for key in keys {
            new = new.replace(
                &format!("{key} = {}", value(&old, key)),
                &format!("{key} = {}", value(from, key)),
            );
        }
        lock.replace(&old, &new)
    });
}

fn refused(sandbox: &Sandbox, ran: &Ran, key: &str) {
    let said = format!("`lumen.lock` says {key} ");
    fails(
        ran,
        3,
        &["`text` 1.0.0", &said, "the owner's release says "],
    );
    assert!(!sandbox.path("app/.lumen/packages").exists());
    assert!(!sandbox.path("app/text").exists());
}

const ARTIFACT: [&str; 4] = ["checksum", "size", "compressed", "compressed-size"];

#[test]
fn anothers_artifact_in_the_lock() {
    let sandbox = world();
    let evil = block(&evil(&sandbox, "warm"), "evil");
    let good = sandbox.read("app/lumen.lock").unwrap();
    for (case, keys) in [&ARTIFACT[..1], &ARTIFACT[..2], &ARTIFACT[..]]
        .iter()
        .enumerate()
    {
        sandbox.write("app/lumen.lock", &good).unwrap();
        swap(&sandbox, "text", &evil, keys);
        // Whether it has to be downloaded or lies in the store of a machine that used it.
        for machine in [format!("cold{case}"), "warm".to_owned()] {
            refused(&sandbox, &on(&sandbox, &machine, &INSTALL), "checksum");
        }
    }
    // The whole release of another owner, metadata too.
    sandbox.write("app/lumen.lock", &good).unwrap();
    swap(&sandbox, "text", &evil, &["metadata"]);
    refused(&sandbox, &on(&sandbox, "warm", &INSTALL), "metadata");
    let keys = [&ARTIFACT[..], &["metadata"]].concat();
    swap(&sandbox, "text", &evil, &keys);
    refused(&sandbox, &on(&sandbox, "warm", &INSTALL), "metadata");
    // Not without the lock's word that the registry is signed either.
    edit(&sandbox, |lock| {
        let keys = ["trust-root", "checkpoint", "root-note"];
        let trust = |line: &&str| keys.iter().any(|key| line.starts_with(key));
        let lines: Vec<&str> = lock.lines().filter(|line| !trust(line)).collect();
        lines.join("\n") + "\n"
    });
    refused(&sandbox, &on(&sandbox, "warm", &INSTALL), "metadata");
    // The honest lock is installed, and the second time nobody is asked.
    sandbox.write("app/lumen.lock", &good).unwrap();
    let ran = on(&sandbox, "warm", &INSTALL);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn sizes_that_are_not_those_of_the_release() {
    let sandbox = world();
    let good = sandbox.read("app/lumen.lock").unwrap();
    for (case, size) in ["3073", "3071", "1", "9000000"].iter().enumerate() {
        sandbox.write("app/lumen.lock", &good).unwrap();
        let from = format!("size = {size}\n");
        swap(&sandbox, "text", &from, &["size"]);
        let ran = on(&sandbox, &format!("machine{case}"), &INSTALL);
        refused(&sandbox, &ran, "size");
    }
}

#[test]
fn a_release_that_the_log_does_not_have() {
    let sandbox = world();
    edit(&sandbox, |lock| {
        let text = block(&lock, "text");
        lock.replace(&text, &text.replace("1.0.0", "1.0.1"))
    });
    let ran = on(&sandbox, "cold", &INSTALL);
    fails(&ran, 3, &["`text 1.0.1` is not in the log"]);
    assert!(!sandbox.path("app/.lumen/packages").exists());
}

#[test]
fn a_dependency_that_only_the_lock_gives_a_release() {
    let sandbox = world();
    let evil = block(&evil(&sandbox, "warm"), "evil");
    let good = sandbox.read("app/lumen.lock").unwrap();
    edit(&sandbox, |lock| {
        let text = block(&lock, "text");
        let more = text.replace("    \"util\",\n", "    \"evil\",\n    \"util\",\n");
        format!("{}\n{evil}", lock.replace(&text, &more))
    });
    for machine in ["cold", "warm"] {
        let ran = on(&sandbox, machine, &INSTALL);
        fails(
            &ran,
            1,
            &["nothing needs `evil`, which is in it", "--locked"],
        );
        assert!(!sandbox.path("app/.lumen/packages").exists());
    }
    let ran = on(&sandbox, "warm", &["pkg", "install"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let said = "warning: `lumen.lock` does not fit: nothing needs `evil`";
    assert!(ran.err.contains(said), "{ran:#?}");
    assert!(!sandbox.path("app/.lumen/packages/evil").exists());
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), good);
}

#[test]
fn a_dependency_of_a_release_at_a_version_that_it_does_not_accept() {
    let sandbox = world();
    publish(&sandbox, "util", "2.0.0", "");
    let needs = "[dependencies]\nutil = \"2\"\n";
    sandbox.package("other", "other", "0.1.0", needs).unwrap();
    sandbox.ok("other", &["pkg", "lock"]).unwrap();
    let util = block(&sandbox.read("other/lumen.lock").unwrap(), "util");
    edit(&sandbox, |lock| lock.replace(&block(&lock, "util"), &util));
    let ran = on(&sandbox, "cold", &INSTALL);
    fails(&ran, 1, &["`text` needs `util` ^1.0.0, but it has 2.0.0"]);
    assert!(!sandbox.path("app/.lumen/packages").exists());
}

#[test]
fn vendoring_is_not_a_way_around() {
    let sandbox = world();
    let evil = block(&evil(&sandbox, "warm"), "evil");
    swap(&sandbox, "text", &evil, &ARTIFACT);
    for machine in ["cold", "warm"] {
        let ran = on(&sandbox, machine, &["pkg", "vendor", "third-party"]);
        fails(&ran, 3, &["`lumen.lock` says checksum "]);
        assert!(!sandbox.path("app/third-party").exists());
    }
}

#[test]
fn without_the_network_a_proof_of_before_counts() {
    let sandbox = world();
    let frozen = ["pkg", "install", "--frozen"];
    ok_as(&sandbox, "default", &["pkg", "info", "text"]);
    let ran = on(&sandbox, "warm", &INSTALL);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    std::fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
    std::fs::rename(sandbox.path("registry"), sandbox.path("away")).unwrap();
    let ran = on(&sandbox, "warm", &frozen);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(!ran.err.contains("not proven"), "{ran:#?}");
}

/// What `folder` has, for a client that goes over HTTP.
fn serve(sandbox: &Sandbox, folder: &str) -> Server {
    let folder = sandbox.path(folder);
    Server::start(move |asked| {
        let path = asked.path.trim_start_matches('/');
        std::fs::read(folder.join(path)).map_or_else(|_| not_found(), |bytes| ok(&bytes))
    })
}

#[test]
fn an_install_without_a_proof_is_not_taken_for_one_that_is_proven() {
    let sandbox = world();
    let server = serve(&sandbox, "registry");
    let on = |machine: &str, arguments: &[&str]| {
        let mut command = sandbox.command("app", arguments);
        command.env("LUMEN_REGISTRY", server.url());
        command.env("LUMEN_HOME", sandbox.path(machine));
        Ran::of(&command.output().unwrap())
    };
    let proven = on("warm", &INSTALL);
    assert_eq!(proven.code, Some(0), "{proven:#?}");
    // The packages are in the store, and nothing is known of them.
    let forget = || {
        let _ = std::fs::remove_dir_all(sandbox.path("app/.lumen"));
        let _ = std::fs::remove_dir_all(sandbox.path("app/text"));
        std::fs::remove_file(sandbox.path("warm/proved")).unwrap();
        let _ = std::fs::remove_dir_all(sandbox.path("warm/cache"));
    };
    let frozen = ["pkg", "install", "--frozen"];
    forget();
    for _ in 0..2 {
        let ran = on("warm", &frozen);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("proven to be what"), "{ran:#?}");
    }
    let facts = || {
        let proved = std::fs::read_to_string(sandbox.path("warm/proved"));
        proved.unwrap_or_default().lines().count()
    };
    let unproven = facts();
    let ran = on("warm", &INSTALL);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(facts() > unproven, "{ran:#?}");
    let again = on("warm", &frozen);
    assert!(again.err.contains("Up to date"), "{again:#?}");
    assert!(!again.err.contains("proven to be what"), "{again:#?}");
}
