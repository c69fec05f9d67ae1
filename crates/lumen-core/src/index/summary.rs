//! Summaries in the index of a signed package: all of a release, without what the file
//! says elsewhere.
//!
//! A summary is *short* when its artifacts have no `url`, which is their content address.
//! Then `published_at` may be missing, and is the time of the statement that published the
//! release. All other missing fields, except `artifacts`, are those of the release before it
//! in the order of versions: whole fields, and members of fields that are objects.
//!
//! The log has the digest of each release's file, so a client that completes a summary
//! wrongly notices. A client that does not know this form cannot mistake a short summary
//! for a whole one.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json, value::RawValue};

use super::{Release, about::ABOUT, memory::weight, patch};
use crate::{
    constraint::Constraint,
    digest::Digest,
    json,
    key::{ArtifactKind, Key},
    limits::{MAX_INDEX_MEMORY, MAX_RELEASE_BYTES},
    name::PackageName,
    trust::PackageHistory,
    version::Version,
};

/// The summaries of a signed index as they are in the file, none of it believed yet.
pub type Summaries = BTreeMap<String, Summary>;

type Fields = Map<String, Value>;

/// A summary as it is in the file: its text, which takes less memory than the parsed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    fields: Box<str>,
    /// Its entry in `about`.
    about: Option<Box<str>>,
}

impl Summary {
    /// Its fields; `None` where it is no object, or longer than a release may be.
    pub fn fields(&self) -> Option<Map<String, Value>> {
        parsed(&self.fields)
    }

    /// What changes in the fields that the first form lacks, against the release before.
    fn changes(&self) -> Option<Map<String, Value>> {
        self.about
            .as_ref()
            .map_or_else(|| Some(Fields::new()), |about| parsed(about))
    }
}

fn parsed(text: &str) -> Option<Map<String, Value>> {
    match text.len() as u64 <= MAX_RELEASE_BYTES {
        true => serde_json::from_str(text).ok(),
        false => None,
    }
}

impl From<Map<String, Value>> for Summary {
    fn from(fields: Map<String, Value>) -> Self {
        Self {
            fields: Value::Object(fields).to_string().into(),
            about: None,
        }
    }
}

impl<'de> Deserialize<'de> for Summary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            fields: Box::<RawValue>::deserialize(deserializer)?.into(),
            about: None,
        })
    }
}

/// What an index says of releases beside their summaries: `about`. Another value than an
/// object, which another tool may have written there, is none.
#[derive(Debug, Default)]
pub struct Abouts(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Abouts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(text.get()).unwrap_or_default()))
    }
}

/// Adds what an index says about releases to their summaries.
pub fn with_about(mut summaries: Summaries, about: Abouts) -> Summaries {
    for (version, about) in about.0 {
        if let Some(summary) = summaries.get_mut(&version) {
            summary.about = Some(about.into());
        }
    }
    summaries
}

/// The most that fields weigh for each byte of the file that they give: a value that weighs
/// eight has two bytes there at least, and a byte of a text has one.
const WEIGHT_OF_FILE: u64 = 4;

/// The summaries in the bytes of a package index; none when it cannot be read.
pub fn summaries_of(index: &[u8]) -> Summaries {
    #[derive(Default, Deserialize)]
    struct Index {
        #[serde(default)]
        releases: Summaries,
        #[serde(default)]
        about: Abouts,
    }
    let index: Index = json::parse(index).unwrap_or_default();
    with_about(index.releases, index.about)
}

/// Those releases of the log whose summaries give the bytes of the files that were logged.
///
/// The newest come first: when all files together have more than `most` bytes, the oldest are
/// left out, as if they had no summaries. A short summary replaces a long file, so the
/// completed summaries can be much larger than the index.
pub fn logged_releases(
    history: &PackageHistory,
    summaries: &Summaries,
    most: u64,
) -> BTreeMap<Version, Release> {
    let sorted: BTreeMap<Version, &Summary> = summaries
        .iter()
        .filter_map(|(version, summary)| Some((Version::parse(version).ok()?, summary)))
        .collect();
    let oldest = oldest_within(history, &sorted, most);
    let mut kept = Kept::default();
    let (mut fields, mut about) = (Fields::new(), Fields::new());
    for (version, summary) in sorted {
        match summary.fields() {
            Some(own) => put(&mut fields, history, &version, own),
            None => fields.clear(),
        }
        match summary.changes() {
            Some(changes) => patch::apply(&mut about, changes),
            None => about.clear(),
        }
        let weight: u64 = fields.values().chain(about.values()).map(weight).sum();
        if weight > WEIGHT_OF_FILE * MAX_RELEASE_BYTES {
            // No release has that many, and a summary that builds on these is invalid, too.
            fields.clear();
            about.clear();
        }
        let Some(logged) = history.releases.get(&version) else {
            // It still comes before others.
            continue;
        };
        let is_old = oldest.as_ref().is_none_or(|oldest| version < *oldest);
        if is_old || weight > WEIGHT_OF_FILE.saturating_mul(logged.size) {
            continue;
        }
        let mut all = fields.clone();
        all.extend(about.clone());
        let Some(release) = release(history, &version, all) else {
            continue;
        };
        let bytes = release.to_bytes();
        if bytes.len() as u64 == logged.size && Digest::of(&bytes) == logged.metadata {
            kept.put(version, release);
        }
    }
    kept.releases
}

/// Releases that together take no more than [`MAX_INDEX_MEMORY`], the newest of those that
/// were put.
#[derive(Default)]
struct Kept {
    releases: BTreeMap<Version, Release>,
    /// What each of them takes, and all of them.
    each: VecDeque<u64>,
    all: u64,
}

impl Kept {
    /// Puts a release that is newer than all others.
    fn put(&mut self, version: Version, mut release: Release) {
        let before = self.releases.last_key_value().map(|(_, before)| before);
        if let Some(before) = before {
            share(&mut release, before);
        }
        let memory = release.memory(before);
        self.each.push_back(memory);
        self.all += memory;
        self.releases.insert(version, release);
        while self.all > MAX_INDEX_MEMORY && self.releases.pop_first().is_some() {
            self.all -= self.each.pop_front().unwrap_or_default();
        }
    }
}

/// The oldest release whose file, with those of all newer ones, has no more bytes than this.
fn oldest_within(
    history: &PackageHistory,
    summaries: &BTreeMap<Version, &Summary>,
    most: u64,
) -> Option<Version> {
    let mut sum = 0_u64;
    let logged = |version: &Version| Some(history.releases.get(version)?.size);
    let newest_first = summaries.keys().rev();
    newest_first
        .filter_map(|version| Some((version, logged(version)?)))
        .take_while(|(_, size)| {
            sum = sum.saturating_add(*size);
            sum <= most
        })
        .last()
        .map(|(version, _)| version.clone())
}

/// Makes the fields of one release those of the next, which this summary gives.
fn put(fields: &mut Fields, history: &PackageHistory, version: &Version, mut own: Fields) {
    if !lengthen(&mut own) {
        *fields = own;
        return;
    }
    fields.swap_remove("artifacts");
    fields.swap_remove("published_at");
    if let Some(logged) = history.releases.get(version) {
        fields.insert("published_at".into(), json!(logged.time));
    }
    for (field, value) in own {
        match (fields.get_mut(&field), value) {
            (Some(Value::Object(members)), Value::Object(own)) => members.extend(own),
            (_, value) => drop(fields.insert(field, value)),
        }
    }
}

/// Lets a release have the texts of another where they are the same.
fn share(release: &mut Release, other: &Release) {
    let shared = |(name, constraint): (PackageName, Constraint)| {
        let known = other.deps.get_key_value(&name);
        match known.filter(|(_, known)| known.as_str() == constraint.as_str()) {
            Some((name, constraint)) => (name.clone(), constraint.clone()),
            None => (name, constraint),
        }
    };
    release.deps = std::mem::take(&mut release.deps)
        .into_iter()
        .map(shared)
        .collect();
}

/// The summaries of releases, by version; short where that is possible. They have the fields
/// of the first form, so that clients of version 0.1 make the same ones.
pub(super) fn shortened(history: &PackageHistory, releases: &BTreeMap<Version, Release>) -> Value {
    let mut summaries = Fields::new();
    let mut before = Fields::new();
    for (version, release) in releases {
        let mut fields = fields_of(release);
        fields.retain(|field, _| !ABOUT.contains(&field.as_str()));
        let mut summary = fields.clone();
        let left_out = left_out(history, &before, version);
        if covers(&fields, &left_out) && shorten(&mut summary) {
            strip(&mut summary, &left_out);
        }
        summaries.insert(version.to_string(), Value::Object(summary));
        before = fields;
    }
    Value::Object(summaries)
}

/// The fields that the first form lacks, by version: each as a change of those of the release
/// before. A version in which nothing changes is left out.
pub(super) fn about<'r>(releases: impl IntoIterator<Item = (&'r Version, &'r Release)>) -> Value {
    let mut changes = Fields::new();
    let mut before = Fields::new();
    for (version, release) in releases {
        let mut fields = fields_of(release);
        fields.retain(|field, _| ABOUT.contains(&field.as_str()));
        let change = patch::between(&before, &fields);
        if !change.is_empty() {
            changes.insert(version.to_string(), Value::Object(change));
        }
        before = fields;
    }
    Value::Object(changes)
}

/// The fields that a short summary leaves out: those of the release before, and its own time.
fn left_out(history: &PackageHistory, before: &Fields, version: &Version) -> Fields {
    let mut fields = before.clone();
    fields.shift_remove("artifacts");
    fields.shift_remove("published_at");
    if let Some(logged) = history.releases.get(version) {
        fields.insert("published_at".into(), json!(logged.time));
    }
    fields
}

/// Whether every field is present in `all`, so that a missing one was left out.
fn covers(all: &Fields, fields: &Fields) -> bool {
    fields
        .iter()
        .all(|(field, value)| match (all.get(field), value) {
            (Some(Value::Object(all)), Value::Object(members)) => {
                members.keys().all(|member| all.contains_key(member))
            }
            (own, _) => own.is_some(),
        })
}

/// Removes the fields that are the same in `others`.
fn strip(fields: &mut Fields, others: &Fields) {
    fields.retain(|field, value| match (value, others.get(field)) {
        (value, Some(other)) if value == other => false,
        (Value::Object(members), Some(Value::Object(others))) => {
            members.retain(|member, value| others.get(member) != Some(value));
            true
        }
        _ => true,
    });
}

/// Takes the addresses off the artifacts, if they follow from the rest. `false`: some do not.
fn shorten(fields: &mut Fields) -> bool {
    let artifacts = fields.get_mut("artifacts").and_then(Value::as_array_mut);
    let Some(artifacts) = artifacts.filter(|artifacts| !artifacts.is_empty()) else {
        return false;
    };
    let addressed = |artifact: &Value| {
        let own = artifact.get("url").and_then(Value::as_str);
        own.is_some() && own == address(artifact).as_deref()
    };
    if !artifacts.iter().all(addressed) {
        return false;
    }
    for artifact in artifacts.iter_mut().filter_map(Value::as_object_mut) {
        artifact.shift_remove("url");
    }
    true
}

/// Gives artifacts without address theirs. `false`: there are none, the summary is whole.
fn lengthen(fields: &mut Fields) -> bool {
    let artifacts = fields.get_mut("artifacts").and_then(Value::as_array_mut);
    let mut short = false;
    for artifact in artifacts.into_iter().flatten() {
        let address = address(artifact);
        if let (Some(artifact), Some(address)) = (artifact.as_object_mut(), address)
            && !artifact.contains_key("url")
        {
            artifact.insert("url".into(), address.into());
            short = true;
        }
    }
    short
}

/// The content address of an artifact, if it is of a known kind.
fn address(artifact: &Value) -> Option<String> {
    let text = |field: &str| artifact.get(field)?.as_str();
    let kind = ArtifactKind::from_name(text("kind")?)?;
    let hash: Digest = text("hash")?.parse().ok()?;
    Some(Key::artifact(&hash, kind).as_str().to_owned())
}

fn fields_of(release: &Release) -> Fields {
    let Value::Object(mut fields) = json!(release) else {
        return Fields::new();
    };
    fields.shift_remove("name");
    fields.shift_remove("version");
    fields
}

fn release(history: &PackageHistory, version: &Version, mut fields: Fields) -> Option<Release> {
    fields.insert("name".into(), json!(history.name));
    fields.insert("version".into(), json!(version));
    serde_json::from_value(Value::Object(fields)).ok()
}
