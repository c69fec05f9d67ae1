//! From files to packages: reads and parses each manifest once, and finds its workspace.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::{Path, PathBuf},
    sync::Arc,
};

use lumen_core::limits::{MAX_LOCKFILE_BYTES, MAX_MANIFEST_BYTES};
use lumen_core::{
    PackageName,
    lockfile::{Lockfile, Merge, MergeError},
    manifest::{self, Dependency, Manifest},
    problem::Problem,
    remedy::Remedy,
};

use super::{
    LOCKFILE, LocalPackage, MANIFEST, ProjectError, Surroundings, base_of, members::Patterns,
    normalize, owners, parent, relative, slashed, text_of,
};

/// The lock with its text, and its sides before they were merged.
type Locked = (Option<(Lockfile, Arc<str>)>, Option<Merge>);

/// Loads manifests, as they are or as they are about to be.
///
/// A file is read once, and a workspace's members are searched for once. So one loader sees
/// one state of the project, and its work grows with the number of members.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    /// The manifest the command names.
    pub(super) absolute: PathBuf,
    surroundings: Surroundings,
    root: PathBuf,
    /// Warnings, in the order of their files' first use.
    pub(super) warnings: Vec<Problem>,
    pub(super) edited: BTreeMap<PathBuf, String>,
    /// Whether a lock with the markers of a merge conflict is merged; otherwise it is an error.
    pub(super) merges: bool,
    texts: BTreeMap<PathBuf, Option<Text>>,
    parsed: BTreeMap<PathBuf, Parsed>,
    workspaces: BTreeMap<PathBuf, Workspace>,
    /// Files whose warnings are in `warnings`.
    used: BTreeSet<PathBuf>,
}

/// The text of a file.
#[derive(Debug, Clone)]
struct Text {
    source: Arc<str>,
    /// Where the file is when all links are followed; `None` for an edited one.
    real: Option<PathBuf>,
}

/// A manifest, as it is in its file.
#[derive(Debug, Clone)]
struct Parsed {
    source: Arc<str>,
    manifest: Arc<Manifest>,
    warnings: Vec<Problem>,
}

/// A folder whose manifest has `[workspace]`.
#[derive(Debug, Clone)]
struct Workspace {
    patterns: Arc<Patterns>,
    /// The folders of its members, once they were searched for.
    members: Option<Arc<BTreeSet<PathBuf>>>,
}

impl Loader {
    pub(super) fn new(manifest_file: &Path, surroundings: &Surroundings) -> Self {
        let absolute = normalize(&surroundings.working_dir.join(manifest_file));
        // Until the root is known, it may be any folder above with a manifest.
        let has_manifest = |dir: &&Path| dir.join(MANIFEST).symlink_metadata().is_ok();
        let own = parent(&absolute);
        let highest = own.ancestors().filter(has_manifest).last();
        Self {
            root: highest.unwrap_or(&own).to_owned(),
            absolute,
            surroundings: surroundings.clone(),
            warnings: Vec::new(),
            edited: BTreeMap::new(),
            merges: false,
            texts: BTreeMap::new(),
            parsed: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            used: BTreeSet::new(),
        }
    }

    /// The same, as if some manifests had other texts.
    pub(super) fn with_edited(&self, edited: BTreeMap<PathBuf, String>) -> Self {
        let mut other = self.clone();
        for file in self.edited.keys().chain(edited.keys()) {
            other.texts.remove(file);
            other.parsed.remove(file);
            other.workspaces.remove(&parent(file));
        }
        other.edited = edited;
        other.warnings.clear();
        other.used.clear();
        other
    }

    /// The workspace's root, or the folder of a package that is in none. From here on, files of
    /// the project must be in it.
    pub(super) fn project_root(&mut self) -> Result<PathBuf, ProjectError> {
        let dir = parent(&self.absolute);
        let root = self.workspace_root(&dir)?.unwrap_or(dir);
        if root != self.root {
            self.root.clone_from(&root);
            // Check again what was allowed below a higher folder.
            let mut folders = BTreeMap::new();
            self.texts.retain(|file, text| {
                let Some(real) = text.as_ref().and_then(|text| text.real.as_ref()) else {
                    return true;
                };
                let base = base_of(&root, file).to_owned();
                let base = folders
                    .entry(base)
                    .or_insert_with_key(|base| std::fs::canonicalize(base).ok());
                base.as_ref().is_some_and(|base| real.starts_with(base))
            });
            self.parsed.retain(|file, _| self.texts.contains_key(file));
        }
        Ok(root)
    }

    /// The nearest ancestor (or the folder itself) whose `[workspace]` has this folder as a member.
    ///
    /// One that belongs to another user is an error; without such a workspace it does not
    /// count, whatever it contains.
    pub(super) fn workspace_root(&mut self, dir: &Path) -> Result<Option<PathBuf>, ProjectError> {
        for candidate in dir.ancestors() {
            let file = candidate.join(MANIFEST);
            if !self.parsed.contains_key(&file) && !file.is_file() {
                continue;
            }
            let above = candidate != dir;
            let safe_folders = &self.surroundings.safe_folders;
            let checked = || owners::check(&file, &dir.join(MANIFEST), safe_folders);
            if above && let Err(refused) = checked() {
                let parsed = self
                    .parsed(&file)
                    .ok()
                    .map(|parsed| parsed.manifest.clone());
                let workspace = parsed.as_ref().and_then(|own| own.workspace.as_ref());
                let would_be = workspace.is_some_and(|workspace| {
                    let patterns = Patterns::lenient(&workspace.members, &workspace.exclude);
                    patterns.include(candidate, dir)
                });
                match would_be {
                    true => return Err(refused),
                    false => continue,
                }
            }
            if self.parse(&file)?.1.workspace.is_none() {
                continue;
            }
            if !above || self.is_member(candidate, dir)? {
                return Ok(Some(candidate.to_owned()));
            }
        }
        Ok(None)
    }

    /// Whether a workspace has a folder with a manifest as a member.
    fn is_member(&mut self, root: &Path, dir: &Path) -> Result<bool, ProjectError> {
        let workspace = self.workspace(root)?;
        match &workspace.members {
            Some(members) => Ok(members.contains(dir)),
            None => Ok(workspace.patterns.reach(root, dir)),
        }
    }

    /// The folders of a workspace's members.
    fn member_dirs(&mut self, root: &Path) -> Result<Arc<BTreeSet<PathBuf>>, ProjectError> {
        let workspace = self.workspace(root)?;
        if let Some(members) = &workspace.members {
            return Ok(members.clone());
        }
        let members = Arc::new(workspace.patterns.walk(root)?);
        workspace.members = Some(members.clone());
        Ok(members)
    }

    fn workspace(&mut self, root: &Path) -> Result<&mut Workspace, ProjectError> {
        let manifest = self.parsed(&root.join(MANIFEST))?.manifest.clone();
        match self.workspaces.entry(root.to_owned()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let patterns = match &manifest.workspace {
                    Some(section) => Patterns::parse(&section.members, &section.exclude)?,
                    None => Patterns::default(),
                };
                Ok(new.insert(Workspace {
                    patterns: Arc::new(patterns),
                    members: None,
                }))
            }
        }
    }

    /// The text of a manifest or another file of the project, as it was when it was first asked
    /// for; `None`: there is none.
    pub(super) fn text(
        &mut self,
        file: &Path,
        limit: usize,
        shown: &str,
    ) -> Result<Option<Arc<str>>, ProjectError> {
        if let Some(known) = self.texts.get(file) {
            return Ok(known.as_ref().map(|text| text.source.clone()));
        }
        let text = match self.edited.get(file) {
            Some(text) => Some(Text {
                source: text.as_str().into(),
                real: None,
            }),
            None => {
                let base = base_of(&self.root, file);
                text_of(base, file, limit as u64, shown)?.map(|(text, real)| Text {
                    source: text.into(),
                    real: Some(real),
                })
            }
        };
        let source = text.as_ref().map(|text| text.source.clone());
        self.texts.insert(file.to_owned(), text);
        Ok(source)
    }

    /// A manifest; does not report its warnings.
    fn parsed(&mut self, file: &Path) -> Result<&Parsed, ProjectError> {
        if !self.parsed.contains_key(file) {
            let shown = self.shown(file);
            let source = self
                .text(file, MAX_MANIFEST_BYTES, &shown)?
                .ok_or_else(|| ProjectError::NotFound(parent(file)))?;
            let parsed = manifest::parse(&shown, &source);
            let Some(manifest) = parsed.manifest else {
                return Err(ProjectError::Problems(parsed.problems));
            };
            let parsed = Parsed {
                source,
                manifest: Arc::new(manifest),
                warnings: parsed.problems,
            };
            self.parsed.insert(file.to_owned(), parsed);
        }
        self.parsed
            .get(file)
            .ok_or_else(|| ProjectError::NotFound(parent(file)))
    }

    /// A manifest of the project.
    fn parse(&mut self, file: &Path) -> Result<(Arc<str>, Arc<Manifest>), ProjectError> {
        let parsed = self.parsed(file)?.clone();
        if self.used.insert(file.to_owned()) {
            self.warnings.extend(parsed.warnings);
        }
        Ok((parsed.source, parsed.manifest))
    }

    /// The lock file of the project, and its text; with the two sides of a merge conflict if
    /// there is one, and they may be merged.
    pub(super) fn lock(&mut self, root: &Path) -> Result<Locked, ProjectError> {
        let file = root.join(LOCKFILE);
        let Some(text) = self.text(&file, MAX_LOCKFILE_BYTES, LOCKFILE)? else {
            return Ok((None, None));
        };
        if self.merges {
            match Merge::parse(LOCKFILE, &text) {
                Ok(None) => {}
                Ok(Some((lock, merge))) => return Ok((Some((lock, text)), Some(merge))),
                Err(MergeError::Malformed(problem)) => {
                    return Err(ProjectError::Problems(vec![*problem]));
                }
                Err(MergeError::Contradiction(problem)) => {
                    return Err(ProjectError::Contradiction(problem));
                }
            }
        }
        let lock = Lockfile::parse(LOCKFILE, &text)
            .map_err(|problem| ProjectError::Problems(vec![problem]))?;
        Ok((Some((lock, text)), None))
    }

    /// Loads the package in a folder, inheriting from its workspace.
    pub(super) fn package(&mut self, dir: &Path) -> Result<LocalPackage, ProjectError> {
        let file = dir.join(MANIFEST);
        let (source, own) = self.parse(&file)?;
        let shown = self.shown(&file);
        let root = self.workspace_root(dir)?.filter(|root| root != dir);
        let base = match &root {
            Some(root) => self.parse(&root.join(MANIFEST))?.1,
            None => own.clone(),
        };
        let member_dir = root
            .as_deref()
            .map(|root| slashed(&relative(root, dir)))
            .unwrap_or_default();
        let own = Manifest::clone(&own);
        // A package that is its own root has nobody to inherit from, unless it is a workspace.
        if base.workspace.is_none() {
            let problems = own.without_workspace(&shown, &source);
            if !problems.is_empty() {
                return Err(ProjectError::Problems(problems));
            }
        }
        let mut manifest = own
            .with_workspace(&base, &shown, &source)
            .map_err(ProjectError::Problems)?;
        manifest.rebase_inherited(&member_dir);
        Ok(LocalPackage {
            dir: dir.to_owned(),
            relative: slashed(&relative(&self.root, dir)),
            file: shown,
            source,
            manifest: Arc::new(manifest),
        })
    }

    pub(super) fn members(
        &mut self,
        root: &LocalPackage,
    ) -> Result<Vec<LocalPackage>, ProjectError> {
        if root.manifest.workspace.is_none() {
            return Ok(Vec::new());
        }
        let dirs = self.member_dirs(&root.dir)?;
        let idle = idle_patterns(root, &dirs)?;
        let new = idle
            .into_iter()
            .filter(|warning| !self.warnings.contains(warning));
        let new: Vec<Problem> = new.collect();
        self.warnings.extend(new);
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
        let refuse = |what: String, hint: Remedy| {
            ProjectError::Problems(vec![from.problem(&dependency.span, what, "").hint(hint)])
        };
        if !dir.join(MANIFEST).is_file() {
            let what = format!(
                "the path dependency `{name}` has no `lumen.toml` in `{}`",
                dir.display()
            );
            return Err(refuse(what, Remedy::MakePackage));
        }
        let package = self.package(dir)?;
        match package.name() {
            Some(found) if found == name => Ok(package),
            Some(found) => Err(refuse(
                format!(
                    "the folder `{}` holds `{found}`, not `{name}`",
                    package.relative
                ),
                format!("write `{found} = …`, or correct the path").into(),
            )),
            None => Err(refuse(
                format!("`{}` has no [package] table", package.file),
                "name the folder of a package".into(),
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
        file.strip_prefix(&self.surroundings.working_dir)
            .unwrap_or(file)
            .display()
            .to_string()
    }
}

/// Warnings about patterns of `members` that no member fits.
fn idle_patterns(
    root: &LocalPackage,
    dirs: &BTreeSet<PathBuf>,
) -> Result<Vec<Problem>, ProjectError> {
    let Some(workspace) = &root.manifest.workspace else {
        return Ok(Vec::new());
    };
    let mut warnings = Vec::new();
    let spans = workspace.member_spans.iter();
    for (pattern, span) in workspace.members.iter().zip(spans) {
        let alone = Patterns::parse(std::slice::from_ref(pattern), &[])?;
        if dirs.iter().any(|dir| alone.include(&root.dir, dir)) {
            continue;
        }
        let what = format!("`members` has `{pattern}`, but no member is there");
        let hint = "each member is a folder with a `lumen.toml`; correct the pattern, or remove it";
        warnings.push(root.warning(span, what).hint(hint));
    }
    Ok(warnings)
}
