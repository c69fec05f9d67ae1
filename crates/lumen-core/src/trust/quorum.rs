//! Which witnesses signed a checkpoint, and which signatures it still needs.

use std::fmt;

use super::root::RootNote;
use crate::{
    checkpoint::cosignatures,
    note::{Note, NoteError},
};

/// The cosignatures of a checkpoint by witnesses that a root note lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Whether each is by a validating witness, and when it was made, in seconds since 1970.
    times: Vec<(bool, i64)>,
    quorum: u32,
    validating_quorum: u32,
}

/// Cosignatures that a checkpoint lacks before readers accept it.
///
/// One cosignature by a validating witness counts for both numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Cosignatures by any witnesses.
    pub witnesses: u32,
    /// Cosignatures by validating witnesses.
    pub validating: u32,
}

impl Cosigned {
    /// The cosignatures of a checkpoint that witnesses of `root` made, those of the future left
    /// out: `latest` is the last time that counts, in seconds since 1970.
    ///
    /// # Errors
    /// When a signature in the name of a witness is not its own, or there are two.
    pub fn of(root: &RootNote, note: &Note, latest: i64) -> Result<Self, NoteError> {
        let witnesses: Vec<_> = root.all_witnesses().cloned().collect();
        let times = cosignatures(note, &witnesses)?.into_iter();
        let times = times.filter_map(|(key, time)| {
            let time = i64::try_from(time).ok().filter(|time| *time <= latest)?;
            Some((root.is_validator(key.key()), time))
        });
        Ok(Self {
            times: times.collect(),
            quorum: root.witness_quorum,
            validating_quorum: root.validating_quorum,
        })
    }

    /// When the newest cosignatures that make both quorums were all there, in seconds since
    /// 1970: the time of the oldest of them. `None` where no witness is asked for, or too few
    /// signed.
    pub fn since(&self) -> Option<i64> {
        let mut times: Vec<i64> = self.times.iter().map(|(_, time)| *time).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let asked = self.quorum > 0 || self.validating_quorum > 0;
        let fits = |time: &i64| self.lacking(*time).is_nothing();
        times.into_iter().find(fits).filter(|_| asked)
    }

    /// When both quorums were complete for the first time, by the cosignatures that are there,
    /// in seconds since 1970. `None` where no witness is asked for, or too few signed.
    pub fn complete(&self) -> Option<i64> {
        let asked = self.quorum > 0 || self.validating_quorum > 0;
        let mut times: Vec<(bool, i64)> = self.times.clone();
        times.sort_unstable_by_key(|(_, time)| *time);
        let until = |last: usize| Self {
            times: times.iter().take(last).copied().collect(),
            ..*self
        };
        let complete = (1..=times.len()).find(|last| until(*last).lacking(i64::MIN).is_nothing());
        let last = complete.filter(|_| asked)?.checked_sub(1)?;
        times.get(last).map(|(_, time)| *time)
    }

    /// How many there are that were made at `since` or later, by any witnesses and by
    /// validating ones.
    pub fn count(&self, since: i64) -> (usize, usize) {
        let counted = || self.times.iter().filter(|(_, time)| *time >= since);
        let validating = counted().filter(|(validating, _)| *validating);
        (counted().count(), validating.count())
    }

    /// The cosignatures that are missing, if only those made at `since` or later count.
    pub fn lacking(&self, since: i64) -> Lacking {
        let (any, validating) = self.count(since);
        let left = |quorum: u32, found: usize| {
            quorum.saturating_sub(u32::try_from(found).unwrap_or(u32::MAX))
        };
        Lacking {
            witnesses: left(self.quorum, any),
            validating: left(self.validating_quorum, validating),
        }
    }
}

impl Lacking {
    /// Whether nothing is missing.
    pub const fn is_nothing(self) -> bool {
        self.witnesses == 0 && self.validating == 0
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.witnesses.max(self.validating);
        let all = self.validating == total && total > 0;
        let kind = if all { "validating " } else { "" };
        let noun = if total == 1 { "witness" } else { "witnesses" };
        write!(f, "{total} {kind}{noun}")?;
        match self.validating {
            0 => Ok(()),
            _ if all => Ok(()),
            validating => write!(f, ", {validating} of them validating"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_has_a_first_and_a_last_moment() {
        let cosigned = |times: &[(bool, i64)], quorum, validating_quorum| Cosigned {
            times: times.to_vec(),
            quorum,
            validating_quorum,
        };
        let times = [(false, 50), (true, 40), (false, 30), (true, 20)];
        for (quorum, validating, since, complete) in [
            (0, 0, None, None),
            (1, 0, Some(50), Some(20)),
            (2, 0, Some(40), Some(30)),
            (1, 1, Some(40), Some(20)),
            (3, 1, Some(30), Some(40)),
            (1, 2, Some(20), Some(40)),
            (0, 2, Some(20), Some(40)),
            (4, 0, Some(20), Some(50)),
            (5, 0, None, None),
            (1, 3, None, None),
        ] {
            let found = cosigned(&times, quorum, validating);
            assert_eq!(found.since(), since, "{quorum} {validating}");
            assert_eq!(found.complete(), complete, "{quorum} {validating}");
        }
    }

    #[test]
    fn what_is_lacking_reads_well() {
        for (witnesses, validating, text) in [
            (1, 0, "1 witness"),
            (2, 0, "2 witnesses"),
            (0, 1, "1 validating witness"),
            (2, 2, "2 validating witnesses"),
            (3, 1, "3 witnesses, 1 of them validating"),
        ] {
            let lacking = Lacking {
                witnesses,
                validating,
            };
            assert_eq!(lacking.to_string(), text);
        }
    }
}
