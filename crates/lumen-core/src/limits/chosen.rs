//! Limits that the user may choose.

use super::{Row, Scope, Unit};

/// How the environment variables start that set limits.
pub const VARIABLE: &str = "LUMEN_LIMIT_";

/// Declares the limits that the user may choose.
macro_rules! chosen {
    ($($(#[doc = $doc:literal])+ $limit:ident = $name:literal, $default:expr, $unit:ident, $place:literal;)+) => {
        /// A limit that the user may choose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit {
            $($(#[doc = $doc])+ $limit,)+
        }

        impl Limit {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$limit),+];

            /// Its row of the table.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$limit => Row {
                        name: $name,
                        value: $default,
                        unit: Unit::$unit,
                        bounds: concat!($($doc),+),
                        place: $place,
                        scope: Scope::User,
                    },)+
                }
            }
        }
    };
}

chosen! {
    /// Bytes of one artifact.
    ArtifactBytes = "artifact-bytes", 1 << 30, Bytes, "ops::fetch";
    /// Bytes of all artifacts that one install downloads.
    InstallBytes = "install-bytes", 32 << 30, Bytes, "ops::fetch";
    /// Bytes of all files of the packages of an install that downloads some.
    InstallUnpackedBytes = "install-unpacked-bytes", 128 << 30, Bytes, "ops::fetch";
    /// Files of the packages of an install that downloads some.
    InstallFiles = "install-files", 10_000_000, Count, "ops::fetch";
    /// Bytes that git transfers in one fetch or clone. On Windows, Lumen ends git soon after it
    /// has written that many.
    GitBytes = "git-bytes", 4 << 30, Bytes, "ops::git, registry::storage::git";
    /// Bytes of all files of a git dependency.
    GitTreeBytes = "git-tree-bytes", 2 << 30, Bytes, "ops::git";
    /// Files of a git dependency.
    GitTreeFiles = "git-tree-files", 500_000, Count, "ops::git";
    /// Requests to one registry in one run.
    Requests = "requests", 2_000_000, Count, "registry::storage";
    /// Requests to one registry in a run that reads all of it, such as that of a mirror, `check`
    /// or `gc`.
    MirrorRequests = "mirror-requests", 100_000_000, Count, "registry::storage";
    /// Seconds that a file may take beside the time that its bytes take at `download-speed`.
    DownloadSeconds = "download-seconds", 600, Seconds, "registry::storage::http";
    /// Lowest average speed of a server; within one `[http] timeout` it may be a quarter of that.
    DownloadSpeed = "download-speed", 16 << 10, BytesPerSecond, "registry::storage::http";
    /// Packages that one resolution looks at.
    ResolvePackages = "resolve-packages", 20_000, Count, "registry::loader";
    /// Versions of all packages that one resolution looks at.
    ResolveVersions = "resolve-versions", 2_000_000, Count, "registry::loader";
    /// Bytes of the metadata of all packages that one resolution looks at.
    ResolveBytes = "resolve-bytes", 128 << 20, Bytes, "registry::loader";
    /// Bytes of memory for the metadata of all packages that one resolution looks at.
    ResolveMemory = "resolve-memory", 512 << 20, Bytes, "registry::loader";
    /// Packages on a path of dependencies, from the project to the last one.
    ResolveDepth = "resolve-depth", 500, Count, "registry::loader";
    /// Comparisons of a version with a constraint while a client loads metadata.
    ResolveComparisons = "resolve-comparisons", 500_000_000, Count, "registry::loader";
    /// Terms that the search for a choice of versions looks at.
    ResolveSteps = "resolve-steps", 500_000_000, Count, "core::resolve";
    /// Versions of one package.
    PackageVersions = "package-versions", 200_000, Count, "registry::loader";
    /// Dependencies of one release.
    ReleaseDependencies = "release-dependencies", 10_000, Count, "registry::loader";
    /// Releases of one package whose own files one resolution reads, because the index does
    /// not list their dependencies.
    ReleaseFiles = "release-files", 5_000, Count, "registry::loader";
    /// Releases of one package that one resolution cannot read.
    UnreadableReleases = "unreadable-releases", 100, Count, "registry::loader";
    /// Seconds that a lock is waited for.
    LockSeconds = "lock-seconds", 300, Seconds, "durable::lock";
}

impl Limit {
    /// Its key in `[limits]` of the configuration.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The limit with this key.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|limit| limit.name() == name)
    }

    /// The environment variable that sets it.
    pub fn variable(self) -> String {
        let name = self.name().replace('-', "_").to_ascii_uppercase();
        format!("{VARIABLE}{name}")
    }
}

/// The values of the limits that the user may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    values: [u64; Limit::ALL.len()],
}

impl Default for Limits {
    fn default() -> Self {
        let mut limits = Self {
            values: [0; Limit::ALL.len()],
        };
        for limit in Limit::ALL {
            limits.set(*limit, limit.row().value);
        }
        limits
    }
}

impl Limits {
    /// The value of a limit.
    pub const fn get(&self, limit: Limit) -> u64 {
        self.values[limit as usize]
    }

    /// Chooses a value.
    pub const fn set(&mut self, limit: Limit, value: u64) {
        self.values[limit as usize] = value;
    }

    /// Checks a value that an input claims, or that was counted so far. `what` names it in
    /// the error.
    ///
    /// # Errors
    /// When the value is above the limit.
    pub fn check(
        &self,
        limit: Limit,
        value: u64,
        what: impl FnOnce() -> String,
    ) -> Result<(), Exceeded> {
        let allowed = self.get(limit);
        match value <= allowed {
            true => Ok(()),
            false => Err(Exceeded {
                limit,
                allowed,
                what: what(),
            }),
        }
    }
}

impl FromIterator<(Limit, u64)> for Limits {
    /// The defaults, but for these.
    fn from_iter<T: IntoIterator<Item = (Limit, u64)>>(chosen: T) -> Self {
        let mut limits = Self::default();
        for (limit, value) in chosen {
            limits.set(limit, value);
        }
        limits
    }
}

/// Something costs more than the user allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; the limit `{}` is {}", limit.name(), limit.row().unit.say(*allowed))]
pub struct Exceeded {
    /// The limit.
    pub limit: Limit,
    /// Its value.
    pub allowed: u64,
    /// What is too much, as the start of a sentence.
    pub what: String,
}
