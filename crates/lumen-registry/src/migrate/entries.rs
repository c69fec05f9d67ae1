//! The entries that a log lacks of packages.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName,
    trust::{Action, OwnersNote, PackageHistory, Publisher, Statement, Subject},
};

use super::{MigrateOptions, Package};
use crate::{log::sign_as, publish::publisher, signer::Signer, write::PublishError};

/// All entries that packages lack: claims, then releases by their time, then other
/// statements about them. `history`: the events that the log has about a package.
pub(super) fn all<'h>(
    packages: &[Package],
    history: impl Fn(&PackageName) -> Option<&'h PackageHistory>,
    options: &MigrateOptions<'_>,
) -> Result<Vec<String>, PublishError> {
    let mut claims = Vec::new();
    let mut claimed: BTreeMap<Subject, OwnersNote> = BTreeMap::new();
    let mut releases: Vec<(String, String)> = Vec::new();
    let mut others = Vec::new();
    for package in packages {
        let history = history(&package.name);
        let missing = missing(package, history);
        if missing.releases.is_empty() && missing.others.is_empty() {
            continue;
        }
        let subject = Subject::owner_of(&package.name);
        let current = history.and_then(|history| history.owners.current());
        let owners = match (current, claimed.get(&subject)) {
            (Some(owners), _) | (None, Some(owners)) => owners.clone(),
            (None, None) => {
                let (owners, note) = claim(&subject, options)?;
                claims.push(note);
                claimed.insert(subject, owners.clone());
                owners
            }
        };
        for (time, action) in missing.releases {
            let note = statement(package, &owners, action, &time, options)?;
            releases.push((time, note));
        }
        for action in missing.others {
            others.push(statement(package, &owners, action, &options.now, options)?);
        }
    }
    releases.sort_by(|a, b| a.0.cmp(&b.0));
    let releases = releases.into_iter().map(|(_, note)| note);
    Ok(claims.into_iter().chain(releases).chain(others).collect())
}

/// Checks that the signer may make the statements about a package that the log lacks.
pub(super) fn may_sign(
    package: &Package,
    history: Option<&PackageHistory>,
    signer: &dyn Signer,
    now: &str,
) -> Result<(), PublishError> {
    let missing = missing(package, history);
    let owners = history.and_then(|history| history.owners.current());
    match owners {
        Some(owners) if !(missing.releases.is_empty() && missing.others.is_empty()) => {
            publisher(&package.name, owners, signer, now).map(drop)
        }
        _ => Ok(()),
    }
}

/// The entries about a package that a log lacks.
#[derive(Default)]
struct Missing {
    /// With the times they were published, or none.
    releases: Vec<(String, Action)>,
    others: Vec<Action>,
}

fn missing(package: &Package, history: Option<&PackageHistory>) -> Missing {
    let history = history.filter(|history| !history.releases.is_empty());
    let mut missing = Missing::default();
    for release in &package.releases {
        let logged = history.is_some_and(|h| h.releases.contains_key(&release.version));
        if !logged {
            let action = Action::Publish {
                version: release.version.clone(),
                metadata: release.metadata,
                size: release.size,
            };
            missing.releases.push((release.time.clone(), action));
        }
        // Statements since the registry is signed count.
        if let Some(reason) = release.yanked.as_ref().filter(|_| !logged) {
            missing.others.push(Action::Yank {
                version: release.version.clone(),
                reason: reason.clone(),
            });
        }
    }
    if let Some((reason, replacement)) = package.deprecated.as_ref().filter(|_| history.is_none()) {
        missing.others.push(Action::Deprecate {
            replacement: replacement.clone(),
            reason: reason.clone(),
        });
    }
    missing
}

/// The note that gives a name to the operator who migrates, and to its assigned owners.
fn claim(
    subject: &Subject,
    options: &MigrateOptions<'_>,
) -> Result<(OwnersNote, String), PublishError> {
    let key = options.signer.public();
    let mut note = OwnersNote::claim(&options.origin, subject.clone(), key, &options.now);
    let assigned = options.assignments.owners.get(subject);
    for owner in assigned.into_iter().flatten().filter(|owner| *owner != key) {
        note.admins.push(owner.clone());
        note.publishers.push(Publisher::always(owner.clone()));
    }
    for (name, keys) in &options.assignments.publishers {
        if Subject::owner_of(name) == *subject {
            note.publishers.extend(keys.iter().map(|key| Publisher {
                key: key.clone(),
                only: Some(name.clone()),
                until: None,
            }));
        }
    }
    let text = sign_as(&note.to_text(), key, options.signer)?;
    Ok((note, text))
}

fn statement(
    package: &Package,
    owners: &OwnersNote,
    action: Action,
    time: &str,
    options: &MigrateOptions<'_>,
) -> Result<String, PublishError> {
    let name = &package.name;
    let key = publisher(name, owners, options.signer, &options.now)?;
    let statement = Statement {
        origin: owners.origin.clone(),
        package: name.clone(),
        action,
        owners: owners.seq,
        time: match time.is_empty() {
            true => options.now.clone(),
            false => time.to_owned(),
        },
    };
    sign_as(&statement.to_text(), key, options.signer)
}
