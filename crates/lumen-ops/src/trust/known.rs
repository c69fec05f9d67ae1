//! What this machine remembers of signed registries.

use lumen_core::Digest;
use lumen_registry::{
    Freshness, Location, ReadError, Registry, RegistryOptions,
    verify::{
        TrustError, TrustOptions,
        state::{self, Remembered},
    },
};

use crate::{error::OpsError, session::Session, settings::DEFAULT};

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
    Ok(state::list(&session.environment.trust_dir()).map_err(ReadError::from)?)
}

/// Remembers that a registry must have this fingerprint.
///
/// # Errors
/// When another one is remembered.
pub fn pin(session: &Session<'_>, registry: &str, root: &Digest) -> Result<Remembered, OpsError> {
    let url = location(session, registry)?.url();
    let pinned = state::pin(
        &session.environment.trust_dir(),
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
    Ok(state::forget(&session.environment.trust_dir(), &url).map_err(ReadError::from)?)
}

/// Remembers a registry as it is now, whatever was remembered before.
///
/// # Errors
/// When what it shows now does not hold together, or the file cannot be written.
pub fn accept(session: &Session<'_>, registry: &str) -> Result<Accepted, OpsError> {
    let location = location(session, registry)?;
    let (dir, url) = (session.environment.trust_dir(), location.url());
    let before = match state::read(&dir, &url) {
        Ok(before) => before,
        // A damaged file is one of the reasons to accept.
        Err(TrustError::State { .. }) => None,
        Err(error) => return Err(ReadError::from(error).into()),
    };
    // Nothing remembered counts here; what somebody wrote into a configuration does.
    let options = RegistryOptions {
        freshness: Freshness::Revalidate,
        trust: TrustOptions {
            pin: session.settings()?.roots.get(registry).copied(),
            ..TrustOptions::default()
        },
        host: session.environment.host_options(),
        ..RegistryOptions::default()
    };
    let stranger = Registry::open(registry, location, &options).map_err(ReadError::from)?;
    let info = session.block_on(async { Ok(stranger.trust().await?) })?;
    let info = info.ok_or(TrustError::NotSigned).map_err(ReadError::from)?;
    let now = Remembered {
        url,
        origin: info.origin,
        root: info.fingerprint,
        checkpoint: info.checkpoint,
        root_seq: info.root_seq,
        first_seen: session.timestamp(),
        pinned: true,
    };
    state::accept(&dir, &now).map_err(ReadError::from)?;
    Ok(Accepted { before, now })
}

/// Where a registry is that was given by URL, path or name.
fn location(session: &Session<'_>, text: &str) -> Result<Location, OpsError> {
    session.maybe_project()?;
    if text.contains("://") || text.contains(['/', '\\']) {
        return Ok(Location::parse_path(text, &session.options.working_dir)?);
    }
    let settings = session.settings()?;
    if text != DEFAULT && !settings.registries.contains_key(text) {
        return Err(OpsError::user(
            format!("no registry is called `{text}`"),
            format!("give its URL, or `./{text}` for a folder"),
        ));
    }
    session.location(text)
}
