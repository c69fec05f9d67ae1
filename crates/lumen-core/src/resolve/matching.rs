//! Which versions of a list a constraint accepts, without asking each of them.

use std::cmp::Ordering;

use crate::{constraint::Constraint, version::Version};

/// Versions sorted oldest first, with the pre-releases among them.
#[derive(Debug, Default)]
pub(crate) struct Versions<'a> {
    ascending: Vec<&'a Version>,
    /// Indices of the pre-releases.
    pre: Vec<u32>,
}

type Run = (u32, u32);

impl<'a> Versions<'a> {
    /// `ascending` must be sorted, oldest first.
    pub fn new(ascending: Vec<&'a Version>) -> Self {
        let is_pre =
            |(index, version): (u32, &&Version)| (!version.pre.is_empty()).then_some(index);
        let pre = (0..).zip(&ascending).filter_map(is_pre).collect();
        Self { ascending, pre }
    }

    pub fn len(&self) -> u32 {
        self.ascending.len() as u32
    }

    /// Runs of accepted versions, counted from the oldest; they may touch and overlap.
    ///
    /// Every comparator names one interval (see `Comparator::side`), found by bisection; `!=`
    /// and the pre-release rule cut holes.
    pub fn accepted(&self, constraint: &Constraint) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut holes = Vec::new();
        for group in constraint.groups() {
            holes.clear();
            let (mut low, mut high) = (0, self.len());
            for comparator in group {
                let below = |version: &&Version| comparator.side(version) == Ordering::Less;
                let not_above = |version: &&Version| comparator.side(version) != Ordering::Greater;
                let start = self.ascending.partition_point(below) as u32;
                let end = self.ascending.partition_point(not_above) as u32;
                if comparator.is_not() {
                    holes.push((start, end));
                } else {
                    (low, high) = (low.max(start), high.min(end));
                }
            }
            let first = self.pre.partition_point(|index| *index < low);
            for index in self.pre[first..].iter().take_while(|index| **index < high) {
                let version = self.ascending[*index as usize];
                if !group.iter().any(|c| c.names_pre_release_of(version)) {
                    holes.push((*index, index + 1));
                }
            }
            holes.sort_unstable();
            for hole in &holes {
                if low < hole.0 {
                    runs.push((low, hole.0.min(high)));
                }
                low = low.max(hole.1);
            }
            if low < high {
                runs.push((low, high));
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::constraint::Dialect;

    fn version() -> impl Strategy<Value = Version> {
        let pre = prop_oneof![
            3 => Just(String::new()),
            1 => "-(a|b|rc[.][0-2]|0)",
        ];
        let build = prop_oneof![5 => Just(String::new()), 1 => "[+](a|b)"];
        (0..3u64, 0..3u64, 0..4u64, pre, build).prop_map(|(major, minor, patch, pre, build)| {
            Version::parse(&format!("{major}.{minor}.{patch}{pre}{build}")).unwrap()
        })
    }

    fn constraint() -> impl Strategy<Value = Constraint> {
        let part = (
            "(=|!=|>|>=|<|<=|\\^|~|)",
            "[0-2]([.][0-2]([.][0-3](-(a|b|rc[.][0-2]|0))?|[.][*x])?)?",
        );
        let comparator = prop_oneof![
            9 => part.prop_map(|(op, version)| format!("{op}{version}")),
            1 => Just("*".to_owned()),
        ];
        let group = proptest::collection::vec(comparator, 1..4).prop_map(|parts| parts.join(" "));
        proptest::collection::vec(group, 1..3)
            .prop_map(|groups| groups.join(" || "))
            .prop_filter_map("not a constraint", |text| {
                Constraint::parse(&text, Dialect::Lumen).ok()
            })
    }

    proptest! {
        #[test]
        fn accepted_is_what_matches_says(
            mut versions in proptest::collection::vec(version(), 0..40),
            constraint in constraint(),
        ) {
            versions.sort();
            versions.dedup();
            let list = Versions::new(versions.iter().collect());
            let runs = list.accepted(&constraint);
            for (index, version) in (0..).zip(&versions) {
                let found = runs.iter().any(|(start, end)| (*start..*end).contains(&index));
                prop_assert_eq!(found, constraint.matches(version), "{} {}", constraint, version);
            }
        }
    }
}
