//! The members of a workspace.

use std::path::{Path, PathBuf};

use fs_err as fs;
use lumen_core::problem::Problem;

use super::{MANIFEST, ProjectError, normalize};

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

fn expand(root: &Path, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let mut level = vec![root.to_owned()];
    for segment in pattern
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
    {
        if !segment.contains(['*', '?', '[', '{']) {
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
