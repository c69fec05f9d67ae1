//! Somebody whose root or log key was removed shows root notes without the removal.

use lumen_core::signing::SecretKey;
use lumen_testkit::world::{World, key};

use super::{app, elsewhere, project, refused, show};

const ORIGIN: &str = "example/1f";

/// The keys that come after those of [`World::new`].
struct Keys {
    owner: SecretKey,
    /// The root key that was removed.
    old_root: SecretKey,
    new_root: SecretKey,
    new_log: SecretKey,
}

/// A registry in which note 2 replaces the root key and the log key; before that, and after.
fn replaced() -> (World, World, Keys) {
    let keys = Keys {
        owner: key("owner", 7),
        old_root: key("root", 1),
        new_root: key("root2", 3),
        new_log: key(ORIGIN, 4),
    };
    let mut before = World::new(ORIGIN);
    before.claim("dep", &keys.owner);
    before.publish_files("dep", "1.0.0", &[], "# dep\n", &keys.owner);
    before.seal();
    let mut after = before.clone();
    after.root_after(1, &[&keys.old_root, &keys.new_root], |note| {
        note.root = vec![keys.new_root.public().clone()];
        note.log = vec![keys.new_log.public().clone()];
    });
    after.log_key = key(ORIGIN, 4).into();
    after.seal();
    (before, after, keys)
}

/// The removed root key makes notes 2' and 3' after note 1, which the log has beside the
/// honest note 2: the map and the list of root notes leave that out.
fn forged(honest: &World, keys: &Keys) -> World {
    let mut forged = honest.clone();
    let honest_note = forged
        .entries
        .iter()
        .rposition(|entry| entry.starts_with("lumen/root/v1"))
        .unwrap() as u64;
    let thief = key(ORIGIN, 9);
    for seq in [1, 2] {
        forged.root_after(seq, &[&keys.old_root], |note| {
            note.root = vec![keys.old_root.public().clone()];
            note.log = vec![thief.public().clone()];
            note.time = format!("2026-02-0{seq}T00:00:00Z");
        });
    }
    forged.log_key = thief.into();
    forged.publish_files("dep", "1.1.0", &[], "# evil\n", &keys.owner);
    forged.seal_hiding(&[honest_note]);
    forged
}

#[test]
fn roots_go_on_from_the_last_one_that_was_seen() {
    let (_, honest, keys) = replaced();
    let sandbox = project(&["dep"]);
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    show(&sandbox, &forged(&honest, &keys));
    // This machine saw the honest note 2, and so did the lock.
    let update = ["pkg", "update"];
    let said = ["root note 2 was taken back", "this machine saw sha256:"];
    let by_lock = ["root note 2 was taken back", "lumen.lock has sha256:"];
    refused(&sandbox, || sandbox.run("app", &update).unwrap(), &by_lock);
    refused(&sandbox, || elsewhere(&sandbox, &update), &by_lock);
    refused(
        &sandbox,
        || elsewhere(&sandbox, &["pkg", "install"]),
        &by_lock,
    );
    // Without the lock, too: in another project on this machine, and for other verbs.
    app(&sandbox, "app", &["dep"]);
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    for verb in [&["pkg", "install"][..], &["pkg", "info", "dep"]] {
        refused(&sandbox, || sandbox.run("app", verb).unwrap(), &said);
    }
    // The honest registry goes on as if nothing had been.
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}

/// The lock is older than note 2, but the log has it since.
#[test]
fn root_notes_of_the_log_are_shown() {
    let (before, honest, keys) = replaced();
    let sandbox = project(&["dep"]);
    show(&sandbox, &before);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    show(&sandbox, &forged(&honest, &keys));
    let said = ["root note 2 was taken back", "of the log is sha256:"];
    for verb in [&["pkg", "install"][..], &["pkg", "update"]] {
        refused(&sandbox, || elsewhere(&sandbox, verb), &said);
    }
    show(&sandbox, &honest);
    let ran = elsewhere(&sandbox, &["pkg", "install"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

/// Somebody with a removed log key shows the root notes that end before the removal.
#[test]
fn a_removed_log_key_signs_nothing_for_a_lock_that_is_newer() {
    let (_, honest, keys) = replaced();
    let sandbox = project(&["dep"]);
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let mut stolen = honest;
    let removal = stolen
        .entries
        .iter()
        .rposition(|entry| entry.starts_with("lumen/root/v1"))
        .unwrap();
    stolen.log_key = key(ORIGIN, 2).into();
    stolen.publish_files("dep", "1.1.0", &[], "# evil\n", &keys.owner);
    stolen.seal_hiding(&[removal as u64]);
    show(&sandbox, &stolen);
    let said = [
        "root note 2 was taken back: lumen.lock has sha256:",
        "does not show it any more",
        "hint: ",
    ];
    for verb in [
        &["pkg", "install"][..],
        &["pkg", "update"],
        &["pkg", "install", "--locked"],
    ] {
        refused(&sandbox, || elsewhere(&sandbox, verb), &said);
    }
}

/// A lock of an earlier Lumen has no hash; the new one is read by it, and the other way round.
#[test]
fn locks_without_the_notes_stay_good() {
    let (_, honest, _) = replaced();
    let sandbox = project(&["dep"]);
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(lock.contains("\nroot-note = \"2 sha256:"), "{lock}");
    assert!(
        lock.contains("\nowners = 1\nowners-note = \"sha256:"),
        "{lock}"
    );
    let is_new = |line: &&str| line.starts_with("root-note") || line.starts_with("owners-note");
    let earlier: Vec<&str> = lock.lines().filter(|line| !is_new(line)).collect();
    assert_eq!(earlier.len() + 2, lock.lines().count());
    sandbox
        .write("app/lumen.lock", &(earlier.join("\n") + "\n"))
        .unwrap();
    let before = sandbox.read("app/lumen.lock").unwrap();
    let ran = elsewhere(&sandbox, &["pkg", "install", "--locked"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), before);
    let ran = elsewhere(&sandbox, &["pkg", "update"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(sandbox.read("app/lumen.lock").unwrap(), lock);
}

/// No attack: a mirror that is behind lacks the newest root note, and the log does, too.
#[test]
fn a_mirror_that_is_behind_is_called_so() {
    let (before, after, _) = replaced();
    let sandbox = project(&["dep"]);
    show(&sandbox, &after);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    show(&sandbox, &before);
    let (seen, shown) = (after.entries.len(), before.entries.len());
    let said = format!("log rolled back from {seen} to {shown} entries");
    let update = ["pkg", "update"];
    refused(&sandbox, || sandbox.run("app", &update).unwrap(), &[&said]);
    refused(&sandbox, || elsewhere(&sandbox, &update), &[&said]);
}
