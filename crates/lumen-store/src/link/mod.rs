//! What an install leaves in a project: old or new, never half.
//!
//! `.lumen/packages` is built beside its place and swapped in, so that it always
//! is a complete set. Import links live in the user's own folders and can only
//! change one by one. The order keeps both sets of imports working at all times:
//!
//! 1. the state is saved, naming every link that is there or will be;
//! 2. new import links are made (they lead nowhere yet);
//! 3. `packages` is swapped;
//! 4. import links that no package stands behind any more are removed;
//! 5. the state is saved as complete.
//!
//! An install that was killed is repaired by the next one, which starts from the
//! links that the state names.

mod imports;
pub mod state;
mod tree;
pub mod vendor;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{Digest, PackageName, manifest::LinkMode};
use lumen_durable::Lock;

use self::imports::{Changes, Wanted};
use crate::{
    Sources,
    disk::{Folder, StatusKind},
    project::DOT_LUMEN,
};

pub use state::{Installed, State};

/// Name of the folder with the packages in `.lumen`.
const PACKAGES: &str = "packages";
/// Prefix of a `packages` that is being built.
const TEMPORARY: &str = "tmp-";
/// Prefix of a state that is being written.
const HALF_WRITTEN: &str = ".tmp-";

/// What a project shall have installed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How packages get into the project.
    pub mode: LinkMode,
    /// Folder for import links, relative to the project with `/`; empty or `.` is the project itself.
    pub import_root: String,
    /// The packages.
    pub packages: BTreeMap<PackageName, Planned>,
    /// The caller's own keys and values, kept in the state (digests of lock file and manifests).
    pub facts: BTreeMap<String, String>,
}

/// A package to install.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its version.
    pub version: String,
    /// Its identity; `None` for a folder that may change, which is linked whatever the mode.
    pub digest: Option<Digest>,
    /// The folder to link to: an entry's tree, or a path dependency.
    pub target: PathBuf,
    /// Where its Lumen sources are.
    pub sources: Sources,
    /// Whether a manifest of the project asks for it; only then it comes first where packages
    /// have the same import path.
    pub direct: bool,
}

/// What an install changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// Import links made or changed, relative to the project.
    pub imports_added: Vec<String>,
    /// Import links removed.
    pub imports_removed: Vec<String>,
    /// Import links not made because another package has the path.
    pub imports_skipped: Vec<SkippedImport>,
    /// Whether files were copied, since the disk cannot link or clone them as the mode asks.
    pub copied: bool,
}

/// An import link that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedImport {
    /// The package that goes without.
    pub package: PackageName,
    /// Its import path with `/`.
    pub path: String,
    /// The package that has the path, or one above or below it.
    pub taken_by: PackageName,
}

/// Why a project was not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Something the user owns is where an import link would go; nothing was changed.
    #[error("cannot link `{package}` for imports: `{}` is in the way", .path.display())]
    Occupied {
        /// The package.
        package: PackageName,
        /// What is in the way, relative to the project.
        path: PathBuf,
    },
    /// The project asks for two packages that are imported by the same path, or one path is
    /// below the other; nothing was changed.
    #[error("`{first}` and `{second}` are both imported as `{path}`")]
    Shadowed {
        /// The package that comes first by name.
        first: PackageName,
        /// The other one.
        second: PackageName,
        /// The import path of the other one.
        path: String,
    },
    /// The import root leaves the project; nothing was changed.
    #[error("`import-root` `{0}` is not a folder inside the project")]
    ImportRoot(String),
    /// The disk failed; the next install repairs what is half done.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Says whether a project's import links could be made, as far as that follows from the packages.
///
/// # Errors
/// When the project asks for two packages that are imported by the same path.
pub fn check(
    import_root: &str,
    packages: &BTreeMap<PackageName, Planned>,
) -> Result<(), LinkError> {
    Wanted::new(import_root, packages).map(drop)
}

/// Makes a project's links as planned.
///
/// # Errors
/// When a link would cover something of the user's, or the disk fails.
pub fn install(project: &Path, plan: &Plan) -> Result<Linked, LinkError> {
    let project = &std::path::absolute(project)?;
    let dot_lumen = project.join(DOT_LUMEN);
    let _lock = lock(project)?;
    sweep(&dot_lumen)?;
    let old = state::load(project)?;
    let old = old.as_ref();
    let wanted = Wanted::new(&plan.import_root, &plan.packages)?;
    let changes = Changes::find(project, old, &wanted)?;
    let packages: BTreeMap<_, _> = plan
        .packages
        .iter()
        .map(|(name, planned)| (name.clone(), installed(project, plan.mode, name, planned)))
        .collect();
    let (imports, folders) = changes.intent(old, &wanted);
    let mut state = State {
        complete: false,
        mode: plan.mode,
        packages,
        imports,
        folders,
        facts: plan.facts.clone(),
        changed: BTreeMap::new(),
    };
    let same = old.is_some_and(|old| {
        old.complete && (old.mode, &old.packages) == (state.mode, &state.packages)
    });
    let keep = same && packages_intact(project, &state);
    state.save(project)?;
    changes.before(project, &state.folders)?;
    let copied = if keep {
        false
    } else {
        swap(project, plan, &state)?
    };
    changes.after(project, &state.folders)?;
    state.complete = true;
    state.imports = wanted.targets();
    state.folders = existing(project, &state.folders);
    state.changed = times_of_change(project, &state)?;
    state.save(project)?;
    Ok(Linked {
        copied,
        ..changes.report(wanted)
    })
}

/// Whether everything that the state records is in place: every package's link
/// and what it leads to, and every import link. Files are not looked at.
pub fn links_intact(project: &Path, state: &State) -> bool {
    let import = |(path, target): (&String, &String)| {
        let link = project.join(path);
        let found = lumen_durable::read_link_dir(&link);
        found
            .is_ok_and(|found| found.is_some_and(|found| plain(&found) == link_text(&link, target)))
    };
    state.complete && packages_intact(project, state) && state.imports.iter().all(import)
}

/// Packages that are worth a thread of their own to look at.
const SHARE: usize = 256;

fn packages_intact(project: &Path, state: &State) -> bool {
    let path = project.join(DOT_LUMEN).join(PACKAGES);
    let Ok(folder) = Folder::open(&path) else {
        return false;
    };
    // Links of the recorded age say what is recorded; only where they lead may be gone.
    let unchanged = !state.changed.is_empty()
        && state.changed.iter().all(|(scope, recorded)| {
            let status = folder.status(scope).unwrap_or_default();
            status.is_some_and(|status| status.changed == *recorded)
        });
    let intact = |(name, installed): &(&PackageName, &Installed)| {
        let name = name.as_str();
        if !installed.link {
            let status = folder.status(name).unwrap_or_default();
            return status.is_some_and(|status| status.kind == StatusKind::Folder);
        }
        let right =
            |found: PathBuf| plain(&found) == link_text(&path.join(name), &installed.target);
        folder.leads_to_folder(name) && (unchanged || folder.link(name).is_some_and(right))
    };
    let packages: Vec<_> = state.packages.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = packages.len().div_ceil(threads).max(SHARE);
    std::thread::scope(|scope| {
        let mut parts = packages.chunks(share);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().all(intact)))
            .collect();
        let own = own.iter().all(intact);
        others
            .into_iter()
            .fold(own, |all, thread| thread.join().unwrap_or(false) && all)
    })
}

/// When `packages` and the scopes in it were last changed.
fn times_of_change(project: &Path, state: &State) -> io::Result<BTreeMap<String, (i64, i64)>> {
    let folder = Folder::open(&project.join(DOT_LUMEN).join(PACKAGES))?;
    let scopes = state.packages.keys().filter_map(PackageName::scope);
    let folders: BTreeSet<&str> = scopes.chain([""]).collect();
    let mut times = BTreeMap::new();
    for name in folders {
        if let Some(status) = folder.status(name)? {
            times.insert(name.to_owned(), status.changed);
        }
    }
    Ok(times)
}

/// How a package will be recorded, and linked to if it is linked.
fn installed(project: &Path, mode: LinkMode, name: &PackageName, planned: &Planned) -> Installed {
    let link = mode == LinkMode::Symlink || planned.digest.is_none();
    let target = std::path::absolute(&planned.target).unwrap_or_else(|_| planned.target.clone());
    // Relative within the project, so that it can be moved; the store stays where it is.
    let target = match target.strip_prefix(project) {
        Ok(inside) if link => {
            let depth = 2 + name.as_str().matches('/').count();
            let mut relative: PathBuf = std::iter::repeat_n(Component::ParentDir, depth).collect();
            relative.push(inside);
            relative.to_string_lossy().replace('\\', "/")
        }
        _ => target.to_string_lossy().into_owned(),
    };
    Installed {
        version: planned.version.clone(),
        digest: planned.digest,
        target,
        link,
    }
}

/// Builds `packages` anew and puts it in place of the old one. Returns whether files were copied.
fn swap(project: &Path, plan: &Plan, state: &State) -> io::Result<bool> {
    let dot_lumen = project.join(DOT_LUMEN);
    let place = dot_lumen.join(PACKAGES);
    let workshop = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(&dot_lumen)?;
    let new = workshop.path().join(PACKAGES);
    fs::create_dir(&new)?;
    let scopes: BTreeSet<&str> = state
        .packages
        .keys()
        .filter_map(PackageName::scope)
        .collect();
    for scope in scopes {
        fs::create_dir(new.join(scope))?;
    }
    let mut trees = Vec::new();
    for (name, installed) in &state.packages {
        let path = new.join(name.as_str());
        if installed.link {
            lumen_durable::link_dir(
                &link_text(&place.join(name.as_str()), &installed.target),
                &path,
            )?;
        } else if let Some(planned) = plan.packages.get(name) {
            trees.push((planned.target.as_path(), path));
        }
    }
    let trees: Vec<_> = trees
        .iter()
        .map(|(from, to)| (*from, to.as_path()))
        .collect();
    let copied = tree::make_all(&trees, plan.mode)?;
    match fs::symlink_metadata(&place) {
        Ok(_) => lumen_durable::exchange(&new, &place)?,
        Err(_) => lumen_durable::rename(&new, &place)?,
    }
    workshop.close()?;
    Ok(copied)
}

/// Removes what killed installs were building or writing.
fn sweep(dot_lumen: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dot_lumen)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY) {
            lumen_durable::remove_dir_all(&entry.path())?;
        } else if name.starts_with(HALF_WRITTEN) {
            lumen_durable::remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Keeps others from changing the links and the state of a project.
fn lock(project: &Path) -> io::Result<Lock> {
    Lock::exclusive(&project.join(DOT_LUMEN).join("links.lock"))
}

fn existing(project: &Path, folders: &BTreeSet<String>) -> BTreeSet<String> {
    let exists = |folder: &&String| project.join(folder).is_dir();
    folders.iter().filter(exists).cloned().collect()
}

/// What the link at `link` says, to lead to `target`: junctions on Windows are absolute.
fn link_text<'t>(link: &Path, target: &'t str) -> Cow<'t, Path> {
    let target = Path::new(target);
    if !cfg!(windows) || target.is_absolute() {
        return Cow::Borrowed(target);
    }
    let mut path = link.parent().unwrap_or(link).to_owned();
    for component in target.components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            component => path.push(component),
        }
    }
    Cow::Owned(path)
}

/// A link's target without the prefix that Windows adds.
fn plain(target: &Path) -> &Path {
    match target.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(rest) if cfg!(windows) => Path::new(rest),
        _ => target,
    }
}
