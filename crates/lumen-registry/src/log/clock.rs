//! A writer's clock, compared with that of the host and with the newest entries.

use lumen_core::{
    limits::MAX_WRITER_CLOCK,
    tile::entries::PER_BUNDLE,
    trust::{Entry, text},
};

use super::state::State;
use crate::{
    cache,
    logread::load_range,
    write::{ClockWitness, PublishError},
};

/// Refuses to append by a clock that is wrong: ahead of the host's, or behind the newest entry
/// that is not itself ahead of the host's. So an entry of the future stops no writer. A host
/// without a clock of its own cannot tell which of two is wrong.
///
/// # Errors
/// [`PublishError::Clock`]; failures of the host.
pub(super) async fn check(state: &State<'_>) -> Result<(), PublishError> {
    let Some(host) = state.storage().time() else {
        return Ok(());
    };
    let own = i64::try_from(cache::now()).unwrap_or(i64::MAX);
    let wrong = |other, by| {
        let (own, other) = (text::time_of(own), text::time_of(other));
        Err(PublishError::Clock { own, other, by })
    };
    if own > host.saturating_add(MAX_WRITER_CLOCK) {
        return wrong(host, ClockWitness::Host);
    }
    if host <= own.saturating_add(MAX_WRITER_CLOCK) {
        // No entry can be between the two.
        return Ok(());
    }
    let size = state.size();
    let from = size.saturating_sub(1) / PER_BUNDLE * PER_BUNDLE;
    let entries = load_range(state.storage(), from, size).await?;
    let time = |entry: &String| {
        let (entry, _) = Entry::parse(entry.as_bytes()).ok()?;
        text::seconds(entry.time()?).filter(|time| *time <= host)
    };
    match entries.iter().filter_map(time).max() {
        Some(newest) if newest > own.saturating_add(MAX_WRITER_CLOCK) => {
            wrong(newest, ClockWitness::Entry)
        }
        _ => Ok(()),
    }
}
