//! What a user can do next. Where that is a command or an option of a program, it is data: each
//! program has its own commands.

use crate::{name::PackageName, version::Version};

/// What to do next about a problem or a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A change that needs no command: one line, lower case, no full stop.
    Text(String),
    /// Restore the lock file, or resolve again without it.
    RestoreLock,
    /// Move the lock file of another program away, then install.
    OtherClient,
    /// Publish a lost release again, or choose another version.
    PublishAgain(PackageName),
    /// Restore one side of a merged lock file, then install.
    ChooseSide,
    /// Install: that merges the two sides of the lock file.
    MergeLock,
    /// Use a newer program, or resolve again without the lock file.
    NewerProgram,
    /// Correct the path of a dependency, or make a package there.
    MakePackage,
    /// Look up the fingerprint of a registry.
    ShowFingerprint,
    /// Check the spelling of a package, or search for it.
    Search(PackageName),
    /// List the versions of a package.
    Versions(PackageName),
    /// List the features of a package.
    Features(PackageName),
    /// Move a package to another version.
    Update(PackageName),
    /// Show the owners of a package or of a scope.
    Owners(String),
    /// Check every locked package against its registry, or lock newer versions.
    CheckAll,
    /// Move keys to the folder of keys.
    MoveKeys {
        /// The folder.
        to: String,
        /// Whether one of them may then be made the default.
        or_choose: bool,
    },
    /// Run the command once with the network.
    Online,
    /// Allow releases of later days than this one.
    After(String),
    /// Allow releases of any age.
    AnyAge,
    /// Wait until a release is old enough, or except it from `minimum-release-age`.
    Wait(Box<Eligible>),
    /// Ask for `^version` of a package that a command wants to add: then everything fits.
    Propose(PackageName, Box<Version>),
    /// Publish a dependency first, or allow that it is missing.
    PublishNeeds,
}

/// A release that is too young, and when it no longer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eligible {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The day in UTC, such as `2026-01-31`.
    pub day: String,
}

impl Remedy {
    /// The text of a remedy that needs no command.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A remedy for snapshot tests: its text, or its name and facts.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => format!("{other:?}"),
        }
    }
}

impl From<String> for Remedy {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Remedy {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
