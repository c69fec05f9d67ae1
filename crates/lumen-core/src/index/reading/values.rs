//! What an index lists, read into room.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use super::{
    memory,
    room::{ByText, ReadInto, Room, Seed},
};
use crate::{
    constraint::Constraint,
    digest::Digest,
    index::{Artifact, DependencyOptions, ReleaseSummary, about::as_text},
    name::PackageName,
    trust::Event,
    version::Version,
};

impl ReadInto for String {
    const MEMORY: u64 = memory::TEXT;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let text = Self::deserialize(from)?;
        room.take(text.len() as u64)?;
        Ok(text)
    }
}

impl ReadInto for Version {
    const MEMORY: u64 = memory::VERSION_MEMORY;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let version = Self::deserialize(from)?;
        room.take((version.pre.len() + version.build.len()) as u64)?;
        Ok(version)
    }
}

impl ReadInto for PackageName {
    const MEMORY: u64 = memory::TEXT;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let name = Self::deserialize(from)?;
        let mut names = room.names.borrow_mut();
        if let Some(known) = names.get(&name) {
            return Ok(known.clone());
        }
        room.take(memory::of_name(&name))?;
        names.insert(name.clone());
        Ok(name)
    }
}

impl ReadInto for Constraint {
    const MEMORY: u64 = memory::DEPENDENCY;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        struct Text<'r>(&'r Room);
        impl Visitor<'_> for Text<'_> {
            type Value = Constraint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Constraint, E> {
                let mut constraints = self.0.constraints.borrow_mut();
                if let Some(ByText(known)) = constraints.get(text) {
                    return Ok(known.clone());
                }
                let constraint: Constraint = text.parse().map_err(E::custom)?;
                self.0.take(memory::of_constraint(&constraint))?;
                constraints.insert(ByText(constraint.clone()));
                Ok(constraint)
            }
        }
        from.deserialize_str(Text(room))
    }
}

impl ReadInto for Artifact {
    const MEMORY: u64 = memory::ARTIFACT;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let artifact = Self::deserialize(from)?;
        room.take(memory::of_artifact(&artifact))?;
        Ok(artifact)
    }
}

impl ReadInto for Event {
    const MEMORY: u64 = memory::TEXT;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        let event = Self::deserialize(from)?;
        room.take(event.note.len() as u64)?;
        Ok(event)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum OptionField {
    Optional,
    Features,
    DefaultFeatures,
    #[serde(other)]
    Other,
}

impl ReadInto for DependencyOptions {
    const MEMORY: u64 = memory::OPTIONS;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        struct Fields<'r>(&'r Room);
        impl<'de> Visitor<'de> for Fields<'_> {
            type Value = DependencyOptions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of options of a dependency")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut options = DependencyOptions::default();
                while let Some(field) = map.next_key()? {
                    match field {
                        OptionField::Optional => options.optional = map.next_value()?,
                        OptionField::Features => {
                            options.features = map.next_value_seed(Seed::new(self.0))?;
                        }
                        OptionField::DefaultFeatures => {
                            options.default_features = map.next_value()?;
                        }
                        OptionField::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(options)
            }
        }
        from.deserialize_map(Fields(room))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum SummaryField {
    Deps,
    DependencyOptions,
    Features,
    Artifacts,
    Metadata,
    PublishedAt,
    Lumen,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct AsText(#[serde(deserialize_with = "as_text")] Option<String>);

impl ReadInto for ReleaseSummary {
    const MEMORY: u64 = memory::RELEASE;

    fn read_into<'de, D: Deserializer<'de>>(room: &Room, from: D) -> Result<Self, D::Error> {
        struct Fields<'r>(&'r Room);
        impl<'de> Visitor<'de> for Fields<'_> {
            type Value = ReleaseSummary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object that describes a release")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let room = self.0;
                let mut summary = ReleaseSummary::default();
                while let Some(field) = map.next_key()? {
                    match field {
                        SummaryField::Deps => {
                            summary.deps = map.next_value_seed(Seed::new(room))?;
                        }
                        SummaryField::DependencyOptions => {
                            summary.dependency_options = map.next_value_seed(Seed::new(room))?;
                        }
                        SummaryField::Features => {
                            summary.features = map.next_value_seed(Seed::new(room))?;
                        }
                        SummaryField::Artifacts => {
                            summary.artifacts = map.next_value_seed(Seed::new(room))?;
                        }
                        SummaryField::Metadata => {
                            summary.metadata = map.next_value::<Option<Digest>>()?;
                        }
                        SummaryField::PublishedAt => {
                            summary.published_at = map.next_value()?;
                            let time = summary.published_at.as_deref();
                            room.take(time.map_or(0, str::len) as u64)?;
                        }
                        SummaryField::Lumen => {
                            summary.lumen = map.next_value::<AsText>()?.0;
                            let text = summary.lumen.as_deref();
                            room.take(text.map_or(0, str::len) as u64)?;
                        }
                        SummaryField::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(summary)
            }
        }
        from.deserialize_map(Fields(room))
    }
}
