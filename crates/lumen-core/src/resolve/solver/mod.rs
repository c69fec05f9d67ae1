//! The PubGrub algorithm, as described in
//! <https://github.com/dart-lang/pub/blob/master/doc/solver.md>.
//!
//! It differs from the `pubgrub` crate, which the tests use as an oracle, in what an
//! incompatibility says about dependants. The crate records a dependency for the one version
//! that was tried, and so must try every version of a package that cannot work. Here, as
//! soon as a second version of a package is tried, every dependency is recorded once for all the versions
//! that have it. On packages with thousands of versions that need the same thing this is the difference
//! between seconds and milliseconds, and the explanations that users read are much shorter, too.

mod assignments;
mod decide;
mod term;

use std::collections::BinaryHeap;

use assignments::{Assignments, Relation};
use decide::Entry;
pub(crate) use term::Term;

use super::set::Set;

/// A problem to solve. Nodes are small numbers; node 0 is the root and has one version.
pub(crate) trait Problem {
    /// How many versions a node has.
    fn count(&self, node: u32) -> u32;

    /// The node that must be chosen with the same version, if there is one.
    fn base(&self, node: u32) -> Option<u32>;

    /// The versions tried before all others, in this order.
    fn preferred(&self, node: u32) -> &[u32];

    /// Nodes of a lower rank are decided first.
    fn rank(&self, node: u32) -> u64;

    /// What one version of a node needs, apart from its base.
    fn needs(&mut self, node: u32, index: u32) -> Vec<(u32, Set)>;
}

/// The result of solving.
pub(crate) enum Answer {
    /// The version of every node needed.
    Solved(Vec<(u32, u32)>),
    /// The facts that together leave no solution.
    Conflict(Vec<Fact>),
    /// The budget was used up.
    GaveUp,
}

/// Every version in a set of one node needs a version in a set of another; with an empty set, none will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub from: u32,
    pub versions: Set,
    pub to: u32,
    pub accepted: Set,
}

/// Terms that must not hold all at once.
pub(super) struct Incompatibility {
    terms: Vec<(u32, Term)>,
    cause: Cause,
}

enum Cause {
    Root,
    Fact(Fact),
    Derived(u32, u32),
}

/// What the solver keeps of a node.
#[derive(Default)]
struct Slot {
    incompatibilities: Vec<u32>,
    /// Nodes with this one as their base.
    virtuals: Vec<u32>,
    known: Known,
    /// Versions whose tie to the base is recorded.
    tied: Set,
    conflicts: u32,
    /// Changes with every new entry in the queue, which makes older entries void.
    ticket: u32,
}

/// Which dependencies of a node are recorded.
#[derive(Default, PartialEq)]
enum Known {
    #[default]
    None,
    One(u32),
    All,
}

/// How much work a search may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Decisions.
    pub decisions: u64,
    /// Terms looked at.
    pub checks: u64,
}

/// Solves, within a budget.
pub(crate) fn solve(problem: &mut impl Problem, budget: Budget) -> Answer {
    let mut solver = Solver {
        problem,
        slots: Vec::new(),
        store: Vec::new(),
        contradicted: Vec::new(),
        assignments: Assignments::default(),
        queue: BinaryHeap::new(),
        changed: Vec::new(),
        checks: budget.checks,
    };
    match solver.run(budget.decisions) {
        Ok(answer) => answer,
        Err(Stop::Contradiction(terminal)) => Answer::Conflict(solver.facts(terminal)),
        Err(Stop::Budget) => Answer::GaveUp,
    }
}

struct Solver<'p, P> {
    problem: &'p mut P,
    slots: Vec<Slot>,
    store: Vec<Incompatibility>,
    /// For each incompatibility, when it was last found contradicted.
    contradicted: Vec<Option<(u32, u64)>>,
    assignments: Assignments,
    queue: BinaryHeap<Entry>,
    /// Nodes to propagate from.
    changed: Vec<u32>,
    /// Terms that may still be looked at.
    checks: u64,
}

/// Why a search ends without a solution.
enum Stop {
    /// This incompatibility proves that there is none.
    Contradiction(u32),
    /// The budget is used up.
    Budget,
}

impl<P: Problem> Solver<'_, P> {
    fn run(&mut self, decisions: u64) -> Result<Answer, Stop> {
        self.grow(0);
        let root = vec![(0, Term::negative(Set::full()))];
        self.add(root, Cause::Root);
        let mut next = 0;
        for _ in 0..decisions {
            self.propagate(next)?;
            next = match self.pick() {
                Some(node) => node,
                None => return Ok(Answer::Solved(self.assignments.decisions().collect())),
            };
            self.decide(next);
        }
        Ok(Answer::GaveUp)
    }

    fn grow(&mut self, node: u32) {
        while self.slots.len() <= node as usize {
            let new = self.slots.len() as u32;
            self.slots.push(Slot::default());
            self.assignments.grow(self.slots.len());
            if let Some(base) = self.problem.base(new) {
                self.grow(base);
                self.slots[base as usize].virtuals.push(new);
            }
        }
    }

    fn add(&mut self, terms: Vec<(u32, Term)>, cause: Cause) -> u32 {
        let id = self.store.len() as u32;
        for (node, _) in &terms {
            self.slots[*node as usize].incompatibilities.push(id);
        }
        self.store.push(Incompatibility { terms, cause });
        self.contradicted.push(None);
        id
    }

    fn add_fact(&mut self, fact: Fact) -> u32 {
        self.grow(fact.from.max(fact.to));
        let mut terms = vec![(fact.from, Term::positive(fact.versions.clone()))];
        if !fact.accepted.is_empty() {
            terms.push((fact.to, Term::negative(fact.accepted.clone())));
        }
        self.add(terms, Cause::Fact(fact))
    }

    /// Draws every conclusion from what changed about a node.
    fn propagate(&mut self, node: u32) -> Result<(), Stop> {
        self.changed.clear();
        self.changed.push(node);
        while let Some(node) = self.changed.pop() {
            let mut conflict = None;
            // The newest first: they are the most general.
            for at in (0..self.slots[node as usize].incompatibilities.len()).rev() {
                let id = self.slots[node as usize].incompatibilities[at];
                let seen = self.contradicted[id as usize];
                if seen.is_some_and(|when| self.assignments.is_current(when)) {
                    continue;
                }
                self.spend(self.store[id as usize].terms.len())?;
                match self.assignments.relation(&self.store[id as usize]) {
                    Relation::Satisfied => {
                        conflict = Some(id);
                        break;
                    }
                    Relation::Almost(other) => {
                        if !self.changed.contains(&other) {
                            self.changed.push(other);
                        }
                        self.derive(other, id);
                    }
                    Relation::Contradicted => {
                        self.contradicted[id as usize] = Some(self.assignments.stamp());
                    }
                    Relation::Open => {}
                }
            }
            if let Some(conflict) = conflict {
                let (node, cause) = self.learn(conflict)?;
                self.changed.clear();
                self.changed.push(node);
                self.derive(node, cause);
            }
        }
        Ok(())
    }

    /// Concludes, from an incompatibility whose other terms hold, the opposite of its term for a node.
    fn derive(&mut self, node: u32, cause: u32) {
        let terms = &self.store[cause as usize].terms;
        if let Some((_, term)) = terms.iter().find(|(other, _)| *other == node) {
            self.assignments.derive(node, cause, term);
            self.enqueue(node);
        }
        self.contradicted[cause as usize] = Some(self.assignments.stamp());
    }

    /// Finds the reason of a conflict and goes back to where it can be avoided.
    fn learn(&mut self, conflict: u32) -> Result<(u32, u32), Stop> {
        let mut current = conflict;
        loop {
            let incompatibility = &self.store[current as usize];
            let terms = &incompatibility.terms;
            if terms.iter().all(|(node, term)| *node == 0 && term.positive) {
                return Err(Stop::Contradiction(current));
            }
            let own = |cause: u32, node: u32| {
                let terms = &self.store[cause as usize].terms;
                terms
                    .iter()
                    .find(|(other, _)| *other == node)
                    .map(|(_, term)| term)
            };
            let Some(satisfier) = self.assignments.satisfier(incompatibility, own) else {
                return Err(Stop::Contradiction(current));
            };
            match satisfier.cause {
                Some(cause) if satisfier.previous_level >= satisfier.level => {
                    current = self.resolve(current, cause, satisfier.node);
                    self.spend(self.store[current as usize].terms.len())?;
                }
                _ => {
                    self.blame(current);
                    self.backtrack(satisfier.previous_level);
                    if current != conflict {
                        let terms = self.store[current as usize].terms.iter();
                        for node in terms.map(|(node, _)| *node).collect::<Vec<_>>() {
                            self.slots[node as usize].incompatibilities.push(current);
                        }
                    }
                    return Ok((satisfier.node, current));
                }
            }
        }
    }

    fn spend(&mut self, checks: usize) -> Result<(), Stop> {
        let left = self.checks.checked_sub(checks as u64);
        self.checks = left.ok_or(Stop::Budget)?;
        Ok(())
    }

    /// The rule of resolution: what follows from two incompatibilities about a node.
    fn resolve(&mut self, first: u32, second: u32, node: u32) -> u32 {
        let (a, b) = (
            &self.store[first as usize].terms,
            &self.store[second as usize].terms,
        );
        let mut terms: Vec<(u32, Term)> = Vec::with_capacity(a.len() + b.len());
        let mut about: Option<Term> = None;
        for (other, term) in a.iter().chain(b) {
            if *other == node {
                about = Some(about.map_or_else(|| term.clone(), |known| known.or(term)));
            } else if let Some((_, known)) = terms.iter_mut().find(|(known, _)| known == other) {
                *known = known.and(term);
            } else {
                terms.push((*other, term.clone()));
            }
        }
        terms.extend(about.filter(|term| !term.is_any()).map(|term| (node, term)));
        let id = self.store.len() as u32;
        self.store.push(Incompatibility {
            terms,
            cause: Cause::Derived(first, second),
        });
        self.contradicted.push(None);
        id
    }

    /// Counts a conflict for every node involved, so that it is decided earlier.
    fn blame(&mut self, conflict: u32) {
        for at in 0..self.store[conflict as usize].terms.len() {
            let node = self.store[conflict as usize].terms[at].0;
            self.slots[node as usize].conflicts += 1;
            self.enqueue(node);
        }
    }

    fn backtrack(&mut self, level: u32) {
        let mut undone = std::mem::take(&mut self.changed);
        undone.clear();
        self.assignments.backtrack(level, |node| undone.push(node));
        undone.sort_unstable();
        undone.dedup();
        for node in &undone {
            self.enqueue(*node);
        }
        self.changed = undone;
    }

    /// The facts a conclusion rests on, without repetitions.
    fn facts(&mut self, id: u32) -> Vec<Fact> {
        let mut seen = vec![false; self.store.len()];
        let mut work = vec![id];
        let mut facts = Vec::new();
        while let Some(id) = work.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            match &self.store[id as usize].cause {
                Cause::Root => {}
                Cause::Fact(fact) => facts.push((id, fact.clone())),
                Cause::Derived(first, second) => work.extend([*first, *second]),
            }
        }
        facts.sort_unstable_by_key(|(id, _)| *id);
        facts.into_iter().map(|(_, fact)| fact).collect()
    }
}

#[cfg(test)]
mod tests;
