//! `lumen registry ingest`: publishing what others submitted.

use std::{io, path::PathBuf};

use fs_err as fs;
use lumen_core::limits::{MAX_SUBMISSION_BYTES, MAX_SUBMISSIONS, MAX_SUBMITTED_NOTE_BYTES};
use lumen_core::{
    Digest, Key, PackageName, Version,
    digest::Hasher,
    index::Release,
    manifest,
    problem::Severity,
    signing::PublicKey,
    submission::{CLAIM, MANIFEST, RELEASE, STATEMENT, Submission, SubmittedFile, TAR, ZST},
    trust::{Entry, Lacking, Subject},
};
use lumen_registry::{
    Location, ReadError, Registry, Storage, StorageError,
    publish::{self, Endorsement, Ingest, PublishError, Submitted},
    verify::TrustInfo,
};
use lumen_store::archive::{self, Encoding, Limits};

use crate::{
    contents::Toml,
    error::{IngestError, OpsError},
    publish::{asked, read_back, registry_name},
    session::{Purpose, Session, Which, Writer},
    settings::DEFAULT,
};

/// A submission, and where it is.
#[derive(Debug, Clone)]
pub struct Place {
    /// For people.
    pub shown: String,
    storage: Storage,
    /// The folder in it: empty, or ends with `/`.
    folder: String,
    /// The folder on the disk.
    disk: Option<PathBuf>,
}

/// What came of a submission.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Files in the archive.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Who signed it.
    pub signer: Option<PublicKey>,
    /// The name or scope that it claims.
    pub claims: Option<Subject>,
    /// `false`: the registry had it.
    pub new: bool,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// The registry that submissions go to.
pub struct Target {
    registry: Registry,
    writer: Writer,
    origin: Option<String>,
}

/// Opens the registry for writing, or for a dry run, which needs no key.
///
/// # Errors
/// When it cannot be read, is not trusted, or there is no key for its log.
pub fn target(session: &Session<'_>, dry_run: bool) -> Result<Target, OpsError> {
    let registry = session.open(Which::Named(DEFAULT), Purpose::Write)?;
    let info = session.block_on(async {
        registry.exists().await?;
        Ok(registry.trust().await?)
    })?;
    let writer = match dry_run {
        true => (None, info.as_ref().and_then(TrustInfo::seen)),
        false => session.writer(&registry)?,
    };
    Ok(Target {
        writer,
        origin: info.map(|info| info.origin),
        registry,
    })
}

/// All submissions in a folder or at a location, sorted; one over HTTP has to be named itself.
///
/// # Errors
/// When there is none, or the place cannot be read.
pub fn find(session: &Session<'_>, text: &str) -> Result<Vec<Place>, OpsError> {
    let location = session.place(Which::Place(text), false)?;
    let storage =
        Storage::open(&location, &session.host_options(&location)?).map_err(PublishError::from)?;
    let place = |folder: &str| Place {
        shown: match (text.trim_end_matches('/'), folder.trim_end_matches('/')) {
            (text, "") => text.to_owned(),
            (text, folder) => format!("{text}/{folder}"),
        },
        storage: storage.clone(),
        folder: folder.to_owned(),
        disk: match &location {
            Location::File(root) => Some(root.join(folder)),
            _ => None,
        },
    };
    let keys = session.block_on(async { Ok(storage.list("").await) })?;
    let keys = match keys {
        // A web server has no lists.
        Err(StorageError::ReadOnly { .. }) => return Ok(vec![place("")]),
        keys => keys.map_err(PublishError::from)?,
    };
    let folders = keys.iter().filter_map(|key| {
        let folder = key.as_str().strip_suffix(MANIFEST)?;
        (folder.is_empty() || folder.ends_with('/')).then(|| place(folder))
    });
    let places: Vec<Place> = folders.take(MAX_SUBMISSIONS + 1).collect();
    match places.len() {
        0 => Err(refused(text, IngestError::Nothing)),
        found if found > MAX_SUBMISSIONS => Err(refused(text, IngestError::TooMany)),
        _ => Ok(places),
    }
}

/// Checks a submission and, unless it is a dry run, publishes it.
///
/// # Errors
/// [`OpsError::Submission`] when it is damaged or contradicts itself; what the registry has
/// against it; failures of the hosts.
pub fn run(
    session: &Session<'_>,
    target: &Target,
    place: &Place,
    dry_run: bool,
) -> Result<Ingested, OpsError> {
    let (submission, submitted) = read(session, target, place)?;
    let release = submitted.release().map_err(PublishError::from)?;
    let check = || -> Result<_, IngestError> {
        if (&release.name, &release.version) != (&submission.name, &submission.version) {
            return Err(IngestError::Other);
        }
        let contents = contents(&submitted)?;
        agrees(&release, &contents.toml)?;
        Ok(contents)
    };
    let contents = check().map_err(|error| refused(&place.shown, error))?;
    let (signer, last_seen) = target.writer.clone();
    let location = session.publish_location(DEFAULT)?;
    let how = Ingest {
        now: session.timestamp(),
        registry_name: registry_name(&location),
        signer,
        last_seen,
        dry_run,
    };
    let storage = target.registry.storage();
    let message = format!("Publish {} {}", submission.name, submission.version);
    let published = session.block_on(async {
        let ingest = async |storage: &Storage| publish::ingest(storage, &submitted, &how).await;
        match dry_run {
            true => Ok(ingest(storage).await?),
            false => Ok(storage.together(&message, ingest).await?),
        }
    });
    let published = published.map_err(|error| match error {
        OpsError::Publish(PublishError::NeedsApproval { subject, claim }) if !dry_run => {
            let then = "ingest it again";
            asked(session, &target.registry, subject, claim, then)
        }
        error => error,
    })?;
    if !dry_run {
        read_back(session, DEFAULT, &[published.clone().into()])?;
    }
    let endorsement = submitted.endorsement.as_ref();
    Ok(Ingested {
        name: submission.name,
        version: submission.version,
        files: contents.files,
        bytes: contents.bytes,
        signer: session.block_on(async {
            Ok(signer_of(&target.registry, endorsement, &published.release.name).await)
        })?,
        claims: endorsement.and_then(claimed).filter(|_| published.new),
        new: published.new,
        lacking: published.lacking,
    })
}

fn refused(place: &str, source: IngestError) -> OpsError {
    OpsError::Submission {
        place: place.to_owned(),
        source: Box::new(source),
    }
}

/// Reads a submission whole; every file as it is listed.
fn read(
    session: &Session<'_>,
    target: &Target,
    place: &Place,
) -> Result<(Submission, Submitted), OpsError> {
    let no = |error| refused(&place.shown, error);
    let manifest = place.get(session, MANIFEST, MAX_SUBMISSION_BYTES)?;
    let manifest = manifest.ok_or_else(|| no(IngestError::Nothing))?;
    let submission = Submission::parse(&manifest).map_err(|error| no(error.into()))?;
    if let (Some(expected), Some(found)) = (&target.origin, &submission.registry)
        && expected != found
    {
        return Err(no(IngestError::Registry {
            expected: expected.clone(),
            found: found.clone(),
        }));
    }
    let file = |name: &str| -> Result<Option<Vec<u8>>, OpsError> {
        let Some(listed) = submission.files.get(name) else {
            return Ok(None);
        };
        // Who approves a claim adds a signature to it.
        let is_claim = name == CLAIM;
        let limit = if is_claim {
            MAX_SUBMITTED_NOTE_BYTES
        } else {
            listed.size
        };
        let bytes = place.get(session, name, limit)?;
        let bytes = bytes.ok_or_else(|| no(IngestError::Missing(name.to_owned())))?;
        match is_claim || SubmittedFile::of(&bytes) == *listed {
            true => Ok(Some(bytes)),
            false => Err(no(IngestError::Changed(name.to_owned()))),
        }
    };
    let text = |name: &str| -> Result<Option<String>, OpsError> {
        let text = file(name)?.map(String::from_utf8).transpose();
        text.map_err(|_| no(IngestError::NotText(name.to_owned())))
    };
    let claim = text(CLAIM)?;
    let submitted = Submitted {
        metadata: file(RELEASE)?.unwrap_or_default(),
        tar: file(TAR)?.unwrap_or_default(),
        zst: file(ZST)?,
        endorsement: text(STATEMENT)?.map(|statement| Endorsement { claim, statement }),
    };
    Ok((submission, submitted))
}

impl Place {
    fn get(
        &self,
        session: &Session<'_>,
        file: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, OpsError> {
        let no = |error| refused(&self.shown, error);
        // A link in a pull request may lead anywhere on this machine.
        if let Some(folder) = &self.disk
            && let Ok(metadata) = fs::symlink_metadata(folder.join(file))
            && !metadata.is_file()
        {
            return Err(no(IngestError::NotFile(file.to_owned())));
        }
        let key = Key::parse(&format!("{}{file}", self.folder));
        let key = key.map_err(io::Error::other)?;
        let got = session.block_on(async { Ok(self.storage.get(&key, limit).await) })?;
        match got {
            Ok(found) => Ok(found.map(|(bytes, _)| bytes)),
            Err(StorageError::TooLarge { .. }) if file != MANIFEST => {
                Err(no(IngestError::Changed(file.to_owned())))
            }
            Err(error) => Err(ReadError::from(error).into()),
        }
    }
}

/// What an archive holds.
struct Contents {
    files: u64,
    bytes: u64,
    toml: Vec<u8>,
}

/// Reads both archives with the strict reader, and checks that they are the same.
fn contents(submitted: &Submitted) -> Result<Contents, IngestError> {
    let limits = Limits::default();
    let tar = submitted.tar.as_slice();
    let mut toml = Toml::default();
    let summary = archive::read(tar, Some(tar.len() as u64), &limits, &mut toml)
        .map_err(IngestError::Archive)?;
    if summary.encoding != Encoding::Plain {
        return Err(IngestError::Compressed);
    }
    if let Some(zst) = submitted.zst.as_deref() {
        let mut hasher = Hasher::new();
        let size = Some(zst.len() as u64);
        let mut nothing = Toml::default();
        archive::read_tapped(zst, size, &limits, &mut nothing, &mut |piece| {
            hasher.update(piece);
        })
        .map_err(IngestError::CompressedArchive)?;
        if hasher.finish() != Digest::of(tar) {
            return Err(IngestError::Different);
        }
    }
    Ok(Contents {
        files: summary.files,
        bytes: summary.unpacked,
        toml: toml.into_bytes().ok_or(IngestError::NoToml)?,
    })
}

/// Checks that the metadata says what the archive's own `lumen.toml` says, as packing makes it.
fn agrees(release: &Release, toml: &[u8]) -> Result<(), IngestError> {
    let text =
        std::str::from_utf8(toml).map_err(|_| IngestError::Toml("it is not UTF-8".into()))?;
    let parsed = manifest::parse(lumen_store::project::MANIFEST, text);
    let error = parsed
        .problems
        .iter()
        .find(|problem| problem.severity == Severity::Error);
    if let Some(problem) = error {
        return Err(IngestError::Toml(problem.what.clone()));
    }
    let manifest = parsed.manifest.ok_or(IngestError::NoToml)?;
    let Some(package) = &manifest.package else {
        return Err(IngestError::Toml("it has no [package] table".into()));
    };
    if !package.publish {
        return Err(IngestError::NotPublished);
    }
    let said = Release::described_by(&manifest, package, Digest::of(toml));
    let differs = [
        ("the name", release.name != said.name),
        ("the version", release.version != said.version),
        ("`deps`", release.deps != said.deps),
        (
            "`dependency_options`",
            release.dependency_options != said.dependency_options,
        ),
        ("`features`", release.features != said.features),
        ("`license`", release.license != said.license),
        ("`description`", release.description != said.description),
        ("`categories`", release.categories != said.categories),
        ("`integrity`", release.integrity != said.integrity),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((what, _)) => Err(IngestError::Disagrees(what)),
        None => Ok(()),
    }
}

/// The name or scope that a submission claims.
fn claimed(endorsement: &Endorsement) -> Option<Subject> {
    let claim = endorsement.claim.as_ref()?;
    Entry::parse(claim.as_bytes()).ok()?.0.subject()
}

/// The owner whose key made the statement.
async fn signer_of(
    registry: &Registry,
    endorsement: Option<&Endorsement>,
    name: &PackageName,
) -> Option<PublicKey> {
    let endorsement = endorsement?;
    let (_, note) = Entry::parse(endorsement.statement.as_bytes()).ok()?;
    let mut keys: Vec<PublicKey> = Vec::new();
    if let Some(Ok((Entry::Owners(claim), _))) = endorsement
        .claim
        .as_ref()
        .map(|claim| Entry::parse(claim.as_bytes()))
    {
        keys.extend(claim.publishers_of(name).cloned());
    }
    if let Ok(Some(owners)) = registry.owners(&Subject::owner_of(name)).await {
        for (_, note) in &owners.notes {
            keys.extend(note.publishers_of(name).cloned());
        }
    }
    let note = note?;
    let signed = |key: &PublicKey| note.verified([key]).is_ok_and(|keys| !keys.is_empty());
    keys.into_iter().find(signed)
}
