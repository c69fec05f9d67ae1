//! `lumen pkg yank` and `unyank`.

use lumen_core::{PackageName, Version, problem::Problem, trust::Action};
use lumen_registry::publish::Change;

use crate::{
    error::{InputError, OpsError},
    session::{Purpose, Session, Which},
    signed::{Said, or_absent, say},
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
    if matches!(verdict, Verdict::Yank(reason) if reason.trim().is_empty()) {
        return Err(InputError::NoReason.into());
    }
    let registry = session.open(Which::Named(&session.home_of(name)?), Purpose::Write)?;
    let (signer, last_seen) = session.writer(&registry)?;
    let (verb, action) = action(version.clone(), verdict);
    let message = format!("{verb} {name} {version}");
    let change = Change {
        name: name.clone(),
        action,
        now: session.timestamp(),
        signer,
        last_seen,
    };
    let changed = say(session, registry.storage(), &message, &change);
    let changed = changed.map_err(|error| or_absent(session, &registry, error))?;
    if let (Verdict::Unyank(reason), None) = (verdict, &changed.checkpoint)
        && !reason.is_empty()
    {
        let what = "an unsigned registry has no place for the reason, so it is left out";
        session.context.reporter.warn(Problem::warning(what));
    }
    Ok(changed.into())
}

fn action(version: Version, verdict: Verdict<'_>) -> (&'static str, Action) {
    match verdict {
        Verdict::Yank(reason) => {
            let reason = reason.to_owned();
            ("Yank", Action::Yank { version, reason })
        }
        Verdict::Unyank(reason) => {
            let reason = reason.to_owned();
            ("Unyank", Action::Unyank { version, reason })
        }
    }
}
