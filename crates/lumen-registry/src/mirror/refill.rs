//! What a signed registry lost and a mirror has: releases, artifacts and file lists.
//!
//! The registry's own log says what each file must be. So the mirror is not believed in anything:
//! a file that is not the one in the log is refused.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{Digest, Key, PackageName, Version, index::MAX_RELEASE_BYTES};

use super::{
    CONCURRENCY, Faults, Job, MirrorError, MirrorOptions, Target, noted::Noted, transfer::Transfers,
};
use crate::{
    derived::whole::Whole,
    logread::{no_head, read_checkpoint},
    progress::{Progress, Watch, advance},
    reader::{ReadError, Registry},
    source::check,
    storage::Storage,
    verify::package::refusal,
};

/// What a registry got back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refilled {
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What the mirror lacks, too, and what else is wrong in it.
    pub faults: Option<Faults>,
}

/// Brings back releases and artifacts that a signed registry lost or that were damaged, and lost
/// file lists, each checked against its log. Artifacts of yanked and revoked releases may have been
/// removed on purpose: they stay away.
///
/// # Errors
/// When the log cannot be read, or the mirror has a file that is not the one in the log.
pub async fn refill(
    mirror: &Registry,
    registry: &Storage,
    watch: Watch<'_>,
) -> Result<Refilled, MirrorError> {
    registry.check_writable()?;
    mirror.storage().allow_mirroring();
    registry
        .together("Bring back lost files", async |storage: &Storage| {
            fill(mirror, storage, watch).await
        })
        .await
}

async fn fill(
    mirror: &Registry,
    storage: &Storage,
    watch: Watch<'_>,
) -> Result<Refilled, MirrorError> {
    let Some((checkpoint, _)) = read_checkpoint(storage).await? else {
        return Err(no_head(storage).await?.into());
    };
    let whole = Whole::load(storage, &checkpoint, None).await?;
    let options = MirrorOptions {
        full: true,
        ..MirrorOptions::default()
    };
    let job = Job {
        source: mirror,
        target: Target::new(storage),
        options: &options,
        watch,
        verb: "Comparing",
        transfers: Transfers::new(),
        noted: Noted::default(),
    };
    job.target.expect_many();
    let releases = whole
        .published
        .iter()
        .filter(|((name, _), _)| whole.has_package(name));
    let releases: Vec<_> = releases.collect();
    watch(Progress::Started {
        verb: job.verb,
        steps: releases.len() as u64,
    });
    let done: Result<Vec<()>, MirrorError> = stream::iter(releases)
        .map(async |((name, version), digest)| {
            let may_be_gone = may_be_gone(&whole, name, version)?;
            job.release_back(name, version, *digest, may_be_gone)
                .await?;
            advance(watch, name);
            Ok(())
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await;
    watch(Progress::Finished);
    done?;
    let (files, bytes) = job.target.written();
    Ok(Refilled {
        files,
        bytes,
        faults: job.noted.faults(),
    })
}

/// Whether operators may have removed the artifacts of a release.
fn may_be_gone(
    whole: &Whole<'_>,
    name: &PackageName,
    version: &Version,
) -> Result<bool, MirrorError> {
    let history = whole.log.history(name);
    let history = history.map_err(|error| refusal(name.as_str(), error))?;
    let is_revoked = |version| {
        let release = history.releases.get(version);
        release.is_none_or(|release| release.revoked)
    };
    Ok(history.yanked.contains_key(version) || is_revoked(version))
}

impl Job<'_> {
    /// Brings back the files of a release whose own file has this digest.
    async fn release_back(
        &self,
        name: &PackageName,
        version: &Version,
        digest: Digest,
        may_be_gone: bool,
    ) -> Result<(), MirrorError> {
        let key = Key::release(name, version);
        let found = self.target.get(&key, MAX_RELEASE_BYTES).await?;
        let is_damaged = found
            .as_ref()
            .is_some_and(|bytes| Digest::of(bytes) != digest);
        let (bytes, release) = match found.filter(|_| !is_damaged) {
            Some(bytes) => {
                let release = check::release(&self.target.describe(&key), &bytes, name, version)?;
                (bytes, release)
            }
            None => match self.release(name, version, digest).await? {
                Some(found) => found,
                None => {
                    let file = self.file(&key);
                    return self.noted.artifact(ReadError::Missing { file }.into());
                }
            },
        };
        if is_damaged {
            self.target.replace_release(&key, &bytes).await?;
        }
        if may_be_gone {
            return self.target.create(&key, bytes).await;
        }
        self.copy_release(&release, bytes, false).await
    }
}
