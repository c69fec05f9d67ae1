//! Entries that were changed are noticed and repaired.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lumen_store::cas::{DriftKind, Proof, Verified};

use super::{World, all_files, insert, packed};

/// Changes an entry, and checks what is noticed and that inserting again repairs it.
#[track_caller]
fn drifts(quick: bool, change: impl Fn(&Path), expected: &[(&str, DriftKind)]) {
    let world = World::new();
    let packed = packed("one");
    let tree = insert(&world.store, &packed).entry.tree().to_owned();
    // Times of change are as fine as the system's clock tick.
    std::thread::sleep(std::time::Duration::from_millis(30));
    change(&tree);
    assert_eq!(world.get(&packed.digest).is_none(), quick);
    match world.store.verify(&packed.digest).unwrap() {
        Verified::Drifted(drifts) => {
            let drifts: Vec<_> = drifts
                .iter()
                .map(|drift| (drift.path.as_str(), drift.kind))
                .collect();
            assert_eq!(drifts, expected);
        }
        other => panic!("{other:?}"),
    }
    if quick {
        insert(&world.store, &packed);
        assert!(world.get(&packed.digest).is_some());
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Intact(Proof::Archive)
        );
    } else {
        world.store.discard(&packed.digest).unwrap();
        assert_eq!(
            world.store.verify(&packed.digest).unwrap(),
            Verified::Absent
        );
        world.store.discard(&packed.digest).unwrap();
    }
    drop(world.store);
    let left = all_files(&world.dir.path().join("store"));
    assert!(
        left.iter().all(|file| file.starts_with("sha256/")),
        "{left:?}"
    );
}

/// Overwrites a file although it is read-only.
pub fn overwrite(file: &Path, contents: &str) {
    let permissions = fs::metadata(file).unwrap().permissions();
    let mut writable = permissions.clone();
    #[allow(
        clippy::permissions_set_readonly_false,
        reason = "the file is in a test's own folder"
    )]
    writable.set_readonly(false);
    fs::set_permissions(file, writable).unwrap();
    fs::write(file, contents).unwrap();
    fs::set_permissions(file, permissions).unwrap();
}

#[test]
fn changes_are_noticed() {
    let main = "src/a/main.lm";
    drifts(
        true,
        |tree| overwrite(&tree.join(main), "two"),
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| overwrite(&tree.join(main), "longer"),
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| fs::remove_file(tree.join(main)).unwrap(),
        &[(main, DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| fs::write(tree.join("src/new.lm"), "").unwrap(),
        &[("src/new.lm", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::write(tree.join("new.lm"), "").unwrap(),
        &[("new.lm", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::create_dir_all(tree.join("src/a/new/x")).unwrap(),
        &[("src/a/new", DriftKind::Extra)],
    );
    drifts(
        true,
        |tree| fs::rename(tree.join("bin/run"), tree.join("bin/ran")).unwrap(),
        &[
            ("bin/ran", DriftKind::Extra),
            ("bin/run", DriftKind::Missing),
        ],
    );
    drifts(
        true,
        |tree| {
            fs::remove_file(tree.join(main)).unwrap();
            fs::create_dir(tree.join(main)).unwrap();
        },
        &[(main, DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| fs::remove_file(tree.with_file_name("files")).unwrap(),
        &[("", DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| fs::rename(tree, tree.with_file_name("gone")).unwrap(),
        &[("", DriftKind::Missing)],
    );
    drifts(
        true,
        |tree| {
            let record = tree.with_file_name("files");
            let text = fs::read_to_string(&record).unwrap();
            overwrite(&record, &text[..text.len() / 2]);
        },
        &[("", DriftKind::Missing)],
    );
}

/// An edit that also sets the time back passes the quick look; reading finds it.
#[test]
fn hidden_changes_are_found_by_verify() {
    drifts(
        false,
        |tree| {
            let file = tree.join("src/a/main.lm");
            let before = fs::metadata(&file).unwrap().modified().unwrap();
            overwrite(&file, "two");
            fs::File::open(&file).unwrap().set_modified(before).unwrap();
        },
        &[("src/a/main.lm", DriftKind::Changed)],
    );
}

#[cfg(unix)]
#[test]
fn changed_modes_and_links_are_noticed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let mode =
        |file: PathBuf, mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    drifts(
        true,
        |tree| mode(tree.join("lumen.toml"), 0o644),
        &[("lumen.toml", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| mode(tree.join("lumen.toml"), 0o555),
        &[("lumen.toml", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| mode(tree.join("bin/run"), 0o444),
        &[("bin/run", DriftKind::Mode)],
    );
    drifts(
        true,
        |tree| {
            fs::rename(tree.join("src"), tree.with_file_name("elsewhere")).unwrap();
            symlink(tree.with_file_name("elsewhere"), tree.join("src")).unwrap();
        },
        &[("src", DriftKind::Changed)],
    );
    drifts(
        true,
        |tree| {
            fs::remove_file(tree.join("lumen.toml")).unwrap();
            symlink("bin/run", tree.join("lumen.toml")).unwrap();
        },
        &[("lumen.toml", DriftKind::Changed)],
    );
}
