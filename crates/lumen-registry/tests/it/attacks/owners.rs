//! Releases and owners that the owners did not sign.

use super::*;

#[test]
fn wrong_owner() {
    let (world, _) = world();
    let thief = key("thief", 9);
    let served = honest(&world);
    // The holder of the log's key logs a release that no owner signed.
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

/// The holders of the names keys give a package to another owner.
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
    let remembering = || served.registry(remembering(dir.path()));
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
    let registry = || served.registry(remembering(dir.path()));
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
            until: None,
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
