//! A publish that nobody disturbs reads each file that changes once.

use lumen_registry::publish::init as init_unsigned;

use super::*;

/// How often each file that changes was read by `work`, and more than once at most.
fn assert_read_once(memory: &MemoryStorage, what: &str, work: impl FnOnce()) {
    memory.set_fault(None);
    work();
    let reads = memory.reads();
    let changes = |key: &&Key| key.mutability() == lumen_core::key::Mutability::Mutable;
    let mut seen: Vec<&Key> = reads.iter().filter(changes).collect();
    assert!(seen.contains(&&Key::global_index()), "{what}: {seen:?}");
    seen.sort();
    let before = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), before, "{what}: {reads:#?}");
}

#[test]
fn in_a_signed_registry() {
    let (memory, storage) = registry();
    for (package, number) in [
        ("a", "1.0.0"),
        ("a", "1.1.0"),
        ("@s/b", "1.0.0"),
        ("@s/b", "1.1.0"),
        ("@s/c", "1.0.0"),
    ] {
        assert_read_once(&memory, package, || {
            block_on(put(&storage, "ada", package, number)).unwrap();
        });
    }
    assert_read_once(&memory, "yank", || {
        block_on(say(&storage, "ada", "a", yank("1.0.0"))).unwrap();
    });
    // Nothing is left to do of one that is there.
    assert_read_once(&memory, "again", || {
        block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    });
    assert_clean(&storage);
}

#[test]
fn in_an_unsigned_registry() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    block_on(init_unsigned(&storage, "test", NOW)).unwrap();
    for (package, number) in [
        ("a", "1.0.0"),
        ("a", "1.1.0"),
        ("a", "1.0.0"),
        ("@s/b", "1.0.0"),
    ] {
        assert_read_once(&memory, package, || {
            let request = crate::request(package, number, number);
            block_on(publish(&storage, &request)).unwrap();
        });
    }
    assert_read_once(&memory, "yank", || {
        block_on(crate::change(&storage, "a", yank("1.0.0"))).unwrap();
    });
}
