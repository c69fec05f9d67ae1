//! Questions about the times of a log, and the evidence that answers them.

use lumen_core::trust::{Asked, Bounds, RootHistory, Timeline};

/// The part of the log that a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// Which entries are newer than this moment, in seconds since 1970.
    Since(i64),
    /// The bounds of this entry.
    Entry(u64),
    /// From when on the age of this entry counts: what else bounds it does not matter where
    /// witnesses vouch for that.
    Came(u64),
}

/// The evidence that some questions need.
#[derive(Debug)]
pub(crate) struct Evidence {
    timeline: Timeline,
    /// Whether all entries were read that matter; without the network they may be missing.
    is_complete: bool,
}

impl Evidence {
    /// Evidence that was gathered.
    pub(super) const fn new(timeline: Timeline, is_complete: bool) -> Self {
        Self {
            timeline,
            is_complete,
        }
    }

    /// The bounds of an entry with this place and own time.
    pub(crate) fn bounds(&self, roots: &RootHistory, (index, own): (u64, i64)) -> Bounds {
        let asked = match self.is_complete {
            true => Asked::of(roots, index),
            false => Asked::Now,
        };
        self.timeline.bounds(index, own, asked)
    }
}
