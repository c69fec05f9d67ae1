//! Keys of publishers that end, and publishers who go on after that.

use lumen_core::trust::{Publisher, Statement, text::time_of};

use super::*;

const HOUR: i64 = 3600;

/// The entries of these worlds say that they are of this moment.
fn start() -> i64 {
    seconds(NOW)
}

/// A world where `bot` may publish `a` until an hour after [`NOW`]. With witnesses, one signs
/// what is sealed at the times that a test sets.
fn ending(is_witnessed: bool) -> (World, SecretKey, SecretKey) {
    let wit = key("wit", 5);
    let mut world = World::with("example/1f", |root| {
        if is_witnessed {
            root.witnesses = vec![CosignerKey::new(wit.public().clone())];
            root.witness_quorum = 1;
        }
    });
    if is_witnessed {
        world.witnesses = vec![(wit.into(), start() as u64)];
    }
    let (owner, bot) = (key("owner", 7), key("bot", 8));
    world.claim("a", &owner);
    world.claim("b", &owner);
    world.change_owners("a", &owner, |note| {
        note.publishers.push(Publisher {
            until: Some(start() + HOUR),
            ..Publisher::always(bot.public().clone())
        });
    });
    world.publish("a", "1.0.0", &[], &owner);
    (world, owner, bot)
}

/// A client whose clock is some hours after [`NOW`].
fn client(served: &Served, hours: i64) -> Registry {
    served.registry(TrustOptions {
        now: start() + hours * HOUR,
        ..Default::default()
    })
}

fn listed(registry: &Registry) -> Vec<String> {
    versions(registry, "a").unwrap().unwrap()
}

/// A statement by the owner that says it is of some hours after [`NOW`].
fn dated(world: &mut World, owner: &SecretKey, hours: i64) {
    let text = Statement {
        origin: "example/1f".into(),
        package: name("b"),
        action: Action::Undeprecate {
            reason: format!("{hours}"),
        },
        owners: 1,
        time: time_of(start() + hours * HOUR),
    };
    world.append(signed(text.to_text(), &[owner]));
}

#[test]
fn without_witnesses_an_ended_key_counts_for_what_the_log_had_before() {
    let (mut world, owner, bot) = ending(false);
    world.publish("a", "1.1.0", &[], &bot);
    world.seal();
    let served = Served::new(&world);
    for hours in [0, 1, 1000] {
        assert_eq!(
            listed(&client(&served, hours)),
            ["1.0.0", "1.1.0"],
            "{hours}"
        );
    }
    // The holder of the key and of a log key goes on, with the time of before. The entry of
    // another publisher shows that it is later.
    dated(&mut world, &owner, 2);
    world.publish("a", "1.2.0", &[], &bot);
    world.yank("a", "1.0.0", "mine is better", &bot);
    world.seal();
    served.show(&world);
    let registry = client(&served, 3);
    assert_eq!(listed(&registry), ["1.0.0", "1.1.0"]);
    let index = block_on(registry.package_index(&name("a")))
        .unwrap()
        .unwrap();
    assert!(index.yanked.is_empty());
    let Err(ReadError::Trust(error)) = read(&registry, "1.2.0") else {
        panic!("1.2.0 was believed");
    };
    let expected = format!(
        "`a` 1.2.0 was signed with a key that could publish until {} only, and nothing shows that the log had it by then",
        time_of(start() + HOUR)
    );
    assert_eq!(error.to_string(), expected);
    // Nor does a lock help.
    let wanted = [(name("a"), version("1.2.0"))].into();
    let Err(ReadError::Trust(error)) = block_on(client(&served, 3).prove(&wanted)) else {
        panic!("1.2.0 was proven");
    };
    assert!(matches!(error, TrustError::Late { .. }), "{error}");
}

#[test]
fn a_machine_that_saw_the_log_after_the_end_knows_what_is_late() {
    let (mut world, _, bot) = ending(false);
    world.seal();
    let served = Served::new(&world);
    let dir = tempfile::tempdir().unwrap();
    let remembering = |hours: i64| {
        served.registry(TrustOptions {
            now: start() + hours * HOUR,
            ..remembering(dir.path())
        })
    };
    assert_eq!(listed(&remembering(2)), ["1.0.0"]);
    // The first entry since, so that no other is before it.
    world.publish("a", "1.1.0", &[], &bot);
    world.seal();
    served.show(&world);
    assert_eq!(listed(&remembering(30)), ["1.0.0"]);
}

#[test]
fn a_statement_that_says_itself_that_it_is_late_is_none() {
    let (mut world, _, bot) = ending(false);
    let text = Statement {
        origin: "example/1f".into(),
        package: name("a"),
        action: Action::Publish {
            version: version("1.1.0"),
            metadata: Digest::of(b"x"),
            size: 1,
        },
        owners: 2,
        time: time_of(start() + HOUR + 1),
    };
    world.append(signed(text.to_text(), &[&bot]));
    world.seal();
    let error = refused(&client(&Served::new(&world), 2));
    assert!(matches!(error, TrustError::WrongOwner { .. }), "{error}");
    assert!(error.to_string().contains("could publish until"), "{error}");
}

#[test]
fn with_witnesses_an_ended_key_counts_for_what_they_signed_in_time() {
    let (mut world, _, bot) = ending(true);
    world.publish("a", "1.1.0", &[], &bot);
    world.witnesses[0].1 = (start() + HOUR) as u64;
    world.seal();
    let served = Served::new(&world);
    assert_eq!(listed(&client(&served, 100)), ["1.0.0", "1.1.0"]);
    // A second later it is too late.
    let (mut world, owner, bot) = ending(true);
    world.publish("a", "1.1.0", &[], &bot);
    world.witnesses[0].1 = (start() + HOUR + 1) as u64;
    world.seal();
    let served = Served::new(&world);
    assert_eq!(listed(&client(&served, 100)), ["1.0.0"]);
    // By a clock at which the key has not ended, there is nothing to show.
    assert_eq!(listed(&client(&served, 1)), ["1.0.0", "1.1.0"]);
    // What is missing shows nothing: no later signature makes it good, and no root note that
    // asks for no witness any more.
    world.change_root(|root| {
        root.witness_quorum = 0;
        root.time = time_of(start() + 50 * HOUR);
    });
    world.publish("a", "1.2.0", &[], &owner);
    world.seal();
    served.show(&world);
    assert_eq!(listed(&client(&served, 100)), ["1.0.0", "1.2.0"]);
}
