//! `lumen registry trust …`: changes of the root.

use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

use lumen_core::{
    limits::MAX_BUNDLES_SINCE,
    signing::PublicKey,
    tile::FULL,
    trust::{Entry, OwnersNote, RootHistory, RootNote, Subject},
};

use super::watch;
use crate::{
    error::{ChangeError, OpsError},
    keys::KeyStore,
    session::Session,
    signed::{self, Change, Proposal, RootChange, Submitted, newest, open, proposal, root, submit},
};

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
    if root::says_the_same(roots.current(), &next) {
        return Err(ChangeError::Nothing("the keys and rules of the root").into());
    }
    let needs = proposal::root_needs(&roots, &next);
    let mut proposal = Proposal::new(Change::Root(next))?;
    // The key that comes has to sign as well, and it may be one of the user's own.
    if let RootChange::Rotate { new, .. } = &change
        && let Some(signer) = session.signer_of(new)?
    {
        proposal.sign(&*signer, &needs)?;
    }
    submit(session, &signed, proposal, &needs, out)
}

/// The log key that a user means. The user may give the name of another key of the same holder: a
/// root key, or the key of an owner.
///
/// # Errors
/// When it is no key, its name stands for two of them, or the log cannot be read.
pub fn log_key(session: &Session<'_>, root: &RootNote, text: &str) -> Result<PublicKey, OpsError> {
    let keys = [&root.log, &root.root, &root.names].into_iter().flatten();
    let known: Vec<PublicKey> = keys.cloned().collect();
    let unknown = match signed::key_among(session, text, &known) {
        Err(error) if !text.contains(['+', ' ']) => error,
        found => return found,
    };
    let is_log_key = |key: &PublicKey| root.log.iter().any(|log| log.bytes() == key.bytes());
    let mut owners = Vec::new();
    watch::watch(session, 0, &[], |logged| {
        if let Entry::Owners(note) = &logged.entry {
            let publishers = note.publishers.iter().map(|publisher| &publisher.key);
            let keys = note.admins.iter().chain(publishers);
            owners.extend(keys.filter(|key| is_log_key(key)).cloned());
        }
        ControlFlow::Continue(())
    })?;
    let is_known = |key: &PublicKey| key.name() == text || key.fingerprint() == text;
    match owners.iter().any(is_known) {
        true => signed::key_among(session, text, &owners),
        false => Err(unknown),
    }
}

/// The change that puts a key in the place of another one: by default of the one that signs it.
///
/// # Errors
/// When one of them is no key, or both are the same.
pub fn rotation(
    session: &Session<'_>,
    root: &RootNote,
    old: Option<&str>,
    new: &str,
) -> Result<RootChange, OpsError> {
    let known: Vec<PublicKey> = [&root.root, &root.log, &root.names, &root.moderators]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let new = signed::key(session, new)?;
    let old = match old {
        Some(old) => signed::key_among(session, old, &known)?,
        None => session.public_key()?,
    };
    if old.bytes() != new.bytes() {
        return Ok(RootChange::Rotate { old, new });
    }
    let own = KeyStore::of(&session.context.environment)?.list()?;
    let is_old = |key: &PublicKey| {
        key.bytes() != new.bytes() && known.iter().any(|old| old.bytes() == key.bytes())
    };
    let old = own.into_iter().find(|own| is_old(&own.public));
    Err(ChangeError::Itself {
        key: new.fingerprint(),
        old: old.map(|own| own.public.name().to_owned()),
    }
    .into())
}

/// The names that a key still owns in a registry, and its successor does not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Those of which it is an admin.
    pub admin: Vec<Subject>,
    /// Those for which it may publish.
    pub publisher: Vec<Subject>,
}

/// What a key owns that its successor does not own yet; nothing: the log is too long to tell.
///
/// # Errors
/// When the log cannot be read.
pub fn left(
    session: &Session<'_>,
    old: &PublicKey,
    new: &PublicKey,
) -> Result<Option<Left>, OpsError> {
    let bundles = open(session)?.info.size / u64::from(FULL);
    if bundles > MAX_BUNDLES_SINCE as u64 {
        return Ok(None);
    }
    let mut newest: BTreeMap<Subject, OwnersNote> = BTreeMap::new();
    watch::watch(session, 0, &[], |logged| {
        if let Entry::Owners(note) = &logged.entry {
            newest.insert(note.name.clone(), note.clone());
        }
        ControlFlow::Continue(())
    })?;
    let mut left = Left::default();
    for (subject, note) in newest {
        let admins = |key: &PublicKey| note.admins.iter().any(|a| a.bytes() == key.bytes());
        let publishes = |key: &PublicKey| {
            let mut keys = note.publishers.iter().map(|publisher| &publisher.key);
            keys.any(|other| other.bytes() == key.bytes())
        };
        if note.revoked_from(old).is_some() {
            continue;
        } else if admins(old) && !admins(new) {
            left.admin.push(subject);
        } else if publishes(old) && !publishes(new) {
            left.publisher.push(subject);
        }
    }
    Ok(Some(left))
}
