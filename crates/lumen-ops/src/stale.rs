//! Whether a lock is still what the manifests and the settings ask for.
//!
//! A lock comes with the project, so anybody may have written it. It decides which
//! versions are installed, but not what is needed and not where a name comes from:
//! these follow from the manifests and the settings alone.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName,
    lockfile::{LockedPackage, LockedSource, Lockfile},
    manifest::{Dependency, DependencySource, without_credentials},
};
use lumen_store::project::{LocalPackage, Project};

use crate::{
    error::{By, Stale},
    inputs,
    settings::Settings,
};

/// The project that a lock is compared with.
pub struct Wanted<'a> {
    /// Its members and manifests.
    pub project: &'a Project,
    /// Members and path dependencies.
    pub locals: &'a BTreeMap<PackageName, LocalPackage>,
    /// The settings, for the registry of each name.
    pub settings: &'a Settings,
    /// The registry that a member names for a package.
    pub routes: &'a BTreeMap<PackageName, String>,
}

impl Wanted<'_> {
    /// Why a lock no longer says what is asked for; `None` when it does.
    pub fn stale(&self, lock: &Lockfile) -> Option<Stale> {
        self.edited(lock)
            .or_else(|| self.unmet(lock))
            .or_else(|| self.elsewhere(lock))
            .or_else(|| self.unneeded(lock))
    }

    /// What follows from an edit of a manifest.
    fn edited(&self, lock: &Lockfile) -> Option<Stale> {
        for (name, local) in self.locals {
            let Some(locked) = lock.packages.get(name) else {
                return Some(Stale::New(name.clone()));
            };
            let Some(package) = &local.manifest.package else {
                continue;
            };
            if locked.source != inputs::local(self.project, local).source() {
                return Some(Stale::Place(name.clone()));
            }
            if locked.version != package.version {
                return Some(Stale::Version {
                    name: name.clone(),
                    now: package.version.clone(),
                    locked: locked.version.clone(),
                });
            }
            if locked.requires != inputs::local(self.project, local).requires() {
                return Some(Stale::Requires(name.clone()));
            }
        }
        let nameless = self.project.nameless();
        let requires = nameless.map(|root| inputs::local(self.project, root).requires());
        if requires.unwrap_or_default() != lock.requires {
            return Some(Stale::Root);
        }
        let is_gone = |(name, package): &(&PackageName, &LockedPackage)| {
            matches!(package.source, LockedSource::Path(_)) && !self.locals.contains_key(*name)
        };
        let gone = lock.packages.iter().find(is_gone);
        gone.map(|(name, _)| Stale::Gone(name.clone()))
    }

    /// What local packages need must be there, at a version that they accept, and no more.
    fn unmet(&self, lock: &Lockfile) -> Option<Stale> {
        let named = self.locals.iter().map(|(name, local)| (Some(name), local));
        let nameless = self.project.nameless().map(|root| (None, root));
        for (name, local) in named.chain(nameless) {
            let by = || name.cloned().map_or(By::Project, By::Package);
            let mut may_need = BTreeSet::new();
            for (name, dependency) in inputs::local(self.project, local).needs() {
                may_need.insert(name);
                if dependency.optional && !self.project.is_member(&local.dir) {
                    continue;
                }
                let Some(locked) = lock.packages.get(name) else {
                    let (by, name) = (by(), name.clone());
                    return Some(Stale::Lacks { by, name });
                };
                let refused = dependency.constraint().filter(|constraint| {
                    matches!(locked.source, LockedSource::Registry(_))
                        && !constraint.matches(&locked.version)
                });
                if let Some(constraint) = refused {
                    return Some(Stale::Unmet {
                        by: by(),
                        name: name.clone(),
                        constraint: constraint.clone(),
                        version: locked.version.clone(),
                    });
                }
            }
            let listed = name.and_then(|name| lock.packages.get(name)).into_iter();
            let mut listed = listed.flat_map(|locked| &locked.dependencies);
            if let Some(name) = listed.find(|name| !may_need.contains(name)) {
                let (by, name) = (by(), name.clone());
                return Some(Stale::Invented { by, name });
            }
        }
        let lacking = |(by, package): (&PackageName, &LockedPackage)| {
            let mut listed = package.dependencies.iter();
            let name = listed.find(|name| !lock.packages.contains_key(*name))?;
            Some(Stale::Lacks {
                by: By::Package(by.clone()),
                name: name.clone(),
            })
        };
        lock.packages.iter().find_map(lacking)
    }

    /// Every package must be from where the manifests and the settings have its name from.
    fn elsewhere(&self, lock: &Lockfile) -> Option<Stale> {
        let asked = self.asked();
        for (name, package) in &lock.packages {
            if self.locals.contains_key(name) {
                continue;
            }
            let direct = asked.get(name).map(Vec::as_slice).unwrap_or_default();
            let in_git = |dependency: &&&Dependency| {
                matches!(dependency.source, DependencySource::Git { .. })
            };
            let by_git: Vec<&Dependency> = direct.iter().filter(in_git).copied().collect();
            let expected = match &package.source {
                LockedSource::Registry(registry) if by_git.is_empty() => {
                    let may = self.registries_of(name);
                    match may.contains(&registry.as_str()) {
                        true => continue,
                        false => registries(&may),
                    }
                }
                LockedSource::Git { url, reference, .. } if !by_git.is_empty() => {
                    let same = |dependency: &&Dependency| match &dependency.source {
                        DependencySource::Git {
                            url: asked,
                            reference: at,
                            ..
                        } => without_credentials(asked) == *url && at == reference,
                        _ => false,
                    };
                    match by_git.iter().any(same) {
                        true => continue,
                        false => sources(&by_git),
                    }
                }
                // A package from git may have others beside it in its repository, or name more.
                LockedSource::Git { .. } if direct.is_empty() && is_needed_by_git(lock, name) => {
                    continue;
                }
                LockedSource::Git { .. } => registries(&self.registries_of(name)),
                LockedSource::Registry(_) | LockedSource::Path(_) => sources(&by_git),
            };
            return Some(Stale::Elsewhere {
                name: name.clone(),
                found: place(&package.source),
                expected,
            });
        }
        None
    }

    /// What follows from no local package.
    fn unneeded(&self, lock: &Lockfile) -> Option<Stale> {
        let asked = self.project.nameless().into_iter();
        let asked = asked.flat_map(|root| inputs::local(self.project, root).needs());
        let roots = self.locals.keys().chain(asked.map(|(name, _)| name));
        let needed = lock.needed(roots);
        let mut packages = lock.packages.keys();
        let name = packages.find(|name| !needed.contains(*name))?;
        Some(Stale::Unneeded(name.clone()))
    }

    /// The dependencies that local packages and patches name, as the patches have them.
    fn asked(&self) -> BTreeMap<&PackageName, Vec<&Dependency>> {
        let patches = &self.project.root_package.manifest.patches;
        let mut asked: BTreeMap<&PackageName, Vec<&Dependency>> = BTreeMap::new();
        let nameless = self.project.nameless();
        let of_locals = self
            .locals
            .values()
            .chain(nameless)
            .flat_map(|local| inputs::local(self.project, local).needs());
        for (name, dependency) in of_locals.chain(patches) {
            let dependency = patches.get(name).unwrap_or(dependency);
            asked.entry(name).or_default().push(dependency);
        }
        asked
    }

    /// Names of the registries that a package may come from, in the order to ask them.
    pub(crate) fn registries_of(&self, name: &PackageName) -> Vec<&str> {
        if let Some(registry) = self.routes.get(name) {
            return vec![registry];
        }
        let home = self.settings.registry_of(name);
        let upstreams = self.settings.upstreams.iter().map(String::as_str);
        let behind = upstreams.filter(|_| self.settings.falls_back(name));
        [home].into_iter().chain(behind).collect()
    }
}

/// Whether a package from git is said to need another.
fn is_needed_by_git(lock: &Lockfile, name: &PackageName) -> bool {
    lock.packages.values().any(|package| {
        matches!(package.source, LockedSource::Git { .. }) && package.dependencies.contains(name)
    })
}

fn place(source: &LockedSource) -> String {
    match source {
        LockedSource::Registry(name) => format!("the registry `{name}`"),
        LockedSource::Git { url, .. } => format!("git `{url}`"),
        LockedSource::Path(path) => format!("the folder `{path}`"),
    }
}

fn registries(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [one] => format!("the registry {one}"),
        all => format!("the registries {}", all.join(", ")),
    }
}

fn sources(dependencies: &[&Dependency]) -> String {
    let url = dependencies
        .iter()
        .find_map(|dependency| match &dependency.source {
            DependencySource::Git { url, .. } => Some(without_credentials(url)),
            _ => None,
        });
    url.map_or_else(
        || "another place".into(),
        |url| format!("git `{url}` at another branch, tag or revision"),
    )
}
