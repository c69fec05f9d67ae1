//! A session: which registry it opens, how often it reads what, and what it tells.

use lumen_ops::{
    OpsError,
    context::ProjectUse,
    session::{Purpose, Which},
};
use lumen_registry::{Location, Storage, storage::MemoryStorage};

use crate::{MAIN, Machine, OTHER, error, name};

#[test]
fn a_registry_is_opened_by_name_by_url_and_by_the_name_of_its_url() {
    let mut machine = Machine::new();
    machine.configure(&format!("[registry.registries]\nother = \"{OTHER}\"\n"));
    let opened = |which, purpose| {
        machine.run(|session| {
            let registry = session.open(which, purpose)?;
            let url = registry.location().map(Location::url).unwrap_or_default();
            Ok::<_, OpsError>(format!("{} {url}", registry.name()))
        })
    };
    let (default, other) = (format!("default {MAIN}"), format!("other {OTHER}"));
    for (which, expected) in [
        (Which::Named("default"), &default),
        (Which::Configured("default"), &default),
        (Which::Named("other"), &other),
        (Which::Given("other"), &other),
        (Which::Given(OTHER), &other),
        (Which::Place(OTHER), &other),
        (Which::Configured(OTHER), &other),
        (Which::Configured("other"), &other),
    ] {
        for purpose in [Purpose::Read, Purpose::ReadAgain] {
            assert_eq!(opened(which, purpose).unwrap(), *expected, "{which:?}");
        }
    }
    let unknown = opened(Which::Named("othr"), Purpose::Read);
    match unknown {
        Err(OpsError::UnknownRegistry { name, nearest, .. }) => {
            assert_eq!((name.as_str(), nearest.as_deref()), ("othr", Some("other")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_reads_a_registry_once_however_often_it_is_opened() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    machine.main.set_fault(None);
    machine.run(|session| {
        for _ in 0..3 {
            let registry = session.registry("default").unwrap();
            let found = session.block_on(async { Ok(registry.find(&name("url")).await?) });
            assert!(found.unwrap().is_some());
        }
        let once = machine.main.reads();
        let again = session
            .open(Which::Named("default"), Purpose::ReadAgain)
            .unwrap();
        let found = session.block_on(async { Ok(again.find(&name("url")).await?) });
        assert!(found.unwrap().is_some());
        assert_eq!(machine.main.reads().len(), 2 * once.len());
    });
}

#[test]
fn to_write_is_to_go_where_the_registry_is_published() {
    let mut machine = Machine::new();
    machine.found(OTHER, true).unwrap();
    machine.environment.publish_registry = Some(OTHER.into());
    machine.run(|session| {
        assert_eq!(session.location("default").unwrap().url(), MAIN);
        assert_eq!(session.publish_location("default").unwrap().url(), OTHER);
        let opened = |purpose| {
            let registry = session.open(Which::Named("default"), purpose).unwrap();
            registry.location().unwrap().url()
        };
        assert_eq!(opened(Purpose::Read), MAIN);
        assert_eq!(opened(Purpose::Write), OTHER);
        assert_eq!(opened(Purpose::WriteAtAnyAge), OTHER);
    });
}

#[test]
fn a_project_alone_chooses_no_folder_to_write_to_where_no_registry_is() {
    let place = "file:///nowhere/registry";
    let mut machine = Machine::bare();
    let memory = Storage::Memory(MemoryStorage::new());
    let location = Location::parse(place).unwrap();
    machine.options.storages = machine.options.storages.clone().with(&location, memory);
    machine.environment.registry = None;
    machine.package("project", "app", "0.1.0", &[]);
    let manifest = machine.read("project/lumen.toml");
    machine.write(
        "project/lumen.toml",
        &format!("[registry]\ndefault = \"{place}\"\n\n{manifest}"),
    );
    assert_eq!(
        error(machine.publish_here()),
        "only the project names `file:///nowhere/registry`, and there is no registry there: nothing was written"
    );
    // Where the user names it, too, it is the user's choice.
    machine.options.registry = Some(place.into());
    assert!(machine.publish_here().unwrap().new);
}

#[test]
fn settings_of_a_project_count_unless_it_has_no_say() {
    let mut machine = Machine::new();
    machine.project(&[]);
    let manifest = machine.read("project/lumen.toml");
    machine.write(
        "project/lumen.toml",
        &format!("[registry.registries]\nmine = \"{OTHER}\"\n\n{manifest}"),
    );
    let names = |machine: &Machine| machine.run(|session| session.registry_names()).unwrap();
    assert_eq!(names(&machine), ["default", "mine"]);
    machine.options.project = ProjectUse::Ignored;
    assert_eq!(names(&machine), ["default"]);
    assert!(machine.run(|session| session.project()).is_err());
}

#[test]
fn warnings_of_a_configuration_are_told_once_a_run() {
    let mut machine = Machine::new();
    machine.configure("[registri]\n\n[install]\n");
    machine.run(|session| {
        for _ in 0..3 {
            session.settings().unwrap();
        }
        session.registry("default").unwrap();
        session
            .open(Which::Named("default"), Purpose::Write)
            .unwrap();
    });
    assert_eq!(
        machine.told(),
        [
            "warning: unknown key `registri` in this file at ~/config.toml:1:2; did you mean `registry`?"
        ]
    );
}

#[test]
fn a_broken_configuration_stops_before_any_registry_is_read() {
    let mut machine = Machine::new();
    machine.configure("[registry]\ndefault = 1\n");
    machine.main.set_fault(None);
    assert!(matches!(
        machine.run(|session| session.registry("default").map(|_| ())),
        Err(OpsError::Problems(_))
    ));
    assert_eq!(machine.main.operations(), 0);
}

#[test]
fn the_project_is_locked_against_other_commands_but_not_by_a_dry_run() {
    let machine = Machine::new();
    machine.project(&[]);
    machine.run(|session| {
        let (_, lock) = session.locked_project(true).unwrap();
        assert!(lock.is_none());
        assert!(!machine.path("project/.lumen").exists());
        let (project, lock) = session.locked_project(false).unwrap();
        assert!(lock.is_some());
        assert_eq!(project.root, machine.path("project"));
        assert!(machine.path("project/.lumen").exists());
    });
}

#[test]
fn a_package_is_found_in_the_first_registry_that_has_it() {
    let mut machine = Machine::new();
    machine.found(OTHER, true).unwrap();
    machine.configure(&format!(
        "[registry]\nupstreams = [\"other\"]\n\n[registry.registries]\nother = \"{OTHER}\"\n"
    ));
    machine.publish("url", "1.0.0", &[]);
    machine.options.registry = Some(OTHER.into());
    machine.publish("http", "1.0.0", &[]);
    machine.options.registry = None;
    machine.run(|session| {
        let of = |text| session.registry_for(&name(text)).unwrap().name().to_owned();
        assert_eq!(of("url"), "default");
        assert_eq!(of("http"), "other");
        // What none of them has is a matter of the first.
        assert_eq!(of("json"), "default");
    });
}
