//! Checkpoints that witnesses signed and that another took the place of.

use lumen_core::{
    checkpoint::{self, Checkpoint},
    json,
    limits::MAX_CLOCK_AHEAD,
    trust::{Cosigned, RootHistory, Sighting},
};
use serde::{Deserialize, Serialize};

/// `log/witnessed.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    /// Size and time of each, the size rising.
    witnessed: Vec<(u64, i64)>,
}

/// The checkpoints that `log/witnessed.json` lists, by size. Nothing in it is proved.
pub(crate) fn parse_witnessed(bytes: &[u8]) -> Vec<Sighting> {
    let file: File = json::parse(bytes).unwrap_or_default();
    let listed = file.witnessed.into_iter();
    let mut listed: Vec<Sighting> = listed.map(|(size, at)| Sighting { size, at }).collect();
    listed.sort_unstable();
    listed
}

/// The list of these checkpoints.
pub(crate) fn list_witnessed(listed: &[Sighting]) -> Vec<u8> {
    let listed = listed.iter().map(|state| (state.size, state.at));
    json::to_line(&serde_json::json!(File {
        witnessed: listed.collect()
    }))
}

/// The checkpoint, and when a quorum of witnesses had signed it, as the root note in force at
/// its size asks; `None`: it is not signed as it must be. `now`: the reader's clock.
pub(crate) fn witnessed(
    bytes: &[u8],
    roots: &RootHistory,
    now: i64,
) -> Option<(Checkpoint, Sighting)> {
    let size = Checkpoint::of_note(bytes).ok()?.size;
    let root = roots.at(size.saturating_sub(1));
    let (checkpoint, note) = checkpoint::open(bytes, &root.origin, &root.log).ok()?;
    let cosigned = Cosigned::of(root, &note, now.saturating_add(MAX_CLOCK_AHEAD)).ok()?;
    // By a clock that is a little ahead.
    let at = cosigned.complete()?.min(now);
    Some((checkpoint, Sighting { size, at }))
}
