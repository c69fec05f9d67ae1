//! Why there is no answer: the facts, with the words to read them by.

use super::{
    nodes::{Kind, Tables},
    solver::Fact,
};
use crate::name::PackageName;

/// Why there is no answer; told to people by [`explain`](crate::explain::explain).
#[derive(Debug, Clone)]
pub struct Conflict {
    /// What the numbers in the facts stand for.
    pub(crate) nodes: Vec<Node>,
    /// What the numbers in the nodes stand for.
    pub(crate) packages: Vec<Package>,
    /// Together they leave no solution.
    pub(crate) facts: Vec<Fact>,
}

/// A node of the problem.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub kind: Kind<String>,
    /// The node that must be chosen with the same version.
    pub base: Option<u32>,
}

/// A package of the problem.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub name: PackageName,
    /// Whether it is in the catalog; if not, it has one version, which suits everybody.
    pub known: bool,
    /// For each index, the position of the version in the catalog.
    pub positions: Vec<u32>,
}

impl Conflict {
    pub(super) fn new(tables: &Tables<'_>, facts: Vec<Fact>) -> Self {
        let nodes = tables.kinds.iter().zip(&tables.bases);
        let node = |(kind, base): (&Kind<&str>, &Option<u32>)| Node {
            kind: kind.into_owned(),
            base: *base,
        };
        let package = |package: &super::table::Package<'_>| Package {
            name: package.name.clone(),
            known: package.entry.is_some(),
            positions: package.positions(),
        };
        Self {
            nodes: nodes.map(node).collect(),
            packages: tables.packages.iter().map(package).collect(),
            facts,
        }
    }

    /// How many versions a node has.
    pub(crate) fn count(&self, node: u32) -> u32 {
        let of_package = |package: u32| match &self.packages[package as usize] {
            Package { known: false, .. } => 1,
            package => package.positions.len() as u32,
        };
        self.nodes[node as usize].kind.count(of_package)
    }
}
