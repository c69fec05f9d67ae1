//! `lumen registry sync`: every configured mirror, one after the other.

use std::collections::BTreeSet;

use lumen_core::{manifest::Mirror, problem};

use crate::{
    error::{OpsError, SettingsError},
    session::{Purpose, Session, Which},
    verbs::mirror::{self, Mirrored, Request},
};

/// Brings configured mirrors up to date: those with these names, or all. `tell` gets the
/// name and the result of each; a failure does not stop the others.
///
/// # Errors
/// When none is configured, or none has one of the names; nothing is copied then.
pub fn run(
    session: &Session<'_>,
    names: &[String],
    mut tell: impl FnMut(&str, &Mirror, Result<Mirrored, OpsError>),
) -> Result<(), OpsError> {
    let mirrors = &session.settings()?.mirrors;
    if mirrors.is_empty() {
        return Err(SettingsError::NoMirrors.into());
    }
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for name in &wanted {
        if !mirrors.contains_key(*name) {
            return Err(unknown(name, mirrors.keys().map(String::as_str)));
        }
    }
    let chosen = mirrors
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name.as_str()));
    for (name, mirror) in chosen {
        tell(name, mirror, one(session, mirror));
    }
    session.tell_first_use()
}

fn one(session: &Session<'_>, mirror: &Mirror) -> Result<Mirrored, OpsError> {
    let to = session.place(Which::Configured(&mirror.to), true)?;
    let source = session.open(Which::Configured(&mirror.from), Purpose::Read)?;
    let request = Request {
        from: mirror.from.clone(),
        to: mirror.to.clone(),
        packages: mirror.packages.clone(),
        full: mirror.full,
        without_page: false,
    };
    mirror::copy(session, &request, &source, to)
}

fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> OpsError {
    let nearest = problem::nearest(name, known.clone());
    SettingsError::UnknownMirror {
        name: name.to_owned(),
        nearest: nearest.map(str::to_owned),
        known: known.map(str::to_owned).collect(),
    }
    .into()
}
