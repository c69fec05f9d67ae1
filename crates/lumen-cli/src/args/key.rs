//! `lumen key …`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a signing key; the first one is the default.
    New {
        /// Its name; default: you and this machine.
        name: Option<String>,
        /// Protect it with a passphrase.
        #[arg(long)]
        passphrase: bool,
    },
    /// List your keys.
    List,
    /// Show the public half of a key.
    Show {
        /// Its name; default: the default key.
        name: Option<String>,
    },
    /// Use another key from now on.
    Default {
        /// Its name.
        name: String,
    },
    /// Take a key from a file: Lumen's form, `PRIVATE+KEY+…` or OpenSSH's.
    Import {
        /// The file; other users must not be able to read it.
        file: PathBuf,
        /// A name for the key; default: the one in the file.
        #[arg(long)]
        name: Option<String>,
        /// Protect it with a passphrase.
        #[arg(long)]
        passphrase: bool,
    },
    /// Print the public half of a key, for others to name in their files.
    Export {
        /// Its name; default: the default key.
        name: Option<String>,
        /// Print the secret half instead; everyone who has it can sign as you.
        #[arg(long)]
        secret: bool,
    },
    /// Make a successor to a key; the old one stays, to sign the change.
    Rotate {
        /// Its name; default: the default key.
        name: Option<String>,
        /// Protect the new key with a passphrase.
        #[arg(long)]
        passphrase: bool,
    },
}
