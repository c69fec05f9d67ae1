//! From files to packages: parses manifests and finds each one's workspace.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use lumen_core::limits::MAX_MANIFEST_BYTES;
use lumen_core::{
    PackageName,
    manifest::{self, Dependency, Manifest},
    problem::Problem,
};

use super::{
    LocalPackage, MANIFEST, ProjectError, base_of,
    members::{is_member, member_dirs, would_be_member},
    normalize, owners, parent, read_limited, relative, slashed,
};

/// Loads manifests, as they are or as they are about to be.
pub(super) struct Loader {
    /// The manifest the command names.
    pub(super) absolute: PathBuf,
    /// Where relative paths in messages start.
    working_dir: PathBuf,
    pub(super) root: PathBuf,
    pub(super) warnings: Vec<Problem>,
    pub(super) edited: BTreeMap<PathBuf, String>,
}

impl Loader {
    pub(super) fn new(
        manifest_file: &Path,
        edited: BTreeMap<PathBuf, String>,
    ) -> Result<Self, ProjectError> {
        let working_dir = std::env::current_dir()?;
        let absolute = normalize(&working_dir.join(manifest_file));
        // Until the root is known, it may be any folder above with a manifest.
        let has_manifest = |dir: &&Path| dir.join(MANIFEST).symlink_metadata().is_ok();
        let own = parent(&absolute);
        let highest = own.ancestors().filter(has_manifest).last();
        Ok(Self {
            root: highest.unwrap_or(&own).to_owned(),
            absolute,
            working_dir,
            warnings: Vec::new(),
            edited,
        })
    }

    /// The workspace's root, or the folder of a package that is in none.
    pub(super) fn project_root(&mut self) -> Result<PathBuf, ProjectError> {
        let dir = parent(&self.absolute);
        Ok(self.workspace_root(&dir)?.unwrap_or(dir))
    }

    /// The nearest ancestor (or the folder itself) whose `[workspace]` has this folder as a member.
    ///
    /// One that belongs to somebody else is an error, and where it has no such workspace it
    /// does not count, whatever is in it.
    pub(super) fn workspace_root(&mut self, dir: &Path) -> Result<Option<PathBuf>, ProjectError> {
        for candidate in dir.ancestors() {
            let file = candidate.join(MANIFEST);
            if !file.is_file() {
                continue;
            }
            let above = candidate != dir;
            let allowed = match above {
                true => owners::check(&file, &dir.join(MANIFEST)),
                false => Ok(()),
            };
            if allowed.is_err() {
                let known = self.warnings.len();
                let parsed = self.parse(&file);
                self.warnings.truncate(known);
                let workspace = parsed.ok().and_then(|(_, manifest)| manifest.workspace);
                match workspace.is_some_and(|workspace| {
                    would_be_member(candidate, dir, &workspace.members, &workspace.exclude)
                }) {
                    true => allowed?,
                    false => continue,
                }
            }
            let (_, manifest) = self.parse(&file)?;
            let Some(workspace) = &manifest.workspace else {
                continue;
            };
            if !above || is_member(candidate, dir, &workspace.members, &workspace.exclude)? {
                return Ok(Some(candidate.to_owned()));
            }
        }
        Ok(None)
    }

    pub(super) fn parse(&mut self, file: &Path) -> Result<(Arc<str>, Manifest), ProjectError> {
        let shown = self.shown(file);
        let source = match self.edited.get(file) {
            Some(text) => text.clone(),
            None => {
                let base = base_of(&self.root, file);
                let text = read_limited(base, file, MAX_MANIFEST_BYTES as u64, &shown)?;
                text.ok_or_else(|| ProjectError::NotFound(parent(file)))?
            }
        };
        let parsed = manifest::parse(&shown, &source);
        let Some(manifest) = parsed.manifest else {
            return Err(ProjectError::Problems(parsed.problems));
        };
        for warning in parsed.problems {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok((source.into(), manifest))
    }

    /// Loads the package in a folder, inheriting from its workspace.
    pub(super) fn package(&mut self, dir: &Path) -> Result<LocalPackage, ProjectError> {
        let file = dir.join(MANIFEST);
        let (source, mut manifest) = self.parse(&file)?;
        let shown = self.shown(&file);
        let root = self.workspace_root(dir)?.filter(|root| root != dir);
        let base = match &root {
            Some(root) => self.parse(&root.join(MANIFEST))?.1,
            None => manifest.clone(),
        };
        let member_dir = root
            .as_deref()
            .map(|root| slashed(&relative(root, dir)))
            .unwrap_or_default();
        manifest = manifest
            .with_workspace(&base, &shown, &source)
            .map_err(ProjectError::Problems)?;
        manifest.rebase_inherited(&member_dir);
        Ok(LocalPackage {
            dir: dir.to_owned(),
            relative: slashed(&relative(&self.root, dir)),
            file: shown,
            source,
            manifest,
        })
    }

    pub(super) fn members(
        &mut self,
        root: &LocalPackage,
    ) -> Result<Vec<LocalPackage>, ProjectError> {
        let Some(workspace) = &root.manifest.workspace else {
            return Ok(Vec::new());
        };
        let dirs = member_dirs(&root.dir, &workspace.members, &workspace.exclude)?;
        dirs.iter()
            .filter(|dir| **dir != root.dir)
            .map(|dir| self.package(dir))
            .collect()
    }

    /// Loads a path dependency and checks that it is the package asked for.
    pub(super) fn dependency(
        &mut self,
        from: &LocalPackage,
        name: &PackageName,
        dependency: &Dependency,
        dir: &Path,
    ) -> Result<LocalPackage, ProjectError> {
        let refuse = |what: String, hint: &str| {
            ProjectError::Problems(vec![
                from.problem(&dependency.span, what, "")
                    .hint(hint.to_owned()),
            ])
        };
        if !dir.join(MANIFEST).is_file() {
            let what = format!(
                "the path dependency `{name}` has no `lumen.toml` in `{}`",
                dir.display()
            );
            return Err(refuse(
                what,
                "correct the path, or run `lumen pkg init` in that folder",
            ));
        }
        let package = self.package(dir)?;
        match package.name() {
            Some(found) if found == name => Ok(package),
            Some(found) => Err(refuse(
                format!(
                    "the folder `{}` holds `{found}`, not `{name}`",
                    package.relative
                ),
                &format!("write `{found} = …`, or correct the path"),
            )),
            None => Err(refuse(
                format!("`{}` has no [package] table", package.file),
                "name the folder of a package",
            )),
        }
    }

    pub(super) fn refuse_twins(&self, members: &[LocalPackage]) -> Result<(), ProjectError> {
        let mut seen: BTreeMap<&PackageName, &LocalPackage> = BTreeMap::new();
        for member in members {
            let Some(package) = &member.manifest.package else {
                continue;
            };
            if let Some(other) = seen.insert(&package.name, member) {
                let what = format!("two members of the workspace are called `{}`", package.name);
                let problem = member.problem(
                    &package.name_span,
                    what,
                    format!("also the name of `{}`", other.file),
                );
                return Err(ProjectError::Problems(vec![
                    problem.hint("rename one of them"),
                ]));
            }
        }
        Ok(())
    }

    /// A path as the user would write it: relative to the working folder when below it.
    pub(super) fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.working_dir)
            .unwrap_or(file)
            .display()
            .to_string()
    }
}
