//! Logs that witnesses do not confirm.

use lumen_core::{
    Digest,
    signing::SecretKey,
    trust::{MapLeaf, Publisher, Revoked},
};
use lumen_testkit::{
    sandbox::Sandbox,
    world::{World, key},
};

use super::{Watched, install, now, show, witness};
use crate::{as_key, fails};

#[test]
fn a_map_that_hides_something_is_not_confirmed() {
    type Act = fn(&mut World, &SecretKey);
    let yank: Act = |world, ada| world.yank("text", "1.1.0", "it burns", ada);
    let release: Act = |world, ada| world.publish_files("text", "1.2.0", &[], "mended", ada);
    let revocation: Act = |world, ada| {
        let mallory = key("mallory", 9).public().clone();
        world.change_owners("text", ada, |note| {
            note.revoked.push(Revoked {
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
            let publisher = Publisher {
                key: public.clone(),
                only: None,
                until: None,
            };
            note.publishers.push(publisher);
            note.revoked.push(Revoked {
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
        (unowned, "`other` has no owner"),
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

/// A registry of which readers see what its validating witness signed, and a later commit of an
/// insider that waits.
fn committed(act: impl FnOnce(&mut World, &SecretKey)) -> (Watched, Sandbox) {
    let mut watched = Watched::new(|root, witness| {
        root.validators.push(witness);
        root.validating_quorum = 1;
    });
    let witness = watched.witness.clone();
    watched.world.witnesses = vec![(witness.into(), now())];
    watched.world.yank("text", "1.0.0", "old", &watched.ada);
    watched.world.seal();
    let sandbox = show(&watched.world);
    let public = sandbox.read("registry/log/checkpoint").unwrap();
    watched.world.witnesses.clear();
    act(&mut watched.world, &watched.ada);
    watched.world.open_to_writers();
    watched.world.write_to(&sandbox.path("registry"));
    sandbox.write("registry/log/checkpoint", &public).unwrap();
    (watched, sandbox)
}

#[test]
fn what_an_insider_commits_does_not_become_public() {
    type Act = fn(&mut World, &SecretKey);
    let hidden: Act = |world, ada| {
        world.yank("text", "1.1.0", "it burns", ada);
        world.seal_hiding(&[world.entries.len() as u64 - 1]);
    };
    let stranger: Act = |world, _| {
        world.publish_files("text", "1.2.0", &[], "evil", &key("mallory", 9));
        world.seal();
    };
    let root: Act = |world, _| {
        let mallory = key("mallory", 9);
        let owner = mallory.public().clone();
        world.root_after(1, &[&mallory], |note| {
            note.root = vec![owner];
            note.validators.clear();
            note.validating_quorum = 0;
        });
        world.seal();
    };
    for act in [hidden, stranger, root] {
        let (watched, sandbox) = committed(act);
        let public = sandbox.read("registry/log/checkpoint").unwrap();
        for _ in 0..2 {
            let ran = witness(&sandbox, &watched.witness);
            fails(&ran, 3, &["does not confirm the log", "nothing was signed"]);
            // Nor does anybody who only finishes what others began.
            let repair = ["registry", "repair", "registry"];
            as_key(&sandbox, &watched.witness.to_text(), &repair);
            assert_eq!(sandbox.read("registry/log/checkpoint").unwrap(), public);
            let ran = install(&sandbox);
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            assert!(ran.err.contains("text 1.1.0"), "{ran:#?}");
        }
    }
    // The honest one does.
    let (watched, sandbox) = committed(|world, ada| {
        world.publish_files("text", "1.2.0", &[], "mended", ada);
        world.seal();
    });
    let ran = witness(&sandbox, &watched.witness);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let ran = install(&sandbox);
    assert!(ran.err.contains("text 1.2.0"), "{ran:#?}");
}
