//! Registries that lie, seen by the verbs: what they refuse, and what is untouched then.
//!
//! Each attack is tested against the reader where it is defended against; here it is about
//! the project, which must be as it was, and about what the user is told.

use lumen_ops::{OpsError, error::FetchError};
use lumen_registry::{storage::MemoryStorage, verify::TrustError};
use lumen_testkit::world::{World, key};

use crate::Machine;

/// A world with `url` 1.0.0, which belongs to `ada`.
fn world() -> World {
    let mut world = World::new("main/1");
    let ada = key("ada", 1);
    world.claim("url", &ada);
    world.publish_files("url", "1.0.0", &[], "# url\n", &ada);
    world.seal();
    world
}

/// A machine that meets a world, with a project that needs `url`.
fn meets(world: &World) -> Machine {
    let machine = Machine::with(world.storage(), MemoryStorage::new());
    machine.project(&[("url", "^1.0.0")]);
    machine
}

/// The same machine some time later, when its registry shows another world.
fn later(mut machine: Machine, world: &World) -> Machine {
    machine.show(world.storage());
    machine
}

/// Asserts that an install is refused, and that the project is as it was.
#[track_caller]
fn refused(machine: &Machine) -> OpsError {
    let lock = machine.path("project/lumen.lock");
    let before = std::fs::read(&lock).ok();
    machine.told();
    let error = machine.install().unwrap_err();
    assert_eq!(std::fs::read(&lock).ok(), before);
    error
}

#[test]
fn an_honest_world_is_installed() {
    let machine = meets(&world());
    assert_eq!(machine.install().unwrap().downloaded, 1);
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.0.0"]);
}

#[test]
fn an_earlier_state_is_refused_by_machines_that_saw_a_later_one() {
    let early = world();
    let mut late = early.clone();
    late.publish_files("url", "1.1.0", &[], "# url\n", &key("ada", 1));
    late.seal();
    let machine = meets(&late);
    machine.install().unwrap();
    let machine = later(machine, &early);
    machine.project(&[("url", "=1.0.0")]);
    let error = refused(&machine);
    assert!(
        matches!(error.trust(), Some(TrustError::Rollback { .. })),
        "{error:?}"
    );
}

#[test]
fn another_history_is_refused_by_machines_that_saw_the_first() {
    let base = world();
    let (mut one, mut two) = (base.clone(), base);
    one.publish_files("url", "1.1.0", &[], "# one\n", &key("ada", 1));
    one.seal();
    two.publish_files("url", "1.1.0", &[], "# two\n", &key("ada", 1));
    two.seal();
    let machine = meets(&one);
    machine.install().unwrap();
    let machine = later(machine, &two);
    machine.project(&[("url", "=1.0.0")]);
    let error = refused(&machine);
    assert!(
        matches!(error.trust(), Some(TrustError::Fork { .. })),
        "{error:?}"
    );
}

#[test]
fn a_release_that_no_owner_signed_is_refused() {
    let mut world = world();
    world.publish_files("url", "1.1.0", &[], "# url\n", &key("mallory", 6));
    world.seal();
    let error = refused(&meets(&world));
    assert!(
        matches!(error.trust(), Some(TrustError::WrongOwner { .. })),
        "{error:?}"
    );
}

#[test]
fn a_user_with_an_older_lock_hears_of_a_yank_even_if_the_map_hides_it() {
    let machine = meets(&world());
    machine.install().unwrap();
    let lock = machine.read("project/lumen.lock");
    let mut world = world();
    let index = world.entries.len() as u64;
    world.yank("url", "1.0.0", "loses data", &key("ada", 1));
    let mut hiding = world.clone();
    world.seal();
    hiding.seal_hiding(&[index]);
    for world in [world, hiding] {
        let colleague = meets(&world);
        colleague.write("project/lumen.lock", &lock);
        colleague.install().unwrap();
        assert_eq!(
            colleague.warnings(),
            ["warning: `url` 1.0.0 is yanked: loses data; Update(\"url\")"]
        );
        assert_eq!(colleague.read("project/lumen.lock"), lock);
    }
}

#[test]
fn an_archive_that_contradicts_its_release_is_not_installed() {
    let mut world = World::new("main/1");
    let ada = key("ada", 1);
    world.claim("url", &ada);
    let manifest = "[package]\nname = \"url\"\nversion = \"6.6.6\"\n";
    let files = [("lumen.toml", manifest), ("src/main.lm.md", "# url\n")];
    world.publish_archive(("url", "1.0.0", &[]), &files, |_| {}, &ada);
    world.seal();
    match refused(&meets(&world)) {
        OpsError::Fetch { source, .. } => {
            assert!(
                matches!(*source, FetchError::Contradiction(_)),
                "{source:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unsigned_registry_in_the_place_of_a_signed_one_is_refused() {
    let machine = meets(&world());
    machine.install().unwrap();
    let unsigned = Machine::new();
    let mut machine = machine;
    machine.show(unsigned.main.clone());
    machine.project(&[("url", "=1.0.0")]);
    let error = refused(&machine);
    assert!(
        matches!(error.trust(), Some(TrustError::Downgraded { .. })),
        "{error:?}"
    );
}

#[test]
fn names_taken_from_their_owners_are_told_to_those_who_did_not_know_them() {
    let names = key("names", 3);
    let mut world = World::with("main/1", |root| {
        root.names = vec![names.public().clone()];
        root.names_threshold = 1;
    });
    let (ada, bob) = (key("ada", 1), key("bob", 2));
    world.claim("url", &ada);
    world.publish_files("url", "1.0.0", &[], "# url\n", &ada);
    world.seal();
    let before = world.clone();
    world.override_owners("url", &names, &bob);
    world.publish_files("url", "1.1.0", &[], "# url\n", &bob);
    world.seal();
    // A stranger is warned, a user of the earlier owner is asked.
    let stranger = meets(&world);
    stranger.install().unwrap();
    assert_eq!(
        stranger.warnings(),
        [
            "warning: the owners of `url` were replaced by the registry at entry 4 of the log, 2026-01-31T10:30:00Z: it belongs to bob (SHA256:4A9jyZBOhnKZvcGQ6TRFbf5Gymb41AfYvYaVmWHD+G4) now; Owners(\"url\")"
        ]
    );
    let user = meets(&before);
    user.install().unwrap();
    let user = later(user, &world);
    user.project(&[("url", "^1.1.0")]);
    let error = refused(&user);
    assert!(
        matches!(error.trust(), Some(TrustError::Overridden { .. })),
        "{error:?}"
    );
}
