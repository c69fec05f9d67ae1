//! One package: all its events, their meaning, and the index derived from them.

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    Version,
    index::{PackageIndex, ReleaseSummary, VERSION_MEMORY, logged_releases},
    limits::MAX_SUMMARIZED_BYTES,
    trust::{Event, HistoryError, PackageHistory},
    version,
};
use serde_json::{Map, Value, json};

use super::{TrustError, known::Standing, map::Proof};
use crate::{
    location::Location,
    source::{Listed, Source},
};

/// A package with a valid history.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) index: Arc<PackageIndex>,
    pub(crate) history: Arc<PackageHistory>,
    pub(crate) standing: Standing,
    pub(crate) proof: Proof,
}

/// All events that the log has of a name.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) events: Vec<Event>,
    pub(super) proof: Proof,
}

impl Default for Complete {
    /// Nothing: of a name that the log does not have.
    fn default() -> Self {
        Self {
            events: Vec::new(),
            proof: Proof::Map,
        }
    }
}

impl Package {
    /// Fails when owners that the user relied on were replaced.
    pub(crate) fn accepted(&self, source: &Source) -> Result<(), TrustError> {
        let Standing::Replaced(by) = &self.standing else {
            return Ok(());
        };
        let url = source.location().map(Location::url);
        Err(TrustError::Overridden {
            registry: url.unwrap_or_else(|| source.name().to_owned()),
            by: Box::new(by.clone()),
        })
    }
}

/// The index that a client sees: made from the log; from the host's file only signed data.
pub(super) fn index(history: &PackageHistory, listed: &Listed) -> Result<PackageIndex, TrustError> {
    let valid = history
        .releases
        .iter()
        .filter(|(_, release)| !release.is_void());
    let versions: Vec<Version> = valid.map(|(version, _)| version.clone()).collect();
    let latest = version::latest(&versions, |version| history.yanked.contains_key(version));
    let yanked: BTreeMap<&Version, &str> = history
        .yanked
        .iter()
        .map(|(version, yanked)| (version, yanked.reason.as_str()))
        .collect();
    let deprecated = history.deprecated.as_ref().map(|deprecated| {
        let mut fields = Map::new();
        fields.insert("reason".into(), json!(deprecated.reason));
        if let Some(replacement) = &deprecated.replacement {
            fields.insert("replacement".into(), json!(replacement));
        }
        fields.insert("at".into(), json!(deprecated.time));
        fields
    });
    let mut good = logged_releases(history, &listed.releases, MAX_SUMMARIZED_BYTES);
    good.retain(|version, _| versions.binary_search(version).is_ok());
    let newest = good.values().next_back();
    let mut fields = json!({
        "name": history.name, "versions": versions, "latest": latest, "yanked": yanked,
    });
    if let Some(newest) = newest {
        fields["description"] = json!(newest.description);
        fields["categories"] = json!(newest.categories);
    }
    if let Some(deprecated) = deprecated {
        fields["deprecated"] = Value::Object(deprecated);
    }
    let index: Result<PackageIndex, _> = serde_json::from_value(fields);
    let mut index = index.map_err(|error| TrustError::History {
        name: history.name.to_string(),
        reason: error.to_string(),
    })?;
    index.bytes = (listed.events.iter())
        .map(|event| event.note.len() as u64)
        .sum();
    index.memory = index.bytes + VERSION_MEMORY * index.versions.len() as u64;
    for (version, release) in good {
        if let Some(logged) = history.releases.get(&version) {
            index.bytes += logged.size;
            let summary = ReleaseSummary::of(release, logged.metadata);
            let before = index.releases.last_key_value();
            index.memory += summary.memory(before.map(|(_, before)| before));
            index.releases.insert(version, summary);
        }
    }
    Ok(index)
}

/// A history that does not hold, as the attack it is.
pub(crate) fn refusal(name: &str, error: HistoryError) -> TrustError {
    let (name, reason) = (name.to_owned(), error.to_string());
    match error {
        HistoryError::WrongOwner { .. }
        | HistoryError::Unowned { .. }
        | HistoryError::EndedKey { .. }
        | HistoryError::Superseded { .. }
        | HistoryError::Threshold { .. } => TrustError::WrongOwner { name, reason },
        HistoryError::Origin { .. } => TrustError::Replay { name, reason },
        _ => TrustError::History { name, reason },
    }
}
