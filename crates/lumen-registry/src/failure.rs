//! What callers can do about the errors of this crate: their kinds, and hints as data. The
//! words are the caller's.

use std::io;

use lumen_core::{
    PackageName, failure::Kind, limits::Exceeded, signing::PublicKey, trust::Subject,
};

use crate::{
    git::GitError,
    location::LocationError,
    login::Acquaintance,
    mirror::MirrorError,
    publish::{PublishError, SubmittedError},
    reader::ReadError,
    refusal::{Override, SeenBy, TrustError},
    storage::{Bound, StorageError},
};

/// What may help against an error.
#[derive(Debug, Clone)]
pub enum Hint<'e> {
    /// The registry has to be made first, or the path is wrong.
    NoRoot(&'e str),
    /// A bundle was damaged on its way.
    CopyBundle,
    /// The host only serves files: they are written elsewhere.
    WriteElsewhere,
    /// The proxy wants credentials.
    ProxyLogin,
    /// The host wants credentials.
    Login {
        /// The HTTP status.
        status: u16,
        /// What the registry is to the user, if that is known.
        registry: Option<&'e Acquaintance>,
    },
    /// The host wants credentials, and this says how to give them.
    Credentials {
        /// The HTTP status.
        status: u16,
        /// How to give them.
        lacks: &'e str,
    },
    /// This is missing to write.
    Lacks(&'e str),
    /// The credentials that were sent are wrong.
    CorrectCredentials,
    /// No authority that is trusted vouches for the host.
    OwnAuthority,
    /// The file with authorities is wrong.
    Authorities,
    /// An address inside of the network has to be given by the user.
    Inward,
    /// The program that knows credentials failed.
    LoginProgram,
    /// The bucket has to be made first, or its name is wrong.
    NoBucket,
    /// An object store's own name for what is wrong.
    HostCode(&'e str),
    /// The host lets publishers overwrite each other.
    UnsafeHost,
    /// The command goes on where it stopped.
    GoOn,
    /// Nothing was written, and the command can be run again.
    Again,
    /// The address or the network.
    Network,
    /// The network was not to be used.
    WithoutOffline,
    /// Limits that were reached, and what raises them.
    Bounds(Vec<Bound>),
    /// A limit that was passed.
    Limit(&'e Exceeded),
    /// The disk refused.
    Disk(io::ErrorKind),
    /// What may help against an error of git.
    Git(GitHint<'e>),
    /// The scheme of a URL is unknown; it may be a slip.
    Scheme(&'e str),
    /// There is no registry at an address.
    NoRegistry(&'e str),
    /// The registry lacks a file.
    Incomplete,
    /// The mirror leaves a package out.
    LeftOut,
    /// An artifact is not what was released.
    Changed,
    /// A file was changed after it was published.
    Hash,
    /// A file of the registry cannot be understood.
    Malformed,
    /// The registry replaced owners.
    Overridden {
        /// The registry's URL or name.
        registry: &'e str,
        /// By whom.
        by: &'e Override,
    },
    /// A witness signed nothing.
    Refused,
    /// A note that was seen was taken back.
    Reverted(SeenBy),
    /// Signing the registry was not finished.
    Unfinished,
    /// Only signed registries can do this.
    Unsigned,
    /// A version exists.
    VersionExists,
    /// A version is being published by another publisher.
    Unreleased,
    /// A name is too close to this one.
    NameTaken(&'e PackageName),
    /// A name cannot be published.
    Name,
    /// A package has other versions.
    Versions(&'e PackageName),
    /// There is a registry already.
    RegistryExists,
    /// The registry is of a later version.
    Update,
    /// There is no key.
    NoKey,
    /// The registry is not signed.
    NotSigned,
    /// A key has to become a log key.
    LogKey(&'e PublicKey),
    /// A key has to become one of an owner.
    NotOwner {
        /// The package.
        name: &'e PackageName,
        /// The key.
        key: &'e PublicKey,
    },
    /// A name has to be approved.
    NeedsApproval(&'e Subject),
    /// A submission has to be made again.
    SubmitAgain,
    /// A submission is for another registry.
    OtherRegistry,
    /// A key that is no owner's signed a submission.
    Stranger(&'e Subject),
    /// A submission is bad.
    BadSubmission,
    /// A mirror has what its source lacks.
    MirrorDiverged,
    /// The place of a mirror has another registry.
    OtherMirror,
    /// A file of a mirror is not in the source.
    MirrorForeign,
    /// A file of a mirror differs from the source's.
    MirrorChanged,
    /// The source is not to be believed.
    Forged,
    /// A mirror has more than the selection.
    Narrower,
    /// A bundle starts too late.
    Gap {
        /// Entries of the registry.
        ours: u64,
    },
    /// A bundle has nothing new.
    Older,
    /// A bundle lacks a file.
    IncompleteBundle,
    /// The registry has no log.
    NoLog,
    /// The host does not list files.
    Unlistable,
}

/// What may help against an error of git.
#[derive(Debug, Clone, Copy)]
pub enum GitHint<'e> {
    /// Git is missing.
    NoGit,
    /// Git is too old.
    OldGit,
    /// The host of a repository wants other credentials.
    Login,
    /// There is no such repository, or none that the user may see.
    NoRepository,
    /// No authority that is trusted vouches for the host.
    OwnAuthority,
    /// A repository has another address.
    Moved,
    /// The host of a repository cannot be reached.
    Network,
    /// The branch takes no pushes.
    Push,
    /// The same can be tried with git alone.
    TryGit,
    /// The disk refused.
    Disk(io::ErrorKind),
    /// A limit that was passed.
    Limit(&'e Exceeded),
}

impl StorageError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        Kind::Host
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        let bounds = match self {
            // They name their limit themselves.
            Self::Limit(_) | Self::Git(GitError::Limit(_)) => Vec::new(),
            _ => self.bounds().into_iter().collect(),
        };
        if !bounds.is_empty() {
            return Some(Hint::Bounds(bounds));
        }
        Some(match self {
            Self::NoRoot { path } => Hint::NoRoot(path),
            Self::Bundle { .. } => Hint::CopyBundle,
            Self::ReadOnly { .. } => Hint::WriteElsewhere,
            Self::Denied { status: 407, .. } => Hint::ProxyLogin,
            Self::Denied {
                status, registry, ..
            } => Hint::Login {
                status: *status,
                registry: registry.as_deref(),
            },
            Self::Refused { .. } => Hint::CorrectCredentials,
            Self::Untrusted { .. } => Hint::OwnAuthority,
            Self::Inward { .. } => Hint::Inward,
            Self::Authorities { .. } => Hint::Authorities,
            Self::Io(error) => Hint::Disk(error.kind()),
            Self::Login(_) => Hint::LoginProgram,
            Self::NoCredentials { lacks, .. } => Hint::Lacks(lacks),
            Self::NoBucket { .. } => Hint::NoBucket,
            Self::Answered {
                status: status @ (401 | 403),
                lacks: Some(lacks),
                ..
            } => Hint::Credentials {
                status: *status,
                lacks,
            },
            Self::Answered { code, .. } => Hint::HostCode(code.as_deref()?),
            Self::Unsafe { .. } => Hint::UnsafeHost,
            Self::Unclear { .. } => Hint::GoOn,
            Self::Unreachable { .. } => Hint::Network,
            Self::Busy { .. } => Hint::Again,
            Self::Offline { .. } => Hint::WithoutOffline,
            Self::Git(error) => Hint::Git(error.hint()),
            Self::Limit(exceeded) => Hint::Limit(exceeded),
            Self::Exists { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::Status { .. }
            | Self::Transfer { .. }
            | Self::Settings { .. } => return None,
        })
    }
}

impl GitError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::NoGit | Self::TooOld { .. } => Kind::User,
            Self::Denied { .. }
            | Self::NoRepository { .. }
            | Self::Untrusted { .. }
            | Self::Moved { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Io(_)
            | Self::Limit(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> GitHint<'_> {
        match self {
            Self::NoGit => GitHint::NoGit,
            Self::TooOld { .. } => GitHint::OldGit,
            Self::Denied { .. } => GitHint::Login,
            Self::NoRepository { .. } => GitHint::NoRepository,
            Self::Untrusted { .. } => GitHint::OwnAuthority,
            Self::Moved { .. } => GitHint::Moved,
            Self::Unreachable { .. } => GitHint::Network,
            Self::Refused { .. } => GitHint::Push,
            Self::Failed { .. } => GitHint::TryGit,
            Self::Io(error) => GitHint::Disk(error.kind()),
            Self::Limit(exceeded) => GitHint::Limit(exceeded),
        }
    }
}

impl LocationError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        Kind::User
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        match self {
            Self::Unsupported { scheme } => Some(Hint::Scheme(scheme)),
            Self::NotUrl { .. } | Self::Invalid { .. } => None,
        }
    }
}

impl TrustError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::State { disk: Some(_), .. } => Kind::Host,
            _ => Kind::Untrusted,
        }
    }

    /// What may help; there is little to do about most attacks.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Overridden { registry, by } => Hint::Overridden { registry, by },
            Self::Refused { .. } => Hint::Refused,
            Self::Reverted(reverted) => Hint::Reverted(reverted.by),
            Self::Unfinished { .. } => Hint::Unfinished,
            Self::NotSigned => Hint::Unsigned,
            Self::State { disk, .. } => Hint::Disk((*disk)?),
            _ => return None,
        })
    }
}

impl ReadError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Trust(error) => error.kind(),
            Self::Hash { .. } | Self::Changed { .. } => Kind::Untrusted,
            Self::Malformed(_)
            | Self::Missing { .. }
            | Self::LeftOut { .. }
            | Self::NoRegistry { .. }
            | Self::Offline { .. } => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Storage(error) => return error.hint(),
            Self::Trust(error) => return error.hint(),
            Self::Offline { .. } => Hint::WithoutOffline,
            Self::NoRegistry { location, .. } => Hint::NoRegistry(location),
            Self::Missing { .. } => Hint::Incomplete,
            Self::LeftOut { .. } => Hint::LeftOut,
            Self::Changed { .. } => Hint::Changed,
            Self::Hash { .. } => Hint::Hash,
            Self::Malformed(_) => Hint::Malformed,
        })
    }
}

impl SubmittedError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Unsigned | Self::Signed | Self::Unclaimed(_) | Self::Stale { .. } => Kind::User,
            Self::Json(_)
            | Self::Form
            | Self::Artifacts
            | Self::Note { .. }
            | Self::Other { .. }
            | Self::Signatures { .. }
            | Self::Stranger(_)
            | Self::Revoked(_) => Kind::Untrusted,
        }
    }

    /// What may help.
    pub const fn hint(&self) -> Hint<'_> {
        match self {
            Self::Stale { .. } | Self::Unclaimed(_) => Hint::SubmitAgain,
            Self::Unsigned | Self::Signed => Hint::OtherRegistry,
            Self::Stranger(subject) => Hint::Stranger(subject),
            Self::Json(_)
            | Self::Form
            | Self::Artifacts
            | Self::Note { .. }
            | Self::Other { .. }
            | Self::Signatures { .. }
            | Self::Revoked(_) => Hint::BadSubmission,
        }
    }
}

impl PublishError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Busy { .. } => Kind::Host,
            Self::Storage(error) => error.kind(),
            Self::Submitted(error) => error.kind(),
            Self::Damaged { .. } | Self::Diverged { .. } => Kind::Untrusted,
            Self::VersionExists { .. }
            | Self::Unreleased { .. }
            | Self::NameTaken { .. }
            | Self::Name { .. }
            | Self::NewerFormat { .. }
            | Self::TooLarge { .. }
            | Self::UnknownPackage { .. }
            | Self::UnknownVersion { .. }
            | Self::RegistryExists { .. }
            | Self::Malformed(_)
            | Self::NoKey
            | Self::NotSigned
            | Self::LogKey { .. }
            | Self::NotOwner { .. }
            | Self::NeedsApproval { .. }
            | Self::History(_)
            | Self::Sign(_) => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::VersionExists { .. } => Hint::VersionExists,
            Self::Unreleased { .. } => Hint::Unreleased,
            Self::NameTaken { other, .. } => Hint::NameTaken(other),
            Self::Name { .. } => Hint::Name,
            Self::UnknownVersion { name, .. } | Self::UnknownPackage { name } => {
                Hint::Versions(name)
            }
            Self::RegistryExists { .. } => Hint::RegistryExists,
            Self::NewerFormat { .. } => Hint::Update,
            Self::Busy { .. } => Hint::GoOn,
            Self::NoKey => Hint::NoKey,
            Self::NotSigned => Hint::NotSigned,
            Self::LogKey { key, .. } => Hint::LogKey(key),
            Self::NotOwner { name, key } => Hint::NotOwner { name, key },
            Self::NeedsApproval { subject, .. } => Hint::NeedsApproval(subject),
            Self::Submitted(error) => error.hint(),
            Self::Storage(error) => return error.hint(),
            Self::TooLarge { .. }
            | Self::Malformed(_)
            | Self::History(_)
            | Self::Sign(_)
            | Self::Damaged { .. }
            | Self::Diverged { .. } => return None,
        })
    }
}

impl MirrorError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::Diverged { .. }
            | Self::Foreign { .. }
            | Self::Changed { .. }
            | Self::Forged { .. } => Kind::Untrusted,
            Self::Other { .. }
            | Self::Narrower { .. }
            | Self::Unlistable { .. }
            | Self::Gap { .. }
            | Self::Older { .. }
            | Self::Incomplete { .. }
            | Self::NoLog
            | Self::TooLarge { .. } => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Read(error) => return error.hint(),
            Self::Log(error) => return error.hint(),
            Self::Diverged { .. } => Hint::MirrorDiverged,
            Self::Other { .. } => Hint::OtherMirror,
            Self::Foreign { .. } => Hint::MirrorForeign,
            Self::Changed { .. } => Hint::MirrorChanged,
            Self::Forged { .. } => Hint::Forged,
            Self::Narrower { .. } => Hint::Narrower,
            Self::Gap { ours, .. } => Hint::Gap { ours: *ours },
            Self::Older { .. } => Hint::Older,
            Self::Incomplete { .. } => Hint::IncompleteBundle,
            Self::NoLog => Hint::NoLog,
            Self::Unlistable { .. } => Hint::Unlistable,
            Self::TooLarge { .. } => return None,
        })
    }
}
