//! Folders by their paths, for systems whose standard library opens nothing relative to a folder.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use fs_err as fs;

use super::{Access, Status, StatusKind, Time, gone};
use crate::{fault, gate::step, lock::Lock};

/// A folder.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens a folder; the last step of the path must be no link.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open(path: &Path) -> io::Result<Self> {
        match kind(path)? {
            Some(StatusKind::Folder) => Ok(Self(path.to_owned())),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Opens a folder that the user named: links are followed.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn open_named(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Creates a folder that must be absent, and opens it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The same folder, opened once more.
    ///
    /// # Errors
    /// None.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone()))
    }

    /// How it was reached, for messages.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file inside, after checking again that the folder is no link.
    fn inside(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        match kind(&self.0)? {
            Some(StatusKind::Folder) => Ok(self.0.join(path)),
            _ => Err(gone(&self.0)),
        }
    }

    /// Creates a folder inside, which must be absent.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn make(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        fs::create_dir(self.0.join(path))
    }

    /// Creates a file inside, which must be absent.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn new_file(
        &self,
        path: impl AsRef<Path>,
        _executable: bool,
        _access: Access,
    ) -> io::Result<NewFile<'_>> {
        let _step = step();
        let file = fs::File::create_new(self.0.join(path))?;
        Ok(NewFile(file, std::marker::PhantomData))
    }

    /// Opens a folder inside; `None` when there is none, or a link.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn open_inside(&self, path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let path = self.0.join(path);
        Ok((kind(&path)? == Some(StatusKind::Folder)).then_some(Self(path)))
    }

    /// Opens a regular file inside; `None` when there is none, or a link.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn open_file(&self, path: impl AsRef<Path>) -> io::Result<Option<std::fs::File>> {
        let path = self.0.join(path);
        if kind(&path)? != Some(StatusKind::File) {
            return Ok(None);
        }
        let mut options = std::fs::OpenOptions::new();
        options.read(true);
        #[cfg(windows)]
        {
            /// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link instead of its target.
            const NO_FOLLOW: u32 = 0x0020_0000;
            std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, NO_FOLLOW);
        }
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(file.metadata()?.file_type().is_file().then_some(file))
    }

    /// Reads a file inside and when it was written; `None` when there is none.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<(Vec<u8>, Time)>> {
        match self.status(path.as_ref())? {
            Some(status) if status.kind == StatusKind::File => {
                Ok(Some((fs::read(self.0.join(path))?, status.changed)))
            }
            _ => Ok(None),
        }
    }

    /// Writes a file inside so that readers see the old or the new contents, without waiting
    /// for the disk.
    ///
    /// # Errors
    /// Any I/O error; the old contents are then still there.
    pub fn write_fast(
        &self,
        name: impl AsRef<Path>,
        bytes: &[u8],
        _private: bool,
    ) -> io::Result<()> {
        crate::write_atomic_fast(&self.inside(name)?, bytes)
    }

    /// Writes a file inside so that it is on the disk, whole, when this returns.
    ///
    /// # Errors
    /// Any I/O error; the old contents are then still there.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        crate::write_atomic(&self.inside(name)?, bytes)
    }

    /// The target of a link inside; `None` when there is none.
    pub fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        crate::read_link_dir(&self.0.join(path)).ok()?
    }

    /// Whether there is a folder, links followed.
    pub fn leads_to_folder(&self, path: impl AsRef<Path>) -> bool {
        self.0.join(path).is_dir()
    }

    /// The status of a path inside, without following a link; `None` when there is nothing.
    /// An empty path is the folder itself.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn status(&self, path: impl AsRef<Path>) -> io::Result<Option<Status>> {
        let path = match path.as_ref().as_os_str().is_empty() {
            true => self.0.clone(),
            false => self.0.join(path),
        };
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let since = metadata
            .modified()?
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let kind = match crate::read_link_dir(&path)? {
            Some(_) => StatusKind::Link,
            None if metadata.is_file() => StatusKind::File,
            None if metadata.is_dir() => StatusKind::Folder,
            None => StatusKind::Other,
        };
        let changed = (since.as_secs() as i64, i64::from(since.subsec_nanos()));
        Ok(Some(Status {
            kind,
            size: metadata.len(),
            changed,
            touched: changed,
            writable: false,
            executable: None,
            owner: None,
            number: made(&metadata),
        }))
    }

    /// Whether a file inside is marked as one that is not to be changed.
    ///
    /// # Errors
    /// Any I/O error other than absence.
    pub fn is_read_only(&self, name: impl AsRef<Path>) -> io::Result<bool> {
        match fs::symlink_metadata(self.0.join(name)) {
            Ok(metadata) => Ok(metadata.is_file() && metadata.permissions().readonly()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn list(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    /// Makes a link to a folder; `place` is where the link will be in the end, for messages.
    ///
    /// # Errors
    /// Any I/O error; in particular when something is there already.
    pub fn make_link(
        &self,
        target: &Path,
        name: impl AsRef<Path>,
        _place: &Path,
    ) -> io::Result<()> {
        crate::link_dir(target, &self.inside(name)?)
    }

    /// Removes a link or a file, never what a link leads to; absence is fine.
    ///
    /// # Errors
    /// Any other I/O error; in particular when it is a folder.
    pub fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
        let path = self.inside(name)?;
        match kind(&path)? {
            None => Ok(()),
            Some(StatusKind::Link) => crate::remove_link_dir(&path),
            Some(_) => crate::remove_file(&path),
        }
    }

    /// Removes a folder that is empty; `false` when it is not, or is no folder.
    ///
    /// # Errors
    /// Only those of tests.
    pub fn remove_empty(&self, name: impl AsRef<Path>) -> io::Result<bool> {
        let _step = step();
        let path = self.inside(name)?;
        fault::point("rmdir", &path)?;
        Ok(kind(&path)? == Some(StatusKind::Folder) && fs::remove_dir(&path).is_ok())
    }

    /// Removes a file or folder with everything below it; links are removed, not followed.
    /// Absence is fine.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn remove_all(&self, name: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        let path = self.inside(name.as_ref())?;
        match kind(&path)? {
            Some(StatusKind::Folder) => {
                fault::point("rmdir", &path)?;
                fs::remove_dir_all(&path)?;
                fault::point("rmdired", &path)
            }
            _ => self.remove(name),
        }
    }

    /// Renames a file or folder inside to a name in another folder.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn rename(
        &self,
        from: impl AsRef<Path>,
        other: &Self,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        crate::rename(&self.inside(from)?, &other.inside(to)?)
    }

    /// Swaps a file or folder inside with one in another folder; as [`crate::exchange`].
    ///
    /// # Errors
    /// Any I/O error.
    pub fn exchange(
        &self,
        name: impl AsRef<Path>,
        other: &Self,
        place: impl AsRef<Path>,
    ) -> io::Result<()> {
        crate::exchange(&self.inside(name)?, &other.inside(place)?)
    }

    /// Makes a file inside that is the same file as `from`.
    ///
    /// # Errors
    /// Any I/O error; among them that the disk cannot do this.
    pub fn hard_link(&self, from: &Path, name: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        std::fs::hard_link(from, self.0.join(name))
    }

    /// Copies a file; its owner may write to the copy. `clone`: shares the blocks on the disk
    /// with `from`, and is an error where that cannot be.
    ///
    /// # Errors
    /// Any I/O error; nothing is left then.
    pub fn copy(&self, from: &Path, name: impl AsRef<Path>, clone: bool) -> io::Result<()> {
        let _step = step();
        let to = self.0.join(name);
        match clone {
            true => reflink_copy::reflink(from, &to)?,
            false => {
                let mut source = fs::File::open(from)?;
                io::copy(&mut source, &mut fs::File::create_new(&to)?)?;
            }
        }
        let mut permissions = fs::metadata(&to)?.permissions();
        #[allow(
            clippy::permissions_set_readonly_false,
            reason = "this is no Unix: it takes the mark away, and gives no rights"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(&to, permissions)
    }

    /// Waits for the lock file inside, which is made if need be; a link is an error.
    ///
    /// # Errors
    /// When it is no file, or as [`Lock::exclusive`].
    pub fn lock(&self, name: impl AsRef<Path>) -> io::Result<Lock> {
        Lock::exclusive(&self.inside(name)?)
    }

    /// Whether the user may add and remove files here. Always `true`: an attempt gives the answer.
    ///
    /// # Errors
    /// None.
    pub fn may_write(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// Whether a group works together in this folder: not known without owners and modes.
    ///
    /// # Errors
    /// None.
    pub fn is_shared_with_us(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Takes from others the right to write here; there are no modes, and so nothing to do.
    ///
    /// # Errors
    /// None.
    pub fn close_to_others(&self) -> io::Result<()> {
        Ok(())
    }
}

fn kind(path: &Path) -> io::Result<Option<StatusKind>> {
    if crate::read_link_dir(path)?.is_some() {
        return Ok(Some(StatusKind::Link));
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(StatusKind::Folder)),
        Ok(metadata) if metadata.is_file() => Ok(Some(StatusKind::File)),
        Ok(_) => Ok(Some(StatusKind::Other)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// When it was made, which distinguishes it from an earlier file.
fn made(metadata: &std::fs::Metadata) -> u64 {
    let since = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// A file that is being written.
pub struct NewFile<'f>(fs::File, std::marker::PhantomData<&'f Folder>);

impl NewFile<'_> {
    /// Writes the bytes.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
