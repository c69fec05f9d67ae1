//! Claims that wait in the registry for its names keys.

use std::path::Path;

use lumen_core::{
    Digest,
    note::Note,
    signing::PublicKey,
    trust::{Subject, queue::claims, rejection::Rejection},
};
use lumen_registry::publish::{PublishError, queue};

use crate::{
    error::{ChangeError, InputError, KeysError, OpsError},
    session::Session,
    signed::{
        Asked, Change, Missing, Owned, Proposal, Signed, Submitted, applied, open, open_for,
        owners, proposal, put,
    },
    verbs::sign,
};

/// Fewest digits of an id that people have to write.
const SHORTEST: usize = 6;

/// A claim of a name without an owner.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The name or scope.
    pub subject: Subject,
    /// SHA-256 of the claim's text; its first digits name it.
    pub id: Digest,
    /// The admins that it names.
    pub by: Vec<PublicKey>,
    /// When it was made, by its maker's clock.
    pub time: String,
    /// Signatures that it still needs.
    pub missing: Vec<Missing>,
    /// Why it will not be approved, if a names key said so.
    pub rejected: Option<Rejection>,
    proposal: Proposal,
}

/// The claims that wait, rejected ones too, and whether these are all.
///
/// # Errors
/// When the registry cannot be listed, is not signed, or is not trustworthy.
pub fn list(session: &Session<'_>) -> Result<(Vec<Waiting>, bool), OpsError> {
    waiting(session, &open(session)?)
}

fn waiting(session: &Session<'_>, registry: &Signed) -> Result<(Vec<Waiting>, bool), OpsError> {
    let storage = registry.registry.storage();
    let queued = session.block_on(async { Ok(queue::read(storage).await?) })?;
    let files = queued.files.iter().map(Vec::as_slice);
    let mut out = Vec::new();
    for claim in claims(files, registry.roots.current()) {
        let subject = claim.claim.name.clone();
        let owners = owners(session, registry, &subject)?;
        // The name has an owner by now, but not by this claim.
        if owners.current().is_some() {
            continue;
        }
        let needs =
            proposal::owners_needs(&registry.roots, &owners, &claim.claim, registry.info.size);
        let proposal = Proposal {
            note: claim.note,
            change: Change::Owners(claim.claim.clone()),
        };
        out.push(Waiting {
            subject,
            id: claim.id,
            by: claim.claim.admins,
            time: claim.claim.time,
            missing: proposal.missing(&needs)?,
            rejected: claim.rejected,
            proposal,
        });
    }
    Ok((out, queued.all))
}

/// Signs a claim, a file or one that waits, and puts it into the log if nothing is missing.
/// `what` is a file, a name, or the first digits of an id.
///
/// # Errors
/// When there is no such claim or more than one, this user's key is no names key,
/// or the registry cannot be written.
pub fn approve(session: &Session<'_>, what: &str) -> Result<Submitted, OpsError> {
    if session.context.options.working_dir.join(what).is_file() {
        return sign::approve(session, Path::new(what));
    }
    let (registry, Waiting { mut proposal, .. }) = find(session, what)?;
    let Change::Owners(claim) = &proposal.change else {
        return Err(none(what));
    };
    let owners = owners(session, &registry, &claim.name)?;
    let needs = proposal::owners_needs(&registry.roots, &owners, claim, registry.info.size);
    let signer = session.signer()?;
    proposal.show(session.context.reporter);
    let signed = proposal.sign(&*signer, &needs)?;
    let missing = proposal.missing(&needs)?;
    if missing.is_empty() {
        match applied(session, &registry, proposal.clone(), signed) {
            // The holder of a names key need not have a log key.
            Err(OpsError::Publish(PublishError::LogKey { .. })) if signed => {}
            other => return other,
        }
    }
    let names = &registry.roots.current().names;
    if names_key(names, signer.public()).is_none() {
        return Err(no_names_key(signer.public()));
    }
    let key = put(session, &registry.registry, &proposal.note)?;
    Ok(Submitted {
        change: proposal.change,
        signed,
        missing,
        file: None,
        queued: Some(Asked::New(key)),
        applied: false,
        index: None,
        lacking: None,
    })
}

/// Says that a claim will not be approved.
///
/// # Errors
/// As [`approve`].
pub fn reject(session: &Session<'_>, what: &str, reason: &str) -> Result<Waiting, OpsError> {
    let (registry, mut claim) = find(session, what)?;
    let signer = session.signer()?;
    let names = &registry.roots.current().names;
    let key = names_key(names, signer.public());
    let key = key.ok_or_else(|| no_names_key(signer.public()))?;
    let rejection = Rejection {
        origin: registry.roots.origin().to_owned(),
        claim: claim.id,
        time: session.timestamp(),
        reason: reason.to_owned(),
    };
    let text = rejection.to_text();
    Rejection::parse(&text).map_err(InputError::Reason)?;
    let mut note = Note::unsigned(text).map_err(InputError::ReasonText)?;
    let signature = signer.sign(note.text.as_bytes()).map_err(KeysError::Sign)?;
    note.add(key, signature);
    put(session, &registry.registry, &note)?;
    claim.rejected = Some(rejection);
    Ok(claim)
}

/// The claim that a name or the first digits of an id stand for, and its registry.
fn find(session: &Session<'_>, what: &str) -> Result<(Signed, Waiting), OpsError> {
    let named = Owned::parse(what).ok();
    let registry = match &named {
        Some(owned) => open_for(session, &owned.subject)?,
        None => open(session)?,
    };
    let (waiting, _) = waiting(session, &registry)?;
    let is_id = |claim: &Waiting| what.len() >= SHORTEST && claim.id.hex().starts_with(what);
    let (by_id, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_id);
    let mut found = by_id;
    if found.is_empty() {
        let wanted = |claim: &Waiting| {
            let is_named = named
                .as_ref()
                .is_some_and(|owned| owned.subject == claim.subject);
            is_named && claim.rejected.is_none()
        };
        found = rest.into_iter().filter(wanted).collect();
    }
    match (found.pop(), found.is_empty()) {
        (Some(claim), true) => Ok((registry, claim)),
        (Some(_), false) => Err(InputError::Claims(what.to_owned()).into()),
        (None, _) => Err(none(what)),
    }
}

fn none(what: &str) -> OpsError {
    InputError::Claim(what.to_owned()).into()
}

/// A key under the name that it gives out names with.
fn names_key<'k>(names: &'k [PublicKey], key: &PublicKey) -> Option<&'k PublicKey> {
    let mut names = names.iter();
    names.find(|name| name.bytes() == key.bytes())
}

fn no_names_key(key: &PublicKey) -> OpsError {
    ChangeError::NoNamesKey {
        key: key.name().to_owned(),
    }
    .into()
}
