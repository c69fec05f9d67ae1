//! The solver against the `pubgrub` crate, on random problems.

use std::{collections::BTreeMap, convert::Infallible};

use proptest::prelude::*;
use pubgrub::{
    Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError, Ranges,
};

use super::*;

const BUDGET: Budget = Budget {
    decisions: 1 << 20,
    checks: u64::MAX,
};

/// Needs by node and version: the other node, and the versions accepted as bits.
#[derive(Debug, Clone)]
struct Random {
    /// For each node, for each version. Node 0 is the root.
    needs: Vec<Vec<Vec<(u32, u32)>>>,
    order: u64,
}

impl Problem for Random {
    fn count(&self, node: u32) -> u32 {
        self.needs
            .get(node as usize)
            .map_or(0, |versions| versions.len() as u32)
    }

    fn base(&self, _: u32) -> Option<u32> {
        None
    }

    fn preferred(&self, node: u32) -> &[u32] {
        match node % 5 {
            3 => &[1],
            4 => &[3, 1],
            _ => &[],
        }
    }

    fn rank(&self, node: u32) -> u64 {
        u64::from(node).wrapping_mul(self.order) % 7
    }

    fn needs(&mut self, node: u32, index: u32) -> Vec<(u32, Set)> {
        let needs = self.needs[node as usize][index as usize].clone();
        needs
            .into_iter()
            .map(|(to, bits)| (to, self.set(to, bits)))
            .collect()
    }
}

impl Random {
    fn set(&self, node: u32, bits: u32) -> Set {
        let count = self.count(node);
        let runs = (0..count)
            .filter(|i| bits >> i & 1 == 1)
            .map(|i| (i, i + 1));
        Set::from_runs(runs.collect(), count)
    }
}

impl DependencyProvider for Random {
    type P = u32;
    type V = u32;
    type VS = Ranges<u32>;
    type Priority = std::cmp::Reverse<u32>;
    type M = String;
    type Err = Infallible;

    fn prioritize(
        &self,
        node: &u32,
        _: &Ranges<u32>,
        _: &PackageResolutionStatistics,
    ) -> Self::Priority {
        std::cmp::Reverse(*node)
    }

    fn choose_version(&self, node: &u32, range: &Ranges<u32>) -> Result<Option<u32>, Infallible> {
        Ok((0..self.count(*node)).find(|index| range.contains(index)))
    }

    fn get_dependencies(
        &self,
        node: &u32,
        index: &u32,
    ) -> Result<Dependencies<u32, Ranges<u32>, String>, Infallible> {
        let range = |bits: u32| {
            let indices = (0..32u32).filter(|i| bits >> i & 1 == 1);
            indices.fold(Ranges::empty(), |all, i| all.union(&Ranges::singleton(i)))
        };
        let needs = &self.needs[*node as usize][*index as usize];
        let needs = needs.iter().map(|(to, bits)| (*to, range(*bits)));
        Ok(Dependencies::Available(needs.collect()))
    }
}

fn random() -> impl Strategy<Value = Random> {
    let nodes = 2..9usize;
    (nodes, 1..1000u64).prop_flat_map(|(nodes, order)| {
        // Some needs name a node that does not exist, or no version at all.
        let need = (
            1..=nodes as u32,
            prop_oneof![4 => 0..256u32, 1 => Just(255u32)],
        );
        let version = proptest::collection::vec(need, 0..4);
        let node = proptest::collection::vec(version, 1..8);
        proptest::collection::vec(node, nodes).prop_map(move |mut needs| {
            needs[0].truncate(1);
            for (node, versions) in needs.iter_mut().enumerate() {
                // The caller settles what a node needs of itself.
                versions
                    .iter_mut()
                    .for_each(|needs| needs.retain(|(to, _)| *to as usize != node));
            }
            Random { needs, order }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_the_pubgrub_crate(mut problem in random()) {
        let expected = match pubgrub::resolve(&problem, 0, 0u32) {
            Ok(_) => true,
            Err(PubGrubError::NoSolution(_)) => false,
            Err(_) => unreachable!("nothing else fails"),
        };
        match solve(&mut problem, BUDGET) {
            Answer::Solved(choices) => {
                prop_assert!(expected);
                let choices: BTreeMap<u32, u32> = choices.into_iter().collect();
                prop_assert_eq!(choices[&0], 0);
                for (node, index) in &choices {
                    for (to, accepted) in problem.needs(*node, *index) {
                        prop_assert!(accepted.has(choices[&to]), "{} {} -> {}", node, index, to);
                    }
                    let mut all = choices.iter();
                    let needed = all.any(|(other, index)| {
                        problem.needs[*other as usize][*index as usize].iter().any(|(to, _)| to == node)
                    });
                    prop_assert!(needed || *node == 0, "{} is not needed", node);
                }
            }
            Answer::Conflict(facts) => {
                prop_assert!(!expected);
                prop_assert!(is_true(&mut problem, &facts));
                // The facts alone are a conflict, too.
                let mut only = Only { problem: &problem, facts: &facts };
                let again = solve(&mut only, BUDGET);
                prop_assert!(matches!(again, Answer::Conflict(_)));
            }
            Answer::GaveUp => prop_assert!(false, "gave up"),
        }
    }
}

/// Whether every version in the facts needs what they say.
fn is_true(problem: &mut Random, facts: &[Fact]) -> bool {
    facts.iter().all(|fact| {
        let count = problem.count(fact.from);
        let mut indices = fact
            .versions
            .runs_within(count)
            .flat_map(|(start, end)| start..end);
        indices.all(|index| {
            let needs = problem.needs(fact.from, index);
            needs.contains(&(fact.to, fact.accepted.clone()))
        })
    })
}

/// The problem of which only some facts hold.
struct Only<'p> {
    problem: &'p Random,
    facts: &'p [Fact],
}

impl Problem for Only<'_> {
    fn count(&self, node: u32) -> u32 {
        self.problem.count(node)
    }

    fn base(&self, _: u32) -> Option<u32> {
        None
    }

    fn preferred(&self, _: u32) -> &[u32] {
        &[]
    }

    fn rank(&self, _: u32) -> u64 {
        0
    }

    fn needs(&mut self, node: u32, index: u32) -> Vec<(u32, Set)> {
        let facts = self
            .facts
            .iter()
            .filter(|f| f.from == node && f.versions.has(index));
        facts.map(|fact| (fact.to, fact.accepted.clone())).collect()
    }
}
