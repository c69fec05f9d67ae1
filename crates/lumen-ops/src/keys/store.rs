//! The folder of keys: `<name>.key` files that are made once and never changed, and
//! `default` with the name of the one to use.
//!
//! Keys lie in the user's configuration folder. Lumen put them below `$LUMEN_HOME` once, beside
//! the store and the caches, which people delete: keys there are still found, and told of.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use fs_err as fs;
use lumen_core::{
    problem::{self, Problem},
    remedy::Remedy,
    signing::PublicKey,
};
use lumen_durable::owner::{self, Owner};

use super::{
    KeysError,
    file::{KeyFile, read_secret},
    form::check_name,
};
use crate::settings::Environment;
use lumen_registry::variables::Variables;

pub(super) const EXTENSION: &str = "key";
pub(super) const DEFAULT: &str = "default";

/// The folders of keys.
#[derive(Debug, Clone)]
pub struct KeyStore {
    pub(super) dir: PathBuf,
    /// Where keys lay before.
    pub(super) old: Option<PathBuf>,
    /// The user and the machine that a key without a name is called after.
    pub(super) variables: Variables,
}

/// The public data of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its public half; its name is the file's.
    pub public: PublicKey,
    /// Its file.
    pub path: PathBuf,
    /// Whether it has a passphrase.
    pub sealed: bool,
    /// Whether it is the default key.
    pub default: bool,
}

impl KeyStore {
    /// The user's keys: those in `keys` of Lumen's configuration folder, and those that an
    /// older Lumen left in `keys` of `$LUMEN_HOME`.
    ///
    /// # Errors
    /// When there is no configuration folder.
    pub fn of(environment: &Environment) -> Result<Self, KeysError> {
        let config = environment.config_dir.as_ref();
        let dir = config.ok_or(KeysError::NoFolder)?.join("keys");
        let old = Some(environment.home.join("keys"));
        Ok(Self {
            old: old.filter(|old| *old != dir),
            dir,
            variables: environment.variables.clone(),
        })
    }

    /// The keys in a folder.
    pub fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            old: None,
            variables: Variables::default(),
        }
    }

    /// Their folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where keys lay before, if there are any.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn old(&self) -> Result<Option<&Path>, KeysError> {
        let has_keys = !self.old_names()?.is_empty();
        Ok(self.old.as_deref().filter(|_| has_keys))
    }

    /// Every key, by name.
    ///
    /// # Errors
    /// When a key file is damaged or others can read it, and any I/O error.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeysError> {
        let names = self.names()?;
        names.iter().map(|name| self.info(Some(name))).collect()
    }

    /// The public data of a key, or of the default one.
    ///
    /// # Errors
    /// As [`KeyStore::read`].
    pub fn info(&self, name: Option<&str>) -> Result<KeyInfo, KeysError> {
        let (path, file) = self.read(name)?;
        Ok(KeyInfo {
            default: self.default_name()?.as_deref() == Some(file.public.name()),
            sealed: file.is_sealed(),
            public: file.public,
            path,
        })
    }

    /// The file of a key, or of the default one.
    ///
    /// # Errors
    /// When there is no such key, it is damaged or others can read it.
    pub fn read(&self, name: Option<&str>) -> Result<(PathBuf, KeyFile), KeysError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.default_name()?.ok_or(KeysError::NoKey)?,
        };
        let path = self.find(&name)?;
        let text = read_secret(&path)?;
        let malformed = |reason| KeysError::Malformed {
            path: path.clone(),
            reason,
        };
        let file = KeyFile::parse(&text).map_err(malformed)?;
        match file.public.name() == name {
            true => Ok((path, file)),
            false => Err(malformed("the key in it has another name".into())),
        }
    }

    /// What to tell a user of a key: that it lies where people delete things, or that others
    /// do, which were used before.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn advice(&self, used: &Path) -> Result<Option<Problem>, KeysError> {
        let Some(old) = self.old()? else {
            return Ok(None);
        };
        let is_old = used.parent() == Some(old);
        let old = old.display();
        let what = match is_old {
            true => {
                format!("keys lie in `{old}`, with the store and the caches, which people delete")
            }
            false => {
                let names = self.old_names()?;
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let names = names.join(", ");
                format!("`{old}` has keys, too, which are not the default any more: {names}")
            }
        };
        Ok(Some(Problem::warning(what).hint(Remedy::MoveKeys {
            to: self.dir.display().to_string(),
            or_choose: !is_old,
        })))
    }

    /// The file of a key.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf, KeysError> {
        let path = self.path(name)?;
        if path.symlink_metadata().is_ok() {
            return Ok(path);
        }
        if let Some(old) = self.old_path(name)? {
            return Ok(old);
        }
        let names = self.names()?;
        let nearest = problem::nearest(name, names.iter().map(String::as_str));
        Err(KeysError::Unknown {
            nearest: nearest.map(str::to_owned),
            dir: self.dir.clone(),
            name: name.to_owned(),
        })
    }

    /// Where a key of this name lies, or would.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, KeysError> {
        check_name(name)?;
        Ok(self.dir.join(format!("{name}.{EXTENSION}")))
    }

    /// Where a key of this name lay before, if it is still there.
    pub(super) fn old_path(&self, name: &str) -> Result<Option<PathBuf>, KeysError> {
        let found = self.old_names()?.contains(name);
        let old = self.old.as_ref().filter(|_| found);
        Ok(old.map(|old| old.join(format!("{name}.{EXTENSION}"))))
    }

    /// The name of the key to use.
    pub(super) fn default_name(&self) -> Result<Option<String>, KeysError> {
        if let Some(name) = chosen(&self.dir)? {
            return Ok(Some(name));
        }
        // The process that made an only key may have been killed before it made the key
        // the default.
        let own = names_in(&self.dir)?;
        let is_empty = own.is_empty();
        if let Some(name) = only(own) {
            return Ok(Some(name));
        }
        let names = self.old_names()?;
        match &self.old {
            Some(old) if !names.is_empty() => {
                Ok(chosen(old)?.or_else(|| only(names).filter(|_| is_empty)))
            }
            _ => Ok(None),
        }
    }

    /// The names of all keys.
    pub(super) fn names(&self) -> Result<BTreeSet<String>, KeysError> {
        let mut names = names_in(&self.dir)?;
        names.extend(self.old_names()?);
        Ok(names)
    }

    /// The names of the keys that lie where they lay before. In a home that several users
    /// share, they are those of the first user, closed to the others.
    pub(super) fn old_names(&self) -> Result<BTreeSet<String>, KeysError> {
        let Some(old) = &self.old else {
            return Ok(BTreeSet::new());
        };
        match names_in(old) {
            Err(KeysError::Io(error))
                if error.kind() == ErrorKind::PermissionDenied && is_of_another(old) =>
            {
                Ok(BTreeSet::new())
            }
            other => other,
        }
    }
}

/// Whether a folder belongs to another user.
fn is_of_another(folder: &Path) -> bool {
    matches!(Owner::of(folder), Ok(Some(owner)) if owner::current() != Some(owner))
}

/// The name of the key that a folder's user chose.
pub(super) fn chosen(dir: &Path) -> Result<Option<String>, KeysError> {
    match fs::read_to_string(dir.join(DEFAULT)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn only(names: BTreeSet<String>) -> Option<String> {
    let count = names.len();
    names.into_iter().next().filter(|_| count == 1)
}

fn names_in(dir: &Path) -> Result<BTreeSet<String>, KeysError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(BTreeSet::new());
        }
        other => other?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_some_and(|end| end == EXTENSION)
            && let Some(name) = stem.filter(|name| check_name(name).is_ok())
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}
