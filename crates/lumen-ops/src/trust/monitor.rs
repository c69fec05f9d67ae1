//! Reading a log entry by entry, and confirming as a witness that it only grew.

use std::collections::BTreeSet;

use lumen_core::limits::MAX_TILE_BYTES;
use lumen_core::{
    Key,
    checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES},
    merkle::{leaf_hash, verify_consistency, verify_inclusion},
    note::Note,
    signing::CosignerKey,
    tile::{
        FULL, Tile, Tiles,
        entries::{self, MAX_BUNDLE},
        tiles_for_consistency, tiles_for_edge, tiles_for_inclusion,
    },
    trust::{Entry, Subject},
};
use lumen_registry::{ReadError, Storage, StorageError, verify::TrustError, verify::state};

use super::{Signed, open_for_keepers};
use crate::{error::OpsError, keys, session::Session, settings::DEFAULT};

/// How often the checkpoint may change under a witness.
const ATTEMPTS: usize = 5;

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

/// What a witness confirmed.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// The log's size.
    pub size: u64,
    /// Its size when this witness last confirmed it.
    pub before: Option<u64>,
    /// The key that signed.
    pub key: CosignerKey,
}

/// Hands out the entries from an index on, each proved to be in the log. Returns the log's size.
///
/// # Errors
/// When the registry is not signed or not to be believed, or its log is incomplete.
pub fn watch(
    session: &Session<'_>,
    from: u64,
    names: &[String],
    mut each: impl FnMut(&Logged),
) -> Result<u64, OpsError> {
    let signed = super::open(session)?;
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let shown = Checkpoint::of_note(signed.info.checkpoint.as_bytes()).map_err(broken)?;
    let full = u64::from(FULL);
    let mut bundle = from / full;
    while bundle * full < shown.size {
        for logged in read_bundle(session, &signed, &shown, bundle)? {
            if logged.index >= from && (wanted.is_empty() || is_about(&logged.entry, &wanted)) {
                each(&logged);
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

/// Confirms, with the user's key and the time, that the log continues what this witness
/// confirmed last, and adds that to the checkpoint.
///
/// # Errors
/// When the log was rewritten, or the registry cannot be written.
pub fn witness(session: &Session<'_>) -> Result<Witnessed, OpsError> {
    session.maybe_project()?;
    let signer = keys::signer(session)?;
    let key = CosignerKey::new(signer.public().clone());
    let time = u64::try_from(session.options.now.as_second()).unwrap_or_default();
    let url = session.publish_location(DEFAULT)?.url();
    let dir = session.environment.trust_dir().join("witness");
    let file = state::path(&dir, &url).with_extension("note");
    let _lock = lumen_durable::Lock::exclusive(&file.with_extension("lock"))?;
    let last = match fs_err::read(&file) {
        Ok(bytes) => {
            let note = Note::parse(&bytes).map_err(broken)?;
            Some((
                Checkpoint::parse(&note.text).map_err(broken)?,
                note.to_text(),
            ))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    for _ in 0..ATTEMPTS {
        let signed = open_for_keepers(session, DEFAULT)?;
        let storage = signed.registry.storage();
        let checkpoint = Key::checkpoint();
        let (bytes, revision) = session
            .block_on(async {
                let found = storage.get(&checkpoint, MAX_CHECKPOINT_BYTES).await;
                Ok(found.map_err(ReadError::from)?)
            })?
            .ok_or_else(|| broken("`log/checkpoint` is missing"))?;
        let log = &signed.roots.current().log;
        let (shown, mut note) =
            checkpoint::open(&bytes, signed.roots.origin(), log).map_err(|error| {
                let reason = error.to_string();
                ReadError::from(TrustError::Checkpoint { reason })
            })?;
        // A checkpoint has room for few signatures.
        if !signed.roots.current().witnesses.contains(&key) {
            return Err(OpsError::user(
                format!(
                    "the root does not name your key `{}` as a witness",
                    key.name()
                ),
                format!(
                    "whoever runs the registry adds it: `lumen registry trust add-witness {key}`"
                ),
            ));
        }
        continues(session, storage, last.as_ref(), (&shown, &note))?;
        let message = checkpoint::cosigned_message(&note.text, time);
        let signature = signer
            .sign(&message)
            .map_err(|error| OpsError::user(error.to_string(), "nothing was signed"))?;
        checkpoint::add_cosignature(&mut note, &key, time, signature);
        // First what this witness must never contradict, then the word itself.
        lumen_durable::write_atomic(&file, note.to_text().as_bytes())?;
        let text = note.to_text();
        let put = async |storage: &Storage| {
            let bytes = text.as_bytes();
            storage.replace(&checkpoint, Some(&revision), bytes).await
        };
        let put = storage.together("Witness the checkpoint", put);
        match session.block_on(async { Ok(put.await) })? {
            Ok(()) => {
                return Ok(Witnessed {
                    size: shown.size,
                    before: last.map(|(before, _)| before.size),
                    key,
                });
            }
            Err(StorageError::Conflict { .. }) => {}
            Err(error) => return Err(ReadError::from(error).into()),
        }
    }
    Err(OpsError::user(
        "the log grows all the time; nothing was confirmed",
        "run it again",
    ))
}

/// Checks that a checkpoint fits its tiles and continues the one before.
fn continues(
    session: &Session<'_>,
    storage: &Storage,
    last: Option<&(Checkpoint, String)>,
    (shown, note): (&Checkpoint, &Note),
) -> Result<(), OpsError> {
    let edge = read_tiles(session, storage, tiles_for_edge(shown.size))?;
    if edge.root(shown.size).map_err(broken)? != shown.root {
        return Err(broken("its tiles have another root than its checkpoint"));
    }
    let Some((before, seen)) = last else {
        return Ok(());
    };
    let fork = |to| {
        let dir = session.environment.trust_dir().join("witness");
        let text = format!("seen before:\n\n{seen}\nshown now:\n\n{}", note.to_text());
        let name = lumen_core::Digest::of(text.as_bytes()).hex();
        let file = dir.join(format!("fork-{}.txt", name.get(..16).unwrap_or(&name)));
        let saved = lumen_durable::write_atomic(&file, text.as_bytes());
        TrustError::Fork {
            from: before.size,
            to,
            evidence: saved.is_ok().then_some(file),
        }
    };
    if shown.size < before.size {
        return Err(ReadError::from(TrustError::Rollback {
            from: before.size,
            to: shown.size,
        })
        .into());
    }
    if shown.origin != before.origin {
        return Err(ReadError::from(fork(shown.size)).into());
    }
    let tiles = read_tiles(
        session,
        storage,
        tiles_for_consistency(before.size, shown.size),
    )?;
    let proof = tiles.prove_consistency(before.size, shown.size);
    let proof = proof.map_err(broken)?;
    verify_consistency(before.size, shown.size, &before.root, &shown.root, &proof)
        .map_err(|_| ReadError::from(fork(shown.size)).into())
}

fn read_tiles(
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

fn broken(reason: impl std::fmt::Display) -> OpsError {
    let reason = reason.to_string();
    ReadError::from(TrustError::Log { reason }).into()
}
