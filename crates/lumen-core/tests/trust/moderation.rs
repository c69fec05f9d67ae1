//! What moderators may say of a package, and what of it is in force.

use lumen_core::{
    Digest, Version,
    index::put_events,
    trust::{Action, HistoryError, Measure, PackageHistory, RootNote, text::seconds},
};

use super::world::{
    ORIGIN, World, block, moderated_root, moderation, owners, public, publish, quarantine, root,
    signed, statement, yank,
};

const NOW: i64 = 1_800_000_000;

fn blocked(history: &PackageHistory, version: &str, now: i64) -> Option<u64> {
    let version: Version = version.parse().unwrap();
    history
        .moderation
        .blocked(&version, now)
        .map(|block| block.said.seq)
}

/// A package with two releases in a registry with moderators.
fn world() -> World {
    let mut world = World::new(&moderated_root(), &["root"]);
    world.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    world.say(&statement("tool", 1, 2, publish("1.2.0-rc.1")), "ada");
    world
}

#[test]
fn blocks_cover_versions_until_they_are_lifted() {
    let mut world = world();
    let both = ["mia", "moe"];
    let say = |world: &mut World, seq, versions: &str, measure: Measure| {
        let said = moderation("tool", seq, versions, measure);
        world.add(&said.to_text(), &both);
        world.verify("tool").unwrap()
    };
    assert_eq!(blocked(&world.verify("tool").unwrap(), "1.0.0", NOW), None);
    let history = say(&mut world, 1, "<1.2.0", block());
    for (version, by) in [("1.0.0", Some(1)), ("1.2.0-rc.1", Some(1)), ("1.2.0", None)] {
        assert_eq!(blocked(&history, version, NOW), by, "{version}");
    }
    // Two at once, and the newest of the same versions counts.
    let end = "2027-06-01T00:00:00Z";
    let history = say(&mut world, 2, "all", quarantine(end));
    assert_eq!(blocked(&history, "9.0.0", NOW), Some(2));
    assert_eq!(blocked(&history, "1.0.0", NOW), Some(2));
    let end = seconds(end).unwrap();
    assert_eq!(blocked(&history, "9.0.0", end - 1), Some(2));
    assert_eq!(blocked(&history, "9.0.0", end), None);
    assert_eq!(blocked(&history, "1.0.0", end), Some(1));
    let history = say(&mut world, 3, "all", block());
    assert_eq!(blocked(&history, "9.0.0", end), Some(3));
    let history = say(&mut world, 4, "all", Measure::Unblock);
    assert_eq!(blocked(&history, "9.0.0", NOW), None);
    assert_eq!(blocked(&history, "1.0.0", NOW), Some(1));
    let history = say(&mut world, 5, "<1.2.0", Measure::Unblock);
    assert_eq!(blocked(&history, "1.0.0", NOW), None);
    assert_eq!(history.moderation.next(), 6);
    let signers: Vec<_> = history.moderation.all[0].signers.clone();
    assert_eq!(signers, [public("mia"), public("moe")]);
}

#[test]
fn only_enough_moderators_of_the_root_in_force_count() {
    let mut world = world();
    let text = moderation("tool", 1, "all", block()).to_text();
    for signers in [
        &["mia"][..],
        // An owner and a root key are no moderators.
        &["ada"],
        &["root", "ada"],
        &["mia", "root"],
    ] {
        let refused = world.refused("tool", &text, signers);
        assert!(
            matches!(refused, HistoryError::Threshold { needed: 2, .. }),
            "{signers:?}: {refused}"
        );
    }
    // The same key under two names.
    let twice = RootNote {
        moderators: vec![public("mia"), public("mia").renamed("eve").unwrap()],
        ..moderated_root()
    };
    assert!(RootNote::parse(&twice.to_text()).is_err());
    // A moderator who was removed, with a statement that was signed before.
    let first = world.roots[0].note.clone();
    let next = RootNote {
        seq: 2,
        prev: Some(Digest::of(first.as_bytes())),
        moderator_threshold: 1,
        moderators: vec![public("moe")],
        ..moderated_root()
    };
    world.add(&text, &["mia", "max"]);
    world.add(&next.to_text(), &["root"]);
    // What they said in time stays.
    assert_eq!(
        blocked(&world.verify("tool").unwrap(), "1.0.0", NOW),
        Some(1)
    );
    let lift = moderation("tool", 2, "all", Measure::Unblock).to_text();
    let refused = world.refused("tool", &lift, &["mia", "max"]);
    assert!(
        matches!(refused, HistoryError::Threshold { found: 0, .. }),
        "{refused}"
    );
    world.add(&lift, &["moe"]);
    assert_eq!(blocked(&world.verify("tool").unwrap(), "1.0.0", NOW), None);
    // A registry without moderators, which may have had some.
    let last = world.roots[1].note.clone();
    let none = RootNote {
        seq: 3,
        prev: Some(Digest::of(last.as_bytes())),
        ..root()
    };
    world.add(&none.to_text(), &["root"]);
    let text = moderation("tool", 3, "all", block()).to_text();
    let refused = world.refused("tool", &text, &["moe"]);
    assert!(
        matches!(refused, HistoryError::NoModerators { .. }),
        "{refused}"
    );
}

#[test]
fn each_statement_counts_once_and_in_its_place() {
    let mut world = world();
    let both = ["max", "moe"];
    let text = |seq, versions: &str, measure| moderation("tool", seq, versions, measure).to_text();
    let lift = text(1, "all", Measure::Unblock);
    let refused = world.refused("tool", &lift, &both);
    let words = "entry 5 of the log lifts a block of `tool`, versions all, and none was in force";
    assert_eq!(refused.to_string(), words);
    world.add(&text(1, "all", block()), &both);
    // The block is of other versions.
    let other = world.refused("tool", &text(2, "<2.0.0", Measure::Unblock), &both);
    assert!(matches!(other, HistoryError::NotBlocked { .. }), "{other}");
    let unblock = text(2, "all", Measure::Unblock);
    world.add(&unblock, &both);
    world.add(&text(3, "all", block()), &both);
    // The unblock of the first block does not lift the second, nor does a statement that was
    // signed and not logged in time count later.
    for old in [
        unblock,
        text(2, "all", block()),
        text(5, "all", Measure::Unblock),
    ] {
        let refused = world.refused("tool", &old, &both);
        assert!(
            matches!(refused, HistoryError::Sequence { after: 3, .. }),
            "{refused}"
        );
    }
    assert_eq!(
        blocked(&world.verify("tool").unwrap(), "1.0.0", NOW),
        Some(3)
    );
    // Of another registry, or about another package.
    let mut foreign = moderation("tool", 4, "all", Measure::Unblock);
    foreign.origin = format!("{ORIGIN}0");
    let refused = world.refused("tool", &foreign.to_text(), &both);
    assert!(matches!(refused, HistoryError::Origin { .. }), "{refused}");
    let other = moderation("other", 1, "all", block()).to_text();
    let refused = world.refused("tool", &other, &both);
    assert!(matches!(refused, HistoryError::Subject { .. }), "{refused}");
    // A statement that was changed after it was signed.
    let good = signed(&text(4, "all", Measure::Unblock), &both);
    let forged = good.replace("versions all", "versions <2.0.0");
    world.package.push(lumen_core::trust::Event {
        i: world.next,
        note: forged,
    });
    let refused = world.verify("tool").unwrap_err();
    assert!(
        matches!(refused, HistoryError::Signature { .. }),
        "{refused}"
    );
}

#[test]
fn a_package_without_an_owner_can_be_blocked() {
    let mut world = World::new(&moderated_root(), &["root"]);
    let both = ["mia", "max"];
    world.add(&moderation("tool", 1, "all", block()).to_text(), &both);
    let history = world.verify("tool").unwrap();
    assert_eq!(history.owners.current(), None);
    // Its claim and its releases are possible, and blocked.
    world.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    let history = world.verify("tool").unwrap();
    assert_eq!(history.releases.len(), 1);
    assert_eq!(blocked(&history, "1.0.0", NOW), Some(1));
}

#[test]
fn indexes_show_blocks_to_readers_that_check_nothing() {
    let mut world = world();
    let reason = String::new();
    world.say(&statement("tool", 1, 3, yank("1.0.0")), "ada");
    let unyank = Action::Unyank {
        version: "1.0.0".parse().unwrap(),
        reason,
    };
    world.say(&statement("tool", 1, 4, unyank), "ada");
    let both = ["mia", "max"];
    world.add(&moderation("tool", 1, "<1.1.0", block()).to_text(), &both);
    let end = quarantine("2027-06-01T00:00:00Z");
    world.add(&moderation("tool", 2, "all", end).to_text(), &both);
    let index = |world: &World| -> serde_json::Value {
        let history = world.verify("tool").unwrap();
        let bytes = put_events(None, &history, &world.package, &[].into()).unwrap();
        // Every writer makes the same bytes.
        let again = put_events(Some(&bytes), &history, &world.package, &[].into()).unwrap();
        assert_eq!(bytes, again);
        serde_json::from_slice(&bytes).unwrap()
    };
    let found = index(&world);
    let reason = "blocked by the registry's moderators: malware";
    assert_eq!(found["yanked"], serde_json::json!({ "1.0.0": reason }));
    assert_eq!(found["latest"], "1.2.0-rc.1");
    assert_eq!(
        found["blocked"],
        serde_json::json!([
            { "versions": "<1.1.0", "reason": "malware", "at": "2026-01-31T10:30:00Z" },
            { "versions": "all", "reason": "malware", "until": "2027-06-01T00:00:00Z",
              "at": "2026-01-31T10:30:00Z" },
        ])
    );
    for (seq, versions) in [(3, "<1.1.0"), (4, "all")] {
        let lift = moderation("tool", seq, versions, Measure::Unblock);
        world.add(&lift.to_text(), &both);
    }
    let found = index(&world);
    assert_eq!(found["yanked"], serde_json::json!({}));
    assert_eq!(found.get("blocked"), None);
}
