//! A project on disk: where its root is, which packages belong to it, its lock file.

use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use fs_err as fs;
use lumen_core::{
    PackageName,
    lockfile::Lockfile,
    manifest::{self, Dependency, DependencySource, Manifest},
    problem::{Place, Problem, Severity},
};

/// File name of a manifest.
pub const MANIFEST: &str = "lumen.toml";
/// File name of a lock file.
pub const LOCKFILE: &str = "lumen.lock";
/// Folder of everything an install makes, inside the project.
pub const DOT_LUMEN: &str = ".lumen";

/// Largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// Largest lock file that is read, in bytes.
const MAX_LOCKFILE: u64 = 64 << 20;

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
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Project {
    /// Finds the manifest for a command run in `start`: the nearest `lumen.toml` upwards.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(start: &Path) -> Result<PathBuf, ProjectError> {
        let candidates = start.ancestors().map(|dir| dir.join(MANIFEST));
        candidates
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| ProjectError::NotFound(start.to_owned()))
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
        let root_dir = loader.workspace_root(&dir)?.unwrap_or_else(|| dir.clone());
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

    /// The folder an install writes to.
    pub fn dot_lumen(&self) -> PathBuf {
        self.root.join(DOT_LUMEN)
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

struct Loader {
    /// The manifest the command names.
    absolute: PathBuf,
    /// Where relative paths in messages start.
    working_dir: PathBuf,
    root: PathBuf,
    warnings: Vec<Problem>,
    edited: BTreeMap<PathBuf, String>,
}

impl Loader {
    fn new(manifest_file: &Path, edited: BTreeMap<PathBuf, String>) -> Result<Self, ProjectError> {
        let working_dir = std::env::current_dir()?;
        let absolute = normalize(&working_dir.join(manifest_file));
        Ok(Self {
            root: parent(&absolute),
            absolute,
            working_dir,
            warnings: Vec::new(),
            edited,
        })
    }

    /// The nearest ancestor (or the folder itself) whose `[workspace]` has this folder as a member.
    fn workspace_root(&mut self, dir: &Path) -> Result<Option<PathBuf>, ProjectError> {
        for candidate in dir.ancestors() {
            let file = candidate.join(MANIFEST);
            if !file.is_file() {
                continue;
            }
            let (_, manifest) = self.parse(&file)?;
            let Some(workspace) = &manifest.workspace else {
                continue;
            };
            if candidate == dir
                || member_dirs(candidate, &workspace.members, &workspace.exclude)?
                    .iter()
                    .any(|member| member == dir)
            {
                return Ok(Some(candidate.to_owned()));
            }
        }
        Ok(None)
    }

    fn parse(&mut self, file: &Path) -> Result<(Arc<str>, Manifest), ProjectError> {
        let shown = self.shown(file);
        let source = match self.edited.get(file) {
            Some(text) => text.clone(),
            None => read_limited(file, MAX_MANIFEST, &shown)?,
        };
        let parsed = manifest::parse(&shown, &source);
        let (errors, warnings): (Vec<_>, Vec<_>) = parsed
            .problems
            .into_iter()
            .partition(|problem| problem.severity == Severity::Error);
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        match parsed.manifest {
            Some(manifest) if errors.is_empty() => Ok((source.into(), manifest)),
            _ => Err(ProjectError::Problems(errors)),
        }
    }

    /// Loads the package in a folder, inheriting from its workspace.
    fn package(&mut self, dir: &Path) -> Result<LocalPackage, ProjectError> {
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
        for dependency in manifest
            .dependencies
            .values_mut()
            .chain(manifest.dev_dependencies.values_mut())
        {
            if let (true, DependencySource::Path { path, .. }) =
                (dependency.inherited, &mut dependency.source)
            {
                *path = manifest::rebase(path, &member_dir);
            }
        }
        Ok(LocalPackage {
            dir: dir.to_owned(),
            relative: slashed(&relative(&self.root, dir)),
            file: shown,
            source,
            manifest,
        })
    }

    fn members(&mut self, root: &LocalPackage) -> Result<Vec<LocalPackage>, ProjectError> {
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
    fn dependency(
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

    fn refuse_twins(&self, members: &[LocalPackage]) -> Result<(), ProjectError> {
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
    fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.working_dir)
            .unwrap_or(file)
            .display()
            .to_string()
    }
}

/// Folders with a manifest that match `members` and not `exclude`, sorted.
fn member_dirs(
    root: &Path,
    members: &[String],
    exclude: &[String],
) -> Result<Vec<PathBuf>, ProjectError> {
    let mut found = Vec::new();
    for pattern in members {
        expand(root, pattern, &mut found)?;
    }
    let mut excluded = Vec::new();
    for pattern in exclude {
        expand(root, pattern, &mut excluded)?;
    }
    found.retain(|dir| !excluded.contains(dir) && dir.join(MANIFEST).is_file());
    found.sort();
    found.dedup();
    Ok(found)
}

fn expand(root: &Path, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let mut level = vec![root.to_owned()];
    for segment in pattern
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
    {
        if !segment.contains(['*', '?', '[', '{']) {
            level = level
                .iter()
                .map(|dir| normalize(&dir.join(segment)))
                .collect();
            continue;
        }
        let glob = globset::Glob::new(segment).map_err(|error| {
            let problem = Problem::error(format!(
                "`{pattern}` is not a pattern for workspace members: {}",
                error.kind()
            ));
            ProjectError::Problems(vec![problem])
        })?;
        let matcher = glob.compile_matcher();
        let mut next = Vec::new();
        for dir in level.iter().filter(|dir| dir.is_dir()) {
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if !hidden && matcher.is_match(entry.file_name()) && entry.path().is_dir() {
                    next.push(entry.path());
                }
            }
        }
        level = next;
    }
    found.extend(level);
    Ok(())
}

fn read_lock(root: &Path) -> Result<Option<(Lockfile, String)>, ProjectError> {
    let file = root.join(LOCKFILE);
    if !file.is_file() {
        return Ok(None);
    }
    let text = read_limited(&file, MAX_LOCKFILE, LOCKFILE)?;
    let lock = Lockfile::parse(LOCKFILE, &text)
        .map_err(|problem| ProjectError::Problems(vec![problem]))?;
    Ok(Some((lock, text)))
}

fn read_limited(file: &Path, limit: u64, shown: &str) -> Result<String, ProjectError> {
    let problem = |what: String| ProjectError::Problems(vec![Problem::error(what)]);
    if fs::metadata(file)?.len() > limit {
        return Err(problem(format!("`{shown}` is larger than {limit} bytes")));
    }
    String::from_utf8(fs::read(file)?).map_err(|error| {
        problem(format!(
            "`{shown}` is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to()
        ))
    })
}

/// Resolves `.` and `..` by their text, so that a folder has one spelling.
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    out
}

/// The path from one folder to another; both absolute and normalized.
pub fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A relative path with `/` whatever the system.
pub fn slashed(path: &Path) -> String {
    path.components()
        .map(|component| component.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
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
    fn paths_are_normalized_and_related() {
        let path = |text: &str| PathBuf::from(text);
        assert_eq!(normalize(&path("/a/./b/../c")), path("/a/c"));
        assert_eq!(normalize(&path("/../a")), path("/a"));
        assert_eq!(relative(&path("/a/b"), &path("/a/c/d")), path("../c/d"));
        assert_eq!(slashed(&relative(&path("/a"), &path("/a"))), "");
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
