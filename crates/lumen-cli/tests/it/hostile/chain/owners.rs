//! A publisher who was removed or revoked, and still has a log key, brings back the owners
//! from before.

use lumen_core::{signing::SecretKey, trust::Revoked};
use lumen_testkit::world::{World, key};

use super::{app, elsewhere, project, refused, show};

/// A registry in which `bob` may publish `dep` and all of `@org`, and does; then `ada` revokes
/// the key of `bob`.
fn revoked() -> (World, World, SecretKey) {
    let (ada, bob) = (key("ada", 7), key("bob", 8));
    let mut before = World::new("example/1f");
    for subject in ["dep", "@org"] {
        before.claim(subject, &ada);
        before.owners_after(subject, 1, &[&ada], |note| {
            let publisher = note.publishers[0].clone();
            note.publishers.push(lumen_core::trust::Publisher {
                key: bob.public().clone(),
                ..publisher
            });
        });
    }
    before.publish_files("dep", "1.0.0", &[], "# dep\n", &ada);
    before.publish_files("@org/x", "1.0.0", &[], "# x\n", &ada);
    before.seal();
    let mut after = before.clone();
    for subject in ["dep", "@org"] {
        let from = after.entries.len() as u64;
        after.owners_after(subject, 2, &[&ada], |note| {
            note.publishers.truncate(1);
            note.revoked.push(Revoked {
                key: bob.public().clone(),
                from,
            });
        });
    }
    after.seal();
    (before, after, bob)
}

/// Bob, who has a log key, hides the notes that revoke him and publishes.
fn hidden(honest: &World, bob: &SecretKey) -> World {
    let mut forged = honest.clone();
    let last: Vec<u64> = (0..)
        .zip(&forged.entries)
        .filter(|(_, entry)| entry.contains("\nseq 3\n"))
        .map(|(index, _)| index)
        .collect();
    for subject in ["dep", "@org"] {
        forged.go_on_under(subject, 2);
    }
    forged.publish_files("dep", "1.1.0", &[], "# evil\n", bob);
    forged.publish_files("@org/x", "1.1.0", &[], "# evil\n", bob);
    forged.seal_hiding(&last);
    forged
}

const NAMES: [(&str, &str); 2] = [("dep", "dep"), ("@org/x", "@org")];

#[test]
fn owners_do_not_go_back() {
    let (_, honest, bob) = revoked();
    let forged = hidden(&honest, &bob);
    for (package, subject) in NAMES {
        let sandbox = project(&[package]);
        show(&sandbox, &honest);
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        show(&sandbox, &forged);
        let what = format!("ownership note 3 of `{subject}` was taken back");
        let by_lock = [what.as_str(), "lumen.lock has sha256:"];
        let update = ["pkg", "update"];
        refused(&sandbox, || sandbox.run("app", &update).unwrap(), &by_lock);
        refused(&sandbox, || elsewhere(&sandbox, &update), &by_lock);
        // Without the lock this machine knows it.
        std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
        let by_machine = [what.as_str(), "this machine saw sha256:"];
        let list = ["pkg", "owner", "list", package];
        for verb in [&["pkg", "install"][..], &["pkg", "info", package], &list] {
            refused(&sandbox, || sandbox.run("app", verb).unwrap(), &by_machine);
        }
        show(&sandbox, &honest);
        sandbox.ok("app", &["pkg", "install"]).unwrap();
    }
}

/// The lock is older than the note that revokes the key, but the log has it since.
#[test]
fn changes_of_owners_in_the_log_are_shown() {
    let (before, honest, bob) = revoked();
    let forged = hidden(&honest, &bob);
    for (package, subject) in NAMES {
        let sandbox = project(&[package]);
        show(&sandbox, &before);
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        show(&sandbox, &forged);
        let what = format!("ownership note 3 of `{subject}` was taken back: entry ");
        // An install of so few entries reads the whole log.
        for (verb, said) in [("install", "note 3 is in force"), ("update", what.as_str())] {
            refused(&sandbox, || elsewhere(&sandbox, &["pkg", verb]), &[said]);
        }
        refused(
            &sandbox,
            || sandbox.run("app", &["pkg", "update"]).unwrap(),
            &[&what],
        );
        show(&sandbox, &honest);
        let ran = elsewhere(&sandbox, &["pkg", "update"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
}

/// A yank since the lock, which the map leaves out.
#[test]
fn statements_in_the_log_are_shown() {
    let (ada, mut world) = (key("ada", 7), World::new("example/1f"));
    world.claim("dep", &ada);
    world.publish_files("dep", "1.0.0", &[], "# dep\n", &ada);
    world.seal();
    let sandbox = project(&["dep"]);
    show(&sandbox, &world);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    world.publish_files("dep", "1.1.0", &[], "# evil\n", &ada);
    let mut honest = world.clone();
    let yank = world.entries.len() as u64;
    for (world, hides) in [(&mut honest, &[][..]), (&mut world, &[yank])] {
        world.yank("dep", "1.1.0", "broken", &ada);
        world.seal_hiding(hides);
    }
    show(&sandbox, &world);
    let said = ["the events of `dep` are not those of the log"];
    refused(&sandbox, || elsewhere(&sandbox, &["pkg", "update"]), &said);
    show(&sandbox, &honest);
    let ran = elsewhere(&sandbox, &["pkg", "update"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("version = \"1.0.0\"\nregistry"), "{lock}");
}

/// Two notes 2 of one admin: the one that was seen counts.
#[test]
fn another_note_at_the_number_that_was_seen() {
    let (ada, eve) = (key("ada", 7), key("eve", 8));
    let mut world = World::new("example/1f");
    world.claim("dep", &ada);
    world.publish_files("dep", "1.0.0", &[], "# dep\n", &ada);
    world.seal();
    let mut honest = world.clone();
    honest.owners_after("dep", 1, &[&ada], |note| {
        note.time = "2026-02-01T00:00:00Z".into()
    });
    let hides = honest.entries.len() as u64 - 1;
    honest.seal();
    let sandbox = project(&["dep"]);
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let mut forged = honest;
    forged.owners_after("dep", 1, &[&ada], |note| {
        note.publishers[0].key = eve.public().clone();
    });
    forged.seal_hiding(&[hides]);
    show(&sandbox, &forged);
    let said = [
        "ownership note 2 of `dep` was taken back: lumen.lock has sha256:",
        "in its place",
    ];
    refused(&sandbox, || elsewhere(&sandbox, &["pkg", "update"]), &said);
    app(&sandbox, "app", &["dep"]);
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let said = ["ownership note 2 of `dep` was taken back: this machine saw sha256:"];
    refused(
        &sandbox,
        || sandbox.run("app", &["pkg", "install"]).unwrap(),
        &said,
    );
}
