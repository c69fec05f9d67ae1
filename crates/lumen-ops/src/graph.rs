//! Questions to a lock file: what depends on what.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName, Version,
    limits::{MAX_PATH_STEPS, MAX_PATHS},
    lockfile::{LockedSource, Lockfile},
    problem,
};
use lumen_store::project::Project;

use crate::error::PackageError;

/// A line of a tree of dependencies. Trees are flat, because a lock file can nest as deeply as it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Levels below the root of its tree.
    pub level: usize,
    /// The package.
    pub name: PackageName,
    /// Its locked version.
    pub version: Version,
    /// Where it comes from, unless from the default registry.
    pub source: Option<String>,
    /// Its dependencies are shown at its first place.
    pub repeated: bool,
}

/// The lock of a project.
///
/// # Errors
/// [`PackageError::NoLock`].
pub fn lock(project: &Project) -> Result<&Lockfile, PackageError> {
    let lock = project.lock.as_ref().map(|(lock, _)| lock);
    lock.ok_or(PackageError::NoLock)
}

/// Fails for a package that a lock does not have.
///
/// # Errors
/// [`PackageError::NotLocked`], with a name that is close to it.
pub fn expect(lock: &Lockfile, name: &PackageName) -> Result<(), PackageError> {
    if lock.packages.contains_key(name) {
        return Ok(());
    }
    let known = lock.packages.keys().map(PackageName::as_str);
    Err(PackageError::NotLocked {
        name: name.clone(),
        nearest: problem::nearest(name.as_str(), known).map(str::to_owned),
    })
}

/// Where a package comes from, in words; `None` for the default registry.
pub fn source_label(source: &LockedSource) -> Option<String> {
    match source {
        LockedSource::Registry(name) if name == crate::settings::DEFAULT => None,
        LockedSource::Registry(name) => Some(format!("registry {name}")),
        LockedSource::Path(path) if path == "." => Some("this project".into()),
        LockedSource::Path(path) => Some(format!("path {path}")),
        LockedSource::Git { url, commit, .. } => {
            Some(format!("git {url} at {}", &commit[..commit.len().min(10)]))
        }
    }
}

/// The trees below some packages, down to `depth` levels of dependencies.
pub fn trees(lock: &Lockfile, roots: &[PackageName], depth: usize) -> Vec<Row> {
    let edges: BTreeMap<&PackageName, Vec<&PackageName>> = lock
        .packages
        .iter()
        .map(|(name, package)| (name, package.dependencies.iter().collect()))
        .collect();
    grow(lock, &edges, roots, depth)
}

/// The trees of dependents above a package: packages that need it, packages that need those,
/// up to the project.
pub fn inverted(lock: &Lockfile, name: &PackageName, depth: usize) -> Vec<Row> {
    grow(lock, &dependents(lock), std::slice::from_ref(name), depth)
}

/// Every path from one of the roots to a package, shortest first, at most [`MAX_PATHS`]; and whether there are more.
pub fn paths_to(
    lock: &Lockfile,
    roots: &[PackageName],
    name: &PackageName,
) -> (Vec<Vec<PackageName>>, bool) {
    let above = dependents(lock);
    let mut found = Vec::new();
    let mut queue = std::collections::VecDeque::from([vec![name]]);
    let mut steps = 0_u32;
    while let Some(path) = queue.pop_front() {
        steps += 1;
        if found.len() == MAX_PATHS || steps > MAX_PATH_STEPS {
            return (found, true);
        }
        let Some(top) = path.last().copied() else {
            continue;
        };
        if roots.contains(top) && path.len() > 1 {
            found.push(path.iter().rev().map(|name| (*name).clone()).collect());
            continue;
        }
        for parent in above.get(top).into_iter().flatten() {
            if !path.contains(parent) {
                queue.push_back(path.iter().copied().chain([*parent]).collect());
            }
        }
    }
    (found, false)
}

fn dependents(lock: &Lockfile) -> BTreeMap<&PackageName, Vec<&PackageName>> {
    let mut above: BTreeMap<&PackageName, Vec<&PackageName>> = BTreeMap::new();
    for (name, package) in &lock.packages {
        for dependency in &package.dependencies {
            above.entry(dependency).or_default().push(name);
        }
    }
    above
}

/// Walks depth first with a stack of its own.
fn grow(
    lock: &Lockfile,
    edges: &BTreeMap<&PackageName, Vec<&PackageName>>,
    roots: &[PackageName],
    depth: usize,
) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    let mut stack: Vec<(usize, &PackageName)> = roots.iter().rev().map(|root| (0, root)).collect();
    while let Some((level, name)) = stack.pop() {
        let Some(package) = lock.packages.get(name) else {
            continue;
        };
        let below = edges.get(name).map(Vec::as_slice).unwrap_or_default();
        let repeated = !seen.insert(name) && !below.is_empty();
        rows.push(Row {
            level,
            name: name.clone(),
            version: package.version.clone(),
            source: source_label(&package.source),
            repeated,
        });
        if !repeated && level < depth {
            stack.extend(below.iter().rev().map(|child| (level + 1, *child)));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use lumen_core::lockfile::LockedPackage;

    fn name(text: &str) -> PackageName {
        PackageName::parse(text).unwrap()
    }

    fn lock(edges: &[(&str, &[&str])]) -> Lockfile {
        let package = |source, dependencies: &[&str]| LockedPackage {
            dependencies: dependencies.iter().map(|text| name(text)).collect(),
            ..LockedPackage::new(Version::new(1, 0, 0), source)
        };
        let mut lock = Lockfile::default();
        for (text, dependencies) in edges {
            let source = match *text {
                "app" => LockedSource::Path(".".into()),
                _ => LockedSource::Registry(crate::settings::DEFAULT.into()),
            };
            lock.packages
                .insert(name(text), package(source, dependencies));
        }
        lock
    }

    fn draw(rows: &[Row]) -> String {
        let line = |row: &Row| {
            format!(
                "{}{}{}",
                " ".repeat(row.level),
                row.name,
                if row.repeated { "*" } else { "" }
            )
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn trees_mark_repetition_and_survive_cycles() {
        let lock = lock(&[
            ("app", &["a", "b"]),
            ("a", &["c"]),
            ("b", &["a", "c"]),
            ("c", &["a"]),
        ]);
        assert_eq!(
            draw(&trees(&lock, &[name("app")], usize::MAX)),
            "app\n a\n  c\n   a*\n b\n  a*\n  c*"
        );
        assert_eq!(draw(&inverted(&lock, &name("c"), 1)), "c\n a\n b");
    }

    #[test]
    fn paths_are_short_first_and_bounded() {
        let lock_ok = lock(&[
            ("app", &["a", "b"]),
            ("a", &["c"]),
            ("b", &["a", "c"]),
            ("c", &["a"]),
        ]);
        let (paths, more) = paths_to(&lock_ok, &[name("app")], &name("c"));
        let text: Vec<String> = paths
            .iter()
            .map(|p| {
                p.iter()
                    .map(PackageName::as_str)
                    .collect::<Vec<_>>()
                    .join(">")
            })
            .collect();
        assert_eq!(
            (text.join(" "), more),
            ("app>a>c app>b>c app>b>a>c".into(), false)
        );
    }

    #[test]
    fn deep_locks_do_not_overflow() {
        let names: Vec<String> = (0..50_000).map(|n| format!("p{n}")).collect();
        let mut lock = lock(&[]);
        for pair in names.windows(2) {
            let one = self::lock(&[(pair[0].as_str(), &[pair[1].as_str()])]);
            lock.packages.extend(one.packages);
        }
        assert_eq!(trees(&lock, &[name("p0")], usize::MAX).len(), 49_999);
    }
}
