//! Owners of names: claims, changes, proposals, and names that the registry gives out.

use lumen_core::{
    signing::PublicKey,
    trust::{NamePolicy, OwnersNote},
};
use lumen_ops::{
    OpsError,
    signed::{Asked, Owned, RootChange},
    verbs::{
        self,
        owner::{Changed, How, OwnersChange},
    },
};
use lumen_registry::publish::PublishError;

use crate::{Machine, error};

fn change(machine: &Machine, name: &str, change: OwnersChange) -> Result<Changed, OpsError> {
    let owned = Owned::parse(name).unwrap();
    machine.run(|session| verbs::owner::change(session, &owned, &How::default(), |_| Ok(change)))
}

fn owners(machine: &Machine, name: &str) -> Result<OwnersNote, OpsError> {
    let owned = Owned::parse(name).unwrap();
    let history = machine.run(|session| verbs::owner::list(session, &owned))?;
    Ok(history.current().unwrap().clone())
}

fn names(keys: &[PublicKey]) -> Vec<&str> {
    keys.iter().map(PublicKey::name).collect()
}

/// The same for a change that the other user has to agree to, and does.
fn agreed(machine: &Machine, name: &str, wanted: OwnersChange, other: &Machine) {
    let submitted = change(machine, name, wanted).unwrap().submitted;
    assert!(submitted.signed && !submitted.applied);
    let file = submitted.file.unwrap();
    machine.hand_on(&file, other);
    assert!(
        other
            .run(|session| verbs::sign::approve(session, &file))
            .unwrap()
            .applied
    );
    std::fs::remove_file(machine.options.working_dir.join(file)).unwrap();
    other.told();
}

/// From here on, each claim needs the key of `ada`.
fn give_out_names(ada: &Machine) {
    let policy = RootChange::Policy {
        policy: NamePolicy::Approve,
        keys: vec![lumen_testkit::world::key("ada", 1).public().clone()],
        threshold: None,
    };
    ada.run(|session| verbs::root::change_root(session, |_| Ok(policy), None))
        .unwrap();
}

/// An operator and owner, `ada`, and another user, `bob`, whose key may write to the log.
fn two() -> (Machine, Machine, PublicKey) {
    let ada = Machine::signed();
    let bob = ada.beside();
    let key = bob.key("bob", 2);
    ada.admit(&key);
    (ada, bob, key.public().clone())
}

#[test]
fn a_free_name_is_claimed_once() {
    let (ada, bob, _) = two();
    assert_eq!(error(owners(&ada, "url")), "`url` has no owner");
    let claimed = change(&ada, "url", OwnersChange::Claim).unwrap().submitted;
    assert!(claimed.applied && claimed.signed && claimed.missing.is_empty());
    assert_eq!(claimed.index, Some(4));
    let note = owners(&bob, "url").unwrap();
    assert_eq!((note.seq, names(&note.admins)), (1, vec!["ada"]));
    assert_eq!(
        error(change(&bob, "url", OwnersChange::Claim)),
        "`url` has owners already"
    );
    assert_eq!(ada.told(), [""; 0]);
}

#[test]
fn a_new_publisher_may_publish_and_may_not_change_owners() {
    let (mut ada, mut bob, key) = two();
    ada.publish("url", "1.0.0", &[]);
    change(
        &ada,
        "url",
        OwnersChange::Add {
            key: key.clone(),
            admin: false,
            only: None,
            until: None,
        },
    )
    .unwrap();
    bob.publish("url", "1.1.0", &[]);
    let before = bob.main.files();
    let proposal = change(
        &bob,
        "url",
        OwnersChange::Remove {
            key,
            admin_only: false,
        },
    );
    // It is not applied, but becomes a proposal that an admin may sign.
    let proposal = proposal.unwrap().submitted;
    assert!(!proposal.applied && !proposal.signed && proposal.missing.len() == 2);
    assert!(bob.path("project").join(proposal.file.unwrap()).exists());
    assert_eq!(bob.main.files(), before);
}

#[test]
fn a_change_that_does_nothing_or_leaves_no_admin_is_refused() {
    let (ada, bob, key) = two();
    change(&ada, "url", OwnersChange::Claim).unwrap();
    let own = owners(&ada, "url").unwrap().admins[0].clone();
    let before = ada.main.files();
    let refused = |machine: &Machine, wanted| error(change(machine, "url", wanted));
    assert_eq!(
        refused(
            &ada,
            OwnersChange::Remove {
                key: own.clone(),
                admin_only: false
            }
        ),
        "this would leave no admins"
    );
    assert_eq!(
        refused(
            &ada,
            OwnersChange::Add {
                key: own,
                admin: true,
                only: None,
                until: None,
            }
        ),
        "SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8 is already an admin"
    );
    assert_eq!(
        refused(
            &ada,
            OwnersChange::Remove {
                key,
                admin_only: false
            }
        ),
        "SHA256:4A9jyZBOhnKZvcGQ6TRFbf5Gymb41AfYvYaVmWHD+G4 is not an owner"
    );
    assert_eq!(
        refused(&ada, OwnersChange::Threshold(2)),
        "2 of 1 admins cannot sign"
    );
    assert_eq!(
        error(change(&bob, "free", OwnersChange::Threshold(1))),
        "`free` has no owner"
    );
    assert_eq!(ada.main.files(), before);
}

#[test]
fn a_transfer_replaces_all_owners() {
    let (mut ada, mut bob, key) = two();
    ada.publish("url", "1.0.0", &[]);
    agreed(&ada, "url", OwnersChange::Transfer(vec![key]), &bob);
    let note = owners(&ada, "url").unwrap();
    assert_eq!(
        (names(&note.admins), note.publishers.len()),
        (vec!["bob"], 1)
    );
    bob.publish("url", "1.1.0", &[]);
    ada.package("project", "url", "1.2.0", &[]);
    assert!(matches!(
        ada.publish_here(),
        Err(OpsError::Publish(PublishError::NotOwner { .. }))
    ));
}

#[test]
fn a_revoked_key_counts_no_more_and_its_log_key_is_named() {
    let (ada, _, key) = two();
    change(&ada, "url", OwnersChange::Claim).unwrap();
    let admin = OwnersChange::Add {
        key: key.clone(),
        admin: true,
        only: None,
        until: None,
    };
    change(&ada, "url", admin).unwrap();
    let revoked = change(
        &ada,
        "url",
        OwnersChange::Revoke {
            key: key.clone(),
            from: None,
        },
    );
    let revoked = revoked.unwrap();
    assert!(revoked.submitted.applied && revoked.is_root);
    // Log keys go by the origin.
    let same = |log: &PublicKey| log.bytes() == key.bytes();
    assert!(revoked.log_keys.len() == 1 && same(&revoked.log_keys[0]));
    let note = owners(&ada, "url").unwrap();
    assert_eq!((names(&note.admins), note.revoked.len()), (vec!["ada"], 1));
    assert!(
        error(change(
            &ada,
            "url",
            OwnersChange::Add {
                key,
                admin: false,
                only: None,
                until: None
            }
        ))
        .contains("was revoked")
    );
}

#[test]
fn a_change_that_two_admins_sign_goes_through_a_file() {
    let (ada, bob, key) = two();
    change(&ada, "url", OwnersChange::Claim).unwrap();
    let admin = OwnersChange::Add {
        key: key.clone(),
        admin: true,
        only: None,
        until: None,
    };
    change(&ada, "url", admin).unwrap();
    agreed(&ada, "url", OwnersChange::Threshold(2), &bob);
    let own = owners(&ada, "url").unwrap().admins[0].clone();
    let removal = OwnersChange::Remove {
        key: own,
        admin_only: true,
    };
    let how = How {
        threshold: Some(1),
        ..How::default()
    };
    let owned = Owned::parse("url").unwrap();
    let proposed = ada
        .run(|session| verbs::owner::change(session, &owned, &how, |_| Ok(removal)))
        .unwrap()
        .submitted;
    assert!(proposed.signed && !proposed.applied);
    let file = proposed.file.unwrap();
    ada.hand_on(&file, &bob);
    ada.told();
    let apply = |machine: &Machine| machine.run(|session| verbs::sign::apply(session, &file));
    assert_eq!(
        error(apply(&bob)),
        "owners 4 of `url` needs 1 more of the admins before"
    );
    let signed = bob
        .run(|session| verbs::sign::sign(session, &file))
        .unwrap();
    assert!(signed.signed && signed.missing.is_empty() && !signed.applied);
    let told = bob.told();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("signing ") && told[0].contains("url"),
        "{told:?}"
    );
    assert!(apply(&bob).unwrap().applied);
    assert_eq!(names(&owners(&ada, "url").unwrap().admins), ["bob"]);
}

#[test]
fn a_package_of_a_scope_has_publishers_but_no_owners_of_its_own() {
    let (ada, _, key) = two();
    change(&ada, "@org", OwnersChange::Claim).unwrap();
    change(
        &ada,
        "@org/http",
        OwnersChange::Add {
            key: key.clone(),
            admin: false,
            only: None,
            until: None,
        },
    )
    .unwrap();
    let note = owners(&ada, "@org").unwrap();
    let only: Vec<_> = note
        .publishers
        .iter()
        .filter_map(|publisher| publisher.only.as_ref())
        .collect();
    assert_eq!(only, [&crate::name("@org/http")]);
    assert_eq!(
        error(change(&ada, "@org/http", OwnersChange::Transfer(vec![key]))),
        "`@org/http` cannot be transferred: its scope has the owners"
    );
}

#[test]
fn a_name_that_the_registry_gives_out_waits_for_a_names_key() {
    let (ada, bob, _) = two();
    give_out_names(&ada);
    bob.package("project", "url", "1.0.0", &[]);
    assert_eq!(
        error(bob.publish_here()),
        "`url` has no owner, and the registry must approve its claim"
    );
    // Asking twice leaves one claim.
    bob.publish_here().unwrap_err();
    let (waiting, all) = ada.run(verbs::approve::list).unwrap();
    assert!(all);
    assert_eq!(
        (waiting.len(), waiting[0].subject.to_string()),
        (1, "url".into())
    );
    assert_eq!(names(&waiting[0].by), ["bob"]);
    assert!(matches!(
        change(&bob, "url", OwnersChange::Claim)
            .unwrap()
            .submitted
            .queued,
        Some(Asked::Already)
    ));
    ada.told();
    let approved = ada
        .run(|session| verbs::approve::approve(session, "url"))
        .unwrap();
    assert!(approved.applied);
    assert_eq!(ada.told().len(), 1);
    assert!(bob.publish_here().unwrap().new);
    assert!(ada.run(verbs::approve::list).unwrap().0.is_empty());
}

#[test]
fn a_rejected_claim_says_why_to_the_claimant() {
    let (ada, bob, _) = two();
    give_out_names(&ada);
    bob.package("project", "url", "1.0.0", &[]);
    bob.publish_here().unwrap_err();
    assert_eq!(
        error(bob.run(|session| verbs::approve::reject(session, "url", "no"))),
        "your key `bob` is none of those that give out names"
    );
    ada.run(|session| verbs::approve::reject(session, "url", "taken by url.example"))
        .unwrap();
    assert_eq!(
        error(bob.publish_here()),
        "the registry rejected the claim of `url`: taken by url.example"
    );
    assert_eq!(
        error(ada.run(|session| verbs::approve::approve(session, "urk"))),
        "`urk` is neither a file nor a claim that waits"
    );
}
