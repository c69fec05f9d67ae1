//! What callers can do about the errors of this crate: their kinds, and hints as data. The
//! words are the caller's.

use std::{io, path::Path};

use lumen_core::failure::Kind;

use crate::{
    cas::InsertError,
    link::{Foreign, LinkError, vendor::VendorError},
    pack::{PackError, Secret},
    project::ProjectError,
    unpack::UnpackError,
};

/// What may help against an error.
#[derive(Debug, Clone)]
pub enum Hint<'e> {
    /// Make a package here, or name its manifest.
    NoProject,
    /// A file of the project is a link that leads out of it.
    Outside,
    /// A file of the project is read-only.
    ReadOnly(&'e Path),
    /// A manifest above belongs to another user.
    ForeignManifest(&'e Path),
    /// Something of the user's is where an import link would go.
    LinkOccupied,
    /// Something in the project is not as Lumen makes it for this user.
    Foreign {
        /// Where, relative to the project.
        path: &'e Path,
        /// What is wrong with it.
        what: Foreign,
    },
    /// The import root has to be inside the project.
    ImportRoot,
    /// A link is in the place of a folder.
    FolderLink,
    /// A folder is not empty.
    FolderOccupied,
    /// An archive breaks a rule.
    BadArchive,
    /// An archive of a package breaks a rule.
    BadPackage,
    /// Files look like secrets.
    Secrets {
        /// All of them.
        found: &'e [Secret],
        /// What `allow-secrets` has already.
        allowed: &'e [String],
    },
    /// Links lead out of the package.
    LinksOutside,
    /// Links lead to nothing.
    Dangling,
    /// Something writes to the folder.
    Changed,
    /// A folder is nested too deep.
    Deep,
    /// Paths do not work everywhere.
    Paths,
    /// The package is too large.
    TooLarge,
    /// This user may not write there.
    Writable,
    /// The disk refused.
    Disk(io::ErrorKind),
}

/// What may help when a folder of the user's choice cannot be used.
fn disk(error: &io::Error) -> Hint<'static> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Hint::Writable,
        kind => Hint::Disk(kind),
    }
}

impl ProjectError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_)
            | Self::Problems(_)
            | Self::Outside { .. }
            | Self::ReadOnly(_)
            | Self::Foreign { .. } => Kind::User,
            Self::Contradiction(_) => Kind::Untrusted,
            Self::Io(_) => Kind::Host,
        }
    }

    /// What may help; problems have hints of their own.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::NotFound(_) => Hint::NoProject,
            Self::Outside { .. } => Hint::Outside,
            Self::ReadOnly(file) => Hint::ReadOnly(file),
            Self::Foreign { file, .. } => Hint::ForeignManifest(file),
            Self::Io(error) => disk(error),
            Self::Problems(_) | Self::Contradiction(_) => return None,
        })
    }
}

impl LinkError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Occupied { .. }
            | Self::Shadowed { .. }
            | Self::ImportRoot(_)
            | Self::Foreign { .. } => Kind::User,
            Self::Io(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Occupied { .. } => Hint::LinkOccupied,
            Self::Foreign { path, what } => Hint::Foreign { path, what: *what },
            Self::ImportRoot(_) => Hint::ImportRoot,
            Self::Io(error) => disk(error),
            Self::Shadowed { .. } => return None,
        })
    }
}

impl VendorError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Occupied(_) | Self::Link(_) => Kind::User,
            Self::Package { source, .. } => source.kind(),
            Self::Io(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Occupied(_) => Hint::FolderOccupied,
            Self::Link(_) => Hint::FolderLink,
            Self::Package { source, .. } => return source.hint(),
            Self::Io(error) => disk(error),
        })
    }
}

impl UnpackError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Untrusted,
            Self::Occupied(_) | Self::Link(_) => Kind::User,
            Self::Io(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Hint<'_> {
        match self {
            Self::Refused(_) => Hint::BadArchive,
            Self::Occupied(_) => Hint::FolderOccupied,
            Self::Link(_) => Hint::FolderLink,
            Self::Io(error) => Hint::Disk(error.kind()),
        }
    }
}

impl InsertError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Size { .. } | Self::Hash { .. } | Self::Plain { .. } | Self::Refused(_) => {
                Kind::Untrusted
            }
            Self::Source(_) | Self::Io(_) => Kind::Host,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        match self {
            Self::Refused(_) => Some(Hint::BadPackage),
            Self::Io(error) => Some(Hint::Disk(error.kind())),
            Self::Size { .. } | Self::Hash { .. } | Self::Plain { .. } | Self::Source(_) => None,
        }
    }
}

impl PackError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Io(_) => Kind::Host,
            Self::NoManifest
            | Self::Pattern { .. }
            | Self::Secrets { .. }
            | Self::LinksOutside(_)
            | Self::Dangling(_)
            | Self::Changed(_)
            | Self::TooDeep(_)
            | Self::Paths(_)
            | Self::TooMany { .. }
            | Self::TooLarge { .. } => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Secrets { found, allowed } => Hint::Secrets { found, allowed },
            Self::LinksOutside(_) => Hint::LinksOutside,
            Self::Dangling(_) => Hint::Dangling,
            Self::Changed(_) => Hint::Changed,
            Self::TooDeep(_) => Hint::Deep,
            Self::Paths(_) => Hint::Paths,
            Self::TooMany { .. } | Self::TooLarge { .. } => Hint::TooLarge,
            Self::NoManifest | Self::Pattern { .. } | Self::Io(_) => return None,
        })
    }
}
