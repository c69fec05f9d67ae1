//! Package indexes that follow from events and releases.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Version,
    index::{
        self, Artifact, Integrity, PackageIndex, REVOKED, Release, Summaries, logged_releases,
        put_events, put_events_alike, put_releases, same_additions, summaries_of,
    },
    json,
    key::ArtifactKind,
    trust::{Action, PackageHistory},
};

use super::world::{World, after, owners, revoked, root, statement, yank};

fn release(version: &str) -> Release {
    let tar = Artifact::new(ArtifactKind::Tar, Digest::of(version.as_bytes()), 9);
    Release {
        deps: [("dep".parse().unwrap(), "^1.0".parse().unwrap())].into(),
        dependency_options: [("dep".parse().unwrap(), index::DependencyOptions::default())].into(),
        artifacts: vec![tar],
        integrity: Some(Integrity {
            manifest_hash: Some(Digest::of(b"manifest").into()),
        }),
        license: Some("MIT".into()),
        description: Some(format!("Version {version}")),
        categories: vec!["tools".into()],
        published_at: Some("2026-01-31T10:30:00Z".into()),
        ..Release::new("tool".parse().unwrap(), version.parse().unwrap())
    }
}

fn publish(release: &Release) -> Action {
    let bytes = release.to_bytes();
    Action::Publish {
        version: release.version.clone(),
        metadata: Digest::of(&bytes),
        size: bytes.len() as u64,
    }
}

/// Three releases, the first yanked; the package is deprecated.
fn world() -> World {
    let mut world = World::new(&root(), &["root"]);
    world.add(
        &owners("tool", &["ada"], &["ada", "bob"]).to_text(),
        &["ada"],
    );
    for (minute, (release, who)) in (1..).zip(all().values().zip(["ada", "ada", "bob"])) {
        world.say(&statement("tool", 1, minute, publish(release)), who);
    }
    world.say(&statement("tool", 1, 4, yank("1.0.0")), "ada");
    let reason = "moved".into();
    let replacement = Some("other".parse().unwrap());
    let deprecate = Action::Deprecate {
        replacement,
        reason,
    };
    world.say(&statement("tool", 1, 5, deprecate), "ada");
    world
}

fn history(world: &World) -> PackageHistory {
    world.verify("tool").unwrap()
}

fn by_version(releases: impl IntoIterator<Item = Release>) -> BTreeMap<Version, Release> {
    let pair = |release: Release| (release.version.clone(), release);
    releases.into_iter().map(pair).collect()
}

fn all() -> BTreeMap<Version, Release> {
    by_version(["1.0.0", "1.1.0", "1.2.0"].map(release))
}

#[test]
fn an_index_says_what_the_log_says() {
    let world = world();
    let bytes = put_events(None, &history(&world), &world.package, &all()).unwrap();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    let index: PackageIndex = json::parse(&bytes).unwrap();
    assert_eq!(index.events, world.package);
    assert_eq!(index.versions.len(), 3);
    assert_eq!(index.latest, Some("1.2.0".parse().unwrap()));
    let yanked = index.yank_reason(&"1.0.0".parse().unwrap());
    assert_eq!(yanked, Some(Some("broken")));
    let deprecated = index.deprecated.unwrap();
    assert_eq!(deprecated.reason, "moved");
    assert_eq!(deprecated.replacement, Some("other".parse().unwrap()));
    assert_eq!(deprecated.at.as_deref(), Some("2026-01-31T10:05:00Z"));
    assert_eq!(index.description.as_deref(), Some("Version 1.2.0"));
}

/// Releases that differ in every way from the one before.
fn unlike() -> BTreeMap<Version, Release> {
    let mut releases: Vec<Release> = (0..9)
        .map(|minor| Release {
            description: Some("The same".into()),
            published_at: Some(format!("2026-01-31T10:{:02}:00Z", minor + 1)),
            ..release(&format!("1.{minor}.0"))
        })
        .collect();
    releases[1].license = None;
    releases[2].description = Some("Another".into());
    let (added, changed) = ("added".parse().unwrap(), "dep".parse().unwrap());
    releases[2].deps.insert(added, "*".parse().unwrap());
    let added = releases[2].deps.clone();
    releases[3].deps = added.clone();
    releases[4].deps = added;
    releases[4].deps.insert(changed, "^2.0".parse().unwrap());
    releases[3].published_at = None;
    releases[4].published_at = Some("2020-02-02T20:20:20Z".into());
    releases[5].deps.clear();
    releases[5].dependency_options.clear();
    releases[5].categories.clear();
    releases[6].artifacts.push(Artifact {
        kind: "tar.later".into(),
        url: "artifacts/later".into(),
        hash: Digest::of(b"later"),
        size: 3,
    });
    releases[7].artifacts[0].url = "artifacts/elsewhere.tar".into();
    releases[8].artifacts = releases[0].artifacts.clone();
    releases[8]
        .features
        .insert("default".parse().unwrap(), Vec::new());
    by_version(releases)
}

fn world_of(releases: &BTreeMap<Version, Release>) -> World {
    let mut world = World::new(&root(), &["root"]);
    world.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    for (minute, release) in (1..).zip(releases.values()) {
        world.say(&statement("tool", 1, minute, publish(release)), "ada");
    }
    world
}

#[test]
fn summaries_are_short_and_give_the_releases() {
    for (releases, whole) in [(all(), 0), (unlike(), 5)] {
        let world = world_of(&releases);
        let bytes = put_events(None, &history(&world), &world.package, &releases).unwrap();
        let summaries = summaries_of(&bytes);
        assert_eq!(
            logged_releases(&history(&world), &summaries, u64::MAX),
            releases
        );
        // A client that does not know the form reads the files of all other releases.
        let index: PackageIndex = json::parse(&bytes).unwrap();
        assert_eq!(index.releases.len(), whole);
        for (version, summary) in index.releases {
            assert_eq!(summary.deps, releases[&version].deps);
        }
        let fields = |version: &str| summaries[version].fields().unwrap();
        let has = |version: &str, field: &str| fields(version).contains_key(field);
        assert!(has("1.0.0", "license") && has("1.0.0", "deps") && has("1.0.0", "artifacts"));
        assert!(has("1.2.0", "description") && has("1.2.0", "artifacts"));
        assert!(!has("1.2.0", "categories") && !has("1.2.0", "integrity"));
    }
    let times = unlike();
    let world = world_of(&times);
    let bytes = put_events(None, &history(&world), &world.package, &times).unwrap();
    let summaries = summaries_of(&bytes);
    let fields = |version: &str| summaries[version].fields().unwrap();
    let time = |version: &str| fields(version).get("published_at").cloned();
    assert_eq!(time("1.2.0"), None);
    assert_eq!(time("1.4.0"), Some("2020-02-02T20:20:20Z".into()));
    let deps = |version: &str| fields(version)["deps"].clone();
    assert_eq!(deps("1.2.0"), serde_json::json!({"added": "*"}));
    assert_eq!(deps("1.4.0"), serde_json::json!({"dep": "^2.0"}));
}

#[test]
fn the_oldest_releases_are_left_out_when_all_are_too_much() {
    let releases = unlike();
    let world = world_of(&releases);
    let bytes = put_events(None, &history(&world), &world.package, &releases).unwrap();
    let summaries = summaries_of(&bytes);
    let sizes: Vec<u64> = releases
        .values()
        .map(|release| release.to_bytes().len() as u64)
        .collect();
    let seen = |most| logged_releases(&history(&world), &summaries, most);
    let all: u64 = sizes.iter().sum();
    assert_eq!(seen(all), releases);
    let but_one = by_version(releases.values().skip(1).cloned());
    assert_eq!(seen(all - 1), but_one);
    let newest = by_version(releases.values().next_back().cloned());
    assert_eq!(seen(*sizes.last().unwrap()), newest);
    assert!(seen(sizes.last().unwrap() - 1).is_empty());
}

#[test]
fn a_short_index_that_stands_for_much_takes_little() {
    // Each version is some hundred bytes in the index, and has all dependencies of the first.
    let deps = (0..200).map(|at| {
        (
            format!("dep-{at}").parse().unwrap(),
            "^1.0".parse().unwrap(),
        )
    });
    let deps: BTreeMap<_, _> = deps.collect();
    let releases = (0..50).map(|minor| {
        let mut release = release(&format!("1.{minor}.0"));
        release.deps.clone_from(&deps);
        release
    });
    let releases = by_version(releases);
    let world = world_of(&releases);
    let bytes = put_events(None, &history(&world), &world.package, &releases).unwrap();
    let seen = logged_releases(&history(&world), &summaries_of(&bytes), u64::MAX);
    assert_eq!(seen, releases);
    let of = |version: &str| {
        seen[&version.parse::<Version>().unwrap()]
            .deps
            .first_key_value()
    };
    let ((first, _), (last, _)) = (of("1.0.0").unwrap(), of("1.49.0").unwrap());
    assert!(
        std::ptr::eq(first.as_str(), last.as_str()),
        "names are shared, not copied"
    );
}

#[test]
fn summaries_of_an_older_form_are_read() {
    let releases = unlike();
    let world = world_of(&releases);
    let whole = |(version, release): (&Version, &Release)| {
        let serde_json::Value::Object(mut fields) = serde_json::json!(release) else {
            panic!("a release is an object");
        };
        let metadata = Digest::of(&release.to_bytes());
        fields.insert("metadata".into(), serde_json::json!(metadata));
        (version.to_string(), fields.into())
    };
    let mut summaries: Summaries = releases.iter().map(whole).collect();
    assert_eq!(
        logged_releases(&history(&world), &summaries, u64::MAX),
        releases
    );
    let mut first = summaries["1.0.0"].fields().unwrap();
    first.remove("license");
    summaries.insert("1.0.0".into(), first.into());
    assert_eq!(
        logged_releases(&history(&world), &summaries, u64::MAX).len(),
        releases.len() - 1
    );
}

#[test]
fn an_index_ahead_of_the_log_has_what_the_log_has() {
    let releases = unlike();
    let world = world_of(&releases);
    let bytes = put_events(None, &history(&world), &world.package, &releases).unwrap();
    // Not published in the order of their versions, so that some lean on later ones.
    let mut late = World::new(&root(), &["root"]);
    late.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    let some: Vec<Release> = releases.values().skip(1).step_by(2).cloned().collect();
    for release in &some {
        let minute = release.version.minor + 1;
        late.say(&statement("tool", 1, minute, publish(release)), "ada");
    }
    let seen = logged_releases(&history(&late), &summaries_of(&bytes), u64::MAX);
    assert_eq!(seen, by_version(some));
}

#[test]
fn a_changed_summary_is_not_believed() {
    let releases = all();
    let world = world_of(&releases);
    let bytes = put_events(None, &history(&world), &world.package, &releases).unwrap();
    let good = summaries_of(&bytes);
    let with = |version: &str, field: &str, value: serde_json::Value| {
        let mut fields = good[version].fields().unwrap();
        fields.insert(field.into(), value);
        let mut bad = good.clone();
        bad.insert(version.into(), fields.into());
        bad
    };
    let bad = with("1.1.0", "license", "none".into());
    // The next one leans on it.
    let left: Vec<Version> = logged_releases(&history(&world), &bad, u64::MAX)
        .into_keys()
        .collect();
    assert_eq!(left, ["1.0.0".parse().unwrap()]);
    let bad = with("1.2.0", "deps", serde_json::json!([1]));
    assert_eq!(logged_releases(&history(&world), &bad, u64::MAX).len(), 2);
    assert!(summaries_of(b"[1]").is_empty());
}

#[test]
fn an_index_is_the_same_however_it_came_about() {
    let world = world();
    let whole = put_events(None, &history(&world), &world.package, &all()).unwrap();
    let mut steps: Option<Vec<u8>> = None;
    for count in 1..=world.package.len() {
        let events = &world.package[..count];
        let name = "tool".parse().unwrap();
        let history = PackageHistory::verify(&world.roots(), &name, &[], events).unwrap();
        let old = steps.as_deref().map(summaries_of).unwrap_or_default();
        let mut known = logged_releases(&history, &old, u64::MAX);
        known.extend(all().into_iter().skip(count.wrapping_sub(2)).take(1));
        steps = Some(put_events(steps.as_deref(), &history, events, &known).unwrap());
    }
    assert_eq!(
        String::from_utf8(steps.unwrap()),
        String::from_utf8(whole.clone())
    );
    let again = put_events(Some(&whole), &history(&world), &world.package, &all()).unwrap();
    assert_eq!(again, whole);
}

#[test]
fn releases_of_a_revoked_key_are_not_chosen() {
    let mut world = world();
    let claim = owners("tool", &["ada"], &["ada", "bob"]);
    let mut next = after(&claim, &world.package[0].note.clone());
    next.revoked = vec![revoked("bob", 0)];
    world.add(&next.to_text(), &["ada"]);
    let bytes = put_events(None, &history(&world), &world.package, &all()).unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    let void = "1.2.0".parse().unwrap();
    assert!(index.versions.contains(&void));
    assert_eq!(index.yank_reason(&void), Some(Some(REVOKED)));
    assert_eq!(index.latest, Some("1.1.0".parse().unwrap()));
    assert_eq!(index.description.as_deref(), Some("Version 1.1.0"));
}

#[test]
fn foreign_fields_stay_and_unknown_releases_go() {
    let world = world();
    let mut old = put_releases(None, &[(release("1.0.0"), Digest::of(b"other bytes"))]).unwrap();
    let closing = old.iter().rposition(|byte| *byte == b'}').unwrap();
    old.splice(closing.., *b", \"x-mine\": [1], \"x-yours\": 2}");
    let mut known = all();
    known.remove(&"1.0.0".parse().unwrap());
    let bytes = put_events(Some(&old), &history(&world), &world.package, &known).unwrap();
    let value: serde_json::Map<String, serde_json::Value> = json::parse(&bytes).unwrap();
    assert_eq!(value["x-mine"], serde_json::json!([1]));
    let last: Vec<&String> = value.keys().rev().take(2).collect();
    assert_eq!(last, ["x-yours", "x-mine"]);
    let known: Vec<String> = summaries_of(&bytes).into_keys().collect();
    assert_eq!(known, ["1.1.0", "1.2.0"]);
    assert!(put_events(Some(b"[]"), &history(&world), &[], &all()).is_err());
}

#[test]
fn a_claimed_name_has_an_index_without_versions() {
    let mut world = World::new(&root(), &["root"]);
    world.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    let bytes = put_events(None, &history(&world), &world.package, &BTreeMap::new()).unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    assert!(index.versions.is_empty() && index.latest.is_none() && index.deprecated.is_none());
    assert_eq!(index.events.len(), 1);
}

#[test]
fn unsigned_registries_have_nothing_of_it() {
    let release = release("1.0.0");
    let metadata = Digest::of(&release.to_bytes());
    let bytes = put_releases(None, &[(release.clone(), metadata)]).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for field in ["events", "deprecated", "integrity", "about"] {
        assert!(!text.contains(field), "{field}");
    }
    let index: PackageIndex = json::parse(&bytes).unwrap();
    let summary = &index.releases[&release.version];
    assert_eq!(summary.metadata, Some(metadata));
    assert_eq!(summary.artifacts, release.artifacts);
}

#[test]
fn an_index_of_version_0_1_is_right_as_it_is() {
    let (releases, world) = (unlike(), world_of(&unlike()));
    let history = history(&world);
    let put =
        |existing: &[u8]| put_events_alike(existing, &history, &world.package, &releases).unwrap();
    let now = put_events(None, &history, &world.package, &releases).unwrap();
    let mut fields: serde_json::Map<_, _> = json::parse(&now).unwrap();
    fields.insert("x-mine".into(), 1.into());
    let with_more = json::to_line(&fields.clone().into());
    for field in ["license", "published_at"] {
        assert!(fields.shift_remove(field).is_some(), "{field}");
    }
    let old = json::to_line(&fields.clone().into());
    assert_eq!(put(&old), old);
    assert!(!same_additions(&old, &now) && same_additions(&with_more, &now));
    // With one of the fields, all of them belong there.
    fields.insert("license".into(), "MIT".into());
    let mixed = json::to_line(&fields.into());
    assert_ne!(put(&mixed), mixed);
    assert!(same_additions(&put(&mixed), &now));
    assert_eq!(put(b"{}"), now);
    // Version 0.1 added the last version, and kept what it does not know.
    let fewer: BTreeMap<_, _> = releases
        .clone()
        .into_iter()
        .take(releases.len() - 1)
        .collect();
    let world_before = world_of(&fewer);
    let before = world_before.verify("tool").unwrap();
    let before = put_events(None, &before, &world_before.package, &fewer).unwrap();
    let before: serde_json::Map<_, _> = json::parse(&before).unwrap();
    let mut fields: serde_json::Map<_, _> = json::parse(&old).unwrap();
    fields.shift_remove("x-mine");
    fields.insert("license".into(), before["license"].clone());
    fields.insert("published_at".into(), before["published_at"].clone());
    let added = json::to_line(&fields.clone().into());
    assert_eq!(put(&added), added);
    // What it kept must have been right.
    fields.insert("license".into(), "GPL-3.0".into());
    let changed = json::to_line(&fields.into());
    assert_ne!(put(&changed), changed);
}
