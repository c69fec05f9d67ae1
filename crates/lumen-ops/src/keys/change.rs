//! Changes of the folder of keys. A key file is made once; only `move` and `remove` take one away.

use std::path::{Path, PathBuf};

use fs_err as fs;
use lumen_core::signing::SecretKey;
use lumen_durable::remove_file;

use super::{
    KeyInfo, KeyStore, KeysError,
    file::KeyFile,
    form::{parse, usual_name},
    seal,
    store::{DEFAULT, chosen},
};

impl KeyStore {
    /// Makes a new key; the first one is the default.
    ///
    /// # Errors
    /// When the name is taken or cannot be one, and any I/O error.
    pub fn generate(
        &self,
        name: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<KeyInfo, KeysError> {
        let name = name.map_or_else(|| usual_name(&self.variables), str::to_owned);
        let key = self.new_key(&name, *seal::random()?)?;
        self.add(key, passphrase)
    }

    /// Takes a key from a file, or with `-` from standard input: of our own form,
    /// `PRIVATE+KEY+…`, or OpenSSH's.
    ///
    /// # Errors
    /// When the file is no key or others can read it, and as [`KeyStore::generate`].
    pub fn import(
        &self,
        file: &Path,
        name: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<KeyInfo, KeysError> {
        let file = parse(file, name, &self.variables)?;
        self.path(file.public.name())?;
        match passphrase.is_none() {
            true => self.put(&file),
            false => self.add(super::opened(file, &self.variables)?, passphrase),
        }
    }

    /// Makes a successor to a key, called after it. The old one stays, and stays the default:
    /// it has to sign the changes that make the new one count.
    ///
    /// # Errors
    /// As [`KeyStore::generate`].
    pub fn rotate(
        &self,
        name: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<(KeyInfo, KeyInfo), KeysError> {
        let old = self.info(name)?;
        let names = self.names()?;
        let stem = match old.public.name().rsplit_once('.') {
            Some((stem, number)) if number.parse::<u32>().is_ok() => stem,
            _ => old.public.name(),
        };
        let free = (2_u32..).map(|number| format!("{stem}.{number}"));
        let mut free = free.filter(|name| !names.contains(name));
        let name = free.next().unwrap_or_default();
        Ok((old, self.generate(Some(&name), passphrase)?))
    }

    /// Makes a key the default.
    ///
    /// # Errors
    /// When there is no such key, and any I/O error.
    pub fn set_default(&self, name: &str) -> Result<(), KeysError> {
        self.read(Some(name))?;
        self.choose(name)
    }

    /// The file of a key that may be removed. It may be damaged.
    ///
    /// # Errors
    /// When there is no such key, when it is the default and there are others, when another key
    /// of this name would take its place, and any I/O error.
    pub fn removable(&self, name: &str) -> Result<PathBuf, KeysError> {
        let path = self.find(name)?;
        if let Some(old) = self.old_path(name)?.filter(|old| *old != path) {
            return Err(KeysError::Hidden {
                name: name.to_owned(),
                path: old,
            });
        }
        let mut others = self.names()?;
        others.remove(name);
        if self.default_name()?.as_deref() == Some(name)
            && let Some(other) = others.pop_first()
        {
            return Err(KeysError::IsDefault {
                name: name.to_owned(),
                other,
            });
        }
        Ok(path)
    }

    /// Removes a key for ever.
    ///
    /// # Errors
    /// As [`Self::removable`].
    pub fn remove(&self, name: &str) -> Result<PathBuf, KeysError> {
        let path = self.removable(name)?;
        self.forget(name)?;
        remove_file(&path)?;
        Ok(path)
    }

    /// Moves keys from where they lay before to the folder of keys: all of them, or one, which
    /// may get another name. What an interrupted run moved is not moved again.
    ///
    /// # Errors
    /// When there is no such key, a name is taken, a file is damaged or others can read it, and
    /// any I/O error.
    pub fn move_old(
        &self,
        name: Option<&str>,
        new_name: Option<&str>,
    ) -> Result<Vec<KeyInfo>, KeysError> {
        let Some(old) = &self.old else {
            return Ok(Vec::new());
        };
        let names = match name {
            None => self.old_names()?.into_iter().collect(),
            Some(name) => vec![name.to_owned()],
        };
        let mut moved = Vec::new();
        for name in &names {
            let Some(from) = self.old_path(name)? else {
                return Err(KeysError::Unknown {
                    name: name.clone(),
                    dir: old.clone(),
                    nearest: None,
                });
            };
            moved.push(self.move_one(name, &from, new_name.unwrap_or(name))?);
        }
        // Only if nothing else is in it.
        let _ = fs::remove_dir(old);
        Ok(moved)
    }

    fn move_one(&self, name: &str, from: &Path, to: &str) -> Result<KeyInfo, KeysError> {
        let file = parse(from, Some(to), &self.variables)?;
        let was_default = self.default_name()?.as_deref() == Some(name)
            && (to == name || self.path(name)?.symlink_metadata().is_err());
        let path = self.path(to)?;
        let is_new = lumen_durable::create_new_private(&path, file.to_text().as_bytes())?;
        if !is_new && self.read(Some(to))?.1.public != file.public {
            return Err(KeysError::Hidden {
                name: to.to_owned(),
                path: from.to_owned(),
            });
        }
        if was_default {
            self.choose(to)?;
        }
        remove_file(from)?;
        if let Some(old) = from.parent()
            && chosen(old)?.as_deref() == Some(name)
        {
            remove_file(&old.join(DEFAULT))?;
        }
        self.info(Some(to))
    }

    fn add(&self, key: SecretKey, passphrase: Option<&str>) -> Result<KeyInfo, KeysError> {
        self.put(&KeyFile::new(key, passphrase)?)
    }

    fn put(&self, file: &KeyFile) -> Result<KeyInfo, KeysError> {
        let name = file.public.name();
        let path = self.path(name)?;
        let default = self.default_name()?.unwrap_or_else(|| name.to_owned());
        let taken = self.old_path(name)?.is_some();
        if taken || !lumen_durable::create_new_private(&path, file.to_text().as_bytes())? {
            return Err(KeysError::Exists { name: name.into() });
        }
        if !self.dir.join(DEFAULT).exists() {
            self.choose(&default)?;
        }
        self.info(Some(name))
    }

    /// Writes down which key is the default.
    fn choose(&self, name: &str) -> Result<(), KeysError> {
        if let Some(parent) = self.dir.parent() {
            lumen_durable::create_dir_all(parent)?;
        }
        lumen_durable::create_closed_dir_all(&self.dir)?;
        let text = format!("{name}\n");
        let path = self.dir.join(DEFAULT);
        Ok(lumen_durable::write_atomic(&path, text.as_bytes())?)
    }

    /// Forgets that a key was the default.
    fn forget(&self, name: &str) -> Result<(), KeysError> {
        for dir in [Some(&self.dir), self.old.as_ref()].into_iter().flatten() {
            if chosen(dir).ok().flatten().as_deref() == Some(name) {
                remove_file(&dir.join(DEFAULT))?;
            }
        }
        Ok(())
    }

    fn new_key(&self, name: &str, seed: [u8; 32]) -> Result<SecretKey, KeysError> {
        self.path(name)?;
        SecretKey::from_seed(name, seed).map_err(|error| KeysError::Name {
            name: name.to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
