//! A row for tests: all it takes to add a kind of derived file is here and in the table. Its
//! tests are in `row_tests`, since they need layers above this one.

use lumen_core::{
    Digest, Key,
    index::GlobalIndex,
    json::{self, JsonError},
};

use super::{File, Row};

/// `names/<16 hex>.txt`: the names of all packages, one a line.
pub(crate) struct Names;

const FOLDER: &str = "names/";

impl Row for Names {
    fn has(&self, key: &Key) -> bool {
        key.as_str().starts_with(FOLDER)
    }

    fn folder(&self) -> Option<&'static str> {
        Some(FOLDER)
    }

    fn of_index(&self, index: &[u8]) -> Result<Vec<File>, JsonError> {
        let index: GlobalIndex = json::parse(index)?;
        let lines = index
            .packages
            .iter()
            .map(|entry| format!("{}\n", entry.name));
        let text: String = lines.collect();
        let hash = Digest::of(text.as_bytes()).hex();
        let key = Key::parse(&format!("{FOLDER}{}.txt", &hash[..16]));
        Ok(key
            .into_iter()
            .map(|key| (key, text.clone().into_bytes()))
            .collect())
    }
}
