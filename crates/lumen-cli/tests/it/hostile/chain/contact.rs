//! First contacts that fail, checkpoints of logs that are not there, and witnesses that sleep.

use lumen_core::{Digest, checkpoint::Checkpoint, signing::CosignerKey};
use lumen_testkit::{
    sandbox::Sandbox,
    world::{World, key},
};

use super::{project, refused, show};
use crate::fails;

fn world() -> World {
    let (owner, mut world) = (key("owner", 7), World::new("example/1f"));
    world.claim("dep", &owner);
    world.publish_files("dep", "1.0.0", &[], "# dep\n", &owner);
    world.seal();
    world
}

/// What this machine remembers of registries.
fn remembered(sandbox: &Sandbox) -> usize {
    let entries = std::fs::read_dir(sandbox.path("home/lumen/trust"));
    let files = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_memory = |path: &std::path::PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "json" || extension == "owners")
    };
    files.filter(is_memory).count()
}

/// A log key signs a log of 2^62 entries. A client that kept it would refuse the honest log.
#[test]
fn a_first_contact_that_fails_leaves_nothing() {
    let honest = world();
    let mut forward = honest.clone();
    forward.sign_checkpoint(&Checkpoint {
        origin: "example/1f".into(),
        size: 1 << 62,
        root: Digest::of(b"anything"),
    });
    // The same registry, with a release that nobody signed for.
    let mut unsigned = honest.clone();
    let thief = key("thief", 9);
    unsigned.publish_files("dep", "1.1.0", &[], "# evil\n", &thief);
    unsigned.seal();
    // And one whose map is not there.
    let sandbox = project(&["dep"]);
    for (what, hostile) in [
        ("forward", &forward),
        ("unsigned", &unsigned),
        ("no map", &honest),
    ] {
        show(&sandbox, hostile);
        if what == "no map" {
            std::fs::remove_dir_all(sandbox.path("registry/map")).unwrap();
        }
        for verb in [
            &["pkg", "install"][..],
            &["pkg", "info", "dep"],
            &["pkg", "owner", "list", "dep"],
        ] {
            refused(&sandbox, || sandbox.run("app", verb).unwrap(), &[]);
            assert_eq!(remembered(&sandbox), 0, "{what}: {verb:?}");
        }
        show(&sandbox, &honest);
        sandbox.ok("app", &["pkg", "install"]).unwrap();
        assert_eq!(remembered(&sandbox), 2);
        for made in ["app", "home"] {
            std::fs::remove_dir_all(sandbox.path(made)).unwrap();
        }
        super::app(&sandbox, "app", &["dep"]);
    }
}

/// A pin that the user made before stays when the contact fails.
#[test]
fn a_contact_that_fails_changes_nothing_that_is_remembered() {
    let honest = world();
    let sandbox = project(&["dep"]);
    show(&sandbox, &honest);
    let (url, root) = (sandbox.registry_url(), honest.fingerprint().to_string());
    sandbox.ok("app", &["trust", "pin", &url, &root]).unwrap();
    let list = || sandbox.ok("app", &["--json", "trust", "list"]).unwrap().out;
    let before = list();
    let mut forged = honest.clone();
    forged.publish_files("dep", "1.1.0", &[], "# evil\n", &key("thief", 9));
    forged.seal();
    let install = ["pkg", "install"];
    show(&sandbox, &forged);
    refused(&sandbox, || sandbox.run("app", &install).unwrap(), &[]);
    assert_eq!(list(), before);
    show(&sandbox, &honest);
    sandbox.ok("app", &install).unwrap();
    let before = list();
    show(&sandbox, &forged);
    refused(
        &sandbox,
        || sandbox.run("app", &["pkg", "update"]).unwrap(),
        &[],
    );
    assert_eq!(list(), before);
    show(&sandbox, &honest);
    sandbox.ok("app", &["pkg", "update"]).unwrap();
}

/// Sizes that do not fit 63 bits, in the registry and in a lock.
#[test]
fn a_checkpoint_of_two_to_the_63_is_none() {
    let mut world = world();
    let sandbox = project(&["dep"]);
    show(&sandbox, &world);
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let honest = world.checkpoint();
    for size in [1 << 63, u64::MAX] {
        world.sign_checkpoint(&Checkpoint {
            origin: "example/1f".into(),
            size,
            root: Digest::of(b"anything"),
        });
        show(&sandbox, &world);
        let said = [
            "the log's checkpoint is not valid",
            "an origin, a size and a root",
        ];
        refused(
            &sandbox,
            || sandbox.run("app", &["pkg", "update"]).unwrap(),
            &said,
        );
        let lock = sandbox.read("app/lumen.lock").unwrap();
        let escaped = |text: &str| text.replace('\n', "\\n");
        let hostile = lock.replace(&escaped(&honest), &escaped(&world.checkpoint()));
        assert_ne!(hostile, lock);
        sandbox.write("app/lumen.lock", &hostile).unwrap();
        world.write_to(&sandbox.path("registry"));
        fails(
            &sandbox.run("app", &["pkg", "update"]).unwrap(),
            3,
            &["not valid"],
        );
        sandbox.write("app/lumen.lock", &lock).unwrap();
    }
}

/// Of two witnesses, one signed today and one in January: that is no quorum of two.
#[test]
fn witnesses_that_sleep() {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let witnesses = [key("one", 21), key("two", 22)];
    let registry = |times: [u64; 2]| {
        let owner = key("owner", 7);
        let mut world = World::with("example/1f", |root| {
            let keys = witnesses
                .iter()
                .map(|key| CosignerKey::new(key.public().clone()));
            root.witnesses = keys.collect();
            root.witness_quorum = 2;
            root.max_age = Some(86_400);
        });
        let signed = [key("one", 21), key("two", 22)].map(std::sync::Arc::new);
        world.witnesses = signed.into_iter().zip(times).collect();
        world.claim("dep", &owner);
        world.publish_files("dep", "1.0.0", &[], "# dep\n", &owner);
        world.seal();
        world
    };
    let sandbox = project(&["dep"]);
    let long_ago = 1_769_855_400;
    for times in [[now, long_ago], [long_ago, now]] {
        show(&sandbox, &registry(times));
        let said = [
            "since 2 witnesses had signed the log's checkpoint",
            "updates may be withheld",
        ];
        refused(
            &sandbox,
            || sandbox.run("app", &["pkg", "install"]).unwrap(),
            &said,
        );
    }
    show(&sandbox, &registry([now, now - 3600]));
    sandbox.ok("app", &["pkg", "install"]).unwrap();
}
