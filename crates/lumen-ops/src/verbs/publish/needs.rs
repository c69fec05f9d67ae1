//! Whether users of a package can get what it needs.
//!
//! A release never changes. One that needs a package which no registry of its users has, or a
//! version that was never published, can be installed by nobody.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lumen_core::{
    Constraint, Key, PackageName, Version,
    failure::Kind,
    index::{MAX_PACKAGE_INDEX_BYTES, PackageIndex},
    json,
    limits::DOWNLOADS,
    problem::Severity,
    remedy::Remedy,
    version,
};
use lumen_registry::{Registry, StorageError};
use lumen_store::project::LocalPackage;

use crate::{
    error::OpsError,
    pack::Checked,
    session::{Purpose, Session, Which},
};

/// What to do about dependencies that users cannot get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Warn.
    #[default]
    Warn,
    /// Publish nothing.
    Refuse,
    /// Nothing: they are not looked up.
    Allow,
}

/// Looks up the dependencies of a package to publish. `batch` is published together with it.
/// Those that users cannot get are warnings of `checked` from here on.
///
/// # Errors
/// With [`Missing::Refuse`], all of them; also a registry that cannot be read. A breach of
/// trust, whatever is missing.
pub(super) fn check(
    session: &Session<'_>,
    (local, checked): (&LocalPackage, &mut Checked),
    batch: &BTreeMap<PackageName, Version>,
    missing: Missing,
) -> Result<(), OpsError> {
    if missing == Missing::Allow {
        return Ok(());
    }
    let in_batch = |name: &PackageName, constraint: &Constraint| {
        batch
            .get(name)
            .is_some_and(|version| constraint.matches(version))
    };
    let deps = checked.release.deps.iter();
    let asked: Vec<_> = deps
        .filter(|(name, constraint)| !in_batch(name, constraint))
        .collect();
    let mut problems = Vec::new();
    for (name, what) in look_up(session, &checked.package.name, &asked, missing)? {
        let span = local.manifest.dependencies.get(name);
        let span = span.map(|dependency| dependency.span.clone());
        let mut problem = local.problem(&span.unwrap_or_default(), what, "");
        if missing == Missing::Warn {
            problem.severity = Severity::Warning;
        }
        problems.push(problem.hint(Remedy::PublishNeeds));
    }
    match missing {
        Missing::Refuse if !problems.is_empty() => Err(OpsError::Problems(problems)),
        _ => {
            checked.lacks_needs = !problems.is_empty();
            checked.warnings.extend(problems);
            Ok(())
        }
    }
}

type Asked<'a> = (&'a PackageName, &'a Constraint);

/// The dependencies that cannot be had, and why.
fn look_up<'a>(
    session: &Session<'_>,
    package: &PackageName,
    asked: &[Asked<'a>],
    missing: Missing,
) -> Result<Vec<(&'a PackageName, String)>, OpsError> {
    let unknown = |name: &PackageName, error: OpsError| match error.kind() {
        Kind::Untrusted => Err(error),
        _ if missing == Missing::Refuse => Err(error),
        _ => Ok(Some(format!("`{name}` could not be looked up: {error}"))),
    };
    let mut found = Vec::new();
    let mut reading = Vec::new();
    for &(name, constraint) in asked {
        match session.registry_for(name) {
            Ok(registry) => reading.push((name, constraint, registry)),
            Err(error) => found.push((name, unknown(name, error)?)),
        }
    }
    let read = session.block_on(async {
        let read = reading.iter().map(async |(name, constraint, registry)| {
            let index = registry.find(name).await.map_err(OpsError::from);
            Ok::<_, OpsError>((*name, *constraint, registry, index))
        });
        let read = stream::iter(read).buffered(DOWNLOADS);
        read.try_collect::<Vec<_>>().await
    })?;
    for (name, constraint, registry, index) in read {
        let what = match index {
            Err(error) => unknown(name, error)?,
            Ok(index) if fits(index.as_deref(), constraint) => None,
            Ok(index) => match committed(session, package, name, registry)? {
                Some(head) if fits(Some(&head), constraint) => None,
                _ => Some(lacks(name, constraint, registry, index.as_deref())),
            },
        };
        found.push((name, what));
    }
    let missing = found.into_iter();
    Ok(missing
        .filter_map(|(name, what)| Some((name, what?)))
        .collect())
}

/// Whether an index has a version that may be chosen.
fn fits(index: Option<&PackageIndex>, constraint: &Constraint) -> bool {
    index.is_some_and(|index| {
        let mut versions = index.versions.iter();
        versions.any(|version| constraint.matches(version) && !index.is_yanked(version))
    })
}

fn lacks(
    name: &PackageName,
    constraint: &Constraint,
    registry: &Registry,
    index: Option<&PackageIndex>,
) -> String {
    let place = registry.name();
    let newest = index.and_then(|index| {
        version::latest(&index.versions, |version| index.is_yanked(version)).cloned()
    });
    match (index, newest) {
        (None, _) => format!("the registry `{place}` has no package `{name}`"),
        (_, Some(newest)) => {
            format!("the registry `{place}` has no `{name}` {constraint}; its newest is {newest}")
        }
        (_, None) => format!("the registry `{place}` has no `{name}` {constraint}"),
    }
}

/// The index as it is in the registry that the package goes to, with releases that wait for
/// witnesses.
fn committed(
    session: &Session<'_>,
    package: &PackageName,
    name: &PackageName,
    registry: &Registry,
) -> Result<Option<PackageIndex>, OpsError> {
    let home = session.home_of(package)?;
    if registry.name() != home {
        return Ok(None);
    }
    let registry = session.open(Which::Named(&home), Purpose::Write)?;
    let key = Key::package_index(name);
    let read = session.block_on(async {
        let storage = registry.storage();
        Ok(storage.get(&key, MAX_PACKAGE_INDEX_BYTES).await)
    })?;
    match read {
        Ok(found) => Ok(found.and_then(|(bytes, _)| json::parse(&bytes).ok())),
        // A registry that can only be read has nothing of its own.
        Err(StorageError::ReadOnly { .. }) => Ok(None),
        Err(error) => Err(lumen_registry::publish::PublishError::from(error).into()),
    }
}
