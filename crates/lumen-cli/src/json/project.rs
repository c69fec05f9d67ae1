//! Results of commands about a project and its lock.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::shared::Release;

/// A dependency that was written into `lumen.toml`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Dependency {
    /// The package.
    pub name: String,
    /// Its constraint as it is in the file; none for a folder or a git repository without one.
    pub constraint: Option<String>,
    /// The newest version, where it does not fit and an older one was taken.
    pub newest: Option<String>,
}

/// What `install` and `remove` did, or would do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Installed {
    /// Whether nothing was written, since it was only asked what would change.
    pub dry_run: bool,
    /// Whether there was nothing to do.
    pub up_to_date: bool,
    /// How many packages are installed now.
    pub packages: usize,
    /// How many of them were downloaded.
    pub downloaded: usize,
    /// What changed in `lumen.lock`.
    pub changes: Changes,
}

/// What `add` and `update` did, or would do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Edited {
    /// The dependencies that were written into `lumen.toml`.
    pub dependencies: Vec<Dependency>,
    /// What was installed after that.
    #[serde(flatten)]
    pub installed: Installed,
}

/// What `lock` did, or would do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Locked {
    /// Whether nothing was written, since it was only asked what would change.
    pub dry_run: bool,
    /// How many packages are locked now.
    pub packages: usize,
    /// What changed in `lumen.lock`.
    pub changes: Changes,
}

/// What changed in `lumen.lock`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Changes {
    /// Packages of git repositories that have another commit and the same version.
    pub moved: Vec<Moved>,
    /// Packages that are new.
    pub added: Vec<Release>,
    /// Packages that are not needed any more.
    pub removed: Vec<Release>,
    /// Packages with another version.
    pub changed: Vec<Change>,
}

/// A package with another version.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Change {
    /// The package.
    pub name: String,
    /// The version before.
    pub from: String,
    /// The version now.
    pub to: String,
}

/// A package of a git repository that has another commit.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Moved {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit before.
    pub from: String,
    /// The commit now.
    pub to: String,
}

/// What `fetch` put into the store.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Fetched {
    /// How many locked packages the store has now.
    pub packages: usize,
    /// How many of them were downloaded.
    pub downloaded: usize,
}

/// What `clean` removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Cleaned {
    /// The folder of the project; what installs made in it is gone.
    pub project: String,
}

/// The package that `init` or `new` made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Created {
    /// Its name.
    pub name: String,
    /// The files that were written.
    pub files: Vec<String>,
    /// What the package lacks before it can be published.
    pub missing: Vec<String>,
}

/// The locked packages.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Listed {
    /// One for each package, by name.
    pub packages: Vec<Package>,
}

/// A locked package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its locked version.
    pub version: String,
    /// Where it comes from: `registry default`, `registry NAME`, `path DIR` or `git URL at COMMIT`.
    pub source: String,
    /// SHA-256 of its plain archive; none for folders and git repositories.
    pub checksum: Option<String>,
    /// Its features that are on.
    pub features: Vec<String>,
}

/// What depends on what.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Tree {
    /// The lines of the trees, from top to bottom.
    pub rows: Vec<Row>,
}

/// A line of a tree.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Row {
    /// Levels below the root of its tree.
    pub level: usize,
    /// The package.
    pub name: String,
    /// Its locked version.
    pub version: String,
    /// Where it comes from, unless from the default registry.
    pub source: Option<String>,
    /// Whether its dependencies are shown at its first place.
    pub repeated: bool,
}

/// Why a package is locked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Why {
    /// The package.
    pub name: String,
    /// Ways to it, each from a package of the project to it.
    pub paths: Vec<Vec<String>>,
    /// Whether the project asks for it itself, without being a package.
    pub asked: bool,
    /// Whether there are more ways.
    pub more: bool,
}

/// Dependencies with newer releases, and with releases that are advised against.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Outdated {
    /// One for each of them, by name.
    pub packages: Vec<Due>,
}

/// A dependency that could be another.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Due {
    /// The package.
    pub name: String,
    /// Its locked version.
    pub current: String,
    /// The newest version that all constraints allow.
    pub wanted: Option<String>,
    /// The newest version that there is.
    pub latest: Option<String>,
    /// Whether the project itself asks for it.
    pub direct: bool,
    /// Why the locked version is yanked, if it is; may be empty.
    pub yanked: Option<String>,
    /// Why the package is deprecated, if it is.
    pub deprecated: Option<Deprecated>,
    /// A newer version that is too young to be chosen.
    pub held_back: Option<HeldBack>,
}

/// That a package is deprecated.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Deprecated {
    /// Why.
    pub reason: String,
    /// What to use in its place.
    pub replacement: Option<String>,
    /// Since when, by the clock of its owner.
    pub at: Option<String>,
}

/// A version that is too young to be chosen.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HeldBack {
    /// The version.
    pub version: String,
    /// The age that it must have, in seconds.
    pub minimum_age: u64,
    /// When it has that age; none where its age is unknown.
    pub eligible: Option<String>,
}

/// What was vendored.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Vendored {
    /// How many packages.
    pub packages: usize,
    /// The folder.
    pub dir: String,
}

/// Whether what is installed is as it was released.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Verified {
    /// One for each package.
    pub packages: Vec<Verdict>,
    /// What should not be in the project, or should be and is not.
    pub strays: Vec<Stray>,
    /// How many packages and strays were put right.
    pub repaired: usize,
}

/// What is known of an installed package.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Verdict {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether its files are there and unchanged.
    pub ok: bool,
    /// Whether its files give the locked checksum, not only what the store remembers.
    pub proven: bool,
    /// What is wrong with its files.
    pub damage: Option<Vec<String>>,
    /// The signature of its release.
    pub signature: Signature,
    /// Whether the lock agrees with its release.
    pub release: Agreement,
}

/// Something in a project that does not belong there, or a link that is missing.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Stray {
    /// Where.
    pub path: String,
    /// What is wrong.
    pub damage: Vec<String>,
}

/// What was found out about a signature.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Signature {
    /// The release comes from a registry without signatures, or from none.
    Unsigned,
    /// It was checked.
    Good {
        /// The entry of the log that releases it.
        index: u64,
        /// The name of the key.
        signer: String,
        /// `proved`: the name map proves that nothing is withheld; `remembered`: this machine
        /// saw nothing newer.
        complete: String,
    },
    /// It could not be checked.
    Unchecked {
        /// Why.
        reason: String,
    },
    /// It is wrong.
    Bad {
        /// Why.
        reason: String,
    },
}

/// Whether a lock agrees with a release.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Agreement {
    /// It does.
    Good,
    /// It is not known.
    Unchecked {
        /// Why.
        reason: String,
    },
    /// It does not.
    Bad {
        /// Why.
        reason: String,
    },
}

/// What the machine keeps.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CacheInfo {
    /// The folder of Lumen.
    pub home: String,
    /// How many packages the store has.
    pub packages: u64,
    /// How many files they have.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The size of the cached metadata of registries, in bytes.
    pub metadata_bytes: u64,
    /// The size of git repositories, in bytes.
    pub git_bytes: u64,
    /// How many projects use the store.
    pub projects: usize,
}

/// What `cache clean` removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CacheCleaned {
    /// How many packages.
    pub packages: u64,
    /// Their size in bytes.
    pub bytes: u64,
}
