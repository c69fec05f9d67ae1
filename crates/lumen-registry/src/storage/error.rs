//! Why a storage operation failed.

use std::io;

use lumen_core::limits::Exceeded;

use crate::{
    git::GitError,
    login::{Acquaintance, LoginError},
    tls::AuthoritiesError,
};

/// Why a storage operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// `create`: the file is there with other contents.
    #[error("`{file}` exists with different contents")]
    Exists {
        /// Path or URL.
        file: String,
    },
    /// `replace`: the revision is stale.
    #[error("`{file}` was changed by someone else at the same time")]
    Conflict {
        /// Path or URL.
        file: String,
    },
    /// The file has more bytes than its kind may have.
    #[error("`{file}` is larger than the {limit} bytes allowed")]
    TooLarge {
        /// Path or URL.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The folder of the registry does not exist.
    #[error("there is no registry at `{path}`")]
    NoRoot {
        /// The folder.
        path: String,
    },
    /// The host cannot be written to, or cannot list.
    #[error("{location} can only be read")]
    ReadOnly {
        /// The registry.
        location: String,
    },
    /// Status 401 or 403, which never counts as absence.
    #[error("`{file}` may not be read: the server answered with status {status}")]
    Denied {
        /// The URL.
        file: String,
        /// The HTTP status.
        status: u16,
        /// What the registry is to the user, if that is known.
        registry: Option<Box<Acquaintance>>,
    },
    /// Status 401 or 403 although credentials were sent.
    #[error(
        "`{file}` may not be read with the credentials from {origin}: the server answered with status {status}"
    )]
    Refused {
        /// The URL.
        file: String,
        /// The HTTP status.
        status: u16,
        /// Where the credentials are from.
        origin: String,
    },
    /// The credential helper could not be asked.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Any other status that is neither success nor absence.
    #[error("cannot read `{file}`: the server answered with status {status}")]
    Status {
        /// The URL.
        file: String,
        /// The HTTP status.
        status: u16,
    },
    /// The certificate of a host is not trustworthy.
    #[error("cannot trust {host}: {reason}")]
    Untrusted {
        /// Host and port.
        host: String,
        /// The kind of its fault.
        fault: CertificateFault,
        /// What is wrong with it.
        reason: String,
    },
    /// The authorities to trust cannot be known.
    #[error("the certificates of authorities {reason}")]
    Authorities {
        /// Where they should be, and what happened there.
        reason: String,
    },
    /// A public server redirects to an address that only this machine or network can reach.
    #[error("`{file}` leads to `{host}`, which is inside of this network, and the registry is not")]
    Inward {
        /// The URL that was asked for.
        file: String,
        /// Where it leads.
        host: String,
    },
    /// No connection.
    #[error("cannot connect to {host}: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What happened, with all causes.
        reason: String,
    },
    /// The connection failed during the exchange.
    #[error("cannot read `{file}`: {reason}")]
    Transfer {
        /// The URL.
        file: String,
        /// What happened, with all causes.
        reason: String,
    },
    /// Git failed, or the repository's host.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Others changed the branch every time before this writer could.
    #[error("{location} is changed by others all the time; gave up after {attempts} attempts")]
    Busy {
        /// The branch.
        location: String,
        /// Attempts made.
        attempts: u32,
    },
    /// The network is off, and this machine does not have the file.
    #[error("`{file}` is not on this machine, and the network is off")]
    Offline {
        /// The URL.
        file: String,
    },
    /// This build of the library does not support such hosts.
    #[error("cannot use {location}: this program was built without the feature `{feature}`")]
    LeftOut {
        /// The registry.
        location: String,
        /// The feature of `lumen-registry` that supports them.
        feature: &'static str,
    },
    /// What the environment says of a host makes no sense.
    #[error("cannot use {location}: {reason}")]
    Settings {
        /// The registry.
        location: String,
        /// What is wrong.
        reason: String,
    },
    /// Writing to a bucket needs credentials.
    #[error("cannot write to {location} without credentials")]
    NoCredentials {
        /// The registry.
        location: String,
        /// What to do.
        lacks: String,
    },
    /// The bucket does not exist.
    #[error("there is no bucket `{bucket}` at {location}")]
    NoBucket {
        /// Its name.
        bucket: String,
        /// The registry.
        location: String,
    },
    /// An object store refused a request.
    #[error("cannot {action} `{file}`: the host answered with status {status}{}", in_brackets(.code.as_deref()))]
    Answered {
        /// What it was: `read`, `write`, `list` or `delete`.
        action: &'static str,
        /// The URL.
        file: String,
        /// The HTTP status.
        status: u16,
        /// The host's own error code.
        code: Option<String>,
        /// Why no credentials were sent, and what to do, if none were.
        lacks: Option<String>,
    },
    /// It is unknown whether a file was written.
    #[error("cannot tell whether `{file}` was written: {reason}")]
    Unclear {
        /// The URL.
        file: String,
        /// What happened.
        reason: String,
    },
    /// The host would let two publishers overwrite each other.
    #[error(
        "{host} {reason}: two publishers would overwrite each other, so nothing is written there"
    )]
    Unsafe {
        /// The host and the bucket.
        host: String,
        /// What it does.
        reason: String,
    },
    /// A file is no bundle, or a damaged one.
    #[error("`{file}` is no bundle that can be read: {what}")]
    Bundle {
        /// Its path.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// It costs more than the user allows.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// The local disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong with the certificate of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// No authority that this machine knows vouches for it, or it vouches for itself.
    Unknown,
    /// It is not valid at this time.
    Time,
    /// It is for other names.
    Name,
    /// Anything else.
    Other,
}

impl StorageError {
    /// Whether the host did not answer, or not as one that is well: it may be back later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Transfer { .. }
            | Self::Git(GitError::Unreachable { .. }) => true,
            // 408 and 429: the host asks for patience (RFC 9110, RFC 6585).
            Self::Status { status, .. } | Self::Answered { status, .. } => {
                matches!(status, 408 | 429 | 500..)
            }
            _ => false,
        }
    }
}

impl From<AuthoritiesError> for StorageError {
    fn from(error: AuthoritiesError) -> Self {
        match error {
            AuthoritiesError::Unusable { reason } => Self::Authorities { reason },
            AuthoritiesError::Io(error) => Self::Io(error),
        }
    }
}

fn in_brackets(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}
