//! The forms of a key in a file, and the names of keys.

use std::{io::Read as _, path::Path};

use fs_err as fs;
use lumen_core::{
    limits::{MAX_KEY_FILE_BYTES, MAX_KEY_FILE_NAME, rows},
    signing::{PublicKey, SecretKey},
};

use lumen_registry::variables::Variables;
use zeroize::Zeroizing;

use super::{
    KeysError,
    file::{INPUT_NAME, KeyFile, read_input, read_secret},
    openssh, ssh_name,
};

/// What stands for standard input in the place of a file.
const INPUT: &str = "-";

/// Reads a file with a secret. A public key, which everybody may read, says what it is.
fn secret_of(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let read = read_secret(path);
    let is_public = || {
        let file = fs::File::open(path).ok()?;
        let mut start = String::new();
        file.take(MAX_KEY_FILE_BYTES)
            .read_to_string(&mut start)
            .ok()?;
        let is_line = start.lines().count() == 1;
        Some(
            is_line
                && (start.starts_with("ssh-ed25519 ") || PublicKey::parse(start.trim()).is_ok()),
        )
    };
    match read {
        Err(KeysError::Exposed { .. }) if is_public() == Some(true) => Err(KeysError::Public {
            path: path.to_owned(),
        }),
        read => read,
    }
}

/// Reads a key from a file of any of the forms that [`super::KeyStore::import`] takes, or with `-` from
/// standard input. A new name keeps the passphrase.
///
/// # Errors
/// When the file is none, or others can read it.
pub fn parse(path: &Path, name: Option<&str>, variables: &Variables) -> Result<KeyFile, KeysError> {
    let (text, path) = match path == Path::new(INPUT) {
        true => (read_input()?, Path::new(INPUT_NAME)),
        false => (secret_of(path)?, path),
    };
    let malformed = |reason: &str| KeysError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let key = if KeyFile::claims(&text) {
        let file = KeyFile::parse(&text).map_err(|reason| malformed(&reason))?;
        match name {
            Some(name) if name != file.public.name() => {
                check_name(name)?;
                return file.renamed(name, |name| super::passphrase(name, variables));
            }
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

/// Fails for what cannot be the name of a key file.
pub(super) fn check_name(name: &str) -> Result<(), KeysError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_KEY_FILE_NAME {
        return Err(KeysError::Name {
            name: name.to_owned(),
            reason: format!("it has {} bytes; {}", name.len(), rows::MAX_KEY_FILE_NAME),
        });
    } else if !name.chars().all(good) {
        "only letters, digits, `.`, `_`, `@` and `-` can be in it"
    } else if name.starts_with(['.', '-']) {
        "it starts with `.` or `-`"
    } else {
        return Ok(());
    };
    Err(KeysError::Name {
        name: name.to_owned(),
        reason: reason.to_owned(),
    })
}

/// `user@host` as far as they are known, with everything odd left out.
pub(super) fn usual_name(variables: &Variables) -> String {
    let clean = |text: String| -> String {
        let short = text.split('.').next().unwrap_or_default().to_owned();
        let good = short
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c));
        good.take(MAX_KEY_FILE_NAME / 2 - 1)
            .collect::<String>()
            .trim_start_matches('-')
            .to_owned()
    };
    let user = variables.get("USER").or_else(|| variables.get("USERNAME"));
    let host = variables
        .get("HOSTNAME")
        .or_else(|| variables.get("COMPUTERNAME"))
        .or_else(|| fs::read_to_string("/etc/hostname").ok());
    let user = user.map(clean).filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| "lumen".into());
    match host.map(|host| clean(host.trim().to_owned())) {
        Some(host) if !host.is_empty() => format!("{user}@{host}"),
        _ => user,
    }
}
