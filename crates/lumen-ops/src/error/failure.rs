//! What callers can do about errors: their kinds, and hints as data. The words are the caller's.

use std::{io, path::Path};

use lumen_core::{PackageName, failure::Kind, limits::Exceeded, remedy::Remedy, trust::Lacking};
use lumen_registry::failure::GitHint;

use super::{
    ChangeHint, FetchError, HostingHint, InputHint, KeysError, OpsError, PackageHint, RegistryHint,
    SettingsHint,
};
use crate::git::GitError;

/// What may help against an error.
#[derive(Debug, Clone)]
pub enum Hint<'e> {
    /// What may help with a registry.
    Registry(lumen_registry::failure::Hint<'e>),
    /// What may help with the local disk.
    Store(lumen_store::failure::Hint<'e>),
    /// What may help with a git dependency.
    Git(GitHint<'e>),
    /// What may help with a signing key.
    Keys(KeysHint<'e>),
    /// What may help with a text of the command line.
    Input(InputHint<'e>),
    /// What may help with a project or a package.
    Package(PackageHint<'e>),
    /// What may help with a change of owners, of a root or of a claim.
    Change(ChangeHint<'e>),
    /// What may help with settings.
    Settings(SettingsHint<'e>),
    /// What may help with the configuration of a host or a service.
    Hosting(HostingHint),
    /// What may help with what a registry does not allow.
    Refused(RegistryHint<'e>),
    /// There is no home folder.
    NoHome,
    /// A package is to be named without a version.
    WholePackage,
    /// What constraints look like.
    Constraint,
    /// A registry has to be configured.
    NoRegistry,
    /// What was meant is probably this.
    Meant(&'e str),
    /// A name of a registry that is not configured.
    UnknownRegistry(&'e str),
    /// A release waits for witnesses.
    Waits(Lacking),
    /// A cache may be in front of the host.
    CacheInFront,
    /// These were published before.
    Before(&'e [String]),
    /// A package has no proof on this machine.
    Unproven,
    /// A package is not what was released.
    NotAsReleased,
    /// The lock does not fit.
    Misfit,
    /// The lock must not change, and has to.
    Locked,
    /// The same without `--frozen`.
    Frozen,
    /// A git repository has to say that it holds this package.
    GitPackage(&'e PackageName),
    /// The network was not to be used.
    WithoutOffline,
    /// The same can be tried with git alone.
    TryClone,
    /// A package has other versions.
    Versions(&'e PackageName),
    /// Packages can be searched for.
    Search,
    /// Installed packages are damaged.
    Damaged,
    /// An archive contradicts its release.
    Contradiction,
    /// A package needs a later Lumen.
    Unsupported(&'e PackageName),
    /// Packed files differ from the last commit.
    Dirty,
    /// The lock was changed by hand.
    NotReleased,
    /// A name is in two registries.
    Shadowed {
        /// The package.
        name: &'e PackageName,
        /// The registry in the lock.
        registry: &'e str,
        /// The registry that comes first.
        first: &'e str,
    },
    /// The lock lacks a checksum.
    NoChecksum,
    /// A limit that was passed.
    Limit(&'e Exceeded),
    /// The disk refused.
    Disk(io::ErrorKind),
}

/// What may help with a signing key.
#[derive(Debug, Clone, Copy)]
pub enum KeysHint<'e> {
    /// There is no key yet.
    New,
    /// What was meant is probably this.
    Meant(&'e str),
    /// There are other keys.
    Others,
    /// The configuration folder has to be named.
    NoFolder,
    /// A key of this name has to get another name.
    Rename(&'e str),
    /// This key could be the default.
    Choose(&'e str),
    /// A key has this name.
    Exists,
    /// What the variable may hold.
    Variable,
    /// Other users can read the file.
    Exposed(&'e Path),
    /// The secret half is needed.
    Secret,
    /// There is no terminal to ask for the passphrase.
    Passphrase,
    /// Nothing was signed.
    Unsigned,
    /// The disk refused.
    Disk(io::ErrorKind),
}

impl KeysError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Io(_) => Kind::Host,
            Self::NoKey
            | Self::NoFolder
            | Self::Hidden { .. }
            | Self::IsDefault { .. }
            | Self::Unknown { .. }
            | Self::Exists { .. }
            | Self::Name { .. }
            | Self::Exposed { .. }
            | Self::Public { .. }
            | Self::Malformed { .. }
            | Self::Passphrase { .. }
            | Self::NoPassphrase { .. }
            | Self::Differ
            | Self::Empty
            | Self::Variable { .. }
            | Self::Agent { .. }
            | Self::Sign(_)
            | Self::Random(_) => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<KeysHint<'_>> {
        Some(match self {
            Self::NoKey => KeysHint::New,
            Self::NoFolder => KeysHint::NoFolder,
            Self::Hidden { name, .. } => KeysHint::Rename(name),
            Self::IsDefault { other, .. } => KeysHint::Choose(other),
            Self::Unknown {
                nearest: Some(nearest),
                ..
            } => KeysHint::Meant(nearest),
            Self::Unknown { .. } => KeysHint::Others,
            Self::Exists { .. } => KeysHint::Exists,
            Self::Variable { .. } => KeysHint::Variable,
            Self::Exposed { path, .. } => KeysHint::Exposed(path),
            Self::Public { .. } => KeysHint::Secret,
            Self::NoPassphrase { .. } => KeysHint::Passphrase,
            Self::Sign(_) => KeysHint::Unsigned,
            Self::Io(error) => KeysHint::Disk(error.kind()),
            Self::Name { .. }
            | Self::Malformed { .. }
            | Self::Passphrase { .. }
            | Self::Differ
            | Self::Empty
            | Self::Agent { .. }
            | Self::Random(_) => return None,
        })
    }
}

impl GitError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Git(error) => error.kind(),
            Self::NoReference { .. } => Kind::User,
            Self::Offline { .. } | Self::Limit(_) | Self::Io(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Hint<'_> {
        match self {
            Self::Git(error) => Hint::Git(error.hint()),
            Self::Offline { .. } => Hint::WithoutOffline,
            Self::Limit(exceeded) => Hint::Limit(exceeded),
            Self::NoReference { .. } | Self::Io(_) => Hint::TryClone,
        }
    }
}

impl FetchError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Insert(error) => error.kind(),
            Self::Contradiction(_) | Self::NotReleased { .. } | Self::Shadowed { .. } => {
                Kind::Untrusted
            }
            Self::NoChecksum | Self::Unsupported(_) => Kind::User,
            Self::Limit(_) | Self::Io(_) => Kind::Host,
        }
    }

    /// What may help with a package.
    pub fn hint<'e>(&'e self, name: &'e PackageName) -> Option<Hint<'e>> {
        Some(match self {
            Self::Read(error) => return error.hint().map(Hint::Registry),
            Self::Insert(error) => return error.hint().map(Hint::Store),
            Self::Contradiction(_) => Hint::Contradiction,
            Self::NotReleased { .. } => Hint::NotReleased,
            Self::Unsupported(_) => Hint::Unsupported(name),
            Self::Shadowed { registry, first } => Hint::Shadowed {
                name,
                registry,
                first,
            },
            Self::NoChecksum => Hint::NoChecksum,
            Self::Limit(exceeded) => Hint::Limit(exceeded),
            Self::Io(error) => Hint::Disk(error.kind()),
        })
    }
}

impl OpsError {
    /// Who can do something about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Fetch { source, .. } => source.kind(),
            Self::Partly { source, .. } => source.kind(),
            Self::Project(error) => error.kind(),
            Self::Location(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Publish(error) => error.kind(),
            #[cfg(feature = "publish")]
            Self::Mirror(error) => error.kind(),
            Self::Pack(error) => error.kind(),
            Self::Unpack { source, .. } => source.kind(),
            Self::Link(error) => error.kind(),
            Self::Vendor(error) => error.kind(),
            Self::Git(error) => error.kind(),
            Self::Keys(error) => error.kind(),
            Self::NotAsReleased { .. }
            | Self::Submission { .. }
            | Self::Damaged(_)
            | Self::Rebound(_) => Kind::Untrusted,
            // It may well fit once the network is on.
            Self::Conflict(story) if story.hints.contains(&Remedy::Online) => Kind::Host,
            Self::NotSeen { .. } | Self::Unproven { .. } | Self::Limit(_) | Self::Io(_) => {
                Kind::Host
            }
            Self::NoHome
            | Self::NoRegistry
            | Self::UnknownRegistry { .. }
            | Self::Problems(_)
            | Self::Input(_)
            | Self::Package(_)
            | Self::Change(_)
            | Self::Settings(_)
            | Self::Hosting(_)
            | Self::Registry(_)
            | Self::Conflict(_)
            | Self::Locked { .. }
            | Self::Frozen { .. }
            | Self::Misfit(_)
            | Self::Dirty { .. }
            | Self::GitPackage { .. }
            | Self::NoSuchRelease { .. }
            | Self::Edit(_)
            | Self::Name { .. }
            | Self::Constraint(_) => Kind::User,
        }
    }

    /// What may help.
    pub fn hints(&self) -> Vec<Hint<'_>> {
        if let Self::Partly { published, source } = self {
            let mut hints = source.hints();
            hints.push(Hint::Before(published));
            return hints;
        }
        self.hint().into_iter().collect()
    }

    fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::NoHome => Hint::NoHome,
            Self::Name { text, .. } if text.chars().skip(1).any(|c| c == '@') => Hint::WholePackage,
            Self::Constraint(_) => Hint::Constraint,
            Self::NoRegistry => Hint::NoRegistry,
            Self::UnknownRegistry {
                nearest: Some(nearest),
                ..
            }
            | Self::NoSuchRelease {
                nearest: Some(nearest),
                ..
            } => Hint::Meant(nearest),
            Self::UnknownRegistry { name, .. } => Hint::UnknownRegistry(name),
            Self::Input(error) => Hint::Input(error.hint()),
            Self::Package(error) => Hint::Package(error.hint()),
            Self::Change(error) => Hint::Change(error.hint()),
            Self::Settings(error) => Hint::Settings(error.hint()),
            Self::Hosting(error) => Hint::Hosting(error.hint()),
            Self::Registry(error) => Hint::Refused(error.hint()),
            Self::NotSeen {
                lacking: Some(lacking),
                ..
            } => Hint::Waits(*lacking),
            Self::NotSeen { .. } => Hint::CacheInFront,
            Self::Unproven { .. } => Hint::Unproven,
            Self::NotAsReleased { .. } => Hint::NotAsReleased,
            Self::Misfit(_) => Hint::Misfit,
            Self::Rebound(_) => Hint::Contradiction,
            Self::Locked { .. } => Hint::Locked,
            Self::Frozen { .. } => Hint::Frozen,
            Self::GitPackage { name, .. } => Hint::GitPackage(name),
            Self::NoSuchRelease {
                name,
                version: Some(_),
                ..
            } => Hint::Versions(name),
            Self::NoSuchRelease { .. } => Hint::Search,
            Self::Damaged(_) => Hint::Damaged,
            Self::Dirty { .. } => Hint::Dirty,
            Self::Fetch { name, source, .. } => return source.hint(name),
            Self::Project(error) => return error.hint().map(Hint::Store),
            Self::Link(error) => return error.hint().map(Hint::Store),
            Self::Vendor(error) => return error.hint().map(Hint::Store),
            Self::Pack(error) => return error.hint().map(Hint::Store),
            Self::Unpack { source, .. } => Hint::Store(source.hint()),
            Self::Location(error) => return error.hint().map(Hint::Registry),
            Self::Read(error) => return error.hint().map(Hint::Registry),
            Self::Publish(error) => return error.hint().map(Hint::Registry),
            #[cfg(feature = "publish")]
            Self::Mirror(error) => return error.hint().map(Hint::Registry),
            Self::Git(error) => error.hint(),
            Self::Keys(error) => return error.hint().map(Hint::Keys),
            Self::Limit(exceeded) => Hint::Limit(exceeded),
            Self::Io(error) => Hint::Disk(error.kind()),
            Self::Partly { .. }
            | Self::Problems(_)
            | Self::Conflict(_)
            | Self::Submission { .. }
            | Self::Edit(_)
            | Self::Name { .. } => return None,
        })
    }
}
