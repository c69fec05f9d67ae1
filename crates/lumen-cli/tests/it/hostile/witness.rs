//! An insider has a log key and may write to the registry. Witnesses, and readers who ask for
//! them, do not take his word.

use std::time::{SystemTime, UNIX_EPOCH};

use lumen_core::{
    Digest,
    signing::{CosignerKey, SecretKey},
    trust::{MapLeaf, RootNote},
};
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    verifier::verify,
    world::{World, key},
};

use crate::{as_key, bare, fails, ok_as, publish, sandbox};

const ORIGIN: &str = "example/1f";
const WITNESS: [&str; 3] = ["registry", "witness", "registry"];

/// A sandbox in which a world is the registry.
fn show(world: &World) -> Sandbox {
    let sandbox = bare();
    world.write_to(&sandbox.path("registry"));
    sandbox
}

fn cosigner(key: &SecretKey) -> CosignerKey {
    CosignerKey::new(key.public().clone())
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn witness(sandbox: &Sandbox, key: &SecretKey) -> Ran {
    as_key(sandbox, &key.to_text(), &WITNESS)
}

/// A project that needs `text`, installed by somebody who has not seen the registry before.
fn install(sandbox: &Sandbox) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("app"));
    let _ = std::fs::remove_dir_all(sandbox.path("home"));
    let more = "\n[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    sandbox.run("app", &["pkg", "install"]).unwrap()
}

/// A registry with a witness that has confirmed what there is: ada's package with two releases.
struct Watched {
    world: World,
    ada: SecretKey,
    witness: SecretKey,
}

impl Watched {
    fn new(change: impl FnOnce(&mut RootNote, CosignerKey)) -> Self {
        let (ada, witness) = (key("ada", 7), key("wit", 8));
        let mut world = World::with(ORIGIN, |root| change(root, cosigner(&witness)));
        world.claim("text", &ada);
        for number in ["1.0.0", "1.1.0"] {
            world.publish_files("text", number, &[], number, &ada);
        }
        world.seal();
        Self {
            world,
            ada,
            witness,
        }
    }

    /// With a plain witness, as registries have had them since there are witnesses.
    fn plain() -> Self {
        Self::new(|root, witness| root.witnesses.push(witness))
    }

    /// Asserts that the witness confirms the world as it was and refuses it as it is now.
    fn refuses(&self, before: &World, said: &[&str]) {
        for confirmed_before in [true, false] {
            let sandbox = show(before);
            if confirmed_before {
                let ran = witness(&sandbox, &self.witness);
                assert_eq!(ran.code, Some(0), "{ran:#?}");
            }
            self.world.write_to(&sandbox.path("registry"));
            let checkpoint = sandbox.read("registry/log/checkpoint").unwrap();
            let ran = witness(&sandbox, &self.witness);
            fails(&ran, 3, said);
            fails(&ran, 3, &["does not confirm the log", "nothing was signed"]);
            assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), checkpoint);
            let evidence = ran.err.split("the entry are in `").nth(1).unwrap();
            let evidence = evidence.split('`').next().unwrap();
            let evidence = std::fs::read_to_string(evidence).unwrap();
            let shown = checkpoint.split("\n\n").next().unwrap();
            assert!(evidence.contains(shown), "{evidence}");
        }
    }
}

#[test]
fn a_map_that_hides_something_is_not_confirmed() {
    type Act = fn(&mut World, &SecretKey);
    let yank: Act = |world, ada| world.yank("text", "1.1.0", "it burns", ada);
    let release: Act = |world, ada| world.publish_files("text", "1.2.0", &[], "mended", ada);
    let revocation: Act = |world, ada| {
        let mallory = key("mallory", 9).public().clone();
        world.change_owners("text", ada, |note| {
            note.revoked.push(lumen_core::trust::Revoked {
                key: mallory,
                from: 3,
            });
        });
    };
    let root: Act = |world, _| world.change_root(|root| root.expires = None);
    for act in [yank, release, revocation, root] {
        let mut watched = Watched::plain();
        let before = watched.world.clone();
        act(&mut watched.world, &watched.ada);
        let hidden = watched.world.entries.len() as u64 - 1;
        watched.world.seal_hiding(&[hidden]);
        let said = format!(
            "entry {} of the log is a map leaf with another root",
            hidden + 1
        );
        watched.refuses(&before, &[&said]);
    }
}

#[test]
fn a_map_that_adds_something_is_not_confirmed() {
    let mut watched = Watched::plain();
    let before = watched.world.clone();
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    let more = [("no-such-package".to_owned(), Digest::of(b"chain"))];
    watched.world.seal_with(&more.into_iter().collect());
    watched.refuses(&before, &["is a map leaf with another root"]);
}

#[test]
fn entries_that_nobody_was_allowed_to_make_are_not_confirmed() {
    type Act = fn(&mut World, &SecretKey);
    let stranger: Act = |world, _| {
        world.publish_files("text", "1.2.0", &[], "evil", &key("mallory", 9));
    };
    let unowned: Act = |world, ada| world.publish_files("other", "1.0.0", &[], "", ada);
    let takeover: Act = |world, _| {
        let mallory = key("mallory", 9);
        let owner = mallory.public().clone();
        world.change_owners("text", &mallory, |note| note.admins = vec![owner]);
    };
    let root: Act = |world, _| {
        let mallory = key("mallory", 9);
        let owner = mallory.public().clone();
        world.root_after(1, &[&mallory], |note| note.root = vec![owner]);
    };
    let twice: Act = |world, ada| world.publish_files("text", "1.1.0", &[], "other", ada);
    let again: Act = |world, _| {
        let first = world.entries.iter();
        let first = first
            .rev()
            .find(|entry| entry.contains("lumen/yank"))
            .cloned();
        world.append(first.unwrap());
    };
    let revoked: Act = |world, ada| {
        let (bob, next) = (key("bob", 10), world.entries.len() as u64);
        let public = bob.public().clone();
        world.change_owners("text", ada, |note| {
            let publisher = lumen_core::trust::Publisher {
                key: public.clone(),
                only: None,
            };
            note.publishers.push(publisher);
            note.revoked.push(lumen_core::trust::Revoked {
                key: public,
                from: next,
            });
        });
        world.publish_files("text", "1.2.0", &[], "evil", &bob);
    };
    let mut watched = Watched::plain();
    root(&mut watched.world, &watched.ada);
    watched.world.seal();
    // This one nobody gets far enough to replay.
    let sandbox = show(&watched.world);
    let checkpoint = sandbox.read("registry/log/checkpoint").unwrap();
    let ran = witness(&sandbox, &watched.witness);
    fails(&ran, 3, &["0 of the 1 signatures of the root keys before"]);
    assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), checkpoint);
    for (act, said) in [
        (stranger, "not signed by an owner of `text`"),
        (unowned, "nobody owns `other`"),
        (takeover, "0 of the 1 signatures of the admins before"),
        (twice, "publishes 1.1.0 again"),
        (again, "repeats an earlier statement"),
        (revoked, "is signed by the revoked key"),
    ] {
        let mut watched = Watched::plain();
        watched.world.yank("text", "1.0.0", "old", &watched.ada);
        watched.world.seal();
        let before = watched.world.clone();
        act(&mut watched.world, &watched.ada);
        // All that readers look at is in order but for the entry itself.
        watched.world.seal();
        watched.refuses(&before, &[said]);
    }
}

#[test]
fn a_batch_that_does_not_end_as_it_must_is_not_confirmed() {
    let mut watched = Watched::plain();
    let before = watched.world.clone();
    let size = watched.world.entries.len() as u64 + 7;
    let leaf = MapLeaf {
        size,
        root: Digest::of(b"nothing"),
    };
    watched.world.append(leaf.to_text());
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal();
    watched.refuses(&before, &[&format!("is a map leaf for {size} entries")]);

    // Without a map leaf nobody even opens the registry.
    watched.world = before.clone();
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal_without_leaf();
    let sandbox = show(&watched.world);
    let checkpoint = sandbox.read("registry/log/checkpoint").unwrap();
    assert_eq!(witness(&sandbox, &watched.witness).code, Some(3));
    assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), checkpoint);
}

#[test]
fn a_log_that_was_rewritten_below_what_was_validated_is_not_confirmed() {
    let watched = Watched::plain();
    let mut other = watched.world.clone();
    let mut grown = watched.world.clone();
    grown.yank("text", "1.0.0", "old", &watched.ada);
    grown.seal();
    let sandbox = show(&grown);
    assert_eq!(witness(&sandbox, &watched.witness).code, Some(0));
    // A valid log, but another one.
    for number in ["1.2.0", "1.3.0"] {
        other.publish_files("text", number, &[], number, &watched.ada);
        other.seal();
        other.write_to(&sandbox.path("registry"));
        let forgotten = ["trust", "forget", "registry/"];
        let _ = as_key(&sandbox, &watched.witness.to_text(), &forgotten);
        let ran = witness(&sandbox, &watched.witness);
        fails(&ran, 3, &["the log was forked"]);
    }
}

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
    for kind in ["lumen/root/v3", "lumen/constitution/v1"] {
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
    ok_as(&sandbox, "wit", &WITNESS);
    installed(&sandbox, "1.2.0");
    sandbox.ok("source", &wait).unwrap();
    verify(&sandbox.path("registry"));
    sandbox.ok(".", &mirror).unwrap();
    verify(&sandbox.path("mirror"));
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
