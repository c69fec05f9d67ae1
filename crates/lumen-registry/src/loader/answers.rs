//! What registries answered.

use std::sync::Arc;

use lumen_core::{
    PackageName, Version,
    index::{PackageIndex, ReleaseSummary},
};

use crate::reader::{ReadError, Registry};

/// The result of reading a release's own file: its summary, and the bytes of the file.
pub(super) struct ReleaseOf {
    pub(super) version: Version,
    pub(super) result: Result<Option<(ReleaseSummary, u64)>, ReadError>,
}

/// The result of looking for a package: the index, the absence everywhere, or the failure
/// that ended the search, and the registry that it is about.
pub(super) struct IndexOf {
    pub(super) registry: Registry,
    pub(super) result: Result<Option<Arc<PackageIndex>>, ReadError>,
}

impl IndexOf {
    /// Asks one registry after the other until one has the package.
    pub(super) async fn find(first: Registry, others: Vec<Registry>, name: &PackageName) -> Self {
        let mut result = first.find(name).await;
        for registry in others {
            if !matches!(result, Ok(None)) {
                break;
            }
            result = registry.find(name).await;
            if !matches!(result, Ok(None)) {
                return Self { registry, result };
            }
        }
        Self {
            registry: first,
            result,
        }
    }
}
