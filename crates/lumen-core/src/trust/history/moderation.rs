//! What the registry's moderators say about a package, and what of it is in force.

use super::{HistoryError, RootHistory, check_origin, threshold};
use crate::{
    name::PackageName,
    note::Note,
    signing::PublicKey,
    trust::{
        event::Entry,
        moderation::{Measure, Moderation},
    },
    version::Version,
};

/// A statement of moderators in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moderated {
    /// Its place in the log.
    pub index: u64,
    /// What it says.
    pub said: Moderation,
    /// The moderators who signed it.
    pub signers: Vec<PublicKey>,
}

impl Moderated {
    /// Why a block was made, when, by whom and until when, as messages say it.
    pub fn words(&self) -> String {
        let said = &self.said;
        let cause = said.measure.cause();
        let advisory = cause.and_then(|cause| cause.advisory.as_ref());
        let advisory = advisory.map_or_else(String::new, |id| format!("{id}, "));
        let severity = cause.and_then(|cause| cause.severity);
        let severity = severity.map_or_else(String::new, |level| format!("{level}, "));
        let until = said.measure.until();
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        let names: Vec<&str> = self.signers.iter().map(PublicKey::name).collect();
        let (reason, time, names) = (&said.reason, &said.time, names.join(", "));
        format!("{reason} ({advisory}{severity}said by {names} on {time}{until})")
    }
}

/// All that moderators say of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModerationHistory {
    /// Their statements, in the order of the log.
    pub all: Vec<Moderated>,
}

impl ModerationHistory {
    /// The blocks and quarantines that were not lifted, in the order of the log. A later one of
    /// the same versions takes the place of an earlier one. Quarantines that have ended are among
    /// them: see [`Measure::is_over`].
    pub fn blocks(&self) -> Vec<&Moderated> {
        let mut blocks: Vec<&Moderated> = Vec::new();
        for moderated in &self.all {
            blocks.retain(|earlier| earlier.said.covers != moderated.said.covers);
            if moderated.said.measure != Measure::Unblock {
                blocks.push(moderated);
            }
        }
        blocks
    }

    /// The newest block or quarantine of a version that is in force at a moment in seconds since
    /// 1970.
    pub fn blocked(&self, version: &Version, now: i64) -> Option<&Moderated> {
        // Most packages have none.
        if self.all.is_empty() {
            return None;
        }
        let in_force =
            |block: &&Moderated| block.said.covers.has(version) && !block.said.measure.is_over(now);
        self.blocks().into_iter().rev().find(in_force)
    }

    /// The number of the next statement of moderators.
    pub fn next(&self) -> u64 {
        self.all.last().map_or(0, |last| last.said.seq) + 1
    }

    /// The moderators who signed a statement that comes next.
    pub(super) fn signers(
        &self,
        name: &PackageName,
        roots: &RootHistory,
        (index, next): (u64, &Moderation),
        note: &Note,
    ) -> Result<Vec<PublicKey>, HistoryError> {
        let entry = Entry::Moderation(next.clone());
        check_origin(index, &entry, Some(roots.origin()))?;
        let root = roots.at(index);
        if root.moderators.is_empty() {
            return Err(HistoryError::NoModerators { index });
        }
        let needed = root.moderator_threshold;
        threshold(index, note, "the moderators", needed, &root.moderators)?;
        if next.seq != self.next() {
            return Err(HistoryError::Sequence {
                index,
                subject: format!("moderation of {name}"),
                after: self.next() - 1,
            });
        }
        let covered = |block: &&Moderated| block.said.covers == next.covers;
        if next.measure == Measure::Unblock && !self.blocks().iter().any(covered) {
            return Err(HistoryError::NotBlocked {
                index,
                subject: name.to_string(),
                versions: next.covers.to_string(),
            });
        }
        let signers = note
            .verified(&root.moderators)
            .map_err(|error| HistoryError::Signature { index, error })?;
        Ok(signers.into_iter().cloned().collect())
    }
}
