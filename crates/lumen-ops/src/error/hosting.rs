//! Why no configuration of a host and no workflow of a service can be made.

use std::path::PathBuf;

use lumen_registry::location::Provider;

/// Why `registry host` or `registry ci` cannot make a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostingError {
    /// The registry is in no bucket that is known.
    #[error("it is not known which bucket the registry is in")]
    NoBucket(Provider),
    /// The registry is in no repository that is known.
    #[error("it is not known which repository the registry is in")]
    NoRepository,
    /// A part of an address with control characters would go on as a command.
    #[error("{0:?} is no name for a part of a registry's address")]
    Control(String),
    /// Not a server's name.
    #[error("`{0}` is not the name of a server")]
    ServerName(String),
    /// Not a path in a URL.
    #[error("`{0}` is not a path for a registry")]
    Prefix(String),
    /// Not an address to listen on.
    #[error("`{0}` is not an address")]
    Listen(String),
    /// A path that configurations read as something else.
    #[error("`{}` has characters that configurations give a meaning", .0.display())]
    Path(PathBuf),
    /// A folder that no other machine has.
    #[error("a folder of this machine cannot be published to from elsewhere")]
    Folder,
    /// A web server, which cannot be published to.
    #[error("a web server can only be read")]
    ReadOnly,
    /// A URL with a password, for a file that others read.
    #[error("`{0}` has a password, and a workflow is a file that others read")]
    Password(String),
    /// Not the text of a URL in a workflow.
    #[error("{0:?} would mean something else in a workflow")]
    Workflow(String),
    /// Another workflow is in the way.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
}

/// What may help against a [`HostingError`].
#[derive(Debug, Clone, Copy)]
pub enum HostingHint {
    /// A bucket can be named.
    NameBucket(Provider),
    /// A repository can be named.
    NameRepository,
    /// Control characters do not belong into it.
    Control,
    /// What a server's name looks like.
    ServerName,
    /// What a path looks like.
    Prefix,
    /// What an address looks like.
    Listen,
    /// What a path may not have.
    Path,
    /// What can be published to from elsewhere.
    Reachable,
    /// How a place to publish to is configured.
    PublishPlace,
    /// Where passwords belong.
    Password,
    /// How a URL is written without `$`.
    Dollar,
    /// How a workflow is replaced.
    Force,
}

impl HostingError {
    /// What may help.
    pub const fn hint(&self) -> HostingHint {
        match self {
            Self::NoBucket(provider) => HostingHint::NameBucket(*provider),
            Self::NoRepository => HostingHint::NameRepository,
            Self::Control(_) => HostingHint::Control,
            Self::ServerName(_) => HostingHint::ServerName,
            Self::Prefix(_) => HostingHint::Prefix,
            Self::Listen(_) => HostingHint::Listen,
            Self::Path(_) => HostingHint::Path,
            Self::Folder => HostingHint::Reachable,
            Self::ReadOnly => HostingHint::PublishPlace,
            Self::Password(_) => HostingHint::Password,
            Self::Workflow(_) => HostingHint::Dollar,
            Self::Exists(_) => HostingHint::Force,
        }
    }
}
