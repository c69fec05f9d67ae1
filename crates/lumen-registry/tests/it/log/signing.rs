//! Registries that become signed, halfway or whole, and names that have to be approved.

use lumen_core::trust::NamePolicy;
use lumen_registry::{
    Registry,
    log::sign_existing,
    reader::ReadError,
    storage::{Fault, FaultKind},
    verify::TrustError,
};

use super::*;

fn unsigned() -> MemoryStorage {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    for (package, number) in [("a", "1.0.0"), ("a", "1.1.0"), ("b", "1.0.0")] {
        let wanted = crate::request(package, number, &format!("{package} {number}"));
        block_on(publish(&storage, &wanted)).unwrap();
    }
    memory
}

async fn sign(storage: &Storage) -> Result<log::RootInfo, PublishError> {
    sign_existing(storage, ORIGIN, &key("ada"), NOW).await
}

/// What a client sees of a package: its versions, or why it sees none.
fn seen(memory: &MemoryStorage, package: &str) -> Result<usize, ReadError> {
    let reader = Registry::on("test", Storage::Memory(memory.clone()));
    let index = block_on(reader.package_index(&name(package)))?;
    Ok(index.map_or(0, |index| index.versions.len()))
}

#[test]
fn a_registry_becomes_signed_and_keeps_what_it_has() {
    let memory = unsigned();
    let storage = Storage::Memory(memory.clone());
    let before = memory.files();
    assert_eq!(seen(&memory, "a").unwrap(), 2);
    block_on(sign(&storage)).unwrap();
    for (file, bytes) in &before {
        let stamped = *file == Key::global_index();
        assert!(
            stamped || memory.file(file).as_ref() == Some(bytes),
            "{file}"
        );
    }
    assert_clean(&storage);
    let error = block_on(sign(&storage)).unwrap_err();
    assert!(
        matches!(error, PublishError::RegistryExists { .. }),
        "{error}"
    );
    // Nobody has signed these yet.
    let error = seen(&memory, "a").unwrap_err();
    let unlogged =
        |error: &ReadError| matches!(error, ReadError::Trust(TrustError::Unlogged { .. }));
    assert!(unlogged(&error), "{error}");

    let mut later = request("ada", "a", "1.0.0");
    later.now = "2025-05-05T05:05:05Z".into();
    assert!(block_on(publish(&storage, &later)).unwrap().new);
    assert_clean(&storage);
    assert_eq!(seen(&memory, "a").unwrap(), 1);
    let mut other = crate::request("a", "1.1.0", "other contents");
    other.signer = later.signer.clone();
    let error = block_on(publish(&storage, &other)).unwrap_err();
    assert!(matches!(error, PublishError::Unreleased { .. }), "{error}");
    for (package, number) in [("a", "1.1.0"), ("b", "1.0.0")] {
        assert!(block_on(put(&storage, "ada", package, number)).unwrap().new);
    }
    assert_clean(&storage);
    assert_eq!(
        (seen(&memory, "a").unwrap(), seen(&memory, "b").unwrap()),
        (2, 1)
    );
    // The files, with the times they had, are still the same.
    for (file, bytes) in &before {
        let mutable = file.as_str().ends_with("index.json");
        assert!(
            mutable || memory.file(file).as_ref() == Some(bytes),
            "{file}"
        );
    }
    assert_eq!(block_on(rebuild(&storage, &nobody)).unwrap(), []);
}

#[test]
fn a_registry_that_is_half_signed_is_read_as_before_or_not_at_all() {
    let unsigned = unsigned();
    let whole = MemoryStorage::with_files(unsigned.files());
    block_on(sign(&Storage::Memory(whole.clone()))).unwrap();
    let (mut as_before, mut refused) = (0, 0);
    for at in 1..=whole.operations() {
        for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
            let memory = MemoryStorage::with_files(unsigned.files());
            memory.set_fault(Some(Fault {
                at,
                kind,
                dead_afterwards: true,
            }));
            let storage = Storage::Memory(memory.clone());
            let _ = block_on(sign(&storage));
            memory.set_fault(None);
            let begun = |key| memory.file(&key).is_some();
            let signs = begun(Key::root_note(1)) || begun(Key::root_index());
            match seen(&memory, "a") {
                Ok(versions) => {
                    assert!(!signs && versions == 2, "operation {at}");
                    as_before += 1;
                }
                Err(ReadError::Trust(TrustError::Unfinished { .. })) => refused += 1,
                Err(ReadError::Trust(TrustError::Unlogged { .. })) => {
                    assert!(begun(Key::checkpoint()), "operation {at}");
                }
                Err(error) => panic!("operation {at}: {error}"),
            }
            // The next writer knows it as signed, or no client does.
            if begun(Key::head()) {
                block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
                assert_clean(&storage);
                assert_eq!(seen(&memory, "a").unwrap(), 1);
            }
        }
    }
    assert!(as_before > 3 && refused > 3, "{as_before} {refused}");
}

#[test]
fn a_first_note_without_the_list_is_no_unsigned_registry() {
    let memory = unsigned();
    let mut files = memory.files();
    files.insert(Key::root_note(1), b"lumen/root/v1\n".to_vec());
    let error = seen(&MemoryStorage::with_files(files), "a").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the registry is not completely signed: it has `trust/root/1.note`, but no \
         `trust/root/index.json` yet"
    );
}

#[test]
fn what_an_interrupted_publish_left_is_finished_or_passed_over() {
    let (memory, storage) = registry();
    block_on(put(&storage, "ada", "a", "1.0.0")).unwrap();
    let left = Key::release(&name("a"), &version("1.1.0"));
    let before = memory.files();
    for at in 1.. {
        let memory = MemoryStorage::with_files(before.clone());
        let storage = Storage::Memory(memory.clone());
        memory.set_fault(Some(Fault {
            at,
            kind: FaultKind::LoseAnswer,
            dead_afterwards: true,
        }));
        let _ = block_on(put(&storage, "ada", "a", "1.1.0"));
        memory.set_fault(None);
        if memory.file(&left).is_none() {
            continue;
        }
        let mut other = crate::request("a", "1.1.0", "other contents");
        other.signer = Some(Arc::new(key("ada")));
        let error = block_on(publish(&storage, &other)).unwrap_err();
        assert!(matches!(error, PublishError::Unreleased { .. }), "{error}");
        other.release.version = version("1.1.1");
        block_on(publish(&storage, &other)).unwrap();
        block_on(put(&storage, "ada", "a", "1.1.0")).unwrap();
        other.release.version = version("1.1.0");
        let error = block_on(publish(&storage, &other)).unwrap_err();
        assert!(
            matches!(error, PublishError::VersionExists { .. }),
            "{error}"
        );
        assert_clean(&storage);
        return;
    }
}

#[test]
fn where_names_are_approved_a_publish_does_not_claim_them() {
    let (memory, storage) = shared_registry();
    block_on(put(&storage, "ada", "old", "1.0.0")).unwrap();
    let ada = key("ada");
    let writer = Writer {
        storage: &storage,
        signer: &ada,
        last_seen: None,
    };
    let sign = |text: String, keys: &[&str]| {
        let mut note = Note::unsigned(text).unwrap();
        for key in keys.iter().copied().map(key) {
            note.add(key.public(), key.sign(note.text.as_bytes()));
        }
        note.to_text()
    };
    let events = block_on(block_on(writer.state()).unwrap().events(&Subject::Root)).unwrap();
    let roots = RootHistory::verify(&events, None).unwrap();
    let mut root = roots.current().clone();
    root.seq += 1;
    root.prev = Some(*roots.last());
    root.policy = NamePolicy::Approve;
    root.names_threshold = 1;
    root.names = vec![key("clerk").public().clone()];
    block_on(writer.append_note(&sign(root.to_text(), &["ada"]))).unwrap();

    let before = memory.files();
    for package in ["new", "@org/new"] {
        let error = block_on(put(&storage, "bob", package, "1.0.0")).unwrap_err();
        let subject = Subject::owner_of(&name(package));
        assert!(
            matches!(&error, PublishError::NeedsApproval { subject: found, .. } if *found == subject),
            "{error}"
        );
    }
    assert_eq!(memory.files(), before);
    // Names that have an owner go on as they did.
    block_on(put(&storage, "ada", "old", "1.1.0")).unwrap();
    let bob = key("bob").public().clone();
    let claim = OwnersNote::claim(ORIGIN, Subject::Scope("@org".into()), &bob, NOW);
    let error = block_on(writer.append_note(&sign(claim.to_text(), &["bob"]))).unwrap_err();
    assert!(matches!(error, PublishError::History(_)), "{error}");
    block_on(writer.append_note(&sign(claim.to_text(), &["bob", "clerk"]))).unwrap();
    block_on(put(&storage, "bob", "@org/new", "1.0.0")).unwrap();
    assert_clean(&storage);
}
