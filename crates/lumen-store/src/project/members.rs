//! The members of a workspace.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use fs_err as fs;
use globset::{Glob, GlobMatcher};
use lumen_core::{
    limits::{MAX_MEMBERS_WALK, rows},
    problem::Problem,
};

use super::{MANIFEST, ProjectError, normalize, relative};

/// The patterns of a workspace's `members` and `exclude`, each parsed once.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    members: List,
    exclude: List,
}

/// Patterns, of which those without wildcards are looked up, however many there are.
#[derive(Debug, Default)]
struct List {
    /// Paths from the workspace's root.
    exact: BTreeSet<PathBuf>,
    globs: Vec<Vec<Segment>>,
}

impl Patterns {
    /// # Errors
    /// When a pattern is malformed.
    pub(super) fn parse(members: &[String], exclude: &[String]) -> Result<Self, ProjectError> {
        Ok(Self {
            members: List::of(members.iter().map(|pattern| segments(pattern)))?,
            exclude: List::of(exclude.iter().map(|pattern| segments(pattern)))?,
        })
    }

    /// The same, without the patterns that are malformed.
    pub(super) fn lenient(members: &[String], exclude: &[String]) -> Self {
        let list = |patterns: &[String]| {
            let good = patterns.iter().filter_map(|pattern| segments(pattern).ok());
            List::of(good.map(Ok)).unwrap_or_default()
        };
        Self {
            members: list(members),
            exclude: list(exclude),
        }
    }

    /// Whether a folder matches `members` and not `exclude`, by its path alone: nothing is read
    /// for patterns that another user wrote.
    pub(super) fn include(&self, root: &Path, dir: &Path) -> bool {
        let path = relative(root, dir);
        self.members.fits(&path) && !self.exclude.fits(&path)
    }

    /// Whether [`Patterns::walk`] finds a folder with a manifest, without a walk.
    pub(super) fn reach(&self, root: &Path, dir: &Path) -> bool {
        let path = relative(root, dir);
        if self.exclude.fits(&path) {
            return false;
        }
        if self.members.exact.contains(&path) {
            return true;
        }
        let names: Vec<&OsStr> = path.iter().collect();
        let mut fitting = self.members.globs.iter().filter(|glob| fits(glob, &names));
        fitting.any(|glob| {
            let mut way = root.to_owned();
            let mut linked = false;
            glob.iter().zip(&path).all(|(segment, name)| {
                let behind = linked && matches!(segment, Segment::Glob(_));
                way.push(name);
                linked |= way.is_symlink();
                !behind
            })
        })
    }

    /// Folders with a manifest that match `members` and not `exclude`. A member may be a link,
    /// but no pattern matches a folder behind one: that is elsewhere, or in the walk already.
    ///
    /// # Errors
    /// When a folder cannot be read, or there are too many files to look at.
    pub(super) fn walk(&self, root: &Path) -> Result<BTreeSet<PathBuf>, ProjectError> {
        let mut walk = Walk { root, looked_at: 0 };
        let mut found = Vec::new();
        for path in &self.members.exact {
            walk.visit(path, &mut found)?;
        }
        for glob in &self.members.globs {
            walk.expand(glob, &mut found)?;
        }
        found
            .retain(|dir| !self.exclude.fits(&relative(root, dir)) && dir.join(MANIFEST).is_file());
        Ok(found.into_iter().collect())
    }
}

impl List {
    fn of(
        patterns: impl Iterator<Item = Result<Vec<Segment>, ProjectError>>,
    ) -> Result<Self, ProjectError> {
        let mut list = Self::default();
        for segments in patterns {
            let segments = segments?;
            match segments
                .iter()
                .map(Segment::name)
                .collect::<Option<PathBuf>>()
            {
                Some(path) => {
                    list.exact.insert(path);
                }
                None => list.globs.push(segments),
            }
        }
        Ok(list)
    }

    fn fits(&self, path: &Path) -> bool {
        let names: Vec<&OsStr> = path.iter().collect();
        self.exact.contains(path) || self.globs.iter().any(|glob| fits(glob, &names))
    }
}

fn fits(segments: &[Segment], names: &[&OsStr]) -> bool {
    let pairs = || segments.iter().zip(names);
    segments.len() == names.len() && pairs().all(|(segment, name)| segment.is(name))
}

/// A part of a pattern, between `/`.
#[derive(Debug)]
enum Segment {
    Name(OsString),
    Glob(GlobMatcher),
}

impl Segment {
    /// The only name that fits, if there are no wildcards.
    fn name(&self) -> Option<&OsStr> {
        match self {
            Self::Name(name) => Some(name),
            Self::Glob(_) => None,
        }
    }

    fn is(&self, name: &OsStr) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Glob(glob) => !name.to_string_lossy().starts_with('.') && glob.is_match(name),
        }
    }
}

/// The parts of a pattern.
fn segments(pattern: &str) -> Result<Vec<Segment>, ProjectError> {
    let segment = |name: &OsStr| {
        let text = name.to_string_lossy();
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(Segment::Name(name.to_owned()));
        }
        let glob = Glob::new(&text).map_err(|error| {
            let problem = Problem::error(format!(
                "`{pattern}` is not a pattern for workspace members: {}",
                error.kind()
            ));
            ProjectError::Problems(vec![problem])
        })?;
        Ok(Segment::Glob(glob.compile_matcher()))
    };
    normalize(Path::new(pattern)).iter().map(segment).collect()
}

/// A walk through the folders of a workspace.
struct Walk<'r> {
    root: &'r Path,
    /// Files and folders so far.
    looked_at: usize,
}

impl Walk<'_> {
    /// A folder by its path, links followed.
    fn visit(&mut self, path: &Path, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
        self.count()?;
        found.push(self.root.join(path));
        Ok(())
    }

    fn expand(&mut self, glob: &[Segment], found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
        // Folders, and whether they are behind a link.
        let mut level = vec![(self.root.to_owned(), false)];
        for segment in glob {
            let mut next = Vec::new();
            for (dir, linked) in level {
                if let Segment::Name(name) = segment {
                    self.count()?;
                    let path = dir.join(name);
                    let linked = linked || path.is_symlink();
                    next.push((path, linked));
                    continue;
                }
                if linked || !dir.is_dir() {
                    continue;
                }
                for entry in fs::read_dir(dir)? {
                    self.count()?;
                    let entry = entry?;
                    if segment.is(&entry.file_name()) {
                        let kind = entry.file_type()?;
                        let linked = kind.is_symlink();
                        let is_folder = kind.is_dir() || linked && entry.path().is_dir();
                        next.extend(is_folder.then(|| (entry.path(), linked)));
                    }
                }
            }
            level = next;
        }
        found.extend(level.into_iter().map(|(dir, _)| dir));
        Ok(())
    }

    fn count(&mut self) -> Result<(), ProjectError> {
        self.looked_at += 1;
        if self.looked_at <= MAX_MEMBERS_WALK {
            return Ok(());
        }
        let what = format!(
            "the [workspace] `members` of `{}` match too many files and folders; {}",
            self.root.join(MANIFEST).display(),
            rows::MAX_MEMBERS_WALK
        );
        let hint = "name the folders of the members, or patterns with fewer `*`";
        Err(ProjectError::Problems(vec![
            Problem::error(what).hint(hint),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_by_path() {
        let check = |members: &[&str], exclude: &[&str], dir: &str, expected| {
            let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let (members, exclude): (Vec<String>, Vec<String>) = (list(members), list(exclude));
            let dir = Path::new("/ws").join(dir);
            let patterns = Patterns::lenient(&members, &exclude);
            let found = patterns.include(Path::new("/ws"), &dir);
            assert_eq!(found, expected, "{members:?} {dir:?}");
        };
        check(&["packages/*", "tool"], &[], "packages/a", true);
        check(&["packages/*", "./tool/"], &[], "tool", true);
        check(&["x/../packages/a"], &[], "packages/a", true);
        check(&["packages/*"], &["packages/a"], "packages/a", false);
        check(&["packages/*"], &[], "packages/.a", false);
        check(&["packages/*"], &[], "packages/a/b", false);
        check(&["packages/[", "*"], &[], "packages/a", false);
    }
}
