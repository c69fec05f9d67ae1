//! One state of a project: before it is locked, and when it is loaded.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use lumen_core::limits::{MAX_LOCKFILE_BYTES, MAX_MANIFEST_BYTES};
use lumen_core::problem::Problem;

use super::{LOCKFILE, LocalPackage, Project, ProjectError, Surroundings, loader::Loader, parent};

/// One state of a project's files: each is read when it is first asked for, and then kept.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) loader: Loader,
}

impl Snapshot {
    /// A snapshot of the project that the manifest file belongs to; nothing is read yet.
    pub fn of(manifest_file: &Path, surroundings: &Surroundings) -> Self {
        let loader = Loader::new(manifest_file, surroundings);
        Self { loader }
    }

    /// The same, for a command that writes the lock anew: one with the markers of a merge
    /// conflict is merged.
    #[must_use]
    pub fn merging(mut self) -> Self {
        self.loader.merges = true;
        self
    }

    /// The folder of the project, from manifests alone.
    ///
    /// # Errors
    /// When a manifest on the way is unreadable or invalid.
    pub fn root(&mut self) -> Result<PathBuf, ProjectError> {
        self.loader.project_root()
    }

    /// The text of a manifest or a lock file, to compare it with a known one; `None` for a
    /// file that cannot be one.
    pub fn peek(&mut self, file: &Path) -> Option<Arc<str>> {
        let limit = match file.ends_with(LOCKFILE) {
            true => MAX_LOCKFILE_BYTES,
            false => MAX_MANIFEST_BYTES,
        };
        let shown = self.loader.shown(file);
        let text = self.loader.text(file, limit, &shown);
        text.ok().flatten()
    }

    /// Warnings about the manifests that were used so far.
    pub fn warnings(&self) -> &[Problem] {
        &self.loader.warnings
    }

    /// The package in a folder, with the values that it inherits from its workspace.
    ///
    /// # Errors
    /// When its manifest or its workspace's is unreadable or invalid.
    pub fn package(&mut self, dir: &Path) -> Result<LocalPackage, ProjectError> {
        self.loader.package(dir)
    }

    /// The package of the project's root, and the members of the workspace, sorted by folder.
    /// The root is a member, too, if it is a package, or asks for packages without being one.
    ///
    /// # Errors
    /// When a manifest is unreadable or invalid.
    pub fn packages(&mut self) -> Result<(LocalPackage, Vec<LocalPackage>), ProjectError> {
        let root_dir = self.loader.project_root()?;
        let root = self.loader.package(&root_dir)?;
        let mut members = self.loader.members(&root)?;
        let manifest = &root.manifest;
        let asks = !(manifest.dependencies.is_empty() && manifest.dev_dependencies.is_empty());
        if manifest.package.is_some() || manifest.workspace.is_none() || asks {
            members.push(root.clone());
        }
        members.sort_by(|a, b| a.relative.cmp(&b.relative));
        Ok((root, members))
    }

    /// The project, with its lock.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn load(mut self) -> Result<Project, ProjectError> {
        let (root_package, members) = self.packages()?;
        let Self { mut loader } = self;
        let dir = parent(&loader.absolute);
        let root_dir = root_package.dir.clone();
        loader.refuse_twins(&members)?;
        let current = members.iter().position(|member| member.dir == dir);
        let (lock, merge) = loader.lock(&root_dir)?;
        let dirs = members.iter().map(|member| member.dir.clone());
        let member_dirs = dirs.chain([root_dir.clone()]).collect();
        Ok(Project {
            root: root_dir,
            root_package,
            members,
            current,
            lock,
            merge,
            warnings: loader.warnings.clone(),
            edited: loader.edited.clone(),
            member_dirs,
            loader: Mutex::new(loader),
            locals: OnceLock::new(),
        })
    }
}
