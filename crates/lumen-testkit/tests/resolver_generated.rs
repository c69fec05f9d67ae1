//! The resolver on generated worlds, against trying everything.

use std::{collections::BTreeMap, rc::Rc};

use lumen_core::{
    Version,
    explain::explain,
    resolve::{Outcome, resolve, resolve_shuffled},
};
use lumen_testkit::suite::{Case, Dependency, Expect, Release, Solution, Verdict, World, validity};
use proptest::{collection::vec, prelude::*, sample::select};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0-rc.1", "1.1.0", "2.0.0"];
const REQUIREMENTS: [&str; 8] = [
    "*",
    "^1",
    "=1.0.0",
    ">=1.1.0-a",
    "<1.1.0",
    "^2",
    "=2.0.0-x",
    ">1.0.0",
];
const VALUES: [&str; 12] = [
    "dep:a", "dep:b", "a", "b", "a/f", "b/g", "a?/f", "b?/f", "c?/g", "c/f", "f", "g",
];

fn dependency(features: bool) -> impl Strategy<Value = Dependency> {
    let most = if features { 1 } else { 0 };
    let asked = vec(select(&["f", "g", "a", "b"][..]), 0..=most);
    let what = (select(&NAMES[..]), select(&REQUIREMENTS[..]), asked);
    (what, any::<bool>(), any::<bool>()).prop_map(move |(what, optional, default_features)| {
        let (name, requirement, asked) = what;
        Dependency {
            name: name.to_owned(),
            requirement: requirement.to_owned(),
            optional: features && optional,
            features: asked.into_iter().map(str::to_owned).collect(),
            default_features,
        }
    })
}

/// Dependencies of different names.
fn dependencies(features: bool) -> impl Strategy<Value = Vec<Dependency>> {
    vec(dependency(features), 0..4).prop_map(|mut all| {
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        all
    })
}

fn release(features: bool) -> impl Strategy<Value = Release> {
    let values = vec(select(&VALUES[..]), 0..3);
    let most = if features { 3 } else { 0 };
    let table = vec((select(&["default", "f", "g", "a"][..]), values), 0..=most);
    let yanked = prop_oneof![6 => Just(false), 1 => Just(true)];
    (dependencies(features), table, yanked).prop_map(|(dependencies, table, yanked)| {
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let rows = table
            .into_iter()
            .map(|(name, values)| (name.to_owned(), owned(values)));
        Release {
            dependencies,
            features: rows.collect(),
            yanked,
        }
    })
}

fn case(features: bool) -> impl Strategy<Value = Case> {
    let package = vec(
        proptest::option::weighted(0.8, release(features)),
        VERSIONS.len(),
    );
    let packages = vec(package, NAMES.len());
    let lock = vec(
        proptest::option::weighted(0.3, select(&VERSIONS[..])),
        NAMES.len(),
    );
    let root = dependencies(features).prop_map(|mut root| {
        root.iter_mut()
            .for_each(|dependency| dependency.optional = false);
        root
    });
    (packages, lock, root, any::<bool>()).prop_map(|(packages, lock, root, lowest)| {
        let mut world = World::default();
        for (name, releases) in NAMES.iter().zip(packages) {
            let releases = VERSIONS
                .iter()
                .zip(releases)
                .filter_map(|(text, release)| Some((Version::parse(text).ok()?, release?)));
            let releases: BTreeMap<Version, Release> = releases.collect();
            if !releases.is_empty() {
                world.packages.insert((*name).to_owned(), releases);
            }
        }
        let locked = NAMES.iter().zip(lock).filter_map(|(name, version)| {
            Some(((*name).to_owned(), Version::parse(version?).ok()?))
        });
        Case {
            world: Rc::new(world),
            root,
            locked: locked.collect(),
            lowest,
            expect: Expect {
                verdict: Verdict::Valid,
                features: BTreeMap::new(),
            },
        }
    })
}

/// Every solution there is.
fn solutions(case: &Case) -> Vec<Solution> {
    let mut all = vec![Solution::new()];
    for (name, releases) in &case.world.packages {
        let mut longer = all.clone();
        for version in releases.keys() {
            longer.extend(all.iter().map(|solution| {
                let mut solution = solution.clone();
                solution.insert(name.clone(), version.clone());
                solution
            }));
        }
        all = longer;
    }
    let valid = |solution: &Solution| {
        validity::check(&case.world, &case.root, &case.locked, solution).is_ok()
    };
    all.into_iter().filter(valid).collect()
}

/// The place of a version in the order in which it is wanted.
fn rank(case: &Case, name: &str, version: &Version) -> usize {
    if case.locked.get(name) == Some(version) {
        return 0;
    }
    let mut versions: Vec<&Version> = case.world.packages[name].keys().collect();
    if !case.lowest {
        versions.reverse();
    }
    1 + versions
        .iter()
        .position(|other| *other == version)
        .unwrap_or(usize::MAX - 1)
}

/// Whether one solution is as good as the other wherever both have a package, and better somewhere.
fn is_better(case: &Case, one: &Solution, other: &Solution) -> bool {
    let shared = one.iter().filter_map(|(name, version)| {
        let other = other.get(name)?;
        Some(rank(case, name, version).cmp(&rank(case, name, other)))
    });
    let shared: Vec<_> = shared.collect();
    shared.iter().all(|order| order.is_le()) && shared.iter().any(|order| order.is_lt())
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let valid = solutions(case);
    let fail = |why: String| TestCaseError::fail(why);
    let (names, catalog, request) = case.problem().map_err(fail)?;
    let answers = std::iter::once(resolve(&catalog, &request))
        .chain((0..4).map(|seed| resolve_shuffled(&catalog, &request, seed)));
    for answer in answers {
        match answer {
            Ok(Outcome::Solved(resolution)) => {
                let solution = resolution.packages.iter();
                let solution = solution
                    .map(|(name, resolved)| (names.original(name), resolved.version.clone()));
                let solution: Solution = solution.collect();
                prop_assert!(valid.contains(&solution), "{:?} is not valid", solution);
                let better = valid.iter().find(|other| is_better(case, other, &solution));
                prop_assert_eq!(better, None, "is better than {:?}", solution);
                let needed = validity::check(&case.world, &case.root, &case.locked, &solution)
                    .map_err(fail)?;
                for (name, resolved) in &resolution.packages {
                    let expected = &needed[&names.original(name)];
                    prop_assert_eq!(&resolved.features, expected, "features of {}", name);
                }
            }
            Ok(Outcome::NeedsMore(needs)) => prop_assert!(false, "needs {:?}", needs),
            Ok(Outcome::GaveUp(exceeded)) => prop_assert!(false, "{}", exceeded),
            Err(conflict) => {
                prop_assert_eq!(valid.first(), None);
                let story = explain(&catalog, &request, &conflict);
                prop_assert!(!story.title.is_empty() && !story.causes.is_empty());
                prop_assert!(story.causes.len() <= 12 && story.hints.len() <= 1);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_worlds(case in case(false)) {
        check(&case)?;
    }

    #[test]
    fn worlds_with_features(case in case(true)) {
        check(&case)?;
    }
}
