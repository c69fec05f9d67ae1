//! Writing to a registry: init, publish, yank and unyank.
//!
//! The protocol stands on the four storage operations alone. Its order makes a
//! publish safe to kill anywhere and safe to repeat:
//!
//! 1. the artifacts, created under the hash of their bytes: nothing refers to them yet;
//! 2. `<version>.json`, created: this decides who published the version, for good;
//! 3. `packages/<name>/index.json`, by compare-and-swap; whoever comes here also
//!    adds releases that an earlier, killed publisher left out;
//! 4. `index.json`, by compare-and-swap, derived from the package index as it is then.

mod swap;
mod yank;

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        self, Artifact, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, PackageIndex,
        Release, identity,
    },
    json::{self, JsonError},
    key::ArtifactKind,
    name::NameError,
    problem::Problem,
};

use self::swap::Swap;
pub use self::yank::{Yank, unyank, yank};
use crate::{
    location::Location,
    reader::MAX_GLOBAL_INDEX_BYTES,
    storage::{FileStorage, Storage, StorageError},
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
    /// The time, RFC 3339.
    pub now: String,
    /// The registry's name, for the case that it has no `index.json` yet.
    pub registry_name: String,
}

/// What a publish came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `false`: the same release was there already.
    pub new: bool,
    /// The release as it is in the registry.
    pub release: Release,
    /// The digest of its `<version>.json`.
    pub metadata: Digest,
}

/// Why a registry was not written to.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The version exists with other contents.
    #[error("`{name}` {version} exists with other contents")]
    VersionExists {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// When it was published, if the registry says.
        published_at: Option<String>,
    },
    /// A package whose name looks the same exists.
    #[error("the name `{name}` is too close to `{other}`, which exists")]
    NameTaken {
        /// The name asked for.
        name: PackageName,
        /// The one that exists.
        other: PackageName,
    },
    /// The name may be read but not published.
    #[error("`{name}` cannot be published: {error}")]
    Name {
        /// The name.
        name: PackageName,
        /// The rule it breaks.
        error: NameError,
    },
    /// The metadata is larger than readers accept.
    #[error(
        "the metadata of `{name}` {version} has {size} bytes; the limit is {MAX_RELEASE_BYTES}"
    )]
    TooLarge {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// Its size in bytes.
        size: usize,
    },
    /// There is no such package.
    #[error("the registry has no package `{name}`")]
    UnknownPackage {
        /// The package.
        name: PackageName,
    },
    /// There is no such version.
    #[error("the registry has no `{name}` {version}")]
    UnknownVersion {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The versions there are.
        versions: Vec<Version>,
    },
    /// `init`: a registry is there.
    #[error("there is a registry at {location} already")]
    RegistryExists {
        /// The location.
        location: String,
    },
    /// A file of the registry is damaged; the problem points into it.
    #[error("{}", .0.what)]
    Malformed(Box<Problem>),
    /// Others changed the file every time before this writer could.
    #[error("`{file}` is changed by others all the time; gave up after {attempts} attempts")]
    Busy {
        /// Path or URL.
        file: String,
        /// Attempts made.
        attempts: u32,
    },
    /// The host failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Makes an empty registry in a folder, which may exist.
///
/// # Errors
/// [`PublishError::RegistryExists`] when it has an `index.json`;
/// [`StorageError::ReadOnly`] for locations that cannot be written to.
pub async fn init(location: &Location, name: &str, now: &str) -> Result<(), PublishError> {
    let Location::File(root) = location else {
        return Err(PublishError::Storage(StorageError::ReadOnly {
            location: location.to_string(),
        }));
    };
    for folder in ["packages", "artifacts/sha256"] {
        lumen_durable::create_dir_all(&root.join(folder)).map_err(StorageError::from)?;
    }
    let storage = Storage::File(FileStorage::new(root));
    let index = index::new_global_index(name, now);
    match storage.replace(&Key::global_index(), None, &index).await {
        Err(StorageError::Conflict { .. }) => Err(PublishError::RegistryExists {
            location: location.to_string(),
        }),
        other => Ok(other?),
    }
}

/// Publishes a release. Repeating it, also after it was killed or failed, is safe.
///
/// # Errors
/// [`PublishError::VersionExists`] and [`PublishError::NameTaken`], which change
/// nothing that a reader sees; failures of the host.
pub async fn publish(
    storage: &Storage,
    request: &PublishRequest,
) -> Result<Published, PublishError> {
    let release = complete(request)?;
    let existing = read_release(storage, &release.name, &release.version).await?;
    let published = match existing {
        Some(existing) => {
            let existing = existing.compared_with(&release)?;
            // They are there, unless someone copied or cleaned the registry by hand.
            create_artifacts(storage, request, &existing.release).await?;
            existing
        }
        None => {
            check_name(storage, &release.name).await?;
            create(storage, request, &release).await?
        }
    };
    let name = &published.release.name;
    update_package(storage, &published).await?;
    update_global(storage, name, &request.now, &request.registry_name).await?;
    Ok(published)
}

/// The release with its artifacts and time, if it may be published.
fn complete(request: &PublishRequest) -> Result<Release, PublishError> {
    let artifact = |kind, bytes: &[u8]| Artifact::new(kind, Digest::of(bytes), bytes.len() as u64);
    let mut artifacts = vec![artifact(ArtifactKind::Tar, &request.tar)];
    artifacts.extend(
        request
            .zst
            .as_deref()
            .map(|zst| artifact(ArtifactKind::TarZst, zst)),
    );
    let release = Release {
        artifacts,
        published_at: Some(request.now.clone()),
        ..request.release.clone()
    };
    PackageName::parse(release.name.as_str()).map_err(|error| PublishError::Name {
        name: release.name.clone(),
        error,
    })?;
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

/// Steps 1 and 2.
async fn create(
    storage: &Storage,
    request: &PublishRequest,
    release: &Release,
) -> Result<Published, PublishError> {
    create_artifacts(storage, request, release).await?;
    let (name, version) = (&release.name, &release.version);
    let bytes = release.to_bytes();
    match swap::create(storage, &Key::release(name, version), &bytes).await {
        Ok(()) => Ok(Published {
            new: true,
            release: release.clone(),
            metadata: Digest::of(&bytes),
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

/// Stores those artifacts of the release whose bytes are at hand.
async fn create_artifacts(
    storage: &Storage,
    request: &PublishRequest,
    release: &Release,
) -> Result<(), PublishError> {
    let at_hand = [
        (ArtifactKind::Tar, Some(&request.tar)),
        (ArtifactKind::TarZst, request.zst.as_ref()),
    ];
    for (kind, bytes) in at_hand {
        let Some(bytes) = bytes else { continue };
        let key = Key::artifact(&Digest::of(bytes), kind);
        if release
            .artifacts
            .iter()
            .any(|artifact| artifact.url == key.as_str())
        {
            swap::create(storage, &key, bytes).await?;
        }
    }
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

async fn read_release(
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
    }))
}

/// Checks that no other package has a name that reads the same.
async fn check_name(storage: &Storage, name: &PackageName) -> Result<(), PublishError> {
    let key = Key::global_index();
    match storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await? {
        Some((bytes, _)) => check_name_in(storage, &bytes, name),
        None => Ok(()),
    }
}

fn check_name_in(storage: &Storage, index: &[u8], name: &PackageName) -> Result<(), PublishError> {
    let parsed: GlobalIndex = json::parse(index)
        .map_err(|error| malformed(storage, &Key::global_index(), index, &error))?;
    let folded = name.folded();
    let mut names = parsed.packages.into_iter().map(|entry| entry.name);
    match names.find(|other| other != name && other.folded() == folded) {
        Some(other) => Err(PublishError::NameTaken {
            name: name.clone(),
            other,
        }),
        None => Ok(()),
    }
}

/// Step 3: the release, and any that a killed publisher left out, into the package index.
async fn update_package(storage: &Storage, published: &Published) -> Result<(), PublishError> {
    let name = &published.release.name;
    let key = Key::package_index(name);
    let listed = storage.list(&Key::package_prefix(name)).await?;
    let listed: Vec<Version> = listed
        .iter()
        .filter_map(|key| key.release_version(name))
        .collect();
    let mut swap = Swap::new(storage, &key, MAX_PACKAGE_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        let fail = |error| {
            malformed(
                storage,
                &key,
                current.as_deref().unwrap_or_default(),
                &error,
            )
        };
        let index: Option<PackageIndex> = current
            .as_deref()
            .map(json::parse)
            .transpose()
            .map_err(fail)?;
        let mut releases = Vec::new();
        let summary = index
            .as_ref()
            .and_then(|index| index.releases.get(&published.release.version));
        if summary.and_then(|summary| summary.metadata) != Some(published.metadata) {
            releases.push((published.release.clone(), published.metadata));
        }
        for version in &listed {
            let known = |index: &PackageIndex| index.versions.contains(version);
            if *version != published.release.version && !index.as_ref().is_some_and(known) {
                releases.extend(left_out(storage, name, version).await?);
            }
        }
        if releases.is_empty() {
            return Ok(());
        }
        let bytes = index::put_releases(current.as_deref(), &releases).map_err(fail)?;
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

/// A release that is there but not in the index. One that cannot be used stays where it is.
async fn left_out(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
) -> Result<Option<(Release, Digest)>, PublishError> {
    match read_release(storage, name, version).await {
        Ok(Some(Published {
            release, metadata, ..
        })) => {
            let usable = release.name == *name
                && release.version == *version
                && identity(&release.artifacts).is_ok();
            Ok(usable.then_some((release, metadata)))
        }
        Ok(None)
        | Err(PublishError::Malformed(_) | PublishError::Storage(StorageError::TooLarge { .. })) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Step 4: brings the package's entry in the global index up to date.
async fn update_global(
    storage: &Storage,
    name: &PackageName,
    now: &str,
    registry_name: &str,
) -> Result<(), PublishError> {
    let (key, package_key) = (Key::global_index(), Key::package_index(name));
    let mut swap = Swap::new(storage, &key, MAX_GLOBAL_INDEX_BYTES);
    loop {
        let current = swap.read().await?;
        // Read after the global index: of two publishers of a package, the one
        // that swaps last has seen the package index that was written last.
        let Some((bytes, _)) = storage.get(&package_key, MAX_PACKAGE_INDEX_BYTES).await? else {
            return Err(PublishError::UnknownPackage { name: name.clone() });
        };
        let package: PackageIndex = json::parse(&bytes)
            .map_err(|error| malformed(storage, &package_key, &bytes, &error))?;
        let base = match current {
            Some(current) => current,
            None => index::new_global_index(registry_name, now),
        };
        check_name_in(storage, &base, name)?;
        let bytes = index::put_package_entry(&base, &package, now)
            .map_err(|error| malformed(storage, &key, &base, &error))?;
        let Some(bytes) = bytes else {
            return Ok(());
        };
        if swap.write(&bytes).await? {
            return Ok(());
        }
    }
}

fn malformed(storage: &Storage, key: &Key, bytes: &[u8], error: &JsonError) -> PublishError {
    let problem = error.problem(&storage.describe(key), bytes);
    PublishError::Malformed(Box::new(problem))
}
