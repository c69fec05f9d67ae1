//! `lumen pkg owner …`: owners of a name.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{RegistryArgs, registry::ChangeArgs};

#[derive(Debug, Subcommand)]
pub enum Owner {
    /// List admins, publishers and revoked keys.
    List {
        /// A package or a scope.
        name: String,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Claim a name before its first release.
    Claim {
        /// A package without a scope, or a scope.
        name: String,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Add a publisher; with --admin, an admin, who may change the owners.
    Add {
        /// A package or a scope; a package of a scope gets a publisher of its own.
        name: String,
        /// `name+1234abcd+…`, an `ssh-ed25519 …` line, or the name of a key of yours.
        key: String,
        /// Also as an admin.
        #[arg(long)]
        admin: bool,
        /// For this package of the scope alone.
        #[arg(long, value_name = "PACKAGE", conflicts_with = "admin")]
        only: Option<String>,
        /// Until then: a time such as 2026-01-31T10:30:00Z, or 7d from now.
        #[arg(long, value_name = "TIME", conflicts_with = "admin")]
        until: Option<String>,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Remove an owner who leaves; what they published stays.
    #[command(visible_alias = "rm")]
    Remove {
        /// A package or a scope.
        name: String,
        /// Its name or fingerprint, or the key.
        key: String,
        /// As an admin only; they may still publish.
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Give a name to other owners.
    Transfer {
        /// A package without a scope, or a scope.
        name: String,
        /// Keys of the new owners, all of them admins and publishers.
        #[arg(required = true)]
        keys: Vec<String>,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Make everything void that a stolen key signs, from a place in the log on.
    Revoke {
        /// A package without a scope, or a scope.
        name: String,
        /// Its name or fingerprint, or the key.
        key: String,
        /// The first entry that is void; default: the end of the log.
        #[arg(long, value_name = "INDEX")]
        from: Option<u64>,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Say how many admins must sign a change.
    Threshold {
        /// A package without a scope, or a scope.
        name: String,
        /// How many.
        number: u32,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Sign a proposal.
    Sign {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Put a proposal with all its signatures into effect.
    Apply {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        registry: RegistryArgs,
    },
}

/// How owners are changed.
#[derive(Debug, Clone, Default, Args)]
pub struct HowArgs {
    /// Decide with the registry's names keys, in the place of the admins.
    #[arg(long = "override")]
    pub is_override: bool,
    #[command(flatten)]
    pub change: ChangeArgs,
}
