//! Numbers about a registry: what is in it, and what takes how much space.
//!
//! Packages are read as clients read them, many at once, and not kept. Files are counted if
//! the host lists them. In a branch, git knows the sizes of fetched files, and the indexes
//! those of other artifacts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, stream};
use lumen_core::{Key, PackageName, Version, key::kind::FileKind};

use crate::{
    derived::names::indexed_package,
    log::{Waiting, waiting},
    partial::Partial,
    progress::{Progress, Watch, advance},
    reader::{ReadError, Registry},
    storage::StorageError,
    verify::TrustInfo,
};

/// Packages that are read at once.
const CONCURRENCY: usize = 16;

/// The largest packages that are named.
const LARGEST: usize = 10;

/// The newest releases that are named.
const NEWEST: usize = 5;

/// Files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// How many.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// What the host has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// By kind.
    pub kinds: BTreeMap<FileKind, Size>,
    /// Files that are being written, or were never finished; not among the others.
    pub temporary: Size,
    /// Files of unknown size, so that the sum of bytes is too low.
    pub unsized_files: u64,
}

impl Files {
    /// All of them together, but the temporary ones.
    pub fn total(&self) -> Size {
        let add = |a: Size, b: &Size| Size {
            files: a.files + b.files,
            bytes: a.bytes + b.bytes,
        };
        self.kinds.values().fold(Size::default(), add)
    }
}

/// A release by the time it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Released {
    /// When, RFC 3339, by the publisher's clock.
    pub time: String,
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
}

/// What [`stats`] found.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// The registry's own name, from its index.
    pub name: Option<String>,
    /// The format its index says.
    pub format: Option<u64>,
    /// Of a signed registry.
    pub trust: Option<TrustInfo>,
    /// The commits of a signed registry that readers do not see yet.
    pub waiting: Option<Waiting>,
    /// The patterns of a partial mirror.
    pub selection: Option<Vec<String>>,
    /// The time of its last release, yank or deprecation, by their makers' clocks.
    pub last_change: Option<String>,
    /// Packages with a release.
    pub packages: u64,
    /// Packages of the index that the mirror leaves out.
    pub left_out: u64,
    /// Scopes of these packages.
    pub scopes: u64,
    /// Releases, yanked ones and pre-releases too.
    pub releases: u64,
    /// Pre-releases.
    pub prereleases: u64,
    /// Yanked releases.
    pub yanked: u64,
    /// Deprecated packages.
    pub deprecated: u64,
    /// Keys that own a name or may publish it, now; of a signed registry.
    pub owners: u64,
    /// Keys that published, yanked or deprecated something; of a signed registry.
    pub publishers: u64,
    /// Artifacts by the indexes, each counted once a package.
    pub artifacts: Size,
    /// The packages with most bytes of artifacts.
    pub largest: Vec<(PackageName, Size)>,
    /// The newest releases, the last one first.
    pub newest: Vec<Released>,
    /// Nothing where the host does not list its files.
    pub files: Option<Files>,
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A file could not be read, or is not trustworthy.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no list of packages.
    #[error("{registry} has no `index.json`, and its host does not list files")]
    Unlistable {
        /// The registry.
        registry: String,
    },
}

impl From<StorageError> for StatsError {
    fn from(error: StorageError) -> Self {
        Self::Read(error.into())
    }
}

/// The sums so far.
#[derive(Default)]
struct Sum {
    stats: Stats,
    scopes: HashSet<String>,
    owners: HashSet<Vec<u8>>,
    publishers: HashSet<Vec<u8>>,
    /// Files whose sizes the host does not say.
    unknown: HashMap<Key, FileKind>,
}

/// What one package adds.
struct Read {
    name: PackageName,
    releases: Vec<(Version, Option<String>)>,
    yanked: u64,
    deprecated: bool,
    artifacts: HashMap<Key, u64>,
    /// File lists, with their sizes.
    lists: HashMap<Key, u64>,
    owners: HashSet<Vec<u8>>,
    publishers: HashSet<Vec<u8>>,
    last_change: Option<String>,
}

/// Counts what a registry has.
///
/// # Errors
/// [`StatsError`]: one package that cannot be read or verified ends it.
pub async fn stats(registry: &Registry, watch: Watch<'_>) -> Result<Stats, StatsError> {
    let counted = run(registry, watch).await;
    watch(Progress::Finished);
    counted
}

async fn run(registry: &Registry, watch: Watch<'_>) -> Result<Stats, StatsError> {
    let storage = registry.storage();
    let mut sum = Sum::default();
    sum.stats.trust = registry.trust().await?;
    if sum.stats.trust.is_some() {
        // The unfinished work of a writer does not prevent counting.
        sum.stats.waiting = waiting(storage).await.unwrap_or_default();
    }
    let global = registry.global_index().await?;
    let listed = match storage.list_sizes("").await {
        Ok(files) => Some(files),
        Err(StorageError::ReadOnly { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if global.is_none() && listed.is_none() {
        let registry = registry.location().map(|location| location.url());
        let registry = registry.unwrap_or_else(|| "the registry".into());
        return Err(StatsError::Unlistable { registry });
    }
    let mut names = BTreeSet::new();
    if let Some(files) = listed {
        names.extend(files.iter().filter_map(|(key, _)| indexed_package(key)));
        sum.files(registry, files).await?;
    }
    if let Some(global) = global {
        (sum.stats.name, sum.stats.format) = (global.name, global.format);
        names.extend(global.packages.into_iter().map(|package| package.name));
    }
    let partial = Partial::read(storage).await?;
    sum.stats.selection = partial.map(|partial| partial.packages.patterns().to_vec());
    watch(Progress::Started {
        verb: "Reading",
        steps: names.len() as u64,
    });
    let mut packages = stream::iter(names)
        .map(async |name| (read(registry, &name).await, name))
        .buffer_unordered(CONCURRENCY);
    while let Some((read, name)) = packages.next().await {
        advance(watch, &name);
        match read {
            Ok(Some(read)) => sum.add(read),
            Ok(None) => {}
            Err(ReadError::LeftOut { .. }) => sum.stats.left_out += 1,
            Err(error) => return Err(error.into()),
        }
    }
    drop(packages);
    Ok(sum.finish())
}

/// Reads and counts a package, and keeps only the numbers.
async fn read(registry: &Registry, name: &PackageName) -> Result<Option<Read>, ReadError> {
    let Some((index, history)) = registry.package_once(name).await? else {
        return Ok(None);
    };
    let mut read = Read {
        name: name.clone(),
        releases: Vec::new(),
        yanked: 0,
        deprecated: index.deprecated.is_some(),
        artifacts: HashMap::new(),
        lists: HashMap::new(),
        owners: HashSet::new(),
        publishers: HashSet::new(),
        last_change: None,
    };
    for version in &index.versions {
        let (artifacts, list, time) = match index.releases.get(version) {
            Some(summary) => {
                let time = summary.published_at.clone();
                (summary.artifacts.clone(), summary.files, time)
            }
            // An index that was made by hand has none.
            None => match registry.release(name, version, None).await? {
                Some((release, _)) => (release.artifacts, release.files, release.published_at),
                None => (Vec::new(), None, None),
            },
        };
        read.lists.extend(list.map(|list| (list.key(), list.size)));
        let keyed = artifacts
            .iter()
            .filter_map(|it| Some((it.key().ok()?, it.size)));
        read.artifacts.extend(keyed);
        read.yanked += u64::from(index.is_yanked(version));
        read.releases.push((version.clone(), time));
    }
    if let Some(history) = history {
        let releases = history.releases.values().map(|it| (&it.signer, &it.time));
        let remarks = history.remarks.iter().map(|it| (&it.signer, &it.time));
        for (signer, time) in releases.chain(remarks) {
            read.publishers.insert(signer.bytes().to_vec());
            read.last_change = read.last_change.max(Some(time.clone()));
        }
        if let Some(note) = history.owners.current() {
            let publishers = note.publishers.iter().map(|publisher| &publisher.key);
            let keys = note.admins.iter().chain(publishers);
            read.owners.extend(keys.map(|key| key.bytes().to_vec()));
        }
    } else {
        let times = read.releases.iter().map(|(_, time)| time.clone());
        read.last_change = times.max().flatten();
    }
    Ok(Some(read))
}

impl Sum {
    /// Counts what the host lists.
    async fn files(
        &mut self,
        registry: &Registry,
        listed: Vec<(Key, Option<u64>)>,
    ) -> Result<(), StorageError> {
        let mut files = Files::default();
        for (key, size) in listed {
            let kind = key.kind();
            let all = files.kinds.entry(kind).or_default();
            all.files += 1;
            match size {
                Some(size) => all.bytes += size,
                None => drop(self.unknown.insert(key, kind)),
            }
        }
        for file in registry.storage().list_temporary().await? {
            files.temporary.files += 1;
            files.temporary.bytes += file.size;
        }
        self.stats.files = Some(files);
        Ok(())
    }

    fn add(&mut self, read: Read) {
        let stats = &mut self.stats;
        if read.releases.is_empty() {
            return;
        }
        stats.packages += 1;
        stats.yanked += read.yanked;
        stats.deprecated += u64::from(read.deprecated);
        stats.last_change = stats.last_change.take().max(read.last_change);
        self.scopes.extend(read.name.scope().map(str::to_owned));
        self.owners.extend(read.owners);
        self.publishers.extend(read.publishers);
        let size = Size {
            files: read.artifacts.len() as u64,
            bytes: read.artifacts.values().sum(),
        };
        stats.artifacts.files += size.files;
        stats.artifacts.bytes += size.bytes;
        for (key, size) in read.artifacts.into_iter().chain(read.lists) {
            if let Some(kind) = self.unknown.remove(&key)
                && let Some(files) = &mut stats.files
            {
                files.kinds.entry(kind).or_default().bytes += size;
            }
        }
        for (version, time) in read.releases {
            stats.releases += 1;
            stats.prereleases += u64::from(!version.pre.is_empty());
            stats.newest.extend(time.map(|time| Released {
                time,
                name: read.name.clone(),
                version,
            }));
        }
        stats.newest.sort_unstable_by(|a, b| b.cmp(a));
        stats.newest.truncate(NEWEST);
        stats.largest.push((read.name, size));
        stats
            .largest
            .sort_unstable_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
        stats.largest.truncate(LARGEST);
    }

    fn finish(mut self) -> Stats {
        self.stats.scopes = self.scopes.len() as u64;
        self.stats.owners = self.owners.len() as u64;
        self.stats.publishers = self.publishers.len() as u64;
        if let Some(files) = &mut self.stats.files {
            files.unsized_files = self.unknown.len() as u64;
        }
        self.stats
    }
}
