//! Patterns of `include` and `exclude`.

use std::path::Path;

use ::ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::PackError;
use crate::portable::check_path;

/// Whether a path has a name that starts with a dot, as those of tools do.
pub(super) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.'))
}

/// The patterns that have a name starting with a dot: `*` does not mean hidden files.
pub(super) fn about_hidden(patterns: &[String]) -> Vec<String> {
    let is_about = |pattern: &&String| is_hidden(pattern.trim_start_matches("./"));
    patterns.iter().filter(is_about).cloned().collect()
}

/// The path that a pattern names, if it has no wildcard.
pub(super) fn exact(pattern: &str) -> Option<String> {
    let path = pattern.trim_end_matches('/');
    let path = path
        .strip_prefix("./")
        .unwrap_or(path)
        .trim_start_matches('/');
    let plain = !path.is_empty() && !path.contains(['*', '?', '[', '{', '\\', '!', '#']);
    (plain && check_path(path, usize::MAX, usize::MAX).is_ok()).then(|| path.to_owned())
}

/// The path before the first component with a wildcard: what the pattern surely names.
pub(super) fn prefix(pattern: &str) -> String {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let components = pattern.trim_start_matches('/').split('/');
    let plain = components.take_while(|part| !part.is_empty() && exact(part).is_some());
    plain.collect::<Vec<_>>().join("/")
}

/// A list of patterns; `None` if it is empty.
pub(super) fn patterns(
    root: &Path,
    list: &str,
    lines: &[String],
) -> Result<Option<Gitignore>, PackError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let malformed = |error: ::ignore::Error| PackError::Pattern {
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
pub(super) fn is_match(list: Option<&Gitignore>, file: &Path, folder: bool) -> bool {
    list.is_some_and(|list| list.matched_path_or_any_parents(file, folder).is_ignore())
}
