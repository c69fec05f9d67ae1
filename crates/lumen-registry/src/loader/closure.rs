//! The packages reachable from a request, fetched concurrently.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use futures::future::{BoxFuture, FutureExt as _};
use lumen_core::{
    Key, PackageName, Version,
    index::{ReleaseSummary, identity},
    resolve::{Catalog, CatalogPackage, Contents, Need, Request, Resolution, is_out_of_reach},
};
use tokio::task::JoinSet;

use super::{
    Chosen, LoadError, Loaded, Routes,
    answers::{IndexOf, ReleaseOf},
    bounds::Bounds,
    entry::{Entry, Wanted, catalog_versions, contents_of, published_at},
};
use crate::reader::{ReadError, Registry};

/// Why a version is out whose archive cannot be had now.
const NOT_HERE: &str = "it was never downloaded to this machine";

/// Whether a version is out since its archive cannot be had.
fn is_left_out(
    request: &Request,
    name: &PackageName,
    version: &Version,
    summary: Option<&ReleaseSummary>,
) -> bool {
    let archive = summary.and_then(|summary| identity(&summary.artifacts).ok());
    archive.is_some_and(|archive| is_out_of_reach(request, name, version, &archive.hash))
}

/// Everything loaded for one request.
pub(super) struct Closure<'r> {
    pub(super) routes: &'r Routes,
    pub(super) request: &'r Request,
    pub(super) catalog: Catalog,
    pub(super) entries: HashMap<PackageName, Entry>,
    pub(super) work: VecDeque<Work>,
    pub(super) tasks: JoinSet<Work>,
    /// Whether every accepted version is followed, not only the likely one.
    pub(super) wide: bool,
    pub(super) bounds: Bounds,
}

/// Something to be taken into account.
pub(super) enum Work {
    /// A package asks for another; none: the project does.
    Want(Option<PackageName>, PackageName, Wanted),
    Index(PackageName, Box<IndexOf>),
    Release(PackageName, Box<ReleaseOf>),
}

impl<'r> Closure<'r> {
    pub(super) fn new(
        routes: &'r Routes,
        local: &BTreeMap<PackageName, CatalogPackage>,
        request: &'r Request,
    ) -> Self {
        let mut work = VecDeque::new();
        let of_local = local
            .values()
            .flat_map(|package| &package.versions)
            .filter_map(|version| version.contents.get().ok().flatten())
            .flat_map(|contents| &contents.requirements);
        let of_roots = request.roots.iter().flat_map(|root| &root.requirements);
        for requirement in of_roots.chain(of_local) {
            let wanted = Wanted {
                constraint: requirement.constraint.clone(),
                features: !requirement.features.is_empty(),
            };
            work.push_back(Work::Want(None, requirement.name.clone(), wanted));
        }
        let catalog = Catalog {
            packages: local.clone(),
            known_names: Vec::new(),
        };
        Self {
            routes,
            request,
            catalog,
            entries: HashMap::new(),
            work,
            tasks: JoinSet::new(),
            wide: false,
            bounds: Bounds::new(&request.limits),
        }
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(super) fn into_catalog(self) -> Catalog {
        self.catalog
    }

    /// Works until nothing is left to be followed, or a limit is passed.
    pub(super) async fn run(&mut self) -> Result<(), LoadError> {
        loop {
            while let Some(work) = self.work.pop_front() {
                self.step(work);
                if let Some(exceeded) = self.bounds.exceeded.take() {
                    return Err(exceeded.into());
                }
            }
            match self.tasks.join_next().await {
                None if self.ask_again() => {}
                None => return Ok(()),
                Some(Ok(work)) => self.work.push_back(work),
                // Neither panics nor is cancelled; if so, the resolver will ask again.
                Some(Err(_)) => {}
            }
        }
    }

    /// Asks again for packages that were not found at an address without a sign of a registry:
    /// another package may have given the sign since. Returns whether there are any.
    fn ask_again(&mut self) -> bool {
        let entries = self.entries.iter_mut();
        let asked_in_vain = entries.filter(|(_, entry)| {
            matches!(entry.failure, Some(ReadError::NoRegistry { .. }))
                && entry.registry.source().was_found()
        });
        let mut names: Vec<PackageName> = Vec::new();
        for (name, entry) in asked_in_vain {
            entry.failure = None;
            names.push(name.clone());
        }
        for name in &names {
            self.ask_index(name);
        }
        !names.is_empty()
    }

    /// Loads the metadata that the resolver needs now, and may need next.
    pub(super) async fn load(&mut self, needs: Vec<Need>) -> Result<(), LoadError> {
        if !self.wide {
            self.wide = true;
            let wanted: Vec<(PackageName, Wanted)> = self
                .entries
                .iter()
                .flat_map(|(name, entry)| entry.wanted.iter().map(|w| (name.clone(), w.clone())))
                .collect();
            for (name, wanted) in wanted {
                self.follow(&name, &wanted);
            }
        }
        for need in &needs {
            match &need.version {
                None => self.enter(&need.name, None),
                Some(version) => self.ask_ahead(&need.name, version),
            }
        }
        self.run().await?;
        let mut stuck = Vec::new();
        for need in needs {
            if let Some(error) = self.failure(&need) {
                return Err(error);
            }
            if !self.has(&need) {
                stuck.push(need);
            }
        }
        match stuck.is_empty() {
            true => Ok(()),
            false => Err(LoadError::Stuck(stuck)),
        }
    }

    /// The resolution with the releases it chose.
    pub(super) fn finish(mut self, resolution: Resolution) -> Loaded {
        let mut chosen = BTreeMap::new();
        for (name, resolved) in &resolution.packages {
            let Some(mut entry) = self.entries.remove(name) else {
                continue;
            };
            let version = &resolved.version;
            let summary = entry.releases.remove(version).or_else(|| {
                let index = entry.index.as_ref()?;
                index.releases.get(version).cloned()
            });
            if let Some(summary) = summary {
                let registry = entry.registry;
                chosen.insert(name.clone(), Chosen { registry, summary });
            }
        }
        Loaded {
            resolution,
            catalog: self.catalog,
            chosen,
        }
    }

    fn step(&mut self, work: Work) {
        match work {
            Work::Want(by, name, wanted) => {
                self.enter(&name, by);
                if let Some(entry) = self.entries.get_mut(&name)
                    && !entry.wanted.contains(&wanted)
                {
                    entry.wanted.push(wanted.clone());
                    self.follow(&name, &wanted);
                }
            }
            Work::Index(name, found) => {
                self.take_index(&name, *found);
            }
            Work::Release(name, found) => {
                self.take_release(&name, *found);
            }
        }
    }

    /// Asks for a package's index, once.
    fn enter(&mut self, name: &PackageName, by: Option<PackageName>) {
        if self.entries.contains_key(name) || self.catalog.packages.contains_key(name) {
            return;
        }
        let mut candidates = self.routes.candidates(name).into_iter();
        let Some(registry) = candidates.next() else {
            return;
        };
        if !self.bounds.package(&self.entries, name, by.as_ref()) {
            return;
        }
        let parent = by.as_ref().and_then(|by| self.entries.get(by));
        let depth = parent.map_or(0, |parent| parent.depth) + 1;
        let entry = Entry::new(registry, by, depth);
        self.entries.insert(name.clone(), entry);
        self.ask_index(name);
    }

    /// Starts to look for a package in the registries that may have it.
    fn ask_index(&mut self, name: &PackageName) {
        let mut candidates = self.routes.candidates(name).into_iter();
        let Some(registry) = candidates.next() else {
            return;
        };
        let others: Vec<Registry> = candidates.cloned().collect();
        let (first, name) = (registry.clone(), name.clone());
        let key = Key::package_index(&name);
        let limits = self.request.age_limits();
        let future = async move {
            let found = IndexOf::find(first, others, &name, &limits).await;
            Work::Index(name, Box::new(found))
        };
        self.ask(registry, &key, future.boxed());
    }

    /// Asks for a version's own file, once.
    pub(super) fn ask_release(&mut self, name: &PackageName, version: &Version) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        if !entry.asked.insert(version.clone()) || !self.bounds.files(name, entry.asked.len()) {
            return;
        }
        let registry = entry.registry.clone();
        let expected = entry
            .index
            .as_ref()
            .and_then(|index| index.releases.get(version)?.metadata);
        let (reader, name, version) = (registry.clone(), name.clone(), version.clone());
        let key = Key::release(&name, &version);
        let future = async move {
            let result = reader.sized_release(&name, &version, expected).await;
            let summary = |(release, digest, size)| (ReleaseSummary::of(release, digest), size);
            let result = result.map(|found| found.map(summary));
            Work::Release(name, Box::new(ReleaseOf { version, result }))
        };
        self.ask(&registry, &key, future.boxed());
    }

    /// Starts a read. A cached file is read at once: a task would cost more.
    fn ask(&mut self, registry: &Registry, key: &Key, mut future: BoxFuture<'static, Work>) {
        if registry.source().is_cached(key)
            && let Some(work) = (&mut future).now_or_never()
        {
            self.work.push_back(work);
            return;
        }
        self.tasks.spawn(future);
    }

    fn take_index(&mut self, name: &PackageName, found: IndexOf) {
        let IndexOf {
            registry,
            result,
            released,
        } = found;
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let source = match &result {
            Ok(None) => self.routes.describe(name),
            _ => format!("registry `{}`", registry.name()),
        };
        entry.registry = registry;
        let package = match result {
            Ok(Some(index)) => {
                if !self.bounds.index(&index) {
                    return;
                }
                let history = entry.registry.history_seen(name);
                let blocked = |version: &Version| {
                    let moderation = &history.as_ref()?.moderation;
                    let block = moderation.blocked(version, self.request.now)?;
                    Some(block.words())
                };
                let since =
                    |version: &Version| self.request.since(name, version, released.get(version));
                let mut versions = catalog_versions(&index, since, blocked);
                for version in &mut versions {
                    let summary = index.releases.get(&version.version);
                    let summary = summary.filter(|_| entry.registry.is_remote());
                    if is_left_out(self.request, name, &version.version, summary) {
                        version.contents = Contents::Unavailable(NOT_HERE.into());
                    }
                }
                entry.index = Some(index);
                CatalogPackage::present(source, versions)
            }
            Ok(None) => CatalogPackage::absent(source, Vec::new()),
            Err(ReadError::Offline { .. }) => CatalogPackage::offline(source),
            Err(error) => {
                entry.failure = Some(error);
                return;
            }
        };
        let wanted = entry.wanted.clone();
        self.catalog.packages.insert(name.clone(), package);
        for wanted in wanted {
            self.follow(name, &wanted);
        }
    }

    fn take_release(&mut self, name: &PackageName, ReleaseOf { version, result }: ReleaseOf) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let contents = match result {
            Ok(Some((summary, bytes))) => {
                if !self.bounds.metadata(name, bytes, summary.memory(None)) {
                    return;
                }
                let reached = Some(&summary).filter(|_| entry.registry.is_remote());
                let contents = match is_left_out(self.request, name, &version, reached) {
                    true => Err(NOT_HERE.into()),
                    false => contents_of(&summary),
                };
                entry.releases.insert(version.clone(), summary);
                contents
            }
            Ok(None) => Err(format!(
                "`{}` does not exist",
                entry
                    .registry
                    .storage()
                    .describe(&Key::release(name, &version))
            )),
            // Choosing another version instead would help a tampering host.
            Err(error) if error.is_about_the_file() && !matches!(error, ReadError::Trust(_)) => {
                Err(error.to_string())
            }
            Err(error) => {
                entry.failures.insert(version, error);
                return;
            }
        };
        let published_at = entry.releases.get(&version).and_then(published_at);
        if let Err(reason) = &contents {
            entry.unreadable += 1;
            self.bounds
                .unreadable(name, &version, entry.unreadable, reason);
        }
        let package = self.catalog.packages.get_mut(name);
        let slot = package.and_then(|package| {
            let versions = &mut package.versions;
            let at = versions.binary_search_by(|other| other.version.cmp(&version));
            at.ok().and_then(|at| versions.get_mut(at))
        });
        if let Some(slot) = slot {
            // In a signed registry the log says it.
            slot.published_at = slot.published_at.or(published_at);
            slot.contents = match contents {
                Ok(contents) => Contents::Loaded(Arc::new(contents)),
                Err(reason) => Contents::Unavailable(reason),
            };
        }
        let wanted = self.entries.get(name).map(|entry| entry.wanted.clone());
        for wanted in wanted.unwrap_or_default() {
            self.follow(name, &wanted);
        }
    }

    /// Why a need cannot be met, unless it is the package's own fault.
    fn failure(&mut self, need: &Need) -> Option<LoadError> {
        let name = need.name.clone();
        if !self.entries.contains_key(&name) && !self.catalog.packages.contains_key(&name) {
            return Some(LoadError::NoRegistry { name });
        }
        let entry = self.entries.get_mut(&name)?;
        let error = match &need.version {
            None => entry.failure.take(),
            Some(version) => entry.failures.remove(version),
        };
        error.map(|error| LoadError::Read { name, error })
    }

    /// Whether a need is met now.
    fn has(&self, need: &Need) -> bool {
        let Some(package) = self.catalog.packages.get(&need.name) else {
            return false;
        };
        let Some(version) = &need.version else {
            return true;
        };
        let mut versions = package.versions.iter();
        let found = versions.find(|other| other.version == *version);
        found.is_some_and(|found| !matches!(found.contents, Contents::NotLoaded))
    }
}
