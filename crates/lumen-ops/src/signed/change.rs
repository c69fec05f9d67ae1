//! A change that keys have to agree to: signed and appended, or written to a file for the
//! next signer.

use std::path::{Path, PathBuf};

use lumen_core::{
    Digest,
    trust::{Lacking, NoteRef, Subject},
};
use lumen_registry::{Storage, StorageError, log::Writer, publish::PublishError};

use crate::{
    error::{ChangeError, OpsError},
    session::Session,
    signed::{
        Asked, Change, Missing, Need, Proposal, Signed, accept_note,
        newest::{Newest, newest, newest_package},
        open, open_for,
        proposal::{self, NAMES},
        queue::ask,
    },
};

/// The result of a change.
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
    /// The state of a claim that the registry must approve.
    pub queued: Option<Asked>,
    /// Whether it is in the log.
    pub applied: bool,
    /// Its place there; `None` when another writer had put it there already.
    pub index: Option<u64>,
    /// The witnesses that have to sign before readers see it; nothing: they do.
    pub lacking: Option<Lacking>,
}

/// Signs a new change, and appends it if nothing is missing. Otherwise writes it to a file,
/// or leaves a claim that only needs approval in the registry.
pub(crate) fn submit(
    session: &Session<'_>,
    registry: &Signed,
    mut proposal: Proposal,
    needs: &[Need],
    out: Option<&Path>,
) -> Result<Submitted, OpsError> {
    let signer = session.signer()?;
    let signed = proposal.sign(&*signer, needs)?;
    let missing = proposal.missing(needs)?;
    if out.is_none() && missing.is_empty() {
        return applied(session, registry, proposal, signed);
    }
    let only_names = missing.iter().all(|missing| missing.whose == NAMES);
    if out.is_none() && is_claim(&proposal.change) && signed && only_names {
        match ask(session, &registry.registry, &proposal.note, true) {
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
    let path = session.context.options.working_dir.join(&file);
    if !lumen_durable::create_new(&path, proposal.note.to_text().as_bytes())? {
        return Err(ChangeError::Exists(file).into());
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

pub(crate) fn applied(
    session: &Session<'_>,
    registry: &Signed,
    proposal: Proposal,
    signed: bool,
) -> Result<Submitted, OpsError> {
    let signer = session.signer()?;
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
        // The user who made the change need not accept it again.
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

/// The registry that a proposal is for.
pub(crate) fn home_of(session: &Session<'_>, proposal: &Proposal) -> Result<Signed, OpsError> {
    match &proposal.change {
        Change::Root(_) => open(session),
        Change::Owners(note) => open_for(session, &note.name),
        Change::Moderation(said) => open_for(session, &Subject::owner_of(&said.package)),
    }
}

/// The keys that must sign a proposal in the present state of the registry.
pub(crate) fn needs(
    session: &Session<'_>,
    registry: &Signed,
    proposal: &Proposal,
) -> Result<Vec<Need>, OpsError> {
    let change = &proposal.change;
    let subject = match change {
        Change::Root(_) | Change::Moderation(_) => None,
        Change::Owners(next) => Some(&next.name),
    };
    let Newest {
        roots,
        owners,
        size,
    } = newest(session, registry, subject)?;
    if change.origin() != roots.origin() {
        return Err(ChangeError::OtherRegistry {
            found: change.origin().to_owned(),
            expected: roots.origin().to_owned(),
        }
        .into());
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
        Change::Moderation(next) => {
            let history = newest_package(session, registry, &next.package)?;
            let needs = proposal::moderation_needs(&roots);
            (next.seq == history.moderation.next(), needs)
        }
    };
    match continues {
        true => Ok(needs),
        false => Err(ChangeError::Overtaken {
            subject: change.subject(),
        }
        .into()),
    }
}
