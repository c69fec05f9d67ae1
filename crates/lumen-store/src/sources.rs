//! Where a package keeps its Lumen sources.

use std::{fs, path::Path};

use lumen_core::limits::MAX_PATH_DEPTH;

/// Where a package keeps its Lumen sources (`*.lm`, `*.lm.md`, `*.lumen`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sources {
    /// Some are below `src/`.
    Src,
    /// Some are in the package, none below `src/`.
    Root,
    /// There are none: a package of data, schemas or prompts.
    None,
}

impl Sources {
    /// Decides from the paths of a package's files, relative and with `/`.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut found = Self::None;
        for path in paths.into_iter().filter(|path| is_source(path)) {
            if path.starts_with("src/") {
                return Self::Src;
            }
            found = Self::Root;
        }
        found
    }

    /// Looks into the folder of a package. Links and names with a leading dot are passed by.
    pub fn find(package: &Path) -> Self {
        if has_source(&package.join("src"), MAX_PATH_DEPTH) {
            Self::Src
        } else if has_source(package, MAX_PATH_DEPTH) {
            Self::Root
        } else {
            Self::None
        }
    }

    /// The name in files.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Src => "src",
            Self::Root => "root",
            Self::None => "none",
        }
    }

    /// The reverse of [`Sources::as_str`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Src, Self::Root, Self::None]
            .into_iter()
            .find(|sources| sources.as_str() == text)
    }
}

fn is_source(path: &str) -> bool {
    [".lm", ".lm.md", ".lumen"]
        .iter()
        .any(|extension| path.ends_with(extension))
}

fn has_source(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        let (name, kind) = (entry.file_name(), entry.file_type());
        let (Some(name), Ok(kind)) = (name.to_str(), kind) else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        if kind.is_file() && is_source(name) {
            return true;
        }
        if kind.is_dir() && depth > 1 {
            folders.push(entry.path());
        }
    }
    folders.iter().any(|folder| has_source(folder, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found() {
        let check = |paths: &[&str], expected: Sources| {
            assert_eq!(Sources::of(paths.iter().copied()), expected, "{paths:?}");
            let dir = tempfile::tempdir().unwrap();
            for path in paths {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            assert_eq!(Sources::find(dir.path()), expected, "{paths:?}");
        };
        check(&["lumen.toml", "src/a/b.lm.md", "x.lm"], Sources::Src);
        check(&["lumen.toml", "main.lm", "src/data.json"], Sources::Root);
        check(&["net/http.lumen"], Sources::Root);
        check(&["README.md", "src/x.rs", "lm"], Sources::None);
        check(&[], Sources::None);
    }
}
