//! `lumen registry check`: every file against the log or, without signatures, against the others.

use lumen_registry::{
    log::{self, Finding},
    unsigned,
};

use crate::{
    error::OpsError,
    report::watch,
    session::{Purpose, Session, Which},
    settings::DEFAULT,
};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whether the registry is signed, so that its log says what is right.
    pub is_signed: bool,
    /// Whether the host lists its files, so that those were checked, too, that no index names.
    pub is_listed: bool,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Checks every file of a registry.
///
/// # Errors
/// When there is no registry, or the host fails.
pub fn check(session: &Session<'_>) -> Result<Checked, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let watch = watch(session.context.reporter);
    let storage = registry.storage();
    let is_listed = storage.check_writable().is_ok();
    session.block_on(async {
        if !is_listed {
            unsigned::refuse_web_page(storage).await?;
        }
        let is_signed = log::is_signed(storage).await?;
        let findings = match is_signed {
            true => log::check(storage, &watch).await?,
            false => {
                registry.exists().await?;
                unsigned::check(storage, &watch).await?
            }
        };
        Ok(Checked {
            is_signed,
            is_listed,
            findings,
        })
    })
}
