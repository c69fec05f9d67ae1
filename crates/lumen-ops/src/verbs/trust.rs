//! What this machine remembers of signed registries.

use lumen_core::{Digest, trust::Subject};
use lumen_registry::{
    Freshness, Location, ReadError, Registry, RegistryOptions,
    location::redacted,
    verify::{
        TrustError, TrustOptions, known,
        state::{self, Remembered},
    },
};

use crate::{
    error::{InputError, OpsError},
    session::Session,
    session::Which,
    settings::{DEFAULT, is_location},
    signed,
};

/// What was remembered before, and what is now.
#[derive(Debug)]
pub struct Accepted {
    /// Before; nothing when the registry was unknown.
    pub before: Option<Remembered>,
    /// Now.
    pub now: Remembered,
}

/// All registries that are remembered.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(session: &Session<'_>) -> Result<Vec<Remembered>, OpsError> {
    Ok(state::list(&session.context.environment.trust_dir()).map_err(ReadError::from)?)
}

/// Remembers that a registry must have this fingerprint.
///
/// # Errors
/// When another one is remembered.
pub fn pin(session: &Session<'_>, registry: &str, root: &Digest) -> Result<Remembered, OpsError> {
    let url = location(session, registry)?.url();
    let pinned = state::pin(
        &session.context.environment.trust_dir(),
        &url,
        *root,
        &session.timestamp(),
    );
    Ok(pinned.map_err(ReadError::from)?)
}

/// Forgets a registry; returns whether it was known.
///
/// # Errors
/// When the file cannot be removed.
pub fn forget(session: &Session<'_>, registry: &str) -> Result<bool, OpsError> {
    let url = location(session, registry)?.url();
    Ok(state::forget(&session.context.environment.trust_dir(), &url).map_err(ReadError::from)?)
}

/// Remembers a registry as it is now, whatever was remembered before.
///
/// # Errors
/// When what it shows now does not hold together, or the file cannot be written.
pub fn accept(session: &Session<'_>, registry: &str) -> Result<Accepted, OpsError> {
    let location = location(session, registry)?;
    let (dir, url) = (session.context.environment.trust_dir(), location.url());
    let before = match state::read(&dir, &url) {
        Ok(before) => before,
        // A damaged file is one of the reasons to accept.
        Err(TrustError::State { .. }) => None,
        Err(error) => return Err(ReadError::from(error).into()),
    };
    // Nothing remembered counts here; what a configuration pins does.
    let options = RegistryOptions {
        freshness: Freshness::Revalidate,
        trust: TrustOptions {
            pin: session.settings()?.pins.of(registry, &location),
            ..TrustOptions::default()
        },
        host: session.host_options(&location)?,
        ..RegistryOptions::default()
    };
    let stranger = Registry::open(registry, location, &options).map_err(ReadError::from)?;
    let info = session.block_on(async {
        // With the name map: what is accepted has to be there.
        stranger.roots().await?;
        Ok(stranger.trust().await?)
    })?;
    let info = info.ok_or(TrustError::NotSigned).map_err(ReadError::from)?;
    let now = Remembered {
        url,
        origin: info.origin,
        root: info.fingerprint,
        checkpoint: info.checkpoint,
        root_seq: info.root_note.seq,
        root_note: Some(info.root_note),
        sightings: Vec::new(),
        first_seen: session.timestamp(),
        pinned: true,
    };
    state::accept(&dir, &now).map_err(ReadError::from)?;
    Ok(Accepted { before, now })
}

/// Accepts the owners that names have now. Returns the number of the
/// ownership note of each.
///
/// # Errors
/// When one of them has no owner, or the registry is not signed or not to be believed.
pub fn accept_owners(
    session: &Session<'_>,
    registry: &str,
    names: &[Subject],
) -> Result<Vec<(Subject, u64)>, OpsError> {
    let location = location(session, registry)?;
    let (dir, url) = (session.context.environment.trust_dir(), location.url());
    let options = RegistryOptions {
        freshness: Freshness::Revalidate,
        trust: TrustOptions {
            state_dir: Some(dir.clone()),
            pin: session.settings()?.pins.of(registry, &location),
            now: session.now(),
            ..TrustOptions::default()
        },
        host: session.host_options(&location)?,
        ..RegistryOptions::default()
    };
    let opened = Registry::open(registry, location, &options).map_err(ReadError::from)?;
    let mut accepted = Vec::new();
    for name in names {
        let owners = session.block_on(async { Ok(opened.owners(name).await?) })?;
        let owners = owners
            .ok_or(TrustError::NotSigned)
            .map_err(ReadError::from)?;
        let note = owners.newest().ok_or_else(|| signed::unowned(name))?;
        accepted.push((name.clone(), note));
    }
    for (name, note) in &accepted {
        known::accept(&dir, &url, name, *note).map_err(ReadError::from)?;
    }
    Ok(accepted
        .into_iter()
        .map(|(name, note)| (name, note.seq))
        .collect())
}

/// Where a registry is that was given by URL, path or name.
pub(super) fn location(session: &Session<'_>, text: &str) -> Result<Location, OpsError> {
    if is_location(text) {
        return session.place(Which::Place(text), false);
    }
    let settings = session.settings()?;
    if text != DEFAULT && !settings.registries.contains_key(text) {
        return Err(InputError::Registry(redacted(text)).into());
    }
    session.location(text)
}
