//! One package of a signed registry: its events are all that the log has, its releases are
//! signed, and its index follows from both.

use std::collections::BTreeMap;

use lumen_core::{
    Digest, Key, PackageName, Version,
    index::{
        MAX_PACKAGE_INDEX_BYTES, MAX_RELEASE_BYTES, PackageIndex, Release, Summary, events_of,
        logged_releases, put_events_alike, same_additions, summaries_of,
    },
    json,
    key::ArtifactKind,
    limits::MAX_SUMMARIZED_BYTES,
    trust::{Event, PackageHistory, RootHistory, chain, up_to},
};

use super::{Job, MirrorError};
use crate::{
    file_list::Wanted,
    source::{ReadError, check},
    storage::Fetched,
    verify::{TrustError, package::refusal},
};

/// A package that was checked.
pub(super) struct Checked {
    /// The bytes of its index.
    pub(super) bytes: Vec<u8>,
    /// The index.
    pub(super) index: PackageIndex,
}

/// The data to check a package against.
pub(super) struct Expected<'a> {
    /// The root notes.
    pub(super) roots: &'a RootHistory,
    /// All events of its scope; none for a package without.
    pub(super) scope: &'a [Event],
    /// The head of the chain of its events.
    pub(super) head: Digest,
    /// Entries of the log.
    pub(super) size: u64,
    /// Releases with a smaller place in the log are in the mirror.
    pub(super) from: u64,
}

impl Job<'_> {
    /// Checks a package and copies the releases that the mirror lacks, but not its index.
    pub(super) async fn package(
        &self,
        name: &PackageName,
        expected: &Expected<'_>,
    ) -> Result<Checked, MirrorError> {
        let key = Key::package_index(name);
        let (head, size) = (expected.head, expected.size);
        let (found, events, ahead) = self.events(&key, name.as_str(), head, size).await?;
        let history = PackageHistory::verify(expected.roots, name, expected.scope, &events)
            .map_err(|error| refusal(name.as_str(), error))?;
        let rebuilt = logged_releases(&history, &summaries_of(&found), MAX_SUMMARIZED_BYTES);
        let mut releases = BTreeMap::new();
        for (version, logged) in &history.releases {
            let (bytes, release) = match rebuilt.get(version) {
                Some(release) => (release.to_bytes(), release.clone()),
                None => match self.release(name, version, logged.metadata).await? {
                    Some(found) => found,
                    // The operator of the source may have removed releases that clients
                    // cannot install.
                    None if logged.revoked => continue,
                    None => {
                        let file = self.file(&Key::release(name, version));
                        return Err(ReadError::Missing { file }.into());
                    }
                },
            };
            if logged.index >= expected.from {
                // Operators remove what must go after a yank: by law, or for a leaked secret.
                let may_be_gone = logged.revoked || history.yanked.contains_key(version);
                self.copy_release(&release, bytes, may_be_gone).await?;
            }
            releases.insert(version.clone(), release);
        }
        let derived = put_events_alike(&found, &history, &events, &releases)
            .map_err(|error| self.forged(&key, error))?;
        let index: PackageIndex =
            json::parse(&derived).map_err(|error| self.forged(&key, error))?;
        let bytes = match ahead {
            // As it was at the checkpoint.
            true => derived,
            // What an older writer left behind, or made up, is not copied.
            false if says_the_same(&found, &derived, &rebuilt) => {
                match same_additions(&found, &derived) {
                    true => found,
                    false => derived,
                }
            }
            false => return Err(self.forged(&key, "it does not follow from the log")),
        };
        Ok(Checked { bytes, index })
    }

    /// The file that lists the events of a subject, its events in the log, and whether it
    /// has more than those.
    pub(super) async fn events(
        &self,
        key: &Key,
        name: &str,
        head: Digest,
        size: u64,
    ) -> Result<(Vec<u8>, Vec<Event>, bool), MirrorError> {
        let buster = head.hex();
        for buster in [None, Some(&buster[..16])] {
            let Some(found) = self.read_past(key, MAX_PACKAGE_INDEX_BYTES, buster).await? else {
                continue;
            };
            let listed = events_of(&found).map_err(|error| self.forged(key, error))?;
            let events = up_to(&listed, size);
            if chain(events) == head {
                let ahead = events.len() < listed.len();
                return Ok((found, events.to_vec(), ahead));
            }
        }
        let name = name.to_owned();
        Err(TrustError::Withheld { name }.into())
    }

    /// A file; with a cache buster, as no cache on the way has it.
    async fn read_past(
        &self,
        key: &Key,
        limit: u64,
        buster: Option<&str>,
    ) -> Result<Option<Vec<u8>>, MirrorError> {
        match self
            .source
            .storage()
            .fetch(key, limit, None, buster)
            .await?
        {
            Fetched::Found { bytes, .. } => Ok(Some(bytes)),
            Fetched::Absent | Fetched::NotModified { .. } => Ok(None),
        }
    }

    /// A release's file, which must have a digest.
    pub(super) async fn release(
        &self,
        name: &PackageName,
        version: &Version,
        expected: Digest,
    ) -> Result<Option<(Vec<u8>, Release)>, MirrorError> {
        let key = Key::release(name, version);
        let Some(bytes) = self.read(&key, MAX_RELEASE_BYTES).await? else {
            return Ok(None);
        };
        let actual = Digest::of(&bytes);
        if actual != expected {
            return Err(self.other_hash(&key, expected, actual));
        }
        let release = check::release(&self.file(&key), &bytes, name, version)?;
        Ok(Some((bytes, release)))
    }

    /// Copies the missing files of a release: first the artifacts, with the file list, then the
    /// file that refers to them. An artifact that the source has lost or damaged is noted, and does
    /// not keep the others from being copied. `optional`: artifacts may be gone.
    pub(super) async fn copy_release(
        &self,
        release: &Release,
        bytes: Vec<u8>,
        optional: bool,
    ) -> Result<(), MirrorError> {
        let key = Key::release(&release.name, &release.version);
        // The file is written last, so the artifacts are there, too, unless they got lost.
        if !self.options.full && self.target.has(&key).await? {
            return Ok(());
        }
        for (number, artifact) in release.artifacts.iter().enumerate() {
            let Some(address) = artifact.address() else {
                let what = format!("`{}` is not the address of its hash", artifact.url);
                return Err(self.forged(&key, what));
            };
            let wanted = match (number, release.files) {
                (0, Some(named)) => Wanted::Named(named),
                // The mirror that gets a bundle makes the list itself.
                (0, None) if artifact.kind == ArtifactKind::Tar.as_str() => {
                    match self.target.storage() {
                        Some(_) => Wanted::Unnamed,
                        None => Wanted::No,
                    }
                }
                _ => Wanted::No,
            };
            match self.copy(&address, artifact, wanted).await {
                Err(MirrorError::Read(ReadError::Missing { .. })) if optional => {}
                copied => copied.or_else(|error| self.noted.artifact(error))?,
            }
        }
        self.target.create(&key, bytes).await
    }
}

/// Whether an index means the same as one derived from the log, in any form; other fields
/// may be there, too. `rebuilt`: the releases that its summaries give.
fn says_the_same(found: &[u8], derived: &[u8], rebuilt: &BTreeMap<Version, Release>) -> bool {
    if found == derived {
        return true;
    }
    // Fields of which a client keeps less than all.
    const OTHERS: [&str; 2] = ["prereleases", "yanked"];
    let fields = |bytes: &[u8]| {
        let mut index: PackageIndex = json::parse(bytes).ok()?;
        index.releases.clear();
        let mut fields = json::parse_tree(bytes).ok()?;
        index.yanked.clear();
        Some((index, OTHERS.map(|field| fields.swap_remove(field))))
    };
    let (theirs, ours) = (summaries_of(found), summaries_of(derived));
    let summary = |(version, summary): (&String, &Summary)| {
        let whole = Version::parse(version).is_ok_and(|version| rebuilt.contains_key(&version));
        whole || theirs.get(version).map(Summary::fields) == Some(summary.fields())
    };
    let fields = fields(found).is_some_and(|found| fields(derived) == Some(found));
    fields && theirs.keys().eq(ours.keys()) && ours.iter().all(summary)
}
