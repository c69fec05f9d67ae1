//! Index files of signed registries: made from the events of the log and the releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Deprecation, Release,
    about::SHOWN,
    rewrite::{object, put_shown},
    summary::{about, shortened},
};
use crate::{
    json::{self, JsonError},
    trust::{Event, Measure, PackageHistory},
    version::{self, Version},
};

/// The reason given for releases of a key that was revoked.
pub const REVOKED: &str = "its signing key was revoked";

/// The reason given for releases that moderators blocked, with theirs.
fn blocked(reason: &str) -> String {
    format!("blocked by the registry's moderators: {reason}")
}

/// The fields that follow from events and releases, in the order of the file: those that
/// version 0.1 knew, and `blocked`, which is only in registries that it cannot read. Then come [`ADDED`] and [`SHOWN`], which version 0.1 takes for fields of
/// another tool: it keeps them, and everything else in the file is as it makes it.
const OWN: [&str; 11] = [
    "name",
    "versions",
    "prereleases",
    "latest",
    "yanked",
    "description",
    "categories",
    "deprecated",
    "blocked",
    "releases",
    "events",
];

/// Fields by version: when each was published, and the fields that its summary lacks.
const ADDED: [&str; 2] = ["published_at", "about"];

/// Whether the fields of an index that version 0.1 did not know are those of another; both
/// may have them or not.
pub fn same_additions(index: &[u8], other: &[u8]) -> bool {
    let fields = |bytes: &[u8]| {
        let root = object(Some(bytes)).ok()?;
        let added = ADDED.iter().chain(&SHOWN);
        Some(
            added
                .map(|field| root.get(*field).cloned())
                .collect::<Vec<_>>(),
        )
    };
    fields(index) == fields(other)
}

/// `trust/root/index.json` and `trust/names/<@scope>/index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventList {
    /// The subject of the events, as a key of the name map.
    pub name: String,
    /// All of them, in the order of the log.
    pub events: Vec<Event>,
}

impl EventList {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_line(&json!(self))
    }
}

/// The events in a package index or an event list.
///
/// # Errors
/// When the bytes are neither.
pub fn events_of(bytes: &[u8]) -> Result<Vec<Event>, JsonError> {
    #[derive(Deserialize)]
    struct Events {
        #[serde(default)]
        events: Vec<Event>,
    }
    json::parse::<Events>(bytes).map(|list| list.events)
}

/// The package index that follows from a history: the same bytes for every writer at any time.
///
/// `releases` are those whose files were logged, `existing` is the file as it is: fields that
/// do not follow from the log stay.
///
/// # Errors
/// When the existing bytes are not a JSON object.
pub fn put_events(
    existing: Option<&[u8]>,
    history: &PackageHistory,
    events: &[Event],
    releases: &BTreeMap<Version, Release>,
) -> Result<Vec<u8>, JsonError> {
    let foreign = object(existing)?;
    let mut root = first_form(history, events, releases);
    root.extend(additions(history, releases, |_| true));
    let is_own = |field: &str| [&OWN[..], &ADDED, &SHOWN].concat().contains(&field);
    for (field, value) in foreign {
        if !is_own(&field) {
            root.insert(field, value);
        }
    }
    Ok(json::to_line(&Value::Object(root)))
}

/// The package index as [`put_events`] makes it, or, if the existing one lacks what version
/// 0.1 did not know, of all versions or of those that it added, as that version makes it: both
/// are right.
///
/// # Errors
/// When the existing bytes are not a JSON object.
pub fn put_events_alike(
    existing: &[u8],
    history: &PackageHistory,
    events: &[Event],
    releases: &BTreeMap<Version, Release>,
) -> Result<Vec<u8>, JsonError> {
    let foreign = object(Some(existing))?;
    let added = |field: &str| ADDED.contains(&field) || SHOWN.contains(&field);
    let found = foreign.iter().filter(|(field, _)| added(field));
    let found: Map<String, Value> = found
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    let times = found.get("published_at").and_then(Value::as_object);
    let is_known =
        |version: &Version| times.is_some_and(|times| times.contains_key(&version.to_string()));
    // A writer of version 0.1 adds versions and leaves these fields as they were.
    let is_old = history.releases.keys().any(|version| !is_known(version));
    let is_right = found.is_empty() || (is_old && found == additions(history, releases, is_known));
    if !is_right || !foreign.contains_key("events") {
        return put_events(Some(existing), history, events, releases);
    }
    let mut root = first_form(history, events, releases);
    for (field, value) in foreign {
        if !OWN.contains(&field.as_str()) {
            root.insert(field, value);
        }
    }
    Ok(json::to_line(&Value::Object(root)))
}

/// The fields that version 0.1 did not know, as they follow from some of the versions.
fn additions(
    history: &PackageHistory,
    releases: &BTreeMap<Version, Release>,
    is_known: impl Fn(&Version) -> bool,
) -> Map<String, Value> {
    let known = history
        .releases
        .iter()
        .filter(|(version, _)| is_known(version));
    // Descriptions from void releases are not repeated.
    let mut good = known.clone().rev();
    let newest = good.find(|(_, release)| !release.is_void());
    let newest = newest.and_then(|(version, _)| releases.get(version));
    let mut fields = Map::new();
    put_shown(&mut fields, newest);
    let times = known.map(|(version, logged)| {
        let release = releases.get(version);
        let time = release.and_then(|release| release.published_at.as_ref());
        (version.to_string(), json!(time.unwrap_or(&logged.time)))
    });
    fields.insert("published_at".into(), Value::Object(times.collect()));
    let about = about(releases.iter().filter(|(version, _)| is_known(version)));
    if about.as_object().is_some_and(|about| !about.is_empty()) {
        fields.insert("about".into(), about);
    }
    fields
}

/// The fields that version 0.1 knew.
fn first_form(
    history: &PackageHistory,
    events: &[Event],
    releases: &BTreeMap<Version, Release>,
) -> Map<String, Value> {
    let mut yanked: BTreeMap<_, String> = history
        .yanked
        .iter()
        .map(|(version, yanked)| (version, yanked.reason.clone()))
        .collect();
    // A quarantine ends without a new file, so it is not here.
    let blocks = history.moderation.blocks();
    for block in (blocks.iter()).filter(|block| matches!(block.said.measure, Measure::Block(_))) {
        let covered = (history.releases.keys()).filter(|version| block.said.covers.has(version));
        yanked.extend(covered.map(|version| (version, blocked(&block.said.reason))));
    }
    let revoked = history
        .releases
        .iter()
        .filter(|(_, release)| release.is_void());
    yanked.extend(revoked.map(|(version, _)| (version, REVOKED.to_owned())));
    let versions: Vec<_> = history.releases.keys().cloned().collect();
    // Descriptions from void releases are not repeated.
    let mut good = history.releases.iter().rev();
    let newest = good.find(|(_, release)| !release.is_void());
    let newest = newest.and_then(|(version, _)| releases.get(version));
    let prereleases: Vec<_> = versions.iter().filter(|v| !v.pre.is_empty()).collect();
    let latest = version::latest(&versions, |version| yanked.contains_key(version));
    let description = newest.and_then(|release| release.description.clone());
    let categories = newest.map(|release| release.categories.clone());
    let deprecated = history.deprecated.as_ref().map(|deprecated| Deprecation {
        reason: deprecated.reason.clone(),
        replacement: deprecated.replacement.clone(),
        at: Some(deprecated.time.clone()),
    });
    let reason = |(version, reason): (&&Version, &String)| (version.to_string(), json!(reason));
    let yanked_by: Map<String, Value> = yanked.iter().map(reason).collect();
    let mut root = Map::new();
    let values = [
        json!(history.name),
        json!(versions),
        json!(prereleases),
        json!(latest),
        Value::Object(yanked_by),
        json!(description.unwrap_or_default()),
        json!(categories.unwrap_or_default()),
        json!(deprecated),
        blocks
            .iter()
            .filter_map(|block| block.said.to_json())
            .collect(),
        shortened(history, releases),
        json!(events),
    ];
    for (field, value) in OWN.into_iter().zip(values) {
        let is_empty = field == "blocked" && blocks.is_empty();
        if (!value.is_null() || field == "latest") && !is_empty {
            root.insert(field.into(), value);
        }
    }
    root
}
