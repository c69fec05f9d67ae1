//! An archive onto the disk, whole or not at all.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use lumen_core::limits::MAX_MANIFEST_BYTES;
use lumen_core::{Digest, digest::Hasher};
use lumen_durable::{Access, Folder};

use crate::{
    archive::{self, ArchiveError, Body, FileEntry, Limits, Refusal, Sink, Summary},
    target::{Blocked, Target, aside},
};

/// Name of a manifest within a package.
pub(crate) const MANIFEST: &str = "lumen.toml";

/// Why an archive was not unpacked. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The archive breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something is in the folder already.
    #[error("`{}` is not an empty folder", .0.display())]
    Occupied(PathBuf),
    /// A link in the project is on the way to the folder, or in its place.
    #[error("`{}` is a link, and archives are unpacked only where no link of the project leads", .0.display())]
    Link(PathBuf),
    /// The input or the disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Blocked> for UnpackError {
    fn from(error: Blocked) -> Self {
        match error {
            Blocked::Link(path) => Self::Link(path),
            Blocked::NoFolder(path) => Self::Occupied(path),
            Blocked::Io(error) => Self::Io(error),
        }
    }
}

impl From<ArchiveError> for UnpackError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Refused(refusal) => Self::Refused(refusal),
            ArchiveError::Input(error) | ArchiveError::Sink(error) => Self::Io(error),
        }
    }
}

/// Unpacks an archive into `dir`, which must be absent or an empty folder.
///
/// Files are writable by their owner. The archive is first unpacked into a
/// temporary folder on the same disk, and moved only when all of it was good. No link below
/// `project`, the folder that the command is run in, is followed.
///
/// # Errors
/// On a refusal or an I/O error; `dir` is then as it was.
pub fn unpack(
    input: impl Read,
    compressed_size: Option<u64>,
    limits: &Limits,
    project: Option<&Path>,
    dir: &Path,
) -> Result<Summary, UnpackError> {
    let target = Target::find(project, dir)?;
    let exists = target.missing.is_empty();
    if exists && !target.base.names()?.is_empty() {
        return Err(UnpackError::Occupied(dir.to_owned()));
    }
    let base = target.base.again()?;
    aside(&base, ".lumen-unpack-", |staging| {
        let mut writer = TreeWriter::new(staging.open_new("tree")?, Access::Writable, false);
        let summary = archive::read(input, compressed_size, limits, &mut writer)?;
        let _whole = lumen_durable::whole();
        match target.split() {
            None => {
                for name in writer.folder.names()? {
                    writer.folder.rename(&name, &base, &name)?;
                }
            }
            Some((parent, name)) => staging.rename("tree", &parent.make()?, name)?,
        }
        Ok(summary)
    })
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub path: String,
    pub size: u64,
    pub executable: bool,
    pub digest: Digest,
}

/// Writes the entries of an archive below a folder.
pub(crate) struct TreeWriter {
    folder: Folder,
    access: Access,
    /// Whether to remember the written files.
    keep: bool,
    pub files: Vec<Written>,
    pub folders: Vec<String>,
    pub manifest: Option<Vec<u8>>,
}

impl TreeWriter {
    /// Creates the folder, which must be absent.
    pub(crate) fn create(path: &Path, access: Access, keep: bool) -> io::Result<Self> {
        Ok(Self::new(Folder::create(path)?, access, keep))
    }

    /// Writes into a new folder.
    fn new(folder: Folder, access: Access, keep: bool) -> Self {
        Self {
            folder,
            access,
            keep,
            files: Vec::new(),
            folders: Vec::new(),
            manifest: None,
        }
    }
}

impl Sink for TreeWriter {
    fn folder(&mut self, path: &str) -> io::Result<()> {
        self.folder.make(path)?;
        if self.keep {
            self.folders.push(path.to_owned());
        }
        Ok(())
    }

    fn file(&mut self, entry: FileEntry<'_>, body: &mut dyn Body) -> Result<(), ArchiveError> {
        let mut file = self
            .folder
            .new_file(entry.path, entry.executable, self.access)
            .map_err(ArchiveError::Sink)?;
        let mut hasher = self.keep.then(Hasher::new);
        let mut manifest =
            (self.keep && entry.path == MANIFEST && entry.size <= MAX_MANIFEST_BYTES as u64)
                .then(|| Vec::with_capacity(entry.size as usize));
        while let Some(piece) = body.next()? {
            file.write_all(piece).map_err(ArchiveError::Sink)?;
            if let Some(hasher) = &mut hasher {
                hasher.update(piece);
            }
            if let Some(manifest) = &mut manifest {
                manifest.extend_from_slice(piece);
            }
        }
        if let Some(hasher) = hasher {
            self.files.push(Written {
                path: entry.path.to_owned(),
                size: entry.size,
                executable: entry.executable,
                digest: hasher.finish(),
            });
        }
        if manifest.is_some() {
            self.manifest = manifest;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use fs_err as fs;

    use super::*;
    use crate::pack::tar::tests::tar as archive;

    /// The names in a folder, sorted.
    pub(crate) fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn whole_or_not_at_all() {
        let base = tempfile::tempdir().unwrap();
        let good = archive(&[("a/b", b"1"), ("bin/run", b"2")]);
        let mut bad = archive(&[("a/b", b"1"), ("a/B", b"2")]);
        let into = |dir: &Path, bytes: &[u8]| unpack(bytes, None, &Limits::default(), None, dir);

        let absent = base.path().join("x/y/z");
        assert!(matches!(into(&absent, &bad), Err(UnpackError::Refused(_))));
        bad.truncate(700);
        assert!(matches!(into(&absent, &bad), Err(UnpackError::Refused(_))));
        assert_eq!(names(base.path()), [""; 0]);
        assert_eq!(into(&absent, &good).unwrap().files, 2);
        assert_eq!(fs::read(absent.join("a/b")).unwrap(), b"1");
        assert_eq!(names(base.path()), ["x"]);
        assert!(matches!(
            into(&absent, &good),
            Err(UnpackError::Occupied(_))
        ));
        assert!(matches!(
            into(&absent.join("bin/run"), &good),
            Err(UnpackError::Occupied(_))
        ));

        let empty = base.path().join("empty");
        fs::create_dir(&empty).unwrap();
        assert!(matches!(into(&empty, &bad), Err(UnpackError::Refused(_))));
        assert_eq!(names(&empty), [""; 0]);
        into(&empty, &good).unwrap();
        assert_eq!(names(&empty), ["a", "bin"]);
        assert_eq!(names(base.path()), ["empty", "x"]);
    }

    #[cfg(unix)]
    #[test]
    fn modes() {
        use std::os::unix::fs::PermissionsExt as _;
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("out");
        unpack(
            &archive(&[("a", b""), ("bin/run", b"")])[..],
            None,
            &Limits::default(),
            None,
            &dir,
        )
        .unwrap();
        let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode("a") & 0o700, 0o600);
        assert_eq!(mode("bin/run") & 0o700, 0o700);
        assert_eq!(mode(".") & 0o700, 0o700);
    }
}
