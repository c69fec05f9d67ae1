//! The publishers who signed a statement, and until when it counts.

use super::HistoryError;
use crate::{
    note::Note,
    signing::PublicKey,
    trust::{
        owners::{OwnersNote, Publisher},
        statement::{Action, Statement},
        text::seconds,
    },
};

/// The different publishers who signed a statement, in the order of the ownership note, and how
/// many of them have to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signers {
    needed: usize,
    /// Each with the end of its line.
    keys: Vec<(PublicKey, Option<i64>)>,
}

impl Signers {
    /// The signers by an ownership note, which is the one in force.
    ///
    /// # Errors
    /// When a signature is wrong, or too few publishers of the package signed it while their
    /// lines had not ended by the time in the statement.
    pub(super) fn of(
        owners: &OwnersNote,
        index: u64,
        statement: &Statement,
        note: &Note,
    ) -> Result<Self, HistoryError> {
        let package = &statement.package;
        let signers = note
            .verified(owners.publishers_of(package))
            .map_err(|error| HistoryError::Signature { index, error })?;
        let signed = |key: &PublicKey| signers.iter().any(|other| other.bytes() == key.bytes());
        let mut keys: Vec<(PublicKey, Option<i64>)> = Vec::new();
        for Publisher { key, until, .. } in owners.publisher_lines(package) {
            if !signed(key) {
                continue;
            }
            // A key counts once, whatever its names are, and until the last of its lines ends.
            match keys
                .iter_mut()
                .find(|(known, _)| known.bytes() == key.bytes())
            {
                Some((_, known)) => *known = later(*known, *until),
                None => keys.push((key.clone(), *until)),
            }
        }
        let own = seconds(&statement.time).unwrap_or(i64::MAX);
        let ended = keys.iter().find_map(|(key, until)| {
            let until = until.filter(|until| *until < own)?;
            Some((key.clone(), until))
        });
        keys.retain(|(_, until)| until.is_none_or(|until| until >= own));
        let needed = match &statement.action {
            Action::Publish { .. } => owners.publish_threshold,
            _ => 1,
        };
        if keys.len() < needed as usize {
            let subject = || owners.name.to_string();
            return Err(match ended {
                Some((key, until)) => HistoryError::EndedKey { index, key, until },
                None if keys.is_empty() => HistoryError::WrongOwner {
                    index,
                    subject: subject(),
                },
                None => HistoryError::Threshold {
                    index,
                    whose: "the publishers",
                    needed,
                    found: keys.len(),
                },
            });
        }
        // By notes of version 1, the one that is listed first is the signer.
        if !owners.is_v2() {
            keys.truncate(1);
        }
        let needed = needed as usize;
        Ok(Self { needed, keys })
    }

    /// All of them; never empty.
    pub(super) fn all(&self) -> Vec<PublicKey> {
        self.keys.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Whether too few of them are left without those that are revoked from this place in the
    /// log on, or from an earlier one.
    pub(super) fn is_void(&self, newest: Option<&OwnersNote>, index: u64) -> bool {
        self.counting(newest, index).count() < self.needed
    }

    /// A signer that is revoked from this place on, or from an earlier one.
    pub(super) fn revoked(&self, newest: Option<&OwnersNote>, index: u64) -> Option<&PublicKey> {
        let mut keys = self.keys.iter().map(|(key, _)| key);
        keys.find(|key| is_revoked(newest, key, index))
    }

    /// Until when enough of those that are not revoked may sign, in seconds since 1970; `None`:
    /// without an end.
    pub(super) fn until(&self, newest: Option<&OwnersNote>, index: u64) -> Option<i64> {
        let mut ends: Vec<Option<i64>> = self
            .counting(newest, index)
            .map(|(_, until)| *until)
            .collect();
        ends.sort_unstable_by_key(|until| std::cmp::Reverse(until.unwrap_or(i64::MAX)));
        ends.get(self.needed.saturating_sub(1)).copied().flatten()
    }

    /// The first that is not revoked, else the first.
    pub(super) fn first(&self, newest: Option<&OwnersNote>, index: u64) -> Option<PublicKey> {
        let good = self.counting(newest, index).next();
        good.or(self.keys.first()).map(|(key, _)| key.clone())
    }

    fn counting<'s>(
        &'s self,
        newest: Option<&'s OwnersNote>,
        index: u64,
    ) -> impl Iterator<Item = &'s (PublicKey, Option<i64>)> {
        let counts = move |(key, _): &&(PublicKey, Option<i64>)| !is_revoked(newest, key, index);
        self.keys.iter().filter(counts)
    }
}

/// Whether the newest ownership note revokes a key from this place in the log on, or from an
/// earlier one.
fn is_revoked(newest: Option<&OwnersNote>, key: &PublicKey, index: u64) -> bool {
    let from = newest.and_then(|note| note.revoked_from(key));
    from.is_some_and(|from| from <= index)
}

/// The later of two ends.
fn later(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.zip(other).map(|(one, other)| one.max(other))
}
