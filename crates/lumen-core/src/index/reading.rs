//! Reading of a package index into no more memory than there is room for.
//!
//! A few bytes of JSON can take much memory: `"a":{},` becomes a whole entry of a map. So the
//! reader counts each value before it keeps it, and keeps repeated texts once, such as the
//! names of dependencies that the releases of a package repeat.

mod room;
mod values;
mod yanks;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use self::{
    room::{All, Entry, Map, ReadInto, Room, Seed},
    yanks::Listed,
};
use super::{Deprecation, PackageIndex, ReleaseSummary, Yank, memory};
use crate::{
    json::{self, JsonError},
    limits::MAX_INDEX_MEMORY,
    version::Version,
};

impl PackageIndex {
    /// Reads an index whose bytes are strict JSON ([`json::check`]).
    ///
    /// A release that this version cannot read, because its dependencies are written in a
    /// later syntax, must not make the others unreadable: it then has no summary, and reading
    /// its own file gives the reason. Yanks of versions that are not listed are left out.
    ///
    /// # Errors
    /// When the bytes are no package index, or reading it takes more than [`MAX_INDEX_MEMORY`].
    pub fn read(bytes: &[u8]) -> Result<Self, JsonError> {
        Self::read_within(bytes, MAX_INDEX_MEMORY)
    }

    fn read_within(bytes: &[u8], memory: u64) -> Result<Self, JsonError> {
        let room = Room::of(memory, false);
        let read = json::parse_with(bytes, Seed::<Self>::new(&room));
        let (room, read) = match read {
            Err(_) if !room.is_full() => {
                let room = Room::of(memory, true);
                let again = json::parse_with(bytes, Seed::<Self>::new(&room));
                // The first error is the better one: it is about the whole file.
                let again = match again {
                    Err(_) if !room.is_full() => read,
                    again => again,
                };
                (room, again)
            }
            read => (room, read),
        };
        let mut index = read?;
        index.bytes = bytes.len() as u64;
        index.memory = room.taken();
        Ok(index)
    }
}

impl<'de> Deserialize<'de> for PackageIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read_into(&Room::of(MAX_INDEX_MEMORY, false), deserializer)
    }
}

/// Summaries that mean something without a log, and in a lenient reading can be read.
struct Complete;

impl Entry<Version, ReleaseSummary> for Complete {
    const MEMORY: u64 = memory::RELEASE;

    fn next<'de, A: MapAccess<'de>>(
        &self,
        room: &Room,
        entries: &mut A,
    ) -> Result<Option<Option<(Version, ReleaseSummary)>>, A::Error> {
        let entry = match room.is_lenient {
            false => All.next(room, entries)?,
            true => {
                #[derive(Deserialize)]
                struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
                let Some((Text(version), summary)) = entries.next_entry::<Text, &RawValue>()?
                else {
                    return Ok(None);
                };
                let mut summary = serde_json::Deserializer::from_str(summary.get());
                let summary = ReleaseSummary::read_into(room, &mut summary);
                if room.is_full() {
                    return Err(room.full());
                }
                Some(Version::parse(&version).ok().zip(summary.ok()))
            }
        };
        let is_whole = |(_, summary): &(Version, ReleaseSummary)| {
            let mut artifacts = summary.artifacts.iter();
            artifacts.all(|artifact| !artifact.url.is_empty())
        };
        Ok(entry.map(|entry| entry.filter(is_whole)))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum IndexField {
    Name,
    Versions,
    Latest,
    Yanked,
    Description,
    Categories,
    Releases,
    Events,
    Deprecated,
    About,
    #[serde(other)]
    Other,
}

impl ReadInto for PackageIndex {
    const MEMORY: u64 = memory::RELEASE;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        from.deserialize_map(IndexFields(room))
    }
}

/// Counts the entries of `about`, which are kept beside the summaries.
struct Counted<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let text = <&RawValue>::deserialize(from)?;
        if text.get().starts_with('{') {
            let mut value = serde_json::Deserializer::from_str(text.get());
            value.deserialize_map(self).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0.take(memory::RELEASE)?;
        }
        Ok(())
    }
}

struct IndexFields<'r>(&'r Room);

impl<'de> Visitor<'de> for IndexFields<'_> {
    type Value = PackageIndex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a package index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PackageIndex, A::Error> {
        let room = self.0;
        let (mut name, mut versions) = (None, None::<Vec<Version>>);
        let (mut latest, mut description) = (None, None);
        let (mut categories, mut events) = (Vec::new(), Vec::new());
        let (mut yanked, mut releases) = (BTreeMap::new(), BTreeMap::new());
        let mut deprecated: Option<Deprecation> = None;
        while let Some(field) = map.next_key()? {
            match field {
                IndexField::Name => name = Some(map.next_value()?),
                IndexField::Versions => versions = Some(map.next_value_seed(Seed::new(room))?),
                IndexField::Latest => latest = map.next_value()?,
                IndexField::Yanked => {
                    let listed = versions.as_ref().map(|all| all.iter().collect());
                    let (entry, kind) = (Listed(listed), PhantomData);
                    yanked = map.next_value_seed(Map::<_, Yank, _> { room, entry, kind })?;
                }
                IndexField::Description => description = map.next_value()?,
                IndexField::Categories => categories = map.next_value_seed(Seed::new(room))?,
                IndexField::Releases => {
                    let (entry, kind) = (Complete, PhantomData);
                    releases = map.next_value_seed(Map { room, entry, kind })?;
                }
                IndexField::Events => events = map.next_value_seed(Seed::new(room))?,
                IndexField::Deprecated => deprecated = map.next_value()?,
                IndexField::About => map.next_value_seed(Counted(room))?,
                IndexField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let name = name.ok_or_else(|| de::Error::missing_field("name"))?;
        let versions = versions.ok_or_else(|| de::Error::missing_field("versions"))?;
        if !yanked.is_empty() {
            let listed: HashSet<&Version> = versions.iter().collect();
            yanked.retain(|version, _| listed.contains(version));
        }
        Ok(PackageIndex {
            name,
            versions,
            latest,
            yanked,
            description,
            categories,
            releases,
            events,
            deprecated,
            bytes: 0,
            memory: 0,
        })
    }
}

#[cfg(test)]
mod tests;
