//! Where a package keeps its Lumen sources.

use std::{fs, path::Path};

use lumen_core::limits::MAX_PATH_DEPTH;

/// The endings of Lumen sources, as the compiler finds them.
const ENDINGS: [&str; 4] = [".lm", ".lm.md", ".lumen", ".lumen.md"];

/// Where a package keeps its Lumen sources (`*.lm`, `*.lm.md`, `*.lumen`, `*.lumen.md`).
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

    /// Whether the folder of a package has several modules in its `src`, which may import each
    /// other. Links and names with a leading dot are passed by.
    pub fn has_modules(package: &Path) -> bool {
        let src = package.join("src");
        let is_folder = src.symlink_metadata().is_ok_and(|src| src.is_dir());
        is_folder && count_sources(&src, MAX_PATH_DEPTH, 2) == 2
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
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn has_source(folder: &Path, depth: usize) -> bool {
    count_sources(folder, depth, 1) == 1
}

/// How many sources a folder has; counts no further than `most`.
fn count_sources(folder: &Path, depth: usize, most: usize) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let (mut found, mut folders) = (0, Vec::new());
    for entry in entries.flatten() {
        let (name, kind) = (entry.file_name(), entry.file_type());
        let (Some(name), Ok(kind)) = (name.to_str(), kind) else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        if kind.is_file() && is_source(name) {
            found += 1;
        }
        if found == most {
            return found;
        }
        if kind.is_dir() && depth > 1 {
            folders.push(entry.path());
        }
    }
    for folder in folders {
        found += count_sources(&folder, depth - 1, most - found);
        if found == most {
            break;
        }
    }
    found
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
        check(&["src/a.lumen.md"], Sources::Src);
        check(&["main.lumen.md"], Sources::Root);
        check(&["README.md", "src/x.rs", "lm"], Sources::None);
        check(&[], Sources::None);
    }

    #[test]
    fn modules_are_counted_as_far_as_it_matters() {
        let check = |paths: &[&str], expected: bool| {
            let dir = tempfile::tempdir().unwrap();
            for path in paths {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            assert_eq!(Sources::has_modules(dir.path()), expected, "{paths:?}");
        };
        check(&["src/main.lm", "src/models.lm.md"], true);
        check(&["src/a/x.lm", "src/b/y.lumen"], true);
        check(&["src/main.lm", "tests/x.lm"], false);
        check(&["src/main.lm", "src/.cache/x.lm", "src/data.json"], false);
        check(&["a.lm", "b.lm"], false);
        check(&[], false);
    }
}
