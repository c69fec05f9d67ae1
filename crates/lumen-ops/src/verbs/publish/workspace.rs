//! `lumen pkg publish --workspace`: all packages of a workspace, in the order in which
//! they need each other.
//!
//! Everything that can be known is checked before the first write: the manifests, the
//! archives, the key, who owns the names, and what is there already. Who publishes again
//! after an interruption goes through the same steps, which leave alone what is there.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    PackageName, Version,
    manifest::{DependencySource, Package},
    problem::Problem,
    trust::Subject,
};
use lumen_registry::{
    Location, Storage,
    publish::{self, PublishError},
};
use lumen_store::project::{LocalPackage, Project};

use super::{
    Allowed, Outcome, Prepared,
    approval::ask_for,
    look::{Seen, look},
    needs, packed,
    target::Target,
};
use crate::{
    error::{Again, ChangeError, OpsError, PackageError},
    pack,
    pack::Checked,
    session::Session,
};

/// Packages that the first line of a commit names; more are counted, and named below it.
const MAX_NAMED: usize = 3;

/// The packages of a workspace that are to be published, everything checked.
pub struct Plan<'s> {
    /// Each after those it needs.
    pub members: Vec<Member>,
    /// Those that say `publish = false`.
    pub left_out: Vec<PackageName>,
    /// By the registry's name.
    targets: BTreeMap<String, Target<'s>>,
}

/// A package of a workspace.
#[derive(Debug)]
pub struct Member {
    /// What would be published.
    pub prepared: Prepared,
    /// What its registry has of it.
    seen: Seen,
}

impl Member {
    /// Whether its registry has the identical release.
    pub const fn is_there(&self) -> bool {
        !matches!(self.seen, Seen::Missing)
    }
}

/// Checks and packs every package of the workspace, and looks at what its registry has.
/// A dry run does without a key, and asks for no names.
///
/// # Errors
/// Everything that makes one of the packages unfit, of all at once; no registry; then what
/// is in the way of publishing in a registry: other contents of the same version, names
/// that others own, or that the registry has to give out.
pub fn prepare<'s>(
    session: &'s Session<'s>,
    dry_run: bool,
    allowed: Allowed,
) -> Result<Plan<'s>, OpsError> {
    let project = session.project()?;
    let chosen = session.context.options.members.of(&project)?;
    let (checked, left_out) = checked(&project, &chosen)?;
    let mut packages = Vec::new();
    let batch: BTreeMap<PackageName, Version> = checked
        .iter()
        .map(|(_, checked)| {
            (
                checked.package.name.clone(),
                checked.package.version.clone(),
            )
        })
        .collect();
    for (local, mut checked) in checked {
        needs::check(session, (local, &mut checked), &batch, allowed.missing)?;
        let checked = (local, checked);
        packages.push(packed(session, checked, None, allowed)?);
    }
    let mut targets = BTreeMap::new();
    for prepared in &packages {
        let name = &prepared.registry;
        if !targets.contains_key(name) {
            targets.insert(name.clone(), Target::open(session, name, dry_run)?);
        }
    }
    let (mut members, mut unowned) = (Vec::new(), BTreeMap::new());
    for prepared in packages {
        let Some(target) = targets.get(&prepared.registry) else {
            continue;
        };
        match look(target, &prepared) {
            Ok(seen) => members.push(Member { prepared, seen }),
            Err(OpsError::Publish(PublishError::NeedsApproval { subject, claim })) if !dry_run => {
                unowned.insert(subject, (target, claim));
            }
            Err(error) => return Err(error),
        }
    }
    if !unowned.is_empty() {
        return Err(ask_for_all(session, unowned));
    }
    Ok(Plan {
        members,
        left_out,
        targets,
    })
}

/// Names without an owner, each with the registry and the claim.
type Asking<'t> = BTreeMap<Subject, (&'t Target<'t>, String)>;

/// Claims every name that needs approval at once, so that the publisher needs only one round.
fn ask_for_all(session: &Session<'_>, names: Asking<'_>) -> OpsError {
    let mut asked = Vec::new();
    for (subject, (target, claim)) in names {
        match ask_for(session, &target.registry, subject.clone(), claim) {
            Ok(()) => asked.push(subject),
            Err(error) => return error,
        }
    }
    ChangeError::ClaimsWait {
        names: asked,
        again: Again::Publish,
    }
    .into()
}

/// A package, and what its checks made of it.
type LocalChecked<'p> = (&'p LocalPackage, Checked);

/// The packages to publish, each after those it needs, and the names of those that are not.
fn checked<'p>(
    project: &'p Project,
    chosen: &[&LocalPackage],
) -> Result<(Vec<LocalChecked<'p>>, Vec<PackageName>), OpsError> {
    let members = in_order(project);
    let is_chosen = |local: &LocalPackage| chosen.iter().any(|other| other.dir == local.dir);
    let (mut checked, mut left_out, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for &(local, package) in members.iter().filter(|(local, _)| is_chosen(local)) {
        if !package.publish {
            left_out.push(package.name.clone());
            continue;
        }
        match pack::check_package(local, None) {
            Ok(package) => checked.push((local, package)),
            Err(OpsError::Problems(more)) => problems.extend(more),
            Err(error) => return Err(error),
        }
        problems.extend(check_siblings(local, &members));
    }
    let mut folded = BTreeMap::new();
    for (_, Checked { package, .. }) in &checked {
        if let Some(other) = folded.insert(package.name.folded(), &package.name) {
            let what = format!("the names `{other}` and `{}` are too close", package.name);
            let hint = "a registry takes only one of them: rename the other";
            problems.push(Problem::error(what).hint(hint));
        }
    }
    if !problems.is_empty() {
        return Err(OpsError::Problems(problems));
    }
    if checked.is_empty() {
        return Err(PackageError::AllPrivate.into());
    }
    Ok((checked, left_out))
}

/// What is wrong with the dependencies of a member on others: their users get them from the
/// registry, where they must be, and as the version that is beside it here.
fn check_siblings(local: &LocalPackage, members: &[(&LocalPackage, &Package)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, dependency) in &local.manifest.dependencies {
        let DependencySource::Path { constraint, .. } = &dependency.source else {
            continue;
        };
        let sibling = members.iter().find(|(_, package)| package.name == *name);
        let Some((_, sibling)) = sibling else {
            continue;
        };
        let problem = |what| local.problem(&dependency.span, what, "");
        if !sibling.publish {
            let what = format!("`{name}` says `publish = false`, so other users will not have it");
            let hint = "publish it too, or make it a dev-dependency";
            problems.push(problem(what).hint(hint));
        } else if let Some(constraint) = constraint
            && !constraint.matches_ignoring_pre_release_rule(&sibling.version)
        {
            let what = format!(
                "this asks for `{name}` {constraint}, but the workspace has {}",
                sibling.version
            );
            let hint = "others would get another version than the one you test with: change `version` here";
            problems.push(problem(what).hint(hint));
        }
    }
    problems
}

/// The packages of a project, each after those of its dependencies that are among them.
fn in_order(project: &Project) -> Vec<(&LocalPackage, &Package)> {
    let members: BTreeMap<&PackageName, (&LocalPackage, &Package)> = project
        .members
        .iter()
        .filter_map(|local| {
            let package = local.manifest.package.as_ref()?;
            Some((&package.name, (local, package)))
        })
        .collect();
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for &name in members.keys() {
        // What is left to do, the next last: first what a package needs, then the package.
        let mut left = vec![(name, false)];
        while let Some((name, needs_done)) = left.pop() {
            let Some(&(local, package)) = members.get(name) else {
                continue;
            };
            if needs_done {
                order.push((local, package));
            } else if seen.insert(name) {
                // Those in a circle come in any order, which is the same to a registry.
                left.push((name, true));
                let needs = local.manifest.dependencies.keys();
                left.extend(needs.map(|name| (name, false)));
            }
        }
    }
    order
}

/// Publishes the packages in this order and reads them back; `done` hears of each, with the
/// registry it went to. Where a host can write all or nothing, it does.
///
/// # Errors
/// As [`super::run`]; [`OpsError::Partly`] when some were published before.
pub fn run(plan: Plan<'_>, mut done: impl FnMut(&Outcome, &Location)) -> Result<(), OpsError> {
    let Plan {
        members, targets, ..
    } = plan;
    let mut published: Vec<String> = Vec::new();
    let mut rest = members.into_iter().peekable();
    while let Some(first) = rest.next() {
        let Some(target) = targets.get(&first.prepared.registry) else {
            continue;
        };
        let mut group = vec![first];
        if target.registry.storage().capabilities().atomic {
            let same = |next: &Member| next.prepared.registry == target.name;
            while let Some(next) = rest.next_if(same) {
                group.push(next);
            }
        }
        let location = target.location()?;
        let outcomes = put(target, group).map_err(|source| match published.is_empty() {
            true => source,
            false => OpsError::Partly {
                published: published.clone(),
                source: Box::new(source),
            },
        })?;
        for outcome in outcomes {
            done(&outcome, &location);
            let release = outcome.release;
            published.extend(
                outcome
                    .new
                    .then(|| format!("`{}` {}", release.name, release.version)),
            );
        }
    }
    Ok(())
}

/// Publishes some releases together.
fn put(target: &Target<'_>, members: Vec<Member>) -> Result<Vec<Outcome>, OpsError> {
    let (mut requests, mut missing) = (Vec::new(), Vec::new());
    for Member { prepared, seen } in members {
        let package = &prepared.checked.package;
        if matches!(seen, Seen::Missing) {
            missing.push(format!("{} {}", package.name, package.version));
        }
        requests.push(match seen {
            Seen::Others(outcome) => Err(outcome),
            // What is there is published again: that finishes what was interrupted.
            Seen::Missing | Seen::There => Ok(target.request(prepared)?),
        });
    }
    let all = async |storage: &Storage| {
        let mut outcomes = Vec::new();
        for request in &requests {
            outcomes.push(match request {
                Ok(request) => publish::publish(storage, request).await?.into(),
                Err(there) => (**there).clone(),
            });
        }
        Ok(outcomes)
    };
    let outcomes: Vec<Outcome> = target.put(&message(&missing, requests.len()), all)?;
    target.read_back(&outcomes)?;
    Ok(outcomes)
}

/// What a commit is called that publishes these releases, of so many.
fn message(releases: &[String], all: usize) -> String {
    match releases.len() {
        // Whatever has to be mended.
        0 => format!("Complete {all} releases"),
        1..=MAX_NAMED => format!("Publish {}", releases.join(", ")),
        many => format!("Publish {many} packages\n\n{}", releases.join("\n")),
    }
}
