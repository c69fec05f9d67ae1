use lumen_core::{note::Note, signing::SecretKey, trust::Event};

use super::*;
use crate::signed::proposal::{Change, Proposal, root_needs};

fn key(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(name, [seed; 32]).unwrap()
}

fn first(keys: &[&SecretKey], threshold: u32) -> RootHistory {
    let note = RootNote {
        threshold,
        root: keys.iter().map(|key| key.public().clone()).collect(),
        ..RootNote::first(
            "test/1",
            "2026-01-01T00:00:00Z",
            keys[0].public().clone(),
            keys[0].public().renamed("test/1").unwrap(),
        )
    };
    let mut note = Note::unsigned(note.to_text()).unwrap();
    for key in keys {
        note.add(key.public(), key.sign(note.text.as_bytes()));
    }
    let note = note.to_text();
    RootHistory::verify(&[Event { i: 0, note }], None).unwrap()
}

const NOW: &str = "2026-02-01T00:00:00Z";

#[test]
fn two_of_two_sign_one_after_the_other() {
    let (ada, bob, eve) = (key("ada", 1), key("bob", 2), key("eve", 3));
    let roots = first(&[&ada, &bob], 2);
    let change = RootChange::AddKey(eve.public().clone());
    let note = next(&roots, &change, NOW).unwrap();
    let needs = root_needs(&roots, &note);
    let mut proposal = Proposal::new(Change::Root(note.clone())).unwrap();
    assert_eq!(proposal.missing(&needs).unwrap().len(), 2);
    assert!(proposal.sign(&ada, &needs).unwrap());
    let mut read = Proposal::parse(&proposal.note.to_text()).unwrap();
    let missing = read.missing(&needs).unwrap();
    assert_eq!((missing.len(), missing[0].more), (2, 1));
    assert_eq!(missing[0].keys, [bob.public().clone()]);
    assert!(read.sign(&bob, &needs).unwrap());
    assert!(read.missing(&needs).unwrap().is_empty());
    roots.check_next(5, &note, &read.note).unwrap();
    assert!(!read.sign(&key("mallory", 9), &needs).unwrap());
}

#[test]
fn an_unsigned_proposal_reads_back() {
    let ada = key("ada", 1);
    let roots = first(&[&ada], 1);
    let note = next(&roots, &RootChange::Expire(Some(NOW.into())), NOW).unwrap();
    let proposal = Proposal::new(Change::Root(note)).unwrap();
    let read = Proposal::parse(&proposal.note.to_text()).unwrap();
    assert_eq!(
        (&read.change, &read.note),
        (&proposal.change, &proposal.note)
    );
    assert!(Proposal::parse("hello\n\n").is_err());
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let (ada, bob) = (key("ada", 1), key("bob", 2));
    let roots = first(&[&ada], 1);
    let (ada, bob) = (ada.public().clone(), bob.public().clone());
    for change in [
        RootChange::AddKey(ada.renamed("other").unwrap()),
        RootChange::RemoveKey(ada.clone()),
        RootChange::RemoveKey(bob.clone()),
        RootChange::SetThreshold(2),
        RootChange::SetThreshold(0),
        RootChange::RemoveLogKey(ada.clone()),
        RootChange::RemoveWitness(bob.clone()),
        RootChange::AddWitness {
            key: bob.clone(),
            validating: false,
            quorum: None,
            validating_quorum: None,
            max_age: Some(60),
        },
        RootChange::Policy {
            policy: NamePolicy::Approve,
            keys: Vec::new(),
            threshold: None,
        },
        RootChange::Rotate {
            old: bob.clone(),
            new: ada.clone(),
        },
    ] {
        assert!(next(&roots, &change, NOW).is_err(), "{change:?}");
    }
    for (validating, quorum, validating_quorum) in [
        (false, Some(2), None),
        (false, None, Some(1)),
        (true, Some(1), Some(2)),
        (true, Some(16), None),
        (true, None, None),
    ] {
        let whose = if quorum.or(validating_quorum).is_some() {
            &bob
        } else {
            &ada
        };
        let change = RootChange::AddWitness {
            key: whose.renamed("witness").unwrap(),
            validating,
            quorum,
            validating_quorum,
            max_age: None,
        };
        assert!(next(&roots, &change, NOW).is_err(), "{change:?}");
    }
    let rotated = RootChange::Rotate {
        old: ada,
        new: bob.clone(),
    };
    let rotated = next(&roots, &rotated, NOW).unwrap();
    assert_eq!(rotated.root, std::slice::from_ref(&bob));
    let log = bob.renamed("test/1").unwrap();
    assert_eq!((rotated.log.len(), &rotated.log[1]), (2, &log));
}

#[test]
fn witnesses_change_their_role_and_go() {
    let (ada, bob) = (key("ada", 1), key("bob", 2));
    let roots = first(&[&ada], 1);
    let add = |validating| RootChange::AddWitness {
        key: bob.public().clone(),
        validating,
        quorum: Some(1),
        validating_quorum: validating.then_some(1),
        max_age: Some(60),
    };
    let plain = next(&roots, &add(false), NOW).unwrap();
    assert!(plain.to_text().starts_with("lumen/root/v1\n"));
    let validating = next(&roots, &add(true), NOW).unwrap();
    assert_eq!(
        (validating.witnesses.len(), validating.validators.len()),
        (0, 1)
    );
    let text = validating.to_text();
    assert!(text.starts_with("lumen/root/v2\n"), "{text}");
    assert_eq!(RootNote::parse(&text).as_ref(), Ok(&validating));
    let mut note = Note::unsigned(text).unwrap();
    note.add(ada.public(), ada.sign(note.text.as_bytes()));
    let events = [
        Event {
            i: 0,
            note: first_note(&roots, &ada),
        },
        Event {
            i: 2,
            note: note.to_text(),
        },
    ];
    let roots = RootHistory::verify(&events, None).unwrap();
    let change = RootChange::RemoveWitness(bob.public().renamed("old-name").unwrap());
    let gone = next(&roots, &change, NOW).unwrap();
    assert!(!gone.has_quorum());
    assert_eq!((gone.max_age, gone.all_witnesses().count()), (None, 0));
    assert!(gone.to_text().starts_with("lumen/root/v1\n"));
}

fn first_note(roots: &RootHistory, key: &SecretKey) -> String {
    let mut note = Note::unsigned(roots.current().to_text()).unwrap();
    note.add(key.public(), key.sign(note.text.as_bytes()));
    note.to_text()
}

#[test]
fn moderators_come_and_go_with_their_threshold() {
    let (ada, mia, max) = (key("ada", 1), key("mia", 2), key("max", 3));
    let roots = |note: &RootNote| {
        let mut signed = Note::unsigned(note.to_text()).unwrap();
        signed.add(ada.public(), ada.sign(signed.text.as_bytes()));
        let note = signed.to_text();
        RootHistory::verify(&[Event { i: 0, note }], None).unwrap()
    };
    let of = |moderators: &[&SecretKey], threshold| RootNote {
        moderator_threshold: threshold,
        moderators: moderators.iter().map(|key| key.public().clone()).collect(),
        ..first(&[&ada], 1).current().clone()
    };
    let add = |key: &SecretKey, threshold| RootChange::AddModerator {
        key: key.public().clone(),
        threshold,
    };
    let remove = |key: &SecretKey, threshold| RootChange::RemoveModerator {
        key: key.public().clone(),
        threshold,
    };
    let changed = |before: RootNote, change: &RootChange| {
        let note = next(&roots(&before), change, NOW)?;
        Proposal::new(Change::Root(note.clone()))?;
        Ok::<_, OpsError>((note.moderators.len(), note.moderator_threshold))
    };
    let found = |before, change| changed(before, &change).map_err(|error| error.to_string());
    assert_eq!(found(of(&[], 0), add(&mia, None)), Ok((1, 1)));
    assert_eq!(found(of(&[&mia], 1), add(&max, Some(2))), Ok((2, 2)));
    assert_eq!(found(of(&[&mia, &max], 1), add(&mia, Some(2))), Ok((2, 2)));
    assert_eq!(
        found(of(&[&mia, &max], 2), remove(&max, Some(1))),
        Ok((1, 1))
    );
    assert_eq!(found(of(&[&mia], 1), remove(&mia, None)), Ok((0, 0)));
    let fingerprint = mia.public().fingerprint();
    for (before, change, words) in [
        (
            of(&[&mia], 1),
            add(&mia, None),
            format!("{fingerprint} is already a moderator"),
        ),
        (
            of(&[&mia], 1),
            add(&mia, Some(1)),
            format!("{fingerprint} is already a moderator"),
        ),
        (
            of(&[&max], 1),
            remove(&mia, None),
            format!("{fingerprint} is not a moderator"),
        ),
        (
            of(&[], 0),
            add(&mia, Some(2)),
            "2 of 1 moderators cannot sign".into(),
        ),
        (
            of(&[&mia, &max], 2),
            remove(&max, None),
            "2 of 1 moderators cannot sign".into(),
        ),
    ] {
        assert_eq!(found(before, change), Err(words));
    }
}
