//! Attacks on clients of a signed registry, each mounted against one that was in order before;
//! long because the attacks are many.

use lumen_core::{
    Digest,
    index::{Artifact, Release, identity},
    lockfile::LockedTrust,
    note::Note,
    signing::{CosignerKey, SecretKey},
    trust::{Action, Revoked, Subject},
};
use lumen_registry::{
    ReadError, Registry,
    loader::{LoadError, Routes},
    verify::{PinSource, TrustError, TrustOptions, known, state},
};

use crate::{
    block_on,
    loader::{asking, resolve},
    name,
    verified::{NOW, Served, World, key, seconds, signed, trust, versions},
    version,
};

/// A registry with a package `a` of two releases.
fn world() -> (World, SecretKey) {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    world.claim("a", &owner);
    world.publish("a", "1.0.0", &[("b", "^1.0.0")], &owner);
    world.publish("a", "1.1.0", &[], &owner);
    world.seal();
    (world, owner)
}

/// A world behind a server that passed before the attack.
fn honest(world: &World) -> Served {
    let served = Served::new(world);
    let registry = fresh(&served);
    assert_eq!(
        versions(&registry, "a"),
        Ok(Some(vec!["1.0.0".into(), "1.1.0".into()]))
    );
    served
}

fn fresh(served: &Served) -> Registry {
    served.registry(TrustOptions::default())
}

fn refused(registry: &Registry) -> TrustError {
    versions(registry, "a").unwrap_err()
}

/// A release of `a`, by its own file.
fn read(registry: &Registry, number: &str) -> Result<Option<(Release, Digest)>, ReadError> {
    block_on(registry.release(&name("a"), &version(number), None))
}

fn locked(world: &World) -> Option<LockedTrust> {
    Some(LockedTrust {
        root: world.fingerprint(),
        checkpoint: world.checkpoint(),
        root_note: None,
    })
}

#[test]
fn rollback() {
    let (mut world, owner) = world();
    let old = world.clone();
    world.yank("a", "1.1.0", "stolen", &owner);
    world.seal();
    let served = honest(&world);
    let dir = tempfile::tempdir().unwrap();
    let remembering = || TrustOptions {
        state_dir: Some(dir.path().into()),
        ..Default::default()
    };
    let with_lock = || TrustOptions {
        locked: locked(&world),
        ..Default::default()
    };
    for options in [remembering(), with_lock()] {
        assert!(trust(&served.registry(options)).is_ok());
    }
    served.show(&old);
    for options in [remembering(), with_lock()] {
        let error = trust(&served.registry(options)).unwrap_err();
        assert_eq!(error, TrustError::Rollback { from: 7, to: 5 });
        assert_eq!(error.to_string(), "log rolled back from 7 to 5 entries");
    }
    let error = block_on(served.registry(remembering()).trust()).unwrap_err();
    assert!(error.is_about_the_file());
}

#[test]
fn fork() {
    let (world, owner) = world();
    let (mut left, mut right) = (world.clone(), world);
    left.yank("a", "1.0.0", "left", &owner);
    left.seal();
    right.yank("a", "1.0.0", "right", &owner);
    right.seal();
    let same_size = right.clone();
    right.yank("a", "1.1.0", "right", &owner);
    right.seal();
    for shown in [&same_size, &right] {
        let served = honest(&left);
        let dir = tempfile::tempdir().unwrap();
        let options = || TrustOptions {
            state_dir: Some(dir.path().into()),
            ..Default::default()
        };
        assert!(trust(&served.registry(options())).is_ok());
        served.show(shown);
        let error = trust(&served.registry(options())).unwrap_err();
        let text = error.to_string();
        let TrustError::Fork {
            from: 7,
            evidence: Some(evidence),
            ..
        } = error
        else {
            panic!("{text}");
        };
        assert!(text.starts_with("the log was forked: its "), "{text}");
        assert!(text.contains(&evidence.display().to_string()), "{text}");
        let evidence = std::fs::read_to_string(evidence).unwrap();
        assert!(evidence.contains(&left.checkpoint()));
        assert!(evidence.contains(&shown.checkpoint()));
        // What is remembered is still the first.
        let kept = state::list(dir.path()).unwrap();
        assert_eq!(kept[0].checkpoint, left.checkpoint());
    }
}

/// The index without its last event is an honest one, of another time.
fn last_event_withheld(change: impl Fn(&mut World, &SecretKey)) {
    let (mut world, owner) = world();
    let old = world.clone();
    change(&mut world, &owner);
    world.seal();
    let served = Served::new(&world);
    assert!(versions(&fresh(&served), "a").is_ok());
    let path = "/packages/a/index.json";
    served.replace(path, old.file(path));
    let error = refused(&fresh(&served));
    assert_eq!(error, TrustError::Withheld { name: "a".into() });
    assert_eq!(
        error.to_string(),
        "the events of `a` are not those of the log: a release, a yank or a change of owners is withheld or altered"
    );
}

#[test]
fn withheld_release() {
    last_event_withheld(|world, owner| world.publish("a", "1.2.0", &[], owner));
}

#[test]
fn withheld_yank() {
    last_event_withheld(|world, owner| world.yank("a", "1.1.0", "broken", owner));
}

#[test]
fn withheld_owners_and_root() {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    world.claim("@org", &owner);
    world.publish("@org/a", "1.0.0", &[], &owner);
    world.seal();
    let old = world.clone();
    world.change_owners("@org", &owner, |note| note.publishers.clear());
    world.change_root(|root| root.max_age = None);
    world.seal();
    let served = Served::new(&world);
    assert!(versions(&fresh(&served), "@org/a").is_ok());
    for (path, withheld) in [
        ("/trust/names/@org/index.json", "@org"),
        ("/trust/root/index.json", "@root"),
    ] {
        let served = Served::new(&world);
        served.replace(path, old.file(path));
        let error = versions(&fresh(&served), "@org/a").unwrap_err();
        let name = withheld.into();
        assert_eq!(error, TrustError::Withheld { name });
    }
    let served = Served::new(&world);
    served.remove("/trust/names/@org/index.json");
    let error = versions(&fresh(&served), "@org/a").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`@org` is in the log, but its index is missing"
    );
}

#[test]
fn forged_absence() {
    let (world, _) = world();
    let served = honest(&world);
    served.remove("/packages/a/index.json");
    let error = refused(&fresh(&served));
    assert_eq!(error, TrustError::ForgedAbsence { name: "a".into() });
    assert_eq!(
        error.to_string(),
        "`a` is in the log, but its index is missing"
    );
}

#[test]
fn unlogged_package() {
    let (world, _) = world();
    let served = honest(&world);
    for index in [
        r#"{"name": "b", "versions": ["1.0.0"]}"#,
        r#"{"name": "b", "versions": [], "events": [{"i": 1, "note": "x"}]}"#,
    ] {
        served.replace("/packages/b/index.json", index);
        let error = versions(&fresh(&served), "b").unwrap_err();
        assert_eq!(error, TrustError::Unlogged { what: "b".into() });
        assert_eq!(error.to_string(), "`b` is not in the log");
    }
}

#[test]
fn wrong_owner() {
    let (world, _) = world();
    let thief = key("thief", 9);
    let served = honest(&world);
    // Whoever has the log's key logs a release that no owner signed.
    let mut stolen = world.clone();
    stolen.publish("a", "9.9.9", &[], &thief);
    stolen.seal();
    served.show(&stolen);
    let error = refused(&fresh(&served));
    assert!(matches!(&error, TrustError::WrongOwner { name, .. } if name == "a"));
    assert_eq!(
        error.to_string(),
        "`a`: entry 5 of the log is not signed by an owner of `a`"
    );
    // Or new owners that the old ones did not agree to.
    let mut stolen = world;
    stolen.change_owners("a", &thief, |note| {
        note.admins = vec![thief.public().clone()];
    });
    stolen.seal();
    served.show(&stolen);
    let error = refused(&fresh(&served));
    assert!(
        matches!(
            &error,
            TrustError::WrongOwner { .. } | TrustError::History { .. }
        ),
        "{error}"
    );
    // A package that nobody owns.
    let mut stolen = World::new("example/1f");
    stolen.publish("a", "1.0.0", &[], &thief);
    stolen.seal();
    let error = refused(&fresh(&Served::new(&stolen)));
    assert!(error.to_string().contains("`a` has no owner"), "{error}");
}

/// Whoever holds the names keys gives a package to somebody else.
#[test]
fn replaced_owners() {
    let (owner, names, thief) = (key("owner", 7), key("names", 3), key("thief", 9));
    let mut world = World::with("example/1f", |root| {
        root.names = vec![names.public().clone()];
        root.names_threshold = 1;
    });
    world.claim("a", &owner);
    world.publish("a", "1.0.0", &[], &owner);
    world.seal();
    let served = Served::new(&world);
    let dir = tempfile::tempdir().unwrap();
    let remembering = || {
        served.registry(TrustOptions {
            state_dir: Some(dir.path().into()),
            ..Default::default()
        })
    };
    let with_lock = |seq| {
        served.registry(TrustOptions {
            locked: locked(&world),
            owners: [(Subject::Package(name("a")), [(seq, None)].into())].into(),
            ..Default::default()
        })
    };
    for registry in [remembering(), with_lock(1)] {
        assert!(versions(&registry, "a").is_ok());
        assert_eq!(registry.owners_seen(&name("a")).unwrap().seq, 1);
        assert_eq!(registry.first_seen_override(&name("a")), None);
    }
    let mut stolen = world.clone();
    stolen.override_owners("a", &names, &thief);
    stolen.publish("a", "1.1.0", &[], &thief);
    stolen.change_owners("a", &thief, |note| note.threshold = 1);
    stolen.seal();
    served.show(&stolen);
    let fingerprint = thief.public().fingerprint();
    for registry in [remembering(), with_lock(1), remembering()] {
        let error = refused(&registry);
        assert!(matches!(error, TrustError::Overridden { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "the owners of `a` were replaced by the registry at entry 4 of the log, {NOW}: it belongs to thief ({fingerprint}) now"
            )
        );
        let Err(ReadError::Trust(error)) = read(&registry, "1.1.0") else {
            panic!("1.1.0 was believed");
        };
        assert!(matches!(error, TrustError::Overridden { .. }), "{error}");
        // What happened can be looked at.
        let history = block_on(registry.provenance(&name("a"))).unwrap().unwrap();
        assert_eq!(history.owners.overrides().count(), 1);
        let subject = Subject::Package(name("a"));
        let owners = block_on(registry.owners(&subject)).unwrap().unwrap();
        assert_eq!(owners, history.owners);
    }
    // Newcomers are told; those who agree go on, and so does a lock made by them.
    let newcomer = fresh(&served);
    assert_eq!(versions(&newcomer, "a").unwrap().unwrap().len(), 2);
    let told = newcomer.first_seen_override(&name("a")).unwrap();
    assert_eq!((told.seq, told.index), (2, 4));
    assert!(versions(&with_lock(2), "a").is_ok());
    let url = remembering().location().unwrap().url();
    let subject = Subject::Package(name("a"));
    let owners = block_on(newcomer.owners(&subject)).unwrap().unwrap();
    known::accept(dir.path(), &url, &subject, owners.newest().unwrap()).unwrap();
    assert!(versions(&remembering(), "a").is_ok());
}

/// A scope has one owner for all of its packages.
#[test]
fn replaced_owners_of_a_scope() {
    let (owner, names, thief) = (key("owner", 7), key("names", 3), key("thief", 9));
    let mut world = World::with("example/1f", |root| {
        root.names = vec![names.public().clone()];
        root.names_threshold = 1;
    });
    world.claim("@org", &owner);
    world.publish("@org/a", "1.0.0", &[], &owner);
    world.seal();
    let served = Served::new(&world);
    let dir = tempfile::tempdir().unwrap();
    let registry = || {
        served.registry(TrustOptions {
            state_dir: Some(dir.path().into()),
            ..Default::default()
        })
    };
    assert!(versions(&registry(), "@org/a").is_ok());
    world.override_owners("@org", &names, &thief);
    world.publish("@org/new", "1.0.0", &[], &thief);
    world.seal();
    served.show(&world);
    for package in ["@org/a", "@org/new"] {
        let error = versions(&registry(), package).unwrap_err();
        let TrustError::Overridden { by, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((by.name.as_str(), by.seq), ("@org", 2));
    }
}

#[test]
fn revoked_key() {
    let (mut world, owner) = world();
    let other = key("other", 8);
    world.change_owners("a", &owner, |note| {
        let publisher = |key: &SecretKey| lumen_core::trust::Publisher {
            key: key.public().clone(),
            only: None,
        };
        note.publishers = vec![publisher(&owner), publisher(&other)];
    });
    world.publish("a", "1.2.0", &[], &other);
    world.seal();
    let served = Served::new(&world);
    let get = |registry: &Registry| read(registry, "1.2.0");
    assert!(get(&fresh(&served)).unwrap().is_some());
    // The key turns out to have been stolen before 1.2.0.
    world.change_owners("a", &owner, |note| {
        note.publishers.pop();
        note.revoked = vec![Revoked {
            key: other.public().clone(),
            from: 6,
        }];
    });
    world.seal();
    served.show(&world);
    let registry = fresh(&served);
    assert_eq!(
        versions(&registry, "a"),
        Ok(Some(vec!["1.0.0".into(), "1.1.0".into()]))
    );
    let Err(ReadError::Trust(error)) = get(&registry) else {
        panic!("1.2.0 was believed");
    };
    assert!(matches!(error, TrustError::RevokedKey { .. }));
    assert_eq!(
        error.to_string(),
        "`a` 1.2.0 was signed with a key that had been revoked"
    );
    // And is used again.
    world.publish("a", "1.3.0", &[], &other);
    world.seal();
    served.show(&world);
    let error = refused(&fresh(&served));
    assert!(matches!(error, TrustError::WrongOwner { .. }), "{error}");
}

#[test]
fn stale_checkpoint() {
    let witness = key("witness", 5);
    let now = seconds(NOW);
    let cosigner = CosignerKey::new(witness.public().clone());
    let mut world = World::with("example/1f", |root| {
        root.witnesses = vec![cosigner];
        root.witness_quorum = 1;
        root.max_age = Some(3600);
    });
    world.witnesses = vec![(witness.into(), now.unsigned_abs())];
    world.seal();
    let served = Served::new(&world);
    let at = |now: i64| {
        trust(&served.registry(TrustOptions {
            now,
            ..Default::default()
        }))
    };
    assert!(at(now).is_ok());
    assert!(at(now + 3600).is_ok());
    let error = at(now + 3601).unwrap_err();
    assert_eq!(
        error,
        TrustError::Stale {
            age: 3601,
            quorum: 1,
            max: 3600
        }
    );
    assert_eq!(
        error.to_string(),
        "it is 3601 seconds since 1 witness had signed the log's checkpoint, more than the 3600 seconds allowed: updates may be withheld"
    );
    // A witness from the future does not count, nor does one who did not sign.
    assert!(at(now - 600).is_ok());
    let quorum = TrustError::Witnesses {
        found: 0,
        quorum: 1,
        validating: 0,
        validating_quorum: 0,
    };
    assert_eq!(at(now - 601), Err(quorum.clone()));
    let note = Note::parse(world.checkpoint().as_bytes()).unwrap();
    let alone = Note {
        signatures: note.signatures[..1].to_vec(),
        ..note
    };
    served.replace("/log/checkpoint", alone.to_text());
    assert_eq!(at(now), Err(quorum));
}

#[test]
fn expired_root() {
    let mut world = World::with("example/1f", |root| {
        root.expires = Some("2026-02-01T00:00:00Z".into());
    });
    world.seal();
    let served = Served::new(&world);
    let at = |now: &str| {
        trust(&served.registry(TrustOptions {
            now: seconds(now),
            ..Default::default()
        }))
    };
    assert!(at("2026-01-31T23:59:59Z").is_ok());
    assert_eq!(
        at("2026-02-01T00:00:00Z").unwrap_err().to_string(),
        "the registry's root note expired at 2026-02-01T00:00:00Z"
    );
}

#[test]
fn unsigned_downgrade() {
    let (world, _) = world();
    let served = honest(&world);
    let dir = tempfile::tempdir().unwrap();
    let remembering = || TrustOptions {
        state_dir: Some(dir.path().into()),
        ..Default::default()
    };
    let with_lock = || TrustOptions {
        locked: locked(&world),
        ..Default::default()
    };
    let pinned = || TrustOptions {
        pin: Some(world.fingerprint()),
        ..Default::default()
    };
    let required = || TrustOptions {
        required: true,
        ..Default::default()
    };
    for options in [remembering(), with_lock(), pinned(), required()] {
        assert!(trust(&served.registry(options)).is_ok());
    }
    served.clear();
    // Nothing at all is no registry, and is not told as an attack.
    let nothing = block_on(served.registry(pinned()).trust()).unwrap_err();
    assert!(matches!(nothing, ReadError::NoRegistry { .. }), "{nothing}");
    served.replace("/index.json", r#"{"name": "r", "packages": []}"#);
    served.replace(
        "/packages/a/index.json",
        r#"{"name": "a", "versions": ["6.6.6"]}"#,
    );
    for (options, by, text) in [
        (
            remembering(),
            PinSource::State,
            "this machine remembers its fingerprint",
        ),
        (with_lock(), PinSource::Lock, "the lock has its fingerprint"),
        (pinned(), PinSource::Pin, "its fingerprint is pinned"),
    ] {
        let error = refused(&served.registry(options));
        assert_eq!(error, TrustError::Downgraded { by });
        let expected = format!("the registry was signed before and is not any more ({text})");
        assert_eq!(error.to_string(), expected);
    }
    let error = refused(&served.registry(required()));
    assert_eq!(
        error.to_string(),
        "the registry is not signed, but signed registries are required"
    );
    // Who never saw it signed and demands nothing believes it; that is what pins are for.
    assert_eq!(
        versions(&fresh(&served), "a"),
        Ok(Some(vec!["6.6.6".into()]))
    );
}

#[test]
fn root_pin_mismatch() {
    let (world, _) = world();
    let served = honest(&world);
    let pinned = |root: Digest| {
        trust(&served.registry(TrustOptions {
            pin: Some(root),
            ..Default::default()
        }))
    };
    assert!(pinned(world.fingerprint()).unwrap().pinned);
    let expected = Digest::of(b"another");
    let found = world.fingerprint();
    let error = pinned(expected).unwrap_err();
    let by = PinSource::Pin;
    assert_eq!(
        error,
        TrustError::RootPin {
            expected,
            found,
            by
        }
    );
    assert_eq!(
        error.to_string(),
        format!("the registry's fingerprint is {found}, but the pinned fingerprint is {expected}")
    );
}

#[test]
fn earlier_root() {
    let (world, _) = world();
    let served = honest(&world);
    let dir = tempfile::tempdir().unwrap();
    let options = || TrustOptions {
        state_dir: Some(dir.path().into()),
        ..Default::default()
    };
    assert!(trust(&served.registry(options())).is_ok());
    let mut kept = state::list(dir.path()).unwrap().remove(0);
    assert_eq!(kept.root_seq, 1);
    // What whoever holds a removed log key would show: a log that goes on, without the note that removed it.
    kept.root_seq = 2;
    state::accept(dir.path(), &kept).unwrap();
    let error = trust(&served.registry(options())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "root note 2 was taken back: this machine saw it, and the registry does not show it any more"
    );
}

#[test]
fn root_note_without_its_signatures() {
    let (world, _) = world();
    let served = honest(&world);
    let mut stolen = world;
    let thief = key("thief", 9);
    stolen.change_root(|root| root.root = vec![thief.public().clone()]);
    stolen.seal();
    served.show(&stolen);
    let error = refused(&fresh(&served));
    assert!(matches!(error, TrustError::RootChain { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("the registry's root notes are not in order: ")
    );
}

#[test]
fn checkpoint_of_a_stranger() {
    let (world, _) = world();
    let served = honest(&world);
    let text = Note::parse(world.checkpoint().as_bytes()).unwrap().text;
    served.replace("/log/checkpoint", signed(text, &[&key("example/1f", 9)]));
    let error = refused(&fresh(&served));
    assert!(matches!(error, TrustError::Checkpoint { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "the log's checkpoint is not valid: the checkpoint is not signed by a key of the log"
    );
    served.remove("/log/checkpoint");
    assert!(matches!(
        refused(&fresh(&served)),
        TrustError::Unfinished { .. }
    ));
}

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
