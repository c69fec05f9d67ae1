//! What a project or a package does not allow.

use std::{fmt, path::PathBuf};

use lumen_core::{Digest, PackageName, Version, name::NameError};

/// What a link out of the project is in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A workflow of `registry ci`.
    Workflow,
    /// A submission of `pkg submit`.
    Submission,
}

/// A package without a version to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoVersion {
    /// The package.
    pub name: PackageName,
    /// What asks for a least age, such as `--exclude-newer`, if anything does.
    pub limit: Option<&'static str>,
    /// The first version that will be old enough, and the day in UTC.
    pub eligible: Option<(Version, String)>,
}

impl fmt::Display for NoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            limit,
            eligible,
        } = self;
        write!(f, "every version of `{name}` is yanked")?;
        if let Some(limit) = limit {
            write!(f, " or too new for `{limit}`")?;
        }
        match eligible {
            Some((version, day)) => write!(f, "; {version} may be chosen on {day}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NoVersion {}

/// Why a verb cannot be done with this project or package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A manifest without a package.
    #[error("`{file}` has no [package] table")]
    NoPackage {
        /// The manifest.
        file: String,
    },
    /// The root of a workspace where a package is needed.
    #[error("this is the root of a workspace, not a package")]
    WorkspaceRoot {
        /// The folders of its members.
        members: Vec<String>,
    },
    /// A link in the project leads out of it, and a file would be written through it.
    #[error("`{path}` leads out of this folder, to `{target}`")]
    LinkOut {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
        /// What would be written.
        written: Written,
    },
    /// There is no lock file.
    #[error("there is no `lumen.lock` yet")]
    NoLock,
    /// Nothing of the lock is in the project.
    #[error("nothing is installed here yet")]
    NotInstalled,
    /// The lock does not have a package.
    #[error("`{name}` is not a package of this project")]
    NotLocked {
        /// The package.
        name: PackageName,
        /// A package of the lock with a name that is close to it.
        nearest: Option<String>,
    },
    /// A manifest has no such dependency.
    #[error("`{file}` has no dependency `{name}`")]
    NoDependency {
        /// The manifest.
        file: String,
        /// The dependency.
        name: PackageName,
        /// A dependency with a name that is close to it.
        nearest: Option<String>,
    },
    /// No package of the workspace is called so, or is in such a folder.
    #[error("no package of this workspace is `{text}`")]
    NoMember {
        /// The name, folder or pattern.
        text: String,
        /// A package with a name that is close to it.
        nearest: Option<String>,
        /// The names of all.
        members: Vec<String>,
    },
    /// Every package of the workspace is excluded.
    #[error("no package of this workspace is left to do this for")]
    NoneChosen,
    /// A package that is to depend on itself.
    #[error("`{0}` cannot depend on itself")]
    Itself(PackageName),
    /// A package without a version to choose.
    #[error(transparent)]
    NoVersion(Box<NoVersion>),
    /// A git dependency has other contents than the lock says.
    #[error("`{name}` at commit {commit} packs to {found}, but the lock says {locked}")]
    GitChanged {
        /// The package.
        name: PackageName,
        /// The locked commit.
        commit: String,
        /// The hash of its files.
        found: Box<Digest>,
        /// The hash in the lock.
        locked: Box<Digest>,
    },
    /// A manifest where a new one is to be made.
    #[error("`{}` exists already", .0.display())]
    ManifestExists(PathBuf),
    /// A folder with files where a new package is to be made.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// Not a name for a new package.
    #[error("`{text}` cannot be the name of a package: {source}")]
    Name {
        /// What was given, or made of the folder's name.
        text: String,
        /// Why not.
        source: NameError,
    },
    /// A package that says of itself that it is not to be published.
    #[error("`{0}` says `publish = false`")]
    Private(PackageName),
    /// A workspace of which nothing is to be published.
    #[error("no package of this workspace is to be published")]
    AllPrivate,
    /// The tag of a commit names another version than the manifest.
    #[error("the tag `{tag}` is not the version of `{name}`, {version}")]
    Tag {
        /// The tag.
        tag: String,
        /// The package.
        name: PackageName,
        /// Its version by its manifest.
        version: Version,
    },
    /// A version that has no successor.
    #[error("{version} cannot be raised: {number} is the highest number in a version")]
    Highest {
        /// The version.
        version: Version,
        /// The number in it that is to be raised.
        number: u64,
    },
    /// A file of a package in the store has other bytes than were unpacked.
    #[error("the copy of `{0}` in the store of this machine was changed")]
    Altered(PackageName),
    /// A release that is to be submitted is published.
    #[error("`{name}` {version} exists: there is nothing to submit")]
    Published {
        /// The package.
        name: PackageName,
        /// Its version.
        version: Version,
    },
}

/// What may help against a [`PackageError`].
#[derive(Debug, Clone, Copy)]
pub enum PackageHint<'e> {
    /// The command belongs into a package's folder.
    PackageFolder,
    /// The command belongs into the folder of a member.
    Members(&'e [String]),
    /// How a link is avoided.
    LinkOut(Written),
    /// The project has to be installed first.
    Install,
    /// What was meant is probably this.
    Meant(&'e str),
    /// How packages of the lock are listed.
    List,
    /// How dependencies are listed.
    Tree,
    /// These are the packages of the workspace.
    Packages(&'e [String]),
    /// How fewer are excluded.
    ExcludeLess,
    /// Another package can be named.
    Another,
    /// How the versions of a package are listed, and one chosen.
    Versions(&'e PackageName),
    /// How a change of a git dependency is accepted.
    Update(&'e PackageName),
    /// Another folder can be chosen than one with a manifest.
    NewFolder,
    /// Another folder can be chosen than one with files.
    InitInside,
    /// A name can be given.
    GiveName,
    /// What keeps a package from being published.
    Private,
    /// What keeps packages of a workspace from being published.
    AllPrivate,
    /// How tag and version are made to agree.
    Tag(&'e Version),
    /// The version can be written by hand.
    WriteVersion,
    /// The copy can be removed, and is fetched again.
    Refetch,
    /// Releases never change.
    RaiseVersion,
}

impl PackageError {
    /// What may help.
    pub fn hint(&self) -> PackageHint<'_> {
        match self {
            Self::NoPackage { .. } => PackageHint::PackageFolder,
            Self::WorkspaceRoot { members } => PackageHint::Members(members),
            Self::LinkOut { written, .. } => PackageHint::LinkOut(*written),
            Self::NoLock | Self::NotInstalled => PackageHint::Install,
            Self::NotLocked {
                nearest: Some(nearest),
                ..
            }
            | Self::NoDependency {
                nearest: Some(nearest),
                ..
            }
            | Self::NoMember {
                nearest: Some(nearest),
                ..
            } => PackageHint::Meant(nearest),
            Self::NoMember { members, .. } => PackageHint::Packages(members),
            Self::NoneChosen => PackageHint::ExcludeLess,
            Self::NotLocked { .. } => PackageHint::List,
            Self::NoDependency { .. } => PackageHint::Tree,
            Self::Itself(_) => PackageHint::Another,
            Self::NoVersion(no) => PackageHint::Versions(&no.name),
            Self::GitChanged { name, .. } => PackageHint::Update(name),
            Self::ManifestExists(_) => PackageHint::NewFolder,
            Self::NotEmpty(_) => PackageHint::InitInside,
            Self::Name { .. } => PackageHint::GiveName,
            Self::Private(_) => PackageHint::Private,
            Self::AllPrivate => PackageHint::AllPrivate,
            Self::Tag { version, .. } => PackageHint::Tag(version),
            Self::Highest { .. } => PackageHint::WriteVersion,
            Self::Altered(_) => PackageHint::Refetch,
            Self::Published { .. } => PackageHint::RaiseVersion,
        }
    }
}
