//! `publish`: what it writes, what it refuses before it writes, and what readers see.

use std::{
    fs,
    time::{Duration, Instant},
};

use lumen_core::problem::Severity;
use lumen_ops::{
    OpsError,
    keys::KeysError,
    verbs::publish::{self, Bump},
};
use lumen_registry::{
    publish::PublishError,
    storage::{Fault, FaultKind},
};

use crate::{MAIN, Machine, OTHER, error, version};

/// A machine in the folder of the package `http` 1.0.0.
fn at_package(mut machine: Machine) -> Machine {
    machine.package("http", "http", "1.0.0", &[("url", "^1.0.0")]);
    machine.enter("http");
    machine
}

/// The paths of all files of the default registry, without digests.
fn paths(machine: &Machine) -> Vec<String> {
    let files = machine.main.files();
    let path = |key: &lumen_core::Key| {
        let path = key.as_str();
        match (path.split_once('/'), path.split_once('.')) {
            (Some(("artifacts", _)), Some((_, kind))) => format!("artifacts/<digest>.{kind}"),
            _ => path.to_owned(),
        }
    };
    files.keys().map(path).collect()
}

#[test]
fn an_unsigned_publish_writes_archives_release_and_indexes() {
    let machine = at_package(Machine::new());
    let published = machine.publish_here().unwrap();
    assert!(published.new);
    assert_eq!(published.lacking, None);
    let release = &published.release;
    assert_eq!(
        (release.name.as_str(), &release.version),
        ("http", &version("1.0.0"))
    );
    assert_eq!(
        release.published_at.as_deref(),
        Some("2026-01-31T10:30:00Z")
    );
    assert_eq!(release.deps[&crate::name("url")].to_string(), "^1.0.0");
    assert_eq!(release.artifacts.len(), 2);
    assert_eq!(
        paths(&machine),
        [
            "artifacts/<digest>.files",
            "artifacts/<digest>.tar",
            "artifacts/<digest>.tar.zst",
            "index.json",
            "packages/http/1.0.0.json",
            "packages/http/index.json",
        ]
    );
    assert_eq!(machine.told(), [""; 0]);
}

#[test]
fn the_same_release_again_writes_nothing() {
    let machine = at_package(Machine::new());
    let first = machine.publish_here().unwrap();
    let before = machine.main.files();
    let again = machine.publish_here().unwrap();
    assert!(!again.new);
    assert_eq!(
        (again.release, again.metadata),
        (first.release, first.metadata)
    );
    assert_eq!(machine.main.files(), before);
}

#[test]
fn other_contents_of_a_version_are_refused() {
    for machine in [Machine::new(), Machine::signed()] {
        let machine = at_package(machine);
        machine.publish_here().unwrap();
        let before = machine.main.files();
        machine.write("http/src/main.lm.md", "# changed\n");
        match machine.publish_here() {
            Err(OpsError::Publish(PublishError::VersionExists { name, version, .. })) => {
                assert_eq!(format!("{name} {version}"), "http 1.0.0");
            }
            other => panic!("{other:?}"),
        }
        // Archives may be there: they are garbage, and nothing names them.
        let index = |files: &std::collections::BTreeMap<lumen_core::Key, Vec<u8>>| {
            let mut files = files.clone();
            files.retain(|key, _| !key.as_str().starts_with("artifacts/"));
            files
        };
        assert_eq!(index(&machine.main.files()), index(&before));
    }
}

#[test]
fn a_raised_version_is_written_into_the_manifest() {
    let machine = at_package(Machine::new());
    let published = machine.run(|session| {
        publish::run(
            session,
            publish::prepare(session, Some(Bump::Minor), publish::Allowed::default())?,
        )
    });
    assert_eq!(published.unwrap().release.version, version("1.1.0"));
    assert!(
        machine
            .read("http/lumen.toml")
            .contains("version = \"1.1.0\"")
    );
}

#[test]
fn a_publish_without_a_key_raises_no_version_and_writes_nothing() {
    let owner = Machine::signed();
    let machine = at_package(owner.beside());
    let before = machine.main.files();
    let published = machine.run(|session| {
        publish::run(
            session,
            publish::prepare(session, Some(Bump::Major), publish::Allowed::default())?,
        )
    });
    assert!(matches!(published, Err(OpsError::Keys(KeysError::NoKey))));
    assert!(
        machine
            .read("http/lumen.toml")
            .contains("version = \"1.0.0\"")
    );
    assert_eq!(machine.main.files(), before);
}

#[test]
fn preparing_writes_nothing_anywhere() {
    let machine = at_package(Machine::new());
    let before = machine.main.files();
    // Looking dependencies up reads the registry, which this machine then knows.
    let allowed = publish::Allowed {
        missing: publish::Missing::Allow,
        ..Default::default()
    };
    let prepared =
        machine.run(|session| publish::prepare(session, Some(Bump::Patch), allowed).unwrap());
    assert_eq!(prepared.checked.package.version, version("1.0.1"));
    assert_eq!(
        (prepared.registry.as_str(), prepared.location.url()),
        ("default", MAIN.into())
    );
    assert_eq!(machine.main.files(), before);
    assert!(
        machine
            .read("http/lumen.toml")
            .contains("version = \"1.0.0\"")
    );
    assert!(!machine.environment.home.exists());
}

#[test]
fn a_tag_must_name_the_release() {
    let machine = at_package(Machine::new());
    let prepared = machine
        .run(|session| publish::prepare(session, None, publish::Allowed::default()).unwrap());
    for tag in ["v1.0.0", "1.0.0", "http-v1.0.0", "http-1.0.0"] {
        publish::check_tag(&prepared, tag).unwrap();
    }
    for tag in ["v1.0.1", "url-v1.0.0", "v1.0", "http-v1.0.0-rc.1", ""] {
        assert_eq!(
            error(publish::check_tag(&prepared, tag)),
            format!("the tag `{tag}` is not the version of `http`, 1.0.0")
        );
    }
}

#[test]
fn a_package_may_keep_itself_from_being_published() {
    let mut machine = Machine::new();
    machine.write(
        "http/lumen.toml",
        "[package]\nname = \"http\"\nversion = \"1.0.0\"\npublish = false\n",
    );
    machine.enter("http");
    assert_eq!(
        error(machine.publish_here()),
        "`http` says `publish = false`"
    );
}

#[test]
fn all_that_is_wrong_with_a_package_is_told_at_once() {
    let mut machine = Machine::new();
    machine.write(
        "http/lumen.toml",
        "[package]\nname = \"http\"\nversion = \"1.0.0\"\n\n[dependencies]\n\
         a = { path = \"../a\" }\nb = { git = \"https://git.example/b\" }\nc = \"^1.0.0\"\n",
    );
    machine.package("a", "a", "1.0.0", &[]);
    machine.enter("http");
    match machine.publish_here() {
        Err(OpsError::Problems(problems)) => {
            assert!(
                problems
                    .iter()
                    .all(|problem| problem.severity == Severity::Error)
            );
            let lines: Vec<_> = problems
                .iter()
                .filter_map(|problem| Some(problem.place.as_ref()?.line_column().0))
                .collect();
            assert_eq!(lines, [6, 7]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_publish_claims_a_name_and_others_may_not_publish_it() {
    let owner = at_package(Machine::signed());
    owner.publish_here().unwrap();
    assert_eq!(owner.told(), [""; 0]);
    let other = owner.beside();
    // Its key may write to the log: the registry would take what it signs.
    owner.admit(&other.key("bob", 2));
    let other = at_package(other);
    other.package("http", "http", "1.1.0", &[]);
    let before = other.main.files();
    match other.publish_here() {
        Err(OpsError::Publish(PublishError::NotOwner { .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(other.main.files(), before);
}

#[test]
fn a_key_that_the_log_does_not_take_is_refused_before_anything_is_written() {
    let owner = Machine::signed();
    let other = at_package(owner.beside());
    other.key("bob", 2);
    let before = other.main.files();
    match other.publish_here() {
        Err(OpsError::Publish(PublishError::LogKey { .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(other.main.files(), before);
}

#[test]
fn without_a_registry_nothing_can_be_prepared() {
    let mut machine = at_package(Machine::new());
    machine.environment.registry = None;
    assert_eq!(error(machine.publish_here()), "no registry is configured");
}

#[test]
fn a_release_that_readers_do_not_see_yet_is_waited_for() {
    let mut machine = at_package(Machine::new());
    machine.found(OTHER, true).unwrap();
    machine.environment.publish_registry = Some(OTHER.into());
    let published = machine.publish_here().unwrap();
    assert!(published.new);
    assert_eq!(paths(&machine), ["index.json"]);
    let wait = |machine: &Machine| {
        let no_longer = (Instant::now(), Duration::ZERO);
        machine.run(|session| publish::wait(session, "default", &published, no_longer))
    };
    match wait(&machine) {
        Err(OpsError::NotSeen {
            name,
            location,
            seconds: 0,
            lacking: None,
            ..
        }) => {
            assert_eq!((name.as_str(), location.as_str()), ("http", MAIN));
        }
        other => panic!("{other:?}"),
    }
    // The mirror catches up.
    machine.environment.registry = Some(OTHER.into());
    wait(&machine).unwrap();
}

#[test]
fn an_outage_is_an_error_of_the_storage_and_the_next_try_finishes() {
    let machine = at_package(Machine::new());
    machine.main.set_fault(None);
    let needed = {
        let trial = at_package(Machine::new());
        trial.main.set_fault(None);
        trial.publish_here().unwrap();
        trial.main.operations()
    };
    for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
        for at in 1..=needed {
            let machine = at_package(Machine::new());
            machine.main.set_fault(Some(Fault {
                at,
                kind,
                dead_afterwards: true,
            }));
            if let Err(error) = machine.publish_here() {
                assert!(
                    error.storage().is_some() || error.trust().is_none(),
                    "{error:?}"
                );
            }
            machine.main.set_fault(None);
            machine.publish_here().unwrap();
            assert_eq!(paths(&machine).len(), 6, "{kind:?} at {at}");
        }
    }
}

#[test]
fn the_archive_has_no_word_about_this_machine() {
    let machine = at_package(Machine::new());
    machine.publish_here().unwrap();
    let home = machine.path("").to_string_lossy().into_owned();
    for (key, bytes) in machine.main.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&home), "{key}");
    }
    assert!(fs::read_dir(machine.path("http")).unwrap().count() == 2);
}
