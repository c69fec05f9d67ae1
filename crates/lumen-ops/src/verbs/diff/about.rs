//! What the manifests of two packages say differently.

use std::collections::BTreeMap;

use lumen_core::{
    index::{Described, Release},
    requirement::Requirement,
};
use serde_json::Value;

/// A key of the manifest with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The key; that of a dependency is `dependencies.<name>`.
    pub key: String,
    /// The old value; nothing where there was none.
    pub from: Option<String>,
    /// The new value; nothing where there is none.
    pub to: Option<String>,
}

/// Keys of a release that do not follow from the manifest, or that are shown elsewhere.
const OTHERS: [&str; 9] = [
    "name",
    "version",
    "deps",
    "dependency_options",
    "artifacts",
    "integrity",
    "published_at",
    "source",
    "files",
];

/// What two manifests say differently, dependencies first. Empty where one cannot be read.
pub(super) fn compare(from: Option<&[u8]>, to: Option<&[u8]>) -> Vec<KeyChange> {
    let (Some(from), Some(to)) = (values(from), values(to)) else {
        return Vec::new();
    };
    let mut keys: Vec<&Key> = from.keys().chain(to.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let changed = keys.into_iter().filter(|key| from.get(key) != to.get(key));
    let change = |key: &Key| KeyChange {
        key: match key {
            Key::Dependency(name) => format!("dependencies.{name}"),
            Key::Other(name) => name.clone(),
        },
        from: from.get(key).cloned(),
        to: to.get(key).cloned(),
    };
    changed.map(change).collect()
}

/// Dependencies come first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Dependency(String),
    Other(String),
}

fn values(manifest: Option<&[u8]>) -> Option<BTreeMap<Key, String>> {
    let release = Described::read(manifest).releases().into_iter().next()?;
    let dependencies = release.requirements();
    let dependencies = dependencies
        .iter()
        .map(|needs| (Key::Dependency(needs.name.to_string()), needed(needs)));
    let others = others(&release).into_iter();
    let others = others.map(|(key, value)| (Key::Other(key), value));
    Some(dependencies.chain(others).collect())
}

/// `^1.0.0`, or `^1.0.0 (optional, features: fast)`.
fn needed(needs: &Requirement) -> String {
    let mut options = Vec::new();
    if needs.optional {
        options.push("optional".to_owned());
    }
    if !needs.default_features {
        options.push("no default features".into());
    }
    if !needs.features.is_empty() {
        options.push(format!("features: {}", needs.features.join(" ")));
    }
    let constraint = needs.constraint.canonical();
    match options.is_empty() {
        true => constraint.to_string(),
        false => format!("{constraint} ({})", options.join(", ")),
    }
}

fn others(release: &Release) -> Vec<(String, String)> {
    let Ok(Value::Object(values)) = serde_json::to_value(release) else {
        return Vec::new();
    };
    let values = values.into_iter();
    let values = values.filter(|(key, _)| !OTHERS.contains(&key.as_str()));
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            texts.join(", ")
        }
        other => other.to_string(),
    };
    values.map(|(key, value)| (key, text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, expected: &[&str]) {
        let manifest = |rest: &str| {
            let text = format!("[package]\nname = \"csv\"\nversion = \"1.0.0\"\n{rest}");
            text.into_bytes()
        };
        let none = "-".to_owned();
        let found = compare(Some(&manifest(from)), Some(&manifest(to)));
        let found: Vec<String> = found
            .iter()
            .map(|change| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| none.clone());
                format!(
                    "{}: {} -> {}",
                    change.key,
                    value(&change.from),
                    value(&change.to)
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_manifests_say_differently_is_told_by_key() {
        check("license = \"MIT\"\n", "license = \"MIT\"\n", &[]);
        check(
            "description = \"old\"\nkeywords = [\"a\", \"b\"]\n",
            "description = \"new\"\nlicense = \"MIT\"\n",
            &[
                "description: old -> new",
                "keywords: a, b -> -",
                "license: - -> MIT",
            ],
        );
        // The same constraint in another spelling is none.
        check(
            "[dependencies]\nutil = \"^1\"\n",
            "[dependencies]\nutil = \"^1.0.0\"\n",
            &[],
        );
        check(
            "[dependencies]\ngone = \"1.0.0\"\nutil = \"^1\"\n",
            "homepage = \"https://example.org\"\n[dependencies]\nnew = \"^2\"\nutil = { version = \"^1\", optional = true, features = [\"fast\"], default-features = false }\n",
            &[
                "dependencies.gone: 1.0.0 -> -",
                "dependencies.new: - -> ^2.0.0",
                "dependencies.util: ^1.0.0 -> ^1.0.0 (optional, no default features, features: fast)",
                "homepage: - -> https://example.org",
            ],
        );
    }

    #[test]
    fn manifests_that_cannot_be_read_say_nothing() {
        let good = b"[package]\nname = \"csv\"\nversion = \"1.0.0\"\n";
        assert_eq!(compare(Some(good), None), []);
        assert_eq!(compare(Some(b"\xff"), Some(good)), []);
    }
}
