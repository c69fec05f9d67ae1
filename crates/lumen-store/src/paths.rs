//! Paths by their text: one spelling for a folder, and the way from one to another.

use std::path::{Component, Path, PathBuf};

/// Resolves `.` and `..` by their text, so that a folder has one spelling.
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    out
}

/// The path from one folder to another; both absolute and normalized.
pub fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A relative path with `/` whatever the system.
pub fn slashed(path: &Path) -> String {
    path.components()
        .map(|component| component.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_and_related() {
        let path = |text: &str| PathBuf::from(text);
        assert_eq!(normalize(&path("/a/./b/../c")), path("/a/c"));
        assert_eq!(normalize(&path("/../a")), path("/a"));
        assert_eq!(relative(&path("/a/b"), &path("/a/c/d")), path("../c/d"));
        assert_eq!(slashed(&relative(&path("/a"), &path("/a"))), "");
    }
}
