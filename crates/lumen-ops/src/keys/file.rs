//! The text of a key file.
//!
//! ```text
//! lumen/key/v1
//! public <vkey>
//! secret PRIVATE+KEY+…        or: sealed <base64>, under a passphrase
//! ```

use std::{io, path::Path};

use fs_err as fs;
use lumen_core::base64;
use lumen_core::limits::MAX_KEY_FILE_BYTES;
use lumen_core::signing::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::{KeysError, seal};

const HEADER: &str = "lumen/key/v1";

/// What errors call standard input.
pub(super) const INPUT_NAME: &str = "standard input";

/// A key in a file.
#[derive(Debug)]
pub struct KeyFile {
    /// Its public half.
    pub public: PublicKey,
    secret: Secret,
}

enum Secret {
    Plain(Box<SecretKey>),
    Sealed(Vec<u8>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Sealed(_) => "Sealed",
        })
    }
}

impl KeyFile {
    /// The file of a key, sealed when there is a passphrase.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(key: SecretKey, passphrase: Option<&str>) -> Result<Self, KeysError> {
        let public = key.public().clone();
        let secret = match passphrase {
            Some(passphrase) => {
                Secret::Sealed(seal::seal(passphrase, &key.seed(), &public.to_string())?)
            }
            None => Secret::Plain(key.into()),
        };
        Ok(Self { public, secret })
    }

    /// Whether a passphrase is needed to use it.
    pub const fn is_sealed(&self) -> bool {
        matches!(self.secret, Secret::Sealed(_))
    }

    /// The secret key; `passphrase` is called when the file is sealed.
    ///
    /// # Errors
    /// When the passphrase cannot be had or is wrong.
    pub fn unlock(
        self,
        passphrase: impl FnOnce() -> Result<Zeroizing<String>, KeysError>,
    ) -> Result<SecretKey, KeysError> {
        let sealed = match self.secret {
            Secret::Plain(key) => return Ok(*key),
            Secret::Sealed(sealed) => sealed,
        };
        let name = self.public.name();
        let wrong = || KeysError::Passphrase {
            name: name.to_owned(),
        };
        let seed = seal::open(&passphrase()?, &sealed, &self.public.to_string());
        let key = SecretKey::from_seed(name, *seed.ok_or_else(wrong)?).map_err(|_| wrong())?;
        match *key.public() == self.public {
            true => Ok(key),
            false => Err(wrong()),
        }
    }

    /// The same key under another name, behind the same passphrase if it has one.
    ///
    /// # Errors
    /// As [`KeyFile::unlock`], and when it cannot have that name.
    pub fn renamed(
        self,
        name: &str,
        passphrase: impl FnOnce(&str) -> Result<Zeroizing<String>, KeysError>,
    ) -> Result<Self, KeysError> {
        let sealed = self.is_sealed();
        let passphrase = sealed.then(|| passphrase(self.public.name())).transpose()?;
        let given = passphrase.clone().ok_or(KeysError::Empty);
        let key = self.unlock(|| given)?;
        let key = key.renamed(name).map_err(|error| KeysError::Name {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Self::new(key, passphrase.as_deref().map(String::as_str))
    }

    /// The text of the file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = match &self.secret {
            Secret::Plain(key) => Zeroizing::new(format!("secret {}", &*key.to_text())),
            Secret::Sealed(sealed) => Zeroizing::new(format!("sealed {}", base64::encode(sealed))),
        };
        Zeroizing::new(format!("{HEADER}\npublic {}\n{}\n", self.public, &*secret))
    }

    /// Whether a text claims to be such a file.
    pub fn claims(text: &str) -> bool {
        text.lines().next() == Some(HEADER)
    }

    /// Parses the text of a file. The error never quotes it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(format!("its first line is not `{HEADER}`"));
        }
        let public = lines.next().and_then(|line| line.strip_prefix("public "));
        let public = public.and_then(|vkey| PublicKey::parse(vkey).ok());
        let public = public.ok_or("its second line has no public key")?;
        let secret = match lines.next().and_then(|line| line.split_once(' ')) {
            Some(("secret", text)) => {
                let key = SecretKey::parse(text).map_err(|_| "its third line has no secret key")?;
                if *key.public() != public {
                    return Err("its secret and its public key do not belong together".into());
                }
                Secret::Plain(key.into())
            }
            Some(("sealed", text)) => {
                let sealed = base64::decode(text);
                let sealed = sealed.filter(|bytes| seal::is_sealed(bytes));
                Secret::Sealed(sealed.ok_or("its third line has no sealed key")?)
            }
            _ => return Err("its third line has no secret key".into()),
        };
        match lines.next() {
            None => Ok(Self { public, secret }),
            Some(_) => Err("it has more than three lines".into()),
        }
    }
}

/// Reads a file with a secret, if no other user can read it.
///
/// # Errors
/// When others can read it, when it is too large or no text, and any I/O error.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let malformed = |reason: &str| KeysError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_file() && mode & 0o077 != 0 {
            return Err(KeysError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    if metadata.is_dir() {
        return Err(malformed("it is a folder"));
    }
    text_of(file, malformed)
}

/// Reads a secret from standard input.
///
/// # Errors
/// When it is too large or no text, and any I/O error.
pub fn read_input() -> Result<Zeroizing<String>, KeysError> {
    text_of(io::stdin().lock(), |reason| KeysError::Malformed {
        path: INPUT_NAME.into(),
        reason: reason.to_owned(),
    })
}

fn text_of(
    source: impl io::Read,
    malformed: impl Fn(&str) -> KeysError,
) -> Result<Zeroizing<String>, KeysError> {
    use std::io::Read as _;
    let mut bytes = Zeroizing::new(Vec::new());
    source
        .take(MAX_KEY_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(malformed("it is too long"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(malformed("it is not text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_seed("test", [7; 32]).unwrap()
    }

    fn nobody() -> Result<Zeroizing<String>, KeysError> {
        Err(KeysError::Empty)
    }

    #[test]
    fn files_read_back() {
        let plain = KeyFile::new(key(), None).unwrap();
        let read = KeyFile::parse(&plain.to_text()).unwrap();
        assert!(!read.is_sealed() && KeyFile::claims(&plain.to_text()));
        assert_eq!(*read.unlock(nobody).unwrap().seed(), [7; 32]);
        let sealed = KeyFile::new(key(), Some("open sesame")).unwrap();
        let read = || KeyFile::parse(&sealed.to_text()).unwrap();
        assert!(read().is_sealed() && !sealed.to_text().contains("PRIVATE"));
        let unlock = |text: &str| read().unlock(|| Ok(Zeroizing::new(text.into())));
        assert_eq!(*unlock("open sesame").unwrap().seed(), [7; 32]);
        assert!(matches!(
            unlock("sesame"),
            Err(KeysError::Passphrase { .. })
        ));
    }

    #[test]
    fn errors_and_debug_never_show_the_secret() {
        let text = KeyFile::new(key(), None).unwrap().to_text();
        let secret = key().to_text();
        let secret = secret.rsplit('+').next().unwrap();
        let other = SecretKey::from_seed("test", [8; 32]).unwrap();
        let others = text.replace(&key().public().to_string(), &other.public().to_string());
        let shown: Vec<String> = [
            text.replace("lumen/key", "lumen/kay"),
            text.replace("secret ", "secret x"),
            text.replace("public ", ""),
            format!("{}more\n", &*text),
            others,
        ]
        .iter()
        .map(|text| KeyFile::parse(text).unwrap_err())
        .chain([format!("{:?}", KeyFile::parse(&text).unwrap())])
        .collect();
        for shown in shown {
            assert!(
                !shown.contains(secret) && !shown.contains("PRIVATE"),
                "{shown}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "text").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_secret(&path).is_ok(), good, "{mode:o}");
        }
    }
}
