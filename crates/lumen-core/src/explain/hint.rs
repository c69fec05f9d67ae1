//! One concrete change to make.

use super::{
    lack::{self, Lack},
    scene::Scene,
    statement::{Ask, Asker, Statement},
    tell,
};
use crate::limits::{HINT_STEPS, HINT_TRIES};
use crate::{
    constraint::Constraint,
    name::PackageName,
    problem,
    remedy::{Eligible, Remedy},
    resolve::{Exclusion, Origin, Request, Resolution, resolve_quickly},
    version::Version,
};

/// The change most likely to help, if one is known.
pub(super) fn hint(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    certain(scene, statements)
        .or_else(|| with_later_date(scene, statements))
        .or_else(|| with_patience(scene, statements))
        .or_else(|| with_another_requirement(scene, statements))
        .or_else(|| for_authors(scene, statements))
        .or_else(|| for_feature(scene, statements))
        .or_else(|| for_contested(scene, statements))
}

/// Hints that need no trial: nothing else helps as long as a package is missing.
fn certain(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    for (asker, package, constraints) in dead_ends(statements) {
        let name = scene.name(package);
        let Some(lack) = lack::lack(scene, name, constraints) else {
            continue;
        };
        match lack {
            Lack::Absent(package) => {
                if let Asker::Member(_) = asker {
                    return Some(for_absent(scene, name, &package.elsewhere));
                }
            }
            Lack::Offline => return Some(Remedy::Online),
            Lack::Local(package, version) => {
                return Some(match asker {
                    Asker::Member(member) => {
                        format!("{}, ask for `{name}` ^{version}", place(scene, member)).into()
                    }
                    Asker::Package(asker, _) => format!(
                        "give `{name}` in {} a version that `{}` accepts",
                        package.source,
                        scene.name(asker)
                    )
                    .into(),
                });
            }
            Lack::PreRelease(versions) => {
                let newest = versions.iter().max()?;
                if let Asker::Member(member) = asker {
                    return Some(match tell::origin(scene, member) {
                        Origin::CommandLine => {
                            format!("to accept pre-releases, ask for \"{name}@>={newest}\"").into()
                        }
                        _ => format!(
                            "to accept pre-releases, write `{name} = \">={newest}\"` {}",
                            place(scene, member)
                        )
                        .into(),
                    });
                }
            }
            Lack::Excluded(excluded) if scene.request.offline => {
                if let Some((_, Exclusion::Unavailable(_))) = excluded.first() {
                    return Some(Remedy::Online);
                }
            }
            _ => {}
        }
    }
    None
}

type DeadEnd<'s> = (Asker<'s>, u32, &'s [&'s Constraint]);

/// The asks that no version satisfies.
fn dead_ends<'s>(statements: &'s [Statement<'_>]) -> impl Iterator<Item = DeadEnd<'s>> {
    statements.iter().flat_map(|statement| {
        let dead = statement.asks.iter().filter(|ask| ask.accepted.is_empty());
        dead.map(|ask| (statement.asker, ask.package, ask.constraints.as_slice()))
    })
}

fn for_absent(scene: Scene<'_>, name: &PackageName, elsewhere: &[String]) -> Remedy {
    if let Some(registry) = elsewhere.first() {
        return format!(
            "registry `{registry}` has `{name}`: add `registry = \"{registry}\"` to the dependency"
        )
        .into();
    }
    let known = scene.catalog.known_names.iter().chain(
        scene
            .catalog
            .packages
            .iter()
            .filter_map(|(name, package)| (!package.versions.is_empty()).then_some(name)),
    );
    match problem::nearest(name.as_str(), known.map(PackageName::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?").into(),
        None => Remedy::Search(name.clone()),
    }
}

/// A requirement of a manifest with which, if changed, everything fits.
fn with_another_requirement(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    let mut own: Vec<(u32, u32)> = Vec::new();
    for statement in statements {
        if let Asker::Member(member) = statement.asker {
            own.extend(statement.asks.iter().map(|ask| (member, ask.package)));
        }
    }
    // What the command line says is no line of a file.
    own.retain(|(member, _)| *tell::origin(scene, *member) != Origin::CommandLine);
    // What a command wants to write is easier to change than what stands there.
    own.sort_by_key(|(member, package)| !is_proposed(scene, *member, scene.name(*package)));
    let mut found: Option<(bool, String)> = None;
    for (member, package) in own.into_iter().take(HINT_TRIES) {
        let name = scene.name(package);
        let Some((before, after)) = relaxed(scene, member, name) else {
            continue;
        };
        if is_proposed(scene, member, name) {
            return Some(Remedy::Propose(name.clone(), Box::new(after)));
        }
        let upgrade = !newer_than(scene, name, &before, &after);
        let place = place(scene, member);
        let text =
            format!("{place}, change `{name}` from {before} to ^{after}; then everything fits");
        if upgrade {
            return Some(text.into());
        }
        found.get_or_insert((upgrade, text));
    }
    found.map(|(_, text)| text.into())
}

fn is_proposed(scene: Scene<'_>, member: u32, name: &PackageName) -> bool {
    let root = scene.request.roots.get(member as usize);
    root.is_some_and(|root| root.proposed.contains(name))
}

/// The constraint of a manifest on a package, and the version that would be chosen without it.
fn relaxed(scene: Scene<'_>, member: u32, name: &PackageName) -> Option<(Constraint, Version)> {
    let mut request = scene.request.clone();
    let root = request.roots.get_mut(member as usize)?;
    let mut before = None;
    for requirement in root.requirements.iter_mut().filter(|r| r.name == *name) {
        before = Some(std::mem::replace(
            &mut requirement.constraint,
            Constraint::any(),
        ));
    }
    let before = before.filter(|before| !before.is_any())?;
    let solution: Resolution = resolve_quickly(scene.catalog, &request, HINT_STEPS)?;
    let mut after = solution.packages.get(name)?.version.clone();
    after.build = semver::BuildMetadata::EMPTY;
    Some((before, after))
}

/// Whether the constraint accepts a version newer than this one.
fn newer_than(
    scene: Scene<'_>,
    name: &PackageName,
    constraint: &Constraint,
    than: &Version,
) -> bool {
    let versions = scene
        .entry(name)
        .into_iter()
        .flat_map(|package| &package.versions);
    let mut versions = versions.map(|version| &version.version);
    versions.any(|version| version > than && constraint.matches(version))
}

/// When `--exclude-newer` rules out all matching versions: the day that the user must allow.
fn with_later_date(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    scene.request.exclude_newer?;
    let works = |date: Option<i64>| {
        let request = Request {
            exclude_newer: date,
            ..scene.request.clone()
        };
        resolve_quickly(scene.catalog, &request, HINT_STEPS).is_some()
    };
    let dates = dead_ends(statements).filter_map(|(_, package, constraints)| {
        match lack::lack(scene, scene.name(package), constraints)? {
            Lack::Excluded(excluded) => lack::published_from(&excluded),
            _ => None,
        }
    });
    if let Some(date) = dates.max()
        && works(Some(date))
        && let Some(day) = lack::day(date)
    {
        return Some(Remedy::After(day));
    }
    works(None).then_some(Remedy::AnyAge)
}

/// When `minimum-release-age` rules out all matching versions: the first that will be old enough.
fn with_patience(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    let (name, version, eligible) =
        dead_ends(statements).find_map(|(_, package, constraints)| {
            let name = scene.name(package);
            match lack::lack(scene, name, constraints)? {
                Lack::Excluded(excluded) => {
                    let (version, eligible) = lack::eligible_from(&excluded)?;
                    Some((name, version.clone(), eligible))
                }
                _ => None,
            }
        })?;
    let request = Request {
        minimum_ages: Vec::new(),
        ..scene.request.clone()
    };
    resolve_quickly(scene.catalog, &request, HINT_STEPS)?;
    Some(Remedy::Wait(Box::new(Eligible {
        day: lack::day(eligible)?,
        name: name.clone(),
        version,
    })))
}

/// A package of another author asks for something that does not exist.
fn for_authors(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    dead_ends(statements).find_map(|(asker, package, constraints)| {
        let Asker::Package(asker, _) = asker else {
            return None;
        };
        let (asker, name) = (scene.name(asker), scene.name(package));
        match lack::lack(scene, name, constraints)? {
            Lack::Absent(package) => Some(match package.elsewhere.first() {
                Some(registry) => format!(
                    "registry `{registry}` has `{name}`: name it among your dependencies, with `registry = \"{registry}\"`"
                ).into(),
                None => format!("tell the authors of `{asker}` that `{name}` is missing").into(),
            }),
            Lack::PreRelease(versions) => {
                let newest = versions.iter().max()?;
                Some(format!(
                    "only the authors of `{asker}` can accept pre-releases: with `{name} = \">={newest}\"`"
                ).into())
            }
            _ => None,
        }
    })
}

fn for_feature(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    let unusable = statements.iter().filter(|statement| statement.unusable);
    let mut features = unusable.filter_map(|statement| match statement.asker {
        Asker::Package(package, Some(feature)) => Some((package, feature)),
        _ => None,
    });
    let (package, feature) = features.next()?;
    let name = scene.name(package);
    let asks = |statement: &&Statement<'_>| {
        let direct = |ask: &Ask<'_>| ask.package == package && ask.features.contains(&feature);
        statement.asks.iter().any(direct) || statement.weak.contains(&(package, feature))
    };
    if let Some(Asker::Package(asker, _)) = statements.iter().find(asks).map(|s| s.asker) {
        let asker = scene.name(asker);
        return Some(
            format!("tell the authors of `{asker}` that `{name}` has no `{feature}`").into(),
        );
    }
    let versions = &scene.entry(name)?.versions;
    let contents = versions
        .iter()
        .filter_map(|version| version.contents.get().ok().flatten());
    let mut known: Vec<&str> = contents
        .flat_map(|contents| contents.features.keys().map(String::as_str))
        .collect();
    known.sort_unstable();
    known.dedup();
    Some(match problem::nearest(feature, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?").into(),
        None if known.is_empty() => format!("`{name}` has no features: ask for none").into(),
        None => Remedy::Features(name.clone()),
    })
}

/// No change of a single requirement helps.
fn for_contested(scene: Scene<'_>, statements: &[Statement<'_>]) -> Option<Remedy> {
    let dead = dead_ends(statements).map(|(_, package, _)| package).next();
    if let Some(package) = dead {
        let name = scene.name(package);
        return Some(Remedy::Versions(name.clone()));
    }
    let contested = tell::contested(statements);
    let package = *contested.first()?;
    let name = scene.name(package);
    if contested.len() > 1 {
        let members = statements
            .iter()
            .filter(|s| matches!(s.asker, Asker::Member(_)));
        let name = scene.name(members.flat_map(|s| &s.asks).next()?.package);
        return Some(Remedy::Versions(name.clone()));
    }
    let mut askers: Vec<&str> = Vec::new();
    for statement in statements {
        if let Asker::Package(asker, _) = statement.asker
            && statement.asks.iter().any(|ask| ask.package == package)
        {
            askers.push(scene.name(asker).as_str());
        }
    }
    askers.sort_unstable();
    askers.dedup();
    match askers.as_slice() {
        [first, second] => Some(format!(
            "no single change in lumen.toml helps; `{first}` or `{second}` must accept another `{name}`"
        ).into()),
        _ => Some(Remedy::Versions(name.clone())),
    }
}

/// Where a requirement stands.
fn place(scene: Scene<'_>, member: u32) -> String {
    match tell::origin(scene, member) {
        Origin::Project => "in lumen.toml".into(),
        Origin::Member(name) => format!("in the lumen.toml of `{name}`"),
        Origin::CommandLine => "on the command line".into(),
    }
}
