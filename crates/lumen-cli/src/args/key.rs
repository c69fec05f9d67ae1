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
        /// The file, which other users must not be able to read; `-`: standard input.
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
        /// Print the secret half instead; anyone who has it can sign as you.
        #[arg(long)]
        secret: bool,
    },
    /// Remove a key for ever.
    Remove {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Move keys from LUMEN_HOME, where older versions put them, to your configuration folder.
    Move {
        /// Its name; default: all keys.
        name: Option<String>,
        /// Another name for it.
        #[arg(long = "name", value_name = "NEW", requires = "name")]
        new_name: Option<String>,
    },
    /// Make a successor to a key; the old one stays the default, to sign the change.
    Rotate {
        /// Its name; default: the default key.
        name: Option<String>,
        /// Protect the new key with a passphrase.
        #[arg(long)]
        passphrase: bool,
    },
}
