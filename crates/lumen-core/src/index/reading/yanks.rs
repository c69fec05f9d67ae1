//! `yanked` of an index, in all the forms that people and tools give it.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    memory,
    room::{Entry, ReadInto, Room, Seed},
};
use crate::{index::Yank, version::Version};

/// Yanks of versions that are listed, where it is known which are.
pub(super) struct Listed<'v>(pub(super) Option<HashSet<&'v Version>>);

impl Entry<Version, Yank> for Listed<'_> {
    const MEMORY: u64 = memory::YANK;

    fn next<'de, A: MapAccess<'de>>(
        &self,
        room: &Room,
        entries: &mut A,
    ) -> Result<Option<Option<(Version, Yank)>>, A::Error> {
        let Some(version) = entries.next_key::<Version>()? else {
            return Ok(None);
        };
        let listed = self.0.as_ref();
        if listed.is_some_and(|listed| !listed.contains(&version)) {
            entries.next_value::<IgnoredAny>()?;
            return Ok(Some(None));
        }
        let Said(yank) = entries.next_value_seed(Seed::new(room))?;
        Ok(Some(yank.map(|yank| (version, yank))))
    }
}

/// What an index says beside a version in `yanked`; `false` and `null` say that it is not.
struct Said(Option<Yank>);

impl ReadInto for Said {
    const MEMORY: u64 = memory::YANK;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let said = from.deserialize_any(SaidBy { in_reason: false })?;
        let reason = said.0.as_ref().and_then(|yank| yank.reason.as_deref());
        room.take(reason.map_or(0, str::len) as u64)?;
        Ok(said)
    }
}

struct SaidBy {
    /// Whether this is the reason itself.
    in_reason: bool,
}

impl SaidBy {
    const fn yank<E>(self, reason: Option<String>) -> Result<Said, E> {
        Ok(Said(Some(Yank { reason })))
    }
}

impl<'de> Visitor<'de> for SaidBy {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a yank")
    }

    fn visit_unit<E>(self) -> Result<Said, E> {
        Ok(Said(None))
    }

    fn visit_bool<E>(self, yanked: bool) -> Result<Said, E> {
        match yanked {
            true => self.yank(None),
            false => Ok(Said(None)),
        }
    }

    fn visit_u64<E>(self, _: u64) -> Result<Said, E> {
        self.yank(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Said, E> {
        self.yank(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Said, E> {
        self.yank(None)
    }

    fn visit_str<E>(self, reason: &str) -> Result<Said, E> {
        self.yank((!reason.is_empty()).then(|| reason.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Said, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.yank(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Said, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Field {
            Reason,
            #[serde(other)]
            Other,
        }
        let mut reason = None;
        while let Some(field) = fields.next_key()? {
            match field {
                // A value that is no text is no reason, but still a yank.
                Field::Reason if !self.in_reason => reason = fields.next_value::<Reason>()?.0,
                Field::Reason => drop(fields.next_value::<IgnoredAny>()?),
                Field::Other => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        self.yank(reason)
    }
}

/// A text; nothing where there is something else.
struct Reason(Option<String>);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = from.deserialize_any(SaidBy { in_reason: true })?;
        Ok(Self(said.0.and_then(|yank| yank.reason)))
    }
}
