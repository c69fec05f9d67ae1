//! Public keys, as people name them.

use lumen_core::signing::{CosignerKey, PublicKey};

use crate::{
    error::{InputError, OpsError},
    keys,
    session::Session,
};

/// A public key as people give it: a vkey, a line of OpenSSH's, or the name of an own key.
///
/// # Errors
/// When it is none of them.
pub fn key(session: &Session<'_>, text: &str) -> Result<PublicKey, OpsError> {
    let text = text.trim();
    if let Ok(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    if let Ok(key) = CosignerKey::parse(text) {
        return Ok(key.key().clone());
    }
    if let Some(key) = keys::parse_ssh(text) {
        return Ok(key);
    }
    if !text.contains(['+', ' ']) {
        return session.own_key(text);
    }
    Err(InputError::PublicKey(text.to_owned()).into())
}

/// As [`key`], but fingerprints and names of the keys at hand count, too.
///
/// # Errors
/// As [`key`], and when a name stands for two of the keys.
pub fn key_among(
    session: &Session<'_>,
    text: &str,
    known: &[PublicKey],
) -> Result<PublicKey, OpsError> {
    let text = text.trim();
    let mut matching: Vec<&PublicKey> = known
        .iter()
        .filter(|key| key.name() == text || key.fingerprint() == text)
        .collect();
    matching.sort();
    matching.dedup_by_key(|key| *key.bytes());
    match matching.as_slice() {
        [] => key(session, text),
        [one] => Ok((*one).clone()),
        _ => Err(InputError::Keys(text.to_owned()).into()),
    }
}
