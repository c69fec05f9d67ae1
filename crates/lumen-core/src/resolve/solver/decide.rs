//! Which node is decided next, with which version, and what that needs.

use std::{cmp::Reverse, collections::HashMap};

use super::{Fact, Incompatibility, Known, Problem, Solver, Term};
use crate::resolve::set::Set;

/// An undecided node: rank, conflicts, fewest versions, first met; and its ticket.
pub(super) type Entry = (Reverse<u64>, u32, Reverse<u32>, Reverse<u32>, u32);

/// One need, and the runs of versions that have it.
struct Need {
    to: u32,
    accepted: Set,
    runs: Vec<(u32, u32)>,
}

impl<P: Problem> Solver<'_, P> {
    /// Puts a node into the queue if it is needed and not decided.
    pub(super) fn enqueue(&mut self, node: u32) {
        let Some(candidates) = self.candidates(node) else {
            return;
        };
        let versions = candidates.len_within(self.problem.count(node));
        let rank = self.problem.rank(node);
        let slot = &mut self.slots[node as usize];
        slot.ticket += 1;
        let entry = (
            Reverse(rank),
            slot.conflicts,
            Reverse(versions),
            Reverse(node),
            slot.ticket,
        );
        self.queue.push(entry);
    }

    /// The versions a node may take; `None` when it is decided or not needed.
    fn candidates(&self, node: u32) -> Option<Set> {
        let term = self.assignments.term(node).filter(|term| term.positive)?;
        if self.assignments.is_decided(node) {
            return None;
        }
        let base = self
            .problem
            .base(node)
            .and_then(|base| self.assignments.term(base));
        Some(match base {
            None => term.set.clone(),
            Some(base) => base.and(term).set,
        })
    }

    pub(super) fn pick(&mut self) -> Option<u32> {
        while let Some((.., Reverse(node), ticket)) = self.queue.pop() {
            if self.slots[node as usize].ticket == ticket && self.candidates(node).is_some() {
                return Some(node);
            }
        }
        None
    }

    /// Chooses a version of a node, or records why that cannot be done yet.
    pub(super) fn decide(&mut self, node: u32) {
        let Some(candidates) = self.candidates(node) else {
            return;
        };
        let count = self.problem.count(node);
        let possible = |index: &u32| *index < count && candidates.has(*index);
        let mut preferred = self.problem.preferred(node).iter().copied();
        let preferred = preferred.find(possible);
        let chosen = preferred.or_else(|| candidates.first().filter(possible));
        let Some(index) = chosen else {
            return self.nothing_left(node);
        };
        let only = Set::index(index, count);
        let first_new = self.store.len();
        self.tie(node, &only);
        match self.slots[node as usize].known {
            Known::None => {
                self.slots[node as usize].known = Known::One(index);
                self.record(node, &[index]);
            }
            Known::One(known) if known == index => {}
            Known::All => {}
            Known::One(_) => {
                self.slots[node as usize].known = Known::All;
                let all: Vec<u32> = (0..count).collect();
                self.record(node, &all);
                // Much is known now that may rule this version out.
                return self.enqueue(node);
            }
        }
        let decision = Term::positive(only);
        let fails = |incompatibility: &Incompatibility| {
            incompatibility
                .terms
                .iter()
                .all(|(other, term)| match *other == node {
                    true => decision.implies(term),
                    false => {
                        let known = self.assignments.term(*other);
                        known.is_some_and(|known| known.implies(term))
                    }
                })
        };
        if self.store[first_new..].iter().any(fails) {
            return self.enqueue(node);
        }
        self.assignments.decide(node, decision);
        for at in 0..self.slots[node as usize].virtuals.len() {
            let dependant = self.slots[node as usize].virtuals[at];
            self.enqueue(dependant);
        }
    }

    /// Records that a node has none of the versions it is needed in, or none that its base may have.
    fn nothing_left(&mut self, node: u32) {
        let term = self.assignments.term(node).map(|term| term.set.clone());
        let versions = term.unwrap_or_default();
        match self.problem.base(node) {
            Some(base) => self.add_fact(Fact {
                from: node,
                versions: versions.clone(),
                to: base,
                accepted: versions,
            }),
            None => self.add_fact(Fact {
                from: node,
                versions,
                to: node,
                accepted: Set::Empty,
            }),
        };
        self.enqueue(node);
    }

    /// Ties a version of a virtual node to the same version of its base.
    fn tie(&mut self, node: u32, only: &Set) {
        let Some(base) = self.problem.base(node) else {
            return;
        };
        let slot = &mut self.slots[node as usize];
        if only.subset_of(&slot.tied) {
            return;
        }
        slot.tied = slot.tied.union(only);
        self.add_fact(Fact {
            from: node,
            versions: only.clone(),
            to: base,
            accepted: only.clone(),
        });
    }

    /// Records what versions of a node need, each need once for all the versions that have it.
    fn record(&mut self, node: u32, indices: &[u32]) {
        let count = self.problem.count(node);
        if let [index] = indices {
            for (to, accepted) in self.problem.needs(node, *index) {
                let versions = Set::index(*index, count);
                self.add_need(node, versions, to, accepted);
            }
            return;
        }
        let mut found: Vec<Need> = Vec::new();
        let mut places = HashMap::new();
        for index in indices {
            for (to, accepted) in self.problem.needs(node, *index) {
                let place = *places.entry((to, accepted.clone())).or_insert_with(|| {
                    found.push(Need {
                        to,
                        accepted,
                        runs: Vec::new(),
                    });
                    found.len() - 1
                });
                found[place].runs.push((*index, index + 1));
            }
        }
        for need in found {
            let versions = Set::from_runs(need.runs, count);
            self.add_need(node, versions, need.to, need.accepted);
        }
    }

    fn add_need(&mut self, from: u32, versions: Set, to: u32, accepted: Set) {
        let none = accepted.len_within(self.problem.count(to)) == 0;
        self.add_fact(Fact {
            from,
            versions,
            to,
            accepted: if none { Set::Empty } else { accepted },
        });
    }
}
