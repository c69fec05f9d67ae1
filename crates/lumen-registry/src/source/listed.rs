//! The files that list the events of a name.

use std::fmt;

use lumen_core::{
    Key, PackageName,
    index::{MAX_PACKAGE_INDEX_BYTES, Summaries},
    trust::Event,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{ReadError, Source, check};

/// The contents of a file of the host, not verified yet.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Listed {
    /// The events of a name.
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    /// Of a package: the fields of its releases' files.
    #[serde(default)]
    pub(crate) releases: Summaries,
    /// Of a package: whether it lists versions.
    #[serde(default, rename = "versions", deserialize_with = "has_items")]
    pub(crate) has_versions: bool,
}

/// Whether an array has items; they are not kept.
fn has_items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Items;
    impl<'de> Visitor<'de> for Items {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
            let mut has_items = false;
            while items.next_element::<IgnoredAny>()?.is_some() {
                has_items = true;
            }
            Ok(has_items)
        }
    }
    deserializer.deserialize_seq(Items)
}

impl Source {
    /// A package index with its events.
    pub(crate) async fn listed(
        &self,
        name: &PackageName,
        buster: Option<&str>,
    ) -> Result<Option<Listed>, ReadError> {
        self.read_mutable(
            (&self.inner.cache, buster),
            &Key::package_index(name),
            MAX_PACKAGE_INDEX_BYTES,
            |file, bytes| {
                check::package_index(file, bytes, name)?;
                check::parsed(file, bytes)
            },
            check::parsed,
        )
        .await
    }

    /// The events of a scope or of `@root`.
    pub(crate) async fn events(
        &self,
        key: &Key,
        limit: u64,
        buster: Option<&str>,
    ) -> Result<Option<Listed>, ReadError> {
        let cache = (&self.inner.cache, buster);
        self.read_mutable(cache, key, limit, check::strict_parsed, check::parsed)
            .await
    }
}
