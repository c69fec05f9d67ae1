//! A submission read, and its archive compared with its metadata.

use std::io;

use fs_err as fs;
use lumen_core::{
    Digest, Key, PackageName,
    digest::Hasher,
    index::Release,
    limits::{MAX_SUBMISSION_BYTES, MAX_SUBMITTED_NOTE_BYTES},
    manifest,
    problem::Severity,
    signing::PublicKey,
    submission::{CLAIM, MANIFEST, RELEASE, STATEMENT, Submission, SubmittedFile, TAR, ZST},
    trust::{Entry, Subject},
};
use lumen_registry::{
    ReadError, Registry, StorageError,
    publish::{Endorsement, Submitted},
};
use lumen_store::archive::{self, Encoding, Limits};

use super::{Place, Target};
use crate::{
    contents::Toml,
    error::{IngestError, OpsError},
    session::Session,
};

pub(super) fn refused(place: &str, source: IngestError) -> OpsError {
    OpsError::Submission {
        place: place.to_owned(),
        source: Box::new(source),
    }
}

/// Reads a submission whole; every file as it is listed.
pub(super) fn read(
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
        // The approval of a claim adds a signature to it.
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
pub(super) struct Contents {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) toml: Vec<u8>,
}

/// Reads both archives with the strict reader, and checks that they are the same.
pub(super) fn contents(submitted: &Submitted) -> Result<Contents, IngestError> {
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
pub(super) fn agrees(release: &Release, toml: &[u8]) -> Result<(), IngestError> {
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
    if let Some(problem) = manifest::unfit(lumen_store::project::MANIFEST, text).first() {
        return Err(IngestError::Toml(problem.what.clone()));
    }
    if release
        .source
        .as_ref()
        .is_some_and(|source| !source.is_plain())
    {
        return Err(IngestError::Source);
    }
    let mut said = Release::described_by(&manifest, package, Digest::of(toml));
    if release.is_first_form() {
        said = said.first_form();
    }
    let differs = [
        ("the name", release.name != said.name),
        ("the version", release.version != said.version),
        ("`deps`", release.canonical_deps() != said.deps),
        (
            "`dependency_options`",
            release.dependency_options != said.dependency_options,
        ),
        ("`features`", release.features != said.features),
        ("`license`", release.license != said.license),
        ("`description`", release.description != said.description),
        ("`categories`", release.categories != said.categories),
        ("`keywords`", release.keywords != said.keywords),
        ("`authors`", release.authors != said.authors),
        ("`repository`", release.repository != said.repository),
        ("`homepage`", release.homepage != said.homepage),
        (
            "`documentation`",
            release.documentation != said.documentation,
        ),
        ("`links`", release.links != said.links),
        ("`readme`", release.readme != said.readme),
        ("`lumen`", release.lumen != said.lumen),
        (
            "`support_until`",
            release.support_until != said.support_until,
        ),
        ("`integrity`", release.integrity != said.integrity),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((what, _)) => Err(IngestError::Disagrees(what)),
        None => Ok(()),
    }
}

/// The name or scope that a submission claims.
pub(super) fn claimed(endorsement: &Endorsement) -> Option<Subject> {
    let claim = endorsement.claim.as_ref()?;
    Entry::parse(claim.as_bytes()).ok()?.0.subject()
}

/// The owner whose key made the statement.
pub(super) async fn signer_of(
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
