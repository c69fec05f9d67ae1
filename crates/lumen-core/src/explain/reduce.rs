//! The few facts that already make a conflict.
//!
//! A proof found by search says more than people need: the same thing of every version in
//! turn, and detours. So facts about the same two packages are first taken together
//! ("some version from 1.0 to 1.4 needs one from 2.0 to 2.3"), which says less; where that is not
//! enough for a conflict, single facts are added back, those that the solver's
//! counterexample violates; and in the end every fact is left out that can be.

use std::collections::BTreeMap;

use crate::limits::{EXPLAIN_CHECKS, EXPLAIN_FACTS, EXPLAIN_ROUNDS, EXPLAIN_STEPS};
use crate::resolve::{
    conflict::Conflict,
    nodes::Kind,
    set::Set,
    solver::{self, Answer, Budget, Fact, Problem},
};

/// For a single check; one that takes more counts as "not a conflict".
const BUDGET: Budget = Budget {
    decisions: EXPLAIN_STEPS,
    checks: EXPLAIN_CHECKS,
};

/// A few facts that, with the structural ones, leave no solution.
pub(super) fn reduce(conflict: &Conflict) -> Vec<Fact> {
    let (background, fine): (Vec<&Fact>, Vec<&Fact>) = conflict
        .facts
        .iter()
        .partition(|fact| is_structural(conflict, fact));
    let mut facts = together(&fine);
    let mut known = facts.len();
    for _ in 0..EXPLAIN_ROUNDS {
        match check(conflict, &background, &facts) {
            Answer::Conflict(used) => {
                let is_used = |fact: &Fact| used.iter().any(|used| overlap(fact, used));
                facts.retain(is_used);
                return without_the_needless(conflict, &background, facts);
            }
            Answer::Solved(choices) => {
                let choices: BTreeMap<u32, u32> = choices.into_iter().collect();
                let violated = fine.iter().filter(|fact| violates(&choices, fact));
                facts.extend(violated.map(|fact| (*fact).clone()));
            }
            Answer::GaveUp => break,
        }
        if facts.len() == known || facts.len() > EXPLAIN_FACTS {
            break;
        }
        known = facts.len();
    }
    let all = fine.into_iter().cloned().collect();
    without_the_needless(conflict, &background, all)
}

/// Whether a fact only ties virtual nodes together and is not worth telling.
fn is_structural(conflict: &Conflict, fact: &Fact) -> bool {
    let (from, to) = (
        &conflict.nodes[fact.from as usize],
        &conflict.nodes[fact.to as usize],
    );
    if from.base == Some(fact.to) && fact.versions == fact.accepted {
        return true;
    }
    match (&from.kind, &to.kind) {
        (Kind::Root | Kind::Weak { .. } | Kind::Active { .. }, _) | (_, Kind::Active { .. }) => {
            true
        }
        (from, to @ (Kind::Feature(..) | Kind::Optional { .. })) => {
            from.package() == to.package() && fact.accepted == Set::full()
        }
        _ => false,
    }
}

/// One fact for every two nodes, which holds because all of theirs do.
fn together(facts: &[&Fact]) -> Vec<Fact> {
    let mut merged: BTreeMap<(u32, u32), Fact> = BTreeMap::new();
    for fact in facts {
        let add = |known: &mut Fact| {
            known.versions = known.versions.union(&fact.versions);
            known.accepted = known.accepted.union(&fact.accepted);
        };
        let entry = merged.entry((fact.from, fact.to));
        entry.and_modify(add).or_insert_with(|| (*fact).clone());
    }
    merged.into_values().collect()
}

fn violates(choices: &BTreeMap<u32, u32>, fact: &Fact) -> bool {
    let applies = choices
        .get(&fact.from)
        .is_some_and(|index| fact.versions.has(*index));
    let holds = choices
        .get(&fact.to)
        .is_some_and(|index| fact.accepted.has(*index));
    applies && !holds
}

/// Whether a fact may be what the solver, which joins and splits facts, calls `used`.
fn overlap(fact: &Fact, used: &Fact) -> bool {
    (fact.from, fact.to, &fact.accepted) == (used.from, used.to, &used.accepted)
        && !fact.versions.is_disjoint(&used.versions)
}

fn without_the_needless(
    conflict: &Conflict,
    background: &[&Fact],
    mut facts: Vec<Fact>,
) -> Vec<Fact> {
    if facts.len() > EXPLAIN_FACTS {
        return facts;
    }
    for at in (0..facts.len()).rev() {
        let fact = facts.remove(at);
        if !matches!(check(conflict, background, &facts), Answer::Conflict(_)) {
            facts.insert(at, fact);
        }
    }
    facts
}

/// Solves the problem that has only these facts. Versions that no fact distinguishes count as one.
fn check(conflict: &Conflict, background: &[&Fact], facts: &[Fact]) -> Answer {
    let all: Vec<&Fact> = background.iter().copied().chain(facts).collect();
    let mut cuts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for fact in &all {
        for (node, set) in [(fact.from, &fact.versions), (fact.to, &fact.accepted)] {
            let cuts = cuts.entry(group(conflict, node)).or_default();
            for (start, end) in set.runs_within(conflict.count(node)) {
                cuts.extend([start, end]);
            }
        }
    }
    let mut problem = Abstract {
        conflict,
        cuts,
        facts: BTreeMap::new(),
    };
    for (group, cuts) in &mut problem.cuts {
        cuts.extend([0, conflict.count(*group)]);
        cuts.sort_unstable();
        cuts.dedup();
    }
    for fact in all {
        let versions = problem.classes_of(fact.from, &fact.versions);
        let accepted = problem.classes_of(fact.to, &fact.accepted);
        let entry = problem.facts.entry(fact.from).or_default();
        entry.push((versions, fact.to, accepted));
    }
    match solver::solve(&mut problem, BUDGET) {
        Answer::Solved(choices) => Answer::Solved(
            choices
                .into_iter()
                .map(|(node, class)| (node, problem.first_of(node, class)))
                .collect(),
        ),
        Answer::Conflict(used) => {
            let used = used.into_iter().map(|fact| Fact {
                versions: problem.versions_of(fact.from, &fact.versions),
                accepted: problem.versions_of(fact.to, &fact.accepted),
                ..fact
            });
            Answer::Conflict(used.collect())
        }
        Answer::GaveUp => Answer::GaveUp,
    }
}

/// Nodes that share their versions have the same group.
fn group(conflict: &Conflict, node: u32) -> u32 {
    conflict.nodes[node as usize].base.unwrap_or(node)
}

struct Abstract<'c> {
    conflict: &'c Conflict,
    /// For each group, the first version of each class, and the number of versions.
    cuts: BTreeMap<u32, Vec<u32>>,
    facts: BTreeMap<u32, Vec<(Set, u32, Set)>>,
}

impl Abstract<'_> {
    fn cuts_of(&self, node: u32) -> &[u32] {
        let cuts = self.cuts.get(&group(self.conflict, node));
        cuts.map(Vec::as_slice).unwrap_or_default()
    }

    fn classes_of(&self, node: u32, set: &Set) -> Set {
        let cuts = self.cuts_of(node);
        let class = |index: u32| cuts.partition_point(|cut| *cut < index) as u32;
        let runs = set.runs_within(self.conflict.count(node));
        let runs = runs
            .map(|(start, end)| (class(start), class(end)))
            .collect();
        Set::from_runs(runs, self.count(node))
    }

    fn versions_of(&self, node: u32, classes: &Set) -> Set {
        let cuts = self.cuts_of(node);
        let first = |class: u32| cuts.get(class as usize).copied().unwrap_or_default();
        let runs = classes.runs_within(self.count(node));
        let runs = runs
            .map(|(start, end)| (first(start), first(end)))
            .collect();
        Set::from_runs(runs, self.conflict.count(node))
    }

    fn first_of(&self, node: u32, class: u32) -> u32 {
        self.cuts_of(node)
            .get(class as usize)
            .copied()
            .unwrap_or_default()
    }
}

impl Problem for Abstract<'_> {
    fn count(&self, node: u32) -> u32 {
        (self.cuts_of(node).len() as u32).saturating_sub(1)
    }

    fn base(&self, node: u32) -> Option<u32> {
        self.conflict.nodes.get(node as usize)?.base
    }

    fn preferred(&self, _: u32) -> &[u32] {
        &[]
    }

    fn rank(&self, _: u32) -> u64 {
        0
    }

    fn needs(&mut self, node: u32, index: u32) -> Vec<(u32, Set)> {
        let facts = self.facts.get(&node).into_iter().flatten();
        facts
            .filter(|(versions, ..)| versions.has(index))
            .map(|(_, to, accepted)| (*to, accepted.clone()))
            .collect()
    }
}
