//! How old an entry of the log is, by evidence that its publisher did not choose.
//!
//! The time in a note is the word of the clock of its signer. [`Bounds`] says between which
//! moments the entry got into the log, and its age counts from the later one:
//!
//! | evidence | what it shows |
//! |---|---|
//! | a checkpoint with the cosignatures of a quorum of witnesses | the entries in it were there at that time; the others were not shown yet |
//! | the times of the entries before it | an entry is not older than those |
//! | when this machine saw the log without it | it is not older than that |
//!
//! Missing evidence never makes an entry older. An entry whose own time is later than the
//! reader's clock, or later than evidence shows it to be in the log, says nothing about others.
//! All times are seconds since 1970.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{history::RootHistory, root::RootNote, text::seconds};

/// A state of the log and a time at which it was that of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// Entries of the log.
    pub size: u64,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Whether there must be witnessed checkpoints that contain an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// No root note since the entry asks for witnesses.
    Never,
    /// The newest root note asks for them.
    Now,
    /// A root note asked for them, and the one of this time was the first that did not.
    Until(i64),
}

impl Asked {
    /// Whether the root notes that were in force when there was an entry, or later, ask for
    /// witnesses.
    pub fn of(roots: &RootHistory, index: u64) -> Self {
        let asks = |note: &RootNote| note.witness_quorum > 0 || note.validating_quorum > 0;
        let next = |before, note: &RootNote| match before {
            _ if asks(note) => Self::Now,
            Self::Now => Self::Until(seconds(&note.time).unwrap_or(i64::MAX)),
            before => before,
        };
        roots.since(index).fold(Self::Never, next)
    }
}

/// What shows that an entry is not older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The time of an entry before it.
    Entries,
    /// Witnesses signed the log without it.
    Witnesses,
    /// This machine saw the log without it.
    Machine,
}

/// The bounds of the time at which an entry got into the log, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Not earlier than this, and what shows it; `None`: nothing does.
    pub not_before: Option<(i64, Basis)>,
    /// Not later than this; `None`: no witness said so.
    pub not_after: Option<i64>,
    /// The moment that its age counts from.
    pub since: i64,
}

impl Bounds {
    /// The bounds of something that nothing but its own time says anything about.
    pub const fn unproven(own: i64) -> Self {
        Self {
            not_before: None,
            not_after: None,
            since: own,
        }
    }

    /// Whether witnesses vouch for the moment that the age counts from.
    pub const fn is_proven(&self) -> bool {
        self.not_after.is_some()
    }

    /// The age at a time, in seconds; 0 for an entry of the future.
    pub fn age(&self, now: i64) -> u64 {
        now.saturating_sub(self.since).max(0).unsigned_abs()
    }
}

/// The evidence about the times of the entries of one log.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The reader's clock.
    now: i64,
    /// By size; each with the earliest time of itself and of all that are larger.
    witnessed: Vec<Sighting>,
    /// The same of the states that this machine saw.
    seen: Vec<Sighting>,
    /// By size; each with the latest time at which the log was seen or witnessed with no more
    /// entries.
    without: Vec<(u64, (i64, Basis))>,
    /// By index; each with the latest credible time of itself and of all before it.
    entries: Vec<(u64, i64)>,
}

impl Timeline {
    /// The evidence by a reader's clock: checkpoints that a quorum of witnesses signed, each
    /// with the time at which the quorum was complete, and states that this machine itself saw.
    pub fn new(now: i64, witnessed: &[Sighting], seen: &[Sighting]) -> Self {
        let basis = |states: &[Sighting], basis| {
            let states = states.iter();
            let states = states.map(move |state| (state.size, (state.at, basis)));
            states.collect::<Vec<_>>()
        };
        let mut without = basis(witnessed, Basis::Witnesses);
        without.extend(basis(seen, Basis::Machine));
        without.sort_unstable();
        let mut latest = (i64::MIN, Basis::Entries);
        for (_, state) in &mut without {
            latest = latest.max(*state);
            *state = latest;
        }
        Self {
            now,
            witnessed: earliest(witnessed),
            seen: earliest(seen),
            without,
            entries: Vec::new(),
        }
    }

    /// Adds the places and own times of entries.
    pub fn add_entries(&mut self, entries: impl IntoIterator<Item = (u64, i64)>) {
        let credible = |(index, time): &(u64, i64)| {
            let known = [first(&self.witnessed, *index), first(&self.seen, *index)];
            *time <= self.now && known.into_iter().flatten().all(|there| *time <= there)
        };
        let credible: Vec<(u64, i64)> = entries.into_iter().filter(credible).collect();
        self.entries.extend(credible);
        self.entries.sort_unstable();
        let mut latest = i64::MIN;
        for (_, time) in &mut self.entries {
            latest = latest.max(*time);
            *time = latest;
        }
    }

    /// The bounds of an entry with this place and own time.
    pub fn bounds(&self, index: u64, own: i64, asked: Asked) -> Bounds {
        let not_after = first(&self.witnessed, index);
        let entries = self.entries.partition_point(|(other, _)| *other < index);
        let entry = entries.checked_sub(1).and_then(|at| self.entries.get(at));
        let states = self.without.partition_point(|(size, _)| *size <= index);
        let state = states.checked_sub(1).and_then(|at| self.without.get(at));
        let entry = entry.map(|(_, time)| (*time, Basis::Entries));
        let lower = entry.max(state.map(|(_, state)| *state));
        let unproven = || {
            let least = own.max(lower.map_or(i64::MIN, |(lower, _)| lower));
            match asked {
                Asked::Never => least,
                Asked::Now => least.max(self.now),
                Asked::Until(time) => least.max(time),
            }
        };
        Bounds {
            // Of two that contradict each other, the one that the age counts from is right.
            not_before: lower.map(|(lower, basis)| (lower.min(not_after.unwrap_or(lower)), basis)),
            not_after,
            since: not_after.unwrap_or_else(unproven),
        }
    }
}

/// States by size, each with the earliest time of itself and of all larger ones: what they
/// contain, it may contain.
fn earliest(states: &[Sighting]) -> Vec<Sighting> {
    let mut states = states.to_vec();
    states.sort_unstable();
    let mut earliest = i64::MAX;
    for state in states.iter_mut().rev() {
        earliest = earliest.min(state.at);
        state.at = earliest;
    }
    states
}

/// The earliest time at which a state with this entry was there.
fn first(states: &[Sighting], index: u64) -> Option<i64> {
    let at = states.partition_point(|state| state.size <= index);
    states.get(at).map(|state| state.at)
}
