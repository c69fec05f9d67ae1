//! `sign`, `apply` and `approve` of a proposal in a file.

use std::path::Path;

use crate::{
    error::{ChangeError, OpsError},
    session::Session,
    signed::{Proposal, Submitted, applied, home_of, needs},
};

/// Signs a proposal file.
///
/// # Errors
/// When it is none, this user's key is not asked for, or the file cannot be written.
pub fn sign(session: &Session<'_>, file: &Path) -> Result<Submitted, OpsError> {
    let path = session.context.options.working_dir.join(file);
    let mut proposal = Proposal::read(&path)?;
    let registry = home_of(session, &proposal)?;
    let needs = needs(session, &registry, &proposal)?;
    let signer = session.signer()?;
    // A forged signature must not be handed on under ours.
    proposal.missing(&needs)?;
    proposal.show(session.context.reporter);
    if !proposal.sign(&*signer, &needs)? {
        return Err(ChangeError::NotAsked {
            key: signer.public().name().to_owned(),
            subject: proposal.change.subject(),
        }
        .into());
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
    let path = session.context.options.working_dir.join(file);
    let proposal = Proposal::read(&path)?;
    let registry = home_of(session, &proposal)?;
    let needs = needs(session, &registry, &proposal)?;
    let missing = proposal.missing(&needs)?;
    match missing.first() {
        Some(missing) => Err(ChangeError::Unsigned {
            subject: proposal.change.subject(),
            more: missing.more,
            whose: missing.whose,
        }
        .into()),
        None => applied(session, &registry, proposal, false),
    }
}

/// Signs a claim with a names key, and puts it into the log if nothing is missing.
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
