//! Every way an operation can fail, as data. `lumen-cli` chooses the words of the hint and the exit code.

mod change;
mod failure;
mod hosting;
mod ingest;
mod input;
mod keys;
mod package;
mod registry;
mod settings;
mod stale;

use std::{io, path::PathBuf};

use lumen_core::{
    PackageName, Version,
    constraint::ConstraintError,
    edit::EditError,
    explain::Story,
    index::{Contradiction, Unsupported},
    limits::Exceeded,
    lockfile,
    name::NameError,
    problem::Problem,
    trust::Lacking,
};
#[cfg(feature = "publish")]
use lumen_registry::mirror::MirrorError;
use lumen_registry::{
    PublishError, ReadError, StorageError, location::LocationError, verify::TrustError,
};
use lumen_store::{
    cas::InsertError,
    link::{LinkError, vendor::VendorError},
    pack::PackError,
    project::ProjectError,
    unpack::UnpackError,
};

use crate::git::GitError;

pub use self::{
    change::{Again, ChangeError, ChangeHint, OfScope, ProposalError},
    failure::{Hint, KeysHint},
    hosting::{HostingError, HostingHint},
    ingest::IngestError,
    input::{InputError, InputHint},
    keys::KeysError,
    package::{NoVersion, PackageError, PackageHint, Written},
    registry::{RegistryError, RegistryHint},
    settings::{SettingsError, SettingsHint},
    stale::{By, Stale},
};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpsError {
    /// Neither `LUMEN_HOME` nor a home folder.
    #[error("there is no home folder for the package store")]
    NoHome,
    /// A registry is needed and none is configured.
    #[error("no registry is configured")]
    NoRegistry,
    /// A name that no configuration gives a URL.
    #[error("{origin} names the registry `{name}`, which is not configured")]
    UnknownRegistry {
        /// The name.
        name: String,
        /// Where it was used.
        origin: String,
        /// A configured name that is close to it.
        nearest: Option<String>,
    },
    /// An installed package is not what was released.
    #[error("`{name}` {version} is not what was released: {source}")]
    NotAsReleased {
        /// The package.
        name: PackageName,
        /// Its locked version.
        version: Version,
        /// What differs.
        source: Box<FetchError>,
    },
    /// Proofs are required, this machine has none of a package, and the network is off.
    #[error(
        "no proof of `{name}` {version}{} is known on this machine: `trust = \"required\"` does not allow its installation from `{registry}` while the network is off",
        and_more(.others)
    )]
    Unproven {
        /// The first such package.
        name: PackageName,
        /// Its locked version.
        version: Version,
        /// How many more there are.
        others: usize,
        /// The registry that the lock names.
        registry: String,
    },
    /// Input files have errors; all that were found.
    #[error("{}", .0.first().map_or("invalid input", |problem| problem.what.as_str()))]
    Problems(Vec<Problem>),
    /// A text of the command line cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A project or a package does not allow it.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A change of owners, of a root or of a claim is not made.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No configuration of a host or workflow of a service can be made.
    #[error(transparent)]
    Hosting(#[from] HostingError),
    /// A registry does not allow it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No versions satisfy every requirement.
    #[error("{}", .0.title)]
    Conflict(Box<Story>),
    /// `--locked`, but the lock file is missing or out of date.
    #[error("`lumen.lock` {reason}, and --locked forbids changing it")]
    Locked {
        /// What is wrong with it.
        reason: String,
    },
    /// The same with `--frozen`.
    #[error("`lumen.lock` {reason}, and --frozen forbids changing it")]
    Frozen {
        /// What is wrong with it.
        reason: String,
    },
    /// A lock that has other packages than the manifests of its packages lead to.
    #[error("`lumen.lock` does not fit: {0}")]
    Misfit(Stale),
    /// A release was published, but does not appear where the registry is read.
    #[error("`{name}` {version} is published but not yet visible at {location} after {seconds} s")]
    NotSeen {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// Where the registry is read.
        location: String,
        /// How long it was waited for.
        seconds: u64,
        /// The witnesses that had to sign when it was published.
        lacking: Option<Lacking>,
    },
    /// The locked artifact of a package could not be had.
    #[error("cannot install `{name}` {version}: {source}")]
    Fetch {
        /// The package.
        name: PackageName,
        /// Its version.
        version: Version,
        /// What went wrong.
        source: Box<FetchError>,
    },
    /// Some of several packages were published before this went wrong.
    #[error("{source}")]
    Partly {
        /// The releases that were published, with their versions.
        published: Vec<String>,
        /// What went wrong then.
        source: Box<Self>,
    },
    /// A git repository does not hold the package asked for.
    #[error("`{url}` holds no package called `{name}`")]
    GitPackage {
        /// The package.
        name: PackageName,
        /// The repository, without credentials.
        url: String,
    },
    /// A release is not in the registry.
    #[error("the registry has no `{name}`{}", .version.as_ref().map(|v| format!(" {v}")).unwrap_or_default())]
    NoSuchRelease {
        /// The package.
        name: PackageName,
        /// The version, if the package exists.
        version: Option<Version>,
        /// A name or version that is close.
        nearest: Option<String>,
    },
    /// Installed files differ from the lock.
    #[error("installed packages that are not as they were published: {0}")]
    Damaged(usize),
    /// A release has other bytes than a side of the merged lock says.
    #[error("{0}, of the lock and of the registry")]
    Rebound(#[from] lockfile::Contradiction),
    /// The project could not be loaded.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A registry's URL is invalid.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A registry could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A registry could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A registry could not be mirrored.
    #[cfg(feature = "publish")]
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// A submission is damaged, or contradicts itself.
    #[error("`{place}` is refused: {source}")]
    Submission {
        /// Where it is.
        place: String,
        /// Why.
        source: Box<IngestError>,
    },
    /// Packed files differ from the last commit.
    #[error("`{name}` packs {}", differing(.files))]
    Dirty {
        /// The package.
        name: PackageName,
        /// The files, as paths in the package.
        files: Vec<String>,
    },
    /// A package could not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// An archive could not be unpacked.
    #[error("cannot unpack `{}`: {source}", .file.display())]
    Unpack {
        /// The archive.
        file: PathBuf,
        /// Why.
        source: UnpackError,
    },
    /// A project's links could not be made.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Packages could not be copied into the project.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A signing key could not be made, read or used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A manifest could not be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Not a package name.
    #[error("`{text}` is not a package name: {source}")]
    Name {
        /// What was given.
        text: String,
        /// Why.
        source: NameError,
    },
    /// Not a constraint.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// Something costs more than the limits allow.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// A file or folder could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why the artifact of a package is not in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was read and refused.
    #[error(transparent)]
    Insert(#[from] InsertError),
    /// Its archive says something else of itself than the lock or the release.
    #[error("its archive contradicts the release: {0}")]
    Contradiction(#[from] Contradiction),
    /// It needs a later Lumen.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The lock says something else of it than its owner.
    #[error("`lumen.lock` says {key} {locked}, the owner's release says {released}")]
    NotReleased {
        /// The key in the lock.
        key: &'static str,
        /// Its value in the lock.
        locked: String,
        /// Its value in the release that the owner signed.
        released: String,
    },
    /// The lock has it from an upstream, and a registry that comes first has the name.
    #[error(
        "`lumen.lock` has it from the registry `{registry}`, but the registry `{first}` comes first and has that name"
    )]
    Shadowed {
        /// The registry in the lock.
        registry: String,
        /// The registry whose package it is.
        first: String,
    },
    /// It is larger than the limits allow.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// The lock has no checksum to check it with.
    #[error("`lumen.lock` has no checksum for it")]
    NoChecksum,
    /// A file or folder could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl OpsError {
    /// The breach of trust at the bottom, if there is one.
    pub fn trust(&self) -> Option<&TrustError> {
        match self.read() {
            Some(ReadError::Trust(trust)) => Some(trust),
            _ => None,
        }
    }

    fn read(&self) -> Option<&ReadError> {
        match self {
            Self::Read(read) => Some(read),
            #[cfg(feature = "publish")]
            Self::Mirror(MirrorError::Read(read)) => Some(read),
            Self::Fetch { source, .. } => match source.as_ref() {
                FetchError::Read(read) => Some(read),
                _ => None,
            },
            Self::Partly { source, .. } => source.read(),
            _ => None,
        }
    }

    /// The storage error at the bottom, if there is one.
    pub fn storage(&self) -> Option<&StorageError> {
        match (self, self.read()) {
            (Self::Partly { source, .. }, _) => source.storage(),
            (Self::Publish(PublishError::Storage(storage)), _)
            | (_, Some(ReadError::Storage(storage))) => Some(storage),
            #[cfg(feature = "publish")]
            (Self::Mirror(MirrorError::Log(PublishError::Storage(storage))), _) => Some(storage),
            _ => None,
        }
    }
}

/// Files that differ from the last commit, in words.
fn differing(files: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = (files.iter().take(SHOWN))
        .map(|file| format!("`{file}`"))
        .collect();
    let more = match files.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (what, differs) = match files.len() {
        1 => ("a file", "differs"),
        _ => ("files", "differ"),
    };
    format!(
        "{what} that {differs} from the last commit: {}{more}",
        shown.join(", ")
    )
}

/// How many more packages an error is about.
fn and_more(number: &usize) -> String {
    match number {
        0 => String::new(),
        number => format!(" and {number} more"),
    }
}
