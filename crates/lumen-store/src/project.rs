//! A project on disk: where its root is, which packages belong to it, its lock file.

pub mod files;
mod loader;
mod members;
mod owners;
mod paths;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use lumen_core::limits::MAX_LOCKFILE_BYTES;
use lumen_core::{
    PackageName,
    lockfile::Lockfile,
    manifest::{Dependency, DependencySource, Manifest},
    problem::{Place, Problem},
};
use lumen_durable::{Folder, owner::Owner};

pub use owners::SAFE_FOLDERS;
pub use paths::{normalize, relative, slashed};

use loader::Loader;

/// File name of a manifest.
pub const MANIFEST: &str = "lumen.toml";
/// File name of a lock file.
pub const LOCKFILE: &str = "lumen.lock";
/// Folder of everything an install makes, inside the project.
pub const DOT_LUMEN: &str = ".lumen";

/// A package whose files lie on this machine: a workspace member or a path dependency.
#[derive(Debug, Clone)]
pub struct LocalPackage {
    /// Its folder, absolute.
    pub dir: PathBuf,
    /// Its folder relative to the project root, with `/`; empty for the root itself.
    pub relative: String,
    /// Its manifest as the user knows it, for messages.
    pub file: String,
    /// The manifest's text.
    pub source: Arc<str>,
    /// The manifest, workspace inheritance resolved.
    pub manifest: Manifest,
}

/// A project: one lock file, one or more packages.
#[derive(Debug)]
pub struct Project {
    /// The folder with the lock file, absolute.
    pub root: PathBuf,
    /// The root's manifest; a workspace root may have no package.
    pub root_package: LocalPackage,
    /// Workspace members, and the root if it is a package; sorted by folder.
    pub members: Vec<LocalPackage>,
    /// Index in `members` of the package the command was run in, if it was run in one.
    pub current: Option<usize>,
    /// The lock file and its text, if there is one.
    pub lock: Option<(Lockfile, String)>,
    /// Warnings about the manifests.
    pub warnings: Vec<Problem>,
    /// Manifests that are to be changed, and their new texts; the project is loaded as if they were.
    pub edited: BTreeMap<PathBuf, String>,
}

/// Why a project cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No `lumen.toml` here or above.
    #[error("no `lumen.toml` in `{}` or any folder above it", .0.display())]
    NotFound(PathBuf),
    /// Something is wrong with a manifest or the lock file; all that was found.
    #[error("{}", .0.first().map_or("the project is invalid", |problem| problem.what.as_str()))]
    Problems(Vec<Problem>),
    /// A file of the project is a link that leads out of it.
    #[error("`{}` leads to `{}`, outside of the project", .file.display(), .target.display())]
    Outside {
        /// The file.
        file: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A manifest above the package belongs to somebody else.
    #[error("`{}` would decide about this project, but belongs to {owner}", .file.display())]
    Foreign {
        /// The manifest.
        file: PathBuf,
        /// Who owns it.
        owner: Owner,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Project {
    /// Finds the manifest for a command run in `start`: the nearest `lumen.toml` upwards.
    ///
    /// # Errors
    /// When there is none, or one above `start` belongs to somebody else.
    pub fn find(start: &Path) -> Result<PathBuf, ProjectError> {
        let candidates = start.ancestors().map(|dir| dir.join(MANIFEST));
        let file = candidates
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| ProjectError::NotFound(start.to_owned()))?;
        if parent(&file) != start {
            owners::check(&file, start)?;
        }
        Ok(file)
    }

    /// The folder of the project that the manifest file belongs to, from manifests alone.
    ///
    /// # Errors
    /// When a manifest on the way is unreadable or invalid.
    pub fn root_of(manifest_file: &Path) -> Result<PathBuf, ProjectError> {
        let mut loader = Loader::new(manifest_file, BTreeMap::new())?;
        loader.project_root()
    }

    /// Loads the project that the manifest file belongs to.
    ///
    /// # Errors
    /// When a manifest or the lock file is unreadable or invalid.
    pub fn load(manifest_file: &Path) -> Result<Self, ProjectError> {
        Self::load_edited(manifest_file, BTreeMap::new())
    }

    /// Loads the project as if some manifests had other texts; nothing is written.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn load_edited(
        manifest_file: &Path,
        edited: BTreeMap<PathBuf, String>,
    ) -> Result<Self, ProjectError> {
        let mut loader = Loader::new(manifest_file, edited)?;
        let dir = parent(&loader.absolute);
        let root_dir = loader.project_root()?;
        loader.root.clone_from(&root_dir);
        let root_package = loader.package(&root_dir)?;
        let mut members = loader.members(&root_package)?;
        if root_package.manifest.package.is_some() {
            members.push(root_package.clone());
        }
        members.sort_by(|a, b| a.relative.cmp(&b.relative));
        loader.refuse_twins(&members)?;
        let current = members.iter().position(|member| member.dir == dir);
        let lock = read_lock(&root_dir)?;
        let Loader {
            warnings, edited, ..
        } = loader;
        Ok(Self {
            root: root_dir,
            root_package,
            members,
            current,
            lock,
            warnings,
            edited,
        })
    }

    /// The member the command was run in; the only member when there is just one.
    pub fn current_member(&self) -> Option<&LocalPackage> {
        match (self.current, self.members.as_slice()) {
            (Some(at), members) => members.get(at),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// All packages reachable from the members and patches by `path`, members included, by name.
    ///
    /// # Errors
    /// When a path dependency is missing, invalid, or has another name than asked for.
    pub fn local_packages(&self) -> Result<BTreeMap<PackageName, LocalPackage>, ProjectError> {
        let mut loader = Loader::new(&self.root.join(MANIFEST), self.edited.clone())?;
        loader.root.clone_from(&self.root);
        let mut found: BTreeMap<PackageName, LocalPackage> = BTreeMap::new();
        let mut queue: Vec<LocalPackage> = self.members.clone();
        queue.extend(
            self.root_package
                .manifest
                .package
                .is_none()
                .then(|| self.root_package.clone()),
        );
        for member in &self.members {
            found.extend(member.name().map(|name| (name.clone(), member.clone())));
        }
        while let Some(package) = queue.pop() {
            let is_member = package.dir == self.root
                || self.members.iter().any(|member| member.dir == package.dir);
            for (name, dependency) in path_dependencies(&package.manifest, is_member) {
                let DependencySource::Path { path, .. } = &dependency.source else {
                    continue;
                };
                let dir = normalize(&package.dir.join(path));
                if found.get(name).is_some_and(|known| known.dir == dir) {
                    continue;
                }
                let target = loader.dependency(&package, name, dependency, &dir)?;
                if let Some(other) = found.get(name) {
                    let what = format!(
                        "`{name}` is used from two folders, `{}` and `{}`",
                        other.relative, target.relative
                    );
                    return Err(ProjectError::Problems(vec![package.problem(
                        &dependency.span,
                        what,
                        "",
                    )]));
                }
                found.insert(name.clone(), target.clone());
                queue.push(target);
            }
        }
        Ok(found)
    }

    /// Writes one of the project's files, or the file of the project that it is a link to.
    ///
    /// # Errors
    /// When it leads out of the project, or any I/O error.
    pub fn write(&self, file: &Path, text: &str) -> Result<(), ProjectError> {
        files::write(base_of(&self.root, file), file, text.as_bytes())
    }
}

impl LocalPackage {
    /// The package's name; a workspace root may have none.
    pub fn name(&self) -> Option<&PackageName> {
        self.manifest.package.as_ref().map(|package| &package.name)
    }

    /// An error that points into this manifest.
    pub fn problem(
        &self,
        span: &std::ops::Range<usize>,
        what: impl Into<String>,
        label: impl Into<String>,
    ) -> Problem {
        let place = Place {
            file: self.file.clone(),
            source: self.source.clone(),
            span: span.clone(),
            label: label.into(),
        };
        Problem::error(what).at(place)
    }
}

/// Dependencies by path: for a member also those of development and of `[patch]`.
fn path_dependencies(
    manifest: &Manifest,
    is_member: bool,
) -> impl Iterator<Item = (&PackageName, &Dependency)> {
    let own = is_member.then(|| manifest.dev_dependencies.iter().chain(&manifest.patches));
    let all = manifest
        .dependencies
        .iter()
        .chain(own.into_iter().flatten());
    all.filter(|(_, dependency)| matches!(dependency.source, DependencySource::Path { .. }))
}

/// The bytes of a manifest or a lock file, to compare them with known ones; `None` for what
/// cannot be one.
pub fn peek(file: &Path) -> Option<Vec<u8>> {
    let folder = Folder::open_named(file.parent()?).ok()?;
    match folder.read_limited(file.file_name()?, MAX_LOCKFILE_BYTES as u64) {
        Ok(Some(bytes)) => Some(bytes),
        // Perhaps a link inside the project; it is looked at closely before it is used.
        _ => files::read(file.parent()?, file, MAX_LOCKFILE_BYTES as u64).ok()?,
    }
}

fn read_lock(root: &Path) -> Result<Option<(Lockfile, String)>, ProjectError> {
    let Some(text) = read_limited(
        root,
        &root.join(LOCKFILE),
        MAX_LOCKFILE_BYTES as u64,
        LOCKFILE,
    )?
    else {
        return Ok(None);
    };
    let lock = Lockfile::parse(LOCKFILE, &text)
        .map_err(|problem| ProjectError::Problems(vec![problem]))?;
    Ok(Some((lock, text)))
}

/// Reads a text file of the project in `base`; `None`: there is none.
fn read_limited(
    base: &Path,
    file: &Path,
    limit: u64,
    shown: &str,
) -> Result<Option<String>, ProjectError> {
    let problem = |what: String| {
        let hint = format!("restore `{shown}` from version control, or write it anew");
        ProjectError::Problems(vec![Problem::error(what).hint(hint)])
    };
    let bytes = match files::read(base, file, limit) {
        Err(ProjectError::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(problem(format!("`{shown}` is larger than {limit} bytes")));
        }
        result => result?,
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| {
        problem(format!(
            "`{shown}` is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Some(text))
}

/// The folder that a file must not lead out of: the project's, or its own when it is a path
/// dependency outside of it.
fn base_of<'p>(root: &'p Path, file: &'p Path) -> &'p Path {
    match file.starts_with(root) {
        true => root,
        false => file.parent().unwrap_or(file),
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    fn world(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn package(name: &str, more: &str) -> String {
        format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}")
    }

    #[test]
    fn workspace_members_are_found_from_a_member() {
        let dir = world(&[
            (
                "lumen.toml",
                "[workspace]\nmembers = [\"packages/*\", \"tool\"]\nexclude = [\"packages/old\"]\n",
            ),
            ("packages/a/lumen.toml", &package("a", "")),
            (
                "packages/b/lumen.toml",
                &package("b", "[dependencies]\na = { path = \"../a\" }\n"),
            ),
            ("packages/old/lumen.toml", &package("old", "")),
            ("packages/.hidden/lumen.toml", "broken"),
            ("packages/notes/readme.txt", ""),
            ("tool/lumen.toml", &package("tool", "")),
        ]);
        let root = normalize(dir.path());
        let project = Project::load(&root.join("packages/b/lumen.toml")).unwrap();
        assert_eq!(project.root, root);
        let members: Vec<&str> = project
            .members
            .iter()
            .map(|member| member.relative.as_str())
            .collect();
        assert_eq!(members, ["packages/a", "packages/b", "tool"]);
        assert_eq!(project.current_member().unwrap().relative, "packages/b");
        assert_eq!(project.local_packages().unwrap().len(), 3);
    }

    #[test]
    fn path_dependencies_are_followed_and_checked() {
        let dir = world(&[
            (
                "app/lumen.toml",
                &package("app", "[dependencies]\nlib = { path = \"../lib\" }\n"),
            ),
            (
                "lib/lumen.toml",
                &package("lib", "[dependencies]\nbase = { path = \"../base\" }\n"),
            ),
            ("base/lumen.toml", &package("base", "")),
            (
                "wrong/lumen.toml",
                &package("wrong", "[dependencies]\nother = { path = \"../base\" }\n"),
            ),
            (
                "gone/lumen.toml",
                &package("gone", "[dependencies]\nbase = { path = \"../nowhere\" }\n"),
            ),
        ]);
        let root = normalize(dir.path());
        let load = |name: &str| Project::load(&root.join(name).join(MANIFEST)).unwrap();
        let found = load("app").local_packages().unwrap();
        let relative: Vec<&str> = found
            .values()
            .map(|package| package.relative.as_str())
            .collect();
        assert_eq!(relative, ["", "../base", "../lib"]);
        assert!(
            load("wrong")
                .local_packages()
                .unwrap_err()
                .to_string()
                .contains("holds `base`, not `other`")
        );
        assert!(
            load("gone")
                .local_packages()
                .unwrap_err()
                .to_string()
                .contains("has no `lumen.toml`")
        );
    }

    #[test]
    fn a_missing_manifest_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            Project::find(dir.path()),
            Err(ProjectError::NotFound(_))
        ));
    }
}
