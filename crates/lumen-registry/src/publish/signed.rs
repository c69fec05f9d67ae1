//! Publishing to a signed registry.
//!
//! Artifacts and `<version>.json` exist before the log names them, so a killed publisher
//! leaves files that nothing refers to, or a commit that the next writer finishes. The
//! publisher's rights are checked before anything is written.

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::Release,
    note::Note,
    signing::PublicKey,
    trust::{
        Action, Entry, HistoryError, LoggedRelease, OwnersHistory, OwnersNote, PackageHistory,
        RootHistory, Statement, Subject, text,
    },
};

use super::{
    Files, PublishRequest, Published, create, create_artifacts,
    indexes::{check_name, check_version},
    read_release,
};
use crate::{
    derived::{global::waiting_names, notes::note_file},
    log::{State, Writer, check_log_key, key_of, repair, sign_as},
    logread::listed,
    progress::nobody,
    signer::{SignError, Signer},
    storage::{Presence, Storage},
    write::{PublishError, Snapshot, swap},
};

/// The word of an owner that a release is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    /// The signed note that claims the name, if it has no owner.
    pub claim: Option<String>,
    /// The signed statement.
    pub statement: String,
}

/// Publishes the files of a release in the name of the key that also signs the log. When it was
/// published before and files of the package got lost, they are made again.
pub(super) async fn publish(
    storage: &Storage,
    files: &Files<'_>,
    request: &PublishRequest,
) -> Result<Published, PublishError> {
    let index = Key::package_index(&files.release.name);
    let (published, following) = match publish_once(storage, files, request).await {
        Ok(done) => done,
        // Nothing tells an index that got lost from one that lacks its events.
        Err(PublishError::Damaged { .. }) if lacks(storage, &[index]).await? => {
            repair(storage, &nobody).await?;
            return Ok(publish_once(storage, files, request).await?.0);
        }
        Err(error) => return Err(error),
    };
    if !published.new && lacks(storage, &following).await? {
        repair(storage, &nobody).await?;
    }
    Ok(published)
}

/// Files of a published release, beside the index, that follow from the log: its signature, and
/// the notes about its owners.
async fn following(snapshot: &Snapshot<'_>, release: &Release) -> Result<Vec<Key>, PublishError> {
    let events = listed(snapshot, &Subject::owner_of(&release.name)).await?;
    let notes = events.iter().filter_map(note_file).map(|(key, _)| key);
    let owners = notes.filter(|key| key.as_str().starts_with("trust/names/"));
    let signature = Key::signature(&release.name, &release.version);
    Ok(owners.chain([signature]).collect())
}

/// Whether one of these files is not there.
async fn lacks(storage: &Storage, keys: &[Key]) -> Result<bool, PublishError> {
    for key in keys {
        if storage.presence(key).await? == Presence::Absent {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Publishes, and says what follows from the log of a release that had been published before.
async fn publish_once(
    storage: &Storage,
    files: &Files<'_>,
    request: &PublishRequest,
) -> Result<(Published, Vec<Key>), PublishError> {
    let signer = request.signer.as_deref().ok_or(PublishError::NoKey)?;
    let writer = Writer {
        storage,
        signer,
        last_seen: request.last_seen.clone(),
    };
    let name = &files.release.name;
    let state = writer.state_in_time().await?;
    check_log_key(state.roots.current(), signer)?;
    let history = state.package(name).await?;
    let owners = &history.owners;
    check_name(&state.snapshot, name).await?;
    let claim = claim(&state.roots, name, owners, signer, &request.now)?;
    let claim = claim.as_ref().map(|(_, text)| text.as_str());
    check_claim(&state, owners, claim)?;
    let version = &files.release.version;
    let following = match history.releases.contains_key(version) {
        true => following(&state.snapshot, files.release).await?,
        false => {
            check_version(name, history.releases.keys(), version)?;
            Vec::new()
        }
    };
    let existing = read_release(storage, name, version).await?;
    let published = match existing {
        // Protect it from `gc` while it is about to be logged.
        Some(existing) if relies_on(storage, &existing).await? => {
            let existing = existing.compared_with(files.release).map_err(|error| {
                let (name, version) = (name.clone(), files.release.version.clone());
                match history.releases.contains_key(&version) {
                    true => error,
                    // Its publisher is at it, or was interrupted, or it is older than the
                    // signatures. It may be in caches, which keep such files for ever.
                    false => PublishError::Unreleased { name, version },
                }
            })?;
            create_artifacts(storage, files, &existing.release).await?;
            existing
        }
        _ => match history.releases.get(&files.release.version) {
            // Its file got lost.
            Some(logged) => {
                let release = as_logged(files, logged)?;
                let files = Files {
                    bytes: release.to_bytes(),
                    release: &release,
                    ..*files
                };
                create(storage, &files).await?
            }
            None => create(storage, files).await?,
        },
    };
    let publish = Action::Publish {
        version: published.release.version.clone(),
        metadata: published.metadata,
        size: published.size,
    };
    let endorse = |roots: &RootHistory, owners: &OwnersHistory| {
        endorse(roots, name, owners, publish.clone(), signer, &request.now)
    };
    let published = log(&writer, state, files, published, endorse).await?;
    Ok((published, following))
}

/// The release as it was logged, if these are its contents. Nothing may be written before: a file
/// at the path of a version never changes.
fn as_logged(files: &Files<'_>, logged: &LoggedRelease) -> Result<Release, PublishError> {
    let release = Release {
        published_at: Some(logged.time.clone()),
        ..files.release.clone()
    };
    // A publisher of an earlier version named no file list.
    let unlisted = Release {
        files: None,
        ..release.clone()
    };
    let is_logged = |release: &Release| Digest::of(&release.to_bytes()) == logged.metadata;
    let mut forms = [release, unlisted].into_iter();
    forms
        .find(is_logged)
        .ok_or_else(|| PublishError::VersionExists {
            name: files.release.name.clone(),
            version: files.release.version.clone(),
            published_at: Some(logged.time.clone()),
        })
}

/// Logs a release whose files exist: the claim, if the name has no owner, and the statement,
/// as `endorsement` returns them for the current roots and owners.
pub(super) async fn log<'s>(
    writer: &Writer<'s>,
    state: State<'s>,
    files: &Files<'_>,
    published: Published,
    endorsement: impl Fn(&RootHistory, &OwnersHistory) -> Result<Endorsement, PublishError>,
) -> Result<Published, PublishError> {
    let Release { name, version, .. } = &published.release;
    let make = async |state: &State<'_>| {
        let history = state.package(name).await?;
        if is_logged(&history, version, &published.metadata)? {
            return Ok(Vec::new());
        }
        // Two writers may have found a name free that they then both want.
        check_name(&state.snapshot, name).await?;
        check_waiting(state, name).await?;
        let endorsement = endorsement(&state.roots, &history.owners)?;
        check_claim(state, &history.owners, endorsement.claim.as_deref())?;
        Ok(endorsement.entries(&history.owners))
    };
    let receipt = writer.append_to(Some(state), make).await?;
    stand_by(writer.storage, files, &published).await?;
    Ok(Published {
        new: receipt.index.is_some(),
        checkpoint: Some(receipt.checkpoint),
        lacking: receipt.lacking,
        ..published
    })
}

/// Refuses a name that reads like one that readers do not see yet, since it waits for witnesses.
async fn check_waiting(state: &State<'_>, name: &PackageName) -> Result<(), PublishError> {
    if state.lacking.is_none() {
        return Ok(());
    }
    let names = waiting_names(&state.snapshot, state.size()).await?;
    let folded = name.folded();
    let same = |other: &PackageName| other != name && other.folded() == folded;
    match names.iter().find(|other| same(other)) {
        Some(other) if !names.contains(name) => Err(PublishError::NameTaken {
            name: name.clone(),
            other: other.clone(),
        }),
        _ => Ok(()),
    }
}

/// Whether the file of a release is there, which is about to be logged and so must stay.
pub(super) async fn relies_on(
    storage: &Storage,
    existing: &Published,
) -> Result<bool, PublishError> {
    let Release { name, version, .. } = &existing.release;
    Ok(storage.freshen(&Key::release(name, version)).await?)
}

/// Stores missing files of a logged release. Only in buckets can files be missing, since
/// `gc` runs without a lock there: files of an earlier try, which were garbage until now.
async fn stand_by(
    storage: &Storage,
    files: &Files<'_>,
    published: &Published,
) -> Result<(), PublishError> {
    if storage.capabilities().locks {
        return Ok(());
    }
    let release = &published.release;
    let key = Key::release(&release.name, &release.version);
    let mut there = storage.freshen(&key).await?;
    let listed = release.files.map(|list| list.key());
    let artifacts = release.artifacts.iter();
    for key in artifacts.filter_map(|file| file.key().ok()).chain(listed) {
        there &= storage.freshen(&key).await?;
    }
    if !there {
        create_artifacts(storage, files, release).await?;
        let written = [release.to_bytes(), files.bytes.clone()];
        let same = |bytes: &&Vec<u8>| Digest::of(bytes) == published.metadata;
        if let Some(bytes) = written.iter().find(same) {
            swap::create(storage, &key, bytes).await?;
        }
    }
    Ok(())
}

/// Whether the log has the release; an error if it has another of that version, or one of a
/// version that differs after `+` only.
pub(super) fn is_logged(
    history: &PackageHistory,
    version: &Version,
    metadata: &Digest,
) -> Result<bool, PublishError> {
    match history.releases.get(version) {
        Some(logged) if logged.metadata == *metadata => Ok(true),
        Some(logged) => Err(PublishError::VersionExists {
            name: history.name.clone(),
            version: version.clone(),
            published_at: Some(logged.time.clone()),
        }),
        None => {
            check_version(&history.name, history.releases.keys(), version)?;
            Ok(false)
        }
    }
}

impl Endorsement {
    /// The entries for the log: a claim only if the name has no owner.
    pub(super) fn entries(self, owners: &OwnersHistory) -> Vec<String> {
        let claim = self.claim.filter(|_| owners.current().is_none());
        claim.into_iter().chain([self.statement]).collect()
    }
}

/// Signs a release: a claim of the name if it has no owner, and the statement. Does not
/// check whether the claim is accepted.
///
/// # Errors
/// [`PublishError::NotOwner`].
pub fn endorse(
    roots: &RootHistory,
    name: &PackageName,
    owners: &OwnersHistory,
    publish: Action,
    signer: &dyn Signer,
    now: &str,
) -> Result<Endorsement, PublishError> {
    let claim = claim(roots, name, owners, signer, now)?;
    let note = match &claim {
        Some((note, _)) => note,
        None => current(name, owners)?,
    };
    let statement = statement(roots, name, note, publish, signer, now)?;
    Ok(Endorsement {
        claim: claim.map(|(_, text)| text),
        statement,
    })
}

/// Checks that a key may publish a package of this name, as the log is at this size. Nothing
/// is written.
///
/// # Errors
/// [`PublishError::LogKey`], [`PublishError::NotOwner`] and [`PublishError::NeedsApproval`].
pub fn may_publish(
    roots: &RootHistory,
    owners: &OwnersHistory,
    size: u64,
    name: &PackageName,
    signer: &dyn Signer,
    now: &str,
) -> Result<(), PublishError> {
    check_log_key(roots.current(), signer)?;
    let claim = claim(roots, name, owners, signer, now)?;
    let claim = claim.as_ref().map(|(_, text)| text.as_str());
    check_claim_at(roots, size, owners, claim)
}

/// Refuses a claim of a free name that too few names keys have signed.
pub(super) fn check_claim(
    state: &State<'_>,
    owners: &OwnersHistory,
    claim: Option<&str>,
) -> Result<(), PublishError> {
    check_claim_at(&state.roots, state.size(), owners, claim)
}

fn check_claim_at(
    roots: &RootHistory,
    index: u64,
    owners: &OwnersHistory,
    claim: Option<&str>,
) -> Result<(), PublishError> {
    let Some(claim) = claim.filter(|_| owners.current().is_none()) else {
        return Ok(());
    };
    let parsed = Entry::parse(claim.as_bytes());
    let (entry, note) = parsed.map_err(|error| HistoryError::Entry { index, error })?;
    let (Entry::Owners(next), Some(note)) = (entry, note) else {
        let subject = owners.subject.to_string();
        return Err(HistoryError::Subject { index, subject }.into());
    };
    match owners.check_next(roots, index, &next, &note) {
        Err(HistoryError::Threshold { .. }) => Err(PublishError::NeedsApproval {
            subject: owners.subject.clone(),
            claim: claim.to_owned(),
        }),
        other => Ok(other?),
    }
}

pub(super) fn current<'o>(
    name: &PackageName,
    owners: &'o OwnersHistory,
) -> Result<&'o OwnersNote, PublishError> {
    let current = owners.current();
    current.ok_or_else(|| PublishError::UnknownPackage { name: name.clone() })
}

/// The note that makes the signer the owner of a free name.
fn claim(
    roots: &RootHistory,
    name: &PackageName,
    owners: &OwnersHistory,
    signer: &dyn Signer,
    now: &str,
) -> Result<Option<(OwnersNote, String)>, PublishError> {
    if let Some(owners) = owners.current() {
        publisher(name, owners, signer, now)?;
        return match owners.publish_threshold {
            0 | 1 => Ok(None),
            needed => Err(PublishError::NeedsSigners {
                name: name.clone(),
                needed,
            }),
        };
    }
    let key = signer.public();
    let note = OwnersNote::claim(roots.origin(), Subject::owner_of(name), key, now);
    let mut signed = Note::unsigned(note.to_text()).map_err(|error| SignError {
        key: key.name().to_owned(),
        reason: error.to_string(),
    })?;
    let signature = signer.sign(signed.text.as_bytes())?;
    signed.add(key, signature);
    // The holder of a names key needs no approval.
    if let Some(names) = key_of(&roots.current().names, signer) {
        signed.add(names, signature);
    }
    Ok(Some((note, signed.to_text())))
}

/// The key of the signer as the owners of a package list it. Its line must not have ended.
pub(crate) fn publisher<'o>(
    name: &'o PackageName,
    owners: &'o OwnersNote,
    signer: &dyn Signer,
    now: &str,
) -> Result<&'o PublicKey, PublishError> {
    let seconds = text::seconds(now).unwrap_or(i64::MAX);
    if let Some(key) = key_of(owners.publishers_at(name, seconds), signer) {
        return Ok(key);
    }
    let lines = owners.publisher_lines(name);
    let own = lines.filter(|line| line.key.bytes() == signer.public().bytes());
    match own.filter_map(|line| line.until).max() {
        Some(until) => Err(PublishError::Ended {
            name: name.clone(),
            until: text::time_of(until),
            now: now.to_owned(),
            margin: false,
        }),
        None => Err(PublishError::NotOwner {
            name: name.clone(),
            key: signer.public().clone(),
        }),
    }
}

/// A signed statement by an owner.
pub(super) fn statement(
    roots: &RootHistory,
    name: &PackageName,
    owners: &OwnersNote,
    action: Action,
    signer: &dyn Signer,
    now: &str,
) -> Result<String, PublishError> {
    let key = publisher(name, owners, signer, now)?;
    let statement = Statement {
        origin: roots.origin().to_owned(),
        package: name.clone(),
        action,
        owners: owners.seq,
        time: now.to_owned(),
    };
    sign_as(&statement.to_text(), key, signer)
}
