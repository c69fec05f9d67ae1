//! Yanking, and taking it back.

use lumen_ops::{
    OpsError,
    signed::Said,
    verbs::{self, yank::Verdict},
};
use lumen_registry::publish::PublishError;

use crate::{Machine, name, version};

fn yank(
    machine: &Machine,
    package: &str,
    number: &str,
    verdict: Verdict<'_>,
) -> Result<Said, OpsError> {
    machine.run(|session| verbs::yank::yank(session, &name(package), &version(number), verdict))
}

/// Whether the registry says that a release is yanked, and why.
fn reason(machine: &Machine, package: &str, number: &str) -> Option<String> {
    let info = machine
        .run(|session| verbs::info::info(session, package))
        .unwrap();
    let reason = info.index.yank_reason(&version(number));
    reason.map(|reason| reason.unwrap_or_default().to_owned())
}

#[test]
fn a_yank_is_said_once_and_can_be_taken_back() {
    for mut machine in [Machine::new(), Machine::signed()] {
        machine.publish("url", "1.0.0", &[]);
        let said = yank(&machine, "url", "1.0.0", Verdict::Yank("loses data")).unwrap();
        assert_eq!((said.changed, said.lacking), (true, None));
        assert_eq!(
            reason(&machine, "url", "1.0.0").as_deref(),
            Some("loses data")
        );
        let before = machine.main.files();
        let said = yank(&machine, "url", "1.0.0", Verdict::Yank("loses data")).unwrap();
        assert!(!said.changed);
        assert_eq!(machine.main.files(), before);
        let said = yank(&machine, "url", "1.0.0", Verdict::Unyank("")).unwrap();
        assert!(said.changed);
        assert_eq!(reason(&machine, "url", "1.0.0"), None);
        assert_eq!(machine.told(), [""; 0]);
    }
}

#[test]
fn an_unsigned_registry_has_no_place_for_the_reason_of_an_unyank() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    yank(&machine, "url", "1.0.0", Verdict::Yank("loses data")).unwrap();
    yank(&machine, "url", "1.0.0", Verdict::Unyank("a mistake")).unwrap();
    assert_eq!(
        machine.told(),
        ["warning: an unsigned registry has no place for the reason, so it is left out"]
    );
}

#[test]
fn what_is_not_there_cannot_be_yanked() {
    for mut machine in [Machine::new(), Machine::signed()] {
        machine.publish("url", "1.0.0", &[]);
        let before = machine.main.files();
        match yank(&machine, "url", "1.0.1", Verdict::Yank("loses data")) {
            Err(OpsError::Publish(PublishError::UnknownVersion { versions, .. })) => {
                assert_eq!(versions, [version("1.0.0")]);
            }
            other => panic!("{other:?}"),
        }
        match yank(&machine, "urk", "1.0.0", Verdict::Yank("loses data")) {
            Err(OpsError::Publish(PublishError::UnknownPackage { name })) => {
                assert_eq!(name.as_str(), "urk");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(machine.main.files(), before);
    }
}

#[test]
fn only_an_owner_yanks() {
    let mut owner = Machine::signed();
    owner.publish("url", "1.0.0", &[]);
    let other = owner.beside();
    owner.admit(&other.key("bob", 2));
    let before = other.main.files();
    match yank(&other, "url", "1.0.0", Verdict::Yank("mine now")) {
        Err(OpsError::Publish(PublishError::NotOwner { .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(other.main.files(), before);
}

#[test]
fn users_of_a_locked_release_hear_of_its_yank() {
    let mut owner = Machine::signed();
    owner.publish("url", "1.0.0", &[]);
    let user = owner.beside();
    user.project(&[("url", "^1.0.0")]);
    user.install().unwrap();
    user.told();
    yank(&owner, "url", "1.0.0", Verdict::Yank("loses data")).unwrap();
    // As a colleague who has the lock and nothing else.
    let colleague = owner.beside();
    colleague.project(&[("url", "^1.0.0")]);
    colleague.write("project/lumen.lock", &user.read("project/lumen.lock"));
    colleague.install().unwrap();
    assert_eq!(
        colleague.warnings(),
        ["warning: `url` 1.0.0 is yanked: loses data; Update(\"url\")"]
    );
}
