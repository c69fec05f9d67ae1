//! Everything on this machine that a resolution depends on: members, path and git packages.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use fs_err as fs;
use lumen_core::{
    PackageName,
    limits::{GIT_SEARCH_DEPTH, Limits},
    lockfile::{LockedSource, Lockfile},
    manifest::{self, DependencySource, GitReference, Manifest, without_credentials},
    plan::{self, Local},
    resolve::{CatalogPackage, CatalogVersion, Root},
};
use lumen_registry::variables::Variables;
use lumen_store::project::{self, LocalPackage, Project, Snapshot, Surroundings};

use crate::{
    error::OpsError,
    git::{self, Checkout, Place},
    report::Reporter,
};

/// A package from a git repository.
#[derive(Debug, Clone)]
pub struct GitPackage {
    /// URL as the manifest has it.
    pub url: String,
    /// What the manifest asks for.
    pub reference: GitReference,
    /// The commit in use.
    pub checkout: Checkout,
    /// The package's folder within the checkout.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Arc<Manifest>,
}

/// Everything on this machine that a resolution depends on.
#[derive(Debug)]
pub struct Inputs {
    /// Workspace members and path dependencies by name.
    pub locals: BTreeMap<PackageName, LocalPackage>,
    /// Packages from git by name.
    pub git: BTreeMap<PackageName, GitPackage>,
    /// What the resolution must satisfy.
    pub roots: Vec<Root>,
    /// Registry a member names for a package.
    pub routes: BTreeMap<PackageName, String>,
    /// Packages replaced by `[patch]`.
    pub patched: BTreeSet<PackageName>,
}

/// Where git packages come from: the clones below `home`, and the lock's commits unless freed.
pub struct GitOptions<'a> {
    /// `$LUMEN_HOME`.
    pub home: &'a Path,
    /// What checkouts are looked at from.
    pub surroundings: Surroundings,
    /// The environment variables that git runs with.
    pub variables: &'a Variables,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<&'a Path>,
    /// Whether the network is off.
    pub offline: bool,
    /// Whether git may show the host at a URL what the user's netrc file says.
    pub netrc: &'a dyn Fn(&str) -> bool,
    /// The locks whose commits are kept, the first one that has a commit first.
    pub locks: &'a [&'a Lockfile],
    /// Packages whose commit may move.
    pub unlock: &'a BTreeSet<PackageName>,
    /// What it may cost.
    pub limits: Limits,
}

impl Inputs {
    /// Adds what comes from git to the packages of the project.
    ///
    /// # Errors
    /// When one of them is missing, invalid or not the package asked for.
    pub fn gather(
        project: &Project,
        locals: BTreeMap<PackageName, LocalPackage>,
        options: &GitOptions<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Self, OpsError> {
        let patches = &project.root_package.manifest.patches;
        let mut gatherer = Gatherer {
            options,
            reporter,
            patches,
            found: BTreeMap::new(),
            checkouts: BTreeMap::new(),
        };
        for local in locals.values().chain([&project.root_package]) {
            let member = project.is_member(&local.dir);
            gatherer.follow(&local.manifest, member, None, &locals)?;
        }
        let git = gatherer.found;
        let routes = routes(project)?;
        let roots = roots(project);
        Ok(Self {
            locals,
            git,
            roots,
            routes,
            patched: patches.keys().cloned().collect(),
        })
    }

    /// The catalog entries of packages that come from no registry.
    pub fn catalog(&self) -> BTreeMap<PackageName, CatalogPackage> {
        let mut catalog = BTreeMap::new();
        let mut add = |name: &PackageName, source: String, manifest: &Manifest| {
            let Some(package) = &manifest.package else {
                return;
            };
            let version = CatalogVersion::new(package.version.clone()).with(
                plan::requirements(&manifest.dependencies),
                manifest.features.clone(),
            );
            catalog.insert(name.clone(), CatalogPackage::local(source, version));
        };
        for (name, local) in &self.locals {
            let place = if local.relative.is_empty() {
                "this project".into()
            } else {
                format!("path `{}`", local.relative)
            };
            add(name, place, &local.manifest);
        }
        for (name, package) in &self.git {
            add(
                name,
                format!("git `{}`", without_credentials(&package.url)),
                &package.manifest,
            );
        }
        catalog
    }
}

/// A package of this machine, as plans see it.
pub fn local<'p>(project: &'p Project, package: &'p LocalPackage) -> Local<'p> {
    let is_member = project.is_member(&package.dir);
    let has_patches = is_member && package.dir != project.root;
    Local {
        manifest: &package.manifest,
        folder: &package.relative,
        is_member,
        patches: has_patches.then_some(&project.root_package.manifest.patches),
    }
}

/// The registry that a member names for a package.
///
/// # Errors
/// When two members name different ones.
pub fn routes(project: &Project) -> Result<BTreeMap<PackageName, String>, OpsError> {
    let mut routes = BTreeMap::new();
    for member in &project.members {
        collect_routes(member, &mut routes)?;
    }
    Ok(routes)
}

/// What the members of a project need.
pub fn roots(project: &Project) -> Vec<Root> {
    let alone = project.members.len() == 1;
    let named = |member: &LocalPackage| !(alone && member.dir == project.root);
    let members = project.members.iter();
    members
        .map(|member| plan::root(&member.manifest, named(member)))
        .collect()
}

fn collect_routes(
    member: &LocalPackage,
    routes: &mut BTreeMap<PackageName, String>,
) -> Result<(), OpsError> {
    let manifest = &member.manifest;
    for (name, dependency) in manifest
        .dependencies
        .iter()
        .chain(&manifest.dev_dependencies)
    {
        let DependencySource::Registry {
            registry: Some(registry),
            ..
        } = &dependency.source
        else {
            continue;
        };
        match routes.insert(name.clone(), registry.clone()) {
            Some(other) if other != *registry => {
                let what = format!(
                    "`{name}` is asked for from two registries, `{other}` and `{registry}`"
                );
                let problem = member.problem(&dependency.span, what, "");
                return Err(OpsError::Problems(vec![
                    problem.hint("a project uses one source per package"),
                ]));
            }
            _ => {}
        }
    }
    Ok(())
}

struct Gatherer<'a> {
    options: &'a GitOptions<'a>,
    reporter: &'a dyn Reporter,
    patches: &'a manifest::Dependencies,
    found: BTreeMap<PackageName, GitPackage>,
    /// What was read in each checkout.
    checkouts: BTreeMap<PathBuf, Snapshot>,
}

impl Gatherer<'_> {
    /// Checks out the git packages a manifest needs, and those they need.
    fn follow(
        &mut self,
        manifest: &Manifest,
        member: bool,
        inside: Option<&GitPackage>,
        locals: &BTreeMap<PackageName, LocalPackage>,
    ) -> Result<(), OpsError> {
        let own = member.then(|| manifest.dev_dependencies.iter().chain(&manifest.patches));
        let all: Vec<_> = manifest
            .dependencies
            .iter()
            .chain(own.into_iter().flatten())
            .collect();
        for (name, dependency) in all {
            if locals.contains_key(name) || self.found.contains_key(name) {
                continue;
            }
            let dependency = self.patches.get(name).unwrap_or(dependency);
            let package = match (&dependency.source, inside) {
                (DependencySource::Git { url, reference, .. }, _) => {
                    self.check_out(name, url, reference)?
                }
                (DependencySource::Path { path, .. }, Some(parent)) => {
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
                    GitPackage {
                        dir,
                        manifest: manifest.ok_or_else(missing)?,
                        ..parent.clone()
                    }
                }
                _ => continue,
            };
            self.found.insert(name.clone(), package.clone());
            self.follow(&package.manifest, false, Some(&package), locals)?;
        }
        Ok(())
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
