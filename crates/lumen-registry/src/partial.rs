//! The file `mirror.json` of a partial mirror.

use lumen_core::{Key, json, limits::MAX_SELECTION_BYTES};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    selection::Selection,
    storage::{Storage, StorageError},
};

/// `mirror.json`: how a partial mirror describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// The packages it has.
    pub packages: Selection,
    /// Those it is about to have, while it gets more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adding: Option<Selection>,
    /// Up to which size of the log it has them all; of a signed registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<u64>,
}

impl Partial {
    /// The packages that are there, also those that may be.
    pub(crate) fn packages(&self) -> Selection {
        let coming = self.adding.as_ref().unwrap_or(&self.packages);
        self.packages.with(coming)
    }

    /// The selection of a mirror that gets more packages. Without patterns it stays as it is:
    /// that a run does not name any must not copy what was left out, perhaps to the public.
    pub(crate) fn with(&self, wanted: &Selection) -> Selection {
        match wanted.patterns() {
            [] => self.packages(),
            _ => wanted.with(&self.packages()),
        }
    }

    /// Its contents while the mirror gets these packages.
    pub(crate) fn adding(recorded: Option<&Self>, selection: &Selection) -> Self {
        let had = recorded.map(|recorded| recorded.packages.clone());
        let packages = had.unwrap_or_else(|| selection.clone());
        Self {
            adding: (packages != *selection).then(|| selection.clone()),
            packages,
            complete: None,
        }
    }

    /// Its contents when the mirror has these packages up to a size of the log.
    pub(crate) const fn has(packages: Selection, complete: Option<u64>) -> Self {
        Self {
            packages,
            adding: None,
            complete,
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::to_bytes(&json!(self))
    }

    /// The file of a registry; `None`: it has none, so it has all packages.
    ///
    /// # Errors
    /// Failures of the host. A malformed file counts as absent.
    pub async fn read(storage: &Storage) -> Result<Option<Self>, StorageError> {
        match storage.get(&Key::mirror(), MAX_SELECTION_BYTES).await {
            Ok(found) => Ok(found.and_then(|(bytes, _)| json::parse(&bytes).ok())),
            Err(StorageError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
