//! What is known, or must not be, of one node.

use crate::resolve::set::Set;

/// A statement about a node; positive: it is chosen, with a version in the set;
/// negative: it is not chosen with a version in the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub positive: bool,
    pub set: Set,
}

impl Term {
    pub fn positive(set: Set) -> Self {
        Self {
            positive: true,
            set,
        }
    }

    pub fn negative(set: Set) -> Self {
        Self {
            positive: false,
            set,
        }
    }

    /// The statement that says nothing.
    pub fn is_any(&self) -> bool {
        !self.positive && self.set.is_empty()
    }

    pub fn negate(&self) -> Self {
        Self {
            positive: !self.positive,
            set: self.set.clone(),
        }
    }

    /// Both statements.
    pub fn and(&self, other: &Self) -> Self {
        match (self.positive, other.positive) {
            (true, true) => Self::positive(self.set.intersection(&other.set)),
            (true, false) => Self::positive(self.set.without(&other.set)),
            (false, true) => Self::positive(other.set.without(&self.set)),
            (false, false) => Self::negative(self.set.union(&other.set)),
        }
    }

    /// At least one of the statements.
    pub fn or(&self, other: &Self) -> Self {
        match (self.positive, other.positive) {
            (true, true) => Self::positive(self.set.union(&other.set)),
            (true, false) => Self::negative(other.set.without(&self.set)),
            (false, true) => Self::negative(self.set.without(&other.set)),
            (false, false) => Self::negative(self.set.intersection(&other.set)),
        }
    }

    /// Whether `other` holds whenever this does.
    pub fn implies(&self, other: &Self) -> bool {
        match (self.positive, other.positive) {
            (true, true) => self.set.subset_of(&other.set),
            (true, false) => self.set.is_disjoint(&other.set),
            (false, true) => false,
            (false, false) => other.set.subset_of(&self.set),
        }
    }

    /// Whether both cannot hold.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self.positive, other.positive) {
            (true, true) => self.set.is_disjoint(&other.set),
            (true, false) => self.set.subset_of(&other.set),
            (false, true) => other.set.subset_of(&self.set),
            (false, false) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 3;

    /// The worlds in which a term holds: bit 0 for "not chosen", bit 1 + i for version i.
    fn worlds(term: &Term) -> u32 {
        (0..=COUNT)
            .filter(|world| match world.checked_sub(1) {
                None => !term.positive,
                Some(index) => term.set.has(index) == term.positive,
            })
            .map(|world| 1 << world)
            .sum()
    }

    fn all() -> Vec<Term> {
        let set = |bits: u32| {
            let runs = (0..COUNT)
                .filter(|i| bits >> i & 1 == 1)
                .map(|i| (i, i + 1));
            Set::from_runs(runs.collect(), COUNT)
        };
        let terms = |bits| [Term::positive(set(bits)), Term::negative(set(bits))];
        (0..1 << COUNT).flat_map(terms).collect()
    }

    #[test]
    fn terms_are_sets_of_worlds() {
        let everything = (1 << (COUNT + 1)) - 1;
        for a in all() {
            assert_eq!(worlds(&a.negate()), everything & !worlds(&a), "{a:?}");
            assert_eq!(a.is_any(), worlds(&a) == everything, "{a:?}");
            for b in all() {
                let (x, y) = (worlds(&a), worlds(&b));
                assert_eq!(worlds(&a.and(&b)), x & y, "{a:?} {b:?}");
                assert_eq!(worlds(&a.or(&b)), x | y, "{a:?} {b:?}");
                assert_eq!(a.implies(&b), x & !y == 0, "{a:?} {b:?}");
                assert_eq!(a.excludes(&b), x & y == 0, "{a:?} {b:?}");
            }
        }
    }
}
