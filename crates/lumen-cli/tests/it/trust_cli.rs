//! Roots, owners, witnesses and what a machine remembers, as people run them.

use lumen_testkit::sandbox::Ran;

use crate::{as_key, bare, fails, ok_as, publish, sandbox};

fn narrow(ran: &Ran) {
    for line in ran.out.lines() {
        // Keys and fingerprints cannot be broken.
        let long = line.contains("SHA256:") || line.contains("sha256:");
        assert!(long || line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_root_of_two_is_changed_by_two() {
    let sandbox = sandbox();
    for key in ["bob", "eve"] {
        sandbox.ok(".", &["key", "new", key]).unwrap();
    }
    let trust = |arguments: &[&str]| {
        let arguments = [&["registry", "trust"], arguments].concat();
        sandbox.run(".", &arguments).unwrap()
    };
    let changed = trust(&["add-key", "bob"]);
    assert!(
        changed.err.contains("Changed the root (root note 2"),
        "{changed:#?}"
    );
    assert!(
        trust(&["set-threshold", "2"])
            .err
            .contains("Proposed root 3")
    );
    // Both old keys are one of two; the new rule needs two.
    fails(
        &trust(&["apply", "root-3.note"]),
        1,
        &["root 3 needs 1 more of the root keys"],
    );
    fails(
        &as_key(
            &sandbox,
            "eve",
            &["registry", "trust", "sign", "root-3.note"],
        ),
        1,
        &["your key `eve` is none of those that sign root 3"],
    );
    ok_as(
        &sandbox,
        "bob",
        &["registry", "trust", "sign", "root-3.note"],
    );
    assert!(
        trust(&["apply", "root-3.note"])
            .err
            .contains("Changed the root (root note 3")
    );
    fails(
        &trust(&["add-key", "eve", "--out", "root-3.note"]),
        1,
        &["`root-3.note` exists"],
    );
    let proposed = trust(&["--json", "add-log-key", "bob", "--out", "more.note"]);
    assert!(proposed.out.contains("\"applied\": false"), "{proposed:#?}");
    // What is overtaken cannot be applied any more.
    let other = trust(&["expire", "2999-01-01T00:00:00Z", "--out", "other.note"]);
    assert_eq!(other.code, Some(0), "{other:#?}");
    ok_as(&sandbox, "bob", &["registry", "trust", "sign", "more.note"]);
    assert!(
        trust(&["apply", "more.note"])
            .err
            .contains("Changed the root (root note 4")
    );
    fails(
        &trust(&["apply", "other.note"]),
        1,
        &["the registry has changed since root 4 was proposed"],
    );
    let shown = trust(&["show"]);
    narrow(&shown);
    assert!(
        shown.out.contains("root keys: 2 of 2 keys must sign"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("expires: never"));
}

#[test]
fn the_only_key_of_a_registry_is_replaced() {
    // The new key is one of the same user, or that of a second user, who must sign too.
    for is_own in [true, false] {
        let sandbox = sandbox();
        let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
        let by = |key: &str, arguments: &[&str]| {
            let mut command = sandbox.command(".", arguments);
            command.env("LUMEN_KEY", key);
            if key == "new" && !is_own {
                command.env("HOME", sandbox.path("home/other"));
            }
            let ran = Ran::of(&command.output().unwrap());
            assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
            ran
        };
        by("new", &["key", "new", "new"]);
        let new = by("new", &["key", "export", "new"]).out;
        let trust =
            |key: &str, arguments: &[&str]| by(key, &[&["registry", "trust"], arguments].concat());
        let old = me.split('+').next().unwrap();
        let rotated = trust(old, &["rotate", new.trim()]);
        assert_eq!(
            rotated.err.contains("Changed the root"),
            is_own,
            "{rotated:#?}"
        );
        if !is_own {
            trust("new", &["sign", "root-2.note"]);
            trust(old, &["apply", "root-2.note"]);
        }
        trust("new", &["remove-log-key", me.trim()]);
        let shown = trust("new", &["--json", "show"]).out;
        assert!(!shown.contains(old) && shown.contains("\"new+"), "{shown}");
    }
}

#[test]
fn owners_come_and_go() {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    sandbox
        .ok(".", &["registry", "trust", "add-log-key", "bob"])
        .unwrap();
    publish(&sandbox, "text", "1.0.0", "");
    let list = sandbox.ok(".", &["pkg", "owner", "list", "text"]).unwrap();
    narrow(&list);
    assert!(
        list.out.starts_with("text, ownership note 1\n"),
        "{}",
        list.out
    );
    sandbox.package("next", "text", "1.1.0", "").unwrap();
    let by_bob = || {
        let mut command = sandbox.command("next", &["pkg", "publish", "--yes"]);
        command.env("LUMEN_KEY", "bob");
        Ran::of(&command.output().unwrap())
    };
    assert_eq!(by_bob().code, Some(1));
    sandbox
        .ok(".", &["pkg", "owner", "add", "text", "bob"])
        .unwrap();
    fails(
        &sandbox
            .run(".", &["pkg", "owner", "add", "text", "bob"])
            .unwrap(),
        1,
        &["is already a publisher"],
    );
    let published = by_bob();
    assert_eq!(published.code, Some(0), "{published:#?}");
    // A publisher is no admin: a change is a proposal.
    let proposed = ok_as(&sandbox, "bob", &["pkg", "owner", "remove", "text", "bob"]);
    assert!(proposed.err.contains("not signed by you"), "{proposed:#?}");
    let info = ["pkg", "info", "text", "--provenance"];
    let info = sandbox.ok(".", &info).unwrap();
    narrow(&info);
    assert!(info.out.contains("1.1.0: entry") && info.out.contains(" bob\n"));
    sandbox
        .ok(
            ".",
            &["pkg", "owner", "revoke", "text", "bob", "--from", "0"],
        )
        .unwrap();
    let info = ["--json", "pkg", "info", "text", "--provenance"];
    let info = sandbox.ok(".", &info).unwrap();
    assert!(info.out.contains("\"revoked\": true"), "{}", info.out);
    fails(
        &sandbox
            .run(".", &["pkg", "owner", "list", "nothing"])
            .unwrap(),
        1,
        &["`nothing` has no owner"],
    );
}

#[test]
fn a_claim_in_a_file_is_approved() {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let policy = ["registry", "trust", "policy", "approve", "--key"];
    let me = sandbox.ok(".", &["key", "export"]).unwrap().out;
    let policy = [&policy[..], &[me.trim()]].concat();
    sandbox.ok(".", &policy).unwrap();
    sandbox
        .ok(".", &["registry", "trust", "add-log-key", "bob"])
        .unwrap();
    let claim = ["pkg", "owner", "claim", "@org", "--out", "claim.note"];
    let claimed = ok_as(&sandbox, "bob", &claim);
    assert!(claimed.err.contains("claim.note"), "{claimed:#?}");
    let approved = sandbox
        .ok(".", &["registry", "approve", "claim.note"])
        .unwrap();
    assert!(
        approved
            .err
            .contains("Changed the owners of `@org` (ownership note 1")
    );
    let list = sandbox
        .ok(".", &["pkg", "owner", "list", "@org/http"])
        .unwrap();
    assert!(list.out.contains(" bob\n"), "{}", list.out);
    fails(
        &as_key(&sandbox, "bob", &claim),
        1,
        &["`@org` has owners already"],
    );
}

#[test]
fn witnesses_confirm_and_monitors_watch() {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "wit"]).unwrap();
    publish(&sandbox, "text", "1.0.0", "");
    let witness = ["registry", "witness", "registry"];
    fails(
        &as_key(&sandbox, "wit", &witness),
        1,
        &["the root does not name your key `wit` as a witness"],
    );
    let add = ["registry", "trust", "add-witness", "wit", "--quorum", "1"];
    let added = sandbox.ok(".", &add).unwrap();
    assert!(added.err.contains("Waiting for 1 witness"), "{added:#?}");
    // Readers go on with the root before.
    let info = ["pkg", "info", "text"];
    sandbox.ok(".", &info).unwrap();
    ok_as(&sandbox, "wit", &witness);
    sandbox.ok(".", &info).unwrap();
    let again = ok_as(&sandbox, "wit", &witness);
    assert!(again.err.contains("they continue the"), "{again:#?}");
    let watch = ["registry", "watch", "registry", "--names", "text"];
    let seen = sandbox.ok(".", &watch).unwrap();
    let kinds: Vec<&str> = seen
        .out
        .lines()
        .map(|line| line.split("\"kind\":\"").nth(1).unwrap())
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(kinds, ["owners", "publish"]);
    let repaired = sandbox
        .ok(".", &["registry", "repair", "registry"])
        .unwrap();
    assert!(repaired.err.contains("Repaired"));
}

#[test]
fn a_registry_is_checked_and_rebuilt_from_its_log() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let check = ["registry", "check", "registry"];
    let checked = sandbox.ok(".", &check).unwrap();
    assert!(checked.err.contains("every file is as the log says"));
    let index = "registry/packages/text/index.json";
    let good = sandbox.read(index).unwrap();
    sandbox
        .write(index, &good.replace("1.0.0", "1.0.9"))
        .unwrap();
    let bad = sandbox.run(".", &check).unwrap();
    fails(&bad, 3, &["the log's files do not fit its checkpoint"]);
    assert!(bad.out.contains("packages/text/index.json: "), "{bad:#?}");
    std::fs::remove_file(sandbox.path(index)).unwrap();
    let rebuilt = sandbox
        .ok(".", &["registry", "rebuild", "registry"])
        .unwrap();
    assert!(rebuilt.out.contains("packages/text/index.json"));
    assert_eq!(sandbox.read(index).unwrap(), good);
    sandbox.ok(".", &check).unwrap();
}

#[test]
fn deprecations_are_statements() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    let deprecate = ["pkg", "deprecate", "text", "--reason", "use words"];
    let said = sandbox.ok(".", &deprecate).unwrap();
    assert!(
        said.err.contains("Deprecated `text`: use words"),
        "{said:#?}"
    );
    let said = sandbox.ok(".", &deprecate).unwrap();
    assert!(said.err.contains("(it was already)"), "{said:#?}");
    let index = sandbox.read("registry/packages/text/index.json").unwrap();
    assert!(index.contains("\"deprecated\""), "{index}");
    let undo = ["pkg", "undeprecate", "text", "--reason", "words is gone"];
    let said = sandbox.ok(".", &undo).unwrap();
    assert!(
        said.err.contains("Undeprecated `text`: words is gone"),
        "{said:#?}"
    );
    let unknown = ["pkg", "deprecate", "nothing", "--reason", "x"];
    assert_eq!(sandbox.run(".", &unknown).unwrap().code, Some(1));
}

#[test]
fn reasons_are_part_of_the_log() {
    let sandbox = sandbox();
    publish(&sandbox, "text", "1.0.0", "");
    for (verb, reason) in [("yank", "it burns"), ("unyank", "it does not")] {
        let said = ["pkg", verb, "text@1.0.0", "--reason", reason];
        let said = sandbox.ok(".", &said).unwrap();
        assert!(
            said.err.contains(&format!("`text` 1.0.0: {reason}")),
            "{said:#?}"
        );
    }
    let deprecate = [
        "pkg",
        "deprecate",
        "text",
        "--reason",
        "done",
        "--replacement",
    ];
    let deprecate = [&deprecate[..], &["words"]].concat();
    publish(&sandbox, "words", "1.0.0", "");
    sandbox.ok(".", &deprecate).unwrap();
    let info = ["pkg", "info", "text", "--provenance"];
    let shown = sandbox.ok(".", &info).unwrap().out;
    for line in [
        "  yank, entry 5, ",
        ": it burns\n",
        "  unyank, entry 7, ",
        ": it does not\n",
        "  deprecate, entry 12, ",
        ": done (use `words`)\n",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let json = [&["--json"], &info[..]].concat();
    let shown = sandbox.ok(".", &json).unwrap().out;
    assert!(shown.contains("\"reason\": \"it does not\""), "{shown}");
    // Elsewhere there is no log to say it in.
    let other = bare();
    other
        .ok(".", &["registry", "init", "registry", "--unsigned"])
        .unwrap();
    publish(&other, "text", "1.0.0", "");
    let yank = ["pkg", "yank", "text@1.0.0", "--reason", "x"];
    other.ok(".", &yank).unwrap();
    let unyank = ["pkg", "unyank", "text@1.0.0", "--reason", "y"];
    let said = other.ok(".", &unyank).unwrap();
    assert!(
        said.err.contains("has no place for the reason"),
        "{said:#?}"
    );
}

#[test]
fn a_machine_remembers_until_told_otherwise() {
    let sandbox = sandbox();
    let shown = sandbox
        .ok(".", &["--json", "registry", "trust", "show"])
        .unwrap();
    let fingerprint = |shown: &Ran| {
        let line = shown.out.lines().find(|line| line.contains("fingerprint"));
        line.unwrap().split('"').nth(3).unwrap().to_owned()
    };
    let first = fingerprint(&shown);
    sandbox
        .ok(".", &["trust", "pin", "registry/", &first])
        .unwrap();
    let listed = sandbox.ok(".", &["trust", "list"]).unwrap();
    assert!(listed.out.contains(&first) && listed.out.contains("pinned"));
    fails(
        &sandbox
            .run(".", &["trust", "pin", "registry/", "x"])
            .unwrap(),
        1,
        &["`x` is not a fingerprint"],
    );
    // Another registry in the same place.
    std::fs::rename(sandbox.path("registry"), sandbox.path("old")).unwrap();
    let other = bare();
    other.ok(".", &["registry", "init", "registry"]).unwrap();
    std::fs::rename(other.path("registry"), sandbox.path("registry")).unwrap();
    let show = ["registry", "trust", "show"];
    fails(&sandbox.run(".", &show).unwrap(), 3, &[&first]);
    fails(
        &sandbox.run(".", &["trust", "accept", "registry/"]).unwrap(),
        1,
        &["nothing was accepted"],
    );
    sandbox
        .ok(".", &["trust", "accept", "registry/", "--yes"])
        .unwrap();
    let now = sandbox
        .ok(".", &["--json", "registry", "trust", "show"])
        .unwrap();
    assert_ne!(fingerprint(&now), first);
    sandbox.ok(".", &["trust", "forget", "registry/"]).unwrap();
    let listed = sandbox.ok(".", &["trust", "list"]).unwrap();
    assert_eq!(listed.out, "");
}

#[test]
fn an_unsigned_registry_has_no_keys_to_manage() {
    let sandbox = bare();
    sandbox
        .ok(".", &["registry", "init", "registry", "--unsigned"])
        .unwrap();
    for command in [
        &["registry", "trust", "show"][..],
        &["pkg", "owner", "list", "text"],
        &["registry", "watch"],
    ] {
        let ran = sandbox.run(".", command).unwrap();
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("not signed"), "{ran:#?}");
    }
}

#[test]
fn a_damaged_memory_of_a_registry_says_what_to_do() {
    let sandbox = sandbox();
    publish(&sandbox, "a", "1.0.0", "");
    let more = "[dependencies]\na = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", more).unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let trust = sandbox.path("home/lumen/trust");
    for file in std::fs::read_dir(&trust).unwrap() {
        let file = file.unwrap().path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            std::fs::write(file, "").unwrap();
        }
    }
    let ran = sandbox.run("app", &["pkg", "update"]).unwrap();
    fails(&ran, 3, &["`lumen trust forget <registry>`"]);
    let registry = sandbox.path("registry").display().to_string();
    sandbox.ok("app", &["trust", "forget", &registry]).unwrap();
    sandbox.ok("app", &["pkg", "update"]).unwrap();
}
