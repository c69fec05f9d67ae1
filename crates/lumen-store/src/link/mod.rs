//! The result of an install in a project: old or new, never half.
//!
//! The contents of a project are never trusted: not that `.lumen` is a folder, nor that a
//! link is ours. The record of what we made is elsewhere ([`Ledger`]), and everything here
//! works from open folders ([`Place`]), so that no link leads out of the project.
//!
//! `.lumen/packages` is built beside its place and swapped in, so that it always is a
//! complete set. Import links are in the user's own folders and can only change one by one.
//! The order keeps both sets of imports working at all times:
//!
//! 1. the record is saved, naming every link that is there or will be;
//! 2. new import links are made (they lead nowhere yet);
//! 3. `packages` is swapped;
//! 4. import links without a package are removed;
//! 5. the record is saved as complete, with the state of the packages.
//!
//! An install that was killed is repaired by the next one, which starts from the
//! links that the record names.

pub mod audit;
mod imports;
mod ledger;
mod place;
mod seen;
mod state;
mod tree;
pub mod vendor;
mod wanted;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
};

use lumen_core::{Digest, PackageName, manifest::LinkMode};
use lumen_durable::Folder;

use self::{
    imports::{Changes, Ground},
    ledger::Kept,
    wanted::Wanted,
};
use crate::{Sources, cas::Store, project::DOT_LUMEN, target::aside};

pub use ledger::{Known, Ledger};
pub use place::{Foreign, Place};
pub use state::{Installed, State};

/// Name of the folder with the packages in `.lumen`.
const PACKAGES: &str = "packages";
/// The file in `.lumen` with the token that ties the project to its record.
const TOKEN: &str = "id";
/// Prefix of a `packages` that is being built.
const TEMPORARY: &str = "tmp-";
/// Prefix of a file that is being written.
const HALF_WRITTEN: &str = ".tmp-";

/// The packages and links that a project shall have.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How packages get into the project.
    pub mode: LinkMode,
    /// Folder for import links, relative to the project with `/`; empty or `.` is the project itself.
    pub import_root: String,
    /// The packages, all of which may be imported in the project's folder.
    pub packages: BTreeMap<PackageName, Planned>,
    /// The package in the project's folder, if its modules import each other by its name.
    pub own: Option<PackageName>,
    /// Other folders for import links: members are projects of their own for the compiler.
    pub sites: Vec<Site>,
    /// The caller's own keys and values, kept in the record (digests of lock file and manifests).
    pub facts: BTreeMap<String, String>,
}

/// A folder below the project's with import links of its own.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder, relative to the project, with `/`.
    pub folder: String,
    /// Folder for import links, relative to this folder; empty or `.` is the folder itself.
    pub import_root: String,
    /// The packages that may be imported there, and whether its manifest asks for them. Those
    /// that the plan does not have are passed by.
    pub packages: BTreeMap<PackageName, bool>,
    /// The package in the folder, if its modules import each other by its name.
    pub own: Option<PackageName>,
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
    /// Its folder relative to the project, with `/`, if it is a folder of this machine. At its
    /// own import path it needs no link.
    pub folder: Option<String>,
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
#[non_exhaustive]
pub enum LinkError {
    /// Something the user owns is where an import link would go; nothing was changed.
    #[error("cannot link `{package}` for imports: `{}` is in the way", .path.display())]
    Occupied {
        /// The package.
        package: PackageName,
        /// The path that is in the way, relative to the project.
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
    /// The import root leaves the project, or is a folder of other programs or of Lumen's own;
    /// nothing was changed.
    #[error("`import-root` `{0}` is not a folder inside the project for links")]
    ImportRoot(String),
    /// Something is in the project where only Lumen's own may be; nothing was changed.
    #[error("`{}` {what}; nothing was changed", .path.display())]
    Foreign {
        /// Where, relative to the project.
        path: PathBuf,
        /// What is wrong with it.
        what: Foreign,
    },
    /// The disk failed; the next install repairs the rest.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Says whether a project's import links could be made; nothing is changed.
///
/// # Errors
/// When the project asks for two packages that are imported by the same path, or a link would
/// cover something of the user's.
pub fn check(place: &Place, ledger: &Ledger, plan: &Plan) -> Result<(), LinkError> {
    let mut wanted = Wanted::new(plan)?;
    let kept = ledger.kept(place)?;
    let ground = Ground::new(place, kept.as_ref().map(|kept| &kept.state));
    Changes::find(&ground, &mut wanted).map(drop)
}

/// Makes a project's links as planned, and records them.
///
/// # Errors
/// When a link would cover something of the user's, or the disk fails.
pub fn install(place: &Place, ledger: &Ledger, plan: &Plan) -> Result<Linked, LinkError> {
    let _lock = place.lock_links()?;
    let kept = ledger.kept(place)?;
    let old = kept.as_ref().map(|kept| &kept.state);
    let mut wanted = Wanted::new(plan)?;
    let ground = Ground::new(place, old);
    let changes = Changes::find(&ground, &mut wanted)?;
    place.sweep()?;
    let sites = plan.sites.iter().map(|site| site.folder.as_str());
    for folder in sites.chain([""]) {
        place.sweep_beside(folder)?;
    }
    place.hide_from_git()?;
    let packages: BTreeMap<_, _> = plan
        .packages
        .iter()
        .map(|(name, planned)| {
            let installed = installed(&place.path, plan.mode, name, planned);
            (name.clone(), installed)
        })
        .collect();
    let (imports, folders) = changes.intent(old, &wanted);
    let state = State {
        complete: false,
        mode: plan.mode,
        packages,
        imports,
        folders,
        facts: plan.facts.clone(),
        changed: BTreeMap::new(),
        seen: BTreeMap::new(),
    };
    let keep = old.is_some_and(|old| {
        let same = (old.mode, &old.packages) == (state.mode, &state.packages);
        old.complete && same && seen::is_intact(place, old, None)
    });
    let mut next = Kept::next(kept.as_ref(), state);
    ledger.save(place, &mut next)?;
    changes.before(&ground, &next.state.folders)?;
    let copied = if keep {
        false
    } else {
        swap(place, plan, &next.state)?
    };
    changes.after(&ground, &next.state.folders)?;
    next.state.complete = true;
    next.state.imports = wanted.targets();
    next.state.folders = ground.existing(&next.state.folders)?;
    seen::note(place, &mut next.state)?;
    ledger.save(place, &mut next)?;
    Ok(Linked {
        copied,
        ..changes.report(wanted)
    })
}

/// Whether everything that the record names is in place: every package's link and its
/// target, or its unchanged files, nothing else among the packages, and every import link.
/// Reads no file.
pub fn links_intact(place: &Place, state: &State) -> bool {
    state.complete && seen::is_intact(place, state, None) && imports_intact(place, state)
}

/// The same, but reads the files of packages that may have changed, and compares them with
/// the store: their modes, times and places on the disk may be others. Renews the record
/// where the project can be written to.
pub fn contents_intact(place: &Place, ledger: &Ledger, state: &State, store: &Store) -> bool {
    if !state.complete || state.packages.values().all(|package| package.link) {
        return links_intact(place, state);
    }
    // A change after this look makes the next run compare again.
    let mut now = state.clone();
    let noted = seen::note(place, &mut now).is_ok();
    let intact = seen::is_intact(place, state, Some(store)) && imports_intact(place, state);
    if noted && intact {
        // Without a new record, the next run reads the files again, and that is all.
        let _ = ledger.renew(place, state, now);
    }
    intact
}

fn imports_intact(place: &Place, state: &State) -> bool {
    let ground = Ground::new(place, None);
    let mut imports = state.imports.iter();
    imports.all(|(path, target)| ground.has(path, target))
}

/// How a package will be recorded, and linked to if it is linked.
fn installed(project: &Path, mode: LinkMode, name: &PackageName, planned: &Planned) -> Installed {
    let link = mode == LinkMode::Symlink || planned.digest.is_none();
    let target =
        lumen_durable::absolute(&planned.target).unwrap_or_else(|_| planned.target.clone());
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

/// Builds a new `packages` and puts it in place of the old one. Returns whether files were copied.
fn swap(place: &Place, plan: &Plan, state: &State) -> io::Result<bool> {
    aside(&place.dot, TEMPORARY, |staging| {
        build(place, staging, plan, state)
    })
}

fn build(place: &Place, staging: &Folder, plan: &Plan, state: &State) -> io::Result<bool> {
    let path = place.path.join(DOT_LUMEN).join(PACKAGES);
    let new = staging.open_new(PACKAGES)?;
    let mut folders = BTreeMap::new();
    for scope in seen::scopes(state) {
        folders.insert(scope, new.open_new(scope)?);
    }
    let mut trees = Vec::new();
    for (name, installed) in &state.packages {
        if installed.link {
            let folder = name.scope().and_then(|scope| folders.get(scope));
            let link = path.join(name.as_str());
            let text = link_text(&link, &installed.target);
            let folder = folder.unwrap_or(&new);
            folder.make_link(&text, name.bare(), &link)?;
        } else if let Some(planned) = plan.packages.get(name) {
            trees.push((planned.target.as_path(), name.as_str()));
        }
    }
    drop(folders);
    let copied = tree::make_all(&trees, &new, plan.mode)?;
    match place.dot.status(PACKAGES)? {
        Some(_) => staging.exchange(PACKAGES, &place.dot, PACKAGES)?,
        None => staging.rename(PACKAGES, &place.dot, PACKAGES)?,
    }
    Ok(copied)
}

/// The text of the link at `link` to `target`: junctions on Windows are absolute.
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
