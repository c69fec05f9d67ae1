//! The result of `diff`.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// How two states of a package differ.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Compared {
    /// The old state.
    pub from: Side,
    /// The new state.
    pub to: Side,
    /// What their manifests say differently.
    pub manifest: Vec<Key>,
    /// The files that differ.
    pub files: Vec<Changed>,
}

/// A state of a package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Side {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `release`, `locked` for the release that the lock has, or `folder` for this folder.
    pub origin: String,
    /// SHA-256 of its plain archive.
    pub checksum: String,
}

/// A key of two manifests.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Key {
    /// The key.
    pub key: String,
    /// Its old value, if it had one.
    pub from: Option<String>,
    /// Its new value, if it has one.
    pub to: Option<String>,
}

/// A file that differs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Changed {
    /// Its new path; the old one if it is gone.
    pub path: String,
    /// `added`, `removed`, `renamed`, `changed` or `mode`.
    pub kind: String,
    /// The old file.
    pub from: Option<File>,
    /// The new file.
    pub to: Option<File>,
    /// How its contents were compared, unless with `--name-only`: `same`, `lines`, `binary` or
    /// `too-large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<String>,
    /// How many lines are new, where they were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<usize>,
    /// How many lines are gone, where they were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<usize>,
    /// The lines that differ, as the hunks of a unified diff, unless with `--stat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
}

/// A file of a package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct File {
    /// Its path in the package, with `/`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of it.
    pub checksum: String,
    /// Whether it is a program.
    pub executable: bool,
}
