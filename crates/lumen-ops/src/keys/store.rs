//! The folder of keys: `<name>.key` files that are made once and never changed, and
//! `default` with the name of the one to use.

use std::path::{Path, PathBuf};

use fs_err as fs;
use lumen_core::{
    problem,
    signing::{PublicKey, SecretKey},
};

use super::{
    KeysError,
    file::{KeyFile, read_secret},
    openssh, seal, ssh_name,
};
use crate::settings::Environment;

const EXTENSION: &str = "key";
const DEFAULT: &str = "default";
/// Characters of the name of a key file, which only the user chooses.
const MAX_NAME: usize = 64;

/// A folder of keys.
#[derive(Debug, Clone)]
pub struct KeyStore {
    dir: PathBuf,
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
    /// The user's keys: `$LUMEN_HOME/keys` when that is set, else `lumen/keys` in the
    /// user's configuration folder.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn of(environment: &Environment) -> Result<Self, KeysError> {
        use etcetera::BaseStrategy as _;
        if super::variable("LUMEN_HOME").is_some() {
            return Ok(Self::at(environment.home.join("keys")));
        }
        let strategy = etcetera::choose_base_strategy()
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self::at(strategy.config_dir().join("lumen").join("keys")))
    }

    /// The keys in a folder.
    pub const fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Their folder.
    pub fn dir(&self) -> &Path {
        &self.dir
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
        let path = self.path(&name)?;
        let text = match read_secret(&path) {
            Err(KeysError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let names = self.names()?;
                let nearest = problem::nearest(&name, names.iter().map(String::as_str));
                return Err(KeysError::Unknown {
                    nearest: nearest.map(str::to_owned),
                    dir: self.dir.clone(),
                    name,
                });
            }
            other => other?,
        };
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

    /// Makes a new key; the first one is the default.
    ///
    /// # Errors
    /// When the name is taken or cannot be one, and any I/O error.
    pub fn generate(
        &self,
        name: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<KeyInfo, KeysError> {
        let name = name.map_or_else(usual_name, str::to_owned);
        let key = self.new_key(&name, *seal::random()?)?;
        self.add(key, passphrase)
    }

    /// Takes a key from a file: of our own form, `PRIVATE+KEY+…`, or OpenSSH's.
    ///
    /// # Errors
    /// When the file is no key or others can read it, and as [`KeyStore::generate`].
    pub fn import(
        &self,
        file: &Path,
        name: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<KeyInfo, KeysError> {
        let file = parse(file, name)?;
        self.path(file.public.name())?;
        match passphrase.is_none() {
            true => self.put(&file),
            false => self.add(super::unlock(file)?, passphrase),
        }
    }

    /// Makes a successor to a key, called after it, and the default if the old one was.
    /// The old one stays: it has to sign the change.
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
        let mut new = self.generate(Some(&name), passphrase)?;
        if old.default {
            self.set_default(&name)?;
            new.default = true;
        }
        Ok((old, new))
    }

    /// Makes a key the default.
    ///
    /// # Errors
    /// When there is no such key, and any I/O error.
    pub fn set_default(&self, name: &str) -> Result<(), KeysError> {
        self.read(Some(name))?;
        let text = format!("{name}\n");
        Ok(lumen_durable::write_atomic(
            &self.dir.join(DEFAULT),
            text.as_bytes(),
        )?)
    }

    fn add(&self, key: SecretKey, passphrase: Option<&str>) -> Result<KeyInfo, KeysError> {
        self.put(&KeyFile::new(key, passphrase)?)
    }

    fn put(&self, file: &KeyFile) -> Result<KeyInfo, KeysError> {
        let name = file.public.name();
        let path = self.path(name)?;
        let default = self.default_name()?.unwrap_or_else(|| name.to_owned());
        if !lumen_durable::create_new_private(&path, file.to_text().as_bytes())? {
            return Err(KeysError::Exists { name: name.into() });
        }
        if !self.dir.join(DEFAULT).exists() {
            self.set_default(&default)?;
        }
        self.info(Some(name))
    }

    fn new_key(&self, name: &str, seed: [u8; 32]) -> Result<SecretKey, KeysError> {
        self.path(name)?;
        SecretKey::from_seed(name, seed).map_err(|_| KeysError::Name {
            name: name.to_owned(),
            reason: "it is too long or has odd characters",
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeysError> {
        check_name(name)?;
        Ok(self.dir.join(format!("{name}.{EXTENSION}")))
    }

    fn default_name(&self) -> Result<Option<String>, KeysError> {
        match fs::read_to_string(self.dir.join(DEFAULT)) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            // The process that made an only key may have been killed before it made the key
            // the default.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut names = self.names()?;
                let only = names.pop();
                Ok(only.filter(|_| names.is_empty()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn names(&self) -> Result<Vec<String>, KeysError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|end| end == EXTENSION)
                && let Some(name) = stem.filter(|name| check_name(name).is_ok())
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Reads a key from a file of any of the forms that [`KeyStore::import`] takes.
///
/// # Errors
/// When the file is none, or others can read it.
pub fn parse(path: &Path, name: Option<&str>) -> Result<KeyFile, KeysError> {
    let text = read_secret(path)?;
    let malformed = |reason: &str| KeysError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let key = if KeyFile::claims(&text) {
        let file = KeyFile::parse(&text).map_err(|reason| malformed(&reason))?;
        match name {
            Some(name) if name != file.public.name() => super::unlock(file)?,
            _ => return Ok(file),
        }
    } else if openssh::claims(&text) {
        let seed = openssh::seed(&text).map_err(malformed)?;
        let key = SecretKey::from_seed("ssh", *seed).map_err(|_| malformed("it is damaged"))?;
        let ssh = ssh_name(key.public().bytes());
        key.renamed(&ssh).map_err(|_| malformed("it is damaged"))?
    } else {
        SecretKey::parse(&text).map_err(|_| {
            malformed("it has neither Lumen's form, nor `PRIVATE+KEY+…`, nor OpenSSH's")
        })?
    };
    let key = match name {
        Some(name) => {
            check_name(name)?;
            key.renamed(name)
                .map_err(|error| malformed(&error.to_string()))?
        }
        None => key,
    };
    KeyFile::new(key, None)
}

fn check_name(name: &str) -> Result<(), KeysError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let reason = if name.is_empty() || name.len() > MAX_NAME {
        "it must have 1 to 64 characters"
    } else if !name.chars().all(good) {
        "only letters, digits, `.`, `_`, `@` and `-` can be in it"
    } else if name.starts_with(['.', '-']) {
        "it starts with `.` or `-`"
    } else {
        return Ok(());
    };
    Err(KeysError::Name {
        name: name.to_owned(),
        reason,
    })
}

/// `user@host` as far as they are known, with everything odd left out.
fn usual_name() -> String {
    let clean = |text: String| -> String {
        let short = text.split('.').next().unwrap_or_default().to_owned();
        let good = short
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c));
        good.take(MAX_NAME / 2 - 1)
            .collect::<String>()
            .trim_start_matches('-')
            .to_owned()
    };
    let user = super::variable("USER").or_else(|| super::variable("USERNAME"));
    let host = super::variable("HOSTNAME")
        .or_else(|| super::variable("COMPUTERNAME"))
        .or_else(|| fs::read_to_string("/etc/hostname").ok());
    let user = user.map(clean).filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| "lumen".into());
    match host.map(|host| clean(host.trim().to_owned())) {
        Some(host) if !host.is_empty() => format!("{user}@{host}"),
        _ => user,
    }
}

#[cfg(test)]
mod tests;
