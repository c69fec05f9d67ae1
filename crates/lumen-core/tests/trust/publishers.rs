//! Thresholds of publishers, and publisher lines that end.

use lumen_core::trust::{
    Entry, EntryError, HistoryError, OwnersNote, PackageHistory, Publisher, Statement, may_append,
    text::{seconds, time_of},
};

use super::world::{
    TIME, World, after, owners, public, publish, revoked, root, signed, statement, yank,
};

/// A moment some minutes after ten, as the statements of these tests have it.
fn minute(minute: u64) -> i64 {
    seconds(&format!("2026-01-31T10:{minute:02}:00Z")).unwrap()
}

/// `tool` of `ada`, for which `ada`, `bob` and `cleo` publish, two of them each release.
fn two_of_three() -> OwnersNote {
    let mut claim = owners("tool", &["ada"], &["ada", "bob", "cleo"]);
    claim.publish_threshold = 2;
    claim
}

fn world(claim: &OwnersNote) -> (World, String) {
    let mut world = World::new(&root(), &["root"]);
    let bytes = world.add(&claim.to_text(), &["ada"]);
    (world, bytes)
}

fn text(owners: u64, minute: u64, version: &str) -> String {
    statement("tool", owners, minute, publish(version)).to_text()
}

fn with_end(mut note: OwnersNote, who: &str, until: Option<i64>) -> OwnersNote {
    for publisher in &mut note.publishers {
        if publisher.key == public(who) {
            publisher.until = until;
        }
    }
    note
}

#[test]
fn version_2_is_written_only_where_it_is_needed() {
    let plain = owners("tool", &["ada"], &["ada", "bob"]);
    assert!(plain.to_text().starts_with("lumen/owners/v1\n"));
    let ending = with_end(plain.clone(), "bob", Some(minute(30)));
    let mut only = owners("@org", &["ada"], &["ada"]);
    only.publishers.push(Publisher {
        key: public("bob"),
        only: Some("@org/http".parse().unwrap()),
        until: Some(minute(30)),
    });
    for note in [two_of_three(), ending.clone(), only.clone()] {
        let text = note.to_text();
        assert!(text.starts_with("lumen/owners/v2\n"), "{text}");
        assert_eq!(OwnersNote::parse(&text), Ok(note));
    }
    let line = format!(
        "publish-threshold 1\npublish {}\npublish {} only @org/http until {TIME}\n",
        public("ada"),
        public("bob")
    );
    assert!(only.to_text().contains(&line), "{}", only.to_text());
    let (two, one) = (two_of_three().to_text(), ending.to_text());
    let bob = format!("publish {}", public("bob"));
    for changed in [
        // Version 1 says none of this, and version 2 nothing that version 1 could say.
        two.replace("/v2", "/v1"),
        one.replace("/v2", "/v1"),
        plain.to_text().replace("/v1", "/v2"),
        two.replace("publish-threshold 2", "publish-threshold 1"),
        // A threshold that cannot be reached, also since two names are one key.
        two.replace("publish-threshold 2", "publish-threshold 4"),
        two.replace("publish-threshold 2", "publish-threshold 0"),
        two.replace("publish-threshold 2", "publish-threshold 3")
            .replace(
                &format!("publish {}", public("cleo")),
                &format!("publish {}", public("bob").renamed("robert").unwrap()),
            ),
        // The order of the parts, and a time in another form.
        one.replace(&format!("until {TIME}"), "until 2026-01-31"),
        only.to_text().replace(
            &format!("only @org/http until {TIME}"),
            &format!("until {TIME} only @org/http"),
        ),
        // One key with two ends.
        one.replace(&bob, &format!("{bob} until 2026-01-31T11:00:00Z\n{bob}")),
    ] {
        assert!(![&two, &one].contains(&&changed));
        assert!(OwnersNote::parse(&changed).is_err(), "{changed}");
    }
}

#[test]
fn a_third_version_is_that_of_a_newer_program() {
    let note = signed(&two_of_three().to_text().replace("/v2", "/v3"), &["ada"]);
    let error = Entry::parse(note.as_bytes()).unwrap_err();
    assert!(matches!(error, EntryError::Newer { .. }), "{error}");
}

#[test]
fn as_many_different_keys_sign_as_the_threshold_says() {
    let (mut world, _) = world(&two_of_three());
    let lacks = |world: &World, signers: &[&str]| {
        let error = world.refused("tool", &text(1, 1, "1.0.0"), signers);
        let expected = HistoryError::Threshold {
            index: 3,
            whose: "the publishers",
            needed: 2,
            found: 1,
        };
        assert_eq!(error, expected);
    };
    lacks(&world, &["ada"]);
    lacks(&world, &["bob", "mallory"]);
    world.add(&text(1, 1, "1.0.0"), &["cleo", "bob"]);
    let history = world.verify("tool").unwrap();
    let release = history.releases.values().next().unwrap();
    assert_eq!(release.signers, [public("bob"), public("cleo")]);
    assert_eq!(release.signer, public("bob"));
    assert!(!release.is_void());
    // One is enough to warn of a release.
    world.say(&statement("tool", 1, 2, yank("1.0.0")), "ada");
    assert_eq!(world.verify("tool").unwrap().yanked.len(), 1);
}

#[test]
fn a_key_counts_once_whatever_its_names_are() {
    let mut claim = two_of_three();
    let robert = public("bob").renamed("robert").unwrap();
    claim.publishers.push(Publisher::always(robert.clone()));
    let (mut world, _) = world(&claim);
    let text = text(1, 1, "1.0.0");
    let mut note = lumen_core::note::Note::unsigned(&text).unwrap();
    let key = super::world::key("bob");
    for name in [&public("bob"), &robert] {
        note.add(name, key.sign(text.as_bytes()));
    }
    world.package.push(lumen_core::trust::Event {
        i: 3,
        note: note.to_text(),
    });
    let error = world.verify("tool").unwrap_err();
    assert!(
        matches!(error, HistoryError::Threshold { found: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_revoked_second_signer_does_not_count() {
    let (mut world, bytes) = world(&two_of_three());
    world.add(&text(1, 1, "1.0.0"), &["ada", "bob"]);
    world.add(&text(1, 2, "1.1.0"), &["ada", "bob"]);
    world.add(&text(1, 3, "1.2.0"), &["ada", "bob", "cleo"]);
    let mut next = after(&two_of_three(), &bytes);
    next.revoked = vec![revoked("bob", 4)];
    world.add(&next.to_text(), &["ada"]);
    let history = world.verify("tool").unwrap();
    let void: Vec<bool> = history.releases.values().map(|r| r.is_void()).collect();
    assert_eq!(void, [false, true, false]);
    let last = history.releases.values().next_back().unwrap();
    assert_eq!(last.signer, public("ada"));
    let error = world.refused("tool", &text(2, 4, "1.3.0"), &["ada", "bob"]);
    assert!(
        matches!(error, HistoryError::RevokedKey { index: 7, .. }),
        "{error}"
    );
    world.add(&text(2, 4, "1.3.0"), &["ada", "bob", "cleo"]);
    world.verify("tool").unwrap();
}

#[test]
fn a_raised_threshold_leaves_what_was_released_and_stops_what_waits() {
    let before = owners("tool", &["ada"], &["ada", "bob"]);
    let (mut world, bytes) = world(&before);
    world.add(&text(1, 1, "1.0.0"), &["ada"]);
    let mut next = after(&before, &bytes);
    next.publish_threshold = 2;
    world.add(&next.to_text(), &["ada"]);
    assert!(
        !world
            .verify("tool")
            .unwrap()
            .releases
            .values()
            .any(|r| r.is_void())
    );
    let error = world.refused("tool", &text(1, 2, "1.1.0"), &["ada", "bob"]);
    assert!(matches!(error, HistoryError::Superseded { .. }), "{error}");
    let error = world.refused("tool", &text(2, 2, "1.1.0"), &["bob"]);
    assert!(matches!(error, HistoryError::Threshold { .. }), "{error}");
}

#[test]
fn a_statement_is_not_later_than_the_end_of_its_key() {
    let claim = with_end(
        owners("tool", &["ada"], &["ada", "bob"]),
        "bob",
        Some(minute(5)),
    );
    let (mut world, _) = world(&claim);
    let error = world.refused("tool", &text(1, 6, "1.0.0"), &["bob"]);
    let expected = HistoryError::EndedKey {
        index: 3,
        key: public("bob"),
        until: minute(5),
    };
    assert_eq!(error, expected);
    world.add(&text(1, 5, "1.0.0"), &["bob"]);
    // Beside a key that does not end it does no harm.
    world.add(&text(1, 6, "1.1.0"), &["ada", "bob"]);
    let history = world.verify("tool").unwrap();
    let until: Vec<Option<i64>> = history.releases.values().map(|r| r.until).collect();
    assert_eq!(until, [Some(minute(5)), None]);
}

#[test]
fn a_line_for_another_package_ends_nothing_and_allows_nothing() {
    let mut world = World::new(&root(), &["root"]);
    let mut claim = owners("@org", &["ada"], &["ada"]);
    let only = |package: &str, until| Publisher {
        key: public("bob"),
        only: Some(package.parse().unwrap()),
        until,
    };
    claim.publishers.push(only("@org/http", Some(minute(5))));
    claim.publishers.push(only("@org/json", None));
    world.add(&claim.to_text(), &["ada"]);
    let late = |package: &str| statement(package, 1, 6, publish("1.0.0"));
    let error = world.refused("@org/http", &late("@org/http").to_text(), &["bob"]);
    assert!(matches!(error, HistoryError::EndedKey { .. }), "{error}");
    let error = world.refused("@org/tls", &late("@org/tls").to_text(), &["bob"]);
    assert!(matches!(error, HistoryError::WrongOwner { .. }), "{error}");
    world.say(&late("@org/json"), "bob");
    assert_eq!(world.verify("@org/json").unwrap().ending(), []);
}

/// The history of `tool`, its entries judged as if each came at this moment.
fn came_at(world: &World, at: i64) -> PackageHistory {
    let mut history = world.verify("tool").unwrap();
    history.judge(|_, own| at.max(own));
    history
}

#[test]
fn what_came_after_the_end_does_not_count_whatever_time_it_names() {
    let claim = with_end(
        owners("tool", &["ada"], &["ada", "bob"]),
        "bob",
        Some(minute(5)),
    );
    let (mut world, _) = world(&claim);
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    world.say(&statement("tool", 1, 2, publish("1.1.0")), "bob");
    world.say(&statement("tool", 1, 3, yank("1.0.0")), "ada");
    world.say(&statement("tool", 1, 4, yank("1.1.0")), "bob");
    let history = world.verify("tool").unwrap();
    assert_eq!(history.ending(), [(4, minute(2)), (6, minute(4))]);
    let early = came_at(&world, minute(5));
    assert!(!early.releases.values().any(|release| release.is_void()));
    assert_eq!(early.yanked.len(), 2);
    let late = came_at(&world, minute(5) + 1);
    let void: Vec<bool> = late
        .releases
        .values()
        .map(|release| release.is_void())
        .collect();
    assert_eq!(void, [false, true]);
    let yanked: Vec<String> = late.yanked.keys().map(ToString::to_string).collect();
    assert_eq!(yanked, ["1.0.0"]);
    assert_eq!(late.remarks.len(), 2);
}

#[test]
fn a_threshold_counts_until_the_first_end_without_which_it_is_not_reached() {
    let mut claim = with_end(two_of_three(), "bob", Some(minute(20)));
    claim = with_end(claim, "cleo", Some(minute(10)));
    let until = |signers: &[&str]| {
        let (mut world, _) = world(&claim);
        world.add(&text(1, 1, "1.0.0"), signers);
        world
            .verify("tool")
            .unwrap()
            .releases
            .values()
            .next()
            .unwrap()
            .until
    };
    assert_eq!(until(&["bob", "cleo"]), Some(minute(10)));
    assert_eq!(until(&["ada", "cleo"]), Some(minute(10)));
    assert_eq!(until(&["ada", "bob", "cleo"]), Some(minute(20)));
    // An ended second signer does not count.
    let (world, _) = world(&claim);
    let error = world.refused("tool", &text(1, 11, "1.0.0"), &["ada", "cleo"]);
    assert!(matches!(error, HistoryError::EndedKey { .. }), "{error}");
}

#[test]
fn writers_judge_by_the_same_rules() {
    let (world, _) = world(&two_of_three());
    let history = world.verify("tool").unwrap();
    let allowed = |signers: &[&str]| {
        let note = signed(&text(1, 1, "1.0.0"), signers);
        let (entry, note) = Entry::parse(note.as_bytes()).unwrap();
        assert!(matches!(entry, Entry::Statement(Statement { .. })));
        may_append(
            &world.roots(),
            None,
            Some(&history),
            &entry,
            &note.unwrap(),
            3,
        )
    };
    assert!(allowed(&["ada"]).is_err());
    assert_eq!(allowed(&["ada", "cleo"]), Ok(()));
    assert_eq!(time_of(minute(30)), TIME);
}
