//! A stolen key dates a release back, so that it looks old enough. The age of a release counts
//! from what others show.

use std::{sync::Arc, time::SystemTime};

use lumen_core::{PackageName, Version, index::Release, signing::SecretKey, trust::text::time_of};
use lumen_registry::{
    Location,
    publish::{PublishRequest, publish},
    storage::{HostOptions, Storage},
};
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    world::key,
};

use super::witness::{Watched, show, witness};
use crate::{bare, fails, ok_as};

const DAY: i64 = 86_400;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs().try_into().unwrap()
}

/// Publishes with a stolen key, by a clock that says this time.
fn publish_at(sandbox: &Sandbox, owner: &SecretKey, (package, number): (&str, &str), at: i64) {
    let place = Location::parse(&sandbox.registry_url()).unwrap();
    let storage = Storage::open(&place, &HostOptions::default()).unwrap();
    let name = PackageName::parse(package).unwrap();
    let request = PublishRequest {
        release: Release::new(name, Version::parse(number).unwrap()),
        tar: format!("{package} {number}").into(),
        zst: None,
        list: None,
        now: time_of(at),
        registry_name: "test".into(),
        signer: Some(Arc::new(SecretKey::parse(&owner.to_text()).unwrap())),
        last_seen: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(publish(&storage, &request)).unwrap();
}

/// A new project that needs any `text`, locked with a limit.
fn lock(sandbox: &Sandbox, limit: &str) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("app"));
    let more = "\n[dependencies]\ntext = \"*\"\n";
    sandbox.package("app", "app", "1.0.0", more).unwrap();
    sandbox
        .run("app", &["pkg", "lock", "--exclude-newer", limit])
        .unwrap()
}

/// A registry whose only key is the one that gets stolen, with one release of `text` long ago.
fn registry(owner: &SecretKey) -> Sandbox {
    let sandbox = bare();
    ok_as(
        &sandbox,
        &owner.to_text(),
        &["registry", "init", "registry"],
    );
    sandbox
}

#[test]
fn a_back_dated_release_is_not_old_enough() {
    let owner = key("owner", 7);
    let sandbox = registry(&owner);
    publish_at(&sandbox, &owner, ("text", "1.0.0"), now() - 60 * DAY);
    // The root note is of today, so nothing in this registry is older.
    let ran = lock(&sandbox, "7d");
    fails(
        &ran,
        1,
        &["no version of `text`", "old enough", "`--exclude-newer`"],
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
    let shown = sandbox
        .ok("app", &["pkg", "info", "text", "--provenance"])
        .unwrap();
    assert!(shown.out.contains("(entries before it)\n"), "{shown:#?}");
    assert!(shown.out.contains("no witness says"), "{shown:#?}");
    assert!(shown.out.contains("(unproven)"), "{shown:#?}");
}

#[test]
fn a_release_of_the_future_does_not_keep_others_out() {
    let owner = key("owner", 7);
    let sandbox = registry(&owner);
    publish_at(&sandbox, &owner, ("liar", "1.0.0"), 4_070_908_800);
    publish_at(&sandbox, &owner, ("text", "1.0.0"), now());
    let tomorrow = time_of(now() + DAY);
    let ran = lock(&sandbox, &tomorrow);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn witnesses_say_since_when_a_release_is_there() {
    let watched = Watched::new(|root, witness| {
        root.witnesses.push(witness);
        root.witness_quorum = 1;
    });
    let sandbox = show(&watched.world);
    assert_eq!(witness(&sandbox, &watched.witness).code, Some(0));
    // The releases say that they are months old; the witness sees them today.
    fails(
        &lock(&sandbox, "7d"),
        1,
        &["old enough", "`--exclude-newer`"],
    );
    let ran = lock(&sandbox, &time_of(now() + DAY));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let shown = sandbox
        .ok("app", &["pkg", "info", "text", "--provenance"])
        .unwrap();
    assert!(shown.out.contains("not after"), "{shown:#?}");
    assert!(!shown.out.contains("unproven"), "{shown:#?}");
}
