//! Rewriting of index files: works on the JSON itself, so that unknown fields survive.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{FORMAT, PackageEntry, PackageIndex, Release, ReleaseSummary, about::SHOWN};
use crate::{
    digest::Digest,
    json::{self, JsonError},
    version::{self, Version},
};

/// A new, empty global index.
pub fn new_global_index(registry_name: &str, now: &str) -> Vec<u8> {
    json::to_bytes(&json!({
        "name": registry_name, "version": "1.0.0", "format": FORMAT,
        "updated_at": now, "package_count": 0, "packages": [],
    }))
}

/// Adds or replaces releases in a package index (`None`: a new one), keeping every field it does not own.
///
/// # Errors
/// When the existing bytes are not a package index.
pub fn put_releases(
    existing: Option<&[u8]>,
    releases: &[(Release, Digest)],
) -> Result<Vec<u8>, JsonError> {
    let mut root = object(existing)?;
    let Some((newest, _)) = releases.iter().max_by(|a, b| a.0.version.cmp(&b.0.version)) else {
        return Ok(json::to_bytes(&Value::Object(root)));
    };
    root.entry("name").or_insert_with(|| json!(newest.name));
    for field in ["versions", "prereleases"] {
        root.entry(field).or_insert_with(|| json!([]));
    }
    root.entry("latest").or_insert(Value::Null);
    root.entry("yanked").or_insert_with(|| json!({}));
    let summaries = root.entry("releases").or_insert_with(|| json!({}));
    if let Value::Object(summaries) = summaries {
        for (release, metadata) in releases {
            summaries.insert(
                release.version.to_string(),
                json!(ReleaseSummary::of(release.clone(), *metadata)),
            );
        }
        sort_by_version(summaries);
    }
    let index: PackageIndex = reread(&root)?;
    let mut versions = index.versions.clone();
    versions.extend(releases.iter().map(|(release, _)| release.version.clone()));
    versions.sort();
    versions.dedup();
    if versions.last() == Some(&newest.version) {
        root.insert(
            "description".into(),
            json!(newest.description.clone().unwrap_or_default()),
        );
        root.insert("categories".into(), json!(newest.categories));
        put_shown(&mut root, Some(newest));
    }
    let times = root.entry("published_at").or_insert_with(|| json!({}));
    if let Value::Object(times) = times {
        for (release, _) in releases {
            if let Some(time) = &release.published_at {
                times.insert(release.version.to_string(), json!(time));
            }
        }
        sort_by_version(times);
    }
    root.insert(
        "prereleases".into(),
        json!(
            versions
                .iter()
                .filter(|v| !v.pre.is_empty())
                .collect::<Vec<_>>()
        ),
    );
    root.insert(
        "latest".into(),
        json!(version::latest(&versions, |v| index.is_yanked(v))),
    );
    root.insert("versions".into(), json!(versions));
    Ok(json::to_bytes(&Value::Object(root)))
}

/// Sets `latest` to the newest version that is not yanked. Returns `None` when it says so
/// already, or is not there.
///
/// # Errors
/// When the existing bytes are not a package index.
pub fn put_latest(existing: &[u8]) -> Result<Option<Vec<u8>>, JsonError> {
    let mut root = object(Some(existing))?;
    let index: PackageIndex = reread(&root)?;
    let newest = version::latest(&index.versions, |v| index.is_yanked(v));
    if !root.contains_key("latest") || index.latest.as_ref() == newest {
        return Ok(None);
    }
    root.insert("latest".into(), json!(newest));
    Ok(Some(json::to_bytes(&Value::Object(root))))
}

/// Sets what a package index repeats of its newest release for pages and bots; a field that the
/// release lacks goes away.
pub(super) fn put_shown(root: &mut Map<String, Value>, newest: Option<&Release>) {
    let fields = newest.map_or(Value::Null, |newest| json!(newest));
    for field in SHOWN {
        match fields.get(field) {
            Some(value) => drop(root.insert(field.into(), value.clone())),
            None => drop(root.shift_remove(field)),
        }
    }
}

/// Marks a version as yanked for a reason, or takes that back (`None`).
///
/// # Errors
/// When the existing bytes are not a package index.
pub fn put_yank(
    existing: &[u8],
    version: &Version,
    reason: Option<&str>,
) -> Result<Vec<u8>, JsonError> {
    let mut root = object(Some(existing))?;
    let yanked = root.entry("yanked").or_insert_with(|| json!({}));
    if let Value::Object(yanked) = yanked {
        match reason {
            Some(reason) => drop(yanked.insert(version.to_string(), json!(reason))),
            None => drop(yanked.shift_remove(&version.to_string())),
        }
        sort_by_version(yanked);
    }
    let index: PackageIndex = reread(&root)?;
    root.insert(
        "latest".into(),
        json!(version::latest(&index.versions, |v| index.is_yanked(v))),
    );
    Ok(json::to_bytes(&Value::Object(root)))
}

/// Brings a package's entry in the global index up to date with its package index.
///
/// Returns `None` when the entry says so already.
///
/// # Errors
/// When the existing bytes are not a global index.
pub fn put_package_entry(
    existing: &[u8],
    package: &PackageIndex,
    now: &str,
) -> Result<Option<Vec<u8>>, JsonError> {
    put_package_entries(existing, std::slice::from_ref(package), now)
}

/// As [`put_package_entry`], for many packages.
///
/// # Errors
/// When the existing bytes are not a global index.
pub fn put_package_entries(
    existing: &[u8],
    packages: &[PackageIndex],
    now: &str,
) -> Result<Option<Vec<u8>>, JsonError> {
    let mut root = object(Some(existing))?;
    let entries = entries_of(&mut root)?;
    let mut changed = false;
    let mut places: HashMap<String, usize> = places(entries);
    for package in packages {
        let at = places.get(package.name.as_str()).copied();
        let mut entry = at
            .and_then(|at| entries[at].as_object().cloned())
            .unwrap_or_default();
        let before = entry.clone();
        set_entry(&mut entry, &PackageEntry::of(package));
        if entry == before {
            continue;
        }
        changed = true;
        match at {
            Some(at) => entries[at] = Value::Object(entry),
            None => {
                let after = entries
                    .iter()
                    .position(|other| name_of(other) > package.name.as_str());
                entries.insert(after.unwrap_or(entries.len()), Value::Object(entry));
                places = self::places(entries);
            }
        }
    }
    if !changed {
        return Ok(None);
    }
    let count = entries.len();
    root.insert("updated_at".into(), json!(now));
    root.insert("package_count".into(), json!(count));
    Ok(Some(json::to_bytes(&Value::Object(root))))
}

/// A global index with exactly these packages; other fields of their entries are kept.
///
/// # Errors
/// When the existing bytes are not a global index.
pub fn set_package_entries(
    existing: &[u8],
    packages: &[PackageEntry],
) -> Result<Vec<u8>, JsonError> {
    let mut root = object(Some(existing))?;
    let entries = entries_of(&mut root)?;
    let places = places(entries);
    let entry = |package: &PackageEntry| {
        let old = places.get(package.name.as_str()).map(|at| &entries[*at]);
        if let Some(old) = old
            && serde_json::from_value(old.clone()).is_ok_and(|old: PackageEntry| old.same(package))
        {
            return old.clone();
        }
        let mut entry = old.and_then(Value::as_object).cloned().unwrap_or_default();
        set_entry(&mut entry, package);
        Value::Object(entry)
    };
    *entries = packages.iter().map(entry).collect();
    root.insert("package_count".into(), json!(packages.len()));
    Ok(json::to_bytes(&Value::Object(root)))
}

fn set_entry(entry: &mut Map<String, Value>, package: &PackageEntry) {
    entry.insert("name".into(), json!(package.name));
    entry.insert("latest".into(), json!(package.latest));
    let description = package.description.as_deref().unwrap_or_default();
    entry.insert("description".into(), json!(description));
}

/// The array `packages` of a global index.
fn entries_of(root: &mut Map<String, Value>) -> Result<&mut Vec<Value>, JsonError> {
    match root.entry("packages").or_insert_with(|| json!([])) {
        Value::Array(entries) => Ok(entries),
        _ => Err(JsonError {
            message: "`packages` must be an array".into(),
            line: 1,
            column: 1,
        }),
    }
}

fn name_of(entry: &Value) -> &str {
    let name = entry.get("name").and_then(Value::as_str);
    name.unwrap_or_default()
}

/// Where each package is; of two with one name, the first.
fn places(entries: &[Value]) -> HashMap<String, usize> {
    let named = entries.iter().enumerate().rev();
    named
        .map(|(at, entry)| (name_of(entry).to_owned(), at))
        .collect()
}

pub(super) fn object(bytes: Option<&[u8]>) -> Result<Map<String, Value>, JsonError> {
    bytes.map_or_else(|| Ok(Map::new()), json::parse_tree)
}

/// Checks the shape of a document that is being edited.
fn reread<T: serde::de::DeserializeOwned>(root: &Map<String, Value>) -> Result<T, JsonError> {
    json::parse_checked(&json::to_bytes(&Value::Object(root.clone())))
}

fn sort_by_version(map: &mut Map<String, Value>) {
    let mut entries: Vec<_> = std::mem::take(map)
        .into_iter()
        .map(|(key, value)| (Version::parse(&key).ok(), key, value))
        .collect();
    entries.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    map.extend(entries.into_iter().map(|(_, key, value)| (key, value)));
}
