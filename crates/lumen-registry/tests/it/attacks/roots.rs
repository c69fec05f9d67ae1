//! Checkpoints and roots that are old, foreign or missing.

use super::*;

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
    let remembering = || remembering(dir.path());
    let pinned = || TrustOptions {
        pin: Some(world.fingerprint()),
        ..Default::default()
    };
    let required = || TrustOptions {
        required: true,
        ..Default::default()
    };
    for options in [remembering(), with_lock(&world), pinned(), required()] {
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
        (
            with_lock(&world),
            PinSource::Lock,
            "the lock has its fingerprint",
        ),
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
    let options = || remembering(dir.path());
    assert!(trust(&served.registry(options())).is_ok());
    let mut kept = state::list(dir.path()).unwrap().remove(0);
    assert_eq!(kept.root_seq, 1);
    // What the holder of a removed log key would show: a log that goes on, without the note that removed it.
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
