//! Owners of the registry and its names, and the keys that may change them.

use lumen_core::{
    Digest,
    trust::{Event, HistoryError, NamePolicy, OwnersNote, RootHistory, RootNote},
};

use super::world::{World, after, full_root, owners, public, revoked, root, signed};

fn two_admins() -> OwnersNote {
    OwnersNote {
        threshold: 2,
        ..owners("tool", &["ada", "bob", "eve"], &["ada"])
    }
}

fn found(error: &HistoryError) -> (usize, u32) {
    match error {
        HistoryError::Threshold { found, needed, .. } => (*found, *needed),
        other => panic!("{other}"),
    }
}

#[test]
fn a_claim_needs_its_admins() {
    let world = World::new(&root(), &["root"]);
    let claim = two_admins().to_text();
    assert_eq!(found(&world.refused("tool", &claim, &["ada"])), (1, 2));
    assert_eq!(
        found(&world.refused("tool", &claim, &["ada", "mallory"])),
        (1, 2)
    );
    let mut world = World::new(&root(), &["root"]);
    world.add(&claim, &["eve", "bob"]);
    assert_eq!(world.owners("tool").unwrap().current(), Some(&two_admins()));
}

#[test]
fn one_key_under_two_names_counts_once() {
    let mut claim = two_admins();
    let twin = public("ada").renamed("twin").unwrap();
    claim.admins = vec![public("ada"), twin.clone()];
    let text = claim.to_text();
    let mut note = lumen_core::note::Note::unsigned(text.clone()).unwrap();
    let ada = super::world::key("ada");
    note.add(ada.public(), ada.sign(text.as_bytes()));
    note.add(&twin, ada.sign(text.as_bytes()));
    let mut world = World::new(&root(), &["root"]);
    world.package.push(Event {
        i: 2,
        note: note.to_text(),
    });
    assert_eq!(found(&world.owners("tool").unwrap_err()), (1, 2));
}

#[test]
fn where_names_are_approved_a_claim_needs_that_too() {
    let policy = RootNote {
        policy: NamePolicy::Approve,
        names_threshold: 1,
        names: vec![public("names")],
        ..root()
    };
    let mut world = World::new(&policy, &["root"]);
    let claim = owners("tool", &["ada"], &["ada"]).to_text();
    assert_eq!(found(&world.refused("tool", &claim, &["ada"])), (0, 1));
    assert_eq!(found(&world.refused("tool", &claim, &["names"])), (0, 1));
    world.add(&claim, &["ada", "names"]);
    world.verify("tool").unwrap();
}

#[test]
fn owners_change_by_old_and_new_admins() {
    let mut world = World::new(&root(), &["root"]);
    let first = owners("tool", &["ada"], &["ada"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    let mut next = after(&first, &bytes);
    next.admins = vec![public("bob")];
    let text = next.to_text();
    assert_eq!(found(&world.refused("tool", &text, &["ada"])), (0, 1));
    assert_eq!(found(&world.refused("tool", &text, &["bob"])), (0, 1));
    world.add(&text, &["ada", "bob"]);
    let history = world.owners("tool").unwrap();
    assert_eq!(history.current(), Some(&next));
    assert_eq!(history.before(2), None);
    assert_eq!(history.before(3), Some(&first));
    assert_eq!(history.before(4), Some(&next));
}

#[test]
fn gaps_forks_and_second_claims_are_refused() {
    let mut world = World::new(&root(), &["root"]);
    let first = owners("tool", &["ada"], &["ada"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    let skipped = OwnersNote {
        seq: 3,
        ..after(&first, &bytes)
    };
    for wrong in [skipped, after(&first, "other bytes"), first.clone()] {
        let error = world.refused("tool", &wrong.to_text(), &["ada"]);
        assert!(
            matches!(error, HistoryError::Sequence { after: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn notes_of_other_names_and_registries_are_refused() {
    let world = World::new(&root(), &["root"]);
    let other = owners("other", &["ada"], &["ada"]).to_text();
    let error = world.refused("tool", &other, &["ada"]);
    assert!(matches!(error, HistoryError::Subject { .. }), "{error}");
    let elsewhere = OwnersNote {
        origin: "elsewhere".into(),
        ..owners("tool", &["ada"], &["ada"])
    };
    let error = world.refused("tool", &elsewhere.to_text(), &["ada"]);
    assert!(matches!(error, HistoryError::Origin { .. }), "{error}");
}

#[test]
fn an_override_needs_the_names_keys_and_the_new_admins() {
    let policy = RootNote {
        names_threshold: 2,
        names: vec![public("names"), public("deputy")],
        ..root()
    };
    let mut world = World::new(&policy, &["root"]);
    let first = owners("tool", &["ada"], &["ada"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    let mut next = after(&first, &bytes);
    next.is_override = true;
    next.admins = vec![public("bob")];
    let text = next.to_text();
    assert_eq!(
        found(&world.refused("tool", &text, &["bob", "names"])),
        (1, 2)
    );
    assert_eq!(
        found(&world.refused("tool", &text, &["names", "deputy"])),
        (0, 1)
    );
    // Without the line, the names keys cannot help.
    next.is_override = false;
    let plain = next.to_text();
    assert_eq!(
        found(&world.refused("tool", &plain, &["bob", "names", "deputy"])),
        (0, 1)
    );
    world.add(&text, &["bob", "names", "deputy"]);
    let overrides: Vec<u64> = world
        .owners("tool")
        .unwrap()
        .overrides()
        .map(|(index, _)| *index)
        .collect();
    assert_eq!(overrides, [3]);
}

#[test]
fn without_names_keys_nobody_can_override() {
    let mut world = World::new(&root(), &["root"]);
    let first = owners("tool", &["ada"], &["ada"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    let mut next = after(&first, &bytes);
    next.is_override = true;
    assert_eq!(
        found(&world.refused("tool", &next.to_text(), &["ada"])),
        (0, 1)
    );
}

#[test]
fn revocations_stay() {
    let mut world = World::new(&root(), &["root"]);
    let mut first = owners("tool", &["ada"], &["ada"]);
    first.revoked = vec![revoked("eve", 5)];
    let bytes = world.add(&first.to_text(), &["ada"]);
    let mut next = after(&first, &bytes);
    for wrong in [vec![], vec![revoked("eve", 6)], vec![revoked("bob", 5)]] {
        next.revoked = wrong;
        let error = world.refused("tool", &next.to_text(), &["ada"]);
        assert!(matches!(error, HistoryError::Unrevoked { .. }), "{error}");
    }
    next.revoked = vec![revoked("bob", 9), revoked("eve", 4)];
    world.add(&next.to_text(), &["ada"]);
    world.verify("tool").unwrap();
}

#[test]
fn a_revoked_admin_does_not_count() {
    let mut world = World::new(&root(), &["root"]);
    let first = owners("tool", &["ada", "bob"], &["ada"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    // Bob's key is revoked from the entry after this one on, and still listed.
    let mut second = after(&first, &bytes);
    second.revoked = vec![revoked("bob", 4)];
    let bytes = world.add(&second.to_text(), &["bob"]);
    let mut third = after(&second, &bytes);
    let is_revoked = |error: &HistoryError| matches!(error, HistoryError::RevokedKey { key, .. } if *key == public("bob"));
    let error = world.refused("tool", &third.to_text(), &["bob"]);
    assert!(is_revoked(&error), "{error}");
    // It does not make up a threshold either, and a wrong signature by it is still an error.
    third.threshold = 2;
    let error = world.refused("tool", &third.to_text(), &["ada", "bob"]);
    assert!(is_revoked(&error), "{error}");
    third.threshold = 1;
    world.add(&third.to_text(), &["ada", "bob"]);
    world.verify("tool").unwrap();
    // Nor does it count in the note that revokes it, or under another name.
    let mut world = World::new(&root(), &["root"]);
    let bytes = world.add(&first.to_text(), &["ada"]);
    let mut second = after(&first, &bytes);
    second.revoked = vec![revoked("bob", 0)];
    let error = world.refused("tool", &second.to_text(), &["bob"]);
    assert!(is_revoked(&error), "{error}");
    world.add(&second.to_text(), &["ada"]);
    world.verify("tool").unwrap();
}

#[test]
fn the_root_changes_by_old_and_new_keys() {
    let first = RootNote {
        policy: NamePolicy::Open,
        ..full_root()
    };
    let world = World::new(&first, &["root", "spare"]);
    let roots = world.roots();
    assert_eq!(*roots.current(), first);
    let next = RootNote {
        seq: 2,
        prev: Some(roots.fingerprint),
        threshold: 1,
        root: vec![public("fresh")],
        ..first.clone()
    };
    let with = |note: &RootNote, signers: &[&str]| {
        let mut events = world.roots.clone();
        let note = signed(&note.to_text(), signers);
        events.push(Event { i: 5, note });
        RootHistory::verify(&events, None)
    };
    for signers in [&["fresh"][..], &["fresh", "root"], &["root", "spare"]] {
        found(&with(&next, signers).unwrap_err());
    }
    let history = with(&next, &["fresh", "root", "spare"]).unwrap();
    assert_eq!((history.at(4).seq, history.at(5).seq), (1, 2));
    let all = ["fresh", "root", "spare"];
    for wrong in [
        RootNote {
            seq: 3,
            ..next.clone()
        },
        RootNote {
            prev: Some(Digest::of(b"other")),
            ..next.clone()
        },
    ] {
        let error = with(&wrong, &all).unwrap_err();
        assert!(
            matches!(error, HistoryError::Sequence { after: 1, .. }),
            "{error}"
        );
    }
    let mut renamed = next;
    renamed.origin = "elsewhere".into();
    renamed.log = vec![public("log").renamed("elsewhere").unwrap()];
    let error = with(&renamed, &all).unwrap_err();
    assert!(matches!(error, HistoryError::Origin { .. }), "{error}");
}

#[test]
fn the_first_root_is_the_pinned_one() {
    let world = World::new(&full_root(), &["root", "spare"]);
    let fingerprint = Digest::of(world.roots[0].note.as_bytes());
    RootHistory::verify(&world.roots, Some(&fingerprint)).unwrap();
    let other = Digest::of(b"other");
    let error = RootHistory::verify(&world.roots, Some(&other)).unwrap_err();
    assert_eq!(
        error,
        HistoryError::Pin {
            expected: other,
            found: fingerprint
        }
    );
    assert_eq!(RootHistory::verify(&[], None), Err(HistoryError::NoRoot));
    let lonely = World::new(&full_root(), &["root"]);
    assert_eq!(
        found(&RootHistory::verify(&lonely.roots, None).unwrap_err()),
        (1, 2)
    );
    let moved = [Event {
        i: 1,
        note: world.roots[0].note.clone(),
    }];
    assert!(RootHistory::verify(&moved, None).is_err());
}
