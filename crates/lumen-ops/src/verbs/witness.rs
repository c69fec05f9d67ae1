//! Confirming a log as a witness.
//!
//! A validating witness replays what is new: it confirms that every entry was allowed and that
//! the name map is that of the log. With growth only, it confirms that the log grew.

use std::path::PathBuf;

use lumen_core::{
    Digest,
    checkpoint::{self, Checkpoint},
    merkle::verify_consistency,
    note::Note,
    signing::CosignerKey,
    tile::{tiles_for_consistency, tiles_for_edge},
    trust::RootHistory,
};
use lumen_registry::{
    ReadError, Storage,
    log::{self, Cosignature, Shown, Waiting},
    progress::{Progress, nobody},
    publish::PublishError,
    signer::Signer,
    verify::{TrustError, state},
};

use crate::{
    error::OpsError, keys, session::Session, settings::DEFAULT, signed::Signed,
    signed::open_for_keepers, verbs::watch::broken, verbs::watch::read_tiles,
};

/// What a witness confirmed.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// The log's size.
    pub size: u64,
    /// Its size when this witness last confirmed it.
    pub before: Option<u64>,
    /// Whether all entries and the map were checked.
    pub validated: bool,
    /// The key that signed.
    pub key: CosignerKey,
    /// What readers do not see yet, since other witnesses have to sign.
    pub waiting: Option<Waiting>,
}

/// What a witness remembers of a log.
struct Memory {
    /// The file of the checkpoint that it signed last.
    signed_file: PathBuf,
    signed: Option<(Checkpoint, String)>,
    /// The file of the checkpoint up to which it validated the log.
    validated_file: PathBuf,
    validated: Option<(Checkpoint, String)>,
}

impl Memory {
    fn read(session: &Session<'_>, url: &str) -> Result<Self, OpsError> {
        let dir = session.environment.trust_dir().join("witness");
        let signed_file = state::path(&dir, url).with_extension("note");
        let validated_file = signed_file.with_extension("validated");
        Ok(Self {
            signed: read_checkpoint(&signed_file)?,
            validated: read_checkpoint(&validated_file)?,
            signed_file,
            validated_file,
        })
    }
}

fn read_checkpoint(file: &std::path::Path) -> Result<Option<(Checkpoint, String)>, OpsError> {
    let bytes = match fs_err::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let note = Note::parse(&bytes).map_err(broken)?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(broken)?;
    Ok(Some((checkpoint, note.to_text())))
}

/// Confirms the newest commits of a log, and the state that readers see, with the user's key and
/// the time. Commits that then have enough witnesses become public.
///
/// # Errors
/// When the log was rewritten, an entry or the map breaks a rule (nothing is signed then), the
/// key is not that of a witness, or the registry cannot be written.
pub fn witness(session: &Session<'_>, growth_only: bool) -> Result<Witnessed, OpsError> {
    let signer = keys::signer(&session.environment)?;
    let key = CosignerKey::new(signer.public().clone());
    let url = session.publish_location(DEFAULT)?.url();
    let dir = session.environment.trust_dir().join("witness");
    let lock = state::path(&dir, &url).with_extension("lock");
    let _lock = lumen_durable::Lock::exclusive(&lock)?;
    let memory = Memory::read(session, &url)?;
    let signed = open_for_keepers(session, DEFAULT)?;
    let storage = signed.registry.storage();
    // A dead writer may have committed a batch that it did not finish.
    let repair = async |storage: &Storage| log::recover(storage, &nobody).await;
    let settled = session.block_on(async {
        let settled = storage.together("Finish what was committed", repair).await;
        Ok(settled)
    })?;
    let states = session.block_on(async { Ok(log::states(storage).await?) })?;
    let Some(top) = states.last() else {
        return Err(broken("`log/checkpoint` is missing"));
    };
    match settled {
        // A mirror without a head has no writers.
        Ok(_) | Err(PublishError::NotSigned) => {}
        Err(error) => return Err(refusal(session, storage, top, error)),
    }
    let last = memory.signed.as_ref();
    continues(session, storage, last, (&top.checkpoint, &top.note))?;
    let since = memory.validated.as_ref().map(|(validated, _)| validated);
    let roots = checked(session, &signed, (since, top), growth_only)?;
    let signed = sign(session, storage, &states, &roots, &*signer, growth_only)?;
    // First what this witness must never contradict, then the word itself.
    let mut note = top.note.clone();
    if let Some(own) = signed.iter().find(|own| own.checkpoint == top.checkpoint) {
        checkpoint::add_cosignature(&mut note, &key, own.time, own.signature);
    }
    let text = note.to_text();
    if !growth_only {
        lumen_durable::write_atomic(&memory.validated_file, text.as_bytes())?;
    }
    lumen_durable::write_atomic(&memory.signed_file, text.as_bytes())?;
    let put = async |storage: &Storage| log::cosign(storage, &signed).await;
    let put = storage.together("Witness the log", put);
    Ok(Witnessed {
        size: top.checkpoint.size,
        before: memory.signed.map(|(before, _)| before.size),
        validated: !growth_only,
        waiting: session.block_on(async { Ok(put.await?) })?,
        key,
    })
}

/// Checks what is new, or only looks up the root notes. Returns them.
fn checked(
    session: &Session<'_>,
    signed: &Signed,
    (since, top): (Option<&Checkpoint>, &Shown),
    growth_only: bool,
) -> Result<RootHistory, OpsError> {
    let storage = signed.registry.storage();
    let watch = |progress: Progress| session.reporter.report(progress.into());
    let roots = session.block_on(async {
        Ok(match growth_only {
            true => log::roots_at(storage, top.checkpoint.size).await,
            false => log::validate(storage, since, &top.checkpoint, &watch).await,
        })
    })?;
    let roots = roots.map_err(|error| refusal(session, storage, top, error))?;
    match roots.fingerprint == signed.info.fingerprint {
        true => Ok(roots),
        false => Err(broken(
            "entry 0 is not the root note that the registry shows",
        )),
    }
}

/// Signs the states in which the root names this key as a witness.
fn sign(
    session: &Session<'_>,
    storage: &Storage,
    states: &[Shown],
    roots: &RootHistory,
    signer: &dyn Signer,
    growth_only: bool,
) -> Result<Vec<Cosignature>, OpsError> {
    let key = CosignerKey::new(signer.public().clone());
    let time = u64::try_from(session.options.now.as_second()).unwrap_or_default();
    let mut signed = Vec::new();
    for Shown { checkpoint, note } in states {
        let root = roots.at(checkpoint.size.saturating_sub(1));
        // A checkpoint has room for few signatures.
        if !root.all_witnesses().any(|witness| *witness == key) {
            continue;
        }
        if growth_only && root.is_validator(key.key()) {
            return Err(OpsError::user(
                format!(
                    "your key `{}` is that of a validating witness, and --growth-only validates nothing",
                    key.name()
                ),
                "run `lumen registry witness` without --growth-only",
            ));
        }
        if let Some(top) = states.last().filter(|top| top.checkpoint != *checkpoint) {
            let top = &top.checkpoint;
            session.block_on(async { Ok(log::is_state(storage, checkpoint, top).await?) })?;
        }
        let message = checkpoint::cosigned_message(&note.text, time);
        let signature = signer
            .sign(&message)
            .map_err(|error| OpsError::user(error.to_string(), "nothing was signed"))?;
        signed.push(Cosignature {
            checkpoint: checkpoint.clone(),
            key: key.clone(),
            time,
            signature,
        });
    }
    match signed.is_empty() {
        false => Ok(signed),
        true => Err(OpsError::user(
            format!(
                "the root does not name your key `{}` as a witness",
                key.name()
            ),
            format!(
                "the people who run the registry can add it: `lumen registry trust add-witness {key}`"
            ),
        )),
    }
}

/// The error for a log that breaks a rule, with the evidence saved.
fn refusal(session: &Session<'_>, storage: &Storage, top: &Shown, error: PublishError) -> OpsError {
    let index = match &error {
        PublishError::History(error) => error.index(),
        PublishError::Damaged { .. } => None,
        _ => return error.into(),
    };
    let size = top.checkpoint.size;
    let entry = index.filter(|index| *index < size);
    let entry = entry.and_then(|index| {
        let entry = async { Ok(log::entry(storage, index, size).await?) };
        session.block_on(entry).ok()
    });
    let text = format!(
        "{error}\n\nthe checkpoint:\n\n{}\nthe entry:\n\n{}",
        top.note.to_text(),
        entry.unwrap_or_else(|| "none\n".into())
    );
    let evidence = save_evidence(session, "refused", &text);
    let reason = error.to_string();
    ReadError::from(TrustError::Refused { reason, evidence }).into()
}

/// Saves the evidence that a log is wrong; `None` when that fails.
fn save_evidence(session: &Session<'_>, kind: &str, text: &str) -> Option<PathBuf> {
    let dir = session.environment.trust_dir().join("witness");
    let name = Digest::of(text.as_bytes()).hex();
    let file = dir.join(format!("{kind}-{}.txt", name.get(..16).unwrap_or(&name)));
    let saved = lumen_durable::write_atomic(&file, text.as_bytes());
    saved.is_ok().then_some(file)
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
        let text = format!("seen before:\n\n{seen}\nshown now:\n\n{}", note.to_text());
        TrustError::Fork {
            from: before.size,
            to,
            evidence: save_evidence(session, "fork", &text),
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
