//! One registry at several addresses: a witness remembers it by its origin.

use std::{fs, path::PathBuf};

use lumen_core::{Digest, signing::SecretKey};
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    world::World,
};

use super::{ORIGIN, Watched, show};
use crate::{as_key, fails};

/// Runs the witness at an address.
fn at(sandbox: &Sandbox, key: &SecretKey, place: &str, more: &[&str]) -> Ran {
    let arguments = [&["registry", "witness", place], more].concat();
    as_key(sandbox, &key.to_text(), &arguments)
}

fn confirms(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

/// A world with one more release, which its witnesses have not seen.
fn with(world: &World, version: &str, ada: &SecretKey) -> World {
    let mut world = world.clone();
    world.publish_files("text", version, &[], version, ada);
    world.seal();
    world
}

/// Where the witness keeps what it signed for the registry.
fn memory(sandbox: &Sandbox, extension: &str) -> PathBuf {
    let name = format!("origin-{}.{extension}", Digest::of(ORIGIN.as_bytes()).hex());
    folder(sandbox).join(name)
}

fn folder(sandbox: &Sandbox) -> PathBuf {
    let found = find(&sandbox.path("home"));
    found.expect("the witness remembers something")
}

fn find(dir: &std::path::Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    entries.find_map(|path| match path.ends_with("trust/witness") {
        true => Some(path),
        false => find(&path),
    })
}

/// The file in which earlier versions kept what a witness signed at an address.
fn by_address(sandbox: &Sandbox, place: &str, extension: &str) -> PathBuf {
    let url = format!("file://{}", sandbox.path(place).display());
    let name = &Digest::of(url.as_bytes()).hex()[..16];
    folder(sandbox).join(format!("{name}.{extension}"))
}

#[test]
fn a_witness_signs_one_history_of_a_registry_wherever_it_is() {
    let plain: fn() -> Watched = Watched::plain;
    let validating: fn() -> Watched = || {
        Watched::new(|root, witness| {
            root.validators.push(witness);
            root.validating_quorum = 0;
        })
    };
    for (made, more) in [
        (plain, &["--growth-only"][..]),
        (plain, &[]),
        (validating, &[]),
    ] {
        let watched = made();
        let good = with(&watched.world, "1.2.0", &watched.ada);
        let evil = with(&watched.world, "6.6.6", &watched.ada);
        let longer = with(&evil, "6.6.7", &watched.ada);
        let sandbox = show(&watched.world);
        confirms(&at(&sandbox, &watched.witness, "registry", more));
        good.write_to(&sandbox.path("registry"));
        confirms(&at(&sandbox, &watched.witness, "registry", more));
        for (place, fork) in [("copy", &evil), ("other", &longer)] {
            fork.write_to(&sandbox.path(place));
            let checkpoint = format!("{place}/log/checkpoint");
            let before = sandbox.read(&checkpoint).unwrap();
            let ran = at(&sandbox, &watched.witness, place, more);
            let said = format!("this witness already signed another history for `{ORIGIN}`");
            fails(&ran, 3, &[&said, "both checkpoints are in `"]);
            assert_eq!(sandbox.read(&checkpoint).unwrap(), before);
        }
        // A mirror that is behind is not signed a second time; one that is not may be.
        watched.world.write_to(&sandbox.path("mirror"));
        let ran = at(&sandbox, &watched.witness, "mirror", more);
        let said = format!("entries of `{ORIGIN}`, and only ");
        fails(&ran, 3, &["this witness already signed ", &said]);
        good.write_to(&sandbox.path("mirror"));
        confirms(&at(&sandbox, &watched.witness, "mirror", more));
        // What the mirror has seen first counts for the registry, too.
        let next = with(&good, "1.3.0", &watched.ada);
        next.write_to(&sandbox.path("mirror"));
        confirms(&at(&sandbox, &watched.witness, "mirror", more));
        with(&good, "6.6.6", &watched.ada).write_to(&sandbox.path("registry"));
        let ran = at(&sandbox, &watched.witness, "registry", more);
        fails(&ran, 3, &["already signed another history"]);
    }
}

#[cfg(unix)]
#[test]
fn what_was_signed_by_address_still_counts() {
    let watched = Watched::plain();
    let good = with(&watched.world, "1.2.0", &watched.ada);
    let evil = with(&watched.world, "6.6.6", &watched.ada);
    // A witness of an earlier version saw the registry, and later a copy of it that had grown.
    let remembered = || {
        let sandbox = show(&watched.world);
        good.write_to(&sandbox.path("copy"));
        for place in ["registry", "copy"] {
            confirms(&at(&sandbox, &watched.witness, place, &[]));
            for extension in ["note", "validated"] {
                let old = by_address(&sandbox, place, extension);
                fs::copy(memory(&sandbox, extension), old).unwrap();
            }
        }
        for extension in ["note", "validated"] {
            fs::remove_file(memory(&sandbox, extension)).unwrap();
        }
        sandbox
    };
    // The larger one counts, at any address; it stays when the witness refuses.
    let sandbox = remembered();
    for place in ["registry", "other", "registry"] {
        evil.write_to(&sandbox.path(place));
        let ran = at(&sandbox, &watched.witness, place, &[]);
        fails(&ran, 3, &["this witness already signed another history"]);
    }
    // Then there is one memory.
    let sandbox = remembered();
    let next = with(&good, "1.3.0", &watched.ada);
    next.write_to(&sandbox.path("registry"));
    let ran = at(&sandbox, &watched.witness, "registry", &[]);
    confirms(&ran);
    let said = format!("they continue the {} seen last", good.entries.len());
    assert!(ran.err.contains(&said), "{ran:#?}");
    for extension in ["note", "validated"] {
        assert!(memory(&sandbox, extension).is_file());
        for place in ["registry", "copy"] {
            assert!(!by_address(&sandbox, place, extension).exists());
        }
    }
    // Two that contradict each other: neither is continued.
    let sandbox = remembered();
    let old = by_address(&sandbox, "registry", "note");
    evil.write_to(&sandbox.path("evil"));
    fs::write(&old, sandbox.read("evil/log/checkpoint").unwrap()).unwrap();
    for place in ["evil", "copy"] {
        let ran = at(&sandbox, &watched.witness, place, &[]);
        fails(&ran, 3, &["this witness already signed another history"]);
    }
    // A file that cannot be read may be what must not be contradicted.
    fs::write(&old, "").unwrap();
    let ran = at(&sandbox, &watched.witness, "copy", &[]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
}
