//! Owners who change, are replaced, or have to be approved, as people see it.

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{fails, ok_as, publish, sandbox};

/// Runs a command on another machine of the same user.
fn elsewhere(sandbox: &Sandbox, home: &str, folder: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(folder, arguments);
    command.env("LUMEN_HOME", sandbox.path(home));
    Ran::of(&command.output().unwrap())
}

/// A registry whose `text` 1.0.0 is of the default key, with `bob` as another writer and
/// the default key as names key; and a project that has it locked, on a machine of its own.
fn a_project_with_text() -> Sandbox {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
    for command in [
        &["add-log-key", "bob"][..],
        &["policy", "open", "--key", me.trim()],
    ] {
        let command = [&["registry", "trust"], command].concat();
        sandbox.ok(".", &command).unwrap();
    }
    publish(&sandbox, "text", "1.0.0", "");
    for app in ["app", "new"] {
        let needs = "[dependencies]\ntext = \"^1\"\n";
        sandbox.package(app, app, "0.1.0", needs).unwrap();
    }
    let installed = elsewhere(&sandbox, "client", "app", &["pkg", "install"]);
    assert_eq!(installed.code, Some(0), "{installed:#?}");
    sandbox
}

/// The default key, as names key, gives `text` to bob, who publishes.
fn replace_the_owners(sandbox: &Sandbox) {
    let transfer = ["pkg", "owner", "transfer", "text", "bob", "--override"];
    let proposed = sandbox.ok(".", &transfer).unwrap();
    assert!(
        proposed
            .err
            .contains("owners 2 of `text` in owners-text-2.note"),
        "{proposed:#?}"
    );
    ok_as(
        sandbox,
        "bob",
        &["pkg", "owner", "sign", "owners-text-2.note"],
    );
    let applied = ["pkg", "owner", "apply", "owners-text-2.note"];
    sandbox.ok(".", &applied).unwrap();
    sandbox.package("by-bob", "text", "1.1.0", "").unwrap();
    let mut command = sandbox.command("by-bob", &["pkg", "publish", "--yes"]);
    // On a machine that knew the owners before.
    command.env("LUMEN_KEY_FILE", sandbox.path("home/lumen/keys/bob.key"));
    command.env("LUMEN_HOME", sandbox.path("bobs"));
    let published = Ran::of(&command.output().unwrap());
    assert_eq!(published.code, Some(0), "{published:#?}");
}

#[test]
fn who_relied_on_owners_decides_about_those_the_registry_puts_in_their_place() {
    let sandbox = a_project_with_text();
    assert!(
        sandbox
            .read("app/lumen.lock")
            .unwrap()
            .contains("\nowners = 1\n")
    );
    let known = elsewhere(&sandbox, "bobs", ".", &["pkg", "info", "text"]);
    assert_eq!(known.code, Some(0), "{known:#?}");
    replace_the_owners(&sandbox);

    let url = sandbox.registry_url();
    let accept = format!("lumen trust accept {url} --owners text");
    // This machine and the lock know better; each alone is enough.
    for (home, folder) in [("client", "app"), ("client", "new"), ("fresh", "app")] {
        for command in [&["pkg", "update"][..], &["pkg", "outdated"]] {
            let ran = elsewhere(&sandbox, home, folder, command);
            if folder == "new" && command == ["pkg", "outdated"] {
                continue;
            }
            fails(
                &ran,
                3,
                &[
                    "the owners of `text` were replaced by the registry at entry",
                    "it belongs to bob (SHA256:",
                    &accept,
                ],
            );
        }
    }
    // What is locked is what it was.
    let locked = ["pkg", "install", "--locked"];
    let ran = elsewhere(&sandbox, "client", "app", &locked);
    assert_eq!(ran.code, Some(0), "{ran:#?}");

    let list = sandbox.ok(".", &["pkg", "owner", "list", "text"]).unwrap();
    assert!(
        list.out
            .contains("replaced: by the registry, note 2, entry"),
        "{}",
        list.out
    );
    let provenance = ["pkg", "info", "text", "--provenance"];
    let shown = elsewhere(&sandbox, "client", ".", &provenance);
    assert!(
        shown.out.contains("replaced: by the registry, note 2"),
        "{shown:#?}"
    );
    let json = ["--json", "pkg", "info", "text", "--provenance"];
    let shown = elsewhere(&sandbox, "client", ".", &json);
    assert!(shown.out.contains("\"overrides\": [\n"), "{shown:#?}");

    let agree = ["trust", "accept", &url, "--owners", "text"];
    fails(
        &elsewhere(&sandbox, "client", ".", &agree),
        1,
        &["nothing was accepted"],
    );
    let agree = [&agree[..], &["--yes"]].concat();
    let accepted = elsewhere(&sandbox, "client", ".", &agree);
    assert!(
        accepted.err.contains("the owners of `text`, note 2"),
        "{accepted:#?}"
    );
    let updated = elsewhere(&sandbox, "client", "app", &["pkg", "update"]);
    assert!(updated.err.contains("text 1.0.0 -> 1.1.0"), "{updated:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("\nowners = 2\n"), "{lock}");
    // Who gets the lock gets the decision, too.
    let ran = elsewhere(&sandbox, "other", "app", &["pkg", "outdated"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn newcomers_are_told_of_replaced_owners() {
    let sandbox = a_project_with_text();
    replace_the_owners(&sandbox);
    let told = "warning: the owners of `text` were replaced by the registry at entry";
    let first = elsewhere(&sandbox, "newcomer", "new", &["pkg", "install"]);
    assert_eq!(first.code, Some(0), "{first:#?}");
    assert!(first.err.contains(told), "{first:#?}");
    let again = elsewhere(&sandbox, "newcomer", "new", &["pkg", "update"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(!again.err.contains(told), "{again:#?}");
    let nobody = ["trust", "accept", "registry/", "--owners", "no", "--yes"];
    fails(
        &elsewhere(&sandbox, "newcomer", ".", &nobody),
        1,
        &["nobody owns `no`"],
    );
}

#[test]
fn owners_are_where_the_scope_is() {
    let sandbox = sandbox();
    sandbox.ok(".", &["registry", "init", "work"]).unwrap();
    let work = format!("file://{}", sandbox.path("work").display());
    let config = format!(
        "[registry.registries]\nwork = \"{work}\"\n[registry.scopes]\n\"@org\" = \"work\"\n"
    );
    sandbox
        .write("home/.config/lumen/config.toml", &config)
        .unwrap();
    sandbox.ok(".", &["pkg", "owner", "claim", "@org"]).unwrap();
    publish(&sandbox, "@org/http", "1.0.0", "");
    let old = sandbox.read("work/trust/names/@org/index.json").unwrap();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    for command in [
        &["owner", "add", "@org/http", "bob"][..],
        &["owner", "threshold", "@org", "1", "--out", "one.note"],
        &["owner", "sign", "one.note"],
        &["owner", "apply", "one.note"],
        &["deprecate", "@org/http", "--reason", "it is old"],
    ] {
        sandbox.ok(".", &[&["pkg"], command].concat()).unwrap();
    }
    let list = ["pkg", "owner", "list", "@org"];
    let listed = sandbox.ok(".", &list).unwrap().out;
    assert!(listed.starts_with("@org, ownership note 3\n"), "{listed}");
    assert!(listed.contains(" bob, only @org/http\n"), "{listed}");
    let info = sandbox.ok(".", &["pkg", "info", "@org/http"]).unwrap().out;
    assert!(info.contains("deprecated: it is old"), "{info}");
    sandbox
        .ok(".", &["pkg", "undeprecate", "@org/http"])
        .unwrap();
    let url = sandbox.registry_url();
    let elsewhere = [&list[..], &["--registry", &url]].concat();
    fails(
        &sandbox.run(".", &elsewhere).unwrap(),
        1,
        &["nobody owns `@org`"],
    );
    // A list that lacks something is not one.
    sandbox
        .write("work/trust/names/@org/index.json", &old)
        .unwrap();
    fails(
        &sandbox.run(".", &list).unwrap(),
        3,
        &["the events of `@org` are not those of the log"],
    );
}

#[test]
fn who_runs_a_registry_can_end_its_expiry() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let expire = ["registry", "trust", "expire"];
    let past = [&expire[..], &["2020-01-01T00:00:00Z"]].concat();
    sandbox.ok(".", &past).unwrap();
    let info = ["pkg", "info", "text"];
    fails(
        &sandbox.run(".", &info).unwrap(),
        3,
        &["the registry's root note expired at 2020-01-01T00:00:00Z"],
    );
    sandbox.ok(".", &["pkg", "owner", "list", "text"]).unwrap();
    sandbox
        .ok(".", &[&expire[..], &["never"]].concat())
        .unwrap();
    sandbox.ok(".", &info).unwrap();
}
