//! Warnings about packages that are available and perhaps should not be used.

use lumen_core::{PackageName, Version, problem::Problem, remedy::Remedy};
use lumen_registry::verify::known::Override;

/// A release that its owners took back.
pub fn yanked(name: &PackageName, version: &Version, reason: &str) -> Problem {
    let because = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    let what = format!("`{name}` {version} is yanked{because}");
    Problem::warning(what).hint(Remedy::Update(name.clone()))
}

/// A package that its owners advise against.
pub fn deprecated(name: &PackageName, reason: &str, replacement: Option<&PackageName>) -> Problem {
    let what = format!("`{name}` is deprecated: {reason}");
    match replacement {
        Some(other) => Problem::warning(what).hint(format!("use `{other}` in its place")),
        None => Problem::warning(what),
    }
}

/// A name that the registry took from its owners, for users who did not rely on them.
pub fn overridden(by: &Override) -> Problem {
    let Override {
        name, index, time, ..
    } = by;
    let what = format!(
        "the owners of `{name}` were replaced by the registry at entry {index} of the log, {time}: it belongs to {} now",
        by.who()
    );
    Problem::warning(what).hint(Remedy::Owners(name.clone()))
}
