//! Packages and releases, as users name them.

use lumen_core::{Constraint, PackageName, Version};

use crate::error::{InputError, OpsError};

/// Splits `name@constraint`.
///
/// # Errors
/// When one of them is malformed.
pub fn parse_package(text: &str) -> Result<(PackageName, Option<Constraint>), OpsError> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    match at {
        Some(at) => Ok((parse_name(&text[..at])?, Some(text[at + 1..].parse()?))),
        None => Ok((parse_name(text)?, None)),
    }
}

/// Parses a name given on the command line.
///
/// # Errors
/// When it is malformed.
pub fn parse_name(text: &str) -> Result<PackageName, OpsError> {
    PackageName::parse(text).map_err(|source| OpsError::Name {
        text: text.to_owned(),
        source,
    })
}

/// Splits `name@version`.
///
/// # Errors
/// When one of them is malformed or the version is missing.
pub fn parse_release(text: &str) -> Result<(PackageName, Version), OpsError> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    let expected = || OpsError::from(InputError::Release(text.to_owned()));
    let at = at.ok_or_else(expected)?;
    let version = Version::parse(&text[at + 1..]).map_err(|_| expected())?;
    Ok((parse_name(&text[..at])?, version))
}
