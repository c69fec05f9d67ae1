//! Readers who ask for witnesses, and publishing under their quorum.

use lumen_core::signing::SecretKey;
use lumen_testkit::{
    sandbox::{Sandbox, tree},
    verifier::verify,
    world::key,
};

use super::{ORIGIN, WITNESS, Watched, cosigner, install, now, show};
use crate::{as_key, fails, ok_as, publish, sandbox};

#[test]
fn plain_witnesses_do_not_stand_for_validating_ones() {
    let plain = key("plain", 11);
    let (listed, time) = (cosigner(&plain), now());
    let mut watched = Watched::new(|root, witness| {
        root.witnesses.push(listed);
        root.validators.push(witness);
        (root.witness_quorum, root.validating_quorum) = (1, 1);
    });
    let seal = |watched: &mut Watched, witnesses: Vec<&SecretKey>| {
        let witnesses = witnesses.into_iter().map(|key| (key.clone().into(), time));
        watched.world.witnesses = witnesses.collect();
        watched.world.yank("text", "1.0.0", "old", &watched.ada);
        watched.world.seal();
        show(&watched.world)
    };
    // The log key itself, a stranger, or one key under another name are no validators either.
    let stranger = key("stranger", 12);
    let renamed = SecretKey::from_seed("wit2", [8; 32]).unwrap();
    for offered in [
        vec![&plain],
        vec![&plain, &stranger],
        vec![&plain, &renamed],
    ] {
        let sandbox = seal(
            &mut Watched {
                world: watched.world.clone(),
                ..Watched::plain()
            },
            offered,
        );
        let ran = install(&sandbox);
        fails(
            &ran,
            3,
            &["0 of its validating witnesses did, of 1 that must"],
        );
    }
    let validating = watched.witness.clone();
    let sandbox = seal(&mut watched, vec![&validating]);
    let ran = install(&sandbox);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    // Nor does the right key without validating.
    let growth = [&WITNESS[..], &["--growth-only"]].concat();
    let ran = as_key(&sandbox, &validating.to_text(), &growth);
    fails(&ran, 1, &["is that of a validating witness"]);
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let (wit, alias, time) = (key("wit", 8), key("alias", 8), now());
    let mut watched = Watched::new(|root, _| {
        root.witnesses = vec![cosigner(&wit), cosigner(&alias)];
        root.witness_quorum = 2;
    });
    watched.world.witnesses = vec![(wit.into(), time), (alias.into(), time)];
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal();
    fails(&install(&show(&watched.world)), 3, &["1 witnesses signed"]);
}

#[test]
fn a_state_with_a_new_root_needs_the_quorum_of_that_root() {
    let (old, new) = (key("old", 11), key("new", 12));
    let time = now();
    let mut watched = Watched::new(|root, _| {
        root.witnesses = vec![cosigner(&old)];
        root.witness_quorum = 1;
    });
    watched
        .world
        .change_root(|root| root.witnesses = vec![cosigner(&new)]);
    watched.world.witnesses = vec![(old.into(), time)];
    watched.world.seal();
    fails(&install(&show(&watched.world)), 3, &["0 witnesses signed"]);
    watched.world.witnesses = vec![(new.into(), time)];
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal();
    let ran = install(&show(&watched.world));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn a_root_note_of_a_newer_lumen_is_called_so() {
    let sandbox = show(&Watched::plain().world);
    let list = sandbox.read("registry/trust/root/index.json").unwrap();
    for kind in ["lumen/root/v4", "lumen/constitution/v1"] {
        let newer = list.replace("lumen/root/v1", kind);
        sandbox
            .write("registry/trust/root/index.json", &newer)
            .unwrap();
        let said = ["a newer lumen made it", kind, "update lumen"];
        fails(&install(&sandbox), 3, &said);
        assert!(!sandbox.path("app/.lumen/packages").exists());
    }
}

/// A registry of the program's own with a validating witness, and its first release.
fn under_a_quorum() -> Sandbox {
    let sandbox = sandbox();
    sandbox.ok(".", &["key", "new", "wit"]).unwrap();
    publish(&sandbox, "text", "1.0.0", "");
    let add = ["registry", "trust", "add-witness", "wit", "--validating"];
    let add = [&add[..], &["--validating-quorum", "1", "--max-age", "3600"]].concat();
    let ran = sandbox.ok(".", &add).unwrap();
    assert!(ran.err.contains("for 1 validating witness"), "{ran:#?}");
    ok_as(&sandbox, "wit", &WITNESS);
    sandbox
}

fn installed(sandbox: &Sandbox, version: &str) {
    let _ = std::fs::remove_dir_all(sandbox.path("app"));
    let more = "\n[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    let ran = sandbox.ok("app", &["pkg", "install"]).unwrap();
    assert!(ran.err.contains(&format!("text {version}")), "{ran:#?}");
}

#[test]
fn readers_go_on_while_a_publish_waits_for_witnesses() {
    let sandbox = under_a_quorum();
    let before = sandbox.read("registry/log/checkpoint").unwrap();
    for version in ["1.1.0", "1.2.0"] {
        sandbox.package("source", "text", version, "").unwrap();
        let ran = sandbox.ok("source", &["pkg", "publish", "--yes"]).unwrap();
        assert!(
            ran.err.contains("Waiting for 1 validating witness"),
            "{ran:#?}"
        );
        assert!(ran.err.contains("lumen registry witness"), "{ran:#?}");
    }
    let yank = ["pkg", "yank", "text@1.0.0", "--reason", "old"];
    let ran = sandbox.ok(".", &yank).unwrap();
    assert!(ran.err.contains("Waiting for"), "{ran:#?}");
    assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), before);
    installed(&sandbox, "1.0.0");
    // Who looks after the registry is told, and takes nothing away.
    for command in ["check", "repair", "rebuild", "stats", "doctor"] {
        let ran = sandbox.ok(".", &["registry", command, "registry"]).unwrap();
        let said = format!("{} {}", ran.out, ran.err);
        let said: Vec<&str> = said.split_whitespace().collect();
        let waits = said.join(" ").contains("wait for 1 validating witness");
        assert!(waits, "{command}: {ran:#?}");
    }
    let gc = ["registry", "gc", "registry", "--grace", "0h"];
    sandbox.ok(".", &gc).unwrap();
    verify(&sandbox.path("registry"));
    installed(&sandbox, "1.0.0");
    let mirror = ["registry", "mirror", "registry/", "mirror"];
    sandbox.ok(".", &mirror).unwrap();
    verify(&sandbox.path("mirror"));

    // A publisher who does not want to wait for ever is told what it waits for.
    let wait = ["pkg", "publish", "--yes", "--wait", "1"];
    let ran = sandbox.run("source", &wait).unwrap();
    fails(
        &ran,
        4,
        &["it is committed, and waits for 1 validating witness"],
    );
    // It did wait that long.
    let seconds = ran.err.split(" after ").nth(1).unwrap();
    let seconds = seconds.split(' ').next().unwrap();
    assert!(seconds.parse::<u64>().unwrap() >= 1, "{ran:#?}");
    ok_as(&sandbox, "wit", &WITNESS);
    installed(&sandbox, "1.2.0");
    sandbox.ok("source", &wait).unwrap();
    verify(&sandbox.path("registry"));
    sandbox.ok(".", &mirror).unwrap();
    verify(&sandbox.path("mirror"));
}

#[test]
fn a_registry_goes_on_without_a_commit_that_no_witness_confirms() {
    let sandbox = under_a_quorum();
    sandbox
        .ok(".", &["registry", "mirror", "registry/", "mirror"])
        .unwrap();
    publish(&sandbox, "text", "6.6.6", "");
    publish(&sandbox, "evil", "1.0.0", "");
    for folder in ["log", "map", "trust"] {
        let (from, to) = (format!("mirror/{folder}"), format!("registry/{folder}"));
        let (from, to) = (sandbox.path(&from), sandbox.path(&to));
        std::fs::remove_dir_all(&to).unwrap();
        for (path, bytes) in tree(&from).unwrap() {
            let path = to.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
    let rebuild = ["registry", "rebuild", "registry"];
    sandbox.ok(".", &rebuild).unwrap();
    sandbox.ok(".", &["registry", "check", "registry"]).unwrap();
    installed(&sandbox, "1.0.0");
    publish(&sandbox, "text", "1.1.0", "");
    ok_as(&sandbox, "wit", &WITNESS);
    installed(&sandbox, "1.1.0");
}

#[test]
fn changes_go_on_from_those_that_wait() {
    let sandbox = under_a_quorum();
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    for add in ["add-key", "add-log-key"] {
        sandbox.ok(".", &["registry", "trust", add, "bob"]).unwrap();
    }
    for change in [&["add", "text", "bob"][..], &["remove", "text", "bob"]] {
        sandbox
            .ok(".", &[&["pkg", "owner"], change].concat())
            .unwrap();
    }
    ok_as(&sandbox, "wit", &WITNESS);
    let ran = sandbox.ok(".", &["registry", "trust", "show"]).unwrap();
    assert!(ran.out.contains("root: 4,"), "{ran:#?}");
    verify(&sandbox.path("registry"));
}

#[test]
fn a_dead_witness_is_taken_out_although_it_is_too_late() {
    let (root, dead) = (key("root", 1), key("wit", 8));
    let log = root.public().renamed(ORIGIN).unwrap();
    let mut watched = Watched::new(|note, witness| {
        note.log.push(log);
        note.validators.push(witness);
        note.validating_quorum = 1;
        note.max_age = Some(3600);
    });
    // It signed once, long ago.
    watched.world.witnesses = vec![(dead.into(), 1_700_000_000)];
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal();
    watched.world.open_to_writers();
    let sandbox = show(&watched.world);
    fails(&install(&sandbox), 3, &["seconds"]);
    let remove = ["registry", "trust", "remove-witness", "wit"];
    let ran = ok_as(&sandbox, &root.to_text(), &remove);
    assert!(
        ran.err.contains("readers then ask for no witness"),
        "{ran:#?}"
    );
    let ran = install(&sandbox);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn a_key_of_the_registry_is_no_validating_witness() {
    let sandbox = sandbox();
    let before = tree(&sandbox.path("registry")).unwrap();
    let own = sandbox.ok(".", &["key", "export"]).unwrap().out;
    let own = own.lines().last().unwrap();
    let add = ["registry", "trust", "add-witness", own, "--validating"];
    let ran = sandbox.run(".", &add).unwrap();
    let said = ["cannot be both a validating witness and a root key or log key"];
    fails(&ran, 1, &said);
    assert_eq!(tree(&sandbox.path("registry")).unwrap(), before);
    // Nor does a validating witness become one.
    let sandbox = under_a_quorum();
    for add in ["add-key", "add-log-key"] {
        let add = ["registry", "trust", add, "wit"];
        fails(&sandbox.run(".", &add).unwrap(), 1, &said);
    }
}

/// As docs/trust.md says under "When a witness refuses".
#[test]
fn a_log_is_taken_back_to_what_readers_see() {
    let sandbox = under_a_quorum();
    sandbox
        .ok(".", &["registry", "mirror", "registry", "mirror"])
        .unwrap();
    publish(&sandbox, "text", "1.1.0", "");
    for folder in ["log", "map", "trust"] {
        let (from, to) = (format!("mirror/{folder}"), format!("registry/{folder}"));
        std::fs::remove_dir_all(sandbox.path(&to)).unwrap();
        std::fs::rename(sandbox.path(&from), sandbox.path(&to)).unwrap();
    }
    std::fs::remove_dir_all(sandbox.path("registry/signatures")).unwrap();
    sandbox.ok(".", &["registry", "rebuild"]).unwrap();
    sandbox.ok(".", &["registry", "check"]).unwrap();
    for version in ["1.1.0", "1.2.0"] {
        publish(&sandbox, "text", version, "");
        ok_as(&sandbox, "wit", &WITNESS);
        sandbox.ok(".", &["registry", "check"]).unwrap();
    }
    installed(&sandbox, "1.2.0");
}
