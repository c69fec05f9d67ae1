//! Package indexes that follow from events and releases.

use lumen_core::{
    Digest, PackageName,
    index::{
        self, Artifact, Integrity, PackageIndex, REVOKED, Release, ReleaseSummary, put_events,
        put_releases,
    },
    json,
    key::ArtifactKind,
    trust::{Action, PackageHistory},
};

use super::world::{World, after, owners, publish, revoked, root, statement, yank};

fn release(version: &str) -> (Release, Digest) {
    let tar = Artifact::new(ArtifactKind::Tar, Digest::of(version.as_bytes()), 9);
    let release = Release {
        name: PackageName::parse("tool").unwrap(),
        version: version.parse().unwrap(),
        deps: [("dep".parse().unwrap(), "^1.0".parse().unwrap())].into(),
        dependency_options: [("dep".parse().unwrap(), index::DependencyOptions::default())].into(),
        features: Default::default(),
        artifacts: vec![tar],
        integrity: Some(Integrity {
            manifest_hash: Some(Digest::of(b"manifest")),
        }),
        license: Some("MIT".into()),
        description: Some(format!("Version {version}")),
        categories: vec!["tools".into()],
        published_at: Some("2026-01-31T10:30:00Z".into()),
    };
    (release, Digest::of(version.as_bytes()))
}

/// Two releases, the first yanked; the package is deprecated.
fn world() -> World {
    let mut world = World::new(&root(), &["root"]);
    world.add(
        &owners("tool", &["ada"], &["ada", "bob"]).to_text(),
        &["ada"],
    );
    world.say(&statement("tool", 1, 1, publish("1.0.0")), "ada");
    world.say(&statement("tool", 1, 2, publish("1.1.0")), "ada");
    world.say(&statement("tool", 1, 3, publish("1.2.0")), "bob");
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

fn all() -> [(Release, Digest); 3] {
    ["1.0.0", "1.1.0", "1.2.0"].map(release)
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

#[test]
fn a_complete_summary_is_the_release() {
    let world = world();
    let bytes = put_events(None, &history(&world), &world.package, &all()).unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    for (release, _) in all() {
        let summary = &index.releases[&release.version];
        let again = summary.release(&release.name, &release.version);
        assert_eq!(again.to_bytes(), release.to_bytes());
    }
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
        let new: Vec<_> = all()
            .into_iter()
            .skip(count.wrapping_sub(2))
            .take(1)
            .collect();
        steps = Some(put_events(steps.as_deref(), &history, events, &new).unwrap());
    }
    assert_eq!(
        String::from_utf8(steps.unwrap()),
        String::from_utf8(whole.clone())
    );
    let again = put_events(Some(&whole), &history(&world), &world.package, &[]).unwrap();
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
fn foreign_fields_stay_and_summaries_of_other_bytes_go() {
    let world = world();
    let (other, _) = release("1.0.0");
    let mut old = put_releases(None, &[(other, Digest::of(b"other bytes"))]).unwrap();
    let closing = old.iter().rposition(|byte| *byte == b'}').unwrap();
    old.splice(closing.., *b", \"x-mine\": [1]}");
    let bytes = put_events(Some(&old), &history(&world), &world.package, &all()[1..]).unwrap();
    let value: serde_json::Value = json::parse(&bytes).unwrap();
    assert_eq!(value["x-mine"], serde_json::json!([1]));
    let index: PackageIndex = json::parse(&bytes).unwrap();
    let known: Vec<String> = index.releases.keys().map(ToString::to_string).collect();
    assert_eq!(known, ["1.1.0", "1.2.0"]);
    assert!(put_events(Some(b"[]"), &history(&world), &[], &[]).is_err());
}

#[test]
fn a_claimed_name_has_an_index_without_versions() {
    let mut world = World::new(&root(), &["root"]);
    world.add(&owners("tool", &["ada"], &["ada"]).to_text(), &["ada"]);
    let bytes = put_events(None, &history(&world), &world.package, &[]).unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    assert!(index.versions.is_empty() && index.latest.is_none() && index.deprecated.is_none());
    assert_eq!(index.events.len(), 1);
}

#[test]
fn unsigned_registries_have_nothing_of_it() {
    let (release, metadata) = release("1.0.0");
    let bytes = put_releases(None, &[(release.clone(), metadata)]).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for field in ["events", "deprecated", "integrity", "license"] {
        assert!(!text.contains(field), "{field}");
    }
    let summary = ReleaseSummary::of(&release, metadata);
    assert_eq!((summary.integrity, summary.license), (None, None));
}
