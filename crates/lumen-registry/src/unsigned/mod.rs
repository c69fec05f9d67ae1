//! Unsigned registries: whether their files agree, and what of them follows from the others.
//!
//! There is no log that says what is right. The files of the releases come first: each names its
//! package, its version and the hashes of its artifacts, which are compared. The index of a
//! package follows from them, but for yanks and deprecations, which stand only there. The global
//! index follows from the indexes of packages.

mod check;
mod place;
mod repair;

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{GlobalIndex, MAX_RELEASE_BYTES, Release, identity},
    limits::MAX_GLOBAL_INDEX_BYTES,
    remedy::Remedy,
};

pub use self::{check::check, repair::repair};
use crate::{
    log::{Finding, Place},
    source::{ReadError, check as read},
    storage::{Storage, StorageError},
    write::PublishError,
};

/// Files that are read at once.
const AT_ONCE: usize = 16;

/// The files below `packages/`.
#[derive(Debug, Default)]
struct Files {
    packages: BTreeMap<PackageName, Versions>,
}

/// The files of one package.
#[derive(Debug, Default)]
struct Versions {
    has_index: bool,
    versions: BTreeSet<Version>,
}

impl Files {
    async fn list(storage: &Storage) -> Result<Self, StorageError> {
        let mut packages: BTreeMap<PackageName, Versions> = BTreeMap::new();
        for key in storage.list(Key::PACKAGES).await? {
            if let Some((name, version)) = key.named_release() {
                packages.entry(name).or_default().versions.insert(version);
            } else if let Some(name) = key.package()
                && key == Key::package_index(&name)
            {
                packages.entry(name).or_default().has_index = true;
            }
        }
        Ok(Self { packages })
    }

    /// The packages that the global index names.
    async fn named(storage: &Storage) -> Result<Self, StorageError> {
        let key = Key::global_index();
        let found = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await?;
        let parsed =
            found.map(|(bytes, _)| read::strict_parsed::<GlobalIndex>(key.as_str(), &bytes));
        // What is wrong with the file itself is found later.
        let Some(Ok(index)) = parsed else {
            return Ok(Self::default());
        };
        let there = |name| {
            let versions = Versions {
                has_index: true,
                ..Versions::default()
            };
            (name, versions)
        };
        let names = index.packages.into_iter().map(|entry| there(entry.name));
        Ok(Self {
            packages: names.collect(),
        })
    }
}

/// Files are mended where the host lists them and takes others. Behind a web server only a log
/// says which files there are.
fn can_list(storage: &Storage) -> Result<(), PublishError> {
    storage
        .check_writable()
        .map_err(|_| PublishError::NotSigned)
}

/// A release as its file says.
struct Read {
    release: Release,
    digest: Digest,
    bytes: Vec<u8>,
}

/// The file of a release, or what is wrong with it; `None`: there is none.
async fn release(
    storage: &Storage,
    name: &PackageName,
    version: &Version,
) -> Result<Option<Result<Read, Finding>>, PublishError> {
    let key = Key::release(name, version);
    let bytes = match storage.get(&key, MAX_RELEASE_BYTES).await {
        Ok(Some((bytes, _))) => bytes,
        Ok(None) => return Ok(None),
        Err(error @ StorageError::TooLarge { .. }) => {
            return Ok(Some(Err(finding(&key, None, error))));
        }
        Err(error) => return Err(error.into()),
    };
    let release = match read::release(key.as_str(), &bytes, name, version) {
        Ok(release) => release,
        Err(error) => return Ok(Some(Err(unreadable(&key, &error)))),
    };
    if let Err(error) = identity(&release.artifacts) {
        let at = place::place(&bytes, &["\"artifacts\""]);
        return Ok(Some(Err(finding(&key, at, error))));
    }
    Ok(Some(Ok(Read {
        release,
        digest: Digest::of(&bytes),
        bytes,
    })))
}

/// The finding for a file that cannot be read.
fn unreadable(key: &Key, error: &ReadError) -> Finding {
    let ReadError::Malformed(problem) = error else {
        return finding(key, None, error);
    };
    let at = problem.place.as_ref().map(|place| {
        let (line, column) = place.line_column();
        Place { line, column }
    });
    match problem.hint.as_ref().and_then(Remedy::text) {
        Some(hint) => finding(key, at, format!("{}: {hint}", problem.what)),
        None => finding(key, at, &problem.what),
    }
}

/// Fails where a web server answers with a page of its own: it is not asked for more.
///
/// # Errors
/// That, and failures of the host.
pub async fn refuse_web_page(storage: &Storage) -> Result<(), ReadError> {
    let key = Key::global_index();
    let found = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await?;
    match found.filter(|(bytes, _)| bytes.trim_ascii_start().starts_with(b"<")) {
        Some((bytes, _)) => {
            read::strict_parsed::<GlobalIndex>(&storage.describe(&key), &bytes).map(drop)
        }
        None => Ok(()),
    }
}

fn finding(key: &Key, at: Option<Place>, what: impl ToString) -> Finding {
    Finding {
        file: key.to_string(),
        at,
        what: what.to_string(),
    }
}
