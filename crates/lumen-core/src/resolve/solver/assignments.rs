//! What has been decided and derived so far, in order.

use super::{Incompatibility, Term};

/// The log of decisions and derivations, and what they say of each node.
#[derive(Default)]
pub(super) struct Assignments {
    trail: Vec<Assignment>,
    /// For each node, where in the trail it was assigned.
    of_node: Vec<Vec<u32>>,
    /// One stamp per level, unique in time, to tell whether a level is still the same.
    levels: Vec<u64>,
    stamps: u64,
}

struct Assignment {
    node: u32,
    level: u32,
    /// The incompatibility it follows from; `None` for a decision.
    cause: Option<u32>,
    /// This and all earlier assignments of the node together.
    term: Term,
}

/// How an incompatibility relates to the assignments.
pub(super) enum Relation {
    /// All of its terms hold: a conflict.
    Satisfied,
    /// All but one, of this node.
    Almost(u32),
    /// One cannot hold any more.
    Contradicted,
    Open,
}

/// The assignment that made an incompatibility hold.
pub(super) struct Satisfier {
    pub node: u32,
    /// `None` for a decision.
    pub cause: Option<u32>,
    pub level: u32,
    /// The level at which it would have been enough to add this assignment.
    pub previous_level: u32,
}

impl Assignments {
    pub fn grow(&mut self, nodes: usize) {
        if self.of_node.len() < nodes {
            self.of_node.resize_with(nodes, Vec::new);
        }
    }

    pub fn level(&self) -> u32 {
        self.levels.len() as u32
    }

    /// A stamp that stays [valid](Self::is_current) until this level is undone.
    pub fn stamp(&self) -> (u32, u64) {
        (self.level(), self.levels.last().copied().unwrap_or(0))
    }

    pub fn is_current(&self, (level, stamp): (u32, u64)) -> bool {
        match level.checked_sub(1) {
            None => true,
            Some(index) => self.levels.get(index as usize) == Some(&stamp),
        }
    }

    /// What is known of a node.
    pub fn term(&self, node: u32) -> Option<&Term> {
        let last = self.of_node.get(node as usize)?.last()?;
        Some(&self.trail.get(*last as usize)?.term)
    }

    pub fn is_decided(&self, node: u32) -> bool {
        let last = self.of_node.get(node as usize).and_then(|all| all.last());
        last.is_some_and(|at| self.trail[*at as usize].cause.is_none())
    }

    pub fn decide(&mut self, node: u32, term: Term) {
        self.stamps += 1;
        self.levels.push(self.stamps);
        self.push(node, None, term);
    }

    /// Adds the opposite of the cause's term for the node.
    pub fn derive(&mut self, node: u32, cause: u32, opposite: &Term) {
        let term = opposite.negate();
        let term = match self.term(node) {
            Some(known) => known.and(&term),
            None => term,
        };
        self.push(node, Some(cause), term);
    }

    fn push(&mut self, node: u32, cause: Option<u32>, term: Term) {
        let at = self.trail.len() as u32;
        self.of_node[node as usize].push(at);
        self.trail.push(Assignment {
            node,
            level: self.level(),
            cause,
            term,
        });
    }

    /// Undoes everything after a level, telling each node concerned.
    pub fn backtrack(&mut self, level: u32, mut undone: impl FnMut(u32)) {
        while let Some(assignment) = self.trail.pop_if(|last| last.level > level) {
            self.of_node[assignment.node as usize].pop();
            undone(assignment.node);
        }
        self.levels.truncate(level as usize);
    }

    pub fn relation(&self, incompatibility: &Incompatibility) -> Relation {
        let mut relation = Relation::Satisfied;
        for (node, term) in &incompatibility.terms {
            match self.term(*node) {
                Some(known) if known.implies(term) => {}
                Some(known) if known.excludes(term) => return Relation::Contradicted,
                _ => {
                    relation = match relation {
                        Relation::Satisfied => Relation::Almost(*node),
                        _ => Relation::Open,
                    };
                }
            }
        }
        relation
    }

    /// The earliest assignment after which all terms hold; they must hold now.
    pub fn satisfier<'i>(
        &self,
        incompatibility: &'i Incompatibility,
        own_term: impl Fn(u32, u32) -> Option<&'i Term>,
    ) -> Option<Satisfier> {
        let mut all: Vec<(u32, &Term)> = Vec::with_capacity(incompatibility.terms.len());
        for (node, term) in &incompatibility.terms {
            all.push((self.first(*node, |known| known.implies(term))?, term));
        }
        let (last, term) = all.iter().max_by_key(|(at, _)| *at)?;
        let assignment = &self.trail[*last as usize];
        let others = all.iter().map(|(at, _)| *at).filter(|at| at != last);
        let mut previous = others.max();
        if let Some(cause) = assignment.cause {
            // The derivation alone may say less than the term; an earlier one then makes up the difference.
            let own = own_term(cause, assignment.node)?.negate();
            if !own.implies(term) {
                let enough = |known: &Term| known.and(&own).implies(term);
                previous = previous.max(self.first(assignment.node, enough));
            }
        }
        let previous_level = previous.map_or(0, |at| self.trail[at as usize].level);
        Some(Satisfier {
            node: assignment.node,
            cause: assignment.cause,
            level: assignment.level,
            previous_level: previous_level.max(1),
        })
    }

    /// The first assignment of a node after which a condition holds that stays true once it is.
    fn first(&self, node: u32, holds: impl Fn(&Term) -> bool) -> Option<u32> {
        let all = self.of_node.get(node as usize)?;
        let at = all.partition_point(|at| !holds(&self.trail[*at as usize].term));
        all.get(at).copied()
    }

    /// Every decided node with its version.
    pub fn decisions(&self) -> impl Iterator<Item = (u32, u32)> {
        self.trail
            .iter()
            .filter(|assignment| assignment.cause.is_none())
            .filter_map(|decision| Some((decision.node, decision.term.set.first()?)))
    }
}
