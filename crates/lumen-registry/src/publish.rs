//! Writing to a registry: init, publish, and changes such as a yank.
//!
//! The protocol needs only the four storage operations. Its order makes a
//! publish safe to kill anywhere and safe to repeat:
//!
//! 1. the artifacts, created under the hash of their bytes: nothing refers to them yet;
//! 2. `<version>.json`, created: this decides who published the version, for good;
//! 3. `packages/<name>/index.json`, by compare-and-swap; the publisher also adds releases
//!    that an earlier, killed publisher left out;
//! 4. `index.json`, by compare-and-swap, derived from the package index as it is then.
//!
//! Names that read the same are refused before step 1. When two of them are published
//! for the first time at the same moment, step 4 refuses the second: its files are
//! there, but it is not listed.

mod change;
mod indexes;
pub mod queue;
mod signed;
mod submission;
mod yank;

use std::sync::Arc;

use lumen_core::{
    Digest, Key, PackageName, Version,
    checkpoint::Checkpoint,
    index::{self, Artifact, FilesRef, MAX_RELEASE_BYTES, Release},
    json,
    key::ArtifactKind,
    limits::{MAX_GLOBAL_INDEX_BYTES, MAX_VERSION_BYTES},
    trust::Lacking,
};

use self::indexes::{check_listed, check_name, update_global, update_package};
pub(crate) use self::signed::publisher;
pub use self::{
    change::{Change, Changed, change},
    signed::{Endorsement, endorse, may_publish},
    submission::{Ingest, Submitted, ingest},
};
pub use crate::write::{ClockWitness, PublishError, SubmittedError};
use crate::{
    log::is_signed,
    progress::nobody,
    signer::Signer,
    storage::{Storage, StorageError},
    write::{Snapshot, malformed, swap},
};

/// A release to publish.
#[derive(Debug, Clone)]
pub struct PublishRequest {
    /// Its metadata; `artifacts` and `published_at` are filled in here.
    pub release: Release,
    /// The plain tar, whose hash is the release's identity.
    pub tar: Vec<u8>,
    /// The same tree compressed with Zstandard.
    pub zst: Option<Vec<u8>>,
    /// Its file list, for a tar that has one.
    pub list: Option<Vec<u8>>,
    /// The time, RFC 3339.
    pub now: String,
    /// The registry's name, for the case that it has no `index.json` yet.
    pub registry_name: String,
    /// Signs the new entries of a signed registry's log. Its key must be a log key, and the
    /// key of an owner if the name has one.
    pub signer: Option<Arc<dyn Signer>>,
    /// The last checkpoint of the registry's log that this machine saw.
    pub last_seen: Option<Checkpoint>,
}

/// The result of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `false`: the same release was there already.
    pub new: bool,
    /// The release as it is in the registry.
    pub release: Release,
    /// The digest of its `<version>.json`.
    pub metadata: Digest,
    /// The size of that file in bytes.
    pub size: u64,
    /// The signed checkpoint of a signed registry that has the release.
    pub checkpoint: Option<String>,
    /// The witnesses that have to sign before readers see it; `None`: they do.
    pub lacking: Option<Lacking>,
}

/// Makes an empty unsigned registry.
///
/// # Errors
/// [`PublishError::RegistryExists`] when it has an `index.json`;
/// [`StorageError::ReadOnly`] for hosts that cannot be written to.
pub async fn init(storage: &Storage, name: &str, now: &str) -> Result<(), PublishError> {
    if let Some(folder) = storage.folder() {
        for below in ["packages", "artifacts/sha256"] {
            lumen_durable::create_shared_dir_all(&folder.root().join(below))
                .map_err(StorageError::from)?;
        }
    }
    let index = index::new_global_index(name, now);
    match storage.replace(&Key::global_index(), None, &index).await {
        Err(StorageError::Conflict { .. }) => Err(PublishError::RegistryExists {
            location: storage.describe(&Key::global_index()),
        }),
        other => Ok(other?),
    }
}

/// Publishes a release. Repeating it, also after it was killed or failed, is safe.
///
/// In a signed registry with the policy `open`, publishing claims a name without an owner for the
/// signer.
///
/// # Errors
/// [`PublishError::NoKey`], [`PublishError::NotOwner`] and [`PublishError::LogKey`] of signed registries;
/// [`PublishError::VersionExists`] and [`PublishError::NameTaken`], which change
/// nothing that a reader sees; failures of the host.
pub async fn publish(
    storage: &Storage,
    request: &PublishRequest,
) -> Result<Published, PublishError> {
    let PublishRequest { tar, now, .. } = request;
    let (zst, list) = (request.zst.as_deref(), request.list.as_deref());
    let release = complete(&request.release, (tar, zst, list), now)?;
    let files = Files {
        bytes: release.to_bytes(),
        release: &release,
        tar,
        zst,
        list,
    };
    if is_signed(storage).await? {
        return signed::publish(storage, &files, request).await;
    }
    publish_unsigned(storage, &files, now, &request.registry_name).await
}

/// The files of a release that is to be published.
#[derive(Debug)]
struct Files<'a> {
    release: &'a Release,
    /// `<version>.json`.
    bytes: Vec<u8>,
    tar: &'a [u8],
    zst: Option<&'a [u8]>,
    /// The file list.
    list: Option<&'a [u8]>,
}

async fn publish_unsigned(
    storage: &Storage,
    files: &Files<'_>,
    now: &str,
    registry_name: &str,
) -> Result<Published, PublishError> {
    let Release { name, version, .. } = files.release;
    let snapshot = Snapshot::of(storage);
    let published = match read_release(storage, name, version).await? {
        Some(existing) => {
            let existing = existing.compared_with(files.release)?;
            // Read before the package index, as for a release that is new.
            snapshot
                .get(&Key::global_index(), MAX_GLOBAL_INDEX_BYTES)
                .await?;
            // They are there, unless someone copied or cleaned the registry by hand.
            create_artifacts(storage, files, &existing.release).await?;
            existing
        }
        None => {
            check_name(&snapshot, name).await?;
            check_listed(&snapshot, name, version).await?;
            create(storage, files).await?
        }
    };
    update_package(&snapshot, &published).await?;
    update_global(&snapshot, name, now, registry_name).await?;
    Ok(published)
}

/// A release with its artifacts, its file list and the time, if it may be published. The files are
/// the plain tar, the compressed one and the list.
///
/// # Errors
/// [`PublishError::Name`], [`PublishError::LongVersion`] and [`PublishError::TooLarge`].
pub fn complete(
    release: &Release,
    (tar, zst, list): (&[u8], Option<&[u8]>, Option<&[u8]>),
    now: &str,
) -> Result<Release, PublishError> {
    let artifact = |kind, bytes: &[u8]| Artifact::new(kind, Digest::of(bytes), bytes.len() as u64);
    let mut artifacts = vec![artifact(ArtifactKind::Tar, tar)];
    artifacts.extend(zst.map(|zst| artifact(ArtifactKind::TarZst, zst)));
    let release = Release {
        artifacts,
        files: list.map(FilesRef::of),
        published_at: Some(now.to_owned()),
        ..release.clone()
    };
    PackageName::parse_publishable(release.name.as_str()).map_err(|error| PublishError::Name {
        name: release.name.clone(),
        error,
    })?;
    let bytes = release.version.to_string().len();
    if bytes > MAX_VERSION_BYTES {
        let name = release.name;
        return Err(PublishError::LongVersion { name, bytes });
    }
    let size = release.to_bytes().len();
    match size as u64 <= MAX_RELEASE_BYTES {
        true => Ok(release),
        false => Err(PublishError::TooLarge {
            name: release.name,
            version: release.version,
            size,
        }),
    }
}

/// The file of a release to publish, if it exists: a publisher published it, or was
/// interrupted. Writes nothing.
///
/// # Errors
/// [`PublishError::VersionExists`], [`PublishError::NameTaken`], and failures of the host.
pub async fn existing(
    storage: &Storage,
    release: &Release,
) -> Result<Option<Published>, PublishError> {
    let (name, version) = (&release.name, &release.version);
    match read_release(storage, name, version).await? {
        Some(existing) => existing.compared_with(release).map(Some),
        None => {
            let snapshot = Snapshot::of(storage);
            check_name(&snapshot, name).await?;
            check_listed(&snapshot, name, version).await?;
            Ok(None)
        }
    }
}

/// Steps 1 and 2.
async fn create(storage: &Storage, files: &Files<'_>) -> Result<Published, PublishError> {
    let Files { release, bytes, .. } = files;
    create_artifacts(storage, files, release).await?;
    let (name, version) = (&release.name, &release.version);
    match swap::create(storage, &Key::release(name, version), bytes).await {
        Ok(()) => Ok(Published {
            new: true,
            release: (*release).clone(),
            metadata: Digest::of(bytes),
            size: bytes.len() as u64,
            checkpoint: None,
            lacking: None,
        }),
        Err(StorageError::Exists { file }) => {
            match read_release(storage, name, version).await? {
                Some(winner) => winner.compared_with(release),
                // Created by someone and gone again: not by a publish.
                None => Err(StorageError::Exists { file }.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores those artifacts of the release whose bytes are at hand, and its file list.
async fn create_artifacts(
    storage: &Storage,
    files: &Files<'_>,
    release: &Release,
) -> Result<(), PublishError> {
    let tar = Key::artifact(&Digest::of(files.tar), ArtifactKind::Tar);
    let zst = files.zst.map(|zst| {
        let key = Key::artifact(&Digest::of(zst), ArtifactKind::TarZst);
        (key, zst)
    });
    let list = files
        .list
        .map(|list| (Key::file_list(&Digest::of(list)), list));
    let at_hand = [Some((tar, files.tar)), zst, list];
    let is_its = |(key, _): &(Key, &[u8])| {
        let mut wanted = release.objects();
        wanted.any(|object| object.url == key.as_str())
    };
    let files: Vec<(Key, &[u8])> = at_hand.into_iter().flatten().filter(is_its).collect();
    let files = files.iter().map(|(key, bytes)| (key, *bytes));
    swap::create_all(storage, files, &nobody).await?;
    Ok(())
}

impl Published {
    /// This existing release, if it is the one to publish.
    fn compared_with(self, release: &Release) -> Result<Self, PublishError> {
        // Another version of the compressor makes another artifact of the same tar.
        let essence = |release: &Release| {
            let mut release = release.clone();
            release.artifacts.truncate(1);
            release
        };
        match essence(&self.release).same_contents(&essence(release)) {
            true => Ok(self),
            false => Err(PublishError::VersionExists {
                name: self.release.name,
                version: self.release.version,
                published_at: self.release.published_at,
            }),
        }
    }
}

pub(crate) async fn read_release(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
) -> Result<Option<Published>, PublishError> {
    let key = Key::release(name, version);
    let Some((bytes, _)) = storage.get(&key, MAX_RELEASE_BYTES).await? else {
        return Ok(None);
    };
    let release: Release =
        json::parse(&bytes).map_err(|error| malformed(storage, &key, &bytes, &error))?;
    let metadata = Digest::of(&bytes);
    Ok(Some(Published {
        new: false,
        release,
        metadata,
        size: bytes.len() as u64,
        checkpoint: None,
        lacking: None,
    }))
}
