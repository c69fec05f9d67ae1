//! Logs of more entries than a tile has, which is 256.

use lumen_core::{checkpoint::Checkpoint, tile::Tile};
use lumen_registry::storage::{Fault, FaultKind};
use lumen_testkit::verifier::verify;

use super::*;

/// Notes that claim names nobody has.
fn claims(numbers: std::ops::Range<u64>) -> Vec<String> {
    let ada = key("ada");
    let claim = |number: u64| {
        let subject = Subject::Package(name(&format!("name-{number}")));
        let note = OwnersNote::claim(ORIGIN, subject, ada.public(), NOW);
        let mut note = Note::unsigned(note.to_text()).unwrap();
        note.add(ada.public(), ada.sign(note.text.as_bytes()));
        note.to_text()
    };
    numbers.map(claim).collect()
}

/// Appends one batch after which the log has this size.
fn grow(storage: &Storage, size: u64) -> Result<log::Receipt, PublishError> {
    let ada = key("ada");
    let writer = Writer {
        storage,
        signer: &ada,
        last_seen: None,
    };
    let make = async |state: &log::State<'_>| Ok(claims(state.size()..size - 1));
    block_on(writer.append(make))
}

fn tiles(level: u8, index: u64, width: u16) -> [Key; 2] {
    let tile = Tile {
        level,
        index,
        width,
    };
    [Key::tile(&tile), Key::entries(index, width)]
}

/// What is left when a host clears away all partial tiles that a full one has replaced.
fn without_old_tiles(memory: &MemoryStorage) -> MemoryStorage {
    let all = memory.files();
    let mut files = all.clone();
    files.retain(|key, _| {
        let full = key.as_str().split_once(".p/").map(|(full, _)| full);
        !full.is_some_and(|full| all.contains_key(&Key::parse(full).unwrap()))
    });
    assert!(files.len() < all.len());
    MemoryStorage::with_files(files)
}

#[test]
fn a_log_fills_tiles_crosses_them_and_loses_partial_ones() {
    let (memory, storage) = registry();
    let early = grow(&storage, 6).unwrap();
    let early = Note::parse(early.checkpoint.as_bytes()).unwrap();
    let early = Checkpoint::parse(&early.text).unwrap();
    // Exactly full, then a batch that begins a tile, and one over the end of another.
    grow(&storage, 256).unwrap();
    for file in tiles(0, 0, 256) {
        assert!(memory.file(&file).is_some(), "{file}");
    }
    assert!(memory.file(&tiles(1, 0, 1)[0]).is_some());
    assert!(memory.file(&tiles(0, 1, 1)[0]).is_none());
    assert_clean(&storage);
    grow(&storage, 259).unwrap();
    assert!(memory.file(&tiles(0, 1, 3)[0]).is_some());
    assert_eq!(grow(&storage, 515).unwrap().size, 515);
    for file in [tiles(0, 1, 256), tiles(0, 2, 3)].concat() {
        assert!(memory.file(&file).is_some(), "{file}");
    }
    assert!(memory.file(&tiles(1, 0, 2)[0]).is_some());
    let folder = tempfile::tempdir().unwrap();
    for (key, bytes) in memory.files() {
        let path = folder.path().join(key.as_str());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    if let Some((good, said)) = verify(folder.path()) {
        assert!(good && said.contains("515 entries"), "{said}");
    }

    for number in ["1.0.0", "1.1.0"] {
        block_on(put(&storage, "ada", "a", number)).unwrap();
    }
    assert_clean(&storage);

    assert_eq!(block_on(repair(&storage, &nobody)).unwrap(), 520);
    assert_eq!(block_on(rebuild(&storage, &nobody)).unwrap(), []);
    let files = memory.files();
    let mut bare = files.clone();
    bare.retain(|key, _| !key.as_str().ends_with("index.json"));
    assert!(files.len() - bare.len() > 500);
    let bare = MemoryStorage::with_files(bare);
    let made = block_on(rebuild(&Storage::Memory(bare.clone()), &nobody)).unwrap();
    assert!(made.len() > 500);
    assert_eq!(bare.files(), files);

    let cleared = without_old_tiles(&memory);
    let storage = Storage::Memory(cleared);
    assert_clean(&storage);
    let mut wanted = request("ada", "a", "1.2.0");
    wanted.last_seen = Some(early);
    block_on(publish(&storage, &wanted)).unwrap();
    assert_clean(&storage);
    let reader = lumen_registry::Registry::on("test", storage);
    let read = block_on(reader.package_index(&name("a"))).unwrap().unwrap();
    assert_eq!(read.versions.len(), 3);
}

#[test]
fn a_batch_over_the_end_of_a_tile_survives_its_writer() {
    let (memory, storage) = registry();
    grow(&storage, 253).unwrap();
    let before = memory.files();
    for size in [256, 259] {
        let whole = MemoryStorage::with_files(before.clone());
        grow(&Storage::Memory(whole.clone()), size).unwrap();
        for at in (1..whole.operations()).step_by(8) {
            for kind in [FaultKind::Fail, FaultKind::LoseAnswer] {
                let memory = MemoryStorage::with_files(before.clone());
                memory.set_fault(Some(Fault {
                    at,
                    kind,
                    dead_afterwards: true,
                }));
                let storage = Storage::Memory(memory.clone());
                let _ = grow(&storage, size);
                memory.set_fault(None);
                block_on(put(&storage, "ada", "z", "1.0.0")).unwrap();
                assert_clean(&storage);
            }
        }
    }
}
