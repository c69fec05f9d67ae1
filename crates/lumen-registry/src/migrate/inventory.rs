//! The contents of an unsigned registry, and whether they can be signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Seek as _, Write},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        self, Artifact, FilesRef, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES,
        PackageIndex, identity,
    },
    limits::{MAX_GLOBAL_INDEX_BYTES, MIGRATE_IN_MEMORY},
    trust::{
        Subject,
        text::{MAX_REASON, is_time},
    },
};

use crate::{
    file_list::Reading,
    log::Finding,
    progress::{Progress, Watch},
    source::check,
    storage::{Storage, StorageError},
    write::PublishError,
};

/// Packages and artifacts that are read at once.
const CONCURRENCY: usize = 16;

/// Checks that an archive is one that installs accept, and that it agrees with its release.
/// This crate does not know the contents of archives.
///
/// The text says what is wrong with it.
///
/// # Errors
/// When the archive cannot be read to its end.
pub type Inspect<'a> = &'a (
        dyn Fn(&index::Release, &Artifact, &mut dyn Read) -> io::Result<Result<(), String>> + Sync
    );

/// Everything to log, and the problems that prevent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The packages, sorted by name.
    pub packages: Vec<Package>,
    /// Problems that must be fixed first.
    pub problems: Vec<Finding>,
    /// Data that gets lost, and other oddities.
    pub warnings: Vec<Finding>,
}

/// A package that is to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// Its releases, by version.
    pub releases: Vec<Release>,
    /// The reason of its deprecation, if it is deprecated, and its replacement.
    pub deprecated: Option<(String, Option<PackageName>)>,
}

/// A release that is to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// SHA-256 of its file.
    pub metadata: Digest,
    /// The size of that file in bytes.
    pub size: u64,
    /// When it was published; empty when unknown.
    pub time: String,
    /// Why it is yanked, if it is.
    pub yanked: Option<String>,
}

impl Inventory {
    /// Number of releases, and of those that are yanked.
    pub fn releases(&self) -> (usize, usize) {
        let releases = || self.packages.iter().flat_map(|package| &package.releases);
        let yanked = releases().filter(|release| release.yanked.is_some());
        (releases().count(), yanked.count())
    }

    /// The names and scopes that get an owner.
    pub fn subjects(&self) -> BTreeSet<Subject> {
        let packages = self.packages.iter();
        packages
            .map(|package| Subject::owner_of(&package.name))
            .collect()
    }
}

/// Looks at every file of a registry. Nothing is written.
///
/// # Errors
/// Failures of the host, and a global index that cannot be read.
pub async fn take_stock(
    storage: &Storage,
    inspect: Inspect<'_>,
    watch: Watch<'_>,
) -> Result<Inventory, PublishError> {
    storage.allow_mirroring();
    let mut inventory = Inventory::default();
    let keys = storage.list(Key::PACKAGES).await?;
    let mut files: BTreeMap<PackageName, Files> = BTreeMap::new();
    for key in &keys {
        let path = key.as_str().trim_start_matches("packages/");
        let Some((name, file)) = path.rsplit_once('/') else {
            continue;
        };
        let name = match PackageName::parse(name) {
            Ok(name) => name,
            Err(error) => {
                let what = format!("its folder is not the name of a package: {error}");
                inventory.problems.push(finding(key, what));
                continue;
            }
        };
        let version = key.release_version(&name);
        let files = files.entry(name).or_default();
        files.index |= file == "index.json";
        files.versions.extend(version);
    }
    let descriptions = descriptions(storage, &files, &mut inventory).await?;
    let steps = files.len() as u64;
    watch(Progress::Started {
        verb: "Checking",
        steps,
    });
    let found = stream::iter(&files)
        .map(async |(name, files)| {
            let description = descriptions.get(name).map(String::as_str);
            let examined = examine((storage, inspect), name, files, description).await?;
            watch(Progress::Advanced {
                item: name.to_string(),
            });
            Ok::<_, PublishError>(examined)
        })
        .buffered(CONCURRENCY)
        .try_collect::<Vec<Examined>>()
        .await;
    watch(Progress::Finished);
    for examined in found? {
        inventory.packages.extend(examined.package);
        inventory.problems.extend(examined.problems);
        inventory.warnings.extend(examined.warnings);
    }
    inventory.problems.sort();
    inventory.warnings.sort();
    Ok(inventory)
}

/// The files of a package.
#[derive(Default)]
struct Files {
    index: bool,
    versions: BTreeSet<Version>,
}

/// What was found of a package.
#[derive(Default)]
struct Examined {
    package: Option<Package>,
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
}

fn finding(key: &Key, what: impl ToString) -> Finding {
    Finding {
        file: key.to_string(),
        at: None,
        what: what.to_string(),
    }
}

/// What the global index says about packages.
async fn descriptions(
    storage: &Storage,
    files: &BTreeMap<PackageName, Files>,
    inventory: &mut Inventory,
) -> Result<BTreeMap<PackageName, String>, PublishError> {
    let key = Key::global_index();
    let Some((bytes, _)) = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await? else {
        return Ok(BTreeMap::new());
    };
    let global: GlobalIndex = lumen_core::json::parse(&bytes)
        .map_err(|error| crate::write::malformed(storage, &key, &bytes, &error))?;
    if let Some(format) = global.format.filter(|format| *format > index::FORMAT) {
        return Err(PublishError::NewerFormat { format });
    }
    let mut descriptions = BTreeMap::new();
    for entry in global.packages {
        if !files.contains_key(&entry.name) {
            let what = format!("it lists `{}`, which is not there", entry.name);
            inventory.warnings.push(finding(&key, what));
        }
        descriptions.extend(entry.description.map(|text| (entry.name, text)));
    }
    Ok(descriptions)
}

async fn examine(
    (storage, inspect): (&Storage, Inspect<'_>),
    name: &PackageName,
    files: &Files,
    described: Option<&str>,
) -> Result<Examined, PublishError> {
    let mut examined = Examined::default();
    let key = Key::package_index(name);
    if let Err(error) = PackageName::parse_publishable(name.as_str()) {
        examined.problems.push(finding(&key, error));
        return Ok(examined);
    }
    let index = match index(storage, name, files, &key).await? {
        Ok(index) => index,
        Err(what) => {
            examined.problems.push(finding(&key, what));
            return Ok(examined);
        }
    };
    let listed: BTreeSet<&Version> = index.iter().flat_map(|index| &index.versions).collect();
    let mut versions: BTreeSet<Version> = files.versions.clone();
    versions.extend(listed.iter().map(|version| (*version).clone()));
    let mut releases = Vec::new();
    let mut newest = None;
    for version in versions {
        let key = Key::release(name, &version);
        match release((storage, inspect), name, &version, &key).await? {
            Ok((release, bytes)) => {
                let yanked = index.as_ref().and_then(|index| index.yank_reason(&version));
                let yanked = yanked.map(|text| reason(text.unwrap_or_default()));
                let time = release.published_at.clone().filter(|time| is_time(time));
                releases.push(Release {
                    version,
                    metadata: Digest::of(&bytes),
                    size: bytes.len() as u64,
                    time: time.unwrap_or_default(),
                    yanked,
                });
                newest = Some(release);
            }
            Err(what) if listed.contains(&version) => examined.problems.push(finding(&key, what)),
            // It was never listed, and clients cannot install it.
            Err(what) => examined
                .warnings
                .push(finding(&key, format!("it is left out: {what}"))),
        }
    }
    let said = index
        .as_ref()
        .and_then(|index| index.description.as_deref());
    let now = newest
        .as_ref()
        .and_then(|release| release.description.as_deref());
    let lost = |text: &&str| !text.is_empty() && Some(*text) != now;
    if newest.is_some()
        && [said, described]
            .into_iter()
            .flatten()
            .any(|text| lost(&text))
    {
        let what = format!(
            "the description will be that of the newest release, {}",
            now.map_or("which has none".to_owned(), |now| format!("`{now}`"))
        );
        examined.warnings.push(finding(&key, what));
    }
    let deprecated = index.and_then(|index| index.deprecated);
    examined.package = (!releases.is_empty()).then(|| Package {
        name: name.clone(),
        releases,
        deprecated: deprecated.map(|it| (reason(&it.reason), it.replacement)),
    });
    Ok(examined)
}

/// The index of a package, if it has one, or its fault.
async fn index(
    storage: &Storage,
    name: &PackageName,
    files: &Files,
    key: &Key,
) -> Result<Result<Option<PackageIndex>, String>, PublishError> {
    if !files.index {
        return Ok(Ok(None));
    }
    let found = match storage.get(key, MAX_PACKAGE_INDEX_BYTES).await {
        Ok(found) => found,
        Err(error @ StorageError::TooLarge { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let parse = |(bytes, _): (Vec<u8>, _)| check::package_index(key.as_str(), &bytes, name);
    Ok(found
        .map(parse)
        .transpose()
        .map_err(|error| error.to_string()))
}

/// A release and the bytes of its file, or the fault of it or its artifacts.
async fn release(
    (storage, inspect): (&Storage, Inspect<'_>),
    name: &PackageName,
    version: &Version,
    key: &Key,
) -> Result<Result<(index::Release, Vec<u8>), String>, PublishError> {
    let bytes = match storage.get(key, MAX_RELEASE_BYTES).await {
        Ok(Some((bytes, _))) => bytes,
        Ok(None) => return Ok(Err("it does not exist".into())),
        Err(error @ StorageError::TooLarge { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let release = match check::release(key.as_str(), &bytes, name, version) {
        Ok(release) => release,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if let Err(error) = identity(&release.artifacts) {
        return Ok(Err(error.to_string()));
    }
    for (number, file) in release.artifacts.iter().enumerate() {
        let named = release.files.filter(|_| number == 0);
        if let Err(what) = artifact((storage, inspect), &release, (file, named)).await? {
            return Ok(Err(what));
        }
    }
    Ok(Ok((release, bytes)))
}

/// Checks that an artifact matches its release, and that its file list is the one that is named:
/// the operator who logs it vouches for that.
async fn artifact(
    (storage, inspect): (&Storage, Inspect<'_>),
    release: &index::Release,
    (artifact, named): (&Artifact, Option<FilesRef>),
) -> Result<Result<(), String>, PublishError> {
    let Some(key) = artifact.address() else {
        let what = format!("`{}` is not the address of its hash", artifact.url);
        return Ok(Err(what));
    };
    let mut copy = Hashed {
        reading: Reading::new(named),
        bytes: tempfile::SpooledTempFile::new(MIGRATE_IN_MEMORY),
    };
    let read = storage.read_to(&key, artifact.size, &mut copy).await;
    let (hash, list) = copy.reading.finish();
    match read {
        Ok(Some(size)) if size == artifact.size && hash == artifact.hash => {
            if let Some(Err(false_list)) = list {
                return Ok(Err(false_list.to_string()));
            }
            copy.bytes.rewind().map_err(StorageError::from)?;
            let inspected = inspect(release, artifact, &mut copy.bytes);
            Ok(inspected.map_err(StorageError::from)?)
        }
        Ok(None) => Ok(Err(format!("`{key}` does not exist"))),
        Ok(Some(_)) | Err(StorageError::TooLarge { .. }) => Ok(Err(format!(
            "`{key}` has another size or hash than it says"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// A copy of an artifact, hashed while it is written.
struct Hashed {
    reading: Reading,
    bytes: tempfile::SpooledTempFile,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.bytes.write(bytes)?;
        self.reading.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.flush()
    }
}

/// A reason as statements can have it: one line, not too long.
fn reason(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_control() || c == ' ') {
        let space = usize::from(!line.is_empty());
        if word.is_empty() {
            continue;
        }
        if line.len() + space + word.len() > MAX_REASON {
            break;
        }
        if space == 1 {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_line() {
        for (text, expected) in [
            ("it burns", "it burns"),
            ("it\nburns\t\u{7}a  lot ", "it burns a lot"),
            ("", ""),
        ] {
            assert_eq!(reason(text), expected);
        }
        assert_eq!(reason(&"word ".repeat(1000)).len(), 999);
        assert_eq!(reason(&"x".repeat(2000)), "");
    }
}
