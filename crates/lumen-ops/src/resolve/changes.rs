//! Differences between two locks.

use std::collections::BTreeMap;

use lumen_core::{
    PackageName, Version,
    lockfile::{LockedSource, Lockfile},
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
}

impl Changes {
    /// Compares two locks.
    pub fn between(old: Option<&Lockfile>, new: &Lockfile) -> Self {
        let remote = |lock: &Lockfile| -> BTreeMap<PackageName, Version> {
            let packages = lock
                .packages
                .iter()
                .filter(|(_, package)| !matches!(package.source, LockedSource::Path(_)));
            packages
                .map(|(name, package)| (name.clone(), package.version.clone()))
                .collect()
        };
        let (old, new) = (old.map(remote).unwrap_or_default(), remote(new));
        let mut changes = Self::default();
        for (name, version) in &new {
            match old.get(name) {
                None => changes.added.push((name.clone(), version.clone())),
                Some(before) if before != version => {
                    changes
                        .changed
                        .push((name.clone(), before.clone(), version.clone()));
                }
                Some(_) => {}
            }
        }
        changes.removed = old
            .into_iter()
            .filter(|(name, _)| !new.contains_key(name))
            .collect();
        changes
    }

    /// Whether the locks are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}
