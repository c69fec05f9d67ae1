//! The folder of a package, held open: nothing outside of it is read.
//!
//! A path is walked from the open folder, one component at a time and no link followed, when
//! it is listed and again when it is read. Links are resolved before, to a path without
//! links. If another process changes the folder meanwhile, packing fails; it never reads
//! another file.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use fs_err as fs;

use lumen_durable::{Folder, Status};

/// The folder of a package.
#[derive(Debug)]
pub(super) struct Root {
    folder: Folder,
    /// Its path without links.
    real: PathBuf,
}

/// The target of a path of the package.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// Something in the package: its path without links, with `/`.
    Inside(String),
    /// Out of the package, through the link at this path.
    Outside(String),
    /// Nowhere.
    Nowhere,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let real = fs::canonicalize(path)?;
        let folder = Folder::open(&real)?;
        Ok(Self { folder, real })
    }

    /// A folder of the package, by its path without links; `None` when it is not one.
    pub(super) fn folder(&self, real: &str) -> io::Result<Option<Folder>> {
        let mut folder = self.folder.again()?;
        for component in real.split('/').filter(|component| !component.is_empty()) {
            folder = match folder.open_inside(component)? {
                Some(inside) => inside,
                None => return Ok(None),
            };
        }
        Ok(Some(folder))
    }

    /// What is at a path without links.
    pub(super) fn status(&self, real: &str) -> io::Result<Option<Status>> {
        let (folder, name) = split(real);
        match self.folder(folder)? {
            Some(folder) => folder.status(name),
            None => Ok(None),
        }
    }

    /// Reads a file by its path without links; `None` when it is no file, or longer than `limit`.
    pub(super) fn read(&self, real: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.start(real, limit.saturating_add(1))?;
        Ok(bytes.filter(|bytes| bytes.len() as u64 <= limit))
    }

    /// Reads at most `count` bytes of a file by its path without links; `None` when it is no file.
    pub(super) fn start(&self, real: &str, count: u64) -> io::Result<Option<Vec<u8>>> {
        let (folder, name) = split(real);
        let Some(file) = self
            .folder(folder)?
            .map(|folder| folder.open_file(name))
            .transpose()?
            .flatten()
        else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(count).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Follows the links of a path.
    pub(super) fn follow(&self, path: &str) -> io::Result<Leads> {
        use io::ErrorKind::{NotADirectory, NotFound};
        let ends = path.match_indices('/').map(|(end, _)| end);
        let mut real = PathBuf::new();
        for end in ends.chain([path.len()]) {
            real = match std::fs::canonicalize(self.real.join(&path[..end])) {
                Ok(real) if real.starts_with(&self.real) => real,
                Ok(_) => return Ok(Leads::Outside(path[..end].to_owned())),
                Err(error)
                    if matches!(error.kind(), NotFound | NotADirectory) || is_loop(&error) =>
                {
                    return Ok(Leads::Nowhere);
                }
                Err(error) => {
                    let what = format!("cannot follow `{path}`: {error}");
                    return Err(io::Error::new(error.kind(), what));
                }
            };
        }
        let inside = real.strip_prefix(&self.real).unwrap_or(&real);
        match inside.to_str() {
            Some(inside) => Ok(Leads::Inside(
                inside.replace(std::path::MAIN_SEPARATOR, "/"),
            )),
            None => Ok(Leads::Nowhere),
        }
    }

    /// The package's own folder, open once more.
    pub(super) fn again(&self) -> io::Result<Folder> {
        self.folder.again()
    }

    /// Whether a path leads to a folder, wherever that is.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.real.join(path).is_dir()
    }

    /// The target of the link at a path, for people.
    pub(super) fn target(&self, path: &str) -> String {
        let link = self.real.join(path);
        let target = fs::read_link(&link).or_else(|_| fs::canonicalize(&link));
        target.unwrap_or(link).to_string_lossy().into_owned()
    }
}

/// Whether links lead to each other.
fn is_loop(error: &io::Error) -> bool {
    #[cfg(unix)]
    const CODE: i32 = rustix::io::Errno::LOOP.raw_os_error();
    /// `ERROR_CANT_RESOLVE_FILENAME`.
    #[cfg(not(unix))]
    const CODE: i32 = 1921;
    error.raw_os_error() == Some(CODE)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("package");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("src/a"), "a").unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        for (target, link) in [
            ("src", "alias"),
            ("..", "up"),
            ("../up/package/src", "src/around"),
            ("loop", "loop"),
            ("nowhere", "dangling"),
        ] {
            symlink(target, package.join(link)).unwrap();
        }
        symlink(dir.path(), package.join("src/out")).unwrap();
        symlink(package.join("src/a"), package.join("absolute")).unwrap();
        let root = Root::open(&package).unwrap();
        for (path, leads) in [
            ("src/a", Leads::Inside("src/a".into())),
            ("alias/a", Leads::Inside("src/a".into())),
            ("absolute", Leads::Inside("src/a".into())),
            ("src/around/a", Leads::Inside("src/a".into())),
            ("alias/out/secret", Leads::Outside("alias/out".into())),
            ("up/package/src/a", Leads::Outside("up".into())),
            ("src/out/nothing", Leads::Outside("src/out".into())),
            ("loop", Leads::Nowhere),
            ("dangling", Leads::Nowhere),
            ("src/a/b", Leads::Nowhere),
        ] {
            assert_eq!(root.follow(path).unwrap(), leads, "{path}");
        }
        let read = |path: &str| root.read(path, 100).unwrap();
        assert_eq!(read("src/a"), Some(b"a".to_vec()));
        for path in [
            "alias/a",
            "up/secret",
            "src/out/secret",
            "absolute",
            "src",
            "none",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        assert_eq!(root.read("src/a", 0).unwrap(), None);
        rustix::fs::mkfifoat(rustix::fs::CWD, package.join("pipe"), 0o600.into()).unwrap();
        assert_eq!(read("pipe"), None);
    }

    #[test]
    fn a_folder_that_becomes_a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("package");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::create_dir_all(dir.path().join("other")).unwrap();
        fs::write(package.join("src/a"), "a").unwrap();
        fs::write(dir.path().join("other/a"), "secret").unwrap();
        let root = Root::open(&package).unwrap();
        assert_eq!(root.follow("src/a").unwrap(), Leads::Inside("src/a".into()));
        fs::remove_dir_all(package.join("src")).unwrap();
        symlink("../other", package.join("src")).unwrap();
        assert_eq!(root.read("src/a", 100).unwrap(), None);
        // The package's own folder was opened before, too.
        fs::rename(&package, dir.path().join("moved")).unwrap();
        symlink("other", &package).unwrap();
        assert_eq!(root.read("a", 100).unwrap(), None);
    }
}
