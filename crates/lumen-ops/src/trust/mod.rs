//! Signed registries: their roots and owners, changed by as many people as must agree,
//! and what this machine remembers of them.

mod known;
pub mod monitor;
mod newest;
mod owned;
pub mod proposal;
pub mod queue;
pub mod root;
pub mod witness;

use std::path::{Path, PathBuf};

use lumen_core::{
    Digest, Key,
    signing::{CosignerKey, PublicKey},
    trust::{Lacking, NoteRef, OwnersHistory, RootHistory, Subject},
};
use lumen_registry::{
    ReadError, Registry, Storage, StorageError,
    log::{self, Finding, Waiting, Writer},
    progress::Progress,
    publish::PublishError,
    verify::{TrustError, TrustInfo},
};

use self::newest::Newest;
use self::proposal::NAMES;
pub(crate) use self::{known::accept_note, newest::newest};
pub use self::{
    known::{Accepted, accept, accept_owners, forget, list, pin},
    owned::Owned,
    proposal::{Change, Missing, Need, Proposal},
    queue::Asked,
    root::RootChange,
};
use crate::{
    error::OpsError,
    keys::{self, KeyStore},
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

/// A signed registry that this run reads or changes.
pub struct Signed {
    /// The registry.
    pub registry: Registry,
    /// What was verified about it.
    pub info: TrustInfo,
    /// Its root notes.
    pub roots: RootHistory,
}

/// What came of a change.
#[derive(Debug)]
pub struct Submitted {
    /// The change.
    pub change: Change,
    /// Whether this user's key signed it.
    pub signed: bool,
    /// Signatures it still needs.
    pub missing: Vec<Missing>,
    /// The proposal file that was written.
    pub file: Option<PathBuf>,
    /// What became of a claim that the registry has to approve.
    pub queued: Option<Asked>,
    /// Whether it is in the log.
    pub applied: bool,
    /// Its place there; nothing when somebody else had put it there already.
    pub index: Option<u64>,
    /// The witnesses that have to sign before readers see it; nothing: they do.
    pub lacking: Option<Lacking>,
}

/// Opens and verifies the registry that `--registry` or the settings say.
///
/// # Errors
/// When there is none, it is not signed, or it is not to be believed.
pub fn open(session: &Session<'_>) -> Result<Signed, OpsError> {
    open_named(session, DEFAULT)
}

/// Opens and verifies the registry where a name or scope has its owners.
///
/// # Errors
/// As [`open`].
pub fn open_for(session: &Session<'_>, subject: &Subject) -> Result<Signed, OpsError> {
    open_named(session, &session.home_of_subject(subject)?)
}

fn open_named(session: &Session<'_>, name: &str) -> Result<Signed, OpsError> {
    match verified(session, session.open(Which::Named(name), Purpose::Write)?) {
        // Whoever runs it must be able to end what keeps others out.
        Err(OpsError::Read(ReadError::Trust(
            TrustError::Expired { .. } | TrustError::Stale { .. } | TrustError::Witnesses { .. },
        ))) => open_for_keepers(session, name),
        other => other,
    }
}

/// Opens a registry whose root may have expired and whose witnesses may be silent.
fn open_for_keepers(session: &Session<'_>, name: &str) -> Result<Signed, OpsError> {
    verified(
        session,
        session.open(Which::Named(name), Purpose::WriteAtAnyAge)?,
    )
}

fn verified(session: &Session<'_>, registry: Registry) -> Result<Signed, OpsError> {
    let found = session.block_on(async {
        let info = registry.trust().await?;
        Ok(info.zip(registry.roots().await?))
    })?;
    match found {
        Some((info, roots)) => Ok(Signed {
            registry,
            info,
            roots,
        }),
        None => Err(unsigned_or_absent(session, &registry)),
    }
}

/// Why a registry is of no use to a command about signed ones: it is unsigned, or there is
/// none at its address.
fn unsigned_or_absent(session: &Session<'_>, registry: &Registry) -> OpsError {
    let exists = session.block_on(async { Ok(registry.exists().await?) });
    match exists {
        Ok(()) => ReadError::from(TrustError::NotSigned).into(),
        Err(error) => error,
    }
}

/// The same in place of an error that says that a registry is unsigned.
fn or_absent(session: &Session<'_>, registry: &Registry, error: OpsError) -> OpsError {
    match &error {
        OpsError::Publish(PublishError::NotSigned) => {
            let exists = session.block_on(async { Ok(registry.exists().await?) });
            exists.err().unwrap_or(error)
        }
        _ => error,
    }
}

/// The owners of a name or scope so far.
///
/// # Errors
/// When they cannot be read or are not to be believed.
pub fn owners(
    session: &Session<'_>,
    signed: &Signed,
    subject: &Subject,
) -> Result<OwnersHistory, OpsError> {
    let owners = session.block_on(async { Ok(signed.registry.owners(subject).await?) })?;
    Ok(owners.unwrap_or_else(|| OwnersHistory::nobody(subject.clone())))
}

/// The error for a name without owners.
pub(crate) fn unowned(subject: &Subject) -> OpsError {
    OpsError::user(
        format!("nobody owns `{subject}`"),
        format!("the first publish claims it, or `lumen pkg owner claim {subject}`"),
    )
}

/// A public key as people give it: a vkey, a line of OpenSSH's, or the name of an own key.
///
/// # Errors
/// When it is none of them.
pub fn key(session: &Session<'_>, text: &str) -> Result<PublicKey, OpsError> {
    let text = text.trim();
    if let Ok(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    if let Ok(key) = CosignerKey::parse(text) {
        return Ok(key.key().clone());
    }
    if let Some(key) = keys::parse_ssh(text) {
        return Ok(key);
    }
    if !text.contains(['+', ' ']) {
        let store = KeyStore::of(&session.environment)?;
        return Ok(store.info(Some(text))?.public);
    }
    Err(OpsError::user(
        format!("`{text}` is not a public key"),
        "give what `lumen key export` prints, an `ssh-ed25519 …` line, or the name of a key of yours",
    ))
}

/// As [`key`], but fingerprints and names of the keys at hand count, too.
///
/// # Errors
/// As [`key`], and when a name stands for two of the keys.
pub fn key_among(
    session: &Session<'_>,
    text: &str,
    known: &[PublicKey],
) -> Result<PublicKey, OpsError> {
    let text = text.trim();
    let mut matching: Vec<&PublicKey> = known
        .iter()
        .filter(|key| key.name() == text || key.fingerprint() == text)
        .collect();
    matching.sort();
    matching.dedup_by_key(|key| *key.bytes());
    match matching.as_slice() {
        [] => key(session, text),
        [one] => Ok((*one).clone()),
        _ => Err(OpsError::user(
            format!("more than one key is called `{text}`"),
            "give its fingerprint",
        )),
    }
}

/// Changes the root, or writes a proposal of it to be signed by others.
///
/// # Errors
/// When the change is not possible, or the registry cannot be written.
pub fn change_root(
    session: &Session<'_>,
    change: impl FnOnce(&RootHistory) -> Result<RootChange, OpsError>,
    out: Option<&Path>,
) -> Result<Submitted, OpsError> {
    let signed = open(session)?;
    let roots = newest(session, &signed, None)?.roots;
    let change = change(&roots)?;
    let next = root::next(&roots, &change, &session.timestamp())?;
    let needs = proposal::root_needs(&roots, &next);
    let proposal = Proposal::new(Change::Root(next))?;
    submit(session, &signed, proposal, &needs, out)
}

/// Finishes what a writer that was killed left unfinished, and makes public what has enough
/// witnesses. Returns the size of the log, and what readers do not see yet.
///
/// # Errors
/// When the registry is not signed, its log is damaged, or it cannot be written.
pub fn repair(session: &Session<'_>) -> Result<(u64, Option<Waiting>), OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = |progress: Progress| session.reporter.report(progress.into());
    let repair = async |storage: &Storage| log::repair_watched(storage, &watch).await;
    let storage = registry.storage();
    let repaired = session.block_on(async {
        let size = storage.together("Repair the registry", repair).await?;
        Ok((size, log::waiting(storage).await?))
    });
    repaired.map_err(|error| or_absent(session, &registry, error))
}

/// What readers of a registry do not see yet, since witnesses have to sign it first.
///
/// # Errors
/// Files that are damaged, and failures of the host.
pub fn waiting(session: &Session<'_>) -> Result<Option<Waiting>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    session.block_on(async { Ok(log::waiting(registry.storage()).await?) })
}

/// Checks every file of a signed registry against its log. Returns what is wrong.
///
/// # Errors
/// When the registry is not signed, or the host fails.
pub fn check(session: &Session<'_>) -> Result<Vec<Finding>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = |progress: Progress| session.reporter.report(progress.into());
    let checked =
        session.block_on(async { Ok(log::check_watched(registry.storage(), &watch).await?) });
    checked.map_err(|error| or_absent(session, &registry, error))
}

/// Makes all files anew that follow from the log. Returns those that were not as they should be.
///
/// # Errors
/// When the registry is not signed, its log is damaged, or it cannot be written.
pub fn rebuild(session: &Session<'_>) -> Result<Vec<Key>, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = |progress: Progress| session.reporter.report(progress.into());
    let rebuild = async |storage: &Storage| log::rebuild_watched(storage, &watch).await;
    let storage = registry.storage();
    let rebuilt = storage.together("Rebuild the registry", rebuild);
    let rebuilt = session.block_on(async { Ok(rebuilt.await?) });
    rebuilt.map_err(|error| or_absent(session, &registry, error))
}

fn applied(
    session: &Session<'_>,
    registry: &Signed,
    proposal: Proposal,
    signed: bool,
) -> Result<Submitted, OpsError> {
    let signer = keys::signer(&session.environment)?;
    let text = proposal.note.to_text();
    let append = async |storage: &Storage| {
        let writer = Writer {
            storage,
            signer: &*signer,
            last_seen: registry.info.seen(),
        };
        writer.append_note(&text).await
    };
    let message = format!("Add {}", proposal.change.subject().replace('`', ""));
    let storage = registry.registry.storage();
    let receipt = session.block_on(async { Ok(storage.together(&message, append).await?) })?;
    if let Change::Owners(note) = &proposal.change
        && note.is_override
    {
        // Who did it need not be asked whether they agree.
        let seen = NoteRef {
            seq: note.seq,
            hash: Digest::of(text.as_bytes()),
        };
        accept_note(session, &registry.registry, &note.name, seen)?;
    }
    Ok(Submitted {
        change: proposal.change,
        signed,
        missing: Vec::new(),
        file: None,
        queued: None,
        applied: true,
        index: receipt.index,
        lacking: receipt.lacking,
    })
}

/// Signs a new change, and appends it if nothing is missing. Else it is written to a file;
/// a claim that only has to be approved is left in the registry.
pub(crate) fn submit(
    session: &Session<'_>,
    registry: &Signed,
    mut proposal: Proposal,
    needs: &[Need],
    out: Option<&Path>,
) -> Result<Submitted, OpsError> {
    let signer = keys::signer(&session.environment)?;
    let signed = proposal.sign(&*signer, needs)?;
    let missing = proposal.missing(needs)?;
    if out.is_none() && missing.is_empty() {
        return applied(session, registry, proposal, signed);
    }
    let only_names = missing.iter().all(|missing| missing.whose == NAMES);
    if out.is_none() && is_claim(&proposal.change) && signed && only_names {
        match queue::ask(session, &registry.registry, &proposal.note, true) {
            // Then it goes another way.
            Err(OpsError::Publish(PublishError::Storage(StorageError::ReadOnly { .. }))) => {}
            asked => {
                return Ok(Submitted {
                    change: proposal.change,
                    signed,
                    missing,
                    file: None,
                    queued: Some(asked?),
                    applied: false,
                    index: None,
                    lacking: None,
                });
            }
        }
    }
    let file = out.map_or_else(|| proposal.change.file_name().into(), Path::to_owned);
    let path = session.options.working_dir.join(&file);
    if !lumen_durable::create_new(&path, proposal.note.to_text().as_bytes())? {
        return Err(OpsError::user(
            format!("`{}` exists", file.display()),
            "name another file with --out",
        ));
    }
    Ok(Submitted {
        change: proposal.change,
        signed,
        missing,
        file: Some(file),
        queued: None,
        applied: false,
        index: None,
        lacking: None,
    })
}

const fn is_claim(change: &Change) -> bool {
    matches!(change, Change::Owners(note) if note.seq == 1)
}

/// The registry that a proposal is for.
fn home_of(session: &Session<'_>, proposal: &Proposal) -> Result<Signed, OpsError> {
    match &proposal.change {
        Change::Root(_) => open(session),
        Change::Owners(note) => open_for(session, &note.name),
    }
}

/// Signs a proposal file.
///
/// # Errors
/// When it is none, this user's key is not asked for, or the file cannot be written.
pub fn sign(session: &Session<'_>, file: &Path) -> Result<Submitted, OpsError> {
    let path = session.options.working_dir.join(file);
    let mut proposal = Proposal::read(&path)?;
    let registry = home_of(session, &proposal)?;
    let needs = needs(session, &registry, &proposal)?;
    let signer = keys::signer(&session.environment)?;
    // A forged signature must not be handed on under ours.
    proposal.missing(&needs)?;
    proposal.show(session.reporter);
    if !proposal.sign(&*signer, &needs)? {
        return Err(OpsError::user(
            format!(
                "your key `{}` is none of those that sign {}",
                signer.public().name(),
                proposal.change.subject()
            ),
            "LUMEN_KEY chooses another key; `lumen key list` lists yours",
        ));
    }
    let missing = proposal.missing(&needs)?;
    lumen_durable::write_atomic(&path, proposal.note.to_text().as_bytes())?;
    Ok(Submitted {
        change: proposal.change,
        signed: true,
        missing,
        file: Some(file.to_owned()),
        queued: None,
        applied: false,
        index: None,
        lacking: None,
    })
}

/// Puts a proposal with all its signatures into the log.
///
/// # Errors
/// When signatures are missing, or the registry cannot be written.
pub fn apply(session: &Session<'_>, file: &Path) -> Result<Submitted, OpsError> {
    let path = session.options.working_dir.join(file);
    let proposal = Proposal::read(&path)?;
    let registry = home_of(session, &proposal)?;
    let needs = needs(session, &registry, &proposal)?;
    let missing = proposal.missing(&needs)?;
    match missing.first() {
        Some(missing) => Err(OpsError::user(
            format!(
                "{} needs {} more of {}",
                proposal.change.subject(),
                missing.more,
                missing.whose
            ),
            "whoever has one of these keys runs `sign` on the file",
        )),
        None => applied(session, &registry, proposal, false),
    }
}

/// Signs a claim as one who may approve it, and puts it into the log if nothing is missing.
///
/// # Errors
/// As [`sign`] and [`apply`].
pub fn approve(session: &Session<'_>, file: &Path) -> Result<Submitted, OpsError> {
    let signed = sign(session, file)?;
    match signed.missing.is_empty() {
        true => apply(session, file),
        false => Ok(signed),
    }
}

/// Who has to sign a proposal as the registry is now.
fn needs(
    session: &Session<'_>,
    registry: &Signed,
    proposal: &Proposal,
) -> Result<Vec<Need>, OpsError> {
    let change = &proposal.change;
    let subject = match change {
        Change::Root(_) => None,
        Change::Owners(next) => Some(&next.name),
    };
    let Newest {
        roots,
        owners,
        size,
    } = newest(session, registry, subject)?;
    if change.origin() != roots.origin() {
        return Err(OpsError::user(
            format!(
                "the proposal is for the registry `{}`, not for `{}`",
                change.origin(),
                roots.origin()
            ),
            "name the right one with --registry",
        ));
    }
    let (continues, needs) = match change {
        Change::Root(next) => {
            let needs = proposal::root_needs(&roots, next);
            (next.prev.as_ref() == Some(roots.last()), needs)
        }
        Change::Owners(next) => {
            let needs = proposal::owners_needs(&roots, &owners, next, size);
            (next.prev.as_ref() == owners.last(), needs)
        }
    };
    match continues {
        true => Ok(needs),
        false => Err(OpsError::user(
            format!(
                "the registry has changed since {} was proposed",
                change.subject()
            ),
            "propose it anew",
        )),
    }
}
