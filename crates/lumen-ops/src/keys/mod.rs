//! The user's signing keys: one private file each, the environment, or an ssh-agent.
//!
//! Secrets are wiped from memory and never appear in errors, output or logs.

mod agent;
mod change;
mod file;
mod form;
mod openssh;
mod seal;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lumen_core::{
    limits::MAX_LINE,
    problem::Problem,
    screen,
    signing::{PublicKey, SecretKey},
};
use lumen_registry::{signer::Signer, variables::Variables};
use zeroize::Zeroizing;

pub use self::{
    file::KeyFile,
    store::{KeyInfo, KeyStore},
};
use crate::{error::OpsError, settings::Environment};

pub use crate::error::KeysError;

/// Says which key to use: its text, its name, or that the ssh-agent has it.
const KEY: &str = "LUMEN_KEY";
/// Names a file with a key.
const KEY_FILE: &str = "LUMEN_KEY_FILE";
/// The passphrase, if there is no terminal to ask for it.
const PASSPHRASE: &str = "LUMEN_KEY_PASSPHRASE";

/// Receives what a user should know about a key that is used.
pub type Tell<'t> = &'t dyn Fn(Problem);

/// The user's key: from the environment, or the default of the key folder.
///
/// # Errors
/// When there is none, or it cannot be unlocked.
pub fn signer(environment: &Environment, tell: Tell<'_>) -> Result<Arc<dyn Signer>, OpsError> {
    if let Some(signer) = from_environment(environment, tell)? {
        return Ok(signer);
    }
    let (_, file) = used(&KeyStore::of(environment)?, None, tell)?;
    Ok(Arc::new(unlock(file, environment)?))
}

/// The file of a key that is going to be used.
fn used(
    store: &KeyStore,
    name: Option<&str>,
    tell: Tell<'_>,
) -> Result<(PathBuf, KeyFile), KeysError> {
    let (path, file) = store.read(name)?;
    store.advice(&path)?.into_iter().for_each(tell);
    Ok((path, file))
}

/// As [`signer`]; nothing where there is no key.
///
/// # Errors
/// When it cannot be unlocked.
pub fn signer_if_any(
    environment: &Environment,
    tell: Tell<'_>,
) -> Result<Option<Arc<dyn Signer>>, OpsError> {
    match signer(environment, tell) {
        Err(OpsError::Keys(KeysError::NoKey)) => Ok(None),
        other => other.map(Some),
    }
}

/// As [`signer`]; makes a first key when there is none and says where it is.
///
/// # Errors
/// As [`signer`], and when a key cannot be made.
pub fn signer_or_new(
    environment: &Environment,
    tell: Tell<'_>,
) -> Result<(Arc<dyn Signer>, Option<PathBuf>), OpsError> {
    match signer(environment, tell) {
        Err(OpsError::Keys(KeysError::NoKey)) => {
            let store = KeyStore::of(environment)?;
            let info = store.generate(None, None)?;
            Ok((signer(environment, tell)?, Some(info.path)))
        }
        other => other.map(|signer| (signer, None)),
    }
}

/// The public half of the user's key, without unlocking it.
///
/// # Errors
/// When there is no key.
pub fn public(environment: &Environment, tell: Tell<'_>) -> Result<PublicKey, OpsError> {
    if let Some(signer) = from_environment(environment, tell)? {
        return Ok(signer.public().clone());
    }
    named(environment, None, tell)
}

/// The public half of the user's key of this name, or of the default one.
///
/// # Errors
/// When there is no such key.
pub fn named(
    environment: &Environment,
    name: Option<&str>,
    tell: Tell<'_>,
) -> Result<PublicKey, OpsError> {
    let (_, file) = used(&KeyStore::of(environment)?, name, tell)?;
    Ok(file.public)
}

/// The key of the user with this public half; nothing: there is none, or it cannot be unlocked.
///
/// # Errors
/// When the folder of keys cannot be read.
pub fn signer_of(
    environment: &Environment,
    public: &PublicKey,
    tell: Tell<'_>,
) -> Result<Option<Arc<dyn Signer>>, OpsError> {
    let store = KeyStore::of(environment)?;
    let own = store.list()?;
    let Some(own) = own.iter().find(|own| own.public.bytes() == public.bytes()) else {
        return Ok(None);
    };
    let (_, file) = used(&store, Some(own.public.name()), tell)?;
    Ok(match unlock(file, environment) {
        Ok(key) => Some(Arc::new(key)),
        Err(_) => None,
    })
}

/// The secret key of a file, asking for its passphrase when it has one.
///
/// # Errors
/// When there is no passphrase or it is wrong.
pub fn unlock(file: KeyFile, environment: &Environment) -> Result<SecretKey, KeysError> {
    opened(file, &environment.variables)
}

fn opened(file: KeyFile, variables: &Variables) -> Result<SecretKey, KeysError> {
    let name = file.public.name().to_owned();
    file.unlock(|| passphrase(&name, variables))
}

/// A passphrase for a new key, typed twice.
///
/// # Errors
/// When there is no terminal to ask, or the two differ.
pub fn new_passphrase(
    name: &str,
    environment: &Environment,
) -> Result<Zeroizing<String>, KeysError> {
    let first = match environment.variables.get(PASSPHRASE) {
        Some(passphrase) => Zeroizing::new(passphrase),
        None => {
            let first = ask(name, &format!("New passphrase for the key `{name}`: "))?;
            if *first != *ask(name, "Once more: ")? {
                return Err(KeysError::Differ);
            }
            first
        }
    };
    match first.is_empty() {
        true => Err(KeysError::Empty),
        false => Ok(first),
    }
}

fn passphrase(name: &str, variables: &Variables) -> Result<Zeroizing<String>, KeysError> {
    match variables.get(PASSPHRASE) {
        Some(passphrase) => Ok(Zeroizing::new(passphrase)),
        None => ask(name, &format!("Passphrase of the key `{name}`: ")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one question outside of the screen, which must not show the answer"
)]
fn ask(name: &str, prompt: &str) -> Result<Zeroizing<String>, KeysError> {
    use std::io::IsTerminal as _;
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(KeysError::NoPassphrase {
            name: name.to_owned(),
        });
    }
    // The name may come from a file of another author.
    let prompt = screen::brief(prompt, MAX_LINE);
    Ok(rpassword::prompt_password(prompt).map(Zeroizing::new)?)
}

fn from_environment(
    environment: &Environment,
    tell: Tell<'_>,
) -> Result<Option<Arc<dyn Signer>>, KeysError> {
    let variables = &environment.variables;
    if let Some(text) = variables.get(KEY) {
        let own = |name: &str| used(&KeyStore::of(environment)?, Some(name), tell);
        return from_text(&Zeroizing::new(text), own, variables).map(Some);
    }
    let Some(path) = variables.raw(KEY_FILE) else {
        return Ok(None);
    };
    let key = opened(form::parse(Path::new(path), None, variables)?, variables)?;
    Ok(Some(Arc::new(key)))
}

/// What `LUMEN_KEY` may hold; `own` reads a key of the user. Errors never show it.
fn from_text(
    text: &str,
    own: impl FnOnce(&str) -> Result<(PathBuf, KeyFile), KeysError>,
    variables: &Variables,
) -> Result<Arc<dyn Signer>, KeysError> {
    let agent = |fingerprint| {
        let socket = variables.raw("SSH_AUTH_SOCK").map(PathBuf::from);
        let key = agent::AgentKey::find(socket, fingerprint)?;
        Ok(Arc::new(key) as Arc<dyn Signer>)
    };
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("ssh-agent") {
        return match rest.strip_prefix(':') {
            Some(fingerprint) => agent(Some(fingerprint)),
            None if rest.is_empty() => agent(None),
            None => Err(bad_variable(
                "must be `ssh-agent` or `ssh-agent:SHA256:` and a fingerprint",
            )),
        };
    }
    if text.starts_with("PRIVATE+KEY+") {
        let key = SecretKey::parse(text).map_err(|_| bad_variable("holds a damaged key"))?;
        return Ok(Arc::new(key));
    }
    match own(text) {
        Ok((_, file)) => Ok(Arc::new(opened(file, variables)?)),
        // What it holds may be a secret in a form we do not know.
        Err(KeysError::Unknown { .. } | KeysError::Name { .. }) => {
            Err(bad_variable("holds neither a key nor the name of one"))
        }
        Err(error) => Err(error),
    }
}

fn bad_variable(reason: &str) -> KeysError {
    KeysError::Variable {
        variable: KEY,
        reason: reason.to_owned(),
    }
}

/// A line of an OpenSSH public key file, under the name it has everywhere.
pub fn parse_ssh(line: &str) -> Option<PublicKey> {
    let key = PublicKey::parse_ssh(line, "ssh").ok()?;
    key.renamed(&ssh_name(key.bytes())).ok()
}

/// The name of an SSH key: the same wherever it is used, whatever its comment says.
fn ssh_name(public: &[u8; 32]) -> String {
    let hash = lumen_core::Digest::of(public).to_string();
    let hash = hash.trim_start_matches("sha256:");
    format!("ssh-{}", hash.get(..16).unwrap_or(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gives_a_key_and_errors_never_show_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = KeyStore::at(dir.path().join("keys"));
        let none = Variables::default();
        let from_text = |text: &str| from_text(text, |name| store.read(Some(name)), &none);
        let key = SecretKey::from_seed("ci", [3; 32]).unwrap();
        let signer = from_text(&key.to_text()).unwrap();
        assert_eq!(signer.public(), key.public());
        store.generate(Some("work"), None).unwrap();
        assert_eq!(from_text("work").unwrap().public().name(), "work");
        for secret in [
            "hunter2hunter2",
            "PRIVATE+KEY+hunter2",
            "hunter2/!",
            "ssh-agenthunter2",
        ] {
            let error = from_text(secret).unwrap_err();
            assert!(matches!(error, KeysError::Variable { .. }), "{error}");
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
        assert!(!format!("{:?}", from_text(&key.to_text()).unwrap()).contains("PRIVATE"));
    }
}
