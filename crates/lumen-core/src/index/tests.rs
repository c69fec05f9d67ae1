//! Reading and rewriting the files of unsigned registries.

use serde::Deserializer as _;
use serde_json::{Value, json};

use super::{global::AtMost, *};
use crate::{
    digest::Digest,
    json,
    key::ArtifactKind,
    limits::{Row, rows},
    name::PackageName,
    version::Version,
};

fn release(version: &str) -> Release {
    Release {
        artifacts: vec![Artifact::new(
            ArtifactKind::Tar,
            Digest::of(version.as_bytes()),
            3,
        )],
        description: Some("Utility functions".into()),
        categories: vec!["utilities".into()],
        ..Release::new(
            PackageName::parse("my-utils").unwrap(),
            Version::parse(version).unwrap(),
        )
    }
}

#[test]
fn the_guides_files_are_read() {
    let index: PackageIndex = json::parse(
        br#"{"name": "my-utils", "versions": ["0.1.0", "1.0.0"], "latest": "1.0.0", "yanked": {},
             "prereleases": [], "description": "Utility functions", "categories": ["utilities"]}"#,
    )
    .unwrap();
    assert_eq!(index.versions.len(), 2);
    let global: GlobalIndex =
        json::parse(br#"{"name": "local-dev", "version": "1.0.0", "packages": []}"#).unwrap();
    assert!(global.packages.is_empty());
}

#[test]
fn rewriting_keeps_foreign_fields_and_sorts() {
    let old = br#"{"x-mine": {"b": 1}, "name": "my-utils", "versions": ["1.0.0"], "yanked": {"1.0.0": true}}"#;
    let releases = ["1.10.0", "1.9.0", "2.0.0-rc.1"]
        .map(|v| (release(v), Digest::of(b"m")))
        .to_vec();
    let bytes = put_releases(Some(old), &releases).unwrap();
    let value: Value = json::parse(&bytes).unwrap();
    assert_eq!(value["x-mine"]["b"], 1);
    assert_eq!(
        value["versions"],
        json!(["1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1"])
    );
    assert_eq!(value["prereleases"], json!(["2.0.0-rc.1"]));
    assert_eq!(value["latest"], "1.10.0");
    let keys: Vec<&String> = value["releases"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["1.9.0", "1.10.0", "2.0.0-rc.1"]);

    let bytes = put_yank(&bytes, &Version::new(1, 10, 0), Some("broken")).unwrap();
    let index: PackageIndex = json::parse(&bytes).unwrap();
    assert_eq!(
        index.yank_reason(&Version::new(1, 10, 0)),
        Some(Some("broken"))
    );
    assert_eq!(index.yank_reason(&Version::new(1, 0, 0)), Some(None));
    assert_eq!(index.latest, Some(Version::new(1, 9, 0)));
    let undone: PackageIndex =
        json::parse(&put_yank(&bytes, &Version::new(1, 10, 0), None).unwrap()).unwrap();
    assert_eq!(undone.latest, Some(Version::new(1, 10, 0)));
}

#[test]
fn global_index_stays_sorted_and_counts() {
    let quick_start =
        br#"{"name": "local-dev", "version": "1.0.0", "packages": [{"name": "zed"}]}"#;
    let package = put_releases(None, &[(release("1.0.0"), Digest::of(b"m"))]).unwrap();
    let package: PackageIndex = json::parse(&package).unwrap();
    let bytes = put_package_entry(quick_start, &package, "2024-01-15T10:30:00Z")
        .unwrap()
        .unwrap();
    let value: Value = json::parse(&bytes).unwrap();
    assert_eq!(value["package_count"], 2);
    assert_eq!(value["packages"][0]["name"], "my-utils");
    assert_eq!(value["packages"][0]["latest"], "1.0.0");
    assert_eq!(
        put_package_entry(&bytes, &package, "2025-01-01T00:00:00Z").unwrap(),
        None
    );
}

#[test]
fn artifact_addresses_are_checked() {
    let mut release = release("1.0.0");
    assert!(identity(&release.artifacts).is_ok());
    release.artifacts[0].url = "artifacts/sha256/ab/evil.tar".into();
    assert!(matches!(
        identity(&release.artifacts),
        Err(ArtifactError::Address { .. })
    ));
    assert_eq!(identity(&[]), Err(ArtifactError::Missing));
}

#[test]
fn a_list_of_packages_has_an_end() {
    let within = |value: u64| {
        let most = Row {
            value,
            ..rows::MAX_LISTED_PACKAGES
        };
        let mut list = serde_json::Deserializer::from_str(r#"[{"name":"a"},{"name":"b"}]"#);
        list.deserialize_seq(AtMost(most))
    };
    assert_eq!(within(2).unwrap().len(), 2);
    let error = within(1).unwrap_err().to_string();
    assert!(
        error.starts_with("too many packages; the limit `MAX_LISTED_PACKAGES` is 1 at line 1"),
        "{error}"
    );
}
