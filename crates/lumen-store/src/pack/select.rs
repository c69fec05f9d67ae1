//! Which files of a folder make the package.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::{BadPath, BadPathRule, Note, NoteReason, PackError, PackOptions, Secret, secrets};
use crate::{
    archive::Limits,
    portable::{Kind, Names, PathRule, check_path},
};

/// Name of a manifest.
pub(super) const MANIFEST: &str = "lumen.toml";

/// Folders and files that are never part of a package, wherever they are.
const NEVER: [&str; 7] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".lumen",
    ".DS_Store",
    "Thumbs.db",
];

/// Files of the root that say something about this working copy: installs rewrite both.
const LOCAL: [&str; 2] = [".gitignore", "lumen.lock"];

/// Ignore files, the stronger one last.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".lumenignore"];

/// A file on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub size: u64,
    pub executable: bool,
}

/// The files of a package and what was left out.
pub(super) struct Selection {
    pub files: BTreeMap<String, Source>,
    pub notes: Vec<Note>,
}

/// Finds the files of a package.
pub(super) fn select(root: &Path, options: &PackOptions) -> Result<Selection, PackError> {
    let mut walk = Walk {
        root,
        real_root: fs::canonicalize(root)?,
        include: patterns(root, "include", &options.include)?,
        exact: options.include.iter().filter_map(|p| exact(p)).collect(),
        hidden: patterns(root, "include", &about_hidden(&options.include))?,
        exclude: patterns(root, "exclude", &options.exclude)?,
        files: BTreeMap::new(),
        notes: Vec::new(),
        outside: Vec::new(),
        bad: Vec::new(),
    };
    let mut above = ignores_above(root)?;
    walk.folder(root, "", &mut above)?;
    walk.named(&mut above)?;
    walk.manifest(options)?;
    walk.finish(options)
}

struct Walk<'r> {
    root: &'r Path,
    real_root: PathBuf,
    include: Option<Gitignore>,
    /// Paths that `include` names without wildcards.
    exact: BTreeSet<String>,
    /// Those patterns of `include` that name something hidden.
    hidden: Option<Gitignore>,
    exclude: Option<Gitignore>,
    files: BTreeMap<String, Source>,
    notes: Vec<Note>,
    outside: Vec<String>,
    bad: Vec<BadPath>,
}

impl Walk<'_> {
    /// Walks a folder; `ignores` are those above it, the strongest last.
    fn folder(
        &mut self,
        folder: &Path,
        relative: &str,
        ignores: &mut Vec<Gitignore>,
    ) -> Result<(), PackError> {
        let above = ignores.len();
        ignores.extend(ignores_in(folder)?);
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let path = join(relative, &name.to_string_lossy());
                let kind = entry.file_type()?;
                if !is_ignored(ignores, &entry.path(), kind.is_dir()) {
                    self.bad_path(path, PathRule::Encoding);
                }
                continue;
            };
            let path = join(relative, name);
            if NEVER.contains(&name) || LOCAL.contains(&path.as_str()) {
                continue;
            }
            self.entry(&entry.path(), path, ignores)?;
        }
        ignores.truncate(above);
        Ok(())
    }

    /// Looks at one file, folder or link.
    fn entry(
        &mut self,
        file: &Path,
        path: String,
        ignores: &mut Vec<Gitignore>,
    ) -> Result<(), PackError> {
        let metadata = fs::symlink_metadata(file)?;
        let named = self.exact.contains(&path);
        if !named && is_ignored(ignores, file, metadata.is_dir()) {
            return Ok(());
        }
        if metadata.is_dir() {
            if is_match(self.exclude.as_ref(), file, true) {
                return Ok(());
            }
            // A pattern about hidden files may mean one in here.
            if is_hidden(&path) && self.hidden.is_none() {
                return Ok(());
            }
            if !named && file.join(MANIFEST).is_file() {
                self.note(path, NoteReason::NestedPackage);
                return Ok(());
            }
            return self.folder(file, &path, ignores);
        }
        if !self.wanted(file, &path, named) {
            return Ok(());
        }
        if metadata.is_file() {
            self.add(file, path, &metadata);
            return Ok(());
        }
        if !metadata.is_symlink() {
            self.note(path, NoteReason::Special);
            return Ok(());
        }
        match fs::metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.note(path, NoteReason::DanglingLink);
            }
            Err(error) => return Err(error.into()),
            Ok(target) if target.is_dir() => self.note(path, NoteReason::FolderLink),
            Ok(target) if !target.is_file() => self.note(path, NoteReason::Special),
            Ok(target) => match fs::canonicalize(file)?.starts_with(&self.real_root) {
                true => self.add(file, path, &target),
                false => self.outside.push(path),
            },
        }
        Ok(())
    }

    /// Adds what `include` names exactly and the walk did not reach.
    fn named(&mut self, above: &mut Vec<Gitignore>) -> Result<(), PackError> {
        for path in self.exact.clone() {
            let file = self.root.join(&path);
            match fs::symlink_metadata(&file) {
                Err(_) => self.note(path, NoteReason::NotThere),
                // What is ignored as a whole is taken as a whole, but for its own ignore files.
                Ok(metadata) if metadata.is_dir() && self.is_missing(&path) => {
                    self.folder(&file, &path, &mut Vec::new())?;
                }
                Ok(metadata) if !metadata.is_dir() && !self.files.contains_key(&path) => {
                    self.entry(&file, path, above)?;
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn is_missing(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        !self.files.keys().any(|path| path.starts_with(&below))
    }

    /// Adds the manifest, whatever the patterns say.
    fn manifest(&mut self, options: &PackOptions) -> Result<(), PackError> {
        let file = self.root.join(MANIFEST);
        let replaced = options.manifest_override.as_ref();
        match (fs::metadata(&file), replaced) {
            (_, Some(bytes)) => {
                let source = Source {
                    path: file,
                    size: bytes.len() as u64,
                    executable: false,
                };
                self.files.insert(MANIFEST.to_owned(), source);
            }
            (Ok(metadata), None) if metadata.is_file() => {
                self.add(&file, MANIFEST.to_owned(), &metadata);
            }
            _ => return Err(PackError::NoManifest),
        }
        Ok(())
    }

    /// Checks all that was found, reporting everything of one kind at once.
    fn finish(mut self, options: &PackOptions) -> Result<Selection, PackError> {
        let limits = Limits::default();
        let mut names = Names::new();
        for path in self.files.keys() {
            let rule = check_path(path, limits.path, limits.depth)
                .map_err(BadPathRule::Path)
                .and_then(|()| {
                    let added = names.add(path, Kind::File, &mut Vec::new());
                    added.map_err(BadPathRule::Clash)
                });
            if let Err(rule) = rule {
                let path = path.clone();
                self.bad.push(BadPath { path, rule });
            }
        }
        if !self.bad.is_empty() {
            return Err(PackError::Paths(self.bad));
        }
        if !self.outside.is_empty() {
            return Err(PackError::LinksOutside(self.outside));
        }
        let count = self.files.len().max(names.folders() as usize);
        if count > limits.entries as usize {
            return Err(PackError::TooMany {
                count,
                limit: limits.entries,
            });
        }
        if options.refuse_secrets {
            let secrets = self.secrets(options)?;
            if !secrets.is_empty() {
                return Err(PackError::Secrets(secrets));
            }
        }
        self.notes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Selection {
            files: self.files,
            notes: self.notes,
        })
    }

    fn secrets(&self, options: &PackOptions) -> io::Result<Vec<Secret>> {
        let mut found = Vec::new();
        for (path, source) in &self.files {
            let replaced = path == MANIFEST && options.manifest_override.is_some();
            if replaced || self.exact.contains(path) {
                continue;
            }
            if let Some(kind) = secrets::look(path, &source.path)? {
                let path = path.clone();
                found.push(Secret { path, kind });
            }
        }
        Ok(found)
    }

    fn wanted(&self, file: &Path, path: &str, named: bool) -> bool {
        let include = match is_hidden(path) {
            true => self.hidden.as_ref(),
            false => self.include.as_ref(),
        };
        let all = self.include.is_none() && !is_hidden(path);
        let included = named || all || is_match(include, file, false);
        included && !is_match(self.exclude.as_ref(), file, false)
    }

    fn add(&mut self, file: &Path, path: String, metadata: &std::fs::Metadata) {
        let source = Source {
            path: file.to_owned(),
            size: metadata.len(),
            executable: is_executable(metadata),
        };
        self.files.insert(path, source);
    }

    fn note(&mut self, path: String, reason: NoteReason) {
        self.notes.push(Note { path, reason });
    }

    fn bad_path(&mut self, path: String, rule: PathRule) {
        let rule = BadPathRule::Path(rule);
        self.bad.push(BadPath { path, rule });
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

/// Whether a path has a name that starts with a dot, as those of tools do.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.'))
}

/// The patterns that have a name starting with a dot: `*` does not mean hidden files.
fn about_hidden(patterns: &[String]) -> Vec<String> {
    let is_about = |pattern: &&String| is_hidden(pattern.trim_start_matches("./"));
    patterns.iter().filter(is_about).cloned().collect()
}

/// The path that a pattern names, if it has no wildcard.
fn exact(pattern: &str) -> Option<String> {
    let path = pattern.trim_end_matches('/');
    let path = path
        .strip_prefix("./")
        .unwrap_or(path)
        .trim_start_matches('/');
    let plain = !path.is_empty() && !path.contains(['*', '?', '[', '{', '\\', '!', '#']);
    (plain && check_path(path, usize::MAX, usize::MAX).is_ok()).then(|| path.to_owned())
}

/// A list of patterns; `None` if it is empty.
fn patterns(root: &Path, list: &str, lines: &[String]) -> Result<Option<Gitignore>, PackError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let malformed = |error: ignore::Error| PackError::Pattern {
        place: format!("`{list}`"),
        message: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new(root);
    for line in lines {
        let line = line
            .strip_prefix("./")
            .map_or(line.clone(), |rest| format!("/{rest}"));
        builder.add_line(None, &line).map_err(malformed)?;
    }
    builder.build().map(Some).map_err(malformed)
}

/// Whether a list matches a file or a folder above it.
fn is_match(list: Option<&Gitignore>, file: &Path, folder: bool) -> bool {
    list.is_some_and(|list| list.matched_path_or_any_parents(file, folder).is_ignore())
}

/// Whether the strongest ignore file that knows a path takes it out.
fn is_ignored(ignores: &[Gitignore], file: &Path, folder: bool) -> bool {
    let verdict = ignores.iter().rev().map(|list| list.matched(file, folder));
    matches!(
        verdict.into_iter().find(|verdict| !verdict.is_none()),
        Some(Match::Ignore(_))
    )
}

/// The ignore files of a folder, the stronger one last.
fn ignores_in(folder: &Path) -> Result<Vec<Gitignore>, PackError> {
    let mut found = Vec::new();
    for name in IGNORE_FILES {
        let file = folder.join(name);
        if !file.is_file() {
            continue;
        }
        let malformed = |error: ignore::Error| PackError::Pattern {
            place: format!("`{}`", file.display()),
            message: error.to_string(),
        };
        let mut builder = GitignoreBuilder::new(folder);
        if let Some(error) = builder.add(&file) {
            return Err(malformed(error));
        }
        found.push(builder.build().map_err(malformed)?);
    }
    Ok(found)
}

/// The ignore files between the top of the repository and `root`; none outside of a repository.
fn ignores_above(root: &Path) -> Result<Vec<Gitignore>, PackError> {
    let root = std::path::absolute(root)?;
    let Some(top) = root.ancestors().find(|folder| folder.join(".git").exists()) else {
        return Ok(Vec::new());
    };
    let mut folders: Vec<&Path> = root
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(top))
        .collect();
    folders.reverse();
    let mut found = Vec::new();
    for folder in folders {
        found.extend(ignores_in(folder)?);
    }
    Ok(found)
}
