//! Everything in which the files of an unsigned registry do not agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Key, PackageName, Version,
    digest::Hasher,
    index::{Artifact, GlobalIndex, MAX_PACKAGE_INDEX_BYTES, PackageIndex},
    json,
    limits::MAX_GLOBAL_INDEX_BYTES,
    version::latest,
};

use super::{
    AT_ONCE, Files, Read, Versions, finding,
    place::{place, quoted},
    release, unreadable,
};
use crate::{
    log::Finding,
    progress::{Progress, Watch, advance},
    source::check as read,
    storage::{Storage, StorageError},
    write::PublishError,
};

/// Compares every file of an unsigned registry with those that it refers to, artifacts included.
/// Returns all that is wrong. A web server lists no files: there, what the indexes name is
/// compared.
///
/// # Errors
/// Failures of the host.
pub async fn check(storage: &Storage, watch: Watch<'_>) -> Result<Vec<Finding>, PublishError> {
    storage.allow_mirroring();
    let files = match super::can_list(storage) {
        Ok(()) => {
            storage.prefetch_below("").await?;
            Files::list(storage).await?
        }
        Err(_) => Files::named(storage).await?,
    };
    watch(Progress::Started {
        verb: "Checking",
        steps: files.packages.len() as u64,
    });
    let examine = async |(name, versions): (&PackageName, &Versions)| {
        let examined = package(storage, name, versions).await?;
        advance(watch, name);
        Ok::<_, PublishError>((name.clone(), examined))
    };
    let examined: Result<Vec<(PackageName, Examined)>, _> = stream::iter(&files.packages)
        .map(examine)
        .buffered(AT_ONCE)
        .try_collect()
        .await;
    watch(Progress::Finished);
    let mut findings = Vec::new();
    let mut indexes = BTreeMap::new();
    for (name, examined) in examined? {
        findings.extend(examined.findings);
        indexes.extend(examined.index.map(|index| (name, index)));
    }
    global(storage, &files, &indexes, &mut findings).await?;
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// What was found of a package.
#[derive(Default)]
struct Examined {
    index: Option<PackageIndex>,
    findings: Vec<Finding>,
}

async fn package(
    storage: &Storage,
    name: &PackageName,
    files: &Versions,
) -> Result<Examined, PublishError> {
    let mut examined = Examined::default();
    let key = Key::package_index(name);
    let found = match storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await {
        Ok(found) => found.map(|(bytes, _)| bytes),
        Err(error @ StorageError::TooLarge { .. }) => {
            examined.findings.push(finding(&key, None, error));
            return Ok(examined);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(bytes) = found else {
        examined
            .findings
            .push(finding(&key, None, "it does not exist"));
        return Ok(examined);
    };
    let index = match read::package_index(key.as_str(), &bytes, name) {
        Ok(index) => index,
        Err(error) => {
            examined.findings.push(unreadable(&key, &error));
            return Ok(examined);
        }
    };
    let listed: BTreeSet<&Version> = index.versions.iter().collect();
    for version in &listed {
        let of_version = || place(&bytes, &["\"versions\"", &quoted(version)]);
        match release(storage, name, version).await? {
            None => {
                let what = format!(
                    "it lists {version}, but `{}` does not exist",
                    Key::release(name, version)
                );
                examined.findings.push(finding(&key, of_version(), what));
            }
            Some(Err(fault)) => examined.findings.push(fault),
            Some(Ok(read)) => {
                let summary = index.releases.get(version);
                if let Some(expected) = summary.and_then(|summary| summary.metadata)
                    && expected != read.digest
                {
                    let at = place(&bytes, &["\"releases\"", &quoted(version), &expected.hex()]);
                    let what = format!(
                        "it has another hash for {version} than `{}` has",
                        Key::release(name, version)
                    );
                    examined.findings.push(finding(&key, at, what));
                }
                artifacts(storage, &read, &mut examined.findings).await?;
            }
        }
    }
    for version in files
        .versions
        .iter()
        .filter(|version| !listed.contains(version))
    {
        // What clients cannot use is not missing in the index.
        if let Some(Ok(_)) = release(storage, name, version).await? {
            let what = format!("it does not list {version}, which is there");
            let at = place(&bytes, &["\"versions\""]);
            examined.findings.push(finding(&key, at, what));
        }
    }
    let newest = latest(&index.versions, |version| index.is_yanked(version));
    let says = place(&bytes, &["\"latest\""]);
    if says.is_some() && index.latest.as_ref() != newest {
        let what = format!(
            "`latest` is {}, and should be {}",
            said(index.latest.as_ref()),
            said(newest)
        );
        examined.findings.push(finding(&key, says, what));
    }
    examined.index = Some(index);
    Ok(examined)
}

fn said(version: Option<&Version>) -> String {
    version.map_or_else(|| "null".into(), ToString::to_string)
}

/// Compares the artifacts of a release with what its file says of them.
async fn artifacts(
    storage: &Storage,
    read: &Read,
    findings: &mut Vec<Finding>,
) -> Result<(), PublishError> {
    let key = Key::release(&read.release.name, &read.release.version);
    for artifact in &read.release.artifacts {
        let hex = artifact.hash.hex();
        let at = || place(&read.bytes, &["\"artifacts\"", &hex]);
        let Some(address) = artifact.address() else {
            let what = format!("`{}` is not the address of its hash", artifact.url);
            findings.push(finding(&key, at(), what));
            continue;
        };
        match fault(storage, &address, artifact).await? {
            None => {}
            Some(Fault::Missing) => {
                let what = format!("it names `{address}`, which does not exist");
                findings.push(finding(&key, at(), what));
            }
            Some(Fault::Other) => {
                let what = format!("it has another size or hash than `{key}` says");
                findings.push(finding(&address, None, what));
            }
        }
    }
    Ok(())
}

/// What is wrong with an artifact.
enum Fault {
    Missing,
    Other,
}

async fn fault(
    storage: &Storage,
    key: &Key,
    artifact: &Artifact,
) -> Result<Option<Fault>, PublishError> {
    let mut sink = Hashed(Hasher::new());
    match storage.read_to(key, artifact.size, &mut sink).await {
        Ok(Some(size)) if size == artifact.size && sink.0.finish() == artifact.hash => Ok(None),
        Ok(None) => Ok(Some(Fault::Missing)),
        Ok(Some(_)) | Err(StorageError::TooLarge { .. }) => Ok(Some(Fault::Other)),
        Err(error) => Err(error.into()),
    }
}

/// Keeps nothing but the hash.
struct Hashed(Hasher);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compares the global index with the indexes of packages.
async fn global(
    storage: &Storage,
    files: &Files,
    indexes: &BTreeMap<PackageName, PackageIndex>,
    findings: &mut Vec<Finding>,
) -> Result<(), PublishError> {
    let key = Key::global_index();
    let Some((bytes, _)) = storage.get(&key, MAX_GLOBAL_INDEX_BYTES).await? else {
        findings.push(finding(&key, None, "it does not exist"));
        return Ok(());
    };
    let parsed: GlobalIndex = match read::strict_parsed(key.as_str(), &bytes) {
        Ok(parsed) => parsed,
        Err(error) => {
            findings.push(unreadable(&key, &error));
            return Ok(());
        }
    };
    let root = json::parse_tree(&bytes).unwrap_or_default();
    let count = root
        .get("package_count")
        .and_then(serde_json::Value::as_u64);
    if let Some(count) = count.filter(|count| *count != parsed.packages.len() as u64) {
        let what = format!(
            "`package_count` is {count}, and it lists {}",
            parsed.packages.len()
        );
        findings.push(finding(&key, place(&bytes, &["\"package_count\""]), what));
    }
    let mut seen = BTreeSet::new();
    for entry in &parsed.packages {
        let name = &entry.name;
        let at = || place(&bytes, &["\"packages\"", &quoted(name)]);
        if !seen.insert(name) {
            findings.push(finding(&key, at(), format!("it lists `{name}` twice")));
        }
        let there = files.packages.get(name);
        if !there.is_some_and(|there| there.has_index || !there.versions.is_empty()) {
            findings.push(finding(
                &key,
                at(),
                format!("it lists `{name}`, which is not there"),
            ));
        }
        if let Some(index) = indexes.get(name) {
            let newest = latest(&index.versions, |version| index.is_yanked(version));
            if entry.latest.as_ref() != newest {
                let at = place(&bytes, &["\"packages\"", &quoted(name), "\"latest\""]).or_else(at);
                let what = format!(
                    "the newest version of `{name}` is {}, and should be {}",
                    said(entry.latest.as_ref()),
                    said(newest)
                );
                findings.push(finding(&key, at, what));
            }
        }
    }
    for name in indexes.keys().filter(|name| !seen.contains(name)) {
        let what = format!("it does not list `{name}`, which is there");
        findings.push(finding(&key, place(&bytes, &["\"packages\""]), what));
    }
    Ok(())
}
