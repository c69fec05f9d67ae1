//! What became of a lock with the markers of a merge conflict.

use std::collections::BTreeSet;

use lumen_core::{
    PackageName,
    lockfile::{LockedPackage, LockedSource, Lockfile, Merge},
};

use crate::session::Session;

/// Packages at two versions that are listed; the others are counted.
const LISTED: usize = 20;

/// Says what was merged, and which version was chosen where the sides have two.
pub(super) fn tell_merge(session: &Session<'_>, merge: &Merge, lock: &Lockfile) {
    let [ours, theirs] = &merge.sides;
    let names: BTreeSet<&PackageName> =
        ours.packages.keys().chain(theirs.packages.keys()).collect();
    let is_local = |package: &LockedPackage| matches!(package.source, LockedSource::Path(_));
    let differing = names.iter().filter_map(|name| {
        let (own, other) = (ours.packages.get(*name)?, theirs.packages.get(*name)?);
        let is_same = own.version == other.version && own.source == other.source;
        (!is_same && !is_local(own) && !is_local(other)).then_some((*name, own, other))
    });
    let differing: Vec<_> = differing.collect();
    let message = format!(
        "both sides of lumen.lock: {} and {} packages, {} of them different",
        ours.archives().count(),
        theirs.archives().count(),
        differing.len()
    );
    session.context.reporter.done("Merged", message);
    for (name, own, other) in differing.iter().take(LISTED) {
        let now = match lock.packages.get(*name) {
            Some(package) => shown(package),
            None => "not needed any more".to_owned(),
        };
        let message = format!("{name} {} and {}: {now}", shown(own), shown(other));
        session.context.reporter.done("=", message);
    }
    if let more @ 1.. = differing.len().saturating_sub(LISTED) {
        session
            .context
            .reporter
            .done("\u{2026}", format!("and {more} more"));
    }
}

fn shown(package: &LockedPackage) -> String {
    match &package.source {
        LockedSource::Git { commit, .. } => commit.chars().take(10).collect(),
        LockedSource::Registry(_) | LockedSource::Path(_) => package.version.to_string(),
    }
}
