//! Packages, versions and lists in words.

use super::scene::Scene;
use crate::{constraint::Constraint, resolve::set::Set, version::Version};

/// Most runs of versions that are spelled out.
const MOST_RUNS: usize = 3;

/// Versions of a package, as the subject of a sentence, and whether that is a plural.
pub(super) fn versions(scene: Scene<'_>, package: u32, set: &Set) -> (String, bool) {
    let name = scene.name(package);
    let count = scene.count(package);
    let runs = scene.runs(package, set);
    match runs.as_slice() {
        [] => (format!("`{name}`"), false),
        [all] if all.len() as u32 == count && count > 1 => {
            (format!("every version of `{name}`"), false)
        }
        [run] => {
            let text = one_run(scene, package, run);
            // "1.x (1.0.0 to 1.4.2)" is one series, "1.0.0 to 1.4.2" is several versions.
            let plural = run.len() > 1 && !text.ends_with(')');
            (format!("`{name}` {text}"), plural)
        }
        _ => (format!("`{name}` {}", many_runs(&runs)), true),
    }
}

/// The versions in a set without the name of their package.
pub(super) fn version_numbers(scene: Scene<'_>, package: u32, set: &Set) -> String {
    many_runs(&scene.runs(package, set))
}

fn one_run(scene: Scene<'_>, package: u32, run: &[&Version]) -> String {
    let (Some(oldest), Some(newest)) = (run.first(), run.last()) else {
        return String::new();
    };
    if oldest == newest {
        return oldest.to_string();
    }
    let series = |version: &Version| match version.major {
        0 => (0, version.minor),
        major => (major, 0),
    };
    if series(oldest) != series(newest) {
        return format!("{oldest} to {newest}");
    }
    let all = scene.runs(package, &Set::full());
    let whole = all
        .iter()
        .flatten()
        .filter(|version| series(version) == series(oldest))
        .count();
    match (whole == run.len(), oldest.major) {
        (false, _) => format!("{oldest} to {newest}"),
        (true, 0) => format!("0.{}.x ({oldest} to {newest})", oldest.minor),
        (true, major) => format!("{major}.x ({oldest} to {newest})"),
    }
}

fn many_runs(runs: &[Vec<&Version>]) -> String {
    if runs.len() > MOST_RUNS
        && let (Some(oldest), Some(newest)) = (
            runs.first().and_then(|run| run.first()),
            runs.last().and_then(|run| run.last()),
        )
    {
        let count: usize = runs.iter().map(Vec::len).sum();
        return format!("{oldest} to {newest} ({count} versions, not all)");
    }
    let run = |run: &Vec<&Version>| match (run.first(), run.last()) {
        (Some(oldest), Some(newest)) if oldest != newest => format!("{oldest} to {newest}"),
        (Some(only), _) => only.to_string(),
        _ => String::new(),
    };
    list(&runs.iter().map(run).collect::<Vec<_>>(), "and")
}

/// A few version numbers, or their range when there are too many.
pub(super) fn few(versions: &[&Version]) -> String {
    const MOST: usize = 3;
    let mut sorted: Vec<&Version> = versions.to_vec();
    sorted.sort_unstable();
    match sorted.as_slice() {
        [oldest, .., newest] if sorted.len() > MOST => {
            format!("{oldest} to {newest} ({} versions)", sorted.len())
        }
        all => list(
            &all.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "and",
        ),
    }
}

/// The constraints as written; none for "any version".
pub(super) fn constraint_texts(constraints: &[&Constraint]) -> Option<String> {
    let texts: Vec<String> = constraints.iter().map(|c| c.as_str().to_owned()).collect();
    match constraints {
        [one] if one.is_any() => None,
        [] => None,
        _ => Some(list(&texts, "or")),
    }
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// "`a` and `b`".
pub(super) fn quoted<'s>(parts: impl IntoIterator<Item = &'s str>) -> String {
    let quoted: Vec<String> = parts.into_iter().map(|part| format!("`{part}`")).collect();
    list(&quoted, "and")
}
