//! Statements about packages, and whether they count.

use lumen_core::trust::{
    Action, Event, HistoryError, OwnersNote, Publisher, Statement, chain, extend,
};
use lumen_core::{Digest, merkle::leaf_hash};

use super::world::{World, after, owners, public, publish, revoked, root, signed, statement, yank};

/// `tool`, which `ada` owns, and for which `ada` and `bob` publish.
fn tool() -> (World, OwnersNote, String) {
    let mut world = World::new(&root(), &["root"]);
    let claim = owners("tool", &["ada"], &["ada", "bob"]);
    let bytes = world.add(&claim.to_text(), &["ada"]);
    (world, claim, bytes)
}

fn unyank(version: &str) -> Action {
    Action::Unyank {
        version: version.parse().unwrap(),
        reason: String::new(),
    }
}

fn deprecate(reason: &str) -> Action {
    Action::Deprecate {
        replacement: Some("other".parse().unwrap()),
        reason: reason.into(),
    }
}

#[test]
fn what_owners_say_counts() {
    let (mut world, ..) = tool();
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    world.say(&statement("tool", 1, 2, publish("1.1.0")), "bob");
    world.say(&statement("tool", 1, 3, yank("1.0.0")), "bob");
    world.say(&statement("tool", 1, 4, yank("1.1.0")), "ada");
    world.say(&statement("tool", 1, 5, unyank("1.1.0")), "ada");
    world.say(&statement("tool", 1, 6, deprecate("old")), "ada");
    let history = world.verify("tool").unwrap();
    assert_eq!(history.releases.len(), 2);
    let release = &history.releases[&"1.1.0".parse().unwrap()];
    assert_eq!((release.index, release.revoked), (4, false));
    assert_eq!(release.signer, public("bob"));
    assert_eq!(release.metadata, Digest::of(b"1.1.0"));
    let yanked: Vec<String> = history.yanked.keys().map(ToString::to_string).collect();
    assert_eq!(yanked, ["1.0.0"]);
    assert_eq!(history.deprecated.unwrap().reason, "old");
    let reason = String::new();
    world.say(
        &statement("tool", 1, 7, Action::Undeprecate { reason }),
        "bob",
    );
    assert_eq!(world.verify("tool").unwrap().deprecated, None);
}

#[test]
fn strangers_and_admins_who_do_not_publish_are_refused() {
    let mut world = World::new(&root(), &["root"]);
    let said = statement("tool", 1, 1, publish("1.0.0")).to_text();
    let error = world.refused("tool", &said, &["ada"]);
    assert!(
        matches!(error, HistoryError::Unowned { index: 2, .. }),
        "{error}"
    );
    world.add(&owners("tool", &["ada"], &["bob"]).to_text(), &["ada"]);
    for signers in [&["mallory"][..], &["ada"], &["ada", "mallory"]] {
        let error = world.refused("tool", &said, signers);
        assert!(matches!(error, HistoryError::WrongOwner { .. }), "{error}");
    }
    // A stranger's signature beside an owner's does no harm.
    world.add(&said, &["mallory", "bob"]);
    world.verify("tool").unwrap();
}

#[test]
fn of_several_owners_the_first_listed_is_the_signer() {
    let (mut world, ..) = tool();
    world.add(
        &statement("tool", 1, 1, publish("1.0.0")).to_text(),
        &["bob", "ada"],
    );
    let history = world.verify("tool").unwrap();
    assert_eq!(
        history.releases.values().next().unwrap().signer,
        public("ada")
    );
}

#[test]
fn a_signature_in_the_name_of_an_owner_must_be_theirs() {
    let (mut world, ..) = tool();
    let text = statement("tool", 1, 1, publish("1.0.0")).to_text();
    let other = signed(
        &statement("tool", 1, 1, publish("2.0.0")).to_text(),
        &["ada"],
    );
    let line = other.rsplit("\n\n").next().unwrap();
    world.package.push(Event {
        i: 3,
        note: format!("{text}\n{line}"),
    });
    let error = world.verify("tool").unwrap_err();
    assert!(
        matches!(error, HistoryError::Signature { index: 3, .. }),
        "{error}"
    );
}

#[test]
fn statements_of_other_packages_registries_and_notes_are_refused() {
    let (world, ..) = tool();
    let good = statement("tool", 1, 1, publish("1.0.0"));
    let other = statement("other", 1, 1, publish("1.0.0"));
    let error = world.refused("tool", &other.to_text(), &["ada"]);
    assert!(matches!(error, HistoryError::Subject { .. }), "{error}");
    let elsewhere = Statement {
        origin: "elsewhere".into(),
        ..good.clone()
    };
    let error = world.refused("tool", &elsewhere.to_text(), &["ada"]);
    assert!(matches!(error, HistoryError::Origin { .. }), "{error}");
    let early = Statement { owners: 2, ..good };
    let error = world.refused("tool", &early.to_text(), &["ada"]);
    let expected = HistoryError::Superseded {
        index: 3,
        expected: 1,
        found: 2,
    };
    assert_eq!(error, expected);
}

#[test]
fn nothing_is_published_twice_or_yanked_before() {
    let (mut world, ..) = tool();
    for action in [yank("1.0.0"), unyank("1.0.0")] {
        let text = statement("tool", 1, 1, action).to_text();
        let error = world.refused("tool", &text, &["ada"]);
        assert!(
            matches!(error, HistoryError::UnknownVersion { .. }),
            "{error}"
        );
    }
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    let again = statement("tool", 1, 2, publish("1.0.0")).to_text();
    let error = world.refused("tool", &again, &["bob"]);
    assert!(matches!(error, HistoryError::Twice { .. }), "{error}");
}

#[test]
fn an_old_statement_cannot_be_logged_again() {
    let (mut world, ..) = tool();
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    world.say(&statement("tool", 1, 2, yank("1.0.0")), "ada");
    let undone = statement("tool", 1, 3, unyank("1.0.0"));
    world.say(&undone, "ada");
    world.say(&statement("tool", 1, 4, yank("1.0.0")), "ada");
    for signers in [&["ada"][..], &["mallory", "ada"], &["bob"]] {
        let error = world.refused("tool", &undone.to_text(), signers);
        assert_eq!(error, HistoryError::Repeated { index: 7 });
    }
}

#[test]
fn a_revoked_keys_statements_do_not_count_from_then_on() {
    let (mut world, claim, bytes) = tool();
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "bob");
    world.say(&statement("tool", 1, 2, publish("1.1.0")), "bob");
    world.say(&statement("tool", 1, 3, yank("1.0.0")), "bob");
    world.say(&statement("tool", 1, 4, deprecate("gone")), "bob");
    let mut next = after(&claim, &bytes);
    next.revoked = vec![revoked("bob", 4)];
    world.add(&next.to_text(), &["ada"]);
    let history = world.verify("tool").unwrap();
    let void: Vec<bool> = history.releases.values().map(|r| r.revoked).collect();
    assert_eq!(void, [false, true]);
    assert!(history.yanked.is_empty());
    // It can still be seen that they were made.
    let void = history.remarks.iter().all(|remark| remark.revoked);
    assert!(void && !history.remarks.is_empty());
    assert_eq!(history.deprecated, None);
    // The note still lists the key as a publisher, but nothing new of it is let in.
    let said = statement("tool", 2, 5, publish("1.2.0")).to_text();
    let error = world.refused("tool", &said, &["bob"]);
    assert!(
        matches!(error, HistoryError::RevokedKey { index: 8, .. }),
        "{error}"
    );
    // A void version cannot be published again.
    let said = statement("tool", 2, 6, publish("1.1.0")).to_text();
    let error = world.refused("tool", &said, &["ada"]);
    assert!(matches!(error, HistoryError::Twice { .. }), "{error}");
}

#[test]
fn scopes_own_their_packages() {
    let mut world = World::new(&root(), &["root"]);
    let mut claim = owners("@org", &["ada"], &["ada"]);
    claim.publishers.push(Publisher {
        key: public("bob"),
        only: Some("@org/http".parse().unwrap()),
        until: None,
    });
    let bytes = world.add(&claim.to_text(), &["ada"]);
    let other = statement("@org/json", 1, 1, publish("1.0.0")).to_text();
    let error = world.refused("@org/json", &other, &["bob"]);
    assert!(matches!(error, HistoryError::WrongOwner { .. }), "{error}");
    world.say(&statement("@org/http", 1, 1, publish("1.0.0")), "bob");
    let history = world.verify("@org/http").unwrap();
    assert_eq!(history.owners, world.owners("@org").unwrap());
    // An ownership note has no place among the events of a scoped package.
    world.package.push(Event { i: 9, note: bytes });
    let error = world.verify("@org/http").unwrap_err();
    assert!(
        matches!(error, HistoryError::Subject { index: 9, .. }),
        "{error}"
    );
}

#[test]
fn events_are_in_the_order_of_the_log() {
    let (mut world, ..) = tool();
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    for (first, second) in [(3, 2), (3, 3)] {
        world.package[0].i = first;
        world.package[1].i = second;
        let error = world.verify("tool").unwrap_err();
        assert_eq!(error, HistoryError::Order { index: second });
    }
    // A statement before the claim.
    world.package.swap(0, 1);
    world.package[0].i = 1;
    let error = world.verify("tool").unwrap_err();
    assert!(
        matches!(error, HistoryError::Unowned { index: 1, .. }),
        "{error}"
    );
}

#[test]
fn entries_that_are_no_notes_are_refused() {
    let (mut world, ..) = tool();
    for note in [
        "",
        "x",
        "lumen/map/v1\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ] {
        world.package.push(Event {
            i: 9,
            note: note.into(),
        });
        let error = world.verify("tool").unwrap_err();
        assert!(
            matches!(error, HistoryError::Entry { index: 9, .. }),
            "{error}"
        );
        world.package.pop();
    }
}

#[test]
fn the_chain_fixes_every_event_its_order_and_place() {
    let (mut world, ..) = tool();
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    let events = world.package;
    let zero = Digest::from_bytes([0; 32]);
    assert_eq!(chain(&[]), zero);
    let one = extend(&zero, 2, &leaf_hash(events[0].note.as_bytes()));
    assert_eq!(chain(&events[..1]), one);
    let two = extend(&one, 3, &leaf_hash(events[1].note.as_bytes()));
    assert_eq!(chain(&events), two);
    let preimage = [&[2][..], zero.as_bytes(), &2_u64.to_be_bytes()].concat();
    let leaf = leaf_hash(events[0].note.as_bytes());
    assert_eq!(one, Digest::of(&[&preimage[..], leaf.as_bytes()].concat()));
}
