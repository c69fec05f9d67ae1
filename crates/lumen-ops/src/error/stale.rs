//! Why a lock does not fit.

use std::fmt;

use lumen_core::{Constraint, PackageName, Version};

/// Who needs a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Another package.
    Package(PackageName),
    /// The project, whose root is no package.
    Project,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "`{name}`"),
            Self::Project => f.write_str("this project"),
        }
    }
}

/// Why a lock no longer says what the manifests ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stale {
    /// A local package is new.
    #[error("`{0}` is not in it")]
    New(PackageName),
    /// A local package is in another folder.
    #[error("`{0}` comes from another place")]
    Place(PackageName),
    /// A local package has another version.
    #[error("`{name}` is {now} now, {locked} in the lock")]
    Version {
        /// The package.
        name: PackageName,
        /// Its version by its manifest.
        now: Version,
        /// Its version by the lock.
        locked: Version,
    },
    /// A local package asks for other dependencies.
    #[error("the dependencies of `{0}` have changed")]
    Requires(PackageName),
    /// The root of the project, which is no package, asks for other dependencies.
    #[error("the dependencies of this project have changed")]
    Root,
    /// A local package is not here any more.
    #[error("`{0}` is no longer here")]
    Gone(PackageName),
    /// The lock has a package that does not follow from the manifests.
    #[error("nothing needs `{0}`, which is in it")]
    Unneeded(PackageName),
    /// The lock lacks a package that is needed.
    #[error("{by} needs `{name}`, which is not in it")]
    Lacks {
        /// The package that needs it.
        by: By,
        /// The package.
        name: PackageName,
    },
    /// The lock says that a package needs another, which it does not.
    #[error("{by} does not need `{name}`, but it says so")]
    Invented {
        /// The package.
        by: By,
        /// What it is said to need.
        name: PackageName,
    },
    /// The lock has a version that a package does not accept.
    #[error("{by} needs `{name}` {}, but it has {version}", .constraint.as_str())]
    Unmet {
        /// The package that needs it.
        by: By,
        /// The package.
        name: PackageName,
        /// The versions that are accepted.
        constraint: Constraint,
        /// The version in the lock.
        version: Version,
    },
    /// The lock has a package from another place than it is asked for from.
    #[error("`{name}` is from {found} there, but is asked for from {expected}")]
    Elsewhere {
        /// The package.
        name: PackageName,
        /// The place in the lock.
        found: String,
        /// Where it has to come from.
        expected: String,
    },
}

impl Stale {
    /// Whether an edit of a manifest explains it. Else the lock itself was edited, or
    /// the settings changed, and the user should know.
    pub const fn is_usual(&self) -> bool {
        match self {
            Self::New(_)
            | Self::Place(_)
            | Self::Version { .. }
            | Self::Requires(_)
            | Self::Root
            | Self::Gone(_) => true,
            Self::Unneeded(_)
            | Self::Lacks { .. }
            | Self::Invented { .. }
            | Self::Unmet { .. }
            | Self::Elsewhere { .. } => false,
        }
    }
}
