//! `lumen pkg diff`: what differs between two packages.
//!
//! Both are read from verified archives in the store, or from a folder as it would be published.
//! The file lists say which files differ; only these are read, one at a time, and what one run
//! compares by lines is bounded.

mod about;
mod files;
mod side;
mod text;

use lumen_core::{PackageName, Version};
use lumen_store::{cas::StoredFile, project::MANIFEST};

use self::text::Effort;
pub use self::{
    about::KeyChange,
    files::{FileChange, Kind},
    side::{Origin, Side},
    text::{Contents, Hunk, Line, Mark, Text},
};
use crate::{
    error::{InputError, OpsError},
    names, pack,
    session::Session,
};

/// Two packages, and what differs between them.
#[derive(Debug)]
pub struct Comparison {
    /// The old one.
    pub from: Side,
    /// The new one.
    pub to: Side,
    /// What their manifests say differently, dependencies first.
    pub manifest: Vec<KeyChange>,
    /// The files that differ, the manifest first.
    pub files: Vec<FileChange>,
    effort: Effort,
}

/// A package as the user named it; without a version the newest release.
type Term = (PackageName, Option<Version>);

/// Compares what the words name: two releases (`csv@1.0.0 csv@1.1.0`, `csv 1.0.0 1.1.0`), or one,
/// with the package of this project that has this name, or with the locked version. No words mean
/// the package in this folder.
///
/// # Errors
/// When the words name no two packages, or one of them cannot be had.
pub fn diff(session: &Session<'_>, words: &[String]) -> Result<Comparison, OpsError> {
    let terms = terms(words, || own_name(session))?;
    let (from, to) = match terms.as_slice() {
        [(old, from), (new, to)] => (
            Side::release(session, old, from.clone())?,
            Side::release(session, new, to.clone())?,
        ),
        [] => with_project(session, (own_name(session)?, None))?,
        [one] => with_project(session, one.clone())?,
        more => return Err(InputError::Sides(more.len()).into()),
    };
    session.save_caches();
    session.tell_first_use()?;
    let files = files::compare(&from.files, &to.files);
    let manifest = |side: &Side| -> Result<Option<Vec<u8>>, OpsError> {
        let found = side.files.iter().find(|file| file.path == MANIFEST);
        found.map(|file| side.read(file)).transpose()
    };
    let differs = files.iter().any(|change| change.path() == MANIFEST);
    let manifest = match differs {
        true => about::compare(manifest(&from)?.as_deref(), manifest(&to)?.as_deref()),
        false => Vec::new(),
    };
    Ok(Comparison {
        from,
        to,
        manifest,
        files,
        effort: Effort::new(),
    })
}

impl Comparison {
    /// The contents of one of its files that differs, in the order of [`Comparison::files`].
    ///
    /// # Errors
    /// When a file cannot be read, or is not what was unpacked.
    pub fn contents(&mut self, change: &FileChange) -> Result<Contents, OpsError> {
        if matches!(change.kind(), Kind::Renamed | Kind::Mode) {
            return Ok(Contents::Same);
        }
        let size = |file: &Option<StoredFile>| file.as_ref().map_or(0, |file| file.size);
        if !self.effort.take([size(&change.from), size(&change.to)]) {
            return Ok(Contents::TooMuch);
        }
        let read = |side: &Side, file: &Option<StoredFile>| match file {
            Some(file) => side.read(file),
            None => Ok(Vec::new()),
        };
        let from = read(&self.from, &change.from)?;
        let to = read(&self.to, &change.to)?;
        Ok(self.effort.compare(from, to))
    }
}

/// One release, and what the project has of this package. A package of the project itself is the
/// new one; beside a locked version, the later version is.
fn with_project(session: &Session<'_>, (name, version): Term) -> Result<(Side, Side), OpsError> {
    let project = session.workspace()?.project.clone();
    let alone = || OpsError::from(InputError::Alone(name.clone()));
    let project = project.ok_or_else(alone)?;
    if let Some(local) = project.local_packages()?.get(&name) {
        let from = Side::release(session, &name, version)?;
        return Ok((from, Side::folder(session, local)?));
    }
    let locked = Side::locked(session, &project, &name)?.ok_or_else(alone)?;
    let release = Side::release(session, &name, version)?;
    Ok(match release.version < locked.version {
        true => (release, locked),
        false => (locked, release),
    })
}

/// The name of the package that the command runs in.
fn own_name(session: &Session<'_>) -> Result<PackageName, OpsError> {
    let project = session.project()?;
    let local = pack::current(&project)?;
    let missing = || crate::error::PackageError::NoPackage {
        file: local.file.clone(),
    };
    Ok(local.name().cloned().ok_or_else(missing)?)
}

/// The packages that words name: `name@version`, a name, and versions behind a name; a version in
/// the first place is one of the package in this folder.
fn terms(
    words: &[String],
    own: impl Fn() -> Result<PackageName, OpsError>,
) -> Result<Vec<Term>, OpsError> {
    let mut terms: Vec<Term> = Vec::new();
    let mut is_open = false;
    for word in words {
        if let Ok(version) = Version::parse(word) {
            match terms.last_mut() {
                Some((_, open)) if is_open => *open = Some(version),
                Some((name, _)) => {
                    let name = name.clone();
                    terms.push((name, Some(version)));
                }
                None => terms.push((own()?, Some(version))),
            }
            is_open = false;
            continue;
        }
        is_open = !word.chars().skip(1).any(|c| c == '@');
        terms.push(match is_open {
            true => (names::parse_name(word)?, None),
            false => {
                let (name, version) = names::parse_release(word)?;
                (name, Some(version))
            }
        });
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_packages_as_people_write_them() {
        for (words, expected) in [
            ("", ""),
            ("csv", "csv"),
            ("csv@1.0.0", "csv 1.0.0"),
            ("csv@1.0.0 csv@1.1.0", "csv 1.0.0, csv 1.1.0"),
            ("csv@1.0.0 1.1.0", "csv 1.0.0, csv 1.1.0"),
            ("csv 1.0.0 1.1.0", "csv 1.0.0, csv 1.1.0"),
            ("csv 1.0.0", "csv 1.0.0"),
            ("csv@1.0.0 csv", "csv 1.0.0, csv"),
            (
                "@org/csv 1.0.0 @org/csv2@2.0.0",
                "@org/csv 1.0.0, @org/csv2 2.0.0",
            ),
            ("1.0.0", "own 1.0.0"),
            ("1.0.0 1.1.0", "own 1.0.0, own 1.1.0"),
        ] {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            let own = || names::parse_name("own");
            let found = terms(&words, own).unwrap().into_iter();
            let found: Vec<String> = found
                .map(|(name, version)| match version {
                    Some(version) => format!("{name} {version}"),
                    None => name.to_string(),
                })
                .collect();
            assert_eq!(found.join(", "), expected, "{words:?}");
        }
        for wrong in ["csv@", "csv@^1", "CSV", "@", "csv@1"] {
            let own = || names::parse_name("own");
            assert!(terms(&[wrong.to_owned()], own).is_err(), "{wrong}");
        }
    }
}
