//! Changes of published packages: yanks and deprecations, and taking them back.

use std::sync::Arc;

use lumen_core::{
    PackageName, Version,
    checkpoint::Checkpoint,
    trust::{Action, Lacking, PackageHistory},
};

use super::{
    signed::{current, statement},
    yank,
};
use crate::{
    log::{State, Writer, is_signed},
    signer::Signer,
    storage::Storage,
    write::PublishError,
};

/// A change of a package, or of one of its releases.
#[derive(Debug, Clone)]
pub struct Change {
    /// The package.
    pub name: PackageName,
    /// The change.
    pub action: Action,
    /// The time, RFC 3339.
    pub now: String,
    /// Signs the statement in a signed registry; its key must be an owner's and one of the log
    /// keys.
    pub signer: Option<Arc<dyn Signer>>,
    /// The last checkpoint of the registry's log that this machine saw.
    pub last_seen: Option<Checkpoint>,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `false`: the registry said so already.
    pub changed: bool,
    /// The signed checkpoint that has it; `None` in an unsigned registry.
    pub checkpoint: Option<String>,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// Yanks a release or deprecates a package, or takes that back. An unsigned registry has no
/// place for the reason of an unyank.
///
/// # Errors
/// [`PublishError::UnknownPackage`] and [`PublishError::UnknownVersion`];
/// [`PublishError::NoKey`], [`PublishError::NotOwner`] and [`PublishError::LogKey`] in a signed
/// registry; [`PublishError::NotSigned`] for a deprecation in an unsigned one; failures of the
/// host.
pub async fn change(storage: &Storage, change: &Change) -> Result<Changed, PublishError> {
    if is_signed(storage).await? {
        return change_signed(storage, change).await;
    }
    let (version, reason) = match &change.action {
        Action::Yank { version, reason } => (version, Some(reason.as_str())),
        Action::Unyank { version, .. } => (version, None),
        Action::Publish { .. } | Action::Deprecate { .. } | Action::Undeprecate { .. } => {
            return Err(PublishError::NotSigned);
        }
    };
    Ok(Changed {
        changed: yank::put(storage, &change.name, version, reason, &change.now).await?,
        checkpoint: None,
        lacking: None,
    })
}

async fn change_signed(storage: &Storage, change: &Change) -> Result<Changed, PublishError> {
    let signer = change.signer.as_deref().ok_or(PublishError::NoKey)?;
    let writer = Writer {
        storage,
        signer,
        last_seen: change.last_seen.clone(),
    };
    let name = &change.name;
    let receipt = writer
        .append(async |state: &State<'_>| {
            let history = state.package(name).await?;
            if history.releases.is_empty() {
                return Err(PublishError::UnknownPackage { name: name.clone() });
            }
            let published = |version: &&Version| history.releases.contains_key(version);
            if let Some(version) = change.action.version().filter(|v| !published(v)) {
                return Err(PublishError::UnknownVersion {
                    name: name.clone(),
                    version: version.clone(),
                    versions: history.releases.keys().cloned().collect(),
                });
            }
            if has(&history, &change.action) {
                return Ok(Vec::new());
            }
            let owners = current(name, &history.owners)?;
            let (action, now) = (change.action.clone(), &change.now);
            let roots = &state.roots;
            Ok(vec![statement(roots, name, owners, action, signer, now)?])
        })
        .await?;
    Ok(Changed {
        changed: receipt.index.is_some(),
        checkpoint: Some(receipt.checkpoint),
        lacking: receipt.lacking,
    })
}

/// Whether the history has an action already, which would change nothing.
fn has(history: &PackageHistory, action: &Action) -> bool {
    match action {
        Action::Publish { .. } => false,
        Action::Yank { version, reason } => history
            .yanked
            .get(version)
            .is_some_and(|yanked| yanked.reason == *reason),
        Action::Unyank { version, .. } => !history.yanked.contains_key(version),
        Action::Deprecate {
            replacement,
            reason,
        } => history.deprecated.as_ref().is_some_and(|deprecated| {
            deprecated.reason == *reason && deprecated.replacement == *replacement
        }),
        Action::Undeprecate { .. } => history.deprecated.is_none(),
    }
}
