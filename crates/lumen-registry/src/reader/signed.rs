//! Reads for the checks of signed registries, and the results of those checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use lumen_core::{
    Digest, Key, PackageName, Version,
    checkpoint::Checkpoint,
    index::{Difference, MAX_RELEASE_BYTES, Release, ReleaseSummary},
    lockfile::LockedTrust,
    trust::{LoggedRelease, NoteRef, OwnersHistory, PackageHistory, RootHistory, Subject},
};
use tokio::sync::OnceCell;

use super::{ReadError, Registry};
use crate::{
    storage::StorageError,
    verify::{
        Proof, Proven, Since, TrustError, TrustInfo,
        known::{Override, Standing},
        view::View,
    },
};

/// The verified view of a registry, made once: `None` for an unsigned one.
pub(super) type Found = Arc<OnceCell<Result<Option<Arc<View>>, TrustError>>>;

impl Registry {
    /// Checks root, checkpoint and log, once; `None` for an unsigned registry where that is allowed.
    ///
    /// # Errors
    /// When they cannot be read, or are not in order.
    pub async fn trust(&self) -> Result<Option<TrustInfo>, ReadError> {
        let view = self.view().await?;
        Ok(view.map(|view| view.info()))
    }

    /// The state of a signed registry for the lock; `None` for an unsigned one, or one that was not read.
    pub fn trusted(&self) -> Option<LockedTrust> {
        let info = self.seen()?.info();
        Some(LockedTrust {
            root: info.fingerprint,
            checkpoint: info.checkpoint,
            root_note: Some(info.root_note),
        })
    }

    /// The keys that released, yanked and owned a package, and the times; `None` when the
    /// registry is unsigned or has no such package.
    ///
    /// # Errors
    /// As [`Registry::package_index`].
    pub async fn provenance(
        &self,
        name: &PackageName,
    ) -> Result<Option<Arc<PackageHistory>>, ReadError> {
        let Some(view) = self.view().await? else {
            return Ok(None);
        };
        if let Some(history) = view.history(name) {
            return Ok(Some(history));
        }
        let package = view.package(name).await?;
        Ok(package.map(|package| Arc::clone(&package.history)))
    }

    /// The history of a package that was verified in this process.
    pub fn history_seen(&self, name: &PackageName) -> Option<Arc<PackageHistory>> {
        self.seen()?.history(name)
    }

    /// Proves that releases are in the log, each by an owner of its name with a key that
    /// was not revoked; `None` for an unsigned registry. Does not read again what this
    /// process has read.
    ///
    /// # Errors
    /// [`TrustError::Unlogged`], [`TrustError::RevokedKey`] and [`TrustError::Late`] for a
    /// release that is not,
    /// and when log, map or notes are invalid or cannot be read.
    pub async fn prove(
        &self,
        wanted: &BTreeMap<PackageName, Version>,
    ) -> Result<Option<BTreeMap<PackageName, Proven>>, ReadError> {
        match self.view().await? {
            Some(view) => Ok(Some(view.prove(wanted).await?)),
            None => Ok(None),
        }
    }

    /// `<version>.json` of a release that was proven.
    ///
    /// # Errors
    /// When it cannot be read, or differs from the owner's statement.
    pub async fn proven_release(
        &self,
        name: &PackageName,
        version: &Version,
        logged: &LoggedRelease,
    ) -> Result<Release, ReadError> {
        let found = self.release_file((name, version), logged).await?;
        let file = || self.storage().describe(&Key::release(name, version));
        let missing = || ReadError::Missing { file: file() };
        Ok(found.ok_or_else(missing)?.0)
    }

    /// The entries about locked releases since the lock's checkpoint, if that takes few
    /// requests; nothing for an unsigned registry.
    ///
    /// # Errors
    /// When the log is not in order, or does not continue the one of the lock.
    pub async fn since(
        &self,
        checkpoint: &str,
        locked: &BTreeMap<PackageName, Version>,
    ) -> Result<Since, ReadError> {
        let Some(view) = self.view().await? else {
            return Ok(Since::default());
        };
        view.since(&locked_checkpoint(checkpoint)?, locked).await
    }

    /// Checks that the histories shown have the notes and statements that [`Registry::since`]
    /// read, as far as they may matter to locked packages. Reads these histories, if there are any.
    ///
    /// # Errors
    /// When one is missing; and as [`Registry::package_index`].
    pub async fn confirm_shown(&self, since: &Since) -> Result<(), ReadError> {
        match self.view().await? {
            Some(view) => view.confirm_read(since).await,
            None => Ok(()),
        }
    }

    /// Checks that the packages that were read have all entries of the log since the lock's
    /// checkpoint, if that takes few requests.
    ///
    /// # Errors
    /// As [`Registry::since`].
    pub async fn confirm_since(
        &self,
        checkpoint: &str,
        packages: &BTreeSet<PackageName>,
    ) -> Result<(), ReadError> {
        let Some(view) = self.view().await? else {
            return Ok(());
        };
        view.confirm_since(&locked_checkpoint(checkpoint)?, packages)
            .await
    }

    /// The owners of a name or scope so far, without comparing them with owners that the
    /// user relied on; `None` for an unsigned registry.
    ///
    /// # Errors
    /// As [`Registry::package_index`].
    pub async fn owners(&self, subject: &Subject) -> Result<Option<OwnersHistory>, ReadError> {
        match self.view().await? {
            Some(view) => Ok(Some(view.owners(subject).await?)),
            None => Ok(None),
        }
    }

    /// All root notes so far; `None` for an unsigned registry.
    ///
    /// # Errors
    /// When they cannot be read, or are not in order.
    pub async fn roots(&self) -> Result<Option<RootHistory>, ReadError> {
        match self.view().await? {
            Some(view) => Ok(Some(view.roots().await?)),
            None => Ok(None),
        }
    }

    /// The newest ownership note of a package that was read; nothing for an unsigned one.
    pub fn owners_seen(&self, name: &PackageName) -> Option<NoteRef> {
        self.seen()?.seen(name)?.history.owners.newest()
    }

    /// The proof that the events read about a package are all that the log has.
    pub fn proof(&self, name: &PackageName) -> Option<Proof> {
        Some(self.seen()?.seen(name)?.proof)
    }

    /// A release of a package that was read, if the index alone says all of it.
    pub fn summary_seen(&self, name: &PackageName, version: &Version) -> Option<ReleaseSummary> {
        let package = self.seen()?.seen(name)?;
        package.index.releases.get(version).cloned()
    }

    /// How the registry replaced the owners of a package that was read, if neither this
    /// machine nor the lock knew the package before.
    pub fn first_seen_override(&self, name: &PackageName) -> Option<Override> {
        match &self.seen()?.seen(name)?.standing {
            Standing::FirstSeen(by) => Some(by.clone()),
            Standing::Continued | Standing::Replaced(_) => None,
        }
    }

    /// The verified view, if anything was asked.
    pub(super) fn seen(&self) -> Option<Arc<View>> {
        self.found().get()?.as_ref().ok()?.clone()
    }

    /// The verified view; concurrent callers share the work.
    pub(super) async fn view(&self) -> Result<Option<Arc<View>>, ReadError> {
        let found = self.found();
        let establish = || async {
            match View::establish(self.source(), &self.inner.trust).await {
                Ok(view) => Ok(Ok(view.map(Arc::new))),
                // It will not get better in this process.
                Err(ReadError::Trust(error)) => Ok(Err(error)),
                Err(error) => Err(error),
            }
        };
        match found.get_or_try_init(establish).await? {
            Ok(view) => Ok(view.clone()),
            Err(error) => Err(error.clone().into()),
        }
    }

    fn found(&self) -> Found {
        let found = self.inner.view.lock();
        Arc::clone(&found.unwrap_or_else(PoisonError::into_inner))
    }

    /// A release of a signed registry, as it was signed.
    pub(super) async fn signed_release(
        &self,
        view: &View,
        (name, version): (&PackageName, &Version),
        expected: Option<Digest>,
    ) -> Result<Option<(Release, Digest, u64)>, ReadError> {
        let Some(package) = view.package(name).await? else {
            return Ok(None);
        };
        package.accepted(self.source())?;
        let Some(logged) = package.history.releases.get(version) else {
            return Ok(None);
        };
        if let Some(void) = TrustError::void(name, version, logged) {
            return Err(void.into());
        }
        if let Some(actual) = expected.filter(|digest| *digest != logged.metadata) {
            return Err(TrustError::Metadata {
                file: self.storage().describe(&Key::release(name, version)),
                expected: logged.metadata,
                actual,
            }
            .into());
        }
        self.release_file((name, version), logged).await
    }

    /// The file of a release, with the size and digest that were signed.
    async fn release_file(
        &self,
        (name, version): (&PackageName, &Version),
        logged: &LoggedRelease,
    ) -> Result<Option<(Release, Digest, u64)>, ReadError> {
        let key = Key::release(name, version);
        let file = || self.storage().describe(&key);
        // Its size was signed, too, so no client needs to read more.
        let limit = MAX_RELEASE_BYTES.min(logged.size);
        let read = self.release_within((name, version), limit, Some(logged.metadata));
        read.await.map_err(|error| match error {
            ReadError::Hash { actual, .. } => TrustError::Metadata {
                file: file(),
                expected: logged.metadata,
                actual,
            }
            .into(),
            ReadError::Storage(StorageError::TooLarge { .. }) => ReadError::Changed {
                file: file(),
                difference: Difference::Larger { expected: limit },
            },
            error => error,
        })
    }
}

fn locked_checkpoint(note: &str) -> Result<Checkpoint, TrustError> {
    Checkpoint::of_note(note.as_bytes()).map_err(|error| TrustError::Checkpoint {
        reason: format!("the one that is locked: {error}"),
    })
}
