//! How much memory metadata takes: an estimate, rather too high than too low.
//!
//! The numbers are bytes on a machine of 64 bits: of the value itself where it is kept, and of
//! the data that the loader and the resolver derive from it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Artifact, DependencyOptions, Provenance, Release, ReleaseSummary, SourceCommit};
use crate::{constraint::Constraint, name::PackageName, requirement::Features};

/// An item of a list of texts.
pub(super) const TEXT: u64 = 96;
/// An entry of `features`.
pub(super) const FEATURE: u64 = 192;
/// A version of a package, with its yank.
pub const VERSION_MEMORY: u64 = 192;
/// The summary of a release, without what it lists.
pub(super) const RELEASE: u64 = 512;
/// An entry of `deps`, which becomes a requirement, beside its name and constraint.
pub(super) const DEPENDENCY: u64 = 160;
/// An entry of `dependency_options`.
pub(super) const OPTIONS: u64 = 128;
/// An entry of `artifacts`.
pub(super) const ARTIFACT: u64 = 160;
/// An entry of `yanked`.
pub(super) const YANK: u64 = 128;

/// A name that nothing else has.
pub(super) fn of_name(name: &PackageName) -> u64 {
    TEXT + name.as_str().len() as u64
}

/// A constraint that nothing else has.
pub(super) fn of_constraint(constraint: &Constraint) -> u64 {
    const ALTERNATIVE: u64 = 32;
    const COMPARATOR: u64 = 64;
    let lengths = constraint.groups().iter().map(|group| group.len() as u64);
    2 * TEXT
        + constraint.as_str().len() as u64
        + lengths
            .map(|length| ALTERNATIVE + COMPARATOR * length)
            .sum::<u64>()
}

/// The texts of an artifact.
pub(super) fn of_artifact(artifact: &Artifact) -> u64 {
    (artifact.kind.len() + artifact.url.len()) as u64
}

/// What a release lists.
struct Lists<'a> {
    deps: &'a BTreeMap<PackageName, Constraint>,
    options: &'a BTreeMap<PackageName, DependencyOptions>,
    features: &'a Features,
    artifacts: &'a [Artifact],
}

impl Lists<'_> {
    fn memory(&self, before: Option<&BTreeMap<PackageName, Constraint>>) -> u64 {
        let is_shared = |name: &PackageName| {
            let known = before.and_then(|before| before.get_key_value(name));
            known.is_some_and(|(known, _)| std::ptr::eq(known.as_str(), name.as_str()))
        };
        let dependency = |(name, constraint): (&PackageName, &Constraint)| match is_shared(name) {
            true => DEPENDENCY,
            false => DEPENDENCY + of_name(name) + of_constraint(constraint),
        };
        let options = |(name, options): (&PackageName, &DependencyOptions)| {
            OPTIONS + of_name(name) + of_texts(&options.features)
        };
        let feature = |(name, effects): (&String, &Vec<String>)| {
            FEATURE + name.len() as u64 + of_texts(effects)
        };
        let artifact = |artifact: &Artifact| ARTIFACT + of_artifact(artifact);
        let lists: [u64; 4] = [
            self.deps.iter().map(dependency).sum(),
            self.options.iter().map(options).sum(),
            self.features.iter().map(feature).sum(),
            self.artifacts.iter().map(artifact).sum(),
        ];
        RELEASE + lists.iter().sum::<u64>()
    }
}

/// About how much memory a value takes, in bytes.
pub(super) fn weight(value: &Value) -> u64 {
    const NODE: u64 = 8;
    NODE + match value {
        Value::String(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| NODE + name.len() as u64 + weight(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn of_text(text: &str) -> u64 {
    TEXT + text.len() as u64
}

fn of_texts(texts: &[String]) -> u64 {
    texts.iter().map(|text| of_text(text)).sum()
}

fn of_source(source: &SourceCommit) -> u64 {
    let path = source.path.as_ref().map_or(0, String::len);
    OPTIONS + (source.vcs.len() + source.commit.len() + path) as u64
}

/// Objects of any form.
fn of_provenance(provenance: &Provenance) -> u64 {
    const VALUE: u64 = 256;
    let members = provenance.0.iter().flatten();
    let members = members.map(|(name, value)| name.len() as u64 + VALUE + weight(value));
    VALUE + members.sum::<u64>()
}

impl Release {
    /// Estimated bytes of memory. Values that it shares with the release `before` it count
    /// there.
    pub(super) fn memory(&self, before: Option<&Self>) -> u64 {
        let lists = Lists {
            deps: &self.deps,
            options: &self.dependency_options,
            features: &self.features,
            artifacts: &self.artifacts,
        };
        let texts = [
            &self.license,
            &self.description,
            &self.published_at,
            &self.repository,
            &self.homepage,
            &self.documentation,
            &self.readme,
            &self.lumen,
            &self.support_until,
        ];
        let texts = texts.into_iter().flatten().map(|text| of_text(text));
        let links = self.links.iter();
        let links = links.map(|(name, url)| FEATURE + (name.len() + url.len()) as u64);
        let source = self.source.iter().map(of_source);
        let provenance = self.provenance.iter().map(of_provenance);
        lists.memory(before.map(|before| &before.deps))
            + [&self.categories, &self.keywords, &self.authors]
                .map(|texts| of_texts(texts))
                .iter()
                .sum::<u64>()
            + texts
                .chain(links)
                .chain(source)
                .chain(provenance)
                .sum::<u64>()
    }
}

impl ReleaseSummary {
    /// Estimated bytes of memory, with the data that resolving derives from it. Values that
    /// it shares with the release `before` it, in the order of versions, count there.
    pub fn memory(&self, before: Option<&Self>) -> u64 {
        let lists = Lists {
            deps: &self.deps,
            options: &self.dependency_options,
            features: &self.features,
            artifacts: &self.artifacts,
        };
        let texts = self.published_at.iter().chain(&self.lumen);
        let texts = texts.map(|text| of_text(text));
        let source = self.source.iter().map(of_source);
        lists.memory(before.map(|before| &before.deps)) + texts.chain(source).sum::<u64>()
    }
}
