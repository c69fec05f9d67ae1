//! Whatever an attacker writes, hides or dates: no release is older than its evidence allows.

use proptest::prelude::*;

use super::{Asked, Basis, Bounds, Sighting, Timeline};

const NOW: i64 = 1000;

fn at(size: u64, at: i64) -> Sighting {
    Sighting { size, at }
}

fn bounds(
    entries: &[(u64, i64)],
    witnessed: &[Sighting],
    seen: &[Sighting],
    (index, own): (u64, i64),
    asked: Asked,
) -> Bounds {
    let mut timeline = Timeline::new(NOW, witnessed, seen);
    timeline.add_entries(entries.iter().copied());
    timeline.bounds(index, own, asked)
}

#[test]
fn evidence_decides_and_not_the_word_of_the_publisher() {
    use Asked::{Never, Now, Until};
    let early = &[(0, 100), (3, 500)][..];
    let check = |what: &str, found: Bounds, expected: (Option<i64>, Option<i64>, i64)| {
        let lower = found.not_before.map(|(lower, _)| lower);
        let found = (lower, found.not_after, found.since);
        assert_eq!(found, expected, "{what}");
    };
    let none: &[Sighting] = &[];
    let own = |entries, seen, own| bounds(entries, none, seen, (4, own), Never);
    check("alone", own(&[], none, 40), (None, None, 40));
    check("back-dated", own(early, none, 40), (Some(500), None, 500));
    check("honest", own(early, none, 600), (Some(500), None, 600));
    check(
        "of the future",
        own(early, none, 2000),
        (Some(500), None, 2000),
    );
    let odd = &[(0, 100), (2, 9999), (3, 500)][..];
    check(
        "after one of the future",
        own(odd, none, 40),
        (Some(500), None, 500),
    );
    let without = &[at(4, 800), at(5, 900)][..];
    check(
        "seen without it",
        own(early, without, 40),
        (Some(800), None, 800),
    );
    // Entry 3 was in the log at 450, so it was not made at 500.
    let with = &[at(4, 450)][..];
    check(
        "a liar before it",
        own(early, with, 40),
        (Some(450), None, 450),
    );

    let witnessed = &[at(4, 700), at(5, 800), at(9, 950)][..];
    let proven = |own, asked| bounds(early, witnessed, none, (4, own), asked);
    let expected = (Some(700), Some(800), 800);
    check("back-dated, witnessed", proven(40, Now), expected);
    check("of the future, witnessed", proven(2000, Now), expected);
    check("witnesses left", proven(40, Until(900)), expected);
    let hidden = |asked| bounds(early, &[at(4, 700)], none, (4, 40), asked);
    check("hidden evidence", hidden(Now), (Some(700), None, NOW));
    check(
        "hidden, witnesses left",
        hidden(Until(900)),
        (Some(700), None, 900),
    );
    let late = bounds(early, &[at(9, 950)], none, (4, 40), Now);
    check("thinned evidence", late, (Some(500), Some(950), 950));
    let contradiction = bounds(early, &[at(5, 300)], none, (4, 40), Now);
    check(
        "older than those before",
        contradiction,
        (Some(100), Some(300), 300),
    );
    let basis = |found: Bounds| found.not_before.unwrap().1;
    assert_eq!(basis(late), Basis::Entries);
    assert_eq!(basis(own(early, without, 40)), Basis::Machine);
    assert_eq!(basis(proven(40, Now)), Basis::Witnesses);
    assert_eq!(late.age(NOW), 50);
    assert_eq!(own(early, none, 2000).age(NOW), 0);
}

/// Places and times of entries, some of the future.
fn entries() -> impl Strategy<Value = Vec<(u64, i64)>> {
    let times = prop::collection::vec(0..NOW * 3 / 2, 1..12);
    times.prop_map(|times| (0..).zip(times).collect())
}

fn states() -> impl Strategy<Value = Vec<Sighting>> {
    prop::collection::vec(
        (0..14_u64, 0..=NOW).prop_map(|(size, time)| at(size, time)),
        0..6,
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![Just(Asked::Now), Just(Asked::Until(NOW))]
}

proptest! {
    /// A host deletes witnessed checkpoints.
    #[test]
    fn deleted_evidence_never_makes_an_entry_older(
        log in entries(), witnessed in states(), seen in states(), keep in any::<u8>(), asked in asked(),
    ) {
        let kept: Vec<Sighting> =
            witnessed.iter().enumerate().filter(|(i, _)| keep & (1 << i) != 0).map(|(_, s)| *s).collect();
        for entry in &log {
            let all = bounds(&log, &witnessed, &seen, *entry, asked);
            let less = bounds(&log, &kept, &seen, *entry, asked);
            prop_assert!(less.since >= all.since, "{entry:?}: {all:?} {less:?}");
        }
    }

    /// One publisher dates an entry in the future, or later than it is known to be there.
    #[test]
    fn an_entry_of_the_future_changes_no_other(
        log in entries(), witnessed in states(), seen in states(), which in any::<prop::sample::Index>(),
        ahead in 1..5 * NOW, asked in prop_oneof![Just(Asked::Never), asked()],
    ) {
        let liar = which.index(log.len());
        let without: Vec<(u64, i64)> = log.iter().filter(|(i, _)| *i != liar as u64).copied().collect();
        let known = super::first(&super::earliest(&witnessed), liar as u64).unwrap_or(NOW);
        let mut lied = log.clone();
        lied[liar].1 = known + ahead;
        for entry in &without {
            let before = bounds(&without, &witnessed, &seen, *entry, asked);
            prop_assert_eq!(before, bounds(&lied, &witnessed, &seen, *entry, asked));
        }
    }

    /// What the publisher writes into an entry never makes it older than its evidence.
    #[test]
    fn a_time_of_its_own_never_counts_against_evidence(
        log in entries(), witnessed in states(), seen in states(), own in 0..3 * NOW,
        asked in prop_oneof![Just(Asked::Never), asked()],
    ) {
        for (index, honest) in &log {
            let found = bounds(&log, &witnessed, &seen, (*index, own), asked);
            let other = bounds(&log, &witnessed, &seen, (*index, *honest), asked);
            prop_assert_eq!(found.not_before, other.not_before);
            prop_assert_eq!(found.not_after, other.not_after);
            match found.not_after {
                Some(upper) => {
                    prop_assert_eq!(found.since, upper);
                    prop_assert!(found.not_before.is_none_or(|(lower, _)| lower <= upper));
                    let contains = |state: &&Sighting| state.size > *index;
                    let first = witnessed.iter().filter(contains).map(|state| state.at).min();
                    prop_assert_eq!(first, Some(upper));
                }
                None => {
                    prop_assert!(found.since >= own);
                    prop_assert!(found.not_before.is_none_or(|(lower, _)| found.since >= lower));
                }
            }
            for state in witnessed.iter().chain(&seen).filter(|state| state.size <= *index) {
                prop_assert!(found.since >= state.at.min(found.not_after.unwrap_or(i64::MAX)));
            }
        }
    }
}
