//! A lock with the markers of a merge conflict: its two sides, and a lock of both.
//!
//! Hashes of both sides stay binding, and versions are wishes for the next resolution. What the
//! two say about a registry's log is checked by the reader of the registry, which must continue
//! both.

use std::collections::btree_map::Entry;

use super::{LockedPackage, LockedRegistry, LockedSource, LockedTrust, Lockfile};
use crate::{
    checkpoint::Checkpoint, manifest::reader::Reader, name::PackageName, problem::Problem,
    remedy::Remedy, version::Version,
};

mod split;

/// What to do when the sides contradict each other.
const COMPARE: &str = "nothing was changed; compare both sides with what the people who run the registry say, and restore the right one";

/// The two sides of a merge conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Ours, then theirs.
    pub sides: [Lockfile; 2],
}

/// Why the sides of a conflict cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The markers or one of the sides cannot be read.
    #[error("{}", .0.what)]
    Malformed(Box<Problem>),
    /// Both sides cannot be true.
    #[error("{}", .0.what)]
    Contradiction(Box<Problem>),
}

/// Two statements that cannot both be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Contradiction {
    /// What contradicts.
    pub what: String,
    /// A text of the second statement, to point at.
    needle: String,
}

impl Merge {
    /// Reads a lock with conflict markers, and makes the lock of both sides; `None` without
    /// markers. `file` is its name for messages.
    ///
    /// # Errors
    /// [`MergeError`]; the place is that in the file.
    pub fn parse(file: &str, text: &str) -> Result<Option<(Lockfile, Self)>, MergeError> {
        let reader = || Reader::new(file, text);
        let sides = match split::split(text) {
            Ok(None) => return Ok(None),
            Ok(Some(sides)) => sides,
            Err(split::Broken { line, what }) => {
                let problem = reader().error(line, what).hint(Remedy::ChooseSide);
                return Err(MergeError::Malformed(problem.into()));
            }
        };
        let malformed =
            |problem: Problem| MergeError::Malformed(problem.hint(Remedy::ChooseSide).into());
        let registries = sides.each_ref().map(|side| registries(file, side));
        let [ours, theirs] = [(0, 1), (1, 0)].map(|(own, other)| {
            let known = registries[other].as_ref().map_err(Clone::clone);
            let known = known.map_err(malformed)?;
            Lockfile::parse_among(file, &sides[own], known).map_err(malformed)
        });
        let merge = Self {
            sides: [ours?, theirs?],
        };
        match merge.both() {
            Ok(lock) => Ok(Some((lock, merge))),
            Err(contradiction) => {
                let at = sides[1].find(&contradiction.needle);
                let at = at.map(|start| start..start + contradiction.needle.len());
                let problem = match at {
                    Some(span) => reader().error(span, contradiction.what),
                    None => Problem::error(contradiction.what),
                };
                let problem = problem.hint(COMPARE);
                Err(MergeError::Contradiction(problem.into()))
            }
        }
    }

    /// The versions of a registry's packages in the two sides that are not in the lock of both:
    /// the second wish.
    pub fn others<'m>(
        &'m self,
        both: &'m Lockfile,
    ) -> impl Iterator<Item = (&'m PackageName, &'m Version)> {
        let packages = self.sides.iter().flat_map(|side| &side.packages);
        packages.filter_map(|(name, package)| {
            let first = both.packages.get(name)?;
            let is_other = first.version != package.version
                && matches!(package.source, LockedSource::Registry(_));
            is_other.then_some((name, &package.version))
        })
    }

    /// Fails if a lock has other bytes for a release than one of the sides.
    ///
    /// # Errors
    /// The first release that differs.
    pub fn check(&self, lock: &Lockfile) -> Result<(), Contradiction> {
        for side in &self.sides {
            for (name, package) in &lock.packages {
                if let Some(known) = side.packages.get(name) {
                    same_release(name, known, package)?;
                }
            }
        }
        Ok(())
    }

    /// The lock of both sides: for each package the higher version, for each registry the newer
    /// state.
    fn both(&self) -> Result<Lockfile, Contradiction> {
        let [ours, theirs] = &self.sides;
        let mut both = ours.clone();
        for (name, registry) in &theirs.registries {
            match both.registries.entry(name.clone()) {
                Entry::Vacant(free) => drop(free.insert(registry.clone())),
                Entry::Occupied(mut own) => {
                    let merged = of_registry(name, own.get(), registry)?;
                    own.insert(merged);
                }
            }
        }
        for (name, package) in &theirs.packages {
            match both.packages.entry(name.clone()) {
                Entry::Vacant(free) => drop(free.insert(package.clone())),
                Entry::Occupied(mut own) => {
                    same_release(name, own.get(), package)?;
                    let merged = of_package(own.get(), package);
                    own.insert(merged);
                }
            }
        }
        Ok(both)
    }
}

/// The names of the registries of a side: packages of the other side may come from them, too.
fn registries(file: &str, text: &str) -> Result<Vec<String>, Problem> {
    super::with_raw(file, text, |raw| {
        let names = raw
            .registries
            .iter()
            .filter_map(|registry| registry.name.as_ref());
        Ok(names.map(|name| name.text.to_owned()).collect())
    })
}

/// The state of a registry that the next resolution has to go on from: the newer one.
fn of_registry(
    name: &str,
    ours: &LockedRegistry,
    theirs: &LockedRegistry,
) -> Result<LockedRegistry, Contradiction> {
    let origin = ours.origin.clone().or_else(|| theirs.origin.clone());
    let (own, other) = match (&ours.trust, &theirs.trust) {
        (Some(own), Some(other)) => (own, other),
        // One side saw it signed, which it may not stop to be.
        (own, other) => {
            let trust = own.clone().or_else(|| other.clone());
            return Ok(LockedRegistry { origin, trust });
        }
    };
    if own.root != other.root {
        return Err(Contradiction::new(
            format!("the two sides have two trust roots for the registry `{name}`"),
            other.root.to_string(),
        ));
    }
    let fork = |what: &str| Contradiction {
        what: format!("the checkpoints of the registry `{name}` in the two sides {what}"),
        needle: other.checkpoint.replace('\n', "\\n"),
    };
    let state = |note: &str| {
        Checkpoint::of_note(note.as_bytes())
            .map_err(|error| fork(&format!("cannot be compared: {error}")))
    };
    let (own_state, other_state) = (state(&own.checkpoint)?, state(&other.checkpoint)?);
    if own_state.origin != other_state.origin {
        return Err(fork("are those of two logs"));
    }
    if own_state.size == other_state.size && own_state.root != other_state.root {
        return Err(fork("cannot both be true: the log was forked"));
    }
    let newer = match other_state.size > own_state.size {
        true => other,
        false => own,
    };
    let root_note = match (own.root_note, other.root_note) {
        (Some(a), Some(b)) if a.seq == b.seq && a.hash != b.hash => {
            return Err(Contradiction::new(
                format!(
                    "the two sides have two root notes {} of the registry `{name}`",
                    a.seq
                ),
                b.to_string(),
            ));
        }
        (a, b) => a.into_iter().chain(b).max_by_key(|note| note.seq),
    };
    Ok(LockedRegistry {
        origin,
        trust: Some(LockedTrust {
            root_note,
            ..newer.clone()
        }),
    })
}

/// Fails if two entries are the same release, and differ in its bytes.
fn same_release(
    name: &PackageName,
    ours: &LockedPackage,
    theirs: &LockedPackage,
) -> Result<(), Contradiction> {
    let is_same = match (&ours.source, &theirs.source) {
        (LockedSource::Registry(own), LockedSource::Registry(other)) => {
            own == other && ours.version == theirs.version
        }
        (
            LockedSource::Git { url, commit, .. },
            LockedSource::Git {
                url: other_url,
                commit: other_commit,
                ..
            },
        ) => url == other_url && commit == other_commit,
        _ => false,
    };
    if !is_same {
        return Ok(());
    }
    let other = |what: &str, needle: String| {
        let what = format!("`{name}` {} has two {what}", theirs.version);
        Err(Contradiction::new(what, needle))
    };
    match (ours.checksum, theirs.checksum) {
        (Some(a), Some(b)) if a != b => return other("hashes", b.to_string()),
        _ => {}
    }
    match (ours.size, theirs.size) {
        (Some(a), Some(b)) if a != b => return other("sizes", format!("size = {b}")),
        _ => {}
    }
    // Without owners, it is an unsigned registry, where only the archive must stay the same.
    match (ours.metadata, theirs.metadata) {
        (Some(a), Some(b)) if a != b && ours.owners.and(theirs.owners).is_some() => {
            return other("hashes of its metadata", b.to_string());
        }
        _ => {}
    }
    match (ours.owners_note, theirs.owners_note) {
        (Some(a), Some(b)) if a != b && ours.owners == theirs.owners => {
            let what = format!(
                "the two sides have two ownership notes {} for `{name}`",
                theirs.owners.unwrap_or_default()
            );
            Err(Contradiction::new(what, b.to_string()))
        }
        _ => Ok(()),
    }
}

/// The entry to go on from: that of the higher version. What one of two equal ones lacks comes
/// from the other.
fn of_package(ours: &LockedPackage, theirs: &LockedPackage) -> LockedPackage {
    let is_registry = |package: &LockedPackage| matches!(package.source, LockedSource::Registry(_));
    let higher = is_registry(ours) && is_registry(theirs) && theirs.version > ours.version;
    let (first, second) = match higher {
        true => (theirs, ours),
        false => (ours, theirs),
    };
    let mut merged = first.clone();
    if first.source == second.source && first.version == second.version {
        merged.size = first.size.or(second.size);
        merged.compressed = first.compressed.or(second.compressed);
        merged.metadata = first.metadata.or(second.metadata);
        // A hint about other metadata is of no use.
        if merged.source_commit.is_none() && merged.metadata == second.metadata {
            merged.source_commit = second.source_commit.clone();
        }
    }
    if first.source == second.source && second.owners > first.owners {
        merged.owners = second.owners;
        merged.owners_note = second.owners_note;
    }
    merged
}

impl Contradiction {
    fn new(what: String, needle: String) -> Self {
        Self { what, needle }
    }
}

#[cfg(test)]
mod tests;
