//! What registries answered.

use std::{collections::BTreeMap, sync::Arc};

use lumen_core::{
    PackageName, Version,
    index::{PackageIndex, ReleaseSummary},
    trust::Bounds,
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
    /// From when on the ages of its releases count, if there is a limit on them.
    pub(super) released: BTreeMap<Version, Bounds>,
}

impl IndexOf {
    /// Asks one registry after the other until one has the package. `limits`: the moments that
    /// its releases are compared with.
    pub(super) async fn find(
        first: Registry,
        others: Vec<Registry>,
        name: &PackageName,
        limits: &[i64],
    ) -> Self {
        let mut found = Self::search(first, others, name).await;
        if let Ok(Some(index)) = &found.result {
            match found.registry.released(index, limits).await {
                Ok(released) => found.released = released,
                Err(error) => found.result = Err(error),
            }
        }
        found
    }

    async fn search(first: Registry, others: Vec<Registry>, name: &PackageName) -> Self {
        let of = |registry, result| Self {
            registry,
            result,
            released: BTreeMap::new(),
        };
        let mut result = first.find(name).await;
        for registry in others {
            if !matches!(result, Ok(None)) {
                break;
            }
            result = registry.find(name).await;
            if !matches!(result, Ok(None)) {
                return of(registry, result);
            }
        }
        of(first, result)
    }
}
