//! Import links: `<import root>/<import path>` to a package's sources, so that the compiler finds them.
//!
//! A link is ours if the state names it or if it points into `.lumen/packages`.
//! Everything else belongs to the user and is never touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use fs_err as fs;
use lumen_core::PackageName;
use lumen_durable::fault;

use super::{
    DOT_LUMEN, LinkError, Linked, PACKAGES, Planned, SkippedImport, State, link_text, plain,
};
use crate::{
    Sources,
    portable::{check_path, fold},
};

/// The links a project shall have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// By path relative to the project.
    pub links: BTreeMap<String, Link>,
    pub skipped: Vec<SkippedImport>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub package: PackageName,
    pub target: String,
}

impl Wanted {
    /// Decides on the links of all packages that have sources. Nothing that the project did not
    /// ask for takes the path of what it asked for, or one above or below that.
    pub(super) fn new(
        import_root: &str,
        packages: &BTreeMap<PackageName, Planned>,
    ) -> Result<Self, LinkError> {
        let root = normalize(import_root)?;
        let mut wanted = Self::default();
        // By folded path: one link a name, and none inside another package.
        let mut taken: BTreeMap<String, PackageName> = BTreeMap::new();
        let direct = packages.iter().filter(|(_, planned)| planned.direct);
        let others = packages.iter().filter(|(_, planned)| !planned.direct);
        for (package, planned) in direct.chain(others) {
            let below = match planned.sources {
                Sources::None => continue,
                Sources::Src => "/src",
                Sources::Root => "",
            };
            let path = join(&root, &package.import_path());
            let folded = fold(&path).into_owned();
            let holder = above(&folded)
                .chain([folded.as_str()])
                .find_map(|path| taken.get(path))
                .or_else(|| {
                    let below = format!("{folded}/");
                    let next = taken.range(below.clone()..).next();
                    next.filter(|(path, _)| path.starts_with(&below))
                        .map(|(_, holder)| holder)
                });
            if let Some(holder) = holder {
                if planned.direct {
                    return Err(LinkError::Shadowed {
                        first: holder.clone(),
                        second: package.clone(),
                        path: package.import_path(),
                    });
                }
                wanted.skipped.push(SkippedImport {
                    package: package.clone(),
                    path: package.import_path(),
                    taken_by: holder.clone(),
                });
                continue;
            }
            let up = "../".repeat(path.matches('/').count());
            let target = format!("{up}{DOT_LUMEN}/{PACKAGES}/{package}{below}");
            let package = package.clone();
            taken.insert(folded, package.clone());
            wanted.links.insert(path, Link { package, target });
        }
        Ok(wanted)
    }
}

/// An import root without `./`, doubled and trailing slashes; empty for the project.
fn normalize(import_root: &str) -> Result<String, LinkError> {
    let components: Vec<&str> = import_root
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
        .collect();
    let path = components.join("/");
    let good = path.is_empty() || check_path(&path, usize::MAX, usize::MAX).is_ok();
    if import_root.starts_with('/') || !good {
        return Err(LinkError::ImportRoot(import_root.to_owned()));
    }
    Ok(path)
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// The paths of all folders above a path, the highest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// What has to happen to the links of a project.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Folders that do not exist, the highest first.
    folders: Vec<String>,
    add: Vec<(String, String)>,
    replace: Vec<(String, String)>,
    remove: Vec<String>,
    /// Something to remove is where something to add will be.
    remove_first: bool,
}

impl Changes {
    /// Compares what is wanted with what is there, and changes nothing.
    pub(super) fn find(
        project: &Path,
        old: Option<&State>,
        wanted: &Wanted,
    ) -> Result<Self, LinkError> {
        let mut changes = Self::default();
        let recorded = |path: &str| old.is_some_and(|state| state.imports.contains_key(path));
        let stale = |path: &str| recorded(path) && !wanted.links.contains_key(path);
        let mut folders = BTreeSet::new();
        for (path, link) in &wanted.links {
            let occupied = |path: &str| LinkError::Occupied {
                package: link.package.clone(),
                path: PathBuf::from(path),
            };
            let mut absent = false;
            for folder in above(path) {
                absent = absent
                    || match kind(&project.join(folder))? {
                        Kind::Absent => true,
                        Kind::Folder => false,
                        Kind::Link(_) if stale(folder) => {
                            changes.remove_first = true;
                            true
                        }
                        Kind::Link(_) | Kind::Other => return Err(occupied(folder)),
                    };
                if absent && folders.insert(folder.to_owned()) {
                    changes.folders.push(folder.to_owned());
                }
            }
            let change = (path.clone(), link.target.clone());
            match kind(&project.join(path))? {
                _ if absent => changes.add.push(change),
                Kind::Absent => changes.add.push(change),
                Kind::Link(target)
                    if plain(&target) == link_text(&project.join(path), &link.target) => {}
                Kind::Link(target) if recorded(path) || points_inside(project, &target) => {
                    changes.replace.push(change);
                }
                Kind::Folder if only_ours(project, path, old, &stale)? => {
                    changes.remove_first = true;
                    changes.add.push(change);
                }
                Kind::Link(_) | Kind::Folder | Kind::Other => return Err(occupied(path)),
            }
        }
        for path in old.iter().flat_map(|state| state.imports.keys()) {
            // What the user put in the place of a link is the user's.
            if stale(path) && matches!(kind(&project.join(path))?, Kind::Link(_)) {
                changes.remove.push(path.clone());
            }
        }
        Ok(changes)
    }

    /// All links and folders of ours that may exist while the changes are made.
    pub(super) fn intent(
        &self,
        old: Option<&State>,
        wanted: &Wanted,
    ) -> (BTreeMap<String, String>, BTreeSet<String>) {
        let (mut imports, mut folders) = old
            .map(|state| (state.imports.clone(), state.folders.clone()))
            .unwrap_or_default();
        imports.extend(wanted.targets());
        folders.extend(self.folders.iter().cloned());
        (imports, folders)
    }

    /// Adds links: until the packages are there, they point to nothing, which harms nobody.
    pub(super) fn before(&self, project: &Path, folders: &BTreeSet<String>) -> io::Result<()> {
        if self.remove_first {
            self.remove(project, folders)?;
        }
        for folder in &self.folders {
            lumen_durable::create_dir_all(&project.join(folder))?;
        }
        for (path, target) in &self.add {
            let link = project.join(path);
            lumen_durable::link_dir(&link_text(&link, target), &link)?;
        }
        Ok(())
    }

    /// Replaces and removes links, once the packages they are about are there or gone.
    pub(super) fn after(&self, project: &Path, folders: &BTreeSet<String>) -> io::Result<()> {
        for (path, target) in &self.replace {
            let link = project.join(path);
            lumen_durable::remove_link_dir(&link)?;
            lumen_durable::link_dir(&link_text(&link, target), &link)?;
        }
        self.remove(project, folders)
    }

    /// Removes stale links, and folders of ours that are empty then.
    fn remove(&self, project: &Path, folders: &BTreeSet<String>) -> io::Result<()> {
        for path in &self.remove {
            let link = project.join(path);
            if matches!(kind(&link)?, Kind::Link(_)) {
                lumen_durable::remove_link_dir(&link)?;
            }
        }
        // What is below a folder sorts after it.
        for folder in folders.iter().rev() {
            let folder = project.join(folder);
            fault::point("rmdir", &folder)?;
            // Fails where something is inside, as it should.
            let _ = fs::remove_dir(&folder);
        }
        Ok(())
    }

    pub(super) fn report(self, wanted: Wanted) -> Linked {
        let changed = self.add.into_iter().chain(self.replace);
        Linked {
            imports_added: changed.map(|(path, _)| path).collect(),
            imports_removed: self.remove,
            imports_skipped: wanted.skipped,
            copied: false,
        }
    }
}

impl Wanted {
    /// Path and target of every link.
    pub(super) fn targets(&self) -> BTreeMap<String, String> {
        let links = self.links.iter();
        links
            .map(|(path, link)| (path.clone(), link.target.clone()))
            .collect()
    }
}

/// What is at a path, links not followed.
enum Kind {
    Absent,
    Folder,
    Link(PathBuf),
    Other,
}

fn kind(path: &Path) -> io::Result<Kind> {
    if let Some(target) = lumen_durable::read_link_dir(path)? {
        return Ok(Kind::Link(target));
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(Kind::Folder),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(error) => Err(error),
    }
}

/// Whether a link leads into `.lumen/packages`, so that only an install can have made it.
fn points_inside(project: &Path, target: &Path) -> bool {
    let target = plain(target);
    let packages = Path::new(DOT_LUMEN).join(PACKAGES);
    if target.is_absolute() {
        return target.starts_with(project.join(packages));
    }
    let up = target
        .components()
        .take_while(|component| *component == Component::ParentDir)
        .count();
    let rest: PathBuf = target.components().skip(up).collect();
    rest.starts_with(packages)
}

/// Whether a folder is ours and holds nothing but stale links of ours.
fn only_ours(
    project: &Path,
    path: &str,
    old: Option<&State>,
    stale: &dyn Fn(&str) -> bool,
) -> io::Result<bool> {
    if !old.is_some_and(|state| state.folders.contains(path)) {
        return Ok(false);
    }
    for entry in fs::read_dir(project.join(path))? {
        let entry = entry?;
        let path = join(path, &entry.file_name().to_string_lossy());
        let ours = match kind(&entry.path())? {
            Kind::Absent => true,
            Kind::Link(_) => stale(&path),
            Kind::Folder => only_ours(project, &path, old, stale)?,
            Kind::Other => false,
        };
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packages by name; those with a `!` in front are direct dependencies.
    fn planned(packages: &[(&str, Sources)]) -> BTreeMap<PackageName, Planned> {
        let planned = |sources, direct| Planned {
            version: "1.0.0".into(),
            digest: None,
            target: PathBuf::new(),
            sources,
            direct,
        };
        packages
            .iter()
            .map(|(name, sources)| {
                let direct = name.starts_with('!');
                let name = PackageName::parse(name.trim_start_matches('!')).unwrap();
                (name, planned(*sources, direct))
            })
            .collect()
    }

    #[test]
    fn paths_and_targets() {
        let check = |root: &str,
                     packages: &[(&str, Sources)],
                     links: &[(&str, &str)],
                     skipped: &[(&str, &str)]| {
            let wanted = Wanted::new(root, &planned(packages)).unwrap();
            let targets = wanted.targets();
            let targets = targets
                .iter()
                .map(|(path, target)| (path.as_str(), target.as_str()));
            assert_eq!(targets.collect::<Vec<_>>(), links);
            let found = wanted
                .skipped
                .iter()
                .map(|skip| (skip.package.as_str(), skip.taken_by.as_str()));
            assert_eq!(found.collect::<Vec<_>>(), skipped);
        };
        let (src, root, none) = (Sources::Src, Sources::Root, Sources::None);
        check(
            "",
            &[("my-utils", src), ("@org/http", root), ("data", none)],
            &[
                ("my_utils", ".lumen/packages/my-utils/src"),
                ("org/http", "../.lumen/packages/@org/http"),
            ],
            &[],
        );
        check(
            "./deps//x/",
            &[("a", src)],
            &[("deps/x/a", "../../.lumen/packages/a/src")],
            &[],
        );
        check(
            ".",
            &[("a.b", src), ("a-b", src)],
            &[("a_b", ".lumen/packages/a-b/src")],
            &[("a.b", "a-b")],
        );
        // A direct dependency comes first, whatever the order of the names.
        check(
            "",
            &[("a-b", src), ("!a_b", src)],
            &[("a_b", ".lumen/packages/a_b/src")],
            &[("a-b", "a_b")],
        );
        check(
            "",
            &[("@org/http", src), ("!org", src), ("@org-x/y", src)],
            &[
                ("org", ".lumen/packages/org/src"),
                ("org_x/y", "../.lumen/packages/@org-x/y/src"),
            ],
            &[("@org/http", "org")],
        );
        check(
            "",
            &[("!@org/http", src), ("org", src)],
            &[("org/http", "../.lumen/packages/@org/http/src")],
            &[("org", "@org/http")],
        );
        // What has no sources takes no path.
        check(
            "",
            &[("a-b", src), ("!a_b", none)],
            &[("a_b", ".lumen/packages/a-b/src")],
            &[],
        );
        for [first, second] in [["a-b", "a_b"], ["@org/http", "org"], ["a.b", "a_b"]] {
            let direct = [first, second].map(|name| format!("!{name}"));
            let packages = planned(&[(&direct[0], src), (&direct[1], root)]);
            match Wanted::new("", &packages).unwrap_err() {
                LinkError::Shadowed {
                    first: one,
                    second: two,
                    ..
                } => {
                    assert_eq!([one.as_str(), two.as_str()], [first, second]);
                }
                error => panic!("{error}"),
            }
        }
        check(
            "",
            &[("org", src), ("@org/http", src), ("organ", src)],
            &[
                ("org/http", "../.lumen/packages/@org/http/src"),
                ("organ", ".lumen/packages/organ/src"),
            ],
            &[("org", "@org/http")],
        );
        for bad in ["..", "a/../b", "/abs", "C:x", r"a\b"] {
            let error = Wanted::new(bad, &planned(&[])).unwrap_err();
            assert!(matches!(error, LinkError::ImportRoot(_)), "{bad}");
        }
    }
}
