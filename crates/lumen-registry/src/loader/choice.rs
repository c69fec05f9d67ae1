//! Which versions to look into: the resolver's likely choice, and then whatever it may turn to.

use lumen_core::{
    PackageName, Version,
    resolve::{CatalogVersion, Contents, Order, is_old_enough},
};

use super::{
    closure::{Closure, Work},
    entry::Wanted,
};

/// Most versions whose files are fetched ahead when the resolver walks through a package without summaries.
const MOST_AHEAD: usize = 32;

impl Closure<'_> {
    /// Asks for the dependencies of the versions that may be chosen for a requirement.
    pub(super) fn follow(&mut self, name: &PackageName, wanted: &Wanted) {
        let versions = self.catalog.packages.get(name);
        let versions = versions.map_or(0, |package| package.versions.len());
        if !self.bounds.compare(name, versions) {
            return;
        }
        for version in self.candidates(name, wanted) {
            let Some(entry) = self.entries.get_mut(name) else {
                return;
            };
            let Some(summary) = entry.summary(&version) else {
                self.ask_release(name, &version);
                continue;
            };
            let optional_too =
                self.wide || wanted.features || summary.features.contains_key("default");
            let done = entry.followed.get(&version);
            if done.is_some_and(|with_optional| *with_optional || !optional_too) {
                continue;
            }
            if !self.bounds.dependencies(name, &version, summary.deps.len()) {
                return;
            }
            for (dependency, constraint) in &summary.deps {
                let options = summary.dependency_options.get(dependency);
                if options.is_some_and(|options| options.optional) && !optional_too {
                    continue;
                }
                let wanted = Wanted {
                    constraint: constraint.clone(),
                    features: options.is_some_and(|options| !options.features.is_empty()),
                };
                let (by, dependency) = (Some(name.clone()), dependency.clone());
                self.work.push_back(Work::Want(by, dependency, wanted));
            }
            entry.followed.insert(version, optional_too);
        }
    }

    /// The versions to follow for a requirement: the likely choice, or all whose dependencies are
    /// known.
    fn candidates(&self, name: &PackageName, wanted: &Wanted) -> Vec<Version> {
        let (Some(entry), Some(package)) =
            (self.entries.get(name), self.catalog.packages.get(name))
        else {
            return Vec::new();
        };
        let is_free = self.request.unlock.contains(name);
        let locked = [&self.request.locked, &self.request.also_locked];
        let locked = locked.map(|locked| locked.get(name).filter(|_| !is_free));
        let is_locked = |version: &CatalogVersion| locked.contains(&Some(&version.version));
        let usable = |version: &&CatalogVersion| {
            (version.yanked.is_none() || is_locked(version))
                && version.blocked.is_none()
                && !matches!(version.contents, Contents::Unavailable(_))
                && !entry.failures.contains_key(&version.version)
                && wanted.constraint.matches(&version.version)
        };
        let mut usable: Vec<&CatalogVersion> = package.versions.iter().filter(usable).collect();
        if self.request.order == Order::Newest {
            usable.reverse();
        }
        let has_summary = |version: &CatalogVersion| entry.summary(&version.version).is_some();
        if !self.request.age_limits().is_empty() {
            // The dates decide, and may be in files not read yet.
            let mut undated = usable.clone();
            undated.retain(|version| version.published_at.is_none() && !has_summary(version));
            if !undated.is_empty() {
                return owned(undated);
            }
            usable.retain(|version| {
                let since = version.published_at;
                is_locked(version) || is_old_enough(self.request, name, &version.version, since)
            });
        }
        let among = |wanted: Option<&Version>| {
            let mut usable = usable.iter().copied();
            usable.find(|version| Some(&version.version) == wanted)
        };
        let [first, second] = locked;
        let locked = among(first).or_else(|| among(second));
        match (locked, self.wide) {
            (Some(locked), false) => usable = vec![locked],
            (_, false) => usable.truncate(1),
            (_, true) => {
                let mut first = true;
                usable.retain(|version| std::mem::take(&mut first) || has_summary(version));
            }
        }
        owned(usable)
    }

    /// Asks for a version's file and those of the versions the resolver would try next.
    pub(super) fn ask_ahead(&mut self, name: &PackageName, version: &Version) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let ahead = entry.ahead;
        entry.ahead = (ahead * 2).min(MOST_AHEAD);
        let wanted = entry.wanted.clone();
        let versions = self.catalog.packages.get(name);
        let versions = versions.map_or(0, |package| package.versions.len());
        if !self
            .bounds
            .compare(name, versions.saturating_mul(wanted.len()))
        {
            return;
        }
        let accepted = |other: &Version| {
            let mut constraints = wanted.iter().map(|wanted| &wanted.constraint);
            constraints.any(|constraint| constraint.matches(other))
        };
        let newest_first = self.request.order == Order::Newest;
        let package = self.catalog.packages.get(name);
        let mut next: Vec<Version> = package
            .into_iter()
            .flat_map(|package| &package.versions)
            .filter(|other| {
                other.yanked.is_none()
                    && other.blocked.is_none()
                    && matches!(other.contents, Contents::NotLoaded)
            })
            .map(|other| other.version.clone())
            .filter(|other| {
                (other < version) == newest_first && other != version && accepted(other)
            })
            .collect();
        if newest_first {
            next.reverse();
        }
        next.truncate(ahead);
        next.insert(0, version.clone());
        for version in next {
            self.ask_release(name, &version);
        }
    }
}

fn owned(versions: Vec<&CatalogVersion>) -> Vec<Version> {
    let versions = versions.into_iter();
    versions.map(|version| version.version.clone()).collect()
}
