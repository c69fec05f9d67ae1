//! Whether versions are a solution, decided without any of the resolver's code.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::Version;
use semver::VersionReq;

use super::world::{Dependency, Release, World};

/// Checks that the versions satisfy everything asked for, that all are needed, and that none is
/// yanked unless locked. Returns the active features of every package.
///
/// Slow and simple: it goes over everything again until nothing changes.
///
/// # Errors
/// Says what is wrong.
pub fn check(
    world: &World,
    root: &[Dependency],
    locked: &BTreeMap<String, Version>,
    solution: &BTreeMap<String, Version>,
) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Optional dependencies that are on: owner, dependency.
    let mut active: BTreeSet<(String, String)> = BTreeSet::new();
    loop {
        let before = (needed.clone(), active.clone());
        for dependency in root {
            need(world, solution, dependency, &mut needed)?;
        }
        for (name, features) in before.0.clone() {
            let version = &solution[&name];
            let release = &world.packages[&name][version];
            for dependency in release.dependencies.iter().filter(|d| !d.optional) {
                need(world, solution, dependency, &mut needed)?;
            }
            for feature in &features {
                expand(&name, release, feature, &mut needed, &mut active)?;
            }
            for dependency in release.dependencies.iter().filter(|d| d.optional) {
                if !active.contains(&(name.clone(), dependency.name.clone())) {
                    continue;
                }
                need(world, solution, dependency, &mut needed)?;
            }
        }
        for (name, features) in &needed {
            let release = &world.packages[name][&solution[name]];
            if let Some(missing) = features.iter().find(|f| !exists(release, f)) {
                return Err(format!(
                    "{name} {} has no feature `{missing}`",
                    solution[name]
                ));
            }
        }
        if (&before.0, &before.1) == (&needed, &active) {
            break;
        }
    }
    for (name, version) in solution {
        if !needed.contains_key(name) {
            return Err(format!("{name} {version} is not needed by anything"));
        }
        if world.packages[name][version].yanked && locked.get(name) != Some(version) {
            return Err(format!("{name} {version} is yanked"));
        }
    }
    Ok(needed)
}

fn need(
    world: &World,
    solution: &BTreeMap<String, Version>,
    dependency: &Dependency,
    needed: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<(), String> {
    let name = &dependency.name;
    let version = solution
        .get(name)
        .ok_or_else(|| format!("{name} is needed and missing"))?;
    let release = world.packages.get(name).and_then(|all| all.get(version));
    let release = release.ok_or_else(|| format!("{name} {version} does not exist"))?;
    let requirement = VersionReq::parse(&dependency.requirement).map_err(|e| e.to_string())?;
    if !requirement.matches(version) {
        return Err(format!("{name} {version} is not {requirement}"));
    }
    let features = needed.entry(name.clone()).or_default();
    features.extend(dependency.features.iter().cloned());
    if dependency.default_features && release.features.contains_key("default") {
        features.insert("default".into());
    }
    Ok(())
}

fn is_optional(release: &Release, name: &str) -> bool {
    let mut on = release.dependencies.iter().filter(|d| d.name == name);
    let mandatory = release
        .dependencies
        .iter()
        .any(|d| d.name == name && !d.optional);
    on.any(|d| d.optional) && !mandatory
}

fn exists(release: &Release, feature: &str) -> bool {
    let hidden = || {
        let dep = format!("dep:{feature}");
        release
            .features
            .values()
            .any(|values| values.contains(&dep))
    };
    release.features.contains_key(feature) || (is_optional(release, feature) && !hidden())
}

fn expand(
    owner: &str,
    release: &Release,
    feature: &str,
    needed: &mut BTreeMap<String, BTreeSet<String>>,
    active: &mut BTreeSet<(String, String)>,
) -> Result<(), String> {
    let Some(values) = release.features.get(feature) else {
        active.insert((owner.to_owned(), feature.to_owned()));
        return Ok(());
    };
    for value in values {
        if let Some(name) = value.strip_prefix("dep:") {
            if !release.dependencies.iter().any(|d| d.name == name) {
                return Err(format!("{owner} has no dependency `{name}`"));
            }
            active.insert((owner.to_owned(), name.to_owned()));
            continue;
        }
        let Some((name, wanted)) = value.rsplit_once('/') else {
            needed
                .entry(owner.to_owned())
                .or_default()
                .insert(value.clone());
            continue;
        };
        let (name, weak) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if !release.dependencies.iter().any(|d| d.name == name) {
            return Err(format!("{owner} has no dependency `{name}`"));
        }
        let key = (owner.to_owned(), name.to_owned());
        if is_optional(release, name) {
            if !weak {
                active.insert(key.clone());
                if exists(release, name) {
                    needed
                        .entry(owner.to_owned())
                        .or_default()
                        .insert(name.to_owned());
                }
            }
            if !active.contains(&key) {
                continue;
            }
        }
        // The package itself becomes needed through the dependency, in this round or the next.
        if let Some(features) = needed.get_mut(name) {
            features.insert(wanted.to_owned());
        }
    }
    Ok(())
}
