//! Publishing to a signed registry.
//!
//! Artifacts and `<version>.json` are there before the log names them, so a publisher
//! that is killed leaves files that nobody refers to, or a commit that the next writer
//! finishes. Who may publish is checked before anything is written.

use std::sync::Arc;

use lumen_core::{
    Key, PackageName, Version,
    checkpoint::Checkpoint,
    index::{MAX_PACKAGE_INDEX_BYTES, PackageIndex, Release},
    json,
    note::Note,
    trust::{Action, HistoryError, OwnersNote, PackageHistory, Statement, Subject},
};

use super::{
    PublishError, PublishRequest, Published, create, create_artifacts, indexes::check_name,
    malformed, read_release,
};
use crate::{
    log::{State, Writer, key_of, sign_as},
    signer::{SignError, Signer},
    storage::Storage,
};

/// Something to say about a package or a release that is published.
#[derive(Debug, Clone)]
pub struct Change {
    /// The package.
    pub name: PackageName,
    /// What to say.
    pub action: Action,
    /// The time, RFC 3339.
    pub now: String,
    /// Signs it; its key must be an owner's and one of the log keys.
    pub signer: Option<Arc<dyn Signer>>,
    /// What was last seen of the registry's log.
    pub last_seen: Option<Checkpoint>,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `false`: the log said so already.
    pub changed: bool,
    /// The package index as it is now.
    pub index: PackageIndex,
    /// The signed checkpoint, which the caller should remember.
    pub checkpoint: String,
}

/// Publishes a complete release.
pub(super) async fn publish(
    storage: &Storage,
    request: &PublishRequest,
    release: &Release,
) -> Result<Published, PublishError> {
    let signer = request.signer.as_deref().ok_or(PublishError::NoKey)?;
    let writer = Writer {
        storage,
        signer,
        last_seen: request.last_seen.clone(),
    };
    let name = &release.name;
    let state = writer.state().await?;
    writer.check_log_key(&state)?;
    let history = state.package(name).await?;
    check_name(storage, name).await?;
    claim(&state, &history, signer, &request.now)?;
    let existing = read_release(storage, name, &release.version).await?;
    let published = match existing {
        Some(existing) => {
            let existing = existing.compared_with(release).map_err(|error| {
                let (name, version) = (name.clone(), release.version.clone());
                match history.releases.contains_key(&version) {
                    true => error,
                    // Its publisher was interrupted, or it is older than the signatures. It
                    // may be in caches, which keep such files for ever.
                    false => PublishError::Unreleased { name, version },
                }
            })?;
            create_artifacts(storage, request, &existing.release).await?;
            existing
        }
        None => create(storage, request, release).await?,
    };
    let make = async |state: &State<'_>| entries(state, &published, signer, &request.now).await;
    let receipt = writer.append_to(Some(state), make).await?;
    Ok(Published {
        new: receipt.index.is_some(),
        checkpoint: Some(receipt.checkpoint),
        ..published
    })
}

/// The entries of a release: the claim, if nobody owns the name, and the statement.
async fn entries(
    state: &State<'_>,
    published: &Published,
    signer: &dyn Signer,
    now: &str,
) -> Result<Vec<String>, PublishError> {
    let Published {
        release,
        metadata,
        size,
        ..
    } = published;
    let history = state.package(&release.name).await?;
    match history.releases.get(&release.version) {
        Some(logged) if logged.metadata == *metadata => return Ok(Vec::new()),
        Some(logged) => {
            return Err(PublishError::VersionExists {
                name: release.name.clone(),
                version: release.version.clone(),
                published_at: Some(logged.time.clone()),
            });
        }
        None => {}
    }
    // Two writers may have found a name free that they then both want.
    check_name(state.storage(), &release.name).await?;
    let claim = claim(state, &history, signer, now)?;
    let action = Action::Publish {
        version: release.version.clone(),
        metadata: *metadata,
        size: *size,
    };
    let owners = match &claim {
        Some((note, _)) => note,
        None => owners(&history)?,
    };
    let statement = statement(state, &release.name, owners, action, signer, now)?;
    let claim = claim.map(|(_, text)| text);
    Ok(claim.into_iter().chain([statement]).collect())
}

fn owners(history: &PackageHistory) -> Result<&OwnersNote, PublishError> {
    history
        .owners
        .current()
        .ok_or_else(|| PublishError::UnknownPackage {
            name: history.name.clone(),
        })
}

/// The note that makes the signer the owner of a name, if nobody is.
fn claim(
    state: &State<'_>,
    history: &PackageHistory,
    signer: &dyn Signer,
    now: &str,
) -> Result<Option<(OwnersNote, String)>, PublishError> {
    if let Some(owners) = history.owners.current() {
        return match key_of(owners.publishers_of(&history.name), signer) {
            Some(_) => Ok(None),
            None => Err(PublishError::NotOwner {
                name: history.name.clone(),
                key: signer.public().clone(),
            }),
        };
    }
    let subject = Subject::owner_of(&history.name);
    let key = signer.public();
    let note = OwnersNote::claim(state.origin(), subject.clone(), key, now);
    let mut signed = Note::unsigned(note.to_text()).map_err(|error| SignError {
        key: key.name().to_owned(),
        reason: error.to_string(),
    })?;
    let signature = signer.sign(signed.text.as_bytes())?;
    signed.add(key, signature);
    // Who gives out names need not ask for one.
    if let Some(names) = key_of(&state.roots.current().names, signer) {
        signed.add(names, signature);
    }
    let claim = signed.to_text();
    let owners = &history.owners;
    match owners.check_next(&state.roots, state.size(), &note, &signed) {
        Ok(()) => Ok(Some((note, claim))),
        Err(HistoryError::Threshold { .. }) => Err(PublishError::NeedsApproval { subject, claim }),
        Err(error) => Err(error.into()),
    }
}

/// A signed statement by an owner.
fn statement(
    state: &State<'_>,
    name: &PackageName,
    owners: &OwnersNote,
    action: Action,
    signer: &dyn Signer,
    now: &str,
) -> Result<String, PublishError> {
    let Some(key) = key_of(owners.publishers_of(name), signer) else {
        return Err(PublishError::NotOwner {
            name: name.clone(),
            key: signer.public().clone(),
        });
    };
    let statement = Statement {
        origin: state.origin().to_owned(),
        package: name.clone(),
        action,
        owners: owners.seq,
        time: now.to_owned(),
    };
    sign_as(&statement.to_text(), key, signer)
}

/// Says something about a package of a signed registry: yanks or deprecates, or takes it back.
///
/// # Errors
/// [`PublishError::NotSigned`], [`PublishError::NoKey`], [`PublishError::NotOwner`], when
/// there is no such package or version, and failures of the host.
pub async fn change(storage: &Storage, change: &Change) -> Result<Changed, PublishError> {
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
            if says_so(&history, &change.action) {
                return Ok(Vec::new());
            }
            let owners = owners(&history)?;
            let (action, now) = (change.action.clone(), &change.now);
            Ok(vec![statement(state, name, owners, action, signer, now)?])
        })
        .await?;
    let key = Key::package_index(name);
    let Some((bytes, _)) = storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await? else {
        return Err(PublishError::UnknownPackage { name: name.clone() });
    };
    let index = json::parse(&bytes).map_err(|error| malformed(storage, &key, &bytes, &error))?;
    Ok(Changed {
        changed: receipt.index.is_some(),
        index,
        checkpoint: receipt.checkpoint,
    })
}

/// Whether an action would change nothing.
fn says_so(history: &PackageHistory, action: &Action) -> bool {
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
