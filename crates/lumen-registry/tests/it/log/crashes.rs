//! A fault at every single storage operation of every kind of change.

use lumen_registry::storage::{Fault, FaultKind};

use super::*;

/// How many changes there are.
pub(crate) const STEPS: usize = 5;

/// The changes of a young registry, one after the other.
pub(crate) async fn step(storage: &Storage, number: usize) -> Result<(), PublishError> {
    match number {
        0 => init(storage).await.map(drop),
        1 => put(storage, "ada", "a", "1.0.0").await.map(drop),
        2 => put(storage, "ada", "a", "1.1.0").await.map(drop),
        3 => say(storage, "ada", "a", yank("1.0.0")).await.map(drop),
        _ => put(storage, "ada", "@s/b", "1.0.0").await.map(drop),
    }
}

async fn done(storage: &Storage, number: usize) -> bool {
    let versions = async |package: &str| index_of(storage, package).await.versions.len();
    match number {
        0 => true,
        1 => versions("a").await == 1,
        2 => versions("a").await == 2,
        3 => index_of(storage, "a").await.is_yanked(&version("1.0.0")),
        _ => versions("@s/b").await == 1,
    }
}

#[test]
fn a_fault_anywhere_loses_nothing_and_blocks_nobody() {
    let memory = MemoryStorage::new();
    let mut cases = 0;
    for number in 0..STEPS {
        let before = memory.files();
        memory.set_fault(None);
        block_on(step(&Storage::Memory(memory.clone()), number)).unwrap();
        let operations = memory.operations();
        for at in 1..=operations {
            for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
                for dead_afterwards in [false, true] {
                    let fault = Fault {
                        at,
                        kind,
                        dead_afterwards,
                    };
                    crash(MemoryStorage::with_files(before.clone()), number, fault);
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 400, "{cases}");
}

fn crash(memory: MemoryStorage, number: usize, fault: Fault) {
    let storage = Storage::Memory(memory.clone());
    memory.set_fault(Some(fault));
    let result = block_on(step(&storage, number));
    memory.set_fault(None);
    block_on(recovers(&storage, number, &result, &format!("{fault:?}")));
}

/// What has to hold after a change that a fault may have hit, now that the host is well again.
pub(crate) async fn recovers(
    storage: &Storage,
    number: usize,
    result: &Result<(), PublishError>,
    fault: &str,
) {
    let context = format!("step {number}, {fault}: {result:?}");
    if number == 0 {
        match init(storage).await {
            Ok(_) => {}
            Err(PublishError::RegistryExists { .. }) => {}
            Err(error) => panic!("{context}: {error}"),
        }
    }
    // Another writer goes on.
    let other = put(storage, "ada", "z", "1.0.0").await;
    other.unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(check(storage, &nobody).await.unwrap(), [], "{context}");
    if result.is_ok() {
        assert!(done(storage, number).await, "{context}");
    }
    // And so does the writer that was hit.
    if number > 0 {
        let again = step(storage, number).await;
        again.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(done(storage, number).await, "{context}");
        assert_eq!(check(storage, &nobody).await.unwrap(), [], "{context}");
    }
}
