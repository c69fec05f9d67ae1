//! `lumen registry ingest`: publishing what others submitted.

mod submission;

use std::path::PathBuf;

use lumen_core::{
    PackageName, Version,
    limits::MAX_SUBMISSIONS,
    signing::PublicKey,
    submission::MANIFEST,
    trust::{Lacking, Subject},
};
use lumen_registry::{
    Location, Registry, Storage, StorageError,
    publish::{self, Ingest, PublishError},
    verify::TrustInfo,
};

use crate::{
    error::{Again, IngestError, OpsError},
    session::{Purpose, Session, Which, Writer, registry_name},
    settings::DEFAULT,
    verbs::publish::{approval::asked, visible::read_back},
};
use submission::{agrees, claimed, contents, read, refused, signer_of};

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

/// The result of a submission.
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
    /// The signer.
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

/// All submissions in a folder or at a location, sorted; over HTTP, the URL must be that of
/// one submission.
///
/// # Errors
/// When there is none, or the place cannot be read.
pub fn find(session: &Session<'_>, text: &str) -> Result<Vec<Place>, OpsError> {
    let location = session.place(Which::Place(text), false)?;
    if matches!(&location, Location::File(folder) if !folder.is_dir()) {
        return Err(refused(text, IngestError::NoFolder));
    }
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
/// [`OpsError::Submission`] when it is damaged or contradicts itself; the registry's
/// reasons to refuse it; failures of the hosts.
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
            asked(session, &target.registry, subject, claim, Again::Ingest)
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
