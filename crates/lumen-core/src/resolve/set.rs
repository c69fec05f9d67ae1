//! Sets of version indices, which is all that the solver knows of versions.

use std::sync::Arc;

/// The end of a run that has no end.
const OPEN: u32 = u32::MAX;

/// Half-open runs of indices, sorted, apart from each other by at least one index.
///
/// A run that reaches the last version of a package is stored without an end. So sets that
/// hold the same versions are equal, and the complement of a set never holds an index
/// beyond the last version: the solver need not know how many versions there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) enum Set {
    #[default]
    Empty,
    One(Run),
    /// At least two.
    Many(Arc<[Run]>),
}

type Run = (u32, u32);

impl Set {
    /// The set of these runs over `count` versions; runs may touch and overlap, in any order.
    pub fn from_runs(mut runs: Vec<Run>, count: u32) -> Self {
        runs.retain(|(start, end)| start < end);
        runs.sort_unstable();
        let mut builder = Builder::default();
        for (start, end) in runs {
            builder.push((start, if end >= count { OPEN } else { end }));
        }
        builder.finish()
    }

    /// The set of one version out of `count`.
    pub fn index(index: u32, count: u32) -> Self {
        let last = index + 1 >= count;
        Self::One((index, if last { OPEN } else { index + 1 }))
    }

    /// The set of all versions.
    pub fn full() -> Self {
        Self::One((0, OPEN))
    }

    /// The first index.
    pub fn first(&self) -> Option<u32> {
        self.runs().first().map(|run| run.0)
    }

    /// Whether it holds the index.
    pub fn has(&self, index: u32) -> bool {
        match self {
            Self::Empty => false,
            Self::One((start, end)) => (*start..*end).contains(&index),
            Self::Many(runs) => {
                let after = runs.partition_point(|run| run.0 <= index);
                after > 0 && index < runs[after - 1].1
            }
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// The runs, cut at `count` versions.
    pub fn runs_within(&self, count: u32) -> impl Iterator<Item = (u32, u32)> {
        self.runs()
            .iter()
            .map(move |(start, end)| (*start, (*end).min(count)))
            .take_while(|(start, end)| start < end)
    }

    /// How many of `count` versions it holds.
    pub fn len_within(&self, count: u32) -> u32 {
        self.runs_within(count)
            .map(|(start, end)| end - start)
            .sum()
    }

    fn runs(&self) -> &[Run] {
        match self {
            Self::Empty => &[],
            Self::One(run) => std::slice::from_ref(run),
            Self::Many(runs) => runs,
        }
    }
}

/// Joins runs that arrive in order of their start.
#[derive(Default)]
struct Builder {
    current: Option<Run>,
    done: Vec<Run>,
}

impl Builder {
    fn push(&mut self, run: Run) {
        match &mut self.current {
            Some(current) if run.0 <= current.1 => current.1 = current.1.max(run.1),
            current => self.done.extend(current.replace(run)),
        }
    }

    fn finish(mut self) -> Set {
        match self.current {
            None => Set::Empty,
            Some(run) if self.done.is_empty() => Set::One(run),
            Some(run) => {
                self.done.push(run);
                Set::Many(self.done.into())
            }
        }
    }
}

impl Set {
    /// What is not in the other.
    pub fn without(&self, other: &Self) -> Self {
        if self.is_disjoint(other) {
            return self.clone();
        }
        self.intersection(&other.complement())
    }

    /// What is not in it.
    fn complement(&self) -> Self {
        let mut builder = Builder::default();
        let mut start = 0;
        for run in self.runs() {
            if start < run.0 {
                builder.push((start, run.0));
            }
            start = run.1;
        }
        if start != OPEN {
            builder.push((start, OPEN));
        }
        builder.finish()
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        if let (Self::One(a), Self::One(b)) = (self, other) {
            let run = (a.0.max(b.0), a.1.min(b.1));
            return if run.0 < run.1 {
                Self::One(run)
            } else {
                Self::Empty
            };
        }
        let (a, b) = (self.runs(), other.runs());
        let (mut i, mut j) = (0, 0);
        let mut builder = Builder::default();
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            let run = (x.0.max(y.0), x.1.min(y.1));
            if run.0 < run.1 {
                builder.push(run);
            }
            if x.1 <= y.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        builder.finish()
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        let (a, b) = (self.runs(), other.runs());
        let (mut i, mut j) = (0, 0);
        let mut builder = Builder::default();
        loop {
            match (a.get(i), b.get(j)) {
                (Some(x), Some(y)) if x.0 <= y.0 => {
                    builder.push(*x);
                    i += 1;
                }
                (Some(x), None) => {
                    builder.push(*x);
                    i += 1;
                }
                (_, Some(y)) => {
                    builder.push(*y);
                    j += 1;
                }
                (None, None) => return builder.finish(),
            }
        }
    }

    /// Whether nothing is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (a, b) = (self.runs(), other.runs());
        let (mut i, mut j) = (0, 0);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            if x.0.max(y.0) < x.1.min(y.1) {
                return false;
            }
            if x.1 <= y.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        true
    }

    /// Whether all of it is in the other.
    pub fn subset_of(&self, other: &Self) -> bool {
        let outer = other.runs();
        self.runs().iter().all(|run| {
            let after = outer.partition_point(|candidate| candidate.0 <= run.0);
            after > 0 && run.1 <= outer[after - 1].1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 7;

    fn set(bits: u32) -> Set {
        let runs = (0..COUNT)
            .filter(|index| bits >> index & 1 == 1)
            .map(|index| (index, index + 1));
        Set::from_runs(runs.collect(), COUNT)
    }

    /// Every pair of subsets of seven versions, against bit arithmetic.
    #[test]
    fn operations_are_those_of_bits() {
        let all = (1u32 << COUNT) - 1;
        for a in 0..=all {
            assert_eq!(set(a).complement(), set(!a & all), "{a:b}");
            assert_eq!(set(a).len_within(COUNT), a.count_ones(), "{a:b}");
            assert_eq!(
                set(a).first(),
                (a != 0).then(|| a.trailing_zeros()),
                "{a:b}"
            );
            for index in 0..COUNT {
                assert_eq!(set(a).has(index), a >> index & 1 == 1, "{a:b} {index}");
            }
            for b in 0..=all {
                assert_eq!(set(a).intersection(&set(b)), set(a & b), "{a:b} {b:b}");
                assert_eq!(set(a).union(&set(b)), set(a | b), "{a:b} {b:b}");
                assert_eq!(set(a).is_disjoint(&set(b)), a & b == 0, "{a:b} {b:b}");
                assert_eq!(set(a).subset_of(&set(b)), a & !b == 0, "{a:b} {b:b}");
            }
        }
        assert_eq!(set(all), Set::full());
        assert_eq!(set(0), Set::Empty);
        assert_eq!(Set::index(COUNT - 1, COUNT), set(1 << (COUNT - 1)));
    }
}
