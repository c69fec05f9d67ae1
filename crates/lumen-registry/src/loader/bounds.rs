//! The cost of loading: packages, versions, bytes and work, each against its limit.

use std::collections::HashMap;

use lumen_core::{
    PackageName, Version,
    index::PackageIndex,
    limits::{Exceeded, Limit, Limits},
};

use super::entry::Entry;

/// Packages of a path that an error names at each end.
const NAMED: usize = 4;

/// Counts against the limits of one resolution.
pub(super) struct Bounds {
    limits: Limits,
    versions: u64,
    bytes: u64,
    memory: u64,
    comparisons: u64,
    /// The first limit that was passed: nothing more is loaded then.
    pub(super) exceeded: Option<Exceeded>,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            versions: 0,
            bytes: 0,
            memory: 0,
            comparisons: 0,
            exceeded: None,
        }
    }

    fn check(&mut self, limit: Limit, value: u64, what: impl FnOnce() -> String) -> bool {
        let checked = self.limits.check(limit, value, what).err();
        let good = checked.is_none();
        self.exceeded = self.exceeded.take().or(checked);
        good
    }

    /// Counts a package; `by` asks for it. `false`: it is one too many.
    pub(super) fn package(
        &mut self,
        entries: &HashMap<PackageName, Entry>,
        name: &PackageName,
        by: Option<&PackageName>,
    ) -> bool {
        let count = entries.len() as u64 + 1;
        let depth = depth(entries, by) + 1;
        let path = || path(entries, name, by);
        let packages = || format!("the dependencies are {count} packages and more: {}", path());
        let deep = || format!("the dependencies are {depth} levels deep: {}", path());
        self.check(Limit::ResolvePackages, count, packages)
            && self.check(Limit::ResolveDepth, depth, deep)
    }

    /// Counts the versions, bytes and memory of an index. `false`: they are too many.
    pub(super) fn index(&mut self, index: &PackageIndex) -> bool {
        let name = &index.name;
        let own = index.versions.len() as u64;
        self.versions = self.versions.saturating_add(own);
        let all = self.versions;
        self.check(Limit::PackageVersions, own, || {
            format!("`{name}` has {own} versions")
        }) && self.check(Limit::ResolveVersions, all, || {
            format!("the packages up to `{name}` have {all} versions")
        }) && self.metadata(name, index.bytes, index.memory)
    }

    /// Counts the bytes of a file, and the memory that its contents take. `false`: they are
    /// too many.
    pub(super) fn metadata(&mut self, name: &PackageName, bytes: u64, memory: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.memory = self.memory.saturating_add(memory);
        let (bytes, memory) = (self.bytes, self.memory);
        self.check(Limit::ResolveBytes, bytes, || {
            format!("the metadata of the packages up to `{name}` has {bytes} bytes")
        }) && self.check(Limit::ResolveMemory, memory, || {
            format!(
                "the metadata of the packages up to `{name}` takes about {memory} bytes of memory"
            )
        })
    }

    /// Looks at the number of dependencies of a release. `false`: they are too many.
    pub(super) fn dependencies(
        &mut self,
        name: &PackageName,
        version: &Version,
        count: usize,
    ) -> bool {
        let count = count as u64;
        self.check(Limit::ReleaseDependencies, count, || {
            format!("`{name}` {version} has {count} dependencies")
        })
    }

    /// Checks the number of releases whose own files are read. `false`: there are too many.
    pub(super) fn files(&mut self, name: &PackageName, count: usize) -> bool {
        let count = count as u64;
        self.check(Limit::ReleaseFiles, count, || {
            format!("the files of {count} releases of `{name}` are needed, because its index does not say what they need")
        })
    }

    /// Looks at the number of releases that could not be read; the last one was this.
    pub(super) fn unreadable(
        &mut self,
        name: &PackageName,
        version: &Version,
        count: u64,
        reason: &str,
    ) {
        self.check(Limit::UnreadableReleases, count, || {
            format!("{count} releases of `{name}` cannot be read, {version} because {reason}")
        });
    }

    /// Counts comparisons of versions with constraints. `false`: they are too many.
    pub(super) fn compare(&mut self, name: &PackageName, count: usize) -> bool {
        self.comparisons = self.comparisons.saturating_add(count as u64);
        let all = self.comparisons;
        self.check(Limit::ResolveComparisons, all, || {
            format!("loading `{name}` and its dependencies took {all} comparisons of a version with a constraint")
        })
    }
}

/// The number of packages between the project and the dependencies of this package.
fn depth(entries: &HashMap<PackageName, Entry>, by: Option<&PackageName>) -> u64 {
    by.and_then(|by| entries.get(by))
        .map_or(0, |entry| entry.depth)
}

/// How a package came to be needed, the project's own dependency first.
fn path(
    entries: &HashMap<PackageName, Entry>,
    name: &PackageName,
    by: Option<&PackageName>,
) -> String {
    let mut names = vec![name.as_str()];
    let mut at = by;
    while let Some(package) = at {
        names.push(package.as_str());
        at = entries.get(package).and_then(|entry| entry.by.as_ref());
    }
    names.reverse();
    if names.len() > 2 * NAMED + 1 {
        let left_out = NAMED..names.len() - NAMED;
        names.splice(left_out, ["…"]);
    }
    names.join(" -> ")
}
