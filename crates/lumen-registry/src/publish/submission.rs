//! Publishing a release that another person signed.
//!
//! The submitter's key signs the release, the publisher's log key signs the log. Everything
//! is checked by the rules of readers before anything is written.

use std::sync::Arc;

use lumen_core::{
    Digest,
    checkpoint::Checkpoint,
    index::{Release, identity},
    json,
    key::ArtifactKind,
    note::{Note, NoteSignature},
    signing::SecretKey,
    trust::{Action, Entry, HistoryError, OwnersHistory, PackageHistory},
};

use super::{
    Files, Published, create, create_artifacts,
    indexes::{check_listed, check_name},
    publish_unsigned, read_release,
    signed::{Endorsement, check_claim, is_logged, log, relies_on},
};
use crate::{
    file_list::Reading,
    log::{State, Writer, check_log_key, is_signed},
    signer::Signer,
    storage::Storage,
    write::{PublishError, Snapshot, SubmittedError},
};

/// The contents of a submission.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// `<version>.json`, byte for byte.
    pub metadata: Vec<u8>,
    /// The plain tar.
    pub tar: Vec<u8>,
    /// The same tree compressed with Zstandard.
    pub zst: Option<Vec<u8>>,
    /// The word of an owner; none for an unsigned registry.
    pub endorsement: Option<Endorsement>,
}

/// How to publish it.
#[derive(Debug, Clone)]
pub struct Ingest {
    /// The time, RFC 3339.
    pub now: String,
    /// The registry's name, for the case that it has no `index.json` yet.
    pub registry_name: String,
    /// Signs the log of a signed registry, for nothing but that it is its log.
    pub signer: Option<Arc<dyn Signer>>,
    /// The last checkpoint of the registry's log that this machine saw.
    pub last_seen: Option<Checkpoint>,
    /// Whether to check only, which needs no key.
    pub dry_run: bool,
}

impl Submitted {
    /// The release, if the metadata is valid and lists the submitted files.
    ///
    /// # Errors
    /// [`SubmittedError::Json`], [`SubmittedError::Form`] and [`SubmittedError::Artifacts`].
    pub fn release(&self) -> Result<Release, SubmittedError> {
        let release: Release = json::parse(&self.metadata)?;
        if release.to_bytes() != self.metadata {
            return Err(SubmittedError::Form);
        }
        let submitted = [
            (ArtifactKind::Tar, Some(self.tar.as_slice())),
            (ArtifactKind::TarZst, self.zst.as_deref()),
        ];
        let submitted: Vec<_> = submitted
            .into_iter()
            .filter_map(|(kind, bytes)| bytes.map(|bytes| (kind, bytes)))
            .collect();
        let fits =
            |(artifact, (kind, bytes)): (&lumen_core::index::Artifact, &(ArtifactKind, &[u8]))| {
                artifact.kind == kind.as_str()
                    && artifact.size == bytes.len() as u64
                    && artifact.hash == Digest::of(bytes)
                    && artifact.key().is_ok()
            };
        let fits = release.artifacts.len() == submitted.len()
            && identity(&release.artifacts).is_ok()
            && release.artifacts.iter().zip(&submitted).all(fits);
        match fits {
            true => Ok(release),
            false => Err(SubmittedError::Artifacts),
        }
    }

    /// The file list of the tar, if the release names one.
    ///
    /// # Errors
    /// [`SubmittedError::List`].
    fn list(&self, release: &Release) -> Result<Option<Vec<u8>>, SubmittedError> {
        let mut reading = Reading::new(release.files);
        reading.update(&self.tar);
        Ok(reading.finish().1.transpose()?)
    }
}

/// Publishes a submission, or only checks whether it could be. Repeating it is safe.
///
/// The caller, which can read archives, must check that the archive agrees with the metadata.
///
/// # Errors
/// [`SubmittedError`] for faults of the submission, [`PublishError::VersionExists`] and
/// [`PublishError::NameTaken`]; [`PublishError::NeedsApproval`] when the claim of a free name
/// is still to be approved; [`PublishError::NoKey`] and [`PublishError::LogKey`].
pub async fn ingest(
    storage: &Storage,
    submitted: &Submitted,
    how: &Ingest,
) -> Result<Published, PublishError> {
    let release = submitted.release()?;
    let list = submitted.list(&release)?;
    let files = Files {
        bytes: submitted.metadata.clone(),
        release: &release,
        tar: &submitted.tar,
        zst: submitted.zst.as_deref(),
        list: list.as_deref(),
    };
    let signed = is_signed(storage).await?;
    match (&submitted.endorsement, signed) {
        (None, true) => Err(SubmittedError::Unsigned.into()),
        (Some(_), false) => Err(SubmittedError::Signed.into()),
        (None, false) if how.dry_run => would_publish(storage, &files).await,
        (None, false) => publish_unsigned(storage, &files, &how.now, &how.registry_name).await,
        (Some(endorsement), true) => ingest_signed(storage, &files, endorsement, how).await,
    }
}

/// The result that publishing to an unsigned registry would have.
async fn would_publish(storage: &Storage, files: &Files<'_>) -> Result<Published, PublishError> {
    let Release { name, version, .. } = files.release;
    match read_release(storage, name, version).await? {
        Some(existing) => existing.compared_with(files.release),
        None => {
            let snapshot = Snapshot::of(storage);
            check_name(&snapshot, name).await?;
            check_listed(&snapshot, name, version).await?;
            Ok(files.unpublished())
        }
    }
}

/// A key for a check without a key: it is publicly known, and signs nothing.
fn stand_in() -> Option<SecretKey> {
    SecretKey::from_seed("nobody", [0; 32]).ok()
}

async fn ingest_signed(
    storage: &Storage,
    files: &Files<'_>,
    endorsement: &Endorsement,
    how: &Ingest,
) -> Result<Published, PublishError> {
    let nobody = stand_in();
    let signer = match (&how.signer, &nobody) {
        (Some(signer), _) => &**signer,
        (None, Some(nobody)) if how.dry_run => nobody as &dyn Signer,
        _ => return Err(PublishError::NoKey),
    };
    let writer = Writer {
        storage,
        signer,
        last_seen: how.last_seen.clone(),
    };
    let Release { name, version, .. } = files.release;
    let state = writer.state_in_time().await?;
    if !how.dry_run {
        check_log_key(state.roots.current(), signer)?;
    }
    let history = state.package(name).await?;
    let unpublished = files.unpublished();
    check_statement(endorsement, &unpublished)?;
    if is_logged(&history, version, &unpublished.metadata)? {
        let published = Published {
            new: false,
            checkpoint: Some(state.checkpoint().to_owned()),
            lacking: state.lacking,
            ..unpublished
        };
        return Ok(published);
    }
    check_name(&state.snapshot, name).await?;
    let owners = &history.owners;
    check_claim_form(&state, endorsement, owners)?;
    check_claim(&state, owners, endorsement.claim.as_deref())?;
    let entries = endorsement.clone().entries(&history.owners);
    let checked = state.check(&entries).await;
    checked.map_err(|error| told(error, &history))?;
    // Files that nothing refers to may be there, of a publish that was killed.
    let existing = read_release(storage, name, version).await?;
    if existing
        .as_ref()
        .is_some_and(|there| there.metadata != unpublished.metadata)
    {
        let (name, version) = (name.clone(), version.clone());
        return Err(PublishError::Unreleased { name, version });
    }
    if how.dry_run {
        return Ok(unpublished);
    }
    let published = match existing {
        Some(existing) if relies_on(storage, &existing).await? => {
            create_artifacts(storage, files, &existing.release).await?;
            existing
        }
        _ => create(storage, files).await?,
    };
    // Between the checks and the commit the owners may change.
    let logged = log(&writer, state, files, published, |_, _| {
        Ok(endorsement.clone())
    });
    logged.await.map_err(|error| told(error, &history))
}

/// Checks that the statement is about this release and nothing more.
fn check_statement(endorsement: &Endorsement, release: &Published) -> Result<(), SubmittedError> {
    let what = "statement";
    let (Entry::Statement(statement), note) = parse(&endorsement.statement, what)? else {
        return Err(SubmittedError::Other { what });
    };
    exactly(1, &note, what)?;
    let publish = Action::Publish {
        version: release.release.version.clone(),
        metadata: release.metadata,
        size: release.size,
    };
    match statement.package == release.release.name && statement.action == publish {
        true => Ok(()),
        false => Err(SubmittedError::Other { what }),
    }
}

/// Checks that there is a claim where one is needed, that it is about this name, and that it
/// has no signatures but those that count.
fn check_claim_form(
    state: &State<'_>,
    endorsement: &Endorsement,
    owners: &OwnersHistory,
) -> Result<(), SubmittedError> {
    if owners.current().is_some() {
        return Ok(());
    }
    let what = "claim";
    let Some(claim) = &endorsement.claim else {
        return Err(SubmittedError::Unclaimed(owners.subject.clone()));
    };
    let (note, signed) = match parse(claim, what)? {
        (Entry::Owners(note), signed) if note.name == owners.subject => (note, signed),
        _ => return Err(SubmittedError::Other { what }),
    };
    let names = &state.roots.current().names;
    let counts = |signature: &&NoteSignature| {
        let mut known = note.admins.iter().chain(names);
        known.any(|key| key.name() == signature.name && key.id() == signature.id)
    };
    let expected = signed.signatures.iter().filter(counts).count();
    exactly(expected.max(1), &signed, what)
}

fn parse(text: &str, what: &'static str) -> Result<(Entry, Note), SubmittedError> {
    let (entry, note) =
        Entry::parse(text.as_bytes()).map_err(|error| SubmittedError::Note { what, error })?;
    // Only leaves of the map are no notes.
    let note = note.ok_or(SubmittedError::Other { what })?;
    Ok((entry, note))
}

/// Refuses a note with more signatures: they would stay in the log for ever.
fn exactly(expected: usize, note: &Note, what: &'static str) -> Result<(), SubmittedError> {
    match note.signatures.len() {
        found if found == expected => Ok(()),
        found => Err(SubmittedError::Signatures {
            what,
            expected,
            found,
        }),
    }
}

/// The error that readers would give for an entry, as an error of the submission.
fn told(error: PublishError, history: &PackageHistory) -> PublishError {
    let subject = || history.owners.subject.clone();
    let PublishError::History(error) = error else {
        return error;
    };
    match error {
        HistoryError::Superseded {
            expected, found, ..
        } => SubmittedError::Stale {
            subject: subject(),
            found,
            current: expected,
        }
        .into(),
        HistoryError::WrongOwner { .. } => SubmittedError::Stranger(subject()).into(),
        HistoryError::RevokedKey { .. } => SubmittedError::Revoked(subject()).into(),
        error => error.into(),
    }
}

impl Files<'_> {
    /// The release as it will be.
    fn unpublished(&self) -> Published {
        Published {
            new: true,
            release: self.release.clone(),
            metadata: Digest::of(&self.bytes),
            size: self.bytes.len() as u64,
            checkpoint: None,
            lacking: None,
        }
    }
}
