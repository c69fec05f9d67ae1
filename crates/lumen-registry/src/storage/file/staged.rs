//! Whole files that take the place of others in a folder.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fs_err as fs;

/// New contents on the disk beside their target, not yet in its place; removed when dropped.
pub(super) struct Staged {
    path: Option<PathBuf>,
    _litter: lumen_durable::Litter,
}

impl Staged {
    pub(super) fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let name = format!(
            "{}{:016x}",
            lumen_durable::TEMPORARY,
            crate::random::random()
        );
        let path = target.with_file_name(name);
        make_folder_of(&path)?;
        let litter = lumen_durable::litter(&path);
        lumen_durable::write_atomic_fast(&path, bytes)?;
        let staged = Self {
            path: Some(path),
            _litter: litter,
        };
        staged.sync()?;
        Ok(staged)
    }

    fn sync(&self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        lumen_durable::fault::point("sync", path)?;
        fs::File::options().write(true).open(path)?.sync_all()
    }

    /// Moves the contents over the target.
    pub(super) fn persist(mut self, target: &Path) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        if let Some(time) = later_than(target, path)? {
            let file = fs::File::options().write(true).open(path)?;
            file.file().set_modified(time)?;
            file.sync_all()?;
        }
        lumen_durable::rename(path, target)?;
        self.path = None;
        sync_folder(target)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // It is only litter: skipped by `list` and never read.
            let _ = fs::remove_file(path);
        }
    }
}

/// The time to give to `new` when it would have the same time as `old`, in whole seconds.
///
/// Web servers derive validators from it: nginx's ETag is the time in seconds
/// and the size, so two versions within a second would look the same.
pub(super) fn later_than(old: &Path, new: &Path) -> io::Result<Option<SystemTime>> {
    let seconds = |path: &Path| -> io::Result<u64> {
        let modified = fs::metadata(path)?.modified()?;
        Ok(modified
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs())
    };
    let old = match seconds(old) {
        Ok(old) => old,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let later = UNIX_EPOCH.checked_add(Duration::from_secs(old + 1));
    Ok(later.filter(|_| seconds(new).is_ok_and(|new| new <= old)))
}

/// Makes a rename durable. Windows has no such call and needs none.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    lumen_durable::fault::point("synced", path)
}

/// Whether an error says that there is no such file, also because a parent is one.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes the folder of a file, writable for all publishers of the registry.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    lumen_durable::create_shared_dir_all(path.parent().unwrap_or(path))
}
