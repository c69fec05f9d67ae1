//! `install`: the lock, the links, the downloads, and the events that it reports.

use lumen_core::problem::Severity;
use lumen_ops::{
    OpsError,
    error::FetchError,
    resolve::{ResolveOptions, Unlock},
};
use lumen_registry::ReadError;
use lumen_store::project::ProjectError;

use crate::{Machine, error, name, version};

/// Options that forbid changing the lock.
fn locked() -> ResolveOptions {
    ResolveOptions {
        locked: true,
        ..ResolveOptions::default()
    }
}

/// A machine whose registry has `http` 1.0.0, which needs `url` 1.0.0, and a project with it.
fn with_packages(mut machine: Machine) -> Machine {
    machine.publish("url", "1.0.0", &[]);
    machine.publish("http", "1.0.0", &[("url", "^1.0.0")]);
    machine.project(&[("http", "^1.0.0")]);
    machine
}

#[test]
fn a_first_install_resolves_downloads_links_and_writes_the_lock() {
    let machine = with_packages(Machine::new());
    let outcome = machine.install().unwrap();
    assert!(!outcome.up_to_date);
    assert_eq!((outcome.packages, outcome.downloaded), (2, 2));
    let added = [
        (name("http"), version("1.0.0")),
        (name("url"), version("1.0.0")),
    ];
    assert_eq!(outcome.changes.added, added);
    assert_eq!(outcome.linked.imports_added.len(), 2);
    assert_eq!(machine.locked(), ["app 0.1.0", "http 1.0.0", "url 1.0.0"]);
    assert_eq!(
        machine.told(),
        [
            "(Resolving all versions: there is no lock)",
            "Resolving …",
            "… finished",
            "(Found 0 in the store, 2 to download)",
            "Fetching 2 …",
            "… of some size",
            "… http",
            "… url",
            "… finished"
        ]
    );
}

#[test]
fn an_install_with_nothing_to_do_reads_nothing_and_tells_nothing() {
    let machine = with_packages(Machine::new());
    machine.install().unwrap();
    machine.told();
    machine.main.set_fault(None);
    let outcome = machine.install().unwrap();
    assert!(outcome.up_to_date);
    assert_eq!((outcome.packages, outcome.downloaded), (2, 0));
    assert_eq!(machine.main.operations(), 0);
    assert_eq!(machine.told(), [""; 0]);
}

#[test]
fn an_install_from_the_store_asks_an_unsigned_registry_nothing() {
    let machine = with_packages(Machine::new());
    machine.install().unwrap();
    std::fs::remove_dir_all(machine.path("project/.lumen")).unwrap();
    machine.told();
    machine.main.set_fault(None);
    let outcome = machine.install().unwrap();
    assert_eq!((outcome.up_to_date, outcome.downloaded), (false, 0));
    assert_eq!(machine.main.operations(), 0);
    let told = [
        "(Kept the lock: it fits the manifests)",
        "(Found 2 in the store, 0 to download)",
    ];
    assert_eq!(machine.told(), told);
}

#[test]
fn a_dry_run_says_what_would_change_and_writes_nothing() {
    let machine = with_packages(Machine::new());
    let options = ResolveOptions {
        dry_run: true,
        ..ResolveOptions::default()
    };
    let outcome = machine.install_with(&options).unwrap();
    assert_eq!((outcome.packages, outcome.downloaded), (2, 0));
    assert_eq!(outcome.changes.added.len(), 2);
    assert!(!machine.path("project/lumen.lock").exists());
    assert!(!machine.path("project/.lumen").exists());
    assert!(!machine.environment.store_dir().exists());
    let told = [
        "(Resolving all versions: there is no lock)",
        "Resolving …",
        "… finished",
    ];
    assert_eq!(machine.told(), told);
}

#[test]
fn a_lock_that_must_not_change_has_to_exist_and_fit() {
    let machine = with_packages(Machine::new());
    assert_eq!(
        error(machine.install_with(&locked())),
        "`lumen.lock` does not exist, and --locked forbids changing it"
    );
    machine.install().unwrap();
    machine.install_with(&locked()).unwrap();
    machine.project(&[("http", "^1.0.0"), ("json", "^1.0.0")]);
    let before = machine.read("project/lumen.lock");
    assert_eq!(
        error(machine.install_with(&locked())),
        "`lumen.lock` is out of date: the dependencies of `app` have changed, and --locked forbids changing it"
    );
    assert_eq!(machine.read("project/lumen.lock"), before);
}

#[test]
fn what_is_not_needed_any_more_goes() {
    let machine = with_packages(Machine::new());
    machine.install().unwrap();
    machine.project(&[("url", "^1.0.0")]);
    let outcome = machine.install().unwrap();
    assert_eq!(outcome.changes.removed, [(name("http"), version("1.0.0"))]);
    assert_eq!(outcome.linked.imports_removed.len(), 1);
    assert_eq!((outcome.packages, outcome.downloaded), (1, 0));
    assert_eq!(machine.locked(), ["app 0.1.0", "url 1.0.0"]);
}

#[test]
fn a_conflict_is_a_story_and_changes_nothing() {
    let mut machine = with_packages(Machine::new());
    machine.publish("url", "2.0.0", &[]);
    machine.install().unwrap();
    let before = machine.read("project/lumen.lock");
    machine.project(&[("http", "^1.0.0"), ("url", "^2.0.0")]);
    match machine.install() {
        Err(OpsError::Conflict(story)) => assert!(story.title.contains("url"), "{story:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(machine.read("project/lumen.lock"), before);
}

#[test]
fn a_package_that_no_registry_has_is_a_conflict_with_its_name() {
    let machine = with_packages(Machine::new());
    machine.project(&[("htpp", "^1.0.0")]);
    assert_eq!(
        error(machine.install()),
        "`htpp` is not in registry `default`"
    );
    assert!(!machine.path("project/lumen.lock").exists());
}

#[test]
fn a_missing_archive_names_the_package_and_leaves_the_project_as_it_was() {
    for unsigned in [true, false] {
        let machine = with_packages(if unsigned {
            Machine::new()
        } else {
            Machine::signed()
        });
        for key in machine.keys("artifacts/") {
            machine.lose(&key);
        }
        match machine.install() {
            Err(OpsError::Fetch { source, .. }) => assert!(matches!(
                *source,
                FetchError::Read(ReadError::Missing { .. })
            )),
            other => panic!("{other:?}"),
        }
        assert!(!machine.path("project/lumen.lock").exists());
        assert!(!machine.path("project/.lumen/packages").exists());
    }
}

#[test]
fn the_compressed_archive_is_taken_over_a_network_and_the_plain_one_where_it_lacks() {
    let machine = with_packages(Machine::new());
    machine.main.set_fault(None);
    machine.install().unwrap();
    let read = |ending: &str| {
        let reads = machine.main.reads();
        reads
            .iter()
            .filter(|key| key.as_str().ends_with(ending))
            .count()
    };
    assert_eq!((read(".tar.zst"), read(".tar")), (2, 0));
    let fresh = machine.beside();
    fresh.project(&[("http", "^1.0.0")]);
    let archives = machine.keys("artifacts/").into_iter();
    for key in archives.filter(|key| key.as_str().ends_with(".tar.zst")) {
        machine.lose(&key);
    }
    machine.main.set_fault(None);
    assert_eq!(fresh.install().unwrap().downloaded, 2);
    assert_eq!((read(".tar.zst"), read(".tar")), (2, 2));
}

#[test]
fn without_a_project_there_is_nothing_to_install() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("project")).unwrap();
    match machine.install() {
        Err(OpsError::Project(ProjectError::NotFound(_))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_manifest_gives_all_its_problems() {
    let machine = Machine::new();
    machine.write(
        "project/lumen.toml",
        "[package]\nname = \"No Good\"\nversion = \"one\"\n",
    );
    match machine.install() {
        Err(OpsError::Project(ProjectError::Problems(problems))) => {
            let errors = problems
                .iter()
                .filter(|problem| problem.severity == Severity::Error);
            assert_eq!(errors.count(), 2, "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(machine.told(), [""; 0]);
}

#[test]
fn warnings_of_a_manifest_are_told_once() {
    let machine = with_packages(Machine::new());
    let manifest = machine.read("project/lumen.toml");
    machine.write(
        "project/lumen.toml",
        &format!("{manifest}\n[packge]\nx = 1\n"),
    );
    let warning = "warning: unknown table `packge` at lumen.toml:10:2; did you mean [package]?";
    machine.install().unwrap();
    let told = machine.told();
    assert_eq!(told[0], warning);
    assert!(
        !told[1..].iter().any(|line| line.starts_with("warning")),
        "{told:?}"
    );
    // It is told again, though nothing has to be done, until somebody corrects the manifest.
    machine.install().unwrap();
    assert_eq!(machine.told(), [warning]);
}

#[test]
fn a_lock_that_was_edited_is_told_and_mended() {
    let machine = with_packages(Machine::new());
    machine.install().unwrap();
    machine.told();
    let whole = machine.read("project/lumen.lock");
    let mut lock = machine.lock();
    lock.packages
        .get_mut(&name("http"))
        .unwrap()
        .dependencies
        .clear();
    machine.write("project/lumen.lock", &lock.render());
    assert_eq!(
        error(machine.install_with(&locked())),
        "`lumen.lock` is out of date: nothing needs `url`, which is in it, and --locked forbids changing it"
    );
    assert_eq!(machine.warnings(), [""; 0]);
    machine.install().unwrap();
    assert_eq!(machine.read("project/lumen.lock"), whole);
    assert_eq!(
        machine.warnings(),
        [
            "warning: `lumen.lock` does not fit: nothing needs `url`, which is in it; versions are chosen again where necessary; look at the changes before you commit them"
        ]
    );
}

#[test]
fn a_signed_registry_is_trusted_at_the_first_contact_and_told_once() {
    let owner = with_packages(Machine::signed());
    let machine = owner.beside();
    machine.project(&[("http", "^1.0.0")]);
    machine.install().unwrap();
    let fingerprint = owner.fingerprint();
    assert_eq!(
        machine.told(),
        [
            "(Resolving all versions: there is no lock)".to_owned(),
            "Resolving …".into(),
            "… finished".into(),
            "(Found 0 in the store, 2 to download)".into(),
            "Fetching 2 …".into(),
            "… of some size".into(),
            "… http".into(),
            "… url".into(),
            "… finished".into(),
            format!(
                "Trusting `main/1` as {fingerprint} from now on (first contact: compare it with the fingerprint from the people who run it)"
            ),
        ]
    );
    machine.project(&[("url", "^1.0.0")]);
    machine.install().unwrap();
    let told = [
        "(Resolving again: the lock is out of date: the dependencies of `app` have changed)",
        "Resolving …",
        "… finished",
        "(Found 1 in the store, 0 to download)",
    ];
    assert_eq!(machine.told(), told);
}

#[test]
fn an_update_moves_what_it_names_and_nothing_else() {
    let mut machine = with_packages(Machine::new());
    machine.install().unwrap();
    machine.publish("url", "1.1.0", &[]);
    machine.publish("http", "1.1.0", &[("url", "^1.0.0")]);
    let outcome = machine
        .install_with(&ResolveOptions {
            unlock: Unlock::Names([name("url")].into()),
            ..ResolveOptions::default()
        })
        .unwrap();
    assert_eq!(
        outcome.changes.changed,
        [(name("url"), version("1.0.0"), version("1.1.0"))]
    );
    assert_eq!(machine.locked(), ["app 0.1.0", "http 1.0.0", "url 1.1.0"]);
    let all = ResolveOptions {
        unlock: Unlock::All,
        ..ResolveOptions::default()
    };
    machine.install_with(&all).unwrap();
    assert_eq!(machine.locked(), ["app 0.1.0", "http 1.1.0", "url 1.1.0"]);
}

#[test]
fn a_registry_that_is_not_there_is_no_empty_one() {
    let machine = Machine::bare();
    machine.project(&[("http", "^1.0.0")]);
    match machine.install() {
        Err(OpsError::Read(ReadError::NoRegistry { .. })) => {}
        other => panic!("{other:?}"),
    }
}
