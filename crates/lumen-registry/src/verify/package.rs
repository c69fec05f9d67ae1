//! One package: all its events, what they mean, and the index made of that.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join;
use lumen_core::{
    Key, PackageName, Version,
    index::{MAX_PACKAGE_INDEX_BYTES, PackageIndex, ReleaseSummary, Summaries, logged_releases},
    limits::MAX_SUMMARIZED_BYTES,
    trust::{Event, HistoryError, PackageHistory, Subject, chain},
    version,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    TrustError,
    known::Standing,
    map::{Head, Proof},
    view::{View, up_to},
};
use crate::{
    Freshness,
    location::Location,
    log::state::index_key,
    reader::{ReadError, Registry},
};

/// What a file of the host says, none of it believed yet.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Listed {
    /// The events of a name.
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    /// Of a package: the fields of its releases' files.
    #[serde(default)]
    releases: Summaries,
    /// Of a package: its versions.
    #[serde(default)]
    versions: Vec<Value>,
}

/// A package whose history holds.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) index: Arc<PackageIndex>,
    pub(crate) history: Arc<PackageHistory>,
    pub(crate) standing: Standing,
    pub(crate) proof: Proof,
}

/// All events that the log has of a name.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) events: Vec<Event>,
    proof: Proof,
}

impl Default for Complete {
    /// Nothing: of a name that the log does not have.
    fn default() -> Self {
        Self {
            events: Vec::new(),
            proof: Proof::Map,
        }
    }
}

impl Package {
    /// Reads a package; `None` when the log has nothing of it.
    pub(super) async fn load(
        view: &View,
        registry: &Registry,
        name: &PackageName,
    ) -> Result<Option<Self>, ReadError> {
        let subject = Subject::Package(name.clone());
        let (head, listed) = look_up(view, registry, &subject).await?;
        let listed = listed?;
        let Some(head) = head else {
            return match listed {
                Some(listed) if claims(&listed, view.size()) => {
                    let what = name.to_string();
                    Err(TrustError::Unlogged { what }.into())
                }
                _ => Ok(None),
            };
        };
        let complete = complete(registry, &subject, head, listed).await;
        let (listed, complete) = match complete {
            Err(ReadError::Trust(error @ TrustError::ForgedAbsence { .. })) => {
                let left_out = registry.left_out(name).await;
                return Err(left_out.unwrap_or(error.into()));
            }
            complete => complete?,
        };
        let scope = match name.scope() {
            Some(scope) => view.scope(registry, scope).await?,
            None => Arc::default(),
        };
        let roots = &view.names(registry).await?.roots;
        let history = PackageHistory::verify(roots, name, &scope.events, &complete.events);
        let history = history.map_err(|error| refusal(name.as_str(), error))?;
        let index = index(&history, &listed)?;
        let standing = judge(view, registry, &history)?;
        Ok(Some(Self {
            index: Arc::new(index),
            history: Arc::new(history),
            standing,
            proof: complete.proof.min(scope.proof),
        }))
    }

    /// Fails when owners that somebody relied on were replaced.
    pub(crate) fn accepted(&self, registry: &Registry) -> Result<(), TrustError> {
        let Standing::Replaced(by) = &self.standing else {
            return Ok(());
        };
        let url = registry.location().map(Location::url);
        Err(TrustError::Overridden {
            registry: url.unwrap_or_else(|| registry.name().to_owned()),
            by: Box::new(by.clone()),
        })
    }
}

/// What the owners of a package are to those who relied on earlier ones.
pub(super) fn judge(
    view: &View,
    registry: &Registry,
    history: &PackageHistory,
) -> Result<Standing, ReadError> {
    Ok(view.judge(registry, &history.owners)?)
}

/// The events of a scope, all that the log has; empty for a scope nobody claimed.
pub(super) async fn scope_events(
    view: &View,
    registry: &Registry,
    scope: &str,
) -> Result<Complete, ReadError> {
    let subject = Subject::Scope(scope.to_owned());
    let (head, listed) = look_up(view, registry, &subject).await?;
    match head {
        Some(head) => Ok(complete(registry, &subject, head, listed?).await?.1),
        None => Ok(Complete::default()),
    }
}

/// What the map has of a name, and the file that has its events.
///
/// When the log has nothing that it did not have when the file in the cache was proved to
/// be complete, nobody needs to be asked for the file.
async fn look_up(
    view: &View,
    registry: &Registry,
    subject: &Subject,
) -> Result<(Option<Head>, Result<Option<Listed>, ReadError>), ReadError> {
    let name = subject.to_string();
    let head = view.head(registry, &name);
    let Some(proved) = registry.proved(&name) else {
        let (head, listed) = join(head, read(registry, subject, None)).await;
        return Ok((head?, listed));
    };
    let head = head.await?;
    if head.is_some_and(|head| head.chain == proved.chain) {
        registry.vouch_for(&index_key(subject));
    }
    Ok((head, read(registry, subject, None).await))
}

/// The file that has the events of a name.
async fn read(
    registry: &Registry,
    subject: &Subject,
    mark: Option<&str>,
) -> Result<Option<Listed>, ReadError> {
    match subject {
        Subject::Package(name) => registry.listed(name, mark).await,
        Subject::Root => {
            let key = Key::root_index();
            registry.events(&key, MAX_PACKAGE_INDEX_BYTES, mark).await
        }
        Subject::Scope(scope) => {
            let key = Key::owners_index(scope);
            registry.events(&key, MAX_PACKAGE_INDEX_BYTES, mark).await
        }
    }
}

/// The events that make the chain the map has; the file is read anew once if they do not.
async fn complete(
    registry: &Registry,
    subject: &Subject,
    head: Head,
    mut listed: Option<Listed>,
) -> Result<(Listed, Complete), ReadError> {
    let mark = head.chain.hex();
    for last in [false, true] {
        if let Some(found) = listed.take() {
            let events = up_to(&found.events, head.size).to_vec();
            if chain(&events) == head.chain {
                registry.remember_proved(&subject.to_string(), head);
                let proof = head.proof;
                return Ok((found, Complete { events, proof }));
            }
            // Without the network a file may be as old as it is, but not other than it was.
            let earlier = registry.proved(&subject.to_string());
            if let Some(earlier) = earlier.filter(|_| registry.freshness() == Freshness::Offline) {
                let events = up_to(&found.events, earlier.size).to_vec();
                if chain(&events) == earlier.chain {
                    let proof = earlier.proof;
                    return Ok((found, Complete { events, proof }));
                }
            }
            if last {
                let name = subject.to_string();
                return Err(TrustError::Withheld { name }.into());
            }
        }
        if !last {
            listed = read(registry, subject, Some(&mark[..16])).await?;
        }
    }
    let name = subject.to_string();
    Err(TrustError::ForgedAbsence { name }.into())
}

/// Whether an index says anything the log must have by now. An index may be ahead of the
/// checkpoint: of a package whose events are all later nothing is said yet.
fn claims(listed: &Listed, size: u64) -> bool {
    let logged = !up_to(&listed.events, size).is_empty();
    logged || (listed.events.is_empty() && !listed.versions.is_empty())
}

/// The index a client sees: made of the log; of the host's file only what was signed.
fn index(history: &PackageHistory, listed: &Listed) -> Result<PackageIndex, TrustError> {
    let valid = history
        .releases
        .iter()
        .filter(|(_, release)| !release.revoked);
    let versions: Vec<Version> = valid.map(|(version, _)| version.clone()).collect();
    let latest = version::latest(&versions, |version| history.yanked.contains_key(version));
    let yanked: BTreeMap<&Version, &str> = history
        .yanked
        .iter()
        .map(|(version, yanked)| (version, yanked.reason.as_str()))
        .collect();
    let deprecated = history.deprecated.as_ref().map(|deprecated| {
        let mut fields = Map::new();
        fields.insert("reason".into(), json!(deprecated.reason));
        if let Some(replacement) = &deprecated.replacement {
            fields.insert("replacement".into(), json!(replacement));
        }
        fields.insert("at".into(), json!(deprecated.time));
        fields
    });
    let mut good = logged_releases(history, &listed.releases, MAX_SUMMARIZED_BYTES);
    good.retain(|version, _| versions.binary_search(version).is_ok());
    let newest = good.values().next_back();
    let mut fields = json!({
        "name": history.name, "versions": versions, "latest": latest, "yanked": yanked,
    });
    if let Some(newest) = newest {
        fields["description"] = json!(newest.description);
        fields["categories"] = json!(newest.categories);
    }
    if let Some(deprecated) = deprecated {
        fields["deprecated"] = Value::Object(deprecated);
    }
    let index: Result<PackageIndex, _> = serde_json::from_value(fields);
    let mut index = index.map_err(|error| TrustError::History {
        name: history.name.to_string(),
        reason: error.to_string(),
    })?;
    index.bytes = (listed.events.iter())
        .map(|event| event.note.len() as u64)
        .sum();
    for (version, release) in good {
        if let Some(logged) = history.releases.get(&version) {
            index.bytes += logged.size;
            let summary = ReleaseSummary::of(release, logged.metadata);
            index.releases.insert(version, summary);
        }
    }
    Ok(index)
}

/// A history that does not hold, as the attack it is.
pub(crate) fn refusal(name: &str, error: HistoryError) -> TrustError {
    let (name, reason) = (name.to_owned(), error.to_string());
    match error {
        HistoryError::WrongOwner { .. }
        | HistoryError::Unowned { .. }
        | HistoryError::Superseded { .. }
        | HistoryError::Threshold { .. } => TrustError::WrongOwner { name, reason },
        HistoryError::Origin { .. } => TrustError::Replay { name, reason },
        _ => TrustError::History { name, reason },
    }
}
