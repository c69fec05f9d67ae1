//! The nodes of the problem: packages, and what is virtual about their features.

use std::collections::HashMap;

use super::{
    catalog::{Catalog, ReleaseContents},
    request::Request,
    set::Set,
    table::Package,
};
use crate::{name::PackageName, requirement::Requirement};

/// What a node stands for; numbers are those of packages, members those of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind<S> {
    /// Needs every member.
    Root,
    /// One manifest.
    Member(u32),
    /// A package.
    Package(u32),
    /// A package with a feature.
    Feature(u32, S),
    /// A package with its default features, if it has any.
    Default(u32),
    /// A package with an optional dependency turned on.
    Optional { owner: u32, dependency: u32 },
    /// Whether an optional dependency is turned on: off, on.
    Active { owner: u32, dependency: u32 },
    /// Whether a weak feature takes effect: off, on.
    Weak {
        owner: u32,
        dependency: u32,
        feature: S,
    },
    /// What nothing can satisfy: a missing feature, broken metadata.
    Never,
}

impl<S> Kind<S> {
    /// The package whose versions a node has.
    pub fn package(&self) -> Option<u32> {
        match self {
            Self::Package(package) | Self::Feature(package, _) | Self::Default(package) => {
                Some(*package)
            }
            Self::Optional { owner, .. } => Some(*owner),
            _ => None,
        }
    }

    /// How many versions a node has; `of_package` tells it for packages.
    pub fn count(&self, of_package: impl Fn(u32) -> u32) -> u32 {
        match self {
            Self::Root | Self::Member(_) => 1,
            Self::Active { .. } | Self::Weak { .. } => 2,
            Self::Never => 0,
            _ => self.package().map_or(0, of_package),
        }
    }
}

impl Kind<&str> {
    pub fn into_owned(self) -> Kind<String> {
        match self {
            Self::Root => Kind::Root,
            Self::Member(member) => Kind::Member(member),
            Self::Package(package) => Kind::Package(package),
            Self::Feature(package, feature) => Kind::Feature(package, feature.to_owned()),
            Self::Default(package) => Kind::Default(package),
            Self::Optional { owner, dependency } => Kind::Optional { owner, dependency },
            Self::Active { owner, dependency } => Kind::Active { owner, dependency },
            Self::Weak {
                owner,
                dependency,
                feature,
            } => Kind::Weak {
                owner,
                dependency,
                feature: feature.to_owned(),
            },
            Self::Never => Kind::Never,
        }
    }
}

/// Packages and nodes met so far.
pub(crate) struct Tables<'a> {
    catalog: &'a Catalog,
    pub(super) request: &'a Request,
    pub packages: Vec<Package<'a>>,
    package_numbers: HashMap<&'a str, u32>,
    pub kinds: Vec<Kind<&'a str>>,
    /// For each node, its base.
    pub bases: Vec<Option<u32>>,
    node_numbers: HashMap<Kind<&'a str>, u32>,
    /// Decides in an arbitrary order instead, to show that verdicts do not depend on it.
    pub shuffle: Option<u64>,
}

/// Contents of a version as far as they are known.
pub(crate) enum Known<'a> {
    Contents(&'a ReleaseContents),
    NotLoaded,
    Unusable,
}

/// The second version of a boolean node; the first is off.
pub(super) const ON: u32 = 1;

pub(super) type Needs = Vec<(u32, Set)>;

impl<'a> Tables<'a> {
    pub fn new(catalog: &'a Catalog, request: &'a Request) -> Self {
        let mut tables = Self {
            catalog,
            request,
            packages: Vec::new(),
            package_numbers: HashMap::new(),
            kinds: Vec::new(),
            bases: Vec::new(),
            node_numbers: HashMap::new(),
            shuffle: None,
        };
        tables.node(Kind::Root);
        tables
    }

    pub(super) fn node(&mut self, kind: Kind<&'a str>) -> u32 {
        if let Some(node) = self.node_numbers.get(&kind) {
            return *node;
        }
        let base = match kind.package() {
            Some(package) if kind != Kind::Package(package) => {
                Some(self.node(Kind::Package(package)))
            }
            _ => None,
        };
        let node = self.kinds.len() as u32;
        self.kinds.push(kind);
        self.bases.push(base);
        self.node_numbers.insert(kind, node);
        node
    }

    pub fn kind(&self, node: u32) -> Kind<&'a str> {
        let kind = self.kinds.get(node as usize).copied();
        kind.unwrap_or(Kind::Never)
    }

    pub(super) fn package(&mut self, name: &'a PackageName) -> u32 {
        if let Some(number) = self.package_numbers.get(name.as_str()) {
            return *number;
        }
        let number = self.packages.len() as u32;
        self.packages
            .push(Package::new(self.catalog, self.request, name));
        self.package_numbers.insert(name.as_str(), number);
        number
    }

    pub fn contents(&self, package: u32, index: u32) -> Known<'a> {
        let version = self.packages[package as usize].version(index);
        match version.map(|version| version.contents.get()) {
            None | Some(Ok(None)) => Known::NotLoaded,
            Some(Ok(Some(contents))) => Known::Contents(contents),
            Some(Err(_)) => Known::Unusable,
        }
    }

    /// Adds a requirement with the features it asks for.
    pub(super) fn requirement(
        &mut self,
        requirement: &'a Requirement,
        needs: &mut Needs,
    ) -> (u32, Set) {
        let package = self.package(&requirement.name);
        let set = self.packages[package as usize].accepted(&requirement.constraint);
        needs.push((self.node(Kind::Package(package)), set.clone()));
        for feature in &requirement.features {
            self.feature_need(package, feature, &set, needs);
        }
        if requirement.default_features && self.packages[package as usize].may_have_default {
            let node = self.node(Kind::Default(package));
            if !set.is_empty() {
                needs.push((node, set.clone()));
            }
        }
        (package, set)
    }

    pub(super) fn feature_need(
        &mut self,
        package: u32,
        feature: &'a str,
        set: &Set,
        needs: &mut Needs,
    ) {
        // With no version or no metadata, the need for the package itself says it all.
        if !set.is_empty() && self.packages[package as usize].entry.is_some() {
            needs.push((self.node(Kind::Feature(package, feature)), set.clone()));
        }
    }

    pub(super) fn never(&mut self, needs: &mut Needs) {
        needs.push((self.node(Kind::Never), Set::Empty));
    }
}
