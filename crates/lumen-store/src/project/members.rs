//! The members of a workspace.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use fs_err as fs;
use globset::{Glob, GlobMatcher};
use lumen_core::{limits::MAX_MEMBERS_WALK, problem::Problem};

use super::{MANIFEST, ProjectError, normalize, relative};

/// Folders with a manifest that match `members` and not `exclude`, sorted. A member
/// may be a link, but no pattern matches what is behind one: that lies elsewhere, or in the
/// walk already.
pub(super) fn member_dirs(
    root: &Path,
    members: &[String],
    exclude: &[String],
) -> Result<Vec<PathBuf>, ProjectError> {
    let mut walk = Walk { root, looked_at: 0 };
    let mut found = Vec::new();
    for pattern in members.iter().collect::<BTreeSet<_>>() {
        walk.expand(pattern, &mut found)?;
    }
    let excluded = exclude.iter().map(|pattern| segments(pattern));
    let excluded: Vec<Vec<Segment>> = excluded.collect::<Result<_, _>>()?;
    found.retain(|dir| {
        let path = relative(root, dir);
        let names: Vec<&OsStr> = path.iter().collect();
        !excluded.iter().any(|pattern| fits(pattern, &names)) && dir.join(MANIFEST).is_file()
    });
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether [`member_dirs`] has a folder with a manifest, without a walk.
pub(super) fn is_member(
    root: &Path,
    dir: &Path,
    members: &[String],
    exclude: &[String],
) -> Result<bool, ProjectError> {
    for pattern in members.iter().chain(exclude) {
        segments(pattern)?;
    }
    let path = relative(root, dir);
    let reached = |pattern: &String| {
        let mut way = root.to_owned();
        let mut linked = false;
        segments(pattern).is_ok_and(|segments| {
            segments.iter().zip(&path).all(|(segment, name)| {
                let behind = linked && matches!(segment, Segment::Glob(_));
                way.push(name);
                linked |= way.is_symlink();
                !behind
            })
        })
    };
    let reached: Vec<String> = members.iter().filter(|own| reached(own)).cloned().collect();
    Ok(would_be_member(root, dir, &reached, exclude))
}

/// Whether a folder matches `members` and not `exclude`, by its path alone: nothing is read
/// for the sake of somebody else's patterns.
pub(super) fn would_be_member(
    root: &Path,
    dir: &Path,
    members: &[String],
    exclude: &[String],
) -> bool {
    let path = relative(root, dir);
    let names: Vec<&OsStr> = path.iter().collect();
    let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &names));
    any(members) && !any(exclude)
}

fn matches(pattern: &str, names: &[&OsStr]) -> bool {
    segments(pattern).is_ok_and(|segments| fits(&segments, names))
}

fn fits(segments: &[Segment], names: &[&OsStr]) -> bool {
    let pairs = || segments.iter().zip(names);
    segments.len() == names.len() && pairs().all(|(segment, name)| segment.is(name))
}

/// A part of a pattern, between `/`.
enum Segment {
    Name(OsString),
    Glob(GlobMatcher),
}

impl Segment {
    fn is(&self, name: &OsStr) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Glob(glob) => !name.to_string_lossy().starts_with('.') && glob.is_match(name),
        }
    }
}

/// The parts of a pattern, or what is wrong with it.
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
    fn expand(&mut self, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
        // Folders, and whether they are behind a link.
        let mut level = vec![(self.root.to_owned(), false)];
        for segment in segments(pattern)? {
            let mut next = Vec::new();
            for (dir, linked) in level {
                if let Segment::Name(name) = &segment {
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
            "the [workspace] `members` of `{}` match too much: over {MAX_MEMBERS_WALK} files and folders",
            self.root.join(MANIFEST).display()
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
            let found = would_be_member(Path::new("/ws"), &dir, &members, &exclude);
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
