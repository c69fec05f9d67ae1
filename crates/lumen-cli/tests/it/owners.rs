//! Owners who change, are replaced, or have to be approved, as people see it.

use lumen_testkit::sandbox::{Ran, Sandbox};

use crate::{as_key, fails, ok_as, publish, sandbox, verify};

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
    command.env(
        "LUMEN_KEY_FILE",
        sandbox.path("home/.config/lumen/keys/bob.key"),
    );
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
        &["`no` has no owner"],
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
    for name in ["bob", "carol"] {
        sandbox.ok(".", &["key", "new", name]).unwrap();
    }
    for command in [
        &["owner", "add", "@org/http", "bob"][..],
        &["owner", "add", "@org/json", "bob", "--out", "one.note"],
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
        &["`@org` has no owner"],
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

/// A registry whose names `ned` and the default key give out, as many as `threshold`, and
/// where bob may write.
fn approving(threshold: &str) -> Sandbox {
    let sandbox = sandbox();
    for key in ["bob", "ned"] {
        sandbox.ok(".", &["key", "new", key]).unwrap();
    }
    let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
    for command in [
        &["add-log-key", "bob"][..],
        &[
            "policy",
            "approve",
            "--key",
            "ned",
            "--key",
            me.trim(),
            "--threshold",
            threshold,
        ],
    ] {
        let command = [&["registry", "trust"], command].concat();
        sandbox.ok(".", &command).unwrap();
    }
    sandbox.package("tool", "tool", "1.0.0", "").unwrap();
    sandbox
}

fn publish_as(sandbox: &Sandbox, key: &str) -> Ran {
    let mut command = sandbox.command("tool", &["pkg", "publish", "--yes"]);
    Ran::of(&command.env("LUMEN_KEY", key).output().unwrap())
}

const APPROVE: [&str; 2] = ["registry", "approve"];

#[test]
fn a_publish_waits_for_the_names_keys() {
    let sandbox = approving("1");
    for _ in 0..2 {
        fails(
            &publish_as(&sandbox, "bob"),
            1,
            &[
                "`tool` has no owner, and the registry must approve its claim",
                "runs `lumen registry approve tool`; then publish again",
            ],
        );
    }
    let listed = sandbox.ok(".", &APPROVE).unwrap().out;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "tool"), "{listed}");
    assert!(lines[1].ends_with(", needs 1 signature"), "{listed}");
    assert!(lines[2].ends_with(" bob"), "{listed}");
    fails(
        &as_key(&sandbox, "bob", &[&APPROVE[..], &["tool"]].concat()),
        1,
        &["your key `bob` is none of those that give out names"],
    );
    let approved = sandbox
        .ok(".", &[&APPROVE[..], &["tool"]].concat())
        .unwrap();
    assert!(
        approved
            .err
            .contains("Changed the owners of `tool` (ownership note 1, log entry")
    );
    let published = publish_as(&sandbox, "bob");
    assert_eq!(published.code, Some(0), "{published:#?}");
    let listed = sandbox.ok(".", &APPROVE).unwrap();
    assert!(listed.out.is_empty() && listed.err.contains("no claims that are waiting"));
    // What waited is no concern of anybody who checks the registry.
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    if let Some((good, said)) = verify(&sandbox.path("registry")) {
        assert!(good, "{said}");
    }
}

#[test]
fn two_names_keys_sign_one_after_the_other() {
    let sandbox = approving("2");
    let claimed = ok_as(&sandbox, "bob", &["pkg", "owner", "claim", "@org"]);
    assert!(
        claimed
            .err
            .contains("Waiting owners 1 of `@org` in the registry\n"),
        "{claimed:#?}"
    );
    let again = ok_as(&sandbox, "bob", &["pkg", "owner", "claim", "@org"]);
    assert!(again.err.contains("in the registry already"), "{again:#?}");
    let approve = [&APPROVE[..], &["@org"]].concat();
    let mine = sandbox.ok(".", &approve).unwrap();
    assert!(
        mine.err.contains("1 more of these must sign: ned"),
        "{mine:#?}"
    );
    let json = sandbox
        .ok(".", &["--json", "registry", "approve"])
        .unwrap()
        .out;
    assert!(json.contains("\"missing\": 1"), "{json}");
    // Ned gives out names, but does not write the log.
    let approved = ok_as(&sandbox, "ned", &approve);
    assert!(
        approved.err.contains("anybody with a log key ends it"),
        "{approved:#?}"
    );
    let listed = sandbox.ok(".", &APPROVE).unwrap().out;
    assert!(listed.contains(", complete\n"), "{listed}");
    let applied = ok_as(&sandbox, "bob", &approve);
    assert!(
        applied
            .err
            .contains("Changed the owners of `@org` (ownership note 1"),
        "{applied:#?}"
    );
    let list = sandbox.ok(".", &["pkg", "owner", "list", "@org"]).unwrap();
    assert!(list.out.contains(" bob\n"), "{}", list.out);
}

#[test]
fn a_claim_is_rejected_or_has_rivals() {
    let sandbox = approving("1");
    assert_eq!(publish_as(&sandbox, "bob").code, Some(1));
    let reject = ["tool", "--reject", "--reason", "it looks like tools"];
    let reject = [&APPROVE[..], &reject].concat();
    fails(
        &as_key(&sandbox, "bob", &reject),
        1,
        &["none of those that give out names"],
    );
    let rejected = sandbox.ok(".", &reject).unwrap();
    assert!(
        rejected
            .err
            .contains("the claim of `tool`: it looks like tools"),
        "{rejected:#?}"
    );
    fails(
        &publish_as(&sandbox, "bob"),
        1,
        &[
            "the registry rejected the claim of `tool`: it looks like tools",
            "`lumen pkg owner claim tool` asks again",
        ],
    );
    assert!(sandbox.ok(".", &APPROVE).unwrap().out.is_empty());
    fails(
        &sandbox
            .run(".", &[&APPROVE[..], &["tool"]].concat())
            .unwrap(),
        1,
        &["`tool` is neither a file nor a claim that waits"],
    );
    // Times have seconds only, and the same claim is the same.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ok_as(&sandbox, "bob", &["pkg", "owner", "claim", "tool"]);
    sandbox.ok(".", &["key", "new", "eve"]).unwrap();
    ok_as(&sandbox, "eve", &["pkg", "owner", "claim", "tool"]);
    let approve = [&APPROVE[..], &["tool"]].concat();
    fails(
        &sandbox.run(".", &approve).unwrap(),
        1,
        &["more than one claim of `tool` waits"],
    );
    let listed = sandbox.ok(".", &APPROVE).unwrap().out;
    let lines: Vec<&str> = listed.lines().collect();
    let eve = lines
        .iter()
        .position(|line| line.ends_with(" eve"))
        .unwrap();
    let id = lines[eve - 1].trim().split(',').next().unwrap();
    sandbox.ok(".", &[&APPROVE[..], &[id]].concat()).unwrap();
    let list = sandbox.ok(".", &["pkg", "owner", "list", "tool"]).unwrap();
    assert!(list.out.contains(" eve\n"), "{}", list.out);
    // The name has an owner now, so the other waits no more.
    assert!(sandbox.ok(".", &APPROVE).unwrap().out.is_empty());
}

#[test]
fn a_name_is_given_to_somebody_else() {
    let sandbox = sandbox();
    for key in ["bob", "eve"] {
        sandbox.ok(".", &["key", "new", key]).unwrap();
        let writer = ["registry", "trust", "add-log-key", key];
        sandbox.ok(".", &writer).unwrap();
    }
    publish(&sandbox, "text", "1.0.0", "");
    let app = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", app).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    // It takes both: who has it agrees, and who gets it.
    let transfer = ["pkg", "owner", "transfer", "text", "bob", "eve"];
    let proposed = sandbox.ok(".", &transfer).unwrap();
    assert!(
        proposed.err.contains("1 more of these must sign: bob, eve"),
        "{proposed:#?}"
    );
    let note = "owners-text-2.note";
    fails(
        &sandbox.run(".", &["pkg", "owner", "apply", note]).unwrap(),
        1,
        &["owners 2 of `text` needs 1 more of the admins"],
    );
    ok_as(&sandbox, "eve", &["pkg", "owner", "sign", note]);
    ok_as(&sandbox, "bob", &["pkg", "owner", "apply", note]);
    let listed = sandbox.ok(".", &["pkg", "owner", "list", "text"]).unwrap();
    assert!(
        listed.out.contains("1 of 2 admins must sign"),
        "{listed:#?}"
    );
    assert!(listed.out.contains(" bob\n") && listed.out.contains(" eve\n"));
    assert!(!listed.out.contains("replaced"), "{listed:#?}");
    sandbox.package("next", "text", "1.1.0", "").unwrap();
    let publish_as = |key: &str| {
        let mut command = sandbox.command("next", &["pkg", "publish", "--yes"]);
        Ran::of(&command.env("LUMEN_KEY", key).output().unwrap())
    };
    let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
    fails(
        &publish_as(me.split('+').next().unwrap()),
        1,
        &["may not publish `text`"],
    );
    assert_eq!(publish_as("eve").code, Some(0));
    // They agreed, so nobody who relied on them is asked.
    let updated = sandbox.ok("app", &["pkg", "update"]).unwrap();
    assert!(updated.err.contains("text 1.0.0 -> 1.1.0"), "{updated:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("\nowners = 2\n"), "{lock}");
}

#[test]
fn a_new_owner_is_told_to_need_a_log_key_and_no_note_says_the_same_again() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    for name in ["bob", "carol"] {
        sandbox.ok(".", &["key", "new", name]).unwrap();
    }
    let carol = sandbox.ok(".", &["key", "export", "carol"]).unwrap().out;
    let carol = carol.trim();
    let add = |key: &str| sandbox.ok(".", &["owner", "add", "text", key]).unwrap().err;
    let command = format!("run `lumen registry trust add-log-key {carol}`");
    let said = add(carol);
    assert!(said.contains("`carol` needs a log key, too"), "{said}");
    assert!(said.contains(&command), "{said}");
    let trust = |rest: &[&str]| {
        let arguments = [&["registry", "trust"], rest].concat();
        sandbox.run(".", &arguments).unwrap()
    };
    assert_eq!(trust(&["add-log-key", "bob"]).code, Some(0));
    let said = add("bob");
    assert!(!said.contains("log key"), "{said}");
    // A key that this user does not have is known by the name that it has among the owners.
    assert_eq!(trust(&["add-log-key", carol]).code, Some(0));
    sandbox
        .ok(".", &["key", "remove", "carol", "--yes"])
        .unwrap();
    let head = || sandbox.read("registry/log/head").unwrap();
    assert_eq!(trust(&["remove-log-key", "carol"]).code, Some(0));
    let before = head();
    fails(&trust(&["remove-log-key", "carol"]), 1, &["no key `carol`"]);
    for nothing in [
        &["policy", "open"][..],
        &["set-threshold", "1"],
        &["expire", "never"],
    ] {
        let said = [
            "the keys and rules of the root are so already",
            "nothing was changed",
        ];
        fails(&trust(nothing), 1, &said);
    }
    let last = trust(&["remove-key", "default"]);
    assert!(!last.err.contains("the threshold must be"), "{last:#?}");
    assert_eq!(head(), before);
}

#[test]
fn a_replacement_is_another_package_that_there_is() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    publish(&sandbox, "utils", "1.0.0", "");
    let deprecate = |other: &str| {
        let reason = [
            "pkg",
            "deprecate",
            "text",
            "--reason",
            "old",
            "--replacement",
        ];
        sandbox.run(".", &[&reason[..], &[other]].concat()).unwrap()
    };
    let before = sandbox.read("registry/log/head").unwrap();
    fails(&deprecate("text"), 1, &["`text` cannot take its own place"]);
    fails(&deprecate("util"), 1, &["has no `util`", "`utils`"]);
    assert_eq!(sandbox.read("registry/log/head").unwrap(), before);
    assert_eq!(deprecate("utils").code, Some(0));
}

#[test]
fn a_wrong_pin_is_not_told_as_what_the_registry_has() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let wrong = format!("sha256:{}", "0".repeat(64));
    let ran = sandbox
        .run(".", &["trust", "pin", &sandbox.registry_url(), &wrong])
        .unwrap();
    let said = [format!(", not {wrong}"), "lumen trust forget".into()];
    fails(
        &ran,
        3,
        &["this machine remembers sha256:", &said[0], &said[1]],
    );
    assert!(!ran.err.contains("registry's fingerprint is"), "{ran:#?}");
}
