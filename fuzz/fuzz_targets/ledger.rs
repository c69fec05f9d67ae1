//! The record of what Lumen made in a project: whatever it says, an install changes nothing
//! outside of the project, and a record that is written again reads the same.

#![no_main]

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use libfuzzer_sys::fuzz_target;
use lumen_core::manifest::LinkMode;
use lumen_store::link::{Ledger, Place, Plan, State, install};
use serde_json::Value;

/// Where the links outside of the project lead, which nothing is at.
const TARGET: &str = "elsewhere";

/// A project, a record of it that counts, and what is around it.
struct World {
    outside: PathBuf,
    place: Place,
    ledger: Ledger,
    /// The file of the record, and what is in it after an install of nothing.
    file: PathBuf,
    record: Value,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("lumen-fuzz-ledger-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    let outside = root.join("outside");
    let project = outside.join("project");
    fs::create_dir_all(&project).expect("a folder");
    fs::write(project.join("lumen.toml"), "[package]\n").expect("a manifest");
    let place = Place::open(&project).expect("a project");
    let records = root.join("records");
    let ledger = Ledger::new(&records);
    install(&place, &ledger, &nothing()).expect("an install");
    let mut files = fs::read_dir(&records).expect("records");
    let file = files.next().expect("a record").expect("a record").path();
    let bytes = fs::read(&file).expect("a record");
    let record = serde_json::from_slice(&bytes).expect("a record");
    World {
        outside,
        place,
        ledger,
        file,
        record,
    }
});

/// A plan without packages: what the record names and is there is to be removed.
fn nothing() -> Plan {
    Plan {
        mode: LinkMode::Symlink,
        import_root: String::new(),
        packages: BTreeMap::new(),
        own: None,
        sites: Vec::new(),
        facts: BTreeMap::new(),
    }
}

/// Makes what a record may name, where it is missing: a link and an empty folder, outside of
/// the project, in it, and behind a link that leads out of it.
fn furnish(outside: &Path) {
    for folder in [outside.to_owned(), outside.join("project"), outside.join("there")] {
        make(fs::create_dir(&folder));
        make(fs::create_dir(folder.join("empty")));
        make(std::os::unix::fs::symlink(TARGET, folder.join("link")));
    }
    let leads_out = outside.join("project/out");
    make(std::os::unix::fs::symlink("../there", leads_out));
}

fn make(result: std::io::Result<()>) {
    let there = |error: &std::io::Error| error.kind() == ErrorKind::AlreadyExists;
    assert!(result.as_ref().err().is_none_or(there), "{result:?}");
}

/// What must stay: the names outside of the project, and those that a link leads to.
fn around(outside: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [outside.to_owned(), outside.join("there")] {
        let entries = fs::read_dir(folder).expect("a folder");
        found.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    found.sort();
    found
}

/// The same, of an install that has to be done again.
fn incomplete(mut state: State) -> State {
    state.complete = false;
    state
}

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let Ok(state) = serde_json::from_slice::<Value>(bytes) else {
        // Nor is it a record then, whatever is in its place.
        fs::write(&world.file, bytes).expect("a file");
        assert!(world.ledger.load(&world.place).expect("no record").is_none());
        return;
    };
    let mut record = world.record.clone();
    record["state"] = state;
    fs::write(&world.file, record.to_string()).expect("a file");
    let Some(read) = world.ledger.load(&world.place).expect("a file") else {
        return;
    };
    // This writes what was read, if the install came to its end, and says that it did not.
    world.ledger.invalidate(&world.place).expect("a record");
    let again = world.ledger.load(&world.place).expect("a file");
    assert_eq!(again, Some(incomplete(read)));

    fs::write(&world.file, record.to_string()).expect("a file");
    furnish(&world.outside);
    let before = around(&world.outside);
    // It may fail, for a path that the disk does not take.
    let installed = install(&world.place, &world.ledger, &nothing());
    assert_eq!(around(&world.outside), before, "{installed:?}");
});
