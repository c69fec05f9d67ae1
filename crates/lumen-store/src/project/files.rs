//! The files of a project that Lumen reads and writes: `lumen.toml`, `lumen.lock`, `.gitignore`.
//!
//! They may be links, to files of the same project. A link that leads out of it is an error:
//! otherwise a clone could make Lumen show, publish or change other files of the user.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_durable::{Folder, Step};

use super::ProjectError;
use crate::target::{Blocked, Target};

/// A file, by the open folder that it is really in.
struct Spot {
    folder: Folder,
    name: OsString,
    /// Its path, without links.
    real: PathBuf,
}

impl Spot {
    /// Finds a file of the project in `base`, links followed as long as they stay in it.
    /// `None`: there is neither the file nor the folder that it would be in.
    fn find(base: &Path, file: &Path) -> Result<Option<Self>, ProjectError> {
        let outside = |target: PathBuf| ProjectError::Outside {
            file: file.to_owned(),
            target,
        };
        let base = fs::canonicalize(base)?;
        let real = match fs::canonicalize(file) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Ok(target) = std::fs::read_link(file) {
                    return Err(outside(target));
                }
                let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
                    return Ok(None);
                };
                match fs::canonicalize(parent) {
                    Ok(parent) => parent.join(name),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return match dangling(parent) {
                            Some(target) => Err(outside(target)),
                            None => Ok(None),
                        };
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(below) = real.strip_prefix(&base) else {
            return Err(outside(real));
        };
        let (Some(parent), Some(name)) = (below.parent(), below.file_name()) else {
            return Err(outside(real));
        };
        match Folder::open_named(&base)?.descend(parent)? {
            Step::Folder(folder) => Ok(Some(Self {
                folder,
                name: name.to_owned(),
                real,
            })),
            Step::Absent | Step::Blocked(_) => Err(outside(real)),
        }
    }
}

impl Spot {
    /// A file that its user made read-only stays as it is. (A rename would replace it.)
    fn may_change(&self, file: &Path) -> Result<(), ProjectError> {
        match self.folder.is_read_only(&self.name)? {
            true => Err(ProjectError::ReadOnly(file.to_owned())),
            false => Ok(()),
        }
    }
}

/// Where the link leads that ends the way to a folder which does not exist: to nothing today, and
/// to whatever is there tomorrow.
fn dangling(folder: &Path) -> Option<PathBuf> {
    let is_there = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    std::fs::read_link(folder.ancestors().find(is_there)?).ok()
}

/// Reads a file of the project in `base`, at most `limit` bytes; `None`: there is no such file.
///
/// # Errors
/// When it leads out of the project; `FileTooLarge` when it has more bytes; any I/O error.
pub fn read(base: &Path, file: &Path, limit: u64) -> Result<Option<Vec<u8>>, ProjectError> {
    Ok(read_real(base, file, limit)?.map(|(bytes, _)| bytes))
}

/// The same, with the path of the file when all links are followed.
pub(super) fn read_real(
    base: &Path,
    file: &Path,
    limit: u64,
) -> Result<Option<(Vec<u8>, PathBuf)>, ProjectError> {
    let Some(spot) = Spot::find(base, file)? else {
        return Ok(None);
    };
    #[cfg(test)]
    READS.with(|reads| reads.set(reads.get() + 1));
    let bytes = spot.folder.read_limited(&spot.name, limit)?;
    Ok(bytes.map(|bytes| (bytes, spot.real)))
}

#[cfg(test)]
thread_local! {
    static READS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many files this thread opened to read them.
#[cfg(test)]
pub(super) fn reads() -> usize {
    READS.with(std::cell::Cell::get)
}

/// Says whether a file of the project in `base` may be written, before anything changes.
///
/// # Errors
/// As [`write()`].
pub fn check(base: &Path, file: &Path) -> Result<(), ProjectError> {
    match Spot::find(base, file)? {
        Some(spot) => spot.may_change(file),
        None => Ok(()),
    }
}

/// Writes a file of the project in `base`, or the file of it that it is a link to, and makes
/// the folders that it needs. It is on the disk, whole, when this returns.
///
/// # Errors
/// When it leads out of the project, or is read-only, or any I/O error; the old contents are
/// then still there.
pub fn write(base: &Path, file: &Path, bytes: &[u8]) -> Result<(), ProjectError> {
    let _whole = lumen_durable::whole();
    match Spot::find(base, file)? {
        Some(spot) => {
            spot.may_change(file)?;
            Ok(spot.folder.write(&spot.name, bytes)?)
        }
        None => {
            let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
                return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
            };
            let target = Target::find(Some(base), parent).map_err(|blocked| match blocked {
                Blocked::Link(target) | Blocked::NoFolder(target) => ProjectError::Outside {
                    file: file.to_owned(),
                    target,
                },
                Blocked::Io(error) => error.into(),
            })?;
            Ok(target.make()?.write(name, bytes)?)
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_inside_and_refused_outside() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("project");
        fs::create_dir_all(base.join("shared")).unwrap();
        fs::write(base.join("shared/real"), "one").unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        let at = |name: &str| base.join(name);
        symlink("shared/real", at("inside")).unwrap();
        symlink("../secret", at("outside")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("..", at("up")).unwrap();
        let get = |name: &str| read(&base, &at(name), 100);
        assert_eq!(get("inside").unwrap().unwrap(), b"one");
        assert_eq!(get("none").unwrap(), None);
        assert_eq!(get("no/ne").unwrap(), None);
        write(&base, &at("inside"), b"two").unwrap();
        write(&base, &at("new"), b"new").unwrap();
        write(&base, &at("deep/er/new"), b"new").unwrap();
        assert!(at("deep/er/new").exists());
        assert_eq!(fs::read(at("shared/real")).unwrap(), b"two");
        assert!(at("inside").is_symlink());
        for bad in ["outside", "dangling", "up/secret", "up/new", "dangling/new"] {
            let refused = |error: ProjectError| matches!(error, ProjectError::Outside { .. });
            assert!(refused(get(bad).unwrap_err()), "{bad}");
            assert!(refused(write(&base, &at(bad), b"x").unwrap_err()), "{bad}");
        }
        assert_eq!(fs::read(dir.path().join("secret")).unwrap(), b"secret");
        assert!(!dir.path().join("new").exists());
        assert!(read(&base, &at("inside"), 2).is_err());
    }

    #[test]
    fn modes_are_respected_and_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        for mode_of_user in [0o600, 0o640, 0o755] {
            fs::write(&file, "old").unwrap();
            let wanted = std::fs::Permissions::from_mode(mode_of_user);
            fs::set_permissions(&file, wanted).unwrap();
            check(dir.path(), &file).unwrap();
            write(dir.path(), &file, b"new").unwrap();
            assert_eq!(mode(), mode_of_user);
        }
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
        symlink("file", dir.path().join("link")).unwrap();
        for path in [&file, &dir.path().join("link")] {
            let is_refused = |result: Result<(), ProjectError>| matches!(result.unwrap_err(), ProjectError::ReadOnly(found) if found == *path);
            assert!(is_refused(check(dir.path(), path)));
            assert!(is_refused(write(dir.path(), path, b"x")));
        }
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(mode(), 0o444);
        check(dir.path(), &dir.path().join("none")).unwrap();
    }
}
