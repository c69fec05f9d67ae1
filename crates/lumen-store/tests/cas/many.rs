//! Many users of one store, and cleaning it.

use std::{fs, sync::Barrier};

use lumen_store::{
    cas::{Check, Proof, Store, Verified},
    pack::Packed,
};

use super::{World, all_files, drift::overwrite, insert, packed};

#[test]
fn many_insert_at_once() {
    let world = World::new();
    let packages: Vec<Packed> = ["one", "two", "three"].map(packed).into();
    let barrier = Barrier::new(12);
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let (packages, barrier, world) = (&packages, &barrier, &world);
            scope.spawn(move || {
                // Half of them as other processes would.
                let own = Store::open(&world.root()).unwrap();
                let store = if thread % 2 == 0 { &own } else { &world.store };
                barrier.wait();
                for packed in packages {
                    let entry = insert(store, packed).entry;
                    assert!(store.get(entry.digest(), Check::Quick).unwrap().is_some());
                }
            });
        }
    });
    for packed in &packages {
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Intact(Proof::Archive)
        );
    }
    assert_eq!(all_files(&world.root()).len(), 12);
}

#[test]
fn many_repair_at_once() {
    let world = World::new();
    let packed = packed("one");
    let tree = insert(&world.store, &packed).entry.tree().to_owned();
    overwrite(&tree.join("lumen.toml"), "changed");
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(&world.root()).unwrap();
                barrier.wait();
                insert(&store, &packed);
                assert!(store.get(&packed.digest, Check::Quick).unwrap().is_some());
            });
        }
    });
    assert_eq!(all_files(&world.root()).len(), 4);
}

#[test]
fn cleaning_waits_for_users_and_removes_the_rest() {
    let world = World::new();
    let root = world.root();
    let (kept, dropped) = (packed("kept"), packed("dropped"));
    insert(&world.store, &kept);
    let entry = insert(&world.store, &dropped).entry;
    // Left by a killed process.
    fs::create_dir_all(root.join("tmp/dead/0")).unwrap();
    let stats = world.store.stats().unwrap();
    assert_eq!((stats.entries, stats.files), (2, 6));

    let cleaner = Store::open(&root).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let cleaning = std::thread::spawn(move || {
        let removed = cleaner.clean(|digest| *digest == kept.digest).unwrap();
        sender.send(()).unwrap();
        (removed, kept)
    });
    let waited = receiver.recv_timeout(std::time::Duration::from_millis(50));
    assert!(waited.is_err(), "cleaned under a user's feet");
    assert!(entry.tree().is_dir());
    drop(world.store);
    let (removed, kept) = cleaning.join().unwrap();
    assert_eq!(
        (removed.entries, removed.files, removed.bytes),
        (1, 3, entry.unpacked())
    );
    let store = Store::open(&root).unwrap();
    assert!(store.get(&kept.digest, Check::Quick).unwrap().is_some());
    assert_eq!(store.get(&dropped.digest, Check::Marker).unwrap(), None);
    assert_eq!(store.stats().unwrap().entries, 1);
    assert!(!root.join("tmp/dead").exists());
}
