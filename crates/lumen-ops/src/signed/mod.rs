//! Signed registries: their roots and owners, and changes that keys have to agree to.

mod change;
mod key;
mod known;
mod newest;
mod owned;
pub mod proposal;
mod queue;
pub mod root;
mod statement;

use lumen_core::trust::{OwnersHistory, RootHistory, Subject};
use lumen_registry::{
    ReadError, Registry,
    publish::PublishError,
    verify::{TrustError, TrustInfo},
};

use crate::{
    error::{ChangeError, OpsError},
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

pub use self::{
    change::Submitted,
    key::{key, key_among},
    owned::Owned,
    proposal::{Change, Missing, Need, Proposal},
    queue::Asked,
    root::RootChange,
    statement::Said,
};
pub(crate) use self::{
    change::{applied, home_of, needs, submit},
    known::accept_note,
    newest::newest,
    queue::{ask, put},
    statement::say,
};

/// A signed registry that this run reads or changes.
pub struct Signed {
    /// The registry.
    pub registry: Registry,
    /// Its verified state.
    pub info: TrustInfo,
    /// Its root notes.
    pub roots: RootHistory,
}

/// Opens and verifies the registry of `--registry` or the settings.
///
/// # Errors
/// When there is none, it is not signed, or it is not trustworthy.
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
        // Its operator must be able to repair it.
        Err(OpsError::Read(ReadError::Trust(
            TrustError::Expired { .. } | TrustError::Stale { .. } | TrustError::Witnesses { .. },
        ))) => open_for_keepers(session, name),
        other => other,
    }
}

/// Opens a registry whose root may have expired and whose witnesses may be silent.
pub(crate) fn open_for_keepers(session: &Session<'_>, name: &str) -> Result<Signed, OpsError> {
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

/// The same in place of an error that says that a registry is unsigned, or lacks a package.
pub(crate) fn or_absent(session: &Session<'_>, registry: &Registry, error: OpsError) -> OpsError {
    match &error {
        OpsError::Publish(PublishError::NotSigned | PublishError::UnknownPackage { .. }) => {
            let exists = session.block_on(async { Ok(registry.exists().await?) });
            exists.err().unwrap_or(error)
        }
        _ => error,
    }
}

/// The owners of a name or scope so far.
///
/// # Errors
/// When they cannot be read or are not trustworthy.
pub fn owners(
    session: &Session<'_>,
    signed: &Signed,
    subject: &Subject,
) -> Result<OwnersHistory, OpsError> {
    let owners = session.block_on(async { Ok(signed.registry.owners(subject).await?) })?;
    Ok(owners.unwrap_or_else(|| OwnersHistory::unclaimed(subject.clone())))
}

/// The error for a name without owners.
pub(crate) fn unowned(subject: &Subject) -> OpsError {
    ChangeError::Unowned(subject.clone()).into()
}
