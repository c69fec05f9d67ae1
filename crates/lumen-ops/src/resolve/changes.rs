//! Differences between two locks.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName, Version,
    lockfile::{LockedPackage, LockedSource, Lockfile},
};

/// Differences between two locks, registry and git packages only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New packages.
    pub added: Vec<(PackageName, Version)>,
    /// Packages no longer needed.
    pub removed: Vec<(PackageName, Version)>,
    /// Packages at another version: old, new.
    pub changed: Vec<(PackageName, Version, Version)>,
    /// Git packages at another commit and the same version: the version, old commit, new commit.
    pub moved: Vec<(PackageName, Version, String, String)>,
}

impl Changes {
    /// Compares two locks.
    pub fn between(old: Option<&Lockfile>, new: &Lockfile) -> Self {
        let remote = |lock: &Lockfile| -> BTreeMap<PackageName, LockedPackage> {
            let mut packages = lock.packages.clone();
            packages.retain(|_, package| !matches!(package.source, LockedSource::Path(_)));
            packages
        };
        let (old, new) = (old.map(remote).unwrap_or_default(), remote(new));
        let mut changes = Self::default();
        for (name, now) in &new {
            let version = now.version.clone();
            match old.get(name) {
                None => changes.added.push((name.clone(), version)),
                Some(before) if before.version != version => {
                    changes
                        .changed
                        .push((name.clone(), before.version.clone(), version));
                }
                Some(before) => {
                    if let (
                        LockedSource::Git { commit: from, .. },
                        LockedSource::Git { commit: to, .. },
                    ) = (&before.source, &now.source)
                        && from != to
                    {
                        let moved = (name.clone(), version, from.clone(), to.clone());
                        changes.moved.push(moved);
                    }
                }
            }
        }
        let gone = old.into_iter().filter(|(name, _)| !new.contains_key(name));
        changes.removed = gone
            .map(|(name, package)| (name, package.version))
            .collect();
        changes
    }

    /// Whether the locks are the same.
    pub fn is_empty(&self) -> bool {
        let versions = self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty();
        versions && self.moved.is_empty()
    }
}
