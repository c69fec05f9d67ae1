//! Files that are not what was signed.

use super::*;

/// Both the file and what the index says of it are changed.
fn tampered(change: impl Fn(&Served)) -> (Registry, TrustError) {
    let (world, _) = world();
    let served = honest(&world);
    change(&served);
    let registry = fresh(&served);
    match read(&registry, "1.0.0") {
        Err(ReadError::Trust(error)) => (registry, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tampered_release_file() {
    let (_, error) = tampered(|served| {
        served.edit("/packages/a/1.0.0.json", "^1.0.0", "^6.0.0");
    });
    let TrustError::Metadata { expected, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        error
            .to_string()
            .ends_with(&format!(", but the publisher signed {expected}")),
        "{error}"
    );
}

#[test]
fn tampering_does_not_lead_to_an_older_release() {
    let (world, _) = world();
    let served = honest(&world);
    let install = || {
        resolve(
            &Routes::new(Some(fresh(&served))),
            &asking(&[("a", "^1.0.0")]),
        )
    };
    assert!(install().unwrap().chosen.contains_key("a"));
    for path in ["/packages/a/index.json", "/packages/a/1.1.0.json"] {
        served.edit(path, "MIT", "BSD");
    }
    let Err(LoadError::Read { name, error }) = install() else {
        panic!("an older release was chosen");
    };
    assert_eq!(name.as_str(), "a");
    assert!(
        matches!(error, ReadError::Trust(TrustError::Metadata { .. })),
        "{error}"
    );
}

#[test]
fn tampered_summary() {
    let (world, _) = world();
    let served = honest(&world);
    served.edit("/packages/a/index.json", "^1.0.0", "^6.0.0");
    // What the index says is dropped, and the release's own file tells the truth.
    let registry = fresh(&served);
    let index = block_on(registry.package_index(&name("a")))
        .unwrap()
        .unwrap();
    assert_eq!(index.versions.len(), 2);
    assert!(!index.releases.contains_key(&version("1.0.0")));
    let (release, _) = read(&registry, "1.0.0").unwrap().unwrap();
    assert_eq!(release, world.release("a", "1.0.0"));
    // Unless that lies, too.
    let (registry, error) = tampered(|served| {
        served.edit("/packages/a/index.json", "^1.0.0", "^6.0.0");
        served.edit("/packages/a/1.0.0.json", "^1.0.0", "^6.0.0");
    });
    assert!(matches!(error, TrustError::Metadata { .. }), "{error}");
    assert_eq!(versions(&registry, "a").unwrap().unwrap().len(), 2);
}

#[test]
fn tampered_artifact_address() {
    let (world, _) = world();
    let good = world.release("a", "1.0.0").artifacts[0].clone();
    let evil = Artifact {
        hash: Digest::of(b"evil"),
        ..good.clone()
    };
    let (_, error) = tampered(|served| {
        for path in ["/packages/a/index.json", "/packages/a/1.0.0.json"] {
            served.edit(path, &good.hash.to_string(), &evil.hash.to_string());
        }
    });
    assert!(matches!(error, TrustError::Metadata { .. }), "{error}");
    // A publisher who signs an address that is not that of the hash.
    let (mut world, owner) = self::world();
    let mut release = world.release("a", "1.0.0");
    release.version = version("1.2.0");
    release.artifacts = vec![evil];
    world.publish_release(release, &owner);
    world.seal();
    let served = Served::new(&world);
    let (release, _) = read(&fresh(&served), "1.2.0").unwrap().unwrap();
    assert!(identity(&release.artifacts).is_err());
}

#[test]
fn replay_from_another_registry() {
    let (world, owner) = world();
    let served = honest(&world);
    // The same owner published 2.0.0 elsewhere, and the log's keeper copies it here.
    let mut other = World::new("elsewhere/2f");
    other.claim("a", &owner);
    other.publish("a", "2.0.0", &[], &owner);
    let mut copied = world.clone();
    copied.entries.push(other.entries[2].clone());
    copied.seal();
    served.show(&copied);
    let error = refused(&fresh(&served));
    assert!(matches!(&error, TrustError::Replay { name, .. } if name == "a"));
    assert_eq!(
        error.to_string(),
        "`a`: entry 5 of the log was made for the registry `elsewhere/2f`, not for `example/1f`"
    );
    // The whole other registry in place of this one.
    other.seal();
    served.show(&other);
    let options = TrustOptions {
        locked: locked(&world),
        ..Default::default()
    };
    let error = trust(&served.registry(options)).unwrap_err();
    let by = PinSource::Lock;
    assert!(matches!(error, TrustError::RootPin { by: found, .. } if found == by));
}

#[test]
fn damaged_map_and_log() {
    let (world, _) = world();
    for (edit, of_map) in [("/map/size/5", true), ("/log/tile/0/000.p/5", false)] {
        let served = honest(&world);
        let mut bytes = world.file(edit);
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        served.replace(edit, bytes);
        let error = refused(&fresh(&served));
        assert_eq!(matches!(error, TrustError::Map { .. }), of_map, "{error}");
        assert_eq!(matches!(error, TrustError::Log { .. }), !of_map, "{error}");
        served.remove(edit);
        let error = refused(&fresh(&served));
        assert!(
            error.to_string().ends_with(&format!("{edit}` is missing")),
            "{error}"
        );
    }
}

#[test]
fn statements_out_of_place() {
    let (world, owner) = world();
    let unknown = Action::Yank {
        version: version("7.0.0"),
        reason: String::new(),
    };
    let mut wrong = world;
    wrong.state("a", unknown, &owner);
    wrong.seal();
    let error = refused(&fresh(&Served::new(&wrong)));
    assert!(matches!(&error, TrustError::History { name, .. } if name == "a"));
    assert!(error.to_string().contains("7.0.0"), "{error}");
}
