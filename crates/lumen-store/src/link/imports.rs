//! Import links in the user's own folders: found, made, replaced and removed.
//!
//! A link is ours if its target is the one in the record, or the one that the rule gives
//! for this path. Everything else belongs to the user and is never touched. No folder on
//! the way to a link may be a link, at the time the link is made or removed.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use lumen_durable::{Folder, StatusKind, Step};

use super::{
    LinkError, Linked, Place, State, link_text, plain,
    wanted::{Wanted, above, is_made_by_rule, is_of_another_root, join},
};

/// The changes to the links of a project.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Folders that do not exist, the highest first.
    folders: Vec<String>,
    add: Vec<(String, String)>,
    replace: Vec<(String, String)>,
    remove: Vec<String>,
    /// Folders that no record names and that lose links of ours.
    emptied: BTreeSet<String>,
    /// Something to remove is where something to add will be.
    remove_first: bool,
}

/// The files of a project, and which of them are ours.
pub(super) struct Ground<'p> {
    place: &'p Place,
    old: Option<&'p State>,
    /// The folder last used, by its path: links of one folder come one after the other.
    last: RefCell<Option<(String, Folder)>>,
}

/// What is at a path, links not followed.
enum Kind {
    Absent,
    Folder,
    Link(PathBuf),
    Other,
}

impl<'p> Ground<'p> {
    pub(super) fn new(place: &'p Place, old: Option<&'p State>) -> Self {
        let last = RefCell::new(None);
        Self { place, old, last }
    }

    /// Does something in the folder that a path is in; `None` where there is no such folder,
    /// or a link or a file on the way.
    fn within<R>(
        &self,
        path: &str,
        act: impl FnOnce(&Folder, &str) -> io::Result<R>,
    ) -> io::Result<Option<R>> {
        let Some((parent, name)) = path.rsplit_once('/') else {
            return act(&self.place.root, path).map(Some);
        };
        let mut last = self.last.borrow_mut();
        let folder = match last.take() {
            Some((known, folder)) if known == parent => folder,
            _ => match self.place.root.descend(parent)? {
                Step::Folder(folder) => folder,
                Step::Absent | Step::Blocked(_) => return Ok(None),
            },
        };
        let result = act(&folder, name);
        *last = Some((parent.to_owned(), folder));
        result.map(Some)
    }

    fn kind(&self, path: &str) -> io::Result<Kind> {
        let found = self.within(path, |folder, name| {
            if let Some(target) = folder.link(name) {
                return Ok(Kind::Link(target));
            }
            Ok(match folder.status(name)?.map(|status| status.kind) {
                None => Kind::Absent,
                Some(StatusKind::Folder) => Kind::Folder,
                Some(_) => Kind::Other,
            })
        })?;
        Ok(found.unwrap_or(Kind::Absent))
    }

    /// Whether a path has exactly this link, and no link on the way to it.
    pub(super) fn has(&self, path: &str, target: &str) -> bool {
        let found = self.within(path, |folder, name| Ok(folder.link(name)));
        let found = found.ok().flatten().flatten();
        found.is_some_and(|found| self.says(path, &found, target))
    }

    fn says(&self, path: &str, found: &Path, target: &str) -> bool {
        plain(found) == link_text(&self.place.path.join(path), target)
    }

    fn is_ours(&self, path: &str, found: &Path) -> bool {
        let recorded = self.old.and_then(|state| state.imports.get(path));
        recorded.is_some_and(|target| self.says(path, found, target))
            || is_made_by_rule(&self.place.path, path, found)
    }

    /// Whether a link may give way to one of ours.
    fn gives_way(&self, path: &str, found: &Path) -> bool {
        self.is_ours(path, found) || is_of_another_root(&self.place.path.join(path), found)
    }

    /// Whether a link is ours and no package stands behind it any more.
    fn is_stale(&self, path: &str, found: &Path, wanted: &Wanted) -> bool {
        // Without a record, the rule alone decides which links are ours.
        let recorded = self
            .old
            .is_none_or(|state| state.imports.contains_key(path));
        recorded && !wanted.links.contains_key(path) && self.is_ours(path, found)
    }

    /// Links that may be ours: those of the record, or where there is none (the project was
    /// moved, or installed by another version), those by the rule in the import root.
    fn candidates(&self, roots: &BTreeSet<String>) -> io::Result<Vec<String>> {
        if let Some(state) = self.old {
            return Ok(state.imports.keys().cloned().collect());
        }
        let mut found = Vec::new();
        for root in roots {
            found.extend(self.candidates_in(root)?);
        }
        Ok(found)
    }

    fn candidates_in(&self, root: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut scopes = Vec::new();
        for path in self.inside(root)? {
            match self.kind(&path)? {
                Kind::Link(_) => found.push(path),
                Kind::Folder => scopes.push(path),
                Kind::Absent | Kind::Other => {}
            }
        }
        for scope in scopes {
            for path in self.inside(&scope)? {
                found.extend(matches!(self.kind(&path)?, Kind::Link(_)).then_some(path));
            }
        }
        Ok(found)
    }

    /// The paths in a folder, no link followed.
    fn inside(&self, folder: &str) -> io::Result<Vec<String>> {
        let names = match self.place.root.descend(folder)? {
            Step::Folder(open) => open.names()?,
            Step::Absent | Step::Blocked(_) => Vec::new(),
        };
        let names = names.iter().filter_map(|name| name.to_str());
        Ok(names.map(|name| join(folder, name)).collect())
    }

    /// Whether a folder is ours and holds nothing but stale links of ours.
    fn only_ours(&self, path: &str, wanted: &Wanted) -> io::Result<bool> {
        if !self.old.is_some_and(|state| state.folders.contains(path)) {
            return Ok(false);
        }
        let names = match self.place.root.descend(path)? {
            Step::Folder(folder) => folder.names()?,
            Step::Absent | Step::Blocked(_) => return Ok(false),
        };
        for name in names {
            let path = join(path, &name.to_string_lossy());
            let ours = match self.kind(&path)? {
                Kind::Absent => true,
                Kind::Link(found) => self.is_stale(&path, &found, wanted),
                Kind::Folder => self.only_ours(&path, wanted)?,
                Kind::Other => false,
            };
            if !ours {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        self.forget_folder();
        let made = self.within(path, |folder, name| match folder.make(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        })?;
        made.ok_or_else(|| blocked(path))
    }

    fn add(&self, path: &str, target: &str) -> io::Result<()> {
        let place = self.place.path.join(path);
        let text = link_text(&place, target);
        let made = self.within(path, |folder, name| folder.make_link(&text, name, &place))?;
        made.ok_or_else(|| blocked(path))
    }

    /// Removes a link in whose place another comes.
    fn clear(&self, path: &str) -> io::Result<()> {
        self.within(path, |folder, name| match folder.link(name) {
            Some(found) if self.gives_way(path, &found) => folder.remove(name),
            _ => Ok(()),
        })?;
        Ok(())
    }

    /// Removes a link of ours; anything else stays.
    fn remove(&self, path: &str) -> io::Result<()> {
        self.within(path, |folder, name| match folder.link(name) {
            Some(found) if self.is_ours(path, &found) => folder.remove(name),
            _ => Ok(()),
        })?;
        Ok(())
    }

    /// Removes folders of ours that are empty.
    fn remove_folders(&self, folders: &BTreeSet<String>) -> io::Result<()> {
        self.forget_folder();
        // Paths below a folder sort after it.
        for path in folders.iter().rev() {
            self.within(path, |folder, name| folder.remove_empty(name))?;
        }
        self.forget_folder();
        Ok(())
    }

    fn forget_folder(&self) {
        self.last.borrow_mut().take();
    }

    /// Those of the folders that exist.
    pub(super) fn existing(&self, folders: &BTreeSet<String>) -> io::Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for path in folders {
            if matches!(self.kind(path)?, Kind::Folder) {
                found.insert(path.clone());
            }
        }
        Ok(found)
    }
}

fn blocked(path: &str) -> io::Error {
    let message = format!("a folder on the way to `{path}` was replaced by another program");
    io::Error::new(io::ErrorKind::NotADirectory, message)
}

impl Wanted {
    /// Gives up links of packages to their own sources where something else is.
    fn yield_to_users(&mut self, ground: &Ground<'_>) -> io::Result<()> {
        let own = self.links.iter().filter(|(_, link)| link.own);
        let mut given_up = Vec::new();
        for (path, link) in own {
            let mut folders = above(path);
            let blocked = folders.try_fold(false, |blocked, folder| {
                let is_free = matches!(ground.kind(folder)?, Kind::Absent | Kind::Folder);
                io::Result::Ok(blocked || !is_free)
            })?;
            let is_free = match ground.kind(path)? {
                Kind::Absent => true,
                Kind::Link(found) => {
                    ground.says(path, &found, &link.target) || ground.is_ours(path, &found)
                }
                Kind::Folder | Kind::Other => false,
            };
            if blocked || !is_free {
                given_up.push(path.clone());
            }
        }
        for path in given_up {
            self.links.remove(&path);
        }
        Ok(())
    }
}

impl Changes {
    /// Compares the wanted links with the existing files, and changes nothing.
    ///
    /// A link of a package to its own sources is not wanted any more where something of the
    /// user's is in its place.
    pub(super) fn find(ground: &Ground<'_>, wanted: &mut Wanted) -> Result<Self, LinkError> {
        wanted.yield_to_users(ground)?;
        let wanted = &*wanted;
        let mut changes = Self::default();
        let mut folders = BTreeSet::new();
        for (path, link) in &wanted.links {
            let occupied = |path: &str| LinkError::Occupied {
                package: link.package.clone(),
                path: PathBuf::from(path),
            };
            let mut absent = false;
            for folder in above(path) {
                absent = absent
                    || match ground.kind(folder)? {
                        Kind::Absent => true,
                        Kind::Folder => false,
                        Kind::Link(found) if ground.is_stale(folder, &found, wanted) => {
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
            match ground.kind(path)? {
                _ if absent => changes.add.push(change),
                Kind::Absent => changes.add.push(change),
                Kind::Link(found) if ground.says(path, &found, &link.target) => {}
                Kind::Link(found) if ground.gives_way(path, &found) => changes.replace.push(change),
                Kind::Folder if ground.only_ours(path, wanted)? => {
                    changes.remove_first = true;
                    changes.add.push(change);
                }
                Kind::Link(_) | Kind::Folder | Kind::Other => return Err(occupied(path)),
            }
        }
        for path in ground.candidates(&wanted.roots)? {
            // A file that the user put in the place of a link belongs to the user.
            if let Kind::Link(found) = ground.kind(&path)?
                && ground.is_stale(&path, &found, wanted)
            {
                let scope = path.rsplit_once('/').map(|(scope, _)| scope);
                let scope =
                    scope.filter(|scope| ground.old.is_none() && !wanted.roots.contains(*scope));
                changes.emptied.extend(scope.map(str::to_owned));
                changes.remove.push(path);
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
        folders.extend(self.folders.iter().chain(&self.emptied).cloned());
        (imports, folders)
    }

    /// Adds links: until the packages are there, they point to nothing, which does no harm.
    pub(super) fn before(&self, ground: &Ground<'_>, folders: &BTreeSet<String>) -> io::Result<()> {
        if self.remove_first {
            self.remove(ground, folders)?;
        }
        for folder in &self.folders {
            ground.make_folder(folder)?;
        }
        for (path, target) in &self.add {
            ground.add(path, target)?;
        }
        Ok(())
    }

    /// Replaces and removes links, once the packages they are about are there or gone.
    pub(super) fn after(&self, ground: &Ground<'_>, folders: &BTreeSet<String>) -> io::Result<()> {
        for (path, target) in &self.replace {
            ground.clear(path)?;
            ground.add(path, target)?;
        }
        self.remove(ground, folders)
    }

    /// Removes stale links, and folders of ours that are empty then.
    fn remove(&self, ground: &Ground<'_>, folders: &BTreeSet<String>) -> io::Result<()> {
        for path in &self.remove {
            ground.remove(path)?;
        }
        ground.remove_folders(folders)
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
