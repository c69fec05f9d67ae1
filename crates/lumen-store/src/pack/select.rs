//! Which files of a folder make the package.

mod check;
mod include;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ::ignore::gitignore::Gitignore;

use lumen_core::limits::{MAX_IGNORE_FILE_BYTES, MAX_WALK_DEPTH};

use self::include::prefixes;
use super::{
    BadPath, BadPathRule, Note, NoteReason, PackError, PackOptions, ignore,
    made::{Made, OUTPUT, OUTPUT_IGNORE, is_made_folder, is_never},
    pattern::{about_hidden, exact, is_hidden, is_match, patterns},
    root::{Leads, Root},
};
use lumen_durable::{Folder, Status, StatusKind};

use crate::portable::PathRule;

/// Name of a manifest.
pub(super) const MANIFEST: &str = "lumen.toml";

/// A file of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its path in the package without links, with `/`.
    pub real: String,
    /// Bytes, when it was listed.
    pub size: u64,
    pub executable: bool,
}

/// The files of a package, and notes about those that were left out.
pub(super) struct Selection {
    pub files: BTreeMap<String, Source>,
    pub notes: Vec<Note>,
}

/// Finds the files of a package; `path` is that of its root.
pub(super) fn select(
    root: &Root,
    path: &Path,
    options: &PackOptions,
) -> Result<Selection, PackError> {
    let package = options.package.as_ref();
    let made = Made::new(path, package, &options.include, &options.places);
    let mut walk = Walk {
        root,
        path,
        // What is in the repository of another author is part of it.
        made: options.is_own.then_some(made),
        include: patterns(path, "include", &options.include)?,
        exact: options.include.iter().filter_map(|p| exact(p)).collect(),
        prefixes: prefixes(&options.include),
        ignored: BTreeSet::new(),
        empty: Vec::new(),
        hidden: patterns(path, "include", &about_hidden(&options.include))?,
        exclude: patterns(path, "exclude", &options.exclude)?,
        files: BTreeMap::new(),
        notes: Vec::new(),
        outside: BTreeMap::new(),
        dangling: BTreeMap::new(),
        bad: Vec::new(),
    };
    let mut above = ignore::above(path, &options.excludes)?;
    walk.folder(&root.again()?, "", "", &mut above)?;
    walk.named(&mut above)?;
    walk.begun()?;
    walk.submodules()?;
    walk.manifest(options)?;
    walk.unmatched(&options.include)?;
    walk.finish(options)
}

struct Walk<'r> {
    root: &'r Root,
    /// The path of the root, which patterns are relative to.
    path: &'r Path,
    /// What Lumen makes of the package.
    made: Option<Made>,
    include: Option<Gitignore>,
    /// Paths that `include` names without wildcards.
    exact: BTreeSet<String>,
    /// Folders that patterns of `include` name before their first wildcard.
    prefixes: BTreeSet<String>,
    /// What was left out since it is ignored.
    ignored: BTreeSet<String>,
    /// Folders with nothing in them, relative to the package.
    empty: Vec<String>,
    /// Those patterns of `include` that name something hidden.
    hidden: Option<Gitignore>,
    exclude: Option<Gitignore>,
    files: BTreeMap<String, Source>,
    notes: Vec<Note>,
    /// Links that lead out of the package, and where to.
    outside: BTreeMap<String, String>,
    /// Links to nothing.
    dangling: BTreeMap<String, String>,
    bad: Vec<BadPath>,
}

impl Walk<'_> {
    /// Walks a folder: `relative` is its path, `real` that without links; `ignores` are those
    /// above it, the strongest last.
    fn folder(
        &mut self,
        folder: &Folder,
        relative: &str,
        real: &str,
        ignores: &mut Vec<Gitignore>,
    ) -> Result<(), PackError> {
        let above = ignores.len();
        self.ignores_in(folder, relative, real, ignores)?;
        let mut names = folder.names()?;
        names.sort();
        let known = names.iter().filter_map(|name| name.to_str());
        let is_root = relative.is_empty();
        if !is_root && self.made.is_some() && is_made_folder(known.clone()) {
            self.note(relative.to_owned(), NoteReason::Made);
            ignores.truncate(above);
            return Ok(());
        }
        if !is_root && names.is_empty() {
            self.empty.push(relative.to_owned());
        }
        for name in names {
            let Some(text) = name.to_str() else {
                let path = join(relative, &name.to_string_lossy());
                let file = self.path.join(relative).join(&name);
                if !ignore::is_ignored(ignores, &file, folder.has_folder(&name)) {
                    self.bad_path(path, PathRule::Encoding);
                }
                continue;
            };
            let path = join(relative, text);
            if !is_never(&path) && !self.is_made(folder, text, &path, ignores)? {
                self.entry(folder, text, path, &join(real, text), ignores)?;
            }
        }
        ignores.truncate(above);
        Ok(())
    }

    /// Whether Lumen made a file or folder, or it is the folder for archives: then it is left
    /// out, with a note if it may be something else, too.
    fn is_made(
        &mut self,
        folder: &Folder,
        name: &str,
        path: &str,
        ignores: &[Gitignore],
    ) -> Result<bool, PackError> {
        let Some(made) = &self.made else {
            return Ok(false);
        };
        if made.is_archive(name) || made.is_place(path) {
            self.note(path.to_owned(), NoteReason::Made);
            return Ok(true);
        }
        if !made.is_output(path) {
            return Ok(false);
        }
        let Some(inside) = folder.open_inside(name)? else {
            return Ok(false);
        };
        let file = &self.path.join(path);
        let excluded = is_match(self.exclude.as_ref(), file, true);
        let known = |name: &str| is_hidden(name) || made.is_archive(name);
        let names = inside.names()?;
        let all_known = names.iter().all(|name| name.to_str().is_some_and(known));
        if !all_known && !excluded && !ignore::is_ignored(ignores, file, true) {
            self.note(path.to_owned(), NoteReason::Output);
        }
        Ok(true)
    }

    /// Looks at one file, folder or link: `name` in `folder`.
    fn entry(
        &mut self,
        folder: &Folder,
        name: &str,
        path: String,
        real: &str,
        ignores: &mut Vec<Gitignore>,
    ) -> Result<(), PackError> {
        let Some(status) = folder.status(name)? else {
            return Ok(());
        };
        let is_folder = status.kind == StatusKind::Folder;
        let file = &self.path.join(&path);
        let named = self.exact.contains(&path);
        if ignore::is_ignored(ignores, file, is_folder) {
            if !named {
                self.ignored.insert(path);
                return Ok(());
            }
            self.note(path.clone(), NoteReason::Named);
        }
        if is_folder {
            if is_match(self.exclude.as_ref(), file, true) {
                return Ok(());
            }
            // A pattern about hidden files may mean one in here.
            if is_hidden(&path) && self.hidden.is_none() {
                return Ok(());
            }
            if real.split('/').count() > MAX_WALK_DEPTH {
                return Err(PackError::TooDeep(path));
            }
            let Some(inside) = folder.open_inside(name)? else {
                return Err(PackError::Changed(path));
            };
            let manifest = inside.status(MANIFEST)?.map(|manifest| manifest.kind);
            if !named && matches!(manifest, Some(StatusKind::File | StatusKind::Link)) {
                self.note(path, NoteReason::NestedPackage);
                return Ok(());
            }
            return self.folder(&inside, &path, real, ignores);
        }
        if !self.wanted(file, &path, named) {
            return Ok(());
        }
        match status.kind {
            StatusKind::File => self.add(path, real.to_owned(), status),
            StatusKind::Link => self.link(path)?,
            _ => self.note(path, NoteReason::Special),
        }
        Ok(())
    }

    /// Decides about a link that is wanted.
    fn link(&mut self, path: String) -> Result<(), PackError> {
        match self.root.follow(&path)? {
            Leads::Nowhere => {
                self.dangling.insert(path.clone(), self.root.target(&path));
                self.note(path, NoteReason::DanglingLink);
            }
            Leads::Outside(_) if self.root.is_folder(&path) => {
                self.note(path, NoteReason::FolderLink);
            }
            Leads::Outside(link) => self.leads_out(link),
            Leads::Inside(real) => match self.root.status(&real)? {
                Some(status) if status.kind == StatusKind::Folder => {
                    self.note(path, NoteReason::FolderLink);
                }
                Some(_) if is_never(&real) => self.note(path, NoteReason::Never),
                Some(status) if status.kind == StatusKind::File => self.add(path, real, status),
                Some(_) => self.note(path, NoteReason::Special),
                None => return Err(PackError::Changed(path)),
            },
        }
        Ok(())
    }

    /// Notes the git submodules that are not checked out: their folders are empty.
    fn submodules(&mut self) -> Result<(), PackError> {
        for path in ignore::submodules(self.path, &self.empty)? {
            self.note(path, NoteReason::Submodule);
        }
        Ok(())
    }

    /// Adds the manifest, whatever the patterns say.
    fn manifest(&mut self, options: &PackOptions) -> Result<(), PackError> {
        if let Some(bytes) = &options.manifest_override {
            let source = Source {
                real: MANIFEST.to_owned(),
                size: bytes.len() as u64,
                executable: false,
            };
            self.files.insert(MANIFEST.to_owned(), source);
            return Ok(());
        }
        match self.root.follow(MANIFEST)? {
            Leads::Outside(link) => self.leads_out(link),
            Leads::Nowhere => return Err(PackError::NoManifest),
            Leads::Inside(real) => match self.root.status(&real)? {
                Some(status) if status.kind == StatusKind::File => {
                    self.add(MANIFEST.to_owned(), real, status);
                }
                _ => return Err(PackError::NoManifest),
            },
        }
        Ok(())
    }

    /// Reads the ignore files of a folder, the stronger one last.
    fn ignores_in(
        &mut self,
        folder: &Folder,
        relative: &str,
        real: &str,
        ignores: &mut Vec<Gitignore>,
    ) -> Result<(), PackError> {
        for name in ignore::FILES {
            let path = match folder.status(name)?.map(|status| status.kind) {
                Some(StatusKind::File) => join(real, name),
                Some(StatusKind::Link) => match self.root.follow(&join(real, name))? {
                    Leads::Inside(path) => path,
                    Leads::Outside(link) => {
                        self.leads_out(link);
                        continue;
                    }
                    Leads::Nowhere => continue,
                },
                _ => continue,
            };
            let place = join(relative, name);
            // One byte more than allowed, which is an error: without it, too much would be packed.
            let bytes = self.root.start(&path, MAX_IGNORE_FILE_BYTES + 1)?;
            let bytes = bytes.ok_or_else(|| PackError::Changed(place.clone()))?;
            // Ours keeps archives out of git, not files out of packages.
            if relative == OUTPUT && bytes == OUTPUT_IGNORE {
                continue;
            }
            ignores.push(ignore::parse(&self.path.join(relative), &place, &bytes)?);
        }
        Ok(())
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

    fn add(&mut self, path: String, real: String, status: Status) {
        let source = Source {
            real,
            size: status.size,
            executable: status.executable.unwrap_or(false),
        };
        self.files.insert(path, source);
    }

    fn leads_out(&mut self, link: String) {
        let target = self.root.target(&link);
        self.outside.insert(link, target);
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
