//! Reading a log entry by entry.

use std::{collections::BTreeSet, ops::ControlFlow};

use lumen_core::{
    Key,
    checkpoint::Checkpoint,
    limits::MAX_TILE_BYTES,
    merkle::{leaf_hash, verify_inclusion},
    tile::{
        FULL, Tile, Tiles,
        entries::{self, MAX_BUNDLE},
        tiles_for_inclusion,
    },
    trust::{Entry, Subject},
};
use lumen_registry::{ReadError, Storage, verify::TrustError};

use crate::{error::OpsError, session::Session, signed, signed::Signed};

/// An entry of a log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its index.
    pub index: u64,
    /// Its exact text.
    pub text: String,
    /// What it says.
    pub entry: Entry,
}

/// Hands out the entries from an index on, each proved to be in the log, until `each` breaks
/// off. Returns the log's size.
///
/// # Errors
/// When the registry is not signed or not to be believed, or its log is incomplete.
pub fn watch(
    session: &Session<'_>,
    from: u64,
    names: &[String],
    mut each: impl FnMut(&Logged) -> ControlFlow<()>,
) -> Result<u64, OpsError> {
    let signed = signed::open(session)?;
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let shown = Checkpoint::of_note(signed.info.checkpoint.as_bytes()).map_err(broken)?;
    let full = u64::from(FULL);
    signed.registry.storage().allow_mirroring();
    let mut bundle = from / full;
    while bundle * full < shown.size {
        for logged in read_bundle(session, &signed, &shown, bundle)? {
            let is_wanted = wanted.is_empty() || is_about(&logged.entry, &wanted);
            if logged.index >= from && is_wanted && each(&logged).is_break() {
                return Ok(shown.size);
            }
        }
        bundle += 1;
    }
    Ok(shown.size)
}

fn is_about(entry: &Entry, wanted: &BTreeSet<&str>) -> bool {
    let Some(subject) = entry.subject() else {
        return false;
    };
    let owner = match &subject {
        Subject::Package(name) => Subject::owner_of(name).to_string(),
        other => other.to_string(),
    };
    wanted.contains(subject.to_string().as_str()) || wanted.contains(owner.as_str())
}

/// One bundle of entries, proved to be in the log.
fn read_bundle(
    session: &Session<'_>,
    signed: &Signed,
    shown: &Checkpoint,
    bundle: u64,
) -> Result<Vec<Logged>, OpsError> {
    let first = bundle * u64::from(FULL);
    let width = u16::try_from((shown.size - first).min(u64::from(FULL))).unwrap_or(FULL);
    let storage = signed.registry.storage();
    let key = Key::entries(bundle, width);
    let bytes = session.block_on(read(storage, &key, MAX_BUNDLE))?;
    let leaves = entries::decode(&bytes).map_err(broken)?;
    let tiles = read_tiles(session, storage, tiles_for_inclusion(first, shown.size))?;
    let mut out = Vec::with_capacity(leaves.len());
    if leaves.len() != usize::from(width) {
        return Err(broken(format!(
            "`{key}` has {} entries, not {width}",
            leaves.len()
        )));
    }
    for (index, leaf) in (first..).zip(leaves) {
        let proof = tiles.prove_inclusion(index, shown.size).map_err(broken)?;
        let hash = leaf_hash(&leaf);
        verify_inclusion(index, shown.size, &hash, &proof, &shown.root)
            .map_err(|error| broken(format!("entry {index}: {error}")))?;
        let (entry, _) = Entry::parse(&leaf)
            .map_err(|error| broken(format!("entry {index} of the log: {error}")))?;
        let text = String::from_utf8_lossy(&leaf).into_owned();
        out.push(Logged { index, text, entry });
    }
    Ok(out)
}

pub(super) fn read_tiles(
    session: &Session<'_>,
    storage: &Storage,
    wanted: Vec<Tile>,
) -> Result<Tiles, OpsError> {
    let mut tiles = Tiles::default();
    for tile in wanted {
        let bytes = session.block_on(read(storage, &Key::tile(&tile), MAX_TILE_BYTES))?;
        tiles.insert(tile, bytes).map_err(broken)?;
    }
    Ok(tiles)
}

async fn read(storage: &Storage, key: &Key, limit: u64) -> Result<Vec<u8>, OpsError> {
    let found = storage.get(key, limit).await.map_err(ReadError::from)?;
    match found {
        Some((bytes, _)) => Ok(bytes),
        None => Err(ReadError::Missing {
            file: storage.describe(key),
        }
        .into()),
    }
}

pub(super) fn broken(reason: impl std::fmt::Display) -> OpsError {
    let reason = reason.to_string();
    ReadError::from(TrustError::Log { reason }).into()
}
