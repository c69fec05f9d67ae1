//! The packages of git repositories: what local packages need, and what these need.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use fs_err as fs;
use lumen_core::{
    PackageName,
    limits::GIT_SEARCH_DEPTH,
    lockfile::LockedSource,
    manifest::{
        Dependencies, Dependency, DependencySource, GitReference, Manifest, without_credentials,
    },
    problem::Problem,
};
use lumen_store::project::{self, LocalPackage, Project, Snapshot, Surroundings};

use super::{GitOptions, GitPackage, patch_hint};
use crate::{
    error::OpsError,
    git::{self, Place},
    report::Reporter,
};

/// Finds the packages of git repositories.
pub(super) struct Gatherer<'a> {
    options: &'a GitOptions<'a>,
    reporter: &'a dyn Reporter,
    patches: &'a Dependencies,
    locals: &'a BTreeMap<PackageName, LocalPackage>,
    found: BTreeMap<PackageName, GitPackage>,
    /// What was read in each checkout.
    checkouts: BTreeMap<PathBuf, Snapshot>,
    /// Packages that are asked for from registries.
    released: BTreeSet<PackageName>,
    /// The local packages that ask for some by themselves, and where they do.
    lines: BTreeMap<PackageName, (&'a LocalPackage, Range<usize>)>,
}

/// The package that asks for another.
#[derive(Clone, Copy)]
enum Asker<'a> {
    /// A package of this machine.
    Local(&'a LocalPackage),
    /// A package from git.
    Git(&'a GitPackage),
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(
        options: &'a GitOptions<'a>,
        reporter: &'a dyn Reporter,
        patches: &'a Dependencies,
        locals: &'a BTreeMap<PackageName, LocalPackage>,
    ) -> Self {
        Self {
            options,
            reporter,
            patches,
            locals,
            found: BTreeMap::new(),
            checkouts: BTreeMap::new(),
            released: BTreeSet::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Checks out the git packages that local packages need, and those that these need: what
    /// is nearer to the project first.
    pub(super) fn gather(
        mut self,
        project: &'a Project,
    ) -> Result<BTreeMap<PackageName, GitPackage>, OpsError> {
        let mut queue = VecDeque::new();
        for local in self.locals.values().chain([&project.root_package]) {
            let manifest = &local.manifest;
            let is_member = project.is_member(&local.dir);
            let dev = is_member.then_some(&manifest.dev_dependencies);
            let patches = (local.dir == project.root).then_some(self.patches);
            let tables = dev.into_iter().chain(patches).flatten();
            for (name, dependency) in manifest.dependencies.iter().chain(tables) {
                self.lines
                    .insert(name.clone(), (local, dependency.span.clone()));
                queue.extend(self.take(name, dependency, Asker::Local(local))?);
            }
        }
        while let Some(package) = queue.pop_front() {
            let manifest = package.manifest.clone();
            for (name, dependency) in &manifest.dependencies {
                queue.extend(self.take(name, dependency, Asker::Git(&package))?);
            }
        }
        Ok(self.found)
    }

    /// Finds the package of a dependency if it is one from git that is not known yet.
    fn take(
        &mut self,
        name: &PackageName,
        dependency: &Dependency,
        asker: Asker<'_>,
    ) -> Result<Option<GitPackage>, OpsError> {
        // A patch is what everybody gets.
        let patch = self.patches.get(name);
        let dependency = patch.unwrap_or(dependency);
        let inside = match asker {
            Asker::Git(parent) if patch.is_none() => Some(parent),
            _ => None,
        };
        if let Some(local) = self.locals.get(name) {
            let is_other =
                inside.is_some() && !matches!(dependency.source, DependencySource::Registry { .. });
            return match is_other {
                true => Err(self.twice(asker, name, &format!("the folder `{}`", local.relative))),
                false => Ok(None),
            };
        }
        let package = match (&dependency.source, inside) {
            (DependencySource::Git { url, reference, .. }, _) => {
                let known = self.found.get(name);
                if known.is_some_and(|known| (&known.url, &known.reference) == (url, reference)) {
                    return Ok(None);
                }
                self.check_out(name, url, reference)?
            }
            (DependencySource::Path { path, .. }, Some(parent)) => {
                self.beside(name, path, parent)?
            }
            (DependencySource::Registry { .. }, _) => {
                return match self.found.get(name) {
                    Some(known) if patch.is_none() => Err(self.twice(asker, name, &known.place())),
                    _ => {
                        self.released.insert(name.clone());
                        Ok(None)
                    }
                };
            }
            _ => return Ok(None),
        };
        if patch.is_none() && self.released.contains(name) {
            return Err(self.twice(asker, name, "a registry"));
        }
        match self.found.get(name) {
            Some(known) if known.dir == package.dir => Ok(None),
            Some(known) => Err(self.twice(asker, name, &known.place())),
            None => {
                self.found.insert(name.clone(), package.clone());
                Ok(Some(package))
            }
        }
    }

    /// The error for a package that is asked for from a second place.
    fn twice(&self, asker: Asker<'_>, name: &PackageName, other: &str) -> OpsError {
        let here = match asker {
            Asker::Local(local) => format!("`{}`", local.file),
            Asker::Git(package) => format!("what {} names", package.place()),
        };
        let what = format!("`{name}` is used from two places: {other}, and {here}");
        let problem = match self.lines.get(name) {
            Some((local, span)) => local.problem(span, what, ""),
            None => Problem::error(what),
        };
        OpsError::Problems(vec![problem.hint(patch_hint(name))])
    }

    /// A package in another folder of the repository of one that needs it.
    fn beside(
        &mut self,
        name: &PackageName,
        path: &str,
        parent: &GitPackage,
    ) -> Result<GitPackage, OpsError> {
        let dir = project::normalize(&parent.dir.join(path));
        // Without links: one of the repository could lead out of it.
        let real = |dir: &Path| std::fs::canonicalize(dir).ok();
        let inside = real(&dir).zip(real(&parent.checkout.dir));
        let inside = inside.is_some_and(|(dir, checkout)| dir.starts_with(checkout));
        let mut manifest = None;
        if inside {
            let snapshot = self.snapshot(&parent.checkout.dir);
            manifest = read_manifest(snapshot, &dir)?;
        }
        let missing = || OpsError::GitPackage {
            name: name.clone(),
            url: parent.url.clone(),
        };
        Ok(GitPackage {
            dir,
            manifest: manifest.ok_or_else(missing)?,
            ..parent.clone()
        })
    }

    /// What is read in a checkout, the same at each call.
    fn snapshot(&mut self, checkout: &Path) -> &mut Snapshot {
        let surroundings = &self.options.surroundings;
        let new = || Snapshot::of(&checkout.join(project::MANIFEST), surroundings);
        let known = self.checkouts.entry(checkout.to_owned());
        known.or_insert_with(new)
    }

    fn check_out(
        &mut self,
        name: &PackageName,
        url: &str,
        reference: &GitReference,
    ) -> Result<GitPackage, OpsError> {
        let shown = without_credentials(url);
        let locks = self.options.locks.iter();
        let locked = locks
            .filter_map(|lock| lock.packages.get(name))
            .find_map(|locked| match &locked.source {
                LockedSource::Git {
                    url,
                    reference: asked,
                    commit,
                } if *url == shown && asked == reference => Some(commit.as_str()),
                _ => None,
            });
        let locked = locked.filter(|_| !self.options.unlock.contains(name));
        let home = self.options.home;
        let authorities = git::authorities(home, self.options.ca_file, url)?;
        let place = Place {
            home,
            variables: self.options.variables,
            authorities: authorities.as_deref(),
            offline: self.options.offline,
            netrc: (self.options.netrc)(url),
            limits: self.options.limits,
        };
        let checkout = git::checkout(&place, url, reference, locked)?;
        self.reporter.detail(
            "Checked out",
            format!("{shown} at {}", &checkout.commit[..10]),
        );
        let missing = || OpsError::GitPackage {
            name: name.clone(),
            url: shown.clone(),
        };
        let snapshot = self.snapshot(&checkout.dir);
        let (dir, manifest) = find_package(snapshot, &checkout.dir, name)?.ok_or_else(missing)?;
        Ok(GitPackage {
            url: url.to_owned(),
            reference: reference.clone(),
            checkout,
            dir,
            manifest,
        })
    }
}

/// The folder of a package in a checkout.
///
/// # Errors
/// When a manifest on the way is invalid.
pub fn folder_of(
    checkout: &Path,
    name: &PackageName,
    surroundings: &Surroundings,
) -> Result<Option<PathBuf>, OpsError> {
    let mut snapshot = Snapshot::of(&checkout.join(project::MANIFEST), surroundings);
    let found = find_package(&mut snapshot, checkout, name)?;
    Ok(found.map(|(dir, _)| dir))
}

/// The folder at or below `dir` that holds the package, nearest first.
fn find_package(
    snapshot: &mut Snapshot,
    dir: &Path,
    name: &PackageName,
) -> Result<Option<(PathBuf, Arc<Manifest>)>, OpsError> {
    let mut level = vec![dir.to_owned()];
    for _ in 0..=GIT_SEARCH_DEPTH {
        let mut next = Vec::new();
        for dir in &level {
            if let Some(manifest) = read_manifest(snapshot, dir)?
                && manifest
                    .package
                    .as_ref()
                    .is_some_and(|package| package.name == *name)
            {
                return Ok(Some((dir.clone(), manifest)));
            }
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                // A link could lead out of the checkout.
                if entry.file_type()?.is_dir()
                    && !entry.file_name().to_string_lossy().starts_with('.')
                {
                    next.push(entry.path());
                }
            }
        }
        next.sort();
        level = next;
    }
    Ok(None)
}

/// The manifest of a folder in a git repository; `None` when it has none.
fn read_manifest(snapshot: &mut Snapshot, dir: &Path) -> Result<Option<Arc<Manifest>>, OpsError> {
    let file = dir.join(project::MANIFEST).symlink_metadata();
    match file.is_ok_and(|file| file.is_file()) {
        true => Ok(Some(snapshot.package(dir)?.manifest)),
        false => Ok(None),
    }
}
