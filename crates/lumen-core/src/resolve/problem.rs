//! The problem as the solver wants it: nodes, indices and sets.
//!
//! Apart from the packages themselves there are virtual nodes for features. Most have the
//! versions of a package, their base, and are chosen with the same one. The two boolean ones make weak features (`x?/f`) exact: whatever turns an optional dependency
//! on needs *active* to be on, and a weak feature, preferred off, needs *active* to be off,
//! or else the feature. So the feature is asked for exactly where the dependency is active.

use std::collections::HashMap;

use super::{
    catalog::{Catalog, ReleaseContents},
    features::{Value, value},
    needs::VersionNeeds,
    request::Request,
    set::Set,
    solver::Problem,
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
    request: &'a Request,
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

    fn needs_of(&mut self, kind: Kind<&'a str>, index: u32) -> Needs {
        let mut needs = Needs::new();
        match kind {
            Kind::Root => {
                for member in 0..self.request.roots.len() as u32 {
                    needs.push((self.node(Kind::Member(member)), Set::full()));
                }
            }
            Kind::Member(member) => self.member_needs(member, &mut needs),
            Kind::Active { .. } | Kind::Never => {}
            Kind::Weak {
                owner,
                dependency,
                feature,
            } => {
                let active = self.node(Kind::Active { owner, dependency });
                needs.push((active, Set::index(index, 2)));
                if index == ON {
                    self.feature_need(dependency, feature, &Set::full(), &mut needs);
                }
            }
            Kind::Package(package)
            | Kind::Feature(package, _)
            | Kind::Default(package)
            | Kind::Optional { owner: package, .. } => match self.contents(package, index) {
                Known::Contents(contents) => {
                    let mut version = VersionNeeds {
                        tables: self,
                        package,
                        contents,
                        needs: &mut needs,
                    };
                    version.of(kind);
                }
                Known::NotLoaded => {}
                Known::Unusable => self.never(&mut needs),
            },
        }
        self.settle_self_needs(kind, index, &mut needs);
        needs
    }

    /// A version's need for its own package holds or does not hold; the solver wants neither.
    fn settle_self_needs(&mut self, kind: Kind<&'a str>, index: u32, needs: &mut Needs) {
        let itself = self.node(kind);
        if needs
            .iter()
            .any(|(node, set)| *node == itself && !set.has(index))
        {
            self.never(needs);
        }
        needs.retain(|(node, _)| *node != itself);
    }

    fn member_needs(&mut self, member: u32, needs: &mut Needs) {
        let root = &self.request.roots[member as usize];
        for requirement in &root.requirements {
            let (_, set) = self.requirement(requirement, needs);
            // All features of a root are on, so the features they ask of this dependency are, too.
            for text in root.features.values().flatten() {
                if let Value::Of {
                    dependency,
                    feature,
                    ..
                } = value(text)
                    && dependency == requirement.name.as_str()
                {
                    let package = self.package(&requirement.name);
                    self.feature_need(package, feature, &set, needs);
                }
            }
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

impl Problem for Tables<'_> {
    fn count(&self, node: u32) -> u32 {
        let of_package = |package: u32| self.packages[package as usize].count();
        self.kind(node).count(of_package)
    }

    fn base(&self, node: u32) -> Option<u32> {
        self.bases.get(node as usize).copied().flatten()
    }

    fn preferred(&self, node: u32) -> Option<u32> {
        self.packages[self.kind(node).package()? as usize].preferred
    }

    fn rank(&self, node: u32) -> u64 {
        match self.shuffle {
            Some(seed) => scramble(seed, u64::from(node)),
            // Whether a weak feature takes effect is known last.
            None => matches!(self.kind(node), Kind::Active { .. } | Kind::Weak { .. }).into(),
        }
    }

    fn needs(&mut self, node: u32, index: u32) -> Vec<(u32, Set)> {
        self.needs_of(self.kind(node), index)
    }
}

/// SplitMix64's finaliser: a fixed arbitrary order for every seed.
fn scramble(seed: u64, value: u64) -> u64 {
    let mut z = seed.wrapping_add(value.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
