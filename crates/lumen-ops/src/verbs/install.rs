//! `lumen pkg install`: what `lumen.toml` asks for, as `lumen.lock` says, linked into the project.

mod planned;
mod unchanged;

use lumen_core::{PackageName, problem::Problem};
use lumen_registry::Freshness;
use lumen_store::{
    link::{self, LinkError, Linked, Place, State},
    project::{LocalPackage, Project, Snapshot},
};

pub(crate) use self::planned::nothing;
pub use self::planned::{installed_part, plan};
use self::unchanged::{IGNORED, PART, UNPROVEN, facts, nothing_to_do};
use crate::{
    error::OpsError, fetch, gitignore, inputs, members, proof::Asked, resolve, resolve::Changes,
    resolve::ResolveOptions, session::Session, workspace,
};

/// What an install did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Nothing had to be done, or what was done changed nothing.
    pub up_to_date: bool,
    /// Packages in the project, local ones left out.
    pub packages: usize,
    /// Those that had to be downloaded.
    pub downloaded: usize,
    /// How the lock file changed.
    pub changes: Changes,
    /// Import links.
    pub linked: Linked,
}

/// Installs.
///
/// # Errors
/// When the project is invalid, no versions fit, a package cannot be had, or the disk fails.
/// The project is then as it was.
pub fn run(session: &Session<'_>, options: &ResolveOptions) -> Result<Outcome, OpsError> {
    let manifest = workspace::manifest_path(&session.context)?;
    let mut seen = Snapshot::of(&manifest, &session.context.surroundings());
    if options.may_trust_state()
        && session.context.options.freshness != Freshness::Revalidate
        && session.context.options.members.is_all()
        && let Some(outcome) = nothing_to_do(session, &manifest, &mut seen)?
    {
        return Ok(outcome);
    }
    let (project, _lock) = session.lock_project(seen, options.dry_run)?;
    let resolved = resolve::run(session, &project, options)?;
    match apply(session, &project, resolved, options) {
        Err(OpsError::Misfit(reason)) if options.locked => Err(OpsError::Locked {
            reason: format!("is out of date: {reason}"),
        }),
        Err(OpsError::Misfit(reason)) => {
            resolve::warn_of_misfit(session, &reason);
            let resolved = resolve::afresh(session, &project, options)?;
            apply(session, &project, resolved, options)
        }
        applied => applied,
    }
}

/// Fetches, writes the lock file if it changed, and links. Where the network fails and that may
/// be, with what is on this machine.
///
/// # Errors
/// As [`run`].
pub fn apply(
    session: &Session<'_>,
    project: &Project,
    resolved: resolve::Resolved,
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let may_do_without =
        resolved.fresh && session.context.options.stale_if_error && !session.is_offline();
    let resolved = resolve::with_what_is_here(session, project, resolved, options)?;
    match put(session, project, resolved, options) {
        Err(error) if may_do_without => {
            let Some(host) = error.storage().filter(|host| host.is_outage()) else {
                return Err(error);
            };
            resolve::go_on_offline(session, host);
            let resolved = resolve::afresh(session, project, options)?;
            let resolved = resolve::with_what_is_here(session, project, resolved, options)?;
            put(session, project, resolved, options)
        }
        done => done,
    }
}

/// Fetches, writes the lock file if it changed, and links.
fn put(
    session: &Session<'_>,
    project: &Project,
    resolved: resolve::Resolved,
    options: &ResolveOptions,
) -> Result<Outcome, OpsError> {
    let resolve::Resolved {
        lock,
        locals,
        changes,
        known,
        fresh,
    } = resolved;
    let chosen = &session.context.options.members;
    let part = members::part(project, &lock, &locals, chosen, options.dev)?;
    let is_part = |name: &PackageName| part.as_ref().is_none_or(|part| part.contains(name));
    let packages = lock.archives().filter(|(name, ..)| is_part(name)).count();
    if options.dry_run {
        return Ok(Outcome {
            packages,
            changes,
            ..Outcome::default()
        });
    }
    let store = session.store()?;
    let asked = Asked {
        project,
        locals: &locals,
        known: &known,
        fresh,
    };
    let fetched = fetch::run(session, &store, &lock, part.as_ref(), Some(&asked))?;
    session.tell_first_use()?;
    let mut plan = plan(
        session,
        project,
        &lock,
        part.as_ref(),
        &locals,
        &fetched.entries,
    )?;
    // Whatever is refused is refused before the manifest is written.
    let ledger = session.context.environment.ledger();
    let place = Place::open(&project.root)?;
    link::check(&place, &ledger, &plan).map_err(|error| shadowed(project, error))?;
    resolve::check_writes(project, &lock)?;
    // Interrupted, they are all as before or all as after.
    let _whole = lumen_durable::whole();
    for (file, text) in &project.edited {
        project.write(file, text)?;
    }
    let text = resolve::write_lock(project, &lock)?;
    let mut facts = facts(session, project, &text, &locals)?;
    let known = ledger.load(&place)?;
    let may_adopt = !(known.as_ref()).is_some_and(|state| state.facts.contains_key(IGNORED));
    let was_intact = known
        .as_ref()
        .is_some_and(|state| state.complete && link::links_intact(&place, state));
    let is_kept = !may_adopt || !plan.packages.is_empty() && gitignore::is_kept(&project.root);
    if is_kept {
        facts.insert(IGNORED.into(), String::new());
    }
    if let Some(part) = &part {
        let names: Vec<&str> = part.iter().map(PackageName::as_str).collect();
        facts.insert(PART.into(), names.join(" "));
    }
    if !fetched.proven {
        facts.insert(UNPROVEN.into(), String::new());
    }
    plan.facts = facts;
    let linked = link::install(&place, &ledger, &plan)?;
    let state = ledger.load(&place)?;
    let same = |before: &State, now: &State| {
        (&before.packages, &before.imports) == (&now.packages, &now.imports)
    };
    let is_same = known
        .zip(state.as_ref())
        .is_some_and(|(before, now)| same(&before, now));
    let links: Vec<String> = state
        .map(|state| state.imports.into_keys().collect())
        .unwrap_or_default();
    gitignore::update(session, &project.root, &links, may_adopt)?;
    for skipped in &linked.imports_skipped {
        let what = format!(
            "`{}` has the import path `{}` of `{}`",
            skipped.package, skipped.path, skipped.taken_by
        );
        session.context.reporter.warn(
            Problem::warning(what).hint("only the latter can be imported; rename one of them"),
        );
    }
    Ok(Outcome {
        up_to_date: was_intact && is_same && changes.is_empty() && fetched.downloaded == 0,
        packages,
        downloaded: fetched.downloaded,
        changes,
        linked,
    })
}

/// Points to the lines that ask for packages with one import path.
fn shadowed(project: &Project, error: LinkError) -> OpsError {
    let LinkError::Shadowed { first, second, .. } = &error else {
        return error.into();
    };
    let lines = |name: &PackageName| {
        let of_member = |member: &LocalPackage| {
            let found = inputs::local(project, member)
                .needs()
                .find(|(needed, _)| *needed == name)?;
            Some(member.problem(&found.1.name_span, error.to_string(), ""))
        };
        project.members.iter().find_map(of_member)
    };
    let problems: Vec<Problem> = [first, second].into_iter().filter_map(lines).collect();
    match problems.is_empty() {
        true => error.into(),
        false => {
            let hint = "a program can import only one of them: remove the other";
            let hinted = problems.into_iter().map(|problem| problem.hint(hint));
            OpsError::Problems(hinted.collect())
        }
    }
}
