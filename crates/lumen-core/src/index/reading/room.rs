//! Room in memory, and lists and maps that are read into it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::memory;
use crate::{constraint::Constraint, limits::Unit, name::PackageName};

/// The memory that reading may still take, and what was read.
pub(super) struct Room {
    all: u64,
    left: Cell<u64>,
    /// Whether something found no room.
    is_full: Cell<bool>,
    /// Whether releases that cannot be read are left out.
    pub(super) is_lenient: bool,
    pub(super) names: RefCell<HashSet<PackageName>>,
    pub(super) constraints: RefCell<HashSet<ByText>>,
}

/// A constraint that is found by its text.
pub(super) struct ByText(pub(super) Constraint);

impl std::borrow::Borrow<str> for ByText {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

impl std::hash::Hash for ByText {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for ByText {}

impl Room {
    pub(super) fn of(memory: u64, is_lenient: bool) -> Self {
        Self {
            all: memory,
            left: Cell::new(memory),
            is_full: Cell::new(false),
            is_lenient,
            names: RefCell::default(),
            constraints: RefCell::default(),
        }
    }

    /// Takes memory, before something is kept.
    pub(super) fn take<E: de::Error>(&self, bytes: u64) -> Result<(), E> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.is_full.set(true);
                Err(self.full())
            }
        }
    }

    /// Bytes of memory that were taken.
    pub(super) const fn taken(&self) -> u64 {
        self.all - self.left.get()
    }

    /// Whether something found no room.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full.get()
    }

    /// The error for a value that found no room.
    pub(super) fn full<E: de::Error>(&self) -> E {
        let most = Unit::Bytes.say(self.all);
        E::custom(format_args!(
            "what this index lists takes more than {most} of memory"
        ))
    }
}

/// A value that is read into room.
pub(super) trait ReadInto: Sized {
    /// Bytes of memory of one value of a list, with the data that resolving derives from
    /// it, without its texts.
    const MEMORY: u64;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error>;
}

pub(super) struct Seed<'r, T> {
    room: &'r Room,
    kind: PhantomData<T>,
}

impl<'r, T> Seed<'r, T> {
    pub(super) const fn new(room: &'r Room) -> Self {
        let kind = PhantomData;
        Self { room, kind }
    }
}

impl<'de, T: ReadInto> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read_into(self.room, from)
    }
}

impl<T: ReadInto> ReadInto for Vec<T> {
    const MEMORY: u64 = memory::FEATURE;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        struct List<'r, T>(Seed<'r, T>);
        impl<'de, T: ReadInto> Visitor<'de> for List<'_, T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let room = self.0.room;
                let mut list = Vec::new();
                while let Some(item) = items.next_element_seed(Seed::new(room))? {
                    room.take(T::MEMORY)?;
                    list.push(item);
                }
                list.shrink_to_fit();
                Ok(list)
            }
        }
        from.deserialize_seq(List(Seed::new(room)))
    }
}

/// How the entries of a map are read where not every one is kept.
pub(super) trait Entry<K, V> {
    /// Bytes of memory of an entry that is kept, beside its texts.
    const MEMORY: u64;

    fn next<'de, A: MapAccess<'de>>(
        &self,
        room: &Room,
        entries: &mut A,
    ) -> Result<Option<Option<(K, V)>>, A::Error>;
}

/// Every entry is kept.
pub(super) struct All;

impl<K: ReadInto, V: ReadInto> Entry<K, V> for All {
    const MEMORY: u64 = V::MEMORY;

    fn next<'de, A: MapAccess<'de>>(
        &self,
        room: &Room,
        entries: &mut A,
    ) -> Result<Option<Option<(K, V)>>, A::Error> {
        let entry = entries.next_entry_seed(Seed::new(room), Seed::new(room))?;
        Ok(entry.map(Some))
    }
}

pub(super) struct Map<'r, K, V, E> {
    pub(super) room: &'r Room,
    pub(super) entry: E,
    pub(super) kind: PhantomData<(K, V)>,
}

impl<'de, K: Ord, V, E: Entry<K, V>> DeserializeSeed<'de> for Map<'_, K, V, E> {
    type Value = BTreeMap<K, V>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, K: Ord, V, E: Entry<K, V>> Visitor<'de> for Map<'_, K, V, E> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        // A map that is made at once has no gaps.
        let mut all = Vec::new();
        while let Some(entry) = self.entry.next(self.room, &mut entries)? {
            if let Some(entry) = entry {
                self.room.take(E::MEMORY)?;
                all.push(entry);
            }
        }
        Ok(all.into_iter().collect())
    }
}

impl<K: ReadInto + Ord, V: ReadInto> ReadInto for BTreeMap<K, V> {
    const MEMORY: u64 = memory::FEATURE;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let (entry, kind) = (All, PhantomData);
        Map { room, entry, kind }.deserialize(from)
    }
}
