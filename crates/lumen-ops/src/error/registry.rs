//! What a registry does not allow a verb to do.

use std::path::PathBuf;

use lumen_core::trust::Subject;
#[cfg(feature = "publish")]
use lumen_registry::stats::StatsError;

/// Why a verb cannot be done with a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Something is to be written over the network, which is off.
    #[error("`{0}` cannot be written to: the network is off")]
    Offline(String),
    /// A mirror of itself.
    #[error("`{from}` and `{to}` are the same registry")]
    Same {
        /// The source as it was given.
        from: String,
        /// The mirror as it was given.
        to: String,
    },
    /// An unsigned registry does not say who published.
    #[error("the registry is not signed, so its publishers are unknown")]
    NoPublishers,
    /// An unsigned registry has no log.
    #[error("the registry is not signed: it has no log that says what is new")]
    NoLog,
    /// The log is shorter than the other side's.
    #[error("the log has {size} entries, and --since says {since}")]
    Ahead {
        /// Entries of this log.
        size: u64,
        /// Entries that the other side is said to have.
        since: u64,
    },
    /// A file is in the way of a bundle.
    #[error("`{}` exists", .0.display())]
    BundleExists(PathBuf),
    /// What a registry has cannot be counted.
    #[cfg(feature = "publish")]
    #[error(transparent)]
    Stats(StatsError),
    /// A problem keeps a registry from being signed.
    #[error("`{file}` cannot be signed: {what}")]
    NotSignable {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Owners for a name that the registry does not have.
    #[error("the registry has no package of `{0}`")]
    NoPackageOf(Subject),
    /// A validating witness is to sign without validating.
    #[error(
        "your key `{key}` is that of a validating witness, and --growth-only validates nothing"
    )]
    MustValidate {
        /// The name of the key.
        key: String,
    },
    /// The root does not list the user's key as a witness.
    #[error("the root does not name your key `{name}` as a witness")]
    NotWitness {
        /// The name of the key.
        name: String,
        /// The key, as a witness.
        key: String,
    },
}

/// What may help against a [`RegistryError`].
#[derive(Debug, Clone, Copy)]
pub enum RegistryHint<'e> {
    /// The network is needed.
    WithoutOffline,
    /// A mirror needs a place of its own.
    AnotherPlace,
    /// What an unsigned registry does say.
    WithoutProvenance,
    /// A bundle of an unsigned registry has everything.
    WithoutSince,
    /// The other side is no mirror, or the log went back.
    RolledBack,
    /// Another file can be named.
    AnotherFile,
    /// The place that is published to can be counted.
    PublishPlace,
    /// How all problems are listed.
    DryRun,
    /// A name of the registry can be given.
    NameOfIt,
    /// The witness can validate.
    Validate,
    /// How a witness is added.
    AddWitness(&'e str),
}

impl RegistryError {
    /// What may help.
    pub fn hint(&self) -> RegistryHint<'_> {
        match self {
            Self::Offline(_) => RegistryHint::WithoutOffline,
            Self::Same { .. } => RegistryHint::AnotherPlace,
            Self::NoPublishers => RegistryHint::WithoutProvenance,
            Self::NoLog => RegistryHint::WithoutSince,
            Self::Ahead { .. } => RegistryHint::RolledBack,
            Self::BundleExists(_) => RegistryHint::AnotherFile,
            #[cfg(feature = "publish")]
            Self::Stats(_) => RegistryHint::PublishPlace,
            Self::NotSignable { .. } => RegistryHint::DryRun,
            Self::NoPackageOf(_) => RegistryHint::NameOfIt,
            Self::MustValidate { .. } => RegistryHint::Validate,
            Self::NotWitness { key, .. } => RegistryHint::AddWitness(key),
        }
    }
}
