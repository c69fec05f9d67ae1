//! What a machine remembers of signed registries, and changes of their roots.

use lumen_core::{Digest, trust::Subject};
use lumen_ops::{
    OpsError,
    signed::{RootChange, Submitted},
    verbs,
};
use lumen_registry::verify::TrustError;

use crate::{MAIN, Machine, error};

fn change(machine: &Machine, change: RootChange) -> Result<Submitted, OpsError> {
    machine.run(|session| verbs::root::change_root(session, |_| Ok(change), None))
}

/// The same for a change that the other user's key has to sign, and does.
fn agreed(machine: &Machine, wanted: RootChange, other: &Machine) {
    let submitted = change(machine, wanted).unwrap();
    assert!(submitted.signed && !submitted.applied);
    let file = submitted.file.unwrap();
    machine.hand_on(&file, other);
    other
        .run(|session| verbs::sign::sign(session, &file))
        .unwrap();
    other.hand_on(&file, machine);
    assert!(
        machine
            .run(|session| verbs::sign::apply(session, &file))
            .unwrap()
            .applied
    );
    other.told();
}

fn list(machine: &Machine) -> Vec<String> {
    let all = machine.run(verbs::trust::list).unwrap().into_iter();
    all.map(|known| format!("{} {} {}", known.url, known.origin, known.root_seq))
        .collect()
}

#[test]
fn the_maker_of_a_registry_knows_it_and_others_meet_it_once() {
    let owner = Machine::signed();
    assert_eq!(list(&owner), [format!("{MAIN}  0")]);
    let machine = owner.beside();
    assert_eq!(list(&machine), [""; 0]);
    machine.run(|session| {
        let registry = session.registry("default").unwrap();
        let info = session
            .block_on(async { Ok(registry.trust().await?) })
            .unwrap()
            .unwrap();
        assert_eq!(
            (info.fingerprint, info.first_use),
            (owner.fingerprint(), true)
        );
        session.tell_first_use().unwrap();
        session.save_caches();
    });
    assert_eq!(machine.told().len(), 1);
    assert_eq!(list(&machine), [format!("{MAIN} main/1 1")]);
    machine.run(|session| {
        let registry = session.registry("default").unwrap();
        let info = session
            .block_on(async { Ok(registry.trust().await?) })
            .unwrap()
            .unwrap();
        assert!(!info.first_use);
        session.tell_first_use().unwrap();
    });
    assert_eq!(machine.told(), [""; 0]);
}

#[test]
fn a_pin_that_the_registry_does_not_have_refuses_it() {
    let mut owner = Machine::signed();
    owner.publish("url", "1.0.0", &[]);
    let machine = owner.beside();
    machine.project(&[("url", "^1.0.0")]);
    let wrong = Digest::of(b"another root");
    machine
        .run(|session| verbs::trust::pin(session, "default", &wrong))
        .unwrap();
    let refused = machine.install().unwrap_err();
    assert!(
        matches!(refused.trust(), Some(TrustError::RootPin { .. })),
        "{refused:?}"
    );
    assert!(!machine.path("project/lumen.lock").exists());
    assert!(
        machine
            .run(|session| verbs::trust::forget(session, "default"))
            .unwrap()
    );
    assert!(
        !machine
            .run(|session| verbs::trust::forget(session, "default"))
            .unwrap()
    );
    machine
        .run(|session| verbs::trust::pin(session, "default", &owner.fingerprint()))
        .unwrap();
    machine.install().unwrap();
    let told = machine.told();
    assert!(
        !told.iter().any(|line| line.starts_with("Trusting")),
        "{told:?}"
    );
}

#[test]
fn another_pin_than_the_remembered_one_is_refused() {
    let owner = Machine::signed();
    let other = Digest::of(b"another root");
    let pinned = owner.run(|session| verbs::trust::pin(session, "default", &other));
    assert!(pinned.unwrap_err().trust().is_some());
}

#[test]
fn accept_takes_the_registry_as_it_is_now() {
    let mut owner = Machine::signed();
    owner.publish("url", "1.0.0", &[]);
    let machine = owner.beside();
    machine
        .run(|session| verbs::trust::pin(session, "default", &Digest::of(b"old")))
        .unwrap();
    let accepted = machine
        .run(|session| verbs::trust::accept(session, "default"))
        .unwrap();
    assert_eq!(accepted.before.unwrap().root, Digest::of(b"old"));
    assert_eq!(accepted.now.root, owner.fingerprint());
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let names = [Subject::parse("url").unwrap()];
    let owners = machine.run(|session| verbs::trust::accept_owners(session, "default", &names));
    assert_eq!(owners.unwrap(), [(names[0].clone(), 1)]);
}

#[test]
fn an_unsigned_registry_has_no_root_to_change() {
    let machine = Machine::new();
    machine.key("ada", 1);
    match change(&machine, RootChange::SetThreshold(1)) {
        Err(error) => assert!(
            matches!(error.trust(), Some(TrustError::NotSigned)),
            "{error:?}"
        ),
        Ok(_) => panic!("it has none"),
    }
}

#[test]
fn a_root_change_is_checked_before_it_is_signed() {
    let ada = Machine::signed();
    let bob = ada.beside();
    let key = bob.key("bob", 2).public().clone();
    let before = ada.main.files();
    let refused = |wanted| error(change(&ada, wanted));
    assert_eq!(
        refused(RootChange::SetThreshold(2)),
        "2 of 1 root keys cannot sign"
    );
    assert_eq!(
        refused(RootChange::SetThreshold(0)),
        "0 of 1 root keys cannot sign"
    );
    assert_eq!(
        refused(RootChange::RemoveKey(key.clone())),
        "SHA256:4A9jyZBOhnKZvcGQ6TRFbf5Gymb41AfYvYaVmWHD+G4 is not a root key"
    );
    assert_eq!(
        refused(RootChange::RemoveLogKey(key.clone())),
        "SHA256:4A9jyZBOhnKZvcGQ6TRFbf5Gymb41AfYvYaVmWHD+G4 is not a log key"
    );
    assert_eq!(ada.main.files(), before);
    assert!(
        change(&ada, RootChange::AddKey(key.clone()))
            .unwrap()
            .applied
    );
    assert_eq!(
        refused(RootChange::AddKey(key)),
        "SHA256:4A9jyZBOhnKZvcGQ6TRFbf5Gymb41AfYvYaVmWHD+G4 is already a root key"
    );
}

#[test]
fn a_root_that_two_keys_sign_waits_for_the_second() {
    let ada = Machine::signed();
    let bob = ada.beside();
    let key = bob.key("bob", 2).public().clone();
    assert!(
        change(&ada, RootChange::AddKey(key.clone()))
            .unwrap()
            .applied
    );
    agreed(&ada, RootChange::SetThreshold(2), &bob);
    let proposed = change(&ada, RootChange::AddLogKey(key)).unwrap();
    assert!(proposed.signed && !proposed.applied && proposed.missing.len() == 2);
    let file = proposed.file.unwrap();
    assert_eq!(
        error(change(&ada, RootChange::SetThreshold(1))),
        format!("`{}` exists", file.display())
    );
    ada.hand_on(&file, &bob);
    let signed = bob
        .run(|session| verbs::sign::sign(session, &file))
        .unwrap();
    assert!(signed.missing.is_empty());
    bob.hand_on(&file, &ada);
    assert!(
        ada.run(|session| verbs::sign::apply(session, &file))
            .unwrap()
            .applied
    );
    bob.package("project", "url", "1.0.0", &[]);
    assert!(bob.publish_here().unwrap().new);
}

#[test]
fn a_rotated_key_signs_on_and_the_old_one_does_not() {
    let ada = Machine::signed();
    let old = lumen_testkit::world::key("ada", 1).public().clone();
    let next = ada.beside();
    let new = next.key("ada.2", 9).public().clone();
    agreed(&ada, RootChange::Rotate { old, new }, &next);
    // The old key is none of those that count.
    let expire = RootChange::Expire(Some("2999-01-01T00:00:00Z".into()));
    let refused = change(&ada, expire).unwrap();
    assert!(!refused.signed && refused.missing.len() == 2);
    next.package("project", "url", "1.0.0", &[]);
    assert!(next.publish_here().unwrap().new);
}
