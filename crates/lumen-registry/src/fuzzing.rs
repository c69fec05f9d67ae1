//! Access to private parsers, only for the targets in `fuzz`.

use std::io::Cursor;

use lumen_core::json;

use crate::{git, storage, verify::state::Remembered};

/// Name, place and size of the files of a bundle, if it is one.
pub fn bundle(bytes: &[u8]) -> Option<Vec<(String, u64, u64)>> {
    let contents = storage::scan_bundle(&mut Cursor::new(bytes)).ok()?;
    let files = contents.files.into_iter();
    Some(
        files
            .map(|(key, (start, size))| (key.as_str().to_owned(), start, size))
            .collect(),
    )
}

/// What this machine remembers of a registry: read, and written as it was.
pub fn state(bytes: &[u8]) -> Option<(Remembered, Remembered)> {
    let remembered: Remembered = json::parse(bytes).ok()?;
    // The text of the checkpoint may be none, which is an error and no more.
    let _ = remembered.seen();
    let written = json::to_bytes(&serde_json::json!(remembered));
    let again = json::parse(&written).ok()?;
    Some((remembered, again))
}

/// Reads the bytes as all that git says. Returns the texts that people would see.
pub fn git_output(bytes: &[u8]) -> Vec<String> {
    storage::listed_by_git(bytes);
    git::understood(&String::from_utf8_lossy(bytes))
}
