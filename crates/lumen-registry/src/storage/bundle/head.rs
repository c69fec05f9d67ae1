//! The head of a bundle.

use lumen_core::Digest;
use serde::{Deserialize, Serialize};

use crate::selection::Selection;

/// The format that this version writes and reads.
pub(super) const FORMAT: u64 = 1;

/// `bundle.json`, the head of a bundle: the packages of a mirror that is made from it, and
/// the states that it fits. Nothing else depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format.
    pub format: u64,
    /// The origin of the registry; `None` for an unsigned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The registry's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    /// Entries of the log that the receiving mirror must have.
    pub from: u64,
    /// Entries that the mirror has afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The packages, unless it has all.
    #[serde(default, skip_serializing_if = "Selection::is_all")]
    pub packages: Selection,
}

impl Head {
    /// The head for an unsigned registry, whose bundles are always whole.
    pub(crate) fn whole_of_unsigned() -> Self {
        Self {
            format: FORMAT,
            origin: None,
            fingerprint: None,
            from: 0,
            size: None,
            packages: Selection::default(),
        }
    }

    /// That of a signed registry.
    pub(crate) fn signed(origin: &str, fingerprint: Digest, (from, size): (u64, u64)) -> Self {
        Self {
            origin: Some(origin.into()),
            fingerprint: Some(fingerprint),
            from,
            size: Some(size),
            ..Self::whole_of_unsigned()
        }
    }
}
