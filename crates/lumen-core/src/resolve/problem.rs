//! The problem as the solver wants it: nodes, indices and sets.
//!
//! Apart from the packages themselves there are virtual nodes for features. Most have the
//! versions of a package, their base, and are chosen with the same one. The two boolean ones make weak features (`x?/f`) exact: whatever turns an optional dependency
//! on needs *active* to be on, and a weak feature, preferred off, needs *active* to be off,
//! or else the feature. So the feature is asked for exactly where the dependency is active.

use super::{
    features::{Value, value},
    needs::VersionNeeds,
    nodes::{Kind, Known, Needs, ON, Tables},
    set::Set,
    solver::Problem,
};

impl<'a> Tables<'a> {
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
}

impl Problem for Tables<'_> {
    fn count(&self, node: u32) -> u32 {
        let of_package = |package: u32| self.packages[package as usize].count();
        self.kind(node).count(of_package)
    }

    fn base(&self, node: u32) -> Option<u32> {
        self.bases.get(node as usize).copied().flatten()
    }

    fn preferred(&self, node: u32) -> &[u32] {
        match self.kind(node).package() {
            Some(package) => &self.packages[package as usize].preferred,
            None => &[],
        }
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
