//! Logs that went back, forked, or hold something back.

use super::*;

#[test]
fn rollback() {
    let (mut world, owner) = world();
    let old = world.clone();
    world.yank("a", "1.1.0", "stolen", &owner);
    world.seal();
    let served = honest(&world);
    let dir = tempfile::tempdir().unwrap();
    let remembering = || remembering(dir.path());
    for options in [remembering(), with_lock(&world)] {
        assert!(trust(&served.registry(options)).is_ok());
    }
    served.show(&old);
    for options in [remembering(), with_lock(&world)] {
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
        let options = || remembering(dir.path());
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
