//! What the resolver knows about packages: filled by the loader, never changed by the resolver.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use crate::{name::PackageName, requirement::Features, requirement::Requirement, version::Version};

/// Every package looked at so far.
///
/// A package that is not in the map has not been looked at: when the resolver needs
/// it, it says so ([`Outcome::NeedsMore`](super::Outcome::NeedsMore)).
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Packages looked at, present or not.
    pub packages: BTreeMap<PackageName, CatalogPackage>,
    /// Other names the registries have, for "did you mean"; may be empty.
    pub known_names: Vec<PackageName>,
}

/// One package of the catalog.
#[derive(Debug, Clone)]
pub struct CatalogPackage {
    /// Where it comes from, as a message says it: ``registry `local` ``, `path ../x`, `git https://…`.
    pub source: String,
    /// Whether it was found there.
    pub availability: Availability,
    /// Its versions, in any order, each once.
    pub versions: Vec<CatalogVersion>,
    /// A path, git or patch package: one version, never yanked or too new, and `*` accepts it
    /// even when it is a pre-release.
    pub local: bool,
    /// For a package that is absent: the names of other configured registries that have it.
    pub elsewhere: Vec<String>,
}

/// Whether a package was found in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Availability {
    /// It was found.
    #[default]
    Present,
    /// The source answered that it has no such package.
    Absent,
    /// The source was not asked because the network is off, and the cache does not have it.
    Offline,
}

/// One version of a package.
#[derive(Debug, Clone)]
pub struct CatalogVersion {
    /// The version.
    pub version: Version,
    /// The reason it was yanked for (may be empty), if it was.
    pub yanked: Option<String>,
    /// Why the registry's moderators block it, if they do: then not even a lock keeps it.
    pub blocked: Option<String>,
    /// The moment that its age counts from, in seconds since 1970, if the registry says and the
    /// request has a limit.
    pub published_at: Option<i64>,
    /// What it needs.
    pub contents: Contents,
}

/// What a version needs, if that is known.
#[derive(Debug, Clone)]
pub enum Contents {
    /// Known.
    Loaded(Arc<ReleaseContents>),
    /// Known after a computation without I/O (parsing), made when the resolver first needs it.
    Deferred(Deferred),
    /// Not looked at: the resolver asks for it when it needs it.
    NotLoaded,
    /// It is unavailable for this reason; the version is not usable.
    Unavailable(String),
}

/// The dependencies and features of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseContents {
    /// Its dependencies.
    pub requirements: Vec<Requirement>,
    /// Its features.
    pub features: Features,
}

type Compute = Box<dyn FnOnce() -> Result<ReleaseContents, String> + Send>;

/// Contents that are computed at most once, when first needed.
#[derive(Clone)]
pub struct Deferred {
    value: Arc<LazyLock<Result<ReleaseContents, String>, Compute>>,
    may_have_features: bool,
}

impl Contents {
    /// Known contents.
    pub fn loaded(requirements: Vec<Requirement>, features: Features) -> Self {
        Self::Loaded(Arc::new(ReleaseContents {
            requirements,
            features,
        }))
    }

    /// Contents computed when first needed.
    ///
    /// `may_have_features` may be true for a version without features, never false for one with.
    pub fn deferred(
        may_have_features: bool,
        compute: impl FnOnce() -> Result<ReleaseContents, String> + Send + 'static,
    ) -> Self {
        Self::Deferred(Deferred {
            value: Arc::new(LazyLock::new(Box::new(compute))),
            may_have_features,
        })
    }

    /// The contents; `None` when they are not loaded.
    ///
    /// # Errors
    /// The reason why they are unavailable.
    pub fn get(&self) -> Result<Option<&ReleaseContents>, &str> {
        match self {
            Self::Loaded(contents) => Ok(Some(contents)),
            Self::Deferred(deferred) => match &**deferred.value {
                Ok(contents) => Ok(Some(contents)),
                Err(reason) => Err(reason),
            },
            Self::NotLoaded => Ok(None),
            Self::Unavailable(reason) => Err(reason),
        }
    }

    /// Whether the version may have a `default` feature, without computing anything.
    pub(super) fn may_have_default(&self) -> bool {
        match self {
            Self::Loaded(contents) => contents.features.contains_key("default"),
            Self::Deferred(deferred) => deferred.may_have_features,
            Self::NotLoaded => true,
            Self::Unavailable(_) => false,
        }
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").finish_non_exhaustive()
    }
}

impl CatalogVersion {
    /// A version that is not yanked and not loaded.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            yanked: None,
            blocked: None,
            published_at: None,
            contents: Contents::NotLoaded,
        }
    }

    /// Adds known contents.
    #[must_use]
    pub fn with(mut self, requirements: Vec<Requirement>, features: Features) -> Self {
        self.contents = Contents::loaded(requirements, features);
        self
    }
}

impl CatalogPackage {
    /// A package of a registry, found there.
    pub fn present(source: impl Into<String>, versions: Vec<CatalogVersion>) -> Self {
        Self {
            source: source.into(),
            availability: Availability::Present,
            versions,
            local: false,
            elsewhere: Vec::new(),
        }
    }

    /// A package its registry does not have; `elsewhere` names the registries that do.
    pub fn absent(source: impl Into<String>, elsewhere: Vec<String>) -> Self {
        Self {
            availability: Availability::Absent,
            elsewhere,
            ..Self::present(source, Vec::new())
        }
    }

    /// A package that could not be looked up because the network is off.
    pub fn offline(source: impl Into<String>) -> Self {
        Self {
            availability: Availability::Offline,
            ..Self::present(source, Vec::new())
        }
    }

    /// A path, git or patch package.
    pub fn local(source: impl Into<String>, version: CatalogVersion) -> Self {
        Self {
            local: true,
            ..Self::present(source, vec![version])
        }
    }
}
