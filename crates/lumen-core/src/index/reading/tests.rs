//! Memory that an index takes, and what is kept of it.

use super::*;
use crate::limits::Unit;

fn read(text: &str) -> PackageIndex {
    PackageIndex::read(text.as_bytes()).unwrap()
}

/// An index with the fields of its only release, and with other fields.
fn index(fields: &str, others: &str) -> String {
    format!(
        r#"{{"name": "a", "versions": ["1.0.0"], "releases": {{"1.0.0": {{{fields}}}}}{others}}}"#
    )
}

fn many(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

#[test]
fn what_an_index_lists_is_counted_before_it_is_kept() {
    const COUNT: usize = 1000;
    let none = read(&index("", "")).memory;
    let object = |field: &str, items: String| format!(r#""{field}": {{{items}}}"#);
    let array = |field: &str, items: String| format!(r#""{field}": [{items}]"#);
    let text = |at: usize| format!(r#""{at}""#);
    let comparators = vec![">1"; 64].join(",");
    for fields in [
        object("deps", many(COUNT, |at| format!(r#""d{at}":"1""#))),
        object(
            "deps",
            many(9, |at| {
                format!(r#""d{at}":"{comparators},<{at}""#).replacen(">1,", "", 1)
            }),
        ),
        object(
            "dependency_options",
            many(COUNT, |at| format!(r#""d{at}":{{}}"#)),
        ),
        object("features", many(COUNT, |at| format!(r#""{at}":[]"#))),
        object("features", format!(r#""a":[{}]"#, many(COUNT, text))),
    ] {
        at_the_limit(&index(&fields, ""), none);
    }
    for others in [
        array("categories", many(COUNT, |_| r#""""#.into())),
        array("events", many(COUNT, |_| r#"{"i":0,"note":""}"#.into())),
    ] {
        at_the_limit(&index("", &format!(", {others}")), none);
    }
    // Before `versions`, yanks of versions that may be listed.
    let yanked = object("yanked", many(COUNT, |at| format!(r#""1.0.{at}":"""#)));
    at_the_limit(
        &format!(r#"{{{yanked}, "name": "a", "versions": []}}"#),
        none,
    );
    let versions = array("versions", many(COUNT, |at| format!(r#""1.0.{at}""#)));
    at_the_limit(&format!(r#"{{"name": "a", {versions}}}"#), none);
    let releases = object("releases", many(COUNT, |at| format!(r#""1.0.{at}":{{}}"#)));
    at_the_limit(
        &format!(r#"{{"name": "a", "versions": [], {releases}}}"#),
        none,
    );
}

/// Reads an index into as much memory as it takes, which is more than it has bytes, and
/// into one byte less.
#[track_caller]
fn at_the_limit(text: &str, little: u64) {
    let memory = read(text).memory;
    assert!(memory > little + text.len() as u64, "{memory}");
    let within = |most| PackageIndex::read_within(text.as_bytes(), most);
    assert_eq!(within(memory).unwrap().memory, memory);
    let error = within(memory - 1).unwrap_err();
    let most = Unit::Bytes.say(memory - 1);
    assert_eq!(
        error.message,
        format!("what this index lists takes more than {most} of memory")
    );
}

#[test]
fn what_is_not_kept_takes_no_memory() {
    let none = read(&index("", ""));
    let same = |text: String| {
        let index = read(&text);
        assert_eq!(index.memory, none.memory, "{text}");
        assert_eq!(index.releases, none.releases);
    };
    let unknown = many(1000, |at| format!(r#""{at}": [[], {{}}]"#));
    same(index(&format!(r#""unknown": {{{unknown}}}"#), ""));
    same(index("", &format!(r#", "unknown": {{{unknown}}}"#)));
    // Yanks of versions that are not listed.
    let yanked = many(1000, |at| format!(r#""2.0.{at}": ["why"]"#));
    same(index("", &format!(r#", "yanked": {{{yanked}}}"#)));
}

#[test]
fn texts_that_are_repeated_are_kept_once() {
    let release = |at: usize| format!(r#""1.0.{at}": {{"deps": {{"dep": "^1.0, <1.5"}}}}"#);
    let releases = many(2, release);
    let index = read(&format!(
        r#"{{"name": "a", "versions": [], "releases": {{{releases}}}}}"#
    ));
    let deps: Vec<_> = index.releases.values().flat_map(|one| &one.deps).collect();
    let [(name, constraint), (other_name, other)] = deps[..] else {
        panic!("{deps:?}");
    };
    assert!(std::ptr::eq(name.as_str(), other_name.as_str()));
    assert!(std::ptr::eq(constraint.as_str(), other.as_str()));
}

#[test]
fn yanks_of_listed_versions() {
    let listed = r#""versions": ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0"]"#;
    let yanked = r#""yanked": {"1.0.0": "why", "1.1.0": "", "1.2.0": false, "1.3.0": null,
        "1.4.0": {"by": [1], "reason": "old"}, "1.5.0": {"reason": ["x"]}, "1.6.0": 7, "2.0.0": true}"#;
    for fields in [[listed, yanked], [yanked, listed]] {
        let index = read(&format!(r#"{{"name": "a", {}}}"#, fields.join(", ")));
        let said: Vec<_> = index
            .versions
            .iter()
            .map(|version| index.yank_reason(version))
            .collect();
        assert_eq!(
            said,
            [
                Some(Some("why")),
                Some(None),
                None,
                None,
                Some(Some("old")),
                Some(None),
                Some(None)
            ]
        );
        assert!(!index.is_yanked(&Version::new(2, 0, 0)));
    }
}

#[test]
fn a_release_that_cannot_be_read_has_no_summary() {
    let releases =
        r#""1.0.0": {"deps": {"b": "some day"}}, "x": {}, "1.1.0": {"deps": {"b": "1"}}"#;
    let text = format!(r#"{{"name": "a", "versions": ["1.0.0"], "releases": {{{releases}}}}}"#);
    let index = read(&text);
    assert_eq!(
        index.releases.keys().collect::<Vec<_>>(),
        [&Version::new(1, 1, 0)]
    );
    // Then, too, memory is counted, and no further release is read.
    let error = PackageIndex::read_within(text.as_bytes(), index.memory - 1).unwrap_err();
    assert!(
        error.message.starts_with("what this index lists takes"),
        "{error}"
    );
    let error = PackageIndex::read(br#"{"name": "a", "versions": ["x"], "releases": {"x": 1}}"#);
    assert_eq!(error.unwrap_err().column, 30);
}
