//! Writes that are to become one commit.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::tip::{Entry, Tip};

/// The files of a branch's last commit, and others in their place.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) base: Arc<Tip>,
    files: Mutex<Files>,
}

/// New contents by path; nothing: the file is deleted.
pub(super) type Files = BTreeMap<String, Option<Vec<u8>>>;

impl Draft {
    pub(super) fn new(base: Arc<Tip>) -> Self {
        Self {
            base,
            files: Mutex::default(),
        }
    }

    /// The change of a path, if there is one: written, or deleted.
    pub(super) fn get(&self, path: &str) -> Option<Option<Vec<u8>>> {
        self.files().get(path).cloned()
    }

    /// Writes to a path, which must not be above or below that of another file.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.files();
        let exists = |path: &str| match files.get(path) {
            Some(written) => written.is_some(),
            None => self.base.entry(path).is_some(),
        };
        for (at, _) in path.match_indices('/') {
            if exists(&path[..at]) {
                let what = format!("`{}` is a file, so `{path}` cannot be one", &path[..at]);
                return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
            }
        }
        let below = format!("{path}/");
        let written = files.range(below.clone()..).map(|(path, _)| path.as_str());
        let there = self.base.below(&below).map(|(path, _)| path);
        let mut inside = written
            .take_while(|path| path.starts_with(&below))
            .chain(there);
        if inside.any(exists) || self.base.entry(path) == Some(&Entry::Other) {
            let what = format!("`{path}` is no file");
            return Err(io::Error::new(io::ErrorKind::IsADirectory, what));
        }
        files.insert(path.to_owned(), Some(bytes.to_vec()));
        Ok(())
    }

    /// Deletes a file.
    pub(super) fn delete(&self, path: &str) {
        let mut files = self.files();
        match self.base.entry(path) {
            Some(_) => files.insert(path.to_owned(), None),
            None => files.remove(path),
        };
    }

    /// The paths that start with `prefix` and were written to (`true`) or deleted.
    pub(super) fn below(&self, prefix: &str) -> Vec<(String, bool)> {
        let files = self.files();
        files
            .range(prefix.to_owned()..)
            .take_while(|(path, _)| path.starts_with(prefix))
            .map(|(path, bytes)| (path.clone(), bytes.is_some()))
            .collect()
    }

    /// Takes everything that was done.
    pub(super) fn take(&self) -> Files {
        std::mem::take(&mut *self.files())
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
