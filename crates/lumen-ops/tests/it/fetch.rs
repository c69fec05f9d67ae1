//! What reaches the store: only what was released, within the limits, and nothing by half.

use lumen_core::limits::Limit;
use lumen_ops::{
    OpsError,
    error::FetchError,
    verbs::{
        self,
        verify::{Damage, Found},
    },
};
use lumen_registry::ReadError;

use crate::{Machine, OTHER, name};

/// A machine whose registry has `url` 1.0.0, and a project that needs it.
fn with_url(mut machine: Machine) -> Machine {
    machine.publish("url", "1.0.0", &[]);
    machine.project(&[("url", "^1.0.0")]);
    machine
}

/// The error of the package that could not be had.
#[track_caller]
fn fetch_error<T: std::fmt::Debug>(result: Result<T, OpsError>) -> FetchError {
    match result {
        Err(OpsError::Fetch { source, .. }) => *source,
        other => panic!("{other:?}"),
    }
}

/// Whether the store of a machine has a package.
fn has_packages(machine: &Machine) -> bool {
    machine
        .run(|session| session.store()?.stats().map_err(OpsError::from))
        .unwrap()
        .entries
        > 0
}

fn verify(machine: &Machine) -> Found {
    machine.run(verbs::verify::run).unwrap()
}

#[test]
fn other_bytes_than_were_released_do_not_reach_the_store() {
    for machine in [with_url(Machine::new()), with_url(Machine::signed())] {
        for key in machine.keys("artifacts/") {
            machine.spoil(&key, b"something else");
        }
        assert!(matches!(
            fetch_error(machine.install()),
            FetchError::Read(ReadError::Changed { .. })
        ));
        assert!(!has_packages(&machine));
        assert!(!machine.path("project/lumen.lock").exists());
    }
}

#[test]
fn a_package_that_costs_more_than_the_limits_allow_is_refused() {
    let limit = |limit, value| {
        let mut machine = with_url(Machine::new());
        machine.environment.limits.insert(limit, value);
        let error = machine.install().unwrap_err();
        assert!(!has_packages(&machine), "{limit:?}");
        error.to_string()
    };
    assert_eq!(
        limit(Limit::InstallBytes, 10),
        "the package to download has 3072 bytes; the limit `install-bytes` is 10 bytes"
    );
    assert_eq!(
        limit(Limit::InstallFiles, 1),
        "cannot install `url` 1.0.0: the packages up to this one have 2 files; the limit `install-files` is 1"
    );
}

#[test]
fn what_is_in_the_store_is_not_downloaded_for_another_project() {
    let mut machine = with_url(Machine::signed());
    machine.install().unwrap();
    machine.package("second", "second", "0.1.0", &[("url", "^1.0.0")]);
    machine.enter("second");
    machine.main.set_fault(None);
    assert_eq!(machine.install().unwrap().downloaded, 0);
    let archives = machine.main.reads().into_iter();
    assert_eq!(
        archives
            .filter(|key| key.as_str().starts_with("artifacts/"))
            .count(),
        0
    );
}

#[test]
fn what_was_proven_is_remembered_and_what_was_not_is_proven() {
    let owner = with_url(Machine::signed());
    let mut machine = owner.beside();
    machine.project(&[("url", "^1.0.0")]);
    machine.configure("[registry]\ntrust = \"required\"\n");
    machine.install().unwrap();
    let reads = || {
        std::fs::remove_dir_all(machine.path("project/.lumen")).unwrap();
        machine.main.set_fault(None);
        assert_eq!(machine.install().unwrap().downloaded, 0);
        machine.main.operations()
    };
    assert_eq!(reads(), 0);
    std::fs::remove_file(machine.path("lumen/proved")).unwrap();
    assert!(reads() > 0);
    assert_eq!(reads(), 0);
}

#[test]
fn an_unsigned_registry_is_refused_where_signatures_are_required() {
    let mut machine = with_url(Machine::new());
    machine.configure("[registry]\ntrust = \"required\"\n");
    let error = machine.install().unwrap_err();
    assert!(error.trust().is_some(), "{error:?}");
    assert!(!machine.path("project/lumen.lock").exists());
}

#[test]
fn a_lock_that_says_another_digest_than_the_owner_is_refused() {
    let machine = with_url(Machine::signed());
    machine.install().unwrap();
    std::fs::remove_dir_all(machine.path("project/.lumen")).unwrap();
    std::fs::remove_dir_all(machine.environment.store_dir()).unwrap();
    let lock = machine.read("project/lumen.lock");
    let checksum = machine.lock().packages[&name("url")]
        .checksum
        .unwrap()
        .to_string();
    let other = lumen_core::Digest::of(b"other").to_string();
    machine.write("project/lumen.lock", &lock.replace(&checksum, &other));
    let error = machine.install().unwrap_err();
    assert!(error.to_string().contains("url"), "{error}");
    assert!(!has_packages(&machine));
}

#[test]
fn verify_finds_what_is_missing_changed_and_in_the_way() {
    let machine = with_url(Machine::signed());
    machine.install().unwrap();
    let found = verify(&machine);
    assert_eq!((found.packages.len(), found.damaged()), (1, 0));
    assert!(found.packages[0].proven);
    std::fs::remove_dir_all(machine.path("project/.lumen/packages")).unwrap();
    let found = verify(&machine);
    assert!(matches!(found.packages[0].damage, Some(Damage::NotLinked)));
    std::fs::remove_dir_all(machine.environment.store_dir()).unwrap();
    let found = verify(&machine);
    assert!(matches!(found.packages[0].damage, Some(Damage::Absent)));
    machine
        .run(|session| verbs::verify::discard(session, &found))
        .unwrap();
    assert_eq!(machine.install().unwrap().downloaded, 1);
    assert_eq!(verify(&machine).damaged(), 0);
}

#[test]
fn vendor_copies_what_the_lock_has() {
    let machine = with_url(Machine::new());
    let folder = machine.path("project/vendor");
    let vendor = || machine.run(|session| verbs::vendor::vendor(session, &folder));
    assert!(matches!(vendor(), Err(OpsError::Locked { .. })));
    machine.install().unwrap();
    assert_eq!(vendor().unwrap(), 1);
    let text = machine.read("project/vendor/url/src/main.lm.md");
    assert_eq!(text, "# url 1.0.0\n");
}

#[test]
fn cleaning_the_cache_keeps_what_projects_use() {
    let machine = with_url(Machine::new());
    machine.install().unwrap();
    let removed = machine.run(verbs::cache::cache_clean).unwrap();
    assert_eq!(removed.entries, 0);
    let info = machine.run(verbs::cache::cache_info).unwrap();
    assert_eq!((info.store.entries, info.projects), (1, 1));
    std::fs::remove_dir_all(machine.path("project")).unwrap();
    let removed = machine.run(verbs::cache::cache_clean).unwrap();
    assert_eq!(removed.entries, 1);
}

#[test]
fn clean_takes_all_links_away_and_leaves_the_lock() {
    let machine = with_url(Machine::new());
    machine.install().unwrap();
    machine.run(verbs::clean::clean).unwrap();
    assert!(!machine.path("project/.lumen/packages/url").exists());
    assert!(machine.path("project/lumen.lock").exists());
    let outcome = machine.install().unwrap();
    assert_eq!((outcome.up_to_date, outcome.downloaded), (false, 0));
}

#[test]
fn a_lock_names_its_registry_and_another_one_does_not_stand_in() {
    let machine = with_url(Machine::new());
    machine.install().unwrap();
    let lock = machine.read("project/lumen.lock");
    let mut second = machine.beside();
    second.found(OTHER, true).unwrap();
    second.environment.registry = Some(OTHER.into());
    second.project(&[("url", "^1.0.0")]);
    second.write("project/lumen.lock", &lock);
    assert!(matches!(
        fetch_error(second.install()),
        FetchError::Read(ReadError::Missing { .. })
    ));
}
