//! Confirming a log as a witness.
//!
//! A validating witness replays what is new: it confirms that every entry was allowed and that
//! the name map is that of the log. With growth only, it confirms that the log grew.

mod memory;

use std::path::PathBuf;

use lumen_core::{
    Digest,
    checkpoint::{self, Checkpoint},
    merkle::verify_consistency,
    signing::CosignerKey,
    tile::{tiles_for_consistency, tiles_for_edge},
    trust::RootHistory,
};
use lumen_registry::{
    ReadError, Storage,
    log::{self, Cosignature, Shown, Waiting},
    progress::nobody,
    publish::PublishError,
    signer::Signer,
    verify::TrustError,
};

use self::memory::Memory;
use crate::{
    error::{KeysError, OpsError, RegistryError},
    report::watch,
    session::Session,
    settings::DEFAULT,
    signed::Signed,
    signed::open_for_keepers,
    verbs::watch::broken,
    verbs::watch::read_tiles,
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

/// Confirms the newest commits of a log, and the state that readers see, with the user's key and
/// the time. Commits that then have enough witnesses become public.
///
/// # Errors
/// When the log was rewritten, an entry or the map breaks a rule (nothing is signed then), the
/// key is not that of a witness, or the registry cannot be written.
pub fn witness(session: &Session<'_>, growth_only: bool) -> Result<Witnessed, OpsError> {
    let signer = session.signer()?;
    let key = CosignerKey::new(signer.public().clone());
    let signed = open_for_keepers(session, DEFAULT)?;
    let storage = signed.registry.storage();
    let origin = &signed.info.origin;
    // Held until the signature is written: no other run signs for this registry meanwhile.
    let memory = Memory::open(&folder(session), origin)?;
    // A dead writer may have committed a batch that it did not finish.
    let repair = async |storage: &Storage| log::recover(storage, &nobody).await;
    let recovered = session.block_on(async {
        let recovered = storage.together("Finish what was committed", repair).await;
        Ok(recovered)
    })?;
    let states = session.block_on(async { Ok(log::states(storage).await?) })?;
    let Some(top) = states.last() else {
        return Err(broken("`log/checkpoint` is missing"));
    };
    match recovered {
        // A mirror without a head has no writers.
        Ok(_) | Err(PublishError::NotSigned) => {}
        Err(error) => return Err(refusal(session, storage, top, error)),
    }
    if top.checkpoint.origin != *origin {
        return Err(broken("its checkpoint is that of another registry"));
    }
    continues(session, storage, &memory, top)?;
    let roots = checked(session, &signed, (memory.validated(), top), growth_only)?;
    let signed = sign(session, storage, &states, &roots, &*signer, growth_only)?;
    // The memory is written before the signature: what this witness signs binds it.
    let mut note = top.note.clone();
    if let Some(own) = signed.iter().find(|own| own.checkpoint == top.checkpoint) {
        checkpoint::add_cosignature(&mut note, &key, own.time, own.signature);
    }
    let before = memory.signed().map(|before| before.size);
    memory.keep(&note.to_text(), !growth_only)?;
    let put = async |storage: &Storage| log::cosign(storage, &signed).await;
    let put = storage.together("Witness the log", put);
    Ok(Witnessed {
        size: top.checkpoint.size,
        before,
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
    let watch = watch(session.context.reporter);
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
    let time = u64::try_from(session.now()).unwrap_or_default();
    let mut signed = Vec::new();
    for Shown { checkpoint, note } in states {
        let root = roots.at(checkpoint.size.saturating_sub(1));
        // A checkpoint has room for few signatures.
        if !root.all_witnesses().any(|witness| *witness == key) {
            continue;
        }
        if growth_only && root.is_validator(key.key()) {
            return Err(RegistryError::MustValidate {
                key: key.name().to_owned(),
            }
            .into());
        }
        if let Some(top) = states.last().filter(|top| top.checkpoint != *checkpoint) {
            let top = &top.checkpoint;
            session.block_on(async { Ok(log::is_state(storage, checkpoint, top).await?) })?;
        }
        let message = checkpoint::cosigned_message(&note.text, time);
        let signature = signer.sign(&message).map_err(KeysError::Sign)?;
        signed.push(Cosignature {
            checkpoint: checkpoint.clone(),
            key: key.clone(),
            time,
            signature,
        });
    }
    match signed.is_empty() {
        false => Ok(signed),
        true => Err(RegistryError::NotWitness {
            name: key.name().to_owned(),
            key: key.to_string(),
        }
        .into()),
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

/// The folder with what this witness signed.
fn folder(session: &Session<'_>) -> PathBuf {
    session.context.environment.trust_dir().join("witness")
}

/// Saves the evidence that a log is wrong; `None` when that fails.
fn save_evidence(session: &Session<'_>, kind: &str, text: &str) -> Option<PathBuf> {
    let name = Digest::of(text.as_bytes()).hex();
    let name = name.get(..16).unwrap_or(&name);
    let file = folder(session).join(format!("{kind}-{name}.txt"));
    let saved = lumen_durable::write_atomic(&file, text.as_bytes());
    saved.is_ok().then_some(file)
}

/// Checks that a checkpoint fits its tiles and continues all that this witness signed.
fn continues(
    session: &Session<'_>,
    storage: &Storage,
    memory: &Memory,
    Shown { checkpoint, note }: &Shown,
) -> Result<(), OpsError> {
    let size = checkpoint.size;
    let edge = read_tiles(session, storage, tiles_for_edge(size))?;
    if edge.root(size).map_err(broken)? != checkpoint.root {
        return Err(broken("its tiles have another root than its checkpoint"));
    }
    for (before, seen) in memory.all() {
        let is_continued = || -> Result<bool, OpsError> {
            let tiles = read_tiles(session, storage, tiles_for_consistency(before.size, size))?;
            let proof = tiles.prove_consistency(before.size, size);
            let proof = proof.map_err(broken)?;
            let (from, to) = (&before.root, &checkpoint.root);
            Ok(verify_consistency(before.size, size, from, to, &proof).is_ok())
        };
        if size < before.size || !is_continued()? {
            let text = format!("signed before:\n\n{seen}\nshown now:\n\n{}", note.to_text());
            return Err(ReadError::from(TrustError::SignedAnother {
                origin: before.origin.clone(),
                from: before.size,
                to: size,
                evidence: save_evidence(session, "fork", &text),
            })
            .into());
        }
    }
    Ok(())
}
