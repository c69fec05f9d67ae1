//! `lumen pkg install`: what `lumen.toml` asks for, as `lumen.lock` says, linked into the project.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use lumen_core::{
    Digest, PackageName,
    lockfile::{LockedSource, Lockfile},
    problem::Problem,
};
use lumen_registry::Freshness;
use lumen_store::{
    Sources,
    cas::Entry,
    link::{self, LinkError, Linked, Place, Plan, Planned, Site, State},
    project::{
        self, LOCKFILE, LocalPackage, MANIFEST, Project, Snapshot, normalize, relative, slashed,
    },
};

use crate::{
    error::OpsError, fetch, gitignore, inputs, members, proof::Asked, resolve, resolve::Changes,
    resolve::ResolveOptions, session::Session, settings::Settings, workspace,
};

/// The fact that packages of an install were not proven: the next one has to try again.
const UNPROVEN: &str = "unproven";

/// The fact that only a part of the lock is installed, and the names of its packages.
const PART: &str = "part";

/// The fact that the import links were listed in `.gitignore` before: a user who took them out
/// meant that.
const IGNORED: &str = "ignored";

/// The fact that a package of the project has several modules: a member then has a link to its
/// own sources.
const MODULES: &str = "modules ";

/// The fact that the manifests have warnings, which every install tells.
const WARNED: &str = "warned";

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

/// Fetches, writes the lock file if it changed, and links.
///
/// # Errors
/// As [`run`].
pub fn apply(
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

/// What the project shall have, from entries of the store and folders of this machine.
fn planned(
    project: &Project,
    lock: &Lockfile,
    part: Option<&BTreeSet<PackageName>>,
    locals: &BTreeMap<PackageName, LocalPackage>,
    entries: &BTreeMap<PackageName, Entry>,
) -> BTreeMap<PackageName, Planned> {
    let asked_for: BTreeSet<&PackageName> = project
        .members
        .iter()
        .flat_map(|member| inputs::local(project, member).needs())
        .map(|(name, _)| name)
        .collect();
    let is_part = |name: &PackageName| part.is_none_or(|part| part.contains(name));
    let depended: BTreeSet<&PackageName> = lock
        .packages
        .iter()
        .filter(|(name, _)| is_part(name))
        .flat_map(|(_, package)| &package.dependencies)
        .collect();
    let mut packages = BTreeMap::new();
    for (name, locked) in lock.packages.iter().filter(|(name, _)| is_part(name)) {
        let planned = match (&locked.source, entries.get(name)) {
            (LockedSource::Path(_), _) => {
                // Members need no link to themselves unless another one depends on them.
                let needed = depended.contains(name);
                let local = locals.get(name);
                let local = local.filter(|local| needed || !project.is_member(&local.dir));
                let Some(local) = local else { continue };
                Planned {
                    version: locked.version.to_string(),
                    digest: None,
                    target: local.dir.clone(),
                    sources: Sources::find(&local.dir),
                    folder: Some(local.relative.clone()),
                    direct: asked_for.contains(name),
                }
            }
            (_, Some(entry)) => Planned {
                version: locked.version.to_string(),
                digest: locked.checksum,
                target: entry.tree().to_owned(),
                sources: entry.sources(),
                folder: None,
                direct: asked_for.contains(name),
            },
            (_, None) => continue,
        };
        packages.insert(name.clone(), planned);
    }
    packages
}

/// What a lock makes of a project, to compare it with what is there.
///
/// # Errors
/// When a configuration file is invalid.
pub fn plan(
    session: &Session<'_>,
    project: &Project,
    lock: &Lockfile,
    part: Option<&BTreeSet<PackageName>>,
    locals: &BTreeMap<PackageName, LocalPackage>,
    entries: &BTreeMap<PackageName, Entry>,
) -> Result<Plan, OpsError> {
    let mut plan = nothing(session, project, Some(lock))?;
    if let Some(part) = part {
        for site in &mut plan.sites {
            site.packages.retain(|name, _| part.contains(name));
        }
    }
    plan.packages = planned(project, lock, part, locals, entries);
    Ok(plan)
}

/// A plan without packages. With a lock, it says what may be imported where.
///
/// # Errors
/// When a configuration file is invalid.
pub(crate) fn nothing(
    session: &Session<'_>,
    project: &Project,
    lock: Option<&Lockfile>,
) -> Result<Plan, OpsError> {
    let settings = session.settings()?;
    let import_root = settings.import_root.to_string_lossy().replace('\\', "/");
    let own = |member: &LocalPackage| {
        let name = member.name().filter(|_| lock.is_some())?;
        has_modules(&member.dir).then(|| name.clone())
    };
    // A package without a workspace is its own member.
    let below =
        |member: &&LocalPackage| !member.relative.is_empty() && !member.relative.starts_with("..");
    let sites = project.members.iter().filter(below).map(|member| {
        let chosen = member.manifest.install.import_root.clone();
        Site {
            folder: member.relative.clone(),
            import_root: chosen.unwrap_or_else(|| import_root.clone()),
            packages: lock.map_or_else(BTreeMap::new, |lock| imports(project, member, lock)),
            own: own(member),
        }
    });
    let sites = sites.collect();
    let root = project
        .members
        .iter()
        .find(|member| member.relative.is_empty());
    Ok(Plan {
        mode: settings.link,
        import_root,
        packages: BTreeMap::new(),
        own: root.and_then(own),
        sites,
        facts: BTreeMap::new(),
    })
}

/// The packages of the lock that the last install was about; `None`: all.
///
/// # Errors
/// When the record of it cannot be read.
pub fn installed_part(
    session: &Session<'_>,
    place: Option<&Place>,
) -> Result<Option<BTreeSet<PackageName>>, OpsError> {
    let ledger = session.context.environment.ledger();
    let state = place.map(|place| ledger.load(place)).transpose()?.flatten();
    let names = state.and_then(|mut state| state.facts.remove(PART));
    Ok(names.map(|names| {
        let names = names.split(' ');
        names
            .filter_map(|name| PackageName::parse(name).ok())
            .collect()
    }))
}

/// What a member may import, and whether it asks for it: what it needs, and what that needs,
/// since the compiler takes the modules of packages for the member's own.
fn imports(
    project: &Project,
    member: &LocalPackage,
    lock: &Lockfile,
) -> BTreeMap<PackageName, bool> {
    let needs = inputs::local(project, member).needs();
    let direct: BTreeSet<&PackageName> = needs.map(|(name, _)| name).collect();
    let mut found = BTreeMap::new();
    let mut next: Vec<&PackageName> = direct.iter().copied().collect();
    while let Some(name) = next.pop() {
        let Some(locked) = lock.packages.get(name) else {
            continue;
        };
        // Members that need each other in a circle come round to this one.
        if found.contains_key(name) || member.name() == Some(name) {
            continue;
        }
        found.insert(name.clone(), direct.contains(name));
        next.extend(&locked.dependencies);
    }
    found
}

/// Whether the modules of a package may import each other by its name.
fn has_modules(dir: &Path) -> bool {
    Sources::has_modules(dir)
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

/// What an install without work to do is recognised by.
fn facts(
    session: &Session<'_>,
    project: &Project,
    lock_text: &str,
    locals: &BTreeMap<PackageName, LocalPackage>,
) -> Result<BTreeMap<String, String>, OpsError> {
    let mut facts = BTreeMap::from([(
        "lock".to_owned(),
        Digest::of(lock_text.as_bytes()).to_string(),
    )]);
    for local in locals.values().chain([&project.root_package]) {
        facts.insert(
            fact_of(&local.relative),
            Digest::of(local.source.as_bytes()).to_string(),
        );
        if may_link_itself(&project.root, &local.relative) {
            facts.insert(format!("{MODULES}{}", local.relative), String::new());
        }
    }
    if !project.warnings.is_empty() {
        facts.insert(WARNED.into(), String::new());
    }
    facts.insert("settings".into(), settings_fact(&*session.settings()?));
    Ok(facts)
}

fn fact_of(relative: &str) -> String {
    format!("manifest {relative}")
}

fn settings_fact(settings: &Settings) -> String {
    format!("{} {}", settings.link, settings.import_root.display())
}

/// The fast path: every file that decides an install is as it was after the last one, and all links are there.
fn nothing_to_do(
    session: &Session<'_>,
    manifest: &Path,
    seen: &mut Snapshot,
) -> Result<Option<Outcome>, OpsError> {
    let Some(root) = installed_root(manifest) else {
        return Ok(None);
    };
    // What is wrong there is said by the install that follows.
    let Ok(Some(place)) = Place::find(&root) else {
        return Ok(None);
    };
    let ledger = session.context.environment.ledger();
    let known = ledger.load(&place)?;
    let is_known = known.is_some();
    let state = match known {
        Some(state) => Some(state),
        None => ledger.restored(&place)?,
    };
    let is_whole = |state: &State| {
        ![UNPROVEN, PART]
            .iter()
            .any(|fact| state.facts.contains_key(*fact))
    };
    let Some(state) = state.filter(|state| state.complete && is_whole(state)) else {
        return Ok(None);
    };
    let mut unchanged = |file: &Path, digest: &str| {
        let text = seen.peek(file);
        text.is_some_and(|text| Digest::of(text.as_bytes()).to_string() == digest)
    };
    for (fact, value) in &state.facts {
        let same = match (fact.as_str(), fact.strip_prefix("manifest ")) {
            ("lock", _) => unchanged(&root.join(LOCKFILE), value),
            (_, Some(relative)) => {
                let had_modules = state.facts.contains_key(&format!("{MODULES}{relative}"));
                unchanged(&root.join(relative).join(MANIFEST), value)
                    && (had_modules || !may_link_itself(&root, relative))
            }
            _ => true,
        };
        if !same {
            return Ok(None);
        }
    }
    // A project below another one is not part of it, unless the other recorded it.
    let own = manifest
        .parent()
        .map(|dir| slashed(&relative(&root, &normalize(dir))));
    if !own.is_some_and(|own| state.facts.contains_key(&fact_of(&own))) {
        return Ok(None);
    }
    let mut warnings = Vec::new();
    if !session.context.environment.config_files.is_empty() {
        let (package, _) = seen.packages()?;
        let (settings, more) = Settings::merge(&session.context, Some(&package.manifest))?;
        if state.facts.get("settings") != Some(&settings_fact(&settings)) {
            return Ok(None);
        }
        warnings = more;
    }
    let intact = is_known && link::links_intact(&place, &state)
        || session
            .store()
            .is_ok_and(|store| link::contents_intact(&place, &ledger, &state, &store));
    if !intact || !members_unchanged(&root, &state, seen) {
        return Ok(None);
    }
    if state.facts.contains_key(WARNED) {
        seen.packages()?;
    }
    session.warn(seen.warnings());
    session.warn(&warnings);
    let packages = state
        .packages
        .values()
        .filter(|package| package.digest.is_some())
        .count();
    Ok(Some(Outcome {
        up_to_date: true,
        packages,
        ..Outcome::default()
    }))
}

/// Whether a folder of the project has got modules that may import each other. Path
/// dependencies outside of the project have no links.
fn may_link_itself(root: &Path, relative: &str) -> bool {
    !relative.starts_with("..") && has_modules(&root.join(relative))
}

/// The nearest folder, from the manifest's upwards, in which an install was made.
fn installed_root(manifest: &Path) -> Option<PathBuf> {
    let dir = manifest.parent()?;
    dir.ancestors()
        .find(|dir| {
            let folder = dir.join(project::DOT_LUMEN).symlink_metadata();
            folder.is_ok_and(|folder| folder.is_dir())
        })
        .map(Path::to_owned)
}

/// A new folder under a workspace's pattern is a member that no recorded manifest mentions.
fn members_unchanged(root: &Path, state: &State, seen: &mut Snapshot) -> bool {
    let recorded = |relative: &str| state.facts.contains_key(&fact_of(relative));
    if state
        .facts
        .keys()
        .filter(|fact| fact.starts_with("manifest "))
        .count()
        == 1
        && recorded("")
    {
        // One manifest: look whether it is a workspace only by its text, which is cheap.
        let text = seen.peek(&root.join(MANIFEST));
        if !text.is_some_and(|text| text.contains("workspace")) {
            return true;
        }
    }
    match seen.packages() {
        Ok((package, members)) => {
            package.dir == *root && members.iter().all(|member| recorded(&member.relative))
        }
        Err(_) => false,
    }
}
