//! The chain of root notes.

use super::{HistoryError, parse, threshold};
use crate::{
    digest::Digest,
    note::Note,
    trust::{
        event::{Entry, Event},
        root::RootNote,
        seen::NoteRef,
    },
};

/// All root notes of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootHistory {
    /// SHA-256 of the bytes of note 1.
    pub fingerprint: Digest,
    /// The notes with their places in the log, in order; never empty.
    notes: Vec<(u64, RootNote)>,
    current: RootNote,
    last: Digest,
}

impl RootHistory {
    /// Checks the events of `@root`.
    ///
    /// # Errors
    /// When the first is not the pinned one, one does not continue the one before, or has too few signatures.
    pub fn verify(events: &[Event], pin: Option<&Digest>) -> Result<Self, HistoryError> {
        let mut parsed = parse(events, None)?.into_iter().zip(events);
        let Some(((index, Entry::Root(first), note), event)) = parsed.next() else {
            return Err(HistoryError::NoRoot);
        };
        let fingerprint = Digest::of(event.note.as_bytes());
        if let Some(expected) = pin.filter(|pin| **pin != fingerprint) {
            return Err(HistoryError::Pin {
                expected: *expected,
                found: fingerprint,
            });
        }
        if first.seq != 1 || index != 0 {
            return Err(sequence(index, 0));
        }
        threshold(index, &note, "root keys", first.threshold, &first.root)?;
        let mut history = Self {
            fingerprint,
            notes: vec![(index, first.clone())],
            current: first,
            last: fingerprint,
        };
        for ((index, entry, note), event) in parsed {
            let Entry::Root(next) = entry else {
                return Err(HistoryError::Subject {
                    index,
                    subject: "@root".into(),
                });
            };
            let hash = Digest::of(event.note.as_bytes());
            history.push(index, next, &note, hash)?;
        }
        Ok(history)
    }

    /// Takes in the note that comes next; `hash` is that of its bytes.
    pub(super) fn push(
        &mut self,
        index: u64,
        next: RootNote,
        note: &Note,
        hash: Digest,
    ) -> Result<(), HistoryError> {
        self.check_next(index, &next, note)?;
        self.last = hash;
        self.notes.push((index, next.clone()));
        self.current = next;
        Ok(())
    }

    /// The registry's origin.
    pub fn origin(&self) -> &str {
        &self.current.origin
    }

    /// The newest note.
    pub fn current(&self) -> &RootNote {
        &self.current
    }

    /// The hash of the newest note, which the next one names.
    pub const fn last(&self) -> &Digest {
        &self.last
    }

    /// The newest note, as clients remember it.
    pub const fn newest(&self) -> NoteRef {
        NoteRef {
            seq: self.current.seq,
            hash: self.last,
        }
    }

    /// The hash of a note by its number; `None` where there is no such note.
    pub fn hash_of(&self, seq: u64) -> Option<Digest> {
        if seq == self.current.seq {
            return Some(self.last);
        }
        // Notes are numbered from 1, and each one names the one before it.
        let next = self.notes.get(usize::try_from(seq).ok()?)?;
        next.1.prev
    }

    /// The note in force at a place in the log.
    pub fn at(&self, index: u64) -> &RootNote {
        let before = self.notes.iter().rev().find(|(from, _)| *from <= index);
        before.map_or(&self.current, |(_, note)| note)
    }

    /// The note in force at a place in the log, and all that came later.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &RootNote> {
        let later = self.notes.partition_point(|(from, _)| *from <= index);
        let notes = self.notes.get(later.saturating_sub(1)..);
        notes.unwrap_or_default().iter().map(|(_, note)| note)
    }

    /// All notes, with their places in the log.
    pub fn notes(&self) -> &[(u64, RootNote)] {
        &self.notes
    }

    /// Checks a note that would come next.
    ///
    /// # Errors
    /// As [`RootHistory::verify`].
    pub fn check_next(&self, index: u64, next: &RootNote, note: &Note) -> Result<(), HistoryError> {
        let now = &self.current;
        if next.seq != now.seq + 1 || next.prev != Some(self.last) {
            return Err(sequence(index, now.seq));
        }
        if next.origin != now.origin {
            return Err(HistoryError::Origin {
                index,
                expected: now.origin.clone(),
                found: next.origin.clone(),
            });
        }
        threshold(
            index,
            note,
            "the root keys before",
            now.threshold,
            &now.root,
        )?;
        threshold(index, note, "root keys", next.threshold, &next.root)
    }
}

fn sequence(index: u64, after: u64) -> HistoryError {
    HistoryError::Sequence {
        index,
        subject: "@root".into(),
        after,
    }
}
