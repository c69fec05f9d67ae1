//! Links made, files copied, things renamed and removed in an open folder.

use std::{fs::File, io, path::Path};

use rustix::{
    fs::{AtFlags, CWD, linkat, renameat, symlinkat, unlinkat},
    io::Errno,
};

use super::Folder;
use crate::{
    TEMPORARY,
    exchange::exchange_at,
    fault,
    folder::{named, random},
    gate::step,
};

/// Folders below one another that are open at once while a tree is removed.
const LEVELS: usize = 32;

impl Folder {
    /// Makes a link to a folder; `place` is where the link will be in the end, for messages.
    ///
    /// # Errors
    /// Any I/O error; in particular when something is there already.
    pub fn make_link(&self, target: &Path, name: impl AsRef<Path>, place: &Path) -> io::Result<()> {
        let _step = step();
        fault::point("link", place)?;
        symlinkat(target, &self.fd, name.as_ref()).map_err(|error| named(error, "link", place))?;
        fault::point("linked", place)
    }

    /// Removes a link or a file, never what a link leads to; absence is fine.
    ///
    /// # Errors
    /// Any other I/O error; in particular when it is a folder.
    pub fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        let whole = self.whole(name.as_ref());
        fault::point("unlink", &whole)?;
        match unlinkat(&self.fd, name.as_ref(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => fault::point("unlinked", &whole),
            Err(error) => Err(named(error, "remove", &whole)),
        }
    }

    /// Removes a folder that is empty; `false` when it is not, or is no folder.
    ///
    /// # Errors
    /// Only those of tests.
    pub fn remove_empty(&self, name: impl AsRef<Path>) -> io::Result<bool> {
        let _step = step();
        fault::point("rmdir", &self.whole(name.as_ref()))?;
        Ok(unlinkat(&self.fd, name.as_ref(), AtFlags::REMOVEDIR).is_ok())
    }

    /// Removes a file or folder with everything below it; links are removed, not followed.
    /// Folders of the user's own that are not writable are made so first. Absence is fine.
    ///
    /// # Errors
    /// Any other I/O error.
    pub fn remove_all(&self, name: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        let name = name.as_ref();
        let whole = self.whole(name);
        fault::point("rmdir", &whole)?;
        if !self.take_away(name, &whole)? {
            self.open_to_empty(name)?.empty()?;
            unlinkat(&self.fd, name, AtFlags::REMOVEDIR)
                .map_err(|error| named(error, "remove", &whole))?;
        }
        fault::point("rmdired", &whole)
    }

    /// Removes all that is inside, however deep: what lies deeper than [`LEVELS`] comes up
    /// first, so that no more folders than that are open.
    fn empty(&self) -> io::Result<()> {
        loop {
            let names = self.list()?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names.iter().map(Path::new) {
                let whole = self.whole(name);
                if !self.take_away(name, &whole)? {
                    self.open_to_empty(name)?.clear(self, LEVELS)?;
                    self.take_away(name, &whole)?;
                }
            }
        }
    }

    /// Removes all that is inside, as far as that many levels down, and moves the folders
    /// below these to `top`.
    fn clear(&self, top: &Self, levels: usize) -> io::Result<()> {
        for name in self.list()? {
            let name = Path::new(&name);
            let whole = self.whole(name);
            if self.take_away(name, &whole)? {
                continue;
            }
            let inner = self.open_to_empty(name)?;
            if let Some(levels) = levels.checked_sub(1) {
                inner.clear(top, levels)?;
                self.take_away(name, &whole)?;
            } else {
                let up = format!("{TEMPORARY}{:016x}", random()?);
                renameat(&self.fd, name, &top.fd, up.as_str())
                    .map_err(|error| named(error, "remove", &whole))?;
            }
        }
        Ok(())
    }

    /// Removes a file, a link or an empty folder; `false` for a folder with something in it.
    fn take_away(&self, name: &Path, whole: &Path) -> io::Result<bool> {
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(true),
            // Systems report folders differently.
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(named(error, "remove", whole)),
        }
        match unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(named(error, "remove", whole)),
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
        let _step = step();
        let whole = other.whole(to.as_ref());
        fault::point("rename", &whole)?;
        renameat(&self.fd, from.as_ref(), &other.fd, to.as_ref())
            .map_err(|error| named(error, "rename", &whole))?;
        fault::point("renamed", &whole)
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
        let _step = step();
        let (name, place) = (name.as_ref(), place.as_ref());
        let whole = other.whole(place);
        fault::point("exchange", &whole)?;
        if !exchange_at(&self.fd, name, &other.fd, place)
            .map_err(|error| named(error, "exchange", &whole))?
        {
            let aside = format!("{TEMPORARY}{:016x}", random()?);
            renameat(&other.fd, place, &self.fd, aside.as_str())?;
            fault::point("exchange-half", &whole)?;
            renameat(&self.fd, name, &other.fd, place)?;
            renameat(&self.fd, aside.as_str(), &self.fd, name)?;
        }
        fault::point("exchanged", &whole)
    }

    /// Makes a file inside that is the same file as `from`.
    ///
    /// # Errors
    /// Any I/O error; among them that the disk cannot do this.
    pub fn hard_link(&self, from: &Path, name: impl AsRef<Path>) -> io::Result<()> {
        let _step = step();
        Ok(linkat(
            CWD,
            from,
            &self.fd,
            name.as_ref(),
            AtFlags::empty(),
        )?)
    }

    /// Copies a file; its owner may write to the copy. `clone`: shares the blocks on the disk
    /// with `from`, and is an error where that cannot be.
    ///
    /// # Errors
    /// Any I/O error; nothing is left then.
    pub fn copy(&self, from: &Path, name: impl AsRef<Path>, clone: bool) -> io::Result<()> {
        let _step = step();
        let name = name.as_ref();
        let mut source = fs_err::File::open(from)?;
        let executable = {
            use std::os::unix::fs::PermissionsExt as _;
            source.metadata()?.permissions().mode() & 0o111 != 0
        };
        let mode = if executable { 0o755 } else { 0o644 };
        let copied = match clone {
            true => self.clone_file(&source, name, mode),
            false => self.create_file(name, mode).and_then(|fd| {
                io::copy(&mut source, &mut File::from(fd))?;
                Ok(())
            }),
        };
        copied.map_err(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _ = unlinkat(&self.fd, name, AtFlags::empty());
            }
            named(error, "copy to", &self.whole(name))
        })
    }

    #[cfg(target_os = "linux")]
    fn clone_file(&self, from: &fs_err::File, name: &Path, mode: u32) -> io::Result<()> {
        let to = self.create_file(name, mode)?;
        Ok(rustix::fs::ioctl_ficlone(to, from.file())?)
    }

    #[cfg(target_os = "macos")]
    fn clone_file(&self, from: &fs_err::File, name: &Path, mode: u32) -> io::Result<()> {
        use rustix::fs::{CloneFlags, Mode, fchmod, fclonefileat, openat};
        fclonefileat(from.file(), &self.fd, name, CloneFlags::empty())?;
        let to = openat(&self.fd, name, super::OPEN_FILE, Mode::empty())?;
        fchmod(&to, Mode::from_raw_mode(mode as rustix::fs::RawMode))?;
        Ok(crate::share::follow(to, &super::above(&self.fd, name)?)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn clone_file(&self, _: &fs_err::File, _: &Path, _: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
