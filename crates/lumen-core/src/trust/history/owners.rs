//! The chain of ownership notes of a name or scope.

use super::{HistoryError, RootHistory, check_origin, signers::Signers, threshold};
use crate::{
    digest::Digest,
    note::Note,
    signing::PublicKey,
    trust::{
        event::Entry,
        owners::{OwnersNote, Revoked},
        root::NamePolicy,
        seen::NoteRef,
        statement::Statement,
        subject::Subject,
    },
};

/// All ownership notes of a name or scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersHistory {
    /// The name or scope.
    pub subject: Subject,
    /// The notes with their places in the log, in order.
    pub notes: Vec<(u64, OwnersNote)>,
    last: Option<Digest>,
}

impl OwnersHistory {
    /// A name without owners.
    pub const fn unclaimed(subject: Subject) -> Self {
        Self {
            subject,
            notes: Vec::new(),
            last: None,
        }
    }

    /// Checks the events of a scope.
    ///
    /// # Errors
    /// When one does not continue the one before or has too few signatures.
    pub fn verify(
        roots: &RootHistory,
        subject: Subject,
        events: &[crate::trust::Event],
    ) -> Result<Self, HistoryError> {
        let mut history = Self::unclaimed(subject);
        let parsed = super::parse(events, Some(roots.origin()))?;
        for ((index, entry, note), event) in parsed.into_iter().zip(events) {
            let Entry::Owners(owners) = entry else {
                return Err(history.other_subject(index));
            };
            history.push(
                roots,
                index,
                owners,
                &note,
                Digest::of(event.note.as_bytes()),
            )?;
        }
        Ok(history)
    }

    pub(super) fn push(
        &mut self,
        roots: &RootHistory,
        index: u64,
        owners: OwnersNote,
        note: &Note,
        hash: Digest,
    ) -> Result<(), HistoryError> {
        self.check_next(roots, index, &owners, note)?;
        self.notes.push((index, owners));
        self.last = Some(hash);
        Ok(())
    }

    /// The newest note; `None` while the name has no owner.
    pub fn current(&self) -> Option<&OwnersNote> {
        self.notes.last().map(|(_, note)| note)
    }

    /// The note in force before a place in the log.
    pub fn before(&self, index: u64) -> Option<&OwnersNote> {
        let before = self.notes.iter().rev().find(|(from, _)| *from < index);
        before.map(|(_, note)| note)
    }

    /// The hash of the newest note, which the next one names.
    pub const fn last(&self) -> Option<&Digest> {
        self.last.as_ref()
    }

    /// The newest note, as clients remember it; `None` while the name has no owner.
    pub fn newest(&self) -> Option<NoteRef> {
        let (note, hash) = (self.current()?, self.last?);
        Some(NoteRef {
            seq: note.seq,
            hash,
        })
    }

    /// The hash of a note by its number; `None` where there is no such note.
    pub fn hash_of(&self, seq: u64) -> Option<Digest> {
        if self.current().is_some_and(|now| now.seq == seq) {
            return self.last;
        }
        // Notes are numbered from 1, and each one names the one before it.
        let next = self.notes.get(usize::try_from(seq).ok()?)?;
        next.1.prev
    }

    /// The notes about which the names keys decided, not the admins before, with their
    /// places in the log.
    pub fn overrides(&self) -> impl Iterator<Item = &(u64, OwnersNote)> {
        self.notes.iter().filter(|(_, note)| note.is_override)
    }

    /// Checks a note that would come next.
    ///
    /// # Errors
    /// As [`OwnersHistory::verify`].
    pub fn check_next(
        &self,
        roots: &RootHistory,
        index: u64,
        next: &OwnersNote,
        note: &Note,
    ) -> Result<(), HistoryError> {
        if next.name != self.subject {
            return Err(self.other_subject(index));
        }
        check_origin(index, &Entry::Owners(next.clone()), Some(roots.origin()))?;
        let now = self.current();
        let after = now.map_or(0, |now| now.seq);
        if next.seq != after + 1 || next.prev != self.last {
            return Err(HistoryError::Sequence {
                index,
                subject: self.subject.to_string(),
                after,
            });
        }
        let kept = |old: &Revoked| {
            let same = next.revoked.iter().find(|new| new.key == old.key);
            same.is_some_and(|new| new.from <= old.from)
        };
        if !now.is_none_or(|now| now.revoked.iter().all(kept)) {
            return Err(HistoryError::Unrevoked { index });
        }
        let root = roots.at(index);
        match now {
            None if root.policy == NamePolicy::Approve => {
                threshold(
                    index,
                    note,
                    "the names keys",
                    root.names_threshold,
                    &root.names,
                )?;
            }
            None => {}
            Some(_) if next.is_override => {
                threshold(
                    index,
                    note,
                    "the names keys",
                    root.names_threshold.max(1),
                    &root.names,
                )?;
            }
            Some(now) => admins(index, note, "the admins before", now)?,
        }
        admins(index, note, "admins", next)
    }

    /// The publishers who signed a statement, by the note in force.
    pub(super) fn signers(
        &self,
        index: u64,
        statement: &Statement,
        note: &Note,
    ) -> Result<Signers, HistoryError> {
        let subject = || self.subject.to_string();
        let Some(owners) = self.before(index) else {
            return Err(HistoryError::Unowned {
                index,
                subject: subject(),
            });
        };
        if owners.seq != statement.owners {
            return Err(HistoryError::Superseded {
                index,
                expected: owners.seq,
                found: statement.owners,
            });
        }
        Signers::of(owners, index, statement, note)
    }

    fn other_subject(&self, index: u64) -> HistoryError {
        HistoryError::Subject {
            index,
            subject: self.subject.to_string(),
        }
    }
}

/// Checks that enough admins of `owners` signed. A key that is revoked does not count, though
/// it may still be listed.
fn admins(
    index: u64,
    note: &Note,
    whose: &'static str,
    owners: &OwnersNote,
) -> Result<(), HistoryError> {
    let signers = note
        .verified(&owners.admins)
        .map_err(|error| HistoryError::Signature { index, error })?;
    let good: Vec<PublicKey> = owners.counting_admins(index).cloned().collect();
    threshold(index, note, whose, owners.threshold, &good).map_err(|error| {
        let void = signers.into_iter().find(|key| !good.contains(key));
        match (error, void) {
            // Tells the admin who signed with it why that was not enough.
            (HistoryError::Threshold { .. }, Some(key)) => HistoryError::RevokedKey {
                index,
                key: key.clone(),
            },
            (error, _) => error,
        }
    })
}
