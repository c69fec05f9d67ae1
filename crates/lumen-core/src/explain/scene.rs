//! The catalog, the request and the conflict, asked together.

use crate::limits::EXPLAIN_VERSIONS;
use crate::{
    constraint::Constraint,
    name::PackageName,
    requirement::Requirement,
    resolve::{
        Catalog, CatalogPackage, CatalogVersion, Request, conflict::Conflict, nodes::Kind,
        set::Set, solver::Fact,
    },
    version::Version,
};

/// All that a story is about.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub catalog: &'a Catalog,
    pub request: &'a Request,
    pub conflict: &'a Conflict,
}

impl<'a> Scene<'a> {
    pub fn kind(self, node: u32) -> &'a Kind<String> {
        &self.conflict.nodes[node as usize].kind
    }

    pub fn name(self, package: u32) -> &'a PackageName {
        &self.conflict.packages[package as usize].name
    }

    pub fn entry(self, name: &PackageName) -> Option<&'a CatalogPackage> {
        self.catalog.packages.get(name)
    }

    /// How many usable versions a package has.
    pub fn count(self, package: u32) -> u32 {
        self.conflict.packages[package as usize].positions.len() as u32
    }

    /// A usable version by its index.
    pub fn version(self, package: u32, index: u32) -> Option<&'a CatalogVersion> {
        let package = &self.conflict.packages[package as usize];
        let position = *package.positions.get(index as usize)?;
        self.entry(&package.name)?.versions.get(position as usize)
    }

    /// The versions in a set, in runs without a gap among the usable ones; oldest first.
    pub fn runs(self, package: u32, set: &Set) -> Vec<Vec<&'a Version>> {
        let run = |(start, end): (u32, u32)| {
            let versions = (start..end).filter_map(|index| self.version(package, index));
            let mut versions: Vec<&Version> = versions.map(|version| &version.version).collect();
            versions.sort_unstable();
            versions
        };
        let mut runs: Vec<Vec<&Version>> = set.runs_within(self.count(package)).map(run).collect();
        runs.sort_unstable();
        runs
    }

    /// The requirements, as written, behind a fact about a package; each constraint once, those
    /// of old versions first. None when there are too many versions to read.
    pub fn requirements(self, fact: &Fact, target: &PackageName) -> Vec<&'a Requirement> {
        let mut found: Vec<&Requirement> = Vec::new();
        let mut add = |requirements: &'a [Requirement]| {
            for requirement in requirements.iter().filter(|r| r.name == *target) {
                if !found
                    .iter()
                    .any(|known| known.constraint == requirement.constraint)
                {
                    found.push(requirement);
                }
            }
        };
        let kind = self.kind(fact.from);
        if let Kind::Member(member) = kind {
            let root = self.request.roots.get(*member as usize);
            root.into_iter().for_each(|root| add(&root.requirements));
        } else if let Some(package) = kind.package() {
            let count = self.count(package);
            if fact.versions.len_within(count) > EXPLAIN_VERSIONS {
                return Vec::new();
            }
            let indices = fact
                .versions
                .runs_within(count)
                .flat_map(|(start, end)| start..end);
            let versions = indices.filter_map(|index| self.version(package, index));
            let mut versions: Vec<&CatalogVersion> = versions.collect();
            versions.sort_by(|a, b| a.version.cmp(&b.version));
            for version in versions {
                if let Ok(Some(contents)) = version.contents.get() {
                    add(&contents.requirements);
                }
            }
        }
        found
    }
}

/// The constraints of requirements.
pub(super) fn constraints<'a>(requirements: &[&'a Requirement]) -> Vec<&'a Constraint> {
    requirements
        .iter()
        .map(|requirement| &requirement.constraint)
        .collect()
}
