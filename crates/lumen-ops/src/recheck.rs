//! The signatures of locked releases once more, from the data on this machine.
//!
//! Nothing is fetched: the package indexes with their events, the files of log and map and
//! the checkpoints are those that earlier runs left in the cache, or are in a folder.
//! Missing data is reported as not checked.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    index::ReleaseSummary,
    lockfile::{LockedPackage, LockedSource, Lockfile},
};
use lumen_registry::{
    Location, ReadError, Registry,
    verify::{PinSource, Proof, TrustError},
};

use crate::{error::OpsError, session::Purpose, session::Session, session::Which};

/// The result for the signature of a locked release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It is not from a signed registry.
    None,
    /// An owner of the name signed the release that is locked, and it is in the log.
    Good {
        /// Its place in the log.
        index: u64,
        /// The signer.
        signer: String,
        /// How it is known that nothing of the package is left out, a revocation above all.
        proof: Proof,
    },
    /// This machine lacks the necessary data.
    Unchecked {
        /// What is missing.
        reason: String,
    },
    /// It is wrong.
    Bad(Box<TrustError>),
}

/// The data on this machine about a locked release.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The result for its signature.
    pub signature: Signature,
    /// The release as its registry has it; none where that is not on this machine.
    pub release: Option<ReleaseSummary>,
}

/// Checks the signature of each package of a lock that comes from a registry.
///
/// # Errors
/// When a registry's configuration is invalid.
pub fn run(
    session: &Session<'_>,
    lock: &Lockfile,
) -> Result<BTreeMap<PackageName, Checked>, OpsError> {
    let mut opened: BTreeMap<&str, Result<Option<Registry>, Signature>> = BTreeMap::new();
    let mut out = BTreeMap::new();
    for (name, package) in &lock.packages {
        let LockedSource::Registry(registry) = &package.source else {
            let (signature, release) = (Signature::None, None);
            out.insert(name.clone(), Checked { signature, release });
            continue;
        };
        let known = match opened.get(registry.as_str()) {
            Some(known) => known.clone(),
            None => {
                let known = open(session, lock, registry)?;
                opened.insert(registry, known.clone());
                known
            }
        };
        let checked = match known {
            Ok(None) => Checked {
                signature: Signature::None,
                release: unsigned(session, registry, name, package)?,
            },
            Ok(Some(registry)) => {
                let checked = session.block_on(async { Ok(one(&registry, name, package).await) });
                Checked {
                    signature: checked?.unwrap_or_else(|error| outcome(error, &registry)),
                    release: registry.summary_seen(name, &package.version),
                }
            }
            Err(signature) => Checked {
                signature,
                release: None,
            },
        };
        out.insert(name.clone(), checked);
    }
    Ok(out)
}

/// A release of an unsigned registry, if that still has the locked release: the registry may
/// change, and the lock counts.
fn unsigned(
    session: &Session<'_>,
    registry: &str,
    name: &PackageName,
    package: &LockedPackage,
) -> Result<Option<ReleaseSummary>, OpsError> {
    let Ok(registry) = session.open(
        Which::Named(registry),
        Purpose::ReadOffline { with_lock: false },
    ) else {
        return Ok(None);
    };
    let version = &package.version;
    let read = async {
        let index = registry.package_index(name).await.ok().flatten();
        let summary = index.and_then(|index| index.releases.get(version).cloned());
        Ok(match summary {
            Some(summary) => Some(summary),
            None => {
                let release = registry.release(name, version, None).await.ok().flatten();
                release.map(|(release, digest)| ReleaseSummary::of(release, digest))
            }
        })
    };
    let release = session.block_on(read)?;
    Ok(release.filter(|release| {
        let tar = release.artifacts.first().map(|tar| tar.hash);
        tar.is_some() && tar == package.checksum
    }))
}

/// A signed registry as far as this machine has it; nothing for an unsigned one.
fn open(
    session: &Session<'_>,
    lock: &Lockfile,
    name: &str,
) -> Result<Result<Option<Registry>, Signature>, OpsError> {
    let locked = lock.registries.get(name);
    let locked = locked.and_then(|registry| registry.trust.as_ref());
    let mut found = None;
    // How the log came from the lock's state to the one at hand may not be in the cache.
    for with_lock in [true, false] {
        let registry = match session.open(Which::Named(name), Purpose::ReadOffline { with_lock }) {
            Ok(registry) => registry,
            // A project can be verified where its registries are not configured.
            Err(error) if locked.is_some() => {
                let reason = error.to_string();
                return Ok(Err(Signature::Unchecked { reason }));
            }
            Err(_) => return Ok(Ok(None)),
        };
        if registry.is_remote() && matches!(registry.location(), Some(Location::Git(_))) {
            let reason = "a branch elsewhere is not kept in a cache".into();
            return Ok(match locked {
                Some(_) => Err(Signature::Unchecked { reason }),
                None => Ok(None),
            });
        }
        let trust = session.block_on(async { Ok(registry.trust().await) })?;
        let again = match &trust {
            Err(error) => is_missing(error, &registry),
            Ok(_) => false,
        };
        found = Some((registry, trust));
        if !again {
            break;
        }
    }
    let Some((registry, trust)) = found else {
        return Ok(Ok(None));
    };
    Ok(match trust {
        Ok(None) => match locked {
            Some(_) => Err(bad(TrustError::Downgraded {
                by: PinSource::Lock,
            })),
            None => Ok(None),
        },
        Ok(Some(info)) => match locked.filter(|locked| locked.root != info.fingerprint) {
            Some(locked) => Err(bad(TrustError::RootPin {
                expected: locked.root,
                found: info.fingerprint,
                by: PinSource::Lock,
            })),
            None => Ok(Some(registry)),
        },
        // The lock knows it as unsigned.
        Err(ReadError::Offline { .. } | ReadError::Storage(_)) if locked.is_none() => Ok(None),
        Err(error) => Err(outcome(error, &registry)),
    })
}

async fn one(
    registry: &Registry,
    name: &PackageName,
    package: &LockedPackage,
) -> Result<Signature, ReadError> {
    let version = &package.version;
    let history = registry.provenance(name).await?;
    let logged = history
        .as_ref()
        .and_then(|history| history.releases.get(version));
    let (Some(logged), Some(proof)) = (logged, registry.proof(name)) else {
        let what = format!("{name} {version}");
        // The index at hand may be older than the lock.
        return Ok(match registry.is_remote() {
            true => Signature::Unchecked {
                reason: "the cached index does not have the release yet".into(),
            },
            false => bad(TrustError::Unlogged { what }),
        });
    };
    if let Some(void) = TrustError::void(name, version, logged) {
        return Ok(bad(void));
    }
    let other = |actual| TrustError::Metadata {
        file: format!("lumen.lock: {name} {version}"),
        expected: logged.metadata,
        actual,
    };
    if let Some(locked) = package.metadata.filter(|locked| *locked != logged.metadata) {
        return Ok(bad(other(locked)));
    }
    // The lock's checksum is the one of the release that was signed.
    let Some(summary) = registry.summary_seen(name, version) else {
        return Ok(Signature::Unchecked {
            reason: "the signature is not cached".into(),
        });
    };
    let signed = summary.artifacts.first().map(|artifact| artifact.hash);
    match (signed, package.checksum) {
        (signed, Some(checksum)) if signed != Some(checksum) => Ok(bad(other(checksum))),
        _ => Ok(Signature::Good {
            index: logged.index,
            signer: format!("{} {}", logged.signer.fingerprint(), logged.signer.name()),
            proof,
        }),
    }
}

/// Whether an error only says that this machine lacks something, or has it of an earlier state.
pub(crate) fn is_missing(error: &ReadError, registry: &Registry) -> bool {
    match error {
        ReadError::Offline { .. } | ReadError::Storage(_) => true,
        ReadError::Trust(TrustError::Rollback { .. }) => registry.is_remote(),
        _ => false,
    }
}

fn outcome(error: ReadError, registry: &Registry) -> Signature {
    match error {
        ReadError::Trust(TrustError::Rollback { .. }) if registry.is_remote() => {
            Signature::Unchecked {
                reason: "the cached log is older than one that was seen".into(),
            }
        }
        ReadError::Trust(error) => bad(error),
        error => Signature::Unchecked {
            reason: error.to_string(),
        },
    }
}

fn bad(error: TrustError) -> Signature {
    Signature::Bad(Box::new(error))
}
