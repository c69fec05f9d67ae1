//! The chain of ownership notes of a name or scope.

use super::{HistoryError, RootHistory, check_origin, threshold};
use crate::{
    digest::Digest,
    name::PackageName,
    note::Note,
    signing::PublicKey,
    trust::{
        event::{Entry, Subject},
        owners::OwnersNote,
        root::NamePolicy,
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
    /// A name that nobody owns.
    pub const fn nobody(subject: Subject) -> Self {
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
        let mut history = Self::nobody(subject);
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

    /// The newest note; `None` while nobody owns the name.
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

    /// Whether a key's events no longer count from this place in the log on.
    pub fn is_revoked(&self, key: &PublicKey, index: u64) -> bool {
        let revoked = self.current().map(|note| note.revoked.as_slice());
        let hit = |revoked: &crate::trust::Revoked| {
            revoked.key.bytes() == key.bytes() && revoked.from <= index
        };
        revoked.unwrap_or_default().iter().any(hit)
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
        let kept = |old: &crate::trust::Revoked| {
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
            Some(now) => {
                threshold(index, note, "the admins before", now.threshold, &now.admins)?;
            }
        }
        threshold(index, note, "admins", next.threshold, &next.admins)
    }

    /// The owner who signed a statement.
    pub(super) fn signer(
        &self,
        index: u64,
        package: &PackageName,
        seq: u64,
        note: &Note,
    ) -> Result<PublicKey, HistoryError> {
        let subject = || self.subject.to_string();
        let Some(owners) = self.before(index) else {
            return Err(HistoryError::Unowned {
                index,
                subject: subject(),
            });
        };
        if owners.seq != seq {
            return Err(HistoryError::Superseded {
                index,
                expected: owners.seq,
                found: seq,
            });
        }
        let signers = note
            .verified(owners.publishers_of(package))
            .map_err(|error| HistoryError::Signature { index, error })?;
        let signed = |key: &&PublicKey| signers.iter().any(|other| other.bytes() == key.bytes());
        // Of several it is the one that the note lists first.
        match owners.publishers_of(package).find(signed) {
            Some(key) => Ok(key.clone()),
            None => Err(HistoryError::WrongOwner {
                index,
                subject: subject(),
            }),
        }
    }

    fn other_subject(&self, index: u64) -> HistoryError {
        HistoryError::Subject {
            index,
            subject: self.subject.to_string(),
        }
    }
}
