//! `lumen trust …`: what this machine remembers of signed registries.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Trust {
    /// List the registries this machine remembers.
    List,
    /// Set which fingerprint a registry must have.
    Pin {
        /// URL, path or configured name of the registry.
        registry: String,
        /// `sha256:` and 64 digits, from the people who run it.
        fingerprint: String,
    },
    /// Remember a registry as it is now, after you found out why it changed.
    Accept {
        /// URL, path or configured name of the registry.
        registry: String,
        /// Only accept the new owners of these packages and scopes.
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        owners: Vec<String>,
        /// Put this state into the lumen.lock here, too; versions and archives stay.
        #[arg(long, conflicts_with = "owners")]
        lock: bool,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Forget a registry; the next contact is like the first.
    Forget {
        /// URL, path or configured name of the registry.
        registry: String,
    },
}
