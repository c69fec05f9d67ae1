//! The real contents of a project, compared with those that an install would make.
//!
//! This module trusts no record: it reads every link, and compares every file that is not
//! behind a link into the store with the package.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use lumen_core::PackageName;
use lumen_durable::{Folder, Step};

use super::{
    LinkError, PACKAGES, Place, Plan, Planned, imports::Ground, installed, link_text, plain,
    wanted::Wanted,
};
use crate::{
    cas::{Drift, DriftKind, Store},
    project::DOT_LUMEN,
};

/// How a package is in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// Not at all, or by a link that leads elsewhere, or that leads to nothing.
    Not,
    /// By the right link.
    Linked,
    /// As files of its own, with these differences from the package.
    Files(Vec<Drift>),
}

/// A project that was checked.
#[derive(Debug)]
pub struct Audit<'p> {
    place: &'p Place,
    plan: &'p Plan,
    packages: Option<Folder>,
    wanted: Wanted,
}

impl<'p> Audit<'p> {
    /// Starts to look.
    ///
    /// # Errors
    /// When the plan makes no sense, or any I/O error.
    pub fn new(place: &'p Place, plan: &'p Plan) -> Result<Self, LinkError> {
        Ok(Self {
            place,
            plan,
            packages: place.dot.open_inside(PACKAGES)?,
            wanted: Wanted::new(plan)?,
        })
    }

    /// Looks at one package.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn package(&self, store: &Store, name: &PackageName) -> io::Result<Placed> {
        let (Some(packages), Some(planned)) = (&self.packages, self.plan.packages.get(name)) else {
            return Ok(Placed::Not);
        };
        let parent = match packages.descend(name.scope().unwrap_or_default())? {
            Step::Folder(parent) => parent,
            Step::Absent | Step::Blocked(_) => return Ok(Placed::Not),
        };
        if let Some(found) = parent.link(name.bare()) {
            let right = self.is_right(name, planned, &found);
            return Ok(match right && parent.leads_to_folder(name.bare()) {
                true => Placed::Linked,
                false => Placed::Not,
            });
        }
        let folder = match parent.open_inside(name.bare()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let (path, kind) = (String::new(), DriftKind::Mode);
                return Ok(Placed::Files(vec![Drift { path, kind }]));
            }
            folder => folder?,
        };
        let (Some(folder), Some(digest)) = (folder, planned.digest) else {
            return Ok(Placed::Not);
        };
        let drifts = store.compare(&digest, &folder)?;
        Ok(drifts.map_or(Placed::Not, Placed::Files))
    }

    fn is_right(&self, name: &PackageName, planned: &Planned, found: &Path) -> bool {
        let mode = lumen_core::manifest::LinkMode::Symlink;
        let target = installed(&self.place.path, mode, name, planned).target;
        let packages = self.place.path.join(DOT_LUMEN).join(PACKAGES);
        plain(found) == link_text(&packages.join(name.as_str()), &target)
    }

    /// Import links that are missing or lead elsewhere, by the package that they are of.
    pub fn imports(&self) -> BTreeMap<&PackageName, &str> {
        let ground = Ground::new(self.place, None);
        let wrong = self.wanted.links.iter();
        let wrong = wrong.filter(|(path, link)| !link.own && !ground.has(path, &link.target));
        wrong
            .map(|(path, link)| (&link.package, path.as_str()))
            .collect()
    }

    /// Paths among the packages that belong to none, relative to the project. `locked`: packages
    /// that belong there too, though the plan cannot have them since the store lacks them.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn strays<'n>(
        &'n self,
        locked: impl Iterator<Item = &'n PackageName>,
    ) -> io::Result<Vec<String>> {
        let Some(packages) = &self.packages else {
            return Ok(Vec::new());
        };
        let names: Vec<&PackageName> = self.plan.packages.keys().chain(locked).collect();
        let known: BTreeSet<&str> = names.iter().map(|name| name.as_str()).collect();
        let scopes: BTreeSet<&str> = names.iter().filter_map(|name| name.scope()).collect();
        let mut strays = Vec::new();
        let mut stray = |path: &str| strays.push(format!("{DOT_LUMEN}/{PACKAGES}/{path}"));
        for name in packages.names()? {
            let name = name.to_string_lossy();
            match packages.open_inside(&*name)? {
                Some(folder) if scopes.contains(&*name) => {
                    for inner in folder.names()? {
                        let path = format!("{name}/{}", inner.to_string_lossy());
                        if !known.contains(path.as_str()) {
                            stray(&path);
                        }
                    }
                }
                _ if known.contains(&*name) => {}
                _ => stray(&name),
            }
        }
        Ok(strays)
    }
}
