//! The members of a workspace.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::problem::Problem;

use super::{MANIFEST, ProjectError, normalize, relative};

/// Folders with a manifest that match `members` and not `exclude`, sorted.
pub(super) fn member_dirs(
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
    let pattern = normalize(Path::new(pattern));
    let segments: Vec<&OsStr> = pattern.iter().collect();
    let one = |(segment, name): (&&OsStr, &&OsStr)| {
        let text = segment.to_string_lossy();
        if !is_glob(&text) {
            return segment == name;
        }
        let hidden = name.to_string_lossy().starts_with('.');
        let glob = globset::Glob::new(&text);
        !hidden && glob.is_ok_and(|glob| glob.compile_matcher().is_match(name))
    };
    segments.len() == names.len() && segments.iter().zip(names).all(one)
}

fn is_glob(segment: &str) -> bool {
    segment.contains(['*', '?', '[', '{'])
}

fn expand(root: &Path, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let mut level = vec![root.to_owned()];
    for segment in pattern
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
    {
        if !is_glob(segment) {
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
