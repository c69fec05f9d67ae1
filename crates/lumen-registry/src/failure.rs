//! What callers can do about the errors of this crate: their kinds, and hints as data. The
//! words are the caller's.

mod hint;
#[cfg(feature = "publish")]
mod mirror;

use lumen_core::failure::Kind;

use crate::{
    git::GitError,
    location::LocationError,
    reader::ReadError,
    refusal::TrustError,
    storage::{CertificateFault, StorageError},
    write::{PublishError, SubmittedError},
};

pub use hint::{GitHint, Hint};

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
            Self::Untrusted { fault, .. } => match fault {
                CertificateFault::Unknown | CertificateFault::Other => Hint::OwnAuthority,
                CertificateFault::Time => Hint::CertificateTime,
                CertificateFault::Name => Hint::CertificateName,
            },
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
            Self::Status { status, .. } => Hint::HostFails { status: *status },
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
            | Self::Transfer { .. }
            | Self::LeftOut { .. }
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
            Self::Blocked { name, .. } => Hint::Blocked(name),
            Self::Refused { .. } => Hint::Refused,
            Self::Reverted(reverted) => Hint::Reverted(reverted.by),
            Self::Unfinished { .. } => Hint::Unfinished,
            Self::HalfCopied { .. } => Hint::HalfCopied,
            Self::Pinned { url, .. } => Hint::Pinned(url),
            Self::NotSigned => Hint::Unsigned,
            Self::Rollback { .. } => Hint::OlderState,
            Self::Withheld { .. }
            | Self::ForgedAbsence { .. }
            | Self::Log { .. }
            | Self::Map { .. } => Hint::OldCopy,
            Self::Stale { .. } | Self::Witnesses { .. } | Self::Expired { .. } => Hint::Clock,
            Self::State {
                disk: Some(disk), ..
            } => Hint::Disk(*disk),
            Self::State { .. } => Hint::Memory,
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
            // It says itself what may help.
            Self::Malformed(problem) if problem.hint.is_some() => return None,
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
            | Self::List(_)
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
            | Self::List(_)
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
            | Self::SamePrecedence { .. }
            | Self::LongVersion { .. }
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
            | Self::Clock { .. }
            | Self::Ended { .. }
            | Self::NeedsSigners { .. }
            | Self::Sign(_) => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::VersionExists { .. } | Self::SamePrecedence { .. } => Hint::VersionExists,
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
            Self::Clock { .. } => Hint::SetClock,
            Self::Ended { name, .. } => Hint::EndedKey(name),
            Self::NeedsSigners { name, .. } => Hint::NeedsSigners(name),
            Self::LogKey { key, .. } => Hint::LogKey(key),
            Self::NotOwner { name, key } => Hint::NotOwner { name, key },
            Self::NeedsApproval { subject, .. } => Hint::NeedsApproval(subject),
            Self::Submitted(error) => error.hint(),
            Self::Storage(error) => return error.hint(),
            Self::Damaged { .. } => Hint::Damaged,
            Self::TooLarge { .. }
            | Self::LongVersion { .. }
            | Self::Malformed(_)
            | Self::History(_)
            | Self::Sign(_)
            | Self::Diverged { .. } => return None,
        })
    }
}
