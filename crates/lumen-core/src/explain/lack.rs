//! Why nothing of a package satisfies a requirement.

use super::{scene::Scene, words};
use crate::{
    constraint::Constraint,
    name::PackageName,
    policy::Age,
    resolve::{Availability, CatalogPackage, CatalogVersion, Exclusion, exclusion},
    version::Version,
};

/// What is lacking.
pub(super) enum Lack<'a> {
    /// Its source does not have the package.
    Absent(&'a CatalogPackage),
    /// The network is off.
    Offline,
    /// The package has no version at all.
    Empty(&'a CatalogPackage),
    /// It is a folder or repository with another version.
    Local(&'a CatalogPackage, &'a Version),
    /// Only pre-releases match.
    PreRelease(Vec<&'a Version>),
    /// All that match are ruled out; the reasons are of one sort.
    Excluded(Vec<Excluded<'a>>),
    /// The package has other versions only, or only such as are ruled out for several reasons.
    NoMatch(Vec<&'a Version>),
}

/// Says why no version satisfies any of the constraints.
pub(super) fn lack<'a>(
    scene: Scene<'a>,
    name: &PackageName,
    constraints: &[&Constraint],
) -> Option<Lack<'a>> {
    let package = scene.entry(name)?;
    match package.availability {
        Availability::Absent => return Some(Lack::Absent(package)),
        Availability::Offline => return Some(Lack::Offline),
        Availability::Present => {}
    }
    if let (true, Some(version)) = (package.local, package.versions.first()) {
        return Some(Lack::Local(package, &version.version));
    }
    let all: Vec<&Version> = package
        .versions
        .iter()
        .map(|version| &version.version)
        .collect();
    if all.is_empty() {
        return Some(Lack::Empty(package));
    }
    let excluded = excluded(scene, name, package, |version| {
        constraints
            .iter()
            .any(|constraint| constraint.matches(version))
    });
    if !excluded.is_empty() {
        return Some(Lack::Excluded(excluded));
    }
    let pre_releases = all.iter().copied().filter(|version| {
        let loosely = |c: &&Constraint| c.matches_ignoring_pre_release_rule(version);
        !version.pre.is_empty() && constraints.iter().any(loosely)
    });
    let pre_releases: Vec<&Version> = pre_releases.collect();
    match pre_releases.is_empty() {
        true => Some(Lack::NoMatch(all)),
        false => Some(Lack::PreRelease(pre_releases)),
    }
}

/// The versions that suit, but are ruled out; only those ruled out for the most frequent sort of reason.
pub(super) fn excluded<'a>(
    scene: Scene<'a>,
    name: &PackageName,
    package: &'a CatalogPackage,
    suits: impl Fn(&Version) -> bool,
) -> Vec<Excluded<'a>> {
    let suiting = package
        .versions
        .iter()
        .filter(|version| suits(&version.version));
    let mut found: Vec<Excluded<'a>> = suiting
        .filter_map(|version| Some((version, exclusion(scene.request, name, package, version)?)))
        .collect();
    let sort = |reason: &Exclusion<'a>| std::mem::discriminant(reason);
    let frequency = |reason: &Exclusion<'a>| {
        found
            .iter()
            .filter(|(_, other)| sort(other) == sort(reason))
            .count()
    };
    let most = found.iter().max_by_key(|(_, reason)| frequency(reason));
    let most = most.map(|(_, reason)| sort(reason));
    found.retain(|(_, reason)| Some(sort(reason)) == most);
    found.sort_by(|(a, _), (b, _)| a.version.cmp(&b.version));
    found
}

impl Lack<'_> {
    /// Continues "… needs `name` ^1".
    pub fn clause(&self, scene: Scene<'_>, name: &PackageName) -> String {
        match self {
            Self::Absent(package) => format!(", which is not in {}", package.source),
            Self::Offline => ", which is not in the cache, and the network is off".into(),
            Self::Empty(package) => format!(", of which {} has no version", package.source),
            Self::Local(package, version) => {
                let patch = match scene.request.patched.contains(name) {
                    true => " is patched with",
                    false => " comes from",
                };
                format!(
                    ", but `{name}`{patch} {}, which is version {version}",
                    package.source
                )
            }
            Self::PreRelease(versions) => {
                format!(
                    ", but only pre-releases match it ({})",
                    words::few(versions)
                )
            }
            Self::Excluded(excluded) => {
                format!(", but {} {}", which(excluded), predicate(excluded))
            }
            Self::NoMatch(all) => match all.as_slice() {
                [only] => format!(", but there is only {only}"),
                all => format!(", but there are only {}", words::few(all)),
            },
        }
    }

    /// The whole conflict in one line, when there is nothing more to it.
    pub fn title(&self, name: &PackageName, constraints: &[&Constraint]) -> String {
        let matches = match words::constraint_texts(constraints) {
            Some(texts) => format!(" that matches {texts}"),
            None => String::new(),
        };
        match self {
            Self::Absent(package) => format!("`{name}` is not in {}", package.source),
            Self::Offline => format!("`{name}` is not in the cache, and the network is off"),
            Self::Empty(package) => format!("{} has no version of `{name}`", package.source),
            Self::Local(package, version) => {
                let not = words::constraint_texts(constraints).unwrap_or_else(|| "*".into());
                let source = &package.source;
                format!("`{name}` from {source} is version {version}, not {not}")
            }
            Self::PreRelease(_) => format!("only pre-releases of `{name}` match"),
            Self::Excluded(excluded) => match excluded.first() {
                Some((_, Exclusion::Blocked(_))) => {
                    format!("every version of `{name}`{matches} is blocked")
                }
                Some((_, Exclusion::Yanked(_))) => {
                    format!("every version of `{name}`{matches} is yanked")
                }
                Some((
                    _,
                    Exclusion::TooNew
                    | Exclusion::AgeUnknown
                    | Exclusion::TooYoung { .. }
                    | Exclusion::Ageless,
                )) => {
                    format!("no version of `{name}`{matches} is old enough")
                }
                _ => format!("no version of `{name}`{matches} can be read"),
            },
            Self::NoMatch(_) => match matches.is_empty() {
                true => format!("no version of `{name}` can be used"),
                false => format!("there is no version of `{name}`{matches}"),
            },
        }
    }
}

type Excluded<'a> = (&'a CatalogVersion, Exclusion<'a>);

/// "1.0.0 and 1.1.0".
pub(super) fn which(excluded: &[Excluded<'_>]) -> String {
    let versions: Vec<&Version> = excluded
        .iter()
        .map(|(version, _)| &version.version)
        .collect();
    words::few(&versions)
}

/// What is wrong with versions that are ruled out: "are yanked". For a lock, a sentence.
pub(super) fn predicate(excluded: &[Excluded<'_>]) -> String {
    let Some((last, reason)) = excluded.last() else {
        return String::new();
    };
    let several = excluded.len() > 1;
    let be = if several { "are" } else { "is" };
    match reason {
        Exclusion::Blocked("") => format!("{be} blocked by the registry's moderators"),
        Exclusion::Blocked(reason) => {
            format!("{be} blocked by the registry's moderators: {reason}")
        }
        Exclusion::Yanked("") => format!("{be} yanked"),
        Exclusion::Yanked(reason) if several => {
            format!("are yanked ({}: {reason})", last.version)
        }
        Exclusion::Yanked(reason) => format!("is yanked: {reason}"),
        Exclusion::TooNew => {
            let published = if several {
                "were published"
            } else {
                "was published"
            };
            let day = published_from(excluded)
                .and_then(day)
                .map(|day| match several {
                    true => format!(" from {day} on,"),
                    false => format!(" on {day},"),
                });
            format!(
                "{published}{} after the `--exclude-newer` date",
                day.unwrap_or_default()
            )
        }
        Exclusion::AgeUnknown => {
            format!("{be} of unknown age, which `--exclude-newer` rules out")
        }
        Exclusion::TooYoung { least, .. } => {
            let least = Age(*least);
            let day = eligible_from(excluded).and_then(|(_, eligible)| day(eligible));
            let from = day.map(|day| match several {
                true => format!("; the first may be chosen on {day}"),
                false => format!(" and may be chosen on {day}"),
            });
            format!(
                "{be} younger than the {least} of `minimum-release-age`{}",
                from.unwrap_or_default()
            )
        }
        Exclusion::Ageless => {
            format!("{be} of unknown or unproven age, which `minimum-release-age` rules out")
        }
        Exclusion::Unavailable(reason) => format!("cannot be used: {reason}"),
    }
}

/// The version among these that is the first to be old enough, and when it is.
pub(super) fn eligible_from<'a>(excluded: &[Excluded<'a>]) -> Option<(&'a Version, i64)> {
    let eligible = excluded
        .iter()
        .filter_map(|(version, reason)| match reason {
            Exclusion::TooYoung { eligible, .. } => Some((&version.version, *eligible)),
            _ => None,
        });
    eligible.min_by_key(|(_, eligible)| *eligible)
}

/// When the first of these versions was published.
pub(super) fn published_from(excluded: &[Excluded<'_>]) -> Option<i64> {
    excluded
        .iter()
        .filter_map(|(version, _)| version.published_at)
        .min()
}

/// The day, in UTC, of a time in seconds since 1970.
pub(super) fn day(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}
