//! Admins whose keys were revoked, and the log keys that former owners keep.

use lumen_core::trust::Revoked;
use lumen_testkit::{
    sandbox::Sandbox,
    world::{World, key},
};

use super::{project, refused, show};
use crate::{as_key, fails, ok_as, publish, sandbox};

/// A revoked key that is still listed as an admin makes its holder's key a publisher.
#[test]
fn a_revoked_admin_changes_nothing() {
    let (ada, bob) = (key("ada", 7), key("bob", 8));
    let mut world = World::new("example/1f");
    world.claim("dep", &ada);
    world.owners_after("dep", 1, &[&ada], |note| {
        note.admins.push(bob.public().clone());
    });
    world.publish_files("dep", "1.0.0", &[], "# dep\n", &ada);
    let from = world.entries.len() as u64;
    world.owners_after("dep", 2, &[&ada], |note| {
        note.revoked.push(Revoked {
            key: bob.public().clone(),
            from,
        });
    });
    world.seal();
    let sandbox = project(&["dep"]);
    show(&sandbox, &world);
    sandbox.ok("app", &["pkg", "install"]).unwrap();

    let eve = key("eve", 9);
    world.owners_after("dep", 3, &[&bob], |note| {
        note.publishers[0].key = eve.public().clone();
    });
    world.publish_files("dep", "1.1.0", &[], "# evil\n", &eve);
    world.seal();
    show(&sandbox, &world);
    let said = ["`dep`: entry ", "is signed by the revoked key "];
    refused(
        &sandbox,
        || sandbox.run("app", &["pkg", "update"]).unwrap(),
        &said,
    );
}

/// A registry in which `bob` is an admin and a publisher of `dep`, and has a log key.
fn with_bob() -> Sandbox {
    let sandbox = sandbox();
    publish(&sandbox, "dep", "1.0.0", "");
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let bob = sandbox.ok(".", &["key", "export", "bob"]).unwrap().out;
    let add = ["registry", "trust", "add-log-key", bob.trim()];
    sandbox.ok(".", &add).unwrap();
    let add = ["pkg", "owner", "add", "dep", bob.trim(), "--admin"];
    sandbox.ok(".", &add).unwrap();
    sandbox
}

#[test]
fn who_takes_an_owner_away_is_told_of_the_log_key() {
    for verb in ["revoke", "remove"] {
        let sandbox = with_bob();
        let ran = sandbox
            .ok(".", &["pkg", "owner", verb, "dep", "bob"])
            .unwrap();
        let command = ran
            .err
            .split('`')
            .find(|part| part.starts_with("lumen registry trust remove-log-key "))
            .unwrap_or_else(|| panic!("{ran:#?}"));
        assert!(ran.err.contains("is also a log key"), "{ran:#?}");
        // It does what it says: bob adds nothing to the log any more.
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        sandbox.ok(".", &words).unwrap();
        sandbox.package("bobs", "bobs", "1.0.0", "").unwrap();
        let mut publish = sandbox.command("bobs", &["pkg", "publish", "--yes"]);
        publish.env("LUMEN_KEY", "bob");
        let ran = lumen_testkit::sandbox::Ran::of(&publish.output().unwrap());
        fails(&ran, 1, &["log"]);
    }
    // Somebody without a log key needs nothing more.
    let sandbox = sandbox();
    publish(&sandbox, "dep", "1.0.0", "");
    sandbox.ok(".", &["key", "new", "bob"]).unwrap();
    let bob = sandbox.ok(".", &["key", "export", "bob"]).unwrap().out;
    let add = ["pkg", "owner", "add", "dep", bob.trim()];
    sandbox.ok(".", &add).unwrap();
    let ran = sandbox
        .ok(".", &["pkg", "owner", "remove", "dep", "bob"])
        .unwrap();
    assert!(!ran.err.contains("log key"), "{ran:#?}");
}

/// Writers refuse what readers would.
#[test]
fn a_revoked_key_becomes_no_owner_again() {
    let sandbox = with_bob();
    let bob = sandbox.ok(".", &["key", "export", "bob"]).unwrap().out;
    sandbox.ok(".", &["key", "new", "eve"]).unwrap();
    ok_as(&sandbox, "bob", &["pkg", "owner", "add", "dep", "eve"]);
    sandbox
        .ok(".", &["pkg", "owner", "revoke", "dep", "bob"])
        .unwrap();
    for more in [&["--admin"][..], &[]] {
        let add = [&["pkg", "owner", "add", "dep", bob.trim()][..], more].concat();
        let ran = sandbox.run(".", &add).unwrap();
        fails(
            &ran,
            1,
            &["was revoked from entry ", "nothing that it signs counts"],
        );
    }
    let ran = as_key(&sandbox, "bob", &["pkg", "owner", "remove", "dep", "eve"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        !ran.err.contains("Changed"),
        "a proposal, no change: {ran:#?}"
    );
}
