//! The form in which releases publish constraints: three numbers in every version.
//!
//! Other clients of a registry read only full versions. The canonical form accepts exactly the
//! versions that the original accepts. So an edge that a partial version leaves open is written
//! as the lowest pre-release of that edge (`1.3.0-0`) where the group accepts pre-releases of
//! the edge: `<=1.2` is `<1.3.0`, but in a group with `>=1.3.0-rc.1` it is `<1.3.0-0`.

use std::collections::BTreeSet;

use super::{Comparator, Constraint, Op};
use crate::limits::MAX_COMPARATORS;

/// The three numbers of a version.
type Triple = (u64, u64, u64);

/// What no version is: nothing is lower than the lowest pre-release of 0.0.0.
const NOTHING: &str = "<0.0.0-0";

/// A part of the versions, from the first edge to before the second.
type Segment = (Option<Triple>, Option<Triple>);

impl Constraint {
    /// The constraint as releases publish it: every version in it has three numbers, and it
    /// accepts the same versions, pre-releases included. The canonical form of a canonical form
    /// is itself.
    ///
    /// A constraint whose canonical form has more than [`MAX_COMPARATORS`] comparators stays
    /// as it is: many `!=` with partial versions can be so long.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut groups = Vec::new();
        for group in self.groups() {
            for group in canonical_group(group) {
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
        let nothing = vec![NOTHING.to_owned()];
        if groups.len() > 1 {
            groups.retain(|group| *group != nothing);
        }
        if groups.is_empty() {
            groups.push(nothing);
        }
        let comparators: usize = groups.iter().map(Vec::len).sum();
        if comparators > MAX_COMPARATORS {
            return self.clone();
        }
        let texts: Vec<String> = groups.iter().map(|group| group.join(" ")).collect();
        texts.join(" || ").parse().unwrap_or_else(|_| self.clone())
    }
}

/// One group as groups of full comparators; `!=` with a partial version makes several.
fn canonical_group(group: &[Comparator]) -> Vec<Vec<String>> {
    let edges = Edges::of(group);
    let is_partial_not = |comparator: &&Comparator| comparator.is_not() && !comparator.is_full();
    let (nots, others): (Vec<_>, Vec<_>) = group.iter().partition(is_partial_not);
    let mut written = Vec::new();
    for comparator in others {
        written.extend(edges.write(comparator));
    }
    let segments = outside_of(&nots).into_iter();
    let groups = segments.map(|(from, to)| {
        let mut texts: Vec<String> = Vec::new();
        let from = from.map(|from| edges.text(">=", from));
        let to = to.map(|to| edges.text("<", to));
        for text in from.into_iter().chain(to).chain(written.iter().cloned()) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        match texts.is_empty() {
            true => vec![edges.text(">=", (0, 0, 0))],
            false if texts.iter().any(|text| text == NOTHING) => vec![NOTHING.to_owned()],
            false => texts,
        }
    });
    groups.collect()
}

/// The versions outside of the intervals that these comparators refuse, in their order.
fn outside_of(nots: &[&Comparator]) -> Vec<Segment> {
    let mut refused: Vec<(Triple, Option<Triple>)> = nots
        .iter()
        .filter_map(|comparator| Some((comparator.start()?, comparator.end())))
        .collect();
    refused.sort_unstable();
    let mut segments = Vec::new();
    let mut from = None;
    for (start, end) in refused {
        let is_gap = from.is_none_or(|from| from < start);
        // Nothing is below 0.0.0 but its pre-releases, which a partial version refuses.
        if is_gap && start > (0, 0, 0) {
            segments.push((from, Some(start)));
        }
        match end {
            None => return segments,
            Some(end) => from = from.max(Some(end)),
        }
    }
    segments.push((from, None));
    segments
}

/// How edges are written in one group.
struct Edges {
    /// The releases whose pre-releases the group accepts.
    named: BTreeSet<Triple>,
}

impl Edges {
    fn of(group: &[Comparator]) -> Self {
        let with_pre = group.iter().filter(|comparator| !comparator.pre.is_empty());
        Self {
            named: with_pre.filter_map(Comparator::start).collect(),
        }
    }

    /// An operator and the lowest version of an edge that the group can accept.
    fn text(&self, operator: &str, (major, minor, patch): Triple) -> String {
        let pre = match self.named.contains(&(major, minor, patch)) {
            true => "-0",
            false => "",
        };
        format!("{operator}{major}.{minor}.{patch}{pre}")
    }

    /// The comparators that together accept what this one accepts.
    fn write(&self, comparator: &Comparator) -> Vec<String> {
        let Some(start) = comparator.start() else {
            return Vec::new();
        };
        if comparator.is_full() {
            return vec![comparator.full_text(start)];
        }
        let from = |edge: Option<Triple>| match edge {
            Some(edge) => self.text(">=", edge),
            None => NOTHING.to_owned(),
        };
        let before = |edge: Triple| self.text("<", edge);
        let within = || {
            let end = comparator.end().map(before);
            [self.text(">=", start)].into_iter().chain(end).collect()
        };
        match comparator.op {
            Op::Caret if start.0 > 0 || start.1 > 0 => vec![self.text("^", start)],
            Op::Tilde if comparator.minor.is_some() => vec![self.text("~", start)],
            Op::Caret | Op::Tilde | Op::Exact | Op::Wildcard => within(),
            Op::GreaterEq => vec![from(Some(start))],
            Op::Greater => vec![from(comparator.end())],
            Op::LessEq => comparator.end().map(before).into_iter().collect(),
            Op::Less if start == (0, 0, 0) => vec![NOTHING.to_owned()],
            Op::Less => vec![before(start)],
            // Written as the segments of the group.
            Op::Not => Vec::new(),
        }
    }
}

impl Comparator {
    fn is_full(&self) -> bool {
        self.patch.is_some()
    }

    /// The lowest release that has the numbers given.
    fn start(&self) -> Option<Triple> {
        let (minor, patch) = (self.minor.unwrap_or(0), self.patch.unwrap_or(0));
        Some((self.major?, minor, patch))
    }

    /// The lowest release above all that have the numbers given.
    fn end(&self) -> Option<Triple> {
        let major = self.major?;
        let minor = self.minor.and_then(|minor| minor.checked_add(1));
        let next_major = || major.checked_add(1).map(|major| (major, 0, 0));
        minor.map_or_else(next_major, |minor| Some((major, minor, 0)))
    }

    fn full_text(&self, (major, minor, patch): Triple) -> String {
        let operator = match self.op {
            Op::Caret => "^",
            Op::Tilde => "~",
            // A full version without operator is exactly this version.
            Op::Exact | Op::Wildcard => "",
            Op::Not => "!=",
            Op::Greater => ">",
            Op::GreaterEq => ">=",
            Op::Less => "<",
            Op::LessEq => "<=",
        };
        match self.pre.is_empty() {
            true => format!("{operator}{major}.{minor}.{patch}"),
            false => format!("{operator}{major}.{minor}.{patch}-{}", self.pre),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::version::Version;

    fn canonical(text: &str) -> String {
        let constraint: Constraint = text.parse().unwrap();
        constraint.canonical().as_str().to_owned()
    }

    #[test]
    fn every_version_gets_three_numbers() {
        for (text, expected) in [
            ("^1.0", "^1.0.0"),
            ("1.2", "^1.2.0"),
            ("^1", "^1.0.0"),
            ("~1", ">=1.0.0 <2.0.0"),
            ("~0.3", "~0.3.0"),
            ("^0.0", ">=0.0.0 <0.1.0"),
            ("^0", ">=0.0.0 <1.0.0"),
            ("^0.3", "^0.3.0"),
            (">1", ">=2.0.0"),
            (">1.2", ">=1.3.0"),
            ("<=1.2", "<1.3.0"),
            ("<1.2", "<1.2.0"),
            ("=1.2", ">=1.2.0 <1.3.0"),
            ("1.2.x", ">=1.2.0 <1.3.0"),
            ("1.*", ">=1.0.0 <2.0.0"),
            ("*", ">=0.0.0"),
            ("!=1.2", "<1.2.0 || >=1.3.0"),
            ("!=1.2 ^1", "<1.2.0 ^1.0.0 || >=1.3.0 ^1.0.0"),
            ("!=1 !=3", "<1.0.0 || >=2.0.0 <3.0.0 || >=4.0.0"),
            ("!=1 !=2", "<1.0.0 || >=3.0.0"),
            ("!=0", ">=1.0.0"),
            (">=1.0, <2.0", ">=1.0.0 <2.0.0"),
            ("1.2.3", "1.2.3"),
            ("= 1.2.3+build", "1.2.3"),
            ("!=1.2.3", "!=1.2.3"),
            ("^1.0.0-rc.1 || ~2.1", "^1.0.0-rc.1 || ~2.1.0"),
            // Open edges, where the group accepts pre-releases of the edge.
            (">=1.3.0-alpha <=1.2", ">=1.3.0-alpha <1.3.0-0"),
            ("1.2 >=1.2.0-alpha", "^1.2.0-0 >=1.2.0-alpha"),
            ("<0 || ^1", "^1.0.0"),
            ("<0", "<0.0.0-0"),
            (">18446744073709551615", "<0.0.0-0"),
            ("<=18446744073709551615", ">=0.0.0"),
            ("~0.18446744073709551615", "~0.18446744073709551615.0"),
            (
                "=0.18446744073709551615",
                ">=0.18446744073709551615.0 <1.0.0",
            ),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
            assert_eq!(canonical(expected), expected, "again: {text}");
        }
    }

    #[test]
    fn what_would_be_too_long_stays() {
        let nots: Vec<String> = (1..40).map(|n| format!("!={}", 2 * n)).collect();
        let text = format!("{} >=0", nots.join(" "));
        assert_eq!(canonical(&text), text);
    }

    /// A number of a version; few, so that constraints and versions meet.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![8 => 0_u64..4, 1 => Just(u64::MAX - 1), 1 => Just(u64::MAX)]
    }

    fn pre() -> impl Strategy<Value = &'static str> {
        select(vec!["", "", "-0", "-alpha", "-rc.1"])
    }

    fn comparator() -> impl Strategy<Value = String> {
        let operators = vec!["", "^", "~", "=", "!=", ">", ">=", "<", "<="];
        let full = (number(), number(), number(), pre())
            .prop_map(|(a, b, c, pre)| format!("{a}.{b}.{c}{pre}"));
        let partial = prop_oneof![
            number().prop_map(|a| a.to_string()),
            (number(), number()).prop_map(|(a, b)| format!("{a}.{b}")),
            number().prop_map(|a| format!("{a}.x")),
            (number(), number()).prop_map(|(a, b)| format!("{a}.{b}.*")),
        ];
        let with_operator = (select(operators), prop_oneof![full, partial])
            .prop_map(|(operator, version)| format!("{operator}{version}"));
        prop_oneof![12 => with_operator, 1 => Just("*".to_owned())]
    }

    fn constraint() -> impl Strategy<Value = String> {
        let group = proptest::collection::vec(comparator(), 1..4);
        let group = group.prop_map(|comparators| comparators.join(" "));
        proptest::collection::vec(group, 1..4).prop_map(|groups| groups.join(" || "))
    }

    /// Every version near the numbers that the constraints have.
    fn versions() -> Vec<Version> {
        let numbers = [0, 1, 2, 3, 4, u64::MAX - 1, u64::MAX];
        let mut all = Vec::new();
        for major in numbers {
            for minor in numbers {
                for patch in numbers {
                    for pre in ["", "-0", "-1", "-alpha", "-rc.1", "-rc.1.0", "-zz"] {
                        let text = format!("{major}.{minor}.{patch}{pre}");
                        all.push(Version::parse(&text).unwrap());
                    }
                }
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn both_forms_accept_the_same_versions(text in constraint()) {
            let typed: Constraint = text.parse().unwrap();
            let canonical = typed.canonical();
            for version in versions() {
                prop_assert_eq!(
                    typed.matches(&version),
                    canonical.matches(&version),
                    "`{}` and `{}` differ on {}", text, canonical, version
                );
            }
            prop_assert!(typed.same_meaning(&canonical));
            let again = canonical.canonical();
            prop_assert_eq!(again.as_str(), canonical.as_str());
            let is_full = |comparator: &Comparator| comparator.is_full();
            prop_assert!(canonical.groups().iter().flatten().all(is_full), "{}", canonical);
        }
    }
}
