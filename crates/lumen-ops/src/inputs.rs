//! Everything on this machine that a resolution depends on: members, path and git packages.

mod gather;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use lumen_core::{
    PackageName,
    limits::Limits,
    lockfile::Lockfile,
    manifest::{DependencySource, GitReference, Manifest, without_credentials},
    plan::{self, Local},
    problem::Problem,
    resolve::{CatalogPackage, CatalogVersion, Resolution, Root},
};
use lumen_registry::variables::Variables;
use lumen_store::project::{LocalPackage, Project, Surroundings};

use crate::{error::OpsError, git::Checkout, report::Reporter};

pub use gather::folder_of;

use gather::Gatherer;

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
        let gatherer = Gatherer::new(options, reporter, patches, &locals);
        let git = gatherer.gather(project)?;
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

    /// Fails if a package of a registry needs one that only the repository of a git package
    /// brought in: nothing says that both mean the same.
    ///
    /// # Errors
    /// The first such package.
    pub fn refuse_mixed(&self, project: &Project, resolution: &Resolution) -> Result<(), OpsError> {
        let by_name = |name: &PackageName| {
            let of_locals = self.locals.values().chain([&project.root_package]);
            let mut needs = of_locals.flat_map(|package| local(project, package).needs());
            self.patched.contains(name) || needs.any(|(needed, _)| needed == name)
        };
        for (by, resolved) in &resolution.packages {
            if self.locals.contains_key(by) || self.git.contains_key(by) {
                continue;
            }
            for name in &resolved.dependencies {
                if let Some(package) = self.git.get(name).filter(|_| !by_name(name)) {
                    let what = format!(
                        "`{name}` is used from two places: {}, and the registry of `{by}`, which needs it",
                        package.place()
                    );
                    let hint = patch_hint(name);
                    return Err(OpsError::Problems(vec![Problem::error(what).hint(hint)]));
                }
            }
        }
        Ok(())
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

impl GitPackage {
    /// Where it comes from, in words.
    fn place(&self) -> String {
        format!("git `{}`", without_credentials(&self.url))
    }
}

/// How a package that is used from two places gets one.
fn patch_hint(name: &PackageName) -> String {
    format!(
        "choose one for all: name `{name}` in [patch] of the root's lumen.toml, with its `path` or `git`"
    )
}
