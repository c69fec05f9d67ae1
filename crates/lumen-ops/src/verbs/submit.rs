//! `lumen pkg submit`: a signed release for another person to publish.

use std::{collections::BTreeMap, path::Path};

use lumen_core::{
    Digest, Key,
    submission::{
        CLAIM, FORMAT, MANIFEST, RELEASE, STATEMENT, Submission, SubmittedFile, TAR, ZST,
    },
    trust::{Action, NamePolicy, OwnersHistory, Subject},
};
use lumen_registry::{
    Location, Storage, StorageError,
    publish::{self, PublishError},
};

use crate::{
    error::{OpsError, PackageError, Written},
    pack::stays_inside,
    session::Session,
    verbs::publish::{Allowed, Prepared, prepare},
};

/// The folder that a submission is written to when the user names no other.
pub const FOLDER: &str = "submissions";

/// The folder to write a submission to.
///
/// # Errors
/// When it is [`FOLDER`], and a link in this project leads out of it.
pub fn place(session: &Session<'_>, made: &Made, out: &Path) -> Result<Location, OpsError> {
    if out == Path::new(FOLDER) {
        let path = format!("{FOLDER}/{}", made.submission.folder());
        stays_inside(session, &path, Written::Submission)?;
    }
    Ok(Location::File(
        session.context.options.working_dir.join(out),
    ))
}

/// A submission that can be written.
#[derive(Debug)]
pub struct Made {
    /// What it says of itself.
    pub submission: Submission,
    /// Its files by name, without the list of them.
    files: BTreeMap<&'static str, Vec<u8>>,
    /// The package it was made of.
    pub prepared: Prepared,
    /// The name or scope that it claims, if that has no owner yet.
    pub claims: Option<Subject>,
    /// Whether the claim needs approval.
    pub needs_approval: bool,
}

/// Packs the package and signs for it, as the registry is now.
///
/// # Errors
/// Everything that makes the package unfit to be published; that the version is there; that
/// the user's key may not publish it.
pub fn make(session: &Session<'_>, allowed: Allowed) -> Result<Made, OpsError> {
    let prepared = prepare(session, None, allowed)?;
    let packed = &prepared.packed;
    let registry = session.registry(&prepared.registry)?;
    let now = session.timestamp();
    let release = prepared.release(&now)?;
    let (name, version) = (&release.name, &release.version);
    let metadata = release.to_bytes();
    let (info, index) = session.block_on(async {
        let info = registry.trust().await?;
        Ok((info, registry.find(name).await?))
    })?;
    if index.is_some_and(|index| index.versions.contains(version)) {
        return Err(PackageError::Published {
            name: name.clone(),
            version: version.clone(),
        }
        .into());
    }
    let mut files = BTreeMap::from([
        (RELEASE, metadata.clone()),
        (TAR, packed.tar.clone()),
        (ZST, packed.zst.clone()),
    ]);
    let (mut claims, mut needs_approval) = (None, false);
    if info.is_some() {
        let subject = Subject::owner_of(name);
        let (roots, owners) = session.block_on(async {
            let owners = registry.owners(&subject).await?;
            Ok((registry.roots().await?, owners))
        })?;
        let roots = roots.ok_or(PublishError::NotSigned)?;
        let owners = owners.unwrap_or_else(|| OwnersHistory::unclaimed(subject.clone()));
        let action = Action::Publish {
            version: version.clone(),
            metadata: Digest::of(&metadata),
            size: metadata.len() as u64,
        };
        let signer = session.signer()?;
        let endorsement = publish::endorse(&roots, name, &owners, action, &*signer, &now)?;
        files.insert(STATEMENT, endorsement.statement.into_bytes());
        if let Some(claim) = endorsement.claim {
            files.insert(CLAIM, claim.into_bytes());
            needs_approval = roots.current().policy == NamePolicy::Approve;
            claims = Some(subject);
        }
    }
    let listed = files
        .iter()
        .map(|(file, bytes)| ((*file).to_owned(), SubmittedFile::of(bytes)));
    let submission = Submission {
        format: FORMAT,
        registry: info.map(|info| info.origin),
        name: name.clone(),
        version: version.clone(),
        files: listed.collect(),
    };
    Ok(Made {
        submission,
        files,
        prepared,
        claims,
        needs_approval,
    })
}

/// Writes a submission below a folder or prefix, in the place of an earlier one of the same
/// release. Returns where it is.
///
/// # Errors
/// When the place cannot be written to.
pub fn write(session: &Session<'_>, made: &Made, to: &Location) -> Result<String, OpsError> {
    if let Location::File(folder) = to {
        lumen_durable::create_dir_all(folder)?;
    }
    let storage = Storage::open(to, &session.host_options(to)?).map_err(PublishError::from)?;
    let folder = made.submission.folder();
    let key = |file: &str| {
        Key::parse(&format!("{folder}/{file}"))
            .map_err(|error| OpsError::Io(std::io::Error::other(error)))
    };
    let manifest = made.submission.to_bytes();
    let mut writes = Vec::new();
    for (file, bytes) in &made.files {
        writes.push((key(file)?, bytes));
    }
    // Last, so that a reader who finds it finds the rest.
    writes.push((key(MANIFEST)?, &manifest));
    session.block_on(async {
        let message = format!(
            "Submit {} {}",
            made.submission.name, made.submission.version
        );
        let write = async |storage: &Storage| -> Result<(), PublishError> {
            for (key, bytes) in &writes {
                put(storage, key, bytes).await?;
            }
            Ok(())
        };
        Ok(storage.together(&message, write).await?)
    })?;
    Ok(storage.describe(&key(MANIFEST)?))
}

/// Writes a file, whatever was there.
async fn put(storage: &Storage, key: &Key, bytes: &[u8]) -> Result<(), StorageError> {
    let there = storage.get(key, u64::MAX).await?;
    match there {
        Some((same, _)) if same == bytes => Ok(()),
        there => {
            let revision = there.map(|(_, revision)| revision);
            storage.replace(key, revision.as_ref(), bytes).await
        }
    }
}
