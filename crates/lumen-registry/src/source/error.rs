//! Why something could not be read.

use lumen_core::{Digest, PackageName, index::Difference, problem::Problem};

use crate::{refusal::TrustError, storage::StorageError};

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The host failed or refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file does not match its path; the problem points into it.
    #[error("{}", one_line(.0))]
    Malformed(Box<Problem>),
    /// The file has another hash than its reference says.
    #[error("`{file}` has the hash {actual}, but the registry's index says {expected}")]
    Hash {
        /// Path or URL.
        file: String,
        /// The hash expected.
        expected: Digest,
        /// The hash found.
        actual: Digest,
    },
    /// A file is larger or smaller than its reference says, or has other bytes.
    #[error("`{file}` is a changed artifact: {difference}")]
    Changed {
        /// Path or URL.
        file: String,
        /// What differs.
        difference: Difference,
    },
    /// A file that another one refers to does not exist.
    #[error("`{file}` does not exist")]
    Missing {
        /// Path or URL.
        file: String,
    },
    /// A signed registry, or one that should be signed, is not trustworthy.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The registry is a mirror that says that it lacks the package.
    #[error(
        "`{name}` is not in this mirror of the registry, which only has packages that match {}",
        list(.patterns)
    )]
    LeftOut {
        /// The package.
        name: PackageName,
        /// What the names of its packages match.
        patterns: Vec<String>,
    },
    /// Nothing at an address says that there is a registry.
    #[error(
        "there is no registry at `{location}`: neither `{missing}` nor anything that was asked for is there"
    )]
    NoRegistry {
        /// The address.
        location: String,
        /// The file that almost every registry has.
        missing: String,
    },
    /// The network is off and the cache does not have the file.
    #[error("`{file}` is not in the cache, and the network is off")]
    Offline {
        /// The URL.
        file: String,
    },
}

impl ReadError {
    /// Whether the file itself is to blame, not the way to it: trying again changes nothing.
    pub fn is_about_the_file(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::Hash { .. }
            | Self::Changed { .. }
            | Self::Missing { .. }
            | Self::LeftOut { .. }
            | Self::Trust(_)
            | Self::Offline { .. } => true,
            Self::NoRegistry { .. } => false,
            Self::Storage(error) => matches!(error, StorageError::TooLarge { .. }),
        }
    }
}

fn list(patterns: &[String]) -> String {
    let quoted: Vec<String> = patterns.iter().map(|p| format!("`{p}`")).collect();
    quoted.join(", ")
}

/// `file:line:column: what`, for where no snippet can be shown.
fn one_line(problem: &Problem) -> String {
    match &problem.place {
        Some(place) => {
            let (line, column) = place.line_column();
            format!("{}:{line}:{column}: {}", place.file, problem.what)
        }
        None => problem.what.clone(),
    }
}
