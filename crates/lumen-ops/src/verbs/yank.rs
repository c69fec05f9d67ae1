//! `lumen pkg yank` and `unyank`.

use lumen_core::{PackageName, Version, problem::Problem, trust::Action};
use lumen_registry::{
    Storage,
    publish::{self, Change},
};

use crate::{
    error::OpsError,
    session::{Purpose, Session, Which},
    signed::{Said, say},
};

/// What is said about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It should not be chosen any more, for this reason.
    Yank(&'a str),
    /// That was a mistake, for this reason, which may be empty.
    Unyank(&'a str),
}

/// Yanks a release, or takes the yank back.
///
/// # Errors
/// When there is no such release, or the registry cannot be written.
pub fn yank(
    session: &Session<'_>,
    name: &PackageName,
    version: &Version,
    verdict: Verdict<'_>,
) -> Result<Said, OpsError> {
    let registry = session.open(Which::Named(&session.home_of(name)?), Purpose::Write)?;
    let (signer, last_seen) = session.writer(&registry)?;
    let (storage, now, version) = (registry.storage(), session.timestamp(), version.clone());
    if let (Verdict::Unyank(reason), None) = (verdict, &signer)
        && !reason.is_empty()
    {
        let what = "an unsigned registry has no place for the reason, so it is left out";
        session.reporter.warn(Problem::warning(what));
    }
    let Some(signer) = signer else {
        let (verb, reason) = match verdict {
            Verdict::Yank(reason) => ("Yank", Some(reason)),
            Verdict::Unyank(_) => ("Unyank", None),
        };
        let yank = async |storage: &Storage| match reason {
            Some(reason) => publish::yank(storage, name, &version, Some(reason), &now).await,
            None => publish::unyank(storage, name, &version, &now).await,
        };
        let message = format!("{verb} {name} {version}");
        let done = async { Ok(storage.together(&message, yank).await?) };
        return Ok(Said {
            changed: session.block_on(done)?.changed,
            lacking: None,
        });
    };
    let (verb, action) = match verdict {
        Verdict::Yank(reason) => {
            let reason = reason.to_owned();
            ("Yank", Action::Yank { version, reason })
        }
        Verdict::Unyank(reason) => {
            let reason = reason.to_owned();
            ("Unyank", Action::Unyank { version, reason })
        }
    };
    let message = match action.version() {
        Some(version) => format!("{verb} {name} {version}"),
        None => format!("{verb} {name}"),
    };
    let change = Change {
        name: name.clone(),
        action,
        now,
        signer: Some(signer),
        last_seen,
    };
    say(session, storage, &message, &change)
}
