//! Reading packages and scopes: all events that the log has about them, and their meaning.

use std::sync::{Arc, PoisonError};

use futures::future::join;
use lumen_core::{
    Key, PackageName,
    index::MAX_PACKAGE_INDEX_BYTES,
    trust::{OwnersHistory, PackageHistory, Subject, chain, up_to},
};

use super::{
    TrustError,
    map::{Head, Proof},
    package::{Complete, Package, index, refusal},
    view::View,
};
use crate::source::{Freshness, Listed, ReadError, Source};

impl View {
    /// A package as the log has it; concurrent callers share the work.
    pub(crate) async fn package(
        &self,
        name: &PackageName,
    ) -> Result<Option<Arc<Package>>, ReadError> {
        let cell = {
            let packages = self.packages.lock();
            let mut packages = packages.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(packages.entry(name.clone()).or_default())
        };
        let load = || async {
            let package = self.load(name).await?;
            Ok::<_, ReadError>(package.map(Arc::new))
        };
        let package = cell.get_or_try_init(load).await.cloned();
        self.judged(package)
    }

    /// The same, not kept.
    pub(crate) async fn package_once(
        &self,
        name: &PackageName,
    ) -> Result<Option<Package>, ReadError> {
        let package = self.load(name).await;
        self.judged(package)
    }

    /// The owners of a name or scope, proved to be complete; no owners if the log has none.
    pub(crate) async fn owners(&self, subject: &Subject) -> Result<OwnersHistory, ReadError> {
        let nobody = || OwnersHistory::unclaimed(subject.clone());
        match subject {
            Subject::Package(name) => {
                let package = self.package(name).await?;
                Ok(package.map_or_else(nobody, |package| package.history.owners.clone()))
            }
            Subject::Scope(scope) => {
                let events = &self.scope(scope).await?.events;
                let roots = &self.names().await?.roots;
                let owners = OwnersHistory::verify(roots, subject.clone(), events);
                let owners = owners.map_err(|error| refusal(scope, error).into());
                let judged = owners.and_then(|owners| {
                    self.judge(&owners)?;
                    Ok(owners)
                });
                self.judged(judged)
            }
            Subject::Root => Ok(nobody()),
        }
    }

    /// The ownership notes of a scope, checked to be all; concurrent callers share the work.
    pub(super) async fn scope(&self, scope: &str) -> Result<Arc<Complete>, ReadError> {
        let cell = {
            let scopes = self.scopes.lock();
            let mut scopes = scopes.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(scopes.entry(scope.to_owned()).or_default())
        };
        let load = || async {
            let events = self.scope_events(scope).await?;
            Ok::<_, ReadError>(Arc::new(events))
        };
        cell.get_or_try_init(load).await.cloned()
    }

    /// Reads a package; `None` when the log has nothing of it.
    async fn load(&self, name: &PackageName) -> Result<Option<Package>, ReadError> {
        let subject = Subject::Package(name.clone());
        let (head, listed) = look_up(self, &subject).await?;
        let listed = listed?;
        let Some(head) = head else {
            return match listed {
                Some(listed) if claims(&listed, self.size()) => {
                    let what = name.to_string();
                    Err(TrustError::Unlogged { what }.into())
                }
                _ => Ok(None),
            };
        };
        let complete = complete(&self.source, &subject, head, listed).await;
        let (listed, complete) = match complete {
            Err(ReadError::Trust(error @ TrustError::ForgedAbsence { .. })) => {
                let left_out = self.source.left_out(name).await;
                return Err(left_out.unwrap_or(error.into()));
            }
            complete => complete?,
        };
        let scope = match name.scope() {
            Some(scope) => self.scope(scope).await?,
            None => Arc::default(),
        };
        let roots = &self.names().await?.roots;
        let history = PackageHistory::verify(roots, name, &scope.events, &complete.events);
        let mut history = history.map_err(|error| refusal(name.as_str(), error))?;
        self.judge_ends(&mut history).await?;
        let index = index(&history, &listed)?;
        let standing = self.judge(&history.owners)?;
        Ok(Some(Package {
            index: Arc::new(index),
            history: Arc::new(history),
            standing,
            proof: complete.proof.min(scope.proof),
        }))
    }

    /// All events of a scope in the log; empty for a scope without a claim.
    async fn scope_events(&self, scope: &str) -> Result<Complete, ReadError> {
        let subject = Subject::Scope(scope.to_owned());
        let (head, listed) = look_up(self, &subject).await?;
        match head {
            Some(head) => Ok(complete(&self.source, &subject, head, listed?).await?.1),
            None => Ok(Complete::default()),
        }
    }
}

/// The entry of a name in the map, and the file with its events.
///
/// If the chain head is unchanged since the cached file was proved to be complete, the
/// client need not ask the host for the file.
async fn look_up(
    view: &View,
    subject: &Subject,
) -> Result<(Option<Head>, Result<Option<Listed>, ReadError>), ReadError> {
    let name = subject.to_string();
    let head = view.head(&name);
    let Some(proved) = view.source.proved(&name) else {
        let (head, listed) = join(head, read(&view.source, subject, None)).await;
        return Ok((head?, listed));
    };
    let head = head.await?;
    if head.is_some_and(|head| head.chain == proved.1) {
        view.source.vouch_for(&Key::events_of(subject));
    }
    Ok((head, read(&view.source, subject, None).await))
}

/// The file that has the events of a name.
async fn read(
    source: &Source,
    subject: &Subject,
    buster: Option<&str>,
) -> Result<Option<Listed>, ReadError> {
    match subject {
        Subject::Package(name) => source.listed(name, buster).await,
        Subject::Root => {
            let key = Key::root_index();
            source.events(&key, MAX_PACKAGE_INDEX_BYTES, buster).await
        }
        Subject::Scope(scope) => {
            let key = Key::owners_index(scope);
            source.events(&key, MAX_PACKAGE_INDEX_BYTES, buster).await
        }
    }
}

/// The events that make the chain value in the map; the file is read again once if they do not.
async fn complete(
    source: &Source,
    subject: &Subject,
    head: Head,
    mut listed: Option<Listed>,
) -> Result<(Listed, Complete), ReadError> {
    let buster = head.chain.hex();
    for last in [false, true] {
        if let Some(found) = listed.take() {
            let events = up_to(&found.events, head.size).to_vec();
            if chain(&events) == head.chain {
                source.remember_proved(&subject.to_string(), (head.size, head.chain));
                let proof = head.proof;
                return Ok((found, Complete { events, proof }));
            }
            // Without the network a file may be as old as it is, but not other than it was.
            let earlier = source.proved(&subject.to_string());
            if let Some((size, head)) = earlier.filter(|_| source.freshness() == Freshness::Offline)
            {
                let events = up_to(&found.events, size).to_vec();
                if chain(&events) == head {
                    let proof = Proof::Remembered;
                    return Ok((found, Complete { events, proof }));
                }
            }
            if last {
                let name = subject.to_string();
                return Err(TrustError::Withheld { name }.into());
            }
        }
        if !last {
            listed = read(source, subject, Some(&buster[..16])).await?;
        }
    }
    let name = subject.to_string();
    Err(TrustError::ForgedAbsence { name }.into())
}

/// Whether an index has events that the log must have by now. An index may be ahead of the
/// checkpoint: a package whose events are all later does not count yet.
fn claims(listed: &Listed, size: u64) -> bool {
    let logged = !up_to(&listed.events, size).is_empty();
    logged || (listed.events.is_empty() && listed.has_versions)
}
