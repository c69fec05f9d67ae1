//! Which size of the log a global index reflects.

use lumen_core::json;
use serde::Deserialize;
use serde_json::{Value, json};

/// The size of the log that a global index reflects.
pub(crate) fn log_size(index: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Index {
        log: Option<u64>,
    }
    let index: Option<Index> = json::parse(index).ok();
    index.and_then(|index| index.log).unwrap_or_default()
}

/// Whether an index file is a JSON object, as all of them are; nothing of it is kept.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Object {}
    json::parse::<Object>(bytes).is_ok()
}

/// A global index that says which size of the log it reflects, and since when.
///
/// # Errors
/// When the bytes are not a JSON object.
pub(crate) fn stamp(index: &[u8], size: u64, time: &str) -> Result<Vec<u8>, json::JsonError> {
    let mut root = json::parse_tree(index)?;
    root.insert("updated_at".into(), json!(time));
    root.insert("log".into(), json!(size));
    Ok(json::to_bytes(&Value::Object(root)))
}

/// The name of a registry whose global index is gone: the first part of its origin.
pub(crate) fn registry_name(origin: &str) -> &str {
    origin.split_once('/').map_or(origin, |(name, _)| name)
}
