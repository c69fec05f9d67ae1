//! The whole log read from its first entry, and the files that follow from it.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key, PackageName,
    checkpoint::Checkpoint,
    index::{self, EventList, PackageIndex},
    json,
    trust::{Entry, Event, RootHistory, Subject},
};
use serde_json::Value;

use super::{global::stamp, indexes::derive, notes::note_file};
use crate::{
    logread::load_range,
    storage::Storage,
    write::{PublishError, damaged},
};

/// A log that was read from its first entry.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) size: u64,
    pub(crate) entries: Vec<String>,
    pub(crate) events: BTreeMap<Subject, Vec<Event>>,
    pub(crate) roots: RootHistory,
    /// When the last note was made, by its maker's clock.
    pub(crate) time: String,
}

impl Replay {
    pub(crate) async fn load(
        storage: &Storage,
        checkpoint: &Checkpoint,
    ) -> Result<Self, PublishError> {
        let size = checkpoint.size;
        let entries = load_range(storage, 0, size).await?;
        let mut events: BTreeMap<Subject, Vec<Event>> = BTreeMap::new();
        let mut time = String::new();
        for (i, text) in (0..).zip(&entries) {
            let (entry, _) = Entry::parse(text.as_bytes())
                .map_err(|error| damaged(storage, &Key::entries(i / 256, 256), error))?;
            let note = text.clone();
            if let (Some(subject), Some(at)) = (entry.subject(), entry.time()) {
                at.clone_into(&mut time);
                events.entry(subject).or_default().push(Event { i, note });
            }
        }
        let root = events.get(&Subject::Root).map_or(&[][..], Vec::as_slice);
        let roots = RootHistory::verify(root, None)?;
        Ok(Self {
            size,
            entries,
            events,
            roots,
            time,
        })
    }

    /// The log that readers see, if commits after it wait for witnesses.
    pub(crate) async fn load_public(
        storage: &Storage,
        all: &Self,
        public: &Checkpoint,
    ) -> Result<Option<Self>, PublishError> {
        match all.size == public.size {
            true => Ok(None),
            false => Self::load(storage, public).await.map(Some),
        }
    }

    /// A package's index as it follows from this log. `current`: the index that there is, for a
    /// log of `size` entries.
    pub(crate) async fn index_shown(
        &self,
        storage: &Storage,
        name: &PackageName,
        current: &[u8],
        size: u64,
    ) -> Result<Vec<u8>, PublishError> {
        match size == self.size {
            true => Ok(current.to_vec()),
            false => self.package_index(storage, name, Some(current)).await,
        }
    }

    /// The files that single entries have: they never change.
    pub(crate) fn notes(&self) -> impl Iterator<Item = (Key, Vec<u8>)> {
        self.events.values().flatten().filter_map(note_file)
    }

    /// The packages with events, and all of the scopes they may be in.
    pub(crate) fn packages(&self) -> impl Iterator<Item = (&PackageName, &Vec<Event>)> {
        self.events
            .iter()
            .filter_map(|(subject, events)| match subject {
                Subject::Package(name) => Some((name, events)),
                _ => None,
            })
    }

    /// The index files below `trust/`.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (Key, Vec<u8>)> {
        self.events.iter().filter_map(|(subject, events)| {
            let list = EventList {
                name: subject.to_string(),
                events: events.clone(),
            };
            match subject {
                Subject::Package(_) => None,
                subject => Some((Key::events_of(subject), list.to_bytes())),
            }
        })
    }

    /// A package's index, made of the log and the files of the releases alone; fields of
    /// others are kept.
    pub(crate) async fn package_index(
        &self,
        storage: &Storage,
        name: &PackageName,
        current: Option<&[u8]>,
    ) -> Result<Vec<u8>, PublishError> {
        let events = self.events.get(&Subject::Package(name.clone()));
        let events = events.map_or(&[][..], Vec::as_slice);
        let owner = Subject::owner_of(name);
        let scope = match &owner {
            Subject::Scope(_) => self.events.get(&owner).map_or(&[][..], Vec::as_slice),
            _ => &[],
        };
        let foreign = current.and_then(without_releases);
        derive(
            storage,
            &self.roots,
            name,
            foreign.as_deref(),
            scope,
            events,
        )
        .await
    }

    /// The global index with the entries of all packages brought up to date.
    pub(crate) fn global_index(
        &self,
        storage: &Storage,
        current: Option<Vec<u8>>,
        registry_name: &str,
        packages: &[PackageIndex],
    ) -> Result<Vec<u8>, PublishError> {
        let fail = |error| damaged(storage, &Key::global_index(), error);
        let mut bytes =
            current.unwrap_or_else(|| index::new_global_index(registry_name, &self.time));
        let mut packages = packages.to_vec();
        packages.retain(|index| !index.versions.is_empty());
        let put = index::put_package_entries(&bytes, &packages, &self.time).map_err(fail)?;
        bytes = put.unwrap_or(bytes);
        stamp(&bytes, self.size, &self.time).map_err(fail)
    }
}

/// A package index without its summaries.
fn without_releases(current: &[u8]) -> Option<Vec<u8>> {
    let mut fields = json::parse_tree(current).ok()?;
    fields.shift_remove("releases");
    Some(json::to_bytes(&Value::Object(fields)))
}

/// The digest that a file must have, for messages.
pub(crate) fn differs(found: Option<&[u8]>, expected: &[u8]) -> Option<&'static str> {
    match found {
        None => Some("it does not exist"),
        Some(found) if Digest::of(found) != Digest::of(expected) => {
            Some("it is not what follows from the log")
        }
        Some(_) => None,
    }
}
