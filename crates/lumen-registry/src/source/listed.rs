//! The files that list the events of a name.

use std::fmt;

use lumen_core::{
    Key, PackageName,
    index::{Abouts, MAX_PACKAGE_INDEX_BYTES, Summaries, with_about},
    trust::Event,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{ReadError, Source, check};

/// The contents of a file of the host, not verified yet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Fields")]
pub(crate) struct Listed {
    /// The events of a name.
    pub(crate) events: Vec<Event>,
    /// Of a package: the fields of its releases' files.
    pub(crate) releases: Summaries,
    /// Of a package: whether it lists versions.
    pub(crate) has_versions: bool,
}

/// The fields of the file.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    releases: Summaries,
    #[serde(default)]
    about: Abouts,
    #[serde(default, deserialize_with = "has_items")]
    versions: bool,
}

impl From<Fields> for Listed {
    fn from(fields: Fields) -> Self {
        Self {
            events: fields.events,
            releases: with_about(fields.releases, fields.about),
            has_versions: fields.versions,
        }
    }
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
