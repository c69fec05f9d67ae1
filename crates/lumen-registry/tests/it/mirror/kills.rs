//! A mirror run that dies at any operation of either side, and the next.

use lumen_registry::storage::{Fault, FaultKind};

use super::*;

/// What a reader of a mirror can have, at any time: all packages of some checkpoint.
fn assert_readable(files: &Files, signed: bool, context: &str) {
    if signed && !files.contains_key(&Key::checkpoint()) {
        return;
    }
    let storage = Storage::Memory(MemoryStorage::with_files(files.clone()));
    let reader = Registry::on("mirror", storage.clone());
    block_on(async {
        for package in ["a", "@s/b", "c"] {
            let index = match reader.package_index(&name(package)).await {
                Ok(Some(index)) => index,
                Ok(None) | Err(ReadError::LeftOut { .. }) => continue,
                Err(error) => panic!("{context}: {error}"),
            };
            for number in &index.versions {
                let read = reader.release(&name(package), number, None).await;
                let (release, _) = read.unwrap().unwrap_or_else(|| panic!("{context}"));
                for artifact in release.artifacts {
                    let key = artifact.key().unwrap();
                    assert!(files.contains_key(&key), "{context}: {key}");
                }
            }
        }
    });
}

fn kill_everywhere(origin: &Origin, before: &Files, options: &MirrorOptions) -> u64 {
    let whole = MemoryStorage::with_files(before.clone());
    origin.memory.set_fault(None);
    run_with(&origin.storage, &Storage::Memory(whole.clone()), options).unwrap();
    let (reads, writes) = (origin.memory.operations(), whole.operations());
    let expected = whole.files();
    let mut cases = 0;
    for at in 1..=writes {
        for (kind, dead_afterwards) in [
            (FaultKind::Fail, true),
            (FaultKind::LoseAnswer, true),
            (FaultKind::LoseAnswer, false),
        ] {
            let fault = Fault {
                at,
                kind,
                dead_afterwards,
            };
            let copy = MemoryStorage::with_files(before.clone());
            let storage = Storage::Memory(copy.clone());
            copy.set_fault(Some(fault));
            let result = run_with(&origin.storage, &storage, options);
            copy.set_fault(None);
            let context = format!("{fault:?}: {result:?}");
            assert_readable(&copy.files(), origin.signed, &context);
            let again = run_with(&origin.storage, &storage, options);
            again.unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_same(&copy.files(), &expected);
            cases += 1;
        }
    }
    for at in 1..=reads {
        let fault = Fault {
            at,
            kind: FaultKind::Fail,
            dead_afterwards: true,
        };
        let copy = MemoryStorage::with_files(before.clone());
        let storage = Storage::Memory(copy.clone());
        origin.memory.set_fault(Some(fault));
        let result = run_with(&origin.storage, &storage, options);
        origin.memory.set_fault(None);
        let context = format!("source, {fault:?}: {result:?}");
        assert_readable(&copy.files(), origin.signed, &context);
        run_with(&origin.storage, &storage, options).unwrap();
        assert_same(&copy.files(), &expected);
        cases += 1;
    }
    cases
}

#[test]
fn a_kill_anywhere_is_made_good_by_the_next_run() {
    let mut cases = 0;
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        cases += kill_everywhere(&origin, &Files::new(), &MirrorOptions::default());
        let (copy, storage) = memory();
        run(&origin.storage, &storage).unwrap();
        origin.put("a", "2.0.0");
        origin.put("@s/d", "1.0.0");
        cases += kill_everywhere(&origin, &copy.files(), &MirrorOptions::default());
    }
    assert!(cases > 500, "{cases}");
}

#[test]
fn a_kill_anywhere_of_a_mirror_with_some_packages() {
    for signed in [true, false] {
        let origin = Origin::stocked(signed);
        kill_everywhere(&origin, &Files::new(), &only(&["a"]));
        let (copy, storage) = memory();
        run_with(&origin.storage, &storage, &only(&["a"])).unwrap();
        origin.put("a", "2.0.0");
        kill_everywhere(&origin, &copy.files(), &only(&["a", "@s/*"]));
    }
}
