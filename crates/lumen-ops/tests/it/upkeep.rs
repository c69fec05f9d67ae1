//! What an operator does: check, repair, rebuild, count, collect garbage.

use std::{ops::ControlFlow, time::Duration};

use lumen_core::Key;
use lumen_ops::{
    OpsError,
    session::Session,
    verbs::{self, repair::Repaired},
};
use lumen_registry::{
    ReadError, Storage,
    publish::PublishError,
    storage::{Fault, FaultKind, MemoryStorage},
};

use crate::{MAIN, Machine, error, name, version};

/// A signed registry with two packages.
fn with_packages() -> Machine {
    let mut machine = Machine::signed();
    machine.publish("url", "1.0.0", &[]);
    machine.publish("http", "1.0.0", &[("url", "^1.0.0")]);
    machine
}

fn check(machine: &Machine) -> Vec<String> {
    let found = machine.run(verbs::check::check).unwrap();
    machine.told();
    found
        .findings
        .into_iter()
        .map(|finding| finding.file)
        .collect()
}

#[test]
fn init_makes_a_registry_once_and_a_key_where_there_is_none() {
    let machine = Machine::bare();
    let founded = machine.found(MAIN, false).unwrap();
    assert!(founded.new_key.is_some());
    assert_eq!(founded.root.unwrap().fingerprint, machine.fingerprint());
    let before = machine.main.files();
    assert!(matches!(
        machine.found(MAIN, true),
        Err(OpsError::Publish(PublishError::RegistryExists { .. }))
    ));
    let other = machine.beside();
    other.key("bob", 2);
    assert!(matches!(
        other.found(MAIN, false),
        Err(OpsError::Publish(PublishError::RegistryExists { .. }))
    ));
    assert_eq!(machine.main.files(), before);
}

#[test]
fn a_whole_registry_has_no_findings() {
    assert_eq!(check(&with_packages()), [""; 0]);
}

#[test]
fn what_is_lost_is_found_and_what_follows_from_the_log_is_made_again() {
    let whole = with_packages();
    let before = whole.main.files();
    let garbage = whole
        .run(|session| verbs::gc::run(session, Duration::ZERO, true))
        .unwrap();
    let is_useless = |key: &Key| {
        garbage
            .garbage
            .iter()
            .any(|garbage| garbage.file.key == *key)
    };
    for key in before.keys().filter(|key| !is_useless(key)) {
        let path = key.as_str();
        if path.starts_with("artifacts/") || path.starts_with("log/") {
            continue;
        }
        let machine = Machine::with(
            MemoryStorage::with_files(before.clone()),
            whole.other.clone(),
        );
        machine.lose(key);
        assert!(!check(&machine).is_empty(), "{path}");
        machine
            .run(verbs::rebuild::rebuild)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(check(&machine), [""; 0], "{path}");
    }
}

#[test]
fn a_lost_archive_cannot_be_made_again_and_is_named() {
    let machine = with_packages();
    let archive = machine.keys("artifacts/").remove(0);
    machine.lose(&archive);
    assert!(check(&machine).contains(&archive.to_string()));
    machine.run(verbs::rebuild::rebuild).unwrap();
    assert!(check(&machine).contains(&archive.to_string()));
}

#[test]
fn repair_brings_lost_file_lists_back() {
    let machine = with_packages();
    let list = machine.keys("artifacts/").into_iter();
    let list = { list }
        .find(|key| key.as_str().ends_with(".files"))
        .unwrap();
    machine.lose(&list);
    assert_eq!(check(&machine), [list.to_string()]);
    let Repaired::Signed(_, _, made) = machine.run(verbs::repair::repair).unwrap() else {
        panic!("it is signed");
    };
    assert_eq!(made, [list]);
    assert_eq!(check(&machine), [""; 0]);
}

#[test]
fn repair_finishes_what_a_killed_writer_began() {
    let (whole, other) = (with_packages().main.files(), MemoryStorage::new());
    let about_to_publish = || {
        let machine = Machine::with(MemoryStorage::with_files(whole.clone()), other.clone());
        machine.key("ada", 1);
        machine.package("project", "json", "1.0.0", &[]);
        machine
    };
    let needed = {
        let machine = about_to_publish();
        machine.main.set_fault(None);
        machine.publish_here().unwrap();
        machine.main.operations()
    };
    let mut unfinished = 0;
    for at in 1..=needed {
        let machine = about_to_publish();
        machine.main.set_fault(Some(Fault {
            at,
            kind: FaultKind::Fail,
            dead_afterwards: true,
        }));
        machine.publish_here().unwrap_err();
        machine.main.set_fault(None);
        unfinished += usize::from(!check(&machine).is_empty());
        let repaired = machine.run(verbs::repair::repair).unwrap();
        let Repaired::Signed(_, waiting, made) = repaired else {
            panic!("{repaired:?}");
        };
        assert!(waiting.is_none());
        assert_eq!(made, []);
        assert_eq!(check(&machine), [""; 0], "{at}");
    }
    assert!(unfinished > 0);
}

#[test]
fn an_operator_without_a_registry_is_told_so() {
    let machine = Machine::bare();
    for result in [
        machine.run(verbs::check::check).map(|_| ()),
        machine.run(verbs::repair::repair).map(|_| ()),
        machine.run(verbs::rebuild::rebuild).map(|_| ()),
        machine.run(verbs::stats::run).map(|_| ()),
        machine
            .run(|session| verbs::gc::run(session, Duration::ZERO, true))
            .map(|_| ()),
    ] {
        assert!(
            matches!(result, Err(OpsError::Read(ReadError::NoRegistry { .. }))),
            "{result:?}"
        );
    }
}

#[test]
fn an_unsigned_registry_is_checked_and_repaired_by_its_own_files() {
    let mut machine = Machine::new();
    machine.publish("url", "1.0.0", &[]);
    assert_eq!(check(&machine), [""; 0]);
    let index = Key::package_index(&name("url"));
    let whole = machine.main.file(&index).unwrap();
    let storage = Storage::Memory(machine.main.clone());
    let lose = |session: &Session<'_>| {
        session.block_on(async { Ok(storage.delete(&index).await.map_err(ReadError::from)?) })
    };
    machine.run(lose).unwrap();
    assert_eq!(check(&machine), [index.to_string()]);
    let repaired = machine.run(verbs::repair::repair).unwrap();
    let Repaired::Unsigned(changed, findings) = repaired else {
        panic!("{repaired:?}");
    };
    assert_eq!((changed, findings), (vec![index.clone()], vec![]));
    assert_eq!(machine.main.file(&index).unwrap(), whole);
    assert_eq!(machine.run(verbs::rebuild::rebuild).unwrap(), []);
}

#[test]
fn stats_count_what_there_is() {
    let mut machine = with_packages();
    machine.publish("@org/json", "1.0.0-rc.1", &[]);
    let verdict = verbs::yank::Verdict::Yank("broken");
    machine
        .run(|session| verbs::yank::yank(session, &name("url"), &version("1.0.0"), verdict))
        .unwrap();
    let (place, stats) = machine.run(verbs::stats::run).unwrap();
    assert_eq!(
        (place.url().as_str(), stats.name.as_deref()),
        (MAIN, Some("main"))
    );
    assert_eq!((stats.packages, stats.releases, stats.scopes), (3, 3, 1));
    assert_eq!(
        (stats.prereleases, stats.yanked, stats.deprecated),
        (1, 1, 0)
    );
    assert_eq!((stats.owners, stats.publishers), (1, 1));
}

#[test]
fn garbage_is_what_nothing_names_and_is_old_enough() {
    let machine = with_packages();
    let stray = lumen_core::Digest::of(b"stray");
    let stray = Key::artifact(&stray, lumen_core::key::ArtifactKind::Tar);
    machine.add(&stray, b"stray");
    let before = machine.main.files();
    let gc = |dry_run| {
        let report =
            machine.run(|session| verbs::gc::run(session, Duration::from_secs(3_600), dry_run));
        let garbage = report.unwrap().garbage.into_iter();
        garbage.map(|garbage| garbage.file.key).collect::<Vec<_>>()
    };
    let garbage = gc(true);
    assert!(garbage.contains(&stray), "{garbage:?}");
    assert_eq!(machine.main.files(), before);
    assert_eq!(gc(false), garbage);
    let mut left = before;
    left.retain(|key, _| !garbage.contains(key));
    assert_eq!(machine.main.files(), left);
    assert_eq!(check(&machine), [""; 0]);
    assert_eq!(gc(false), []);
}

#[test]
fn what_is_young_is_left_alone() {
    let machine = with_packages();
    let stray = lumen_core::Digest::of(b"stray");
    let stray = Key::artifact(&stray, lumen_core::key::ArtifactKind::Tar);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    machine.main.set_clock(now.as_secs());
    machine.add(&stray, b"stray");
    let report = machine.run(|session| verbs::gc::run(session, Duration::from_secs(3_600), false));
    assert_eq!(report.unwrap().young, (1, 5));
    assert!(machine.main.file(&stray).is_some());
}

#[test]
fn watching_hands_out_the_entries_about_a_name() {
    let machine = with_packages();
    let mut seen = Vec::new();
    let size = machine
        .run(|session| {
            verbs::watch::watch(session, 0, &["url".into()], |logged| {
                seen.push(logged.index);
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|index| *index < size));
    let unsigned = Machine::new();
    assert!(
        error(unsigned.run(|session| verbs::watch::watch(
            session,
            0,
            &[],
            |_| ControlFlow::Break(())
        )))
        .contains("sign")
    );
}
