//! Why a key is unavailable. No variant ever holds a secret or a part of one.

use std::{io, path::PathBuf};

use lumen_registry::signer::SignError;

/// Why a key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Neither the environment nor the key folder has a key.
    #[error("there is no key to sign with")]
    NoKey,
    /// Without a home folder there is no place for keys.
    #[error("there is no configuration folder for keys")]
    NoFolder,
    /// Another key of the same name lies where keys lay before.
    #[error("there is another key `{name}`: `{}`", .path.display())]
    Hidden {
        /// The name.
        name: String,
        /// The other key.
        path: PathBuf,
    },
    /// Without the default key, another one would have to be chosen.
    #[error("`{name}` is the default key")]
    IsDefault {
        /// The name.
        name: String,
        /// Another key.
        other: String,
    },
    /// No key has this name.
    #[error("there is no key `{name}` in {}", .dir.display())]
    Unknown {
        /// The name.
        name: String,
        /// The key folder.
        dir: PathBuf,
        /// A name that is close to it.
        nearest: Option<String>,
    },
    /// A key of this name exists; keys are never overwritten.
    #[error("there is a key `{name}` already")]
    Exists {
        /// The name.
        name: String,
    },
    /// Not a name for a key.
    #[error("`{name}` cannot be the name of a key: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A secret that others can read is no secret.
    #[error("other users can read the key file `{}` (mode {mode:o})", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The public half of a key where the secret one is needed.
    #[error("`{}` is a public key, which signs nothing", .path.display())]
    Public {
        /// The file.
        path: PathBuf,
    },
    /// A file that is not a key.
    #[error("`{}` is not a key: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The passphrase does not open the key.
    #[error("that is not the passphrase of the key `{name}`")]
    Passphrase {
        /// The key.
        name: String,
    },
    /// The key needs a passphrase and there is no terminal to ask for it.
    #[error("the key `{name}` needs a passphrase, and there is no terminal to ask for it")]
    NoPassphrase {
        /// The key.
        name: String,
    },
    /// The passphrase was typed in two ways.
    #[error("the two passphrases differ")]
    Differ,
    /// A passphrase protects nothing when it is empty.
    #[error("the passphrase is empty")]
    Empty,
    /// A variable of the environment does not say which key.
    #[error("the environment variable {variable} {reason}")]
    Variable {
        /// Its name; never what it holds.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The ssh-agent does not help.
    #[error("the ssh-agent {reason}")]
    Agent {
        /// What happened.
        reason: String,
    },
    /// A key signs nothing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// A file or folder could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}
