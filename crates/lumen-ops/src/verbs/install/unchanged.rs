//! How the next install recognises that it has nothing to do: facts that are recorded with the
//! links, and compared with what is there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lumen_core::{Digest, PackageName};
use lumen_store::{
    Sources,
    link::{self, Place, State},
    project::{
        self, LOCKFILE, LocalPackage, MANIFEST, Project, Snapshot, normalize, relative, slashed,
    },
};

use super::Outcome;
use crate::{error::OpsError, session::Session, settings::Settings};

/// The fact that packages of an install were not proven: the next one has to try again.
pub(super) const UNPROVEN: &str = "unproven";

/// The fact that only a part of the lock is installed, and the names of its packages.
pub(super) const PART: &str = "part";

/// The fact that the import links were listed in `.gitignore` before: a user who took them out
/// meant that.
pub(super) const IGNORED: &str = "ignored";

/// The fact that a package of the project has several modules: a member then has a link to its
/// own sources.
const MODULES: &str = "modules ";

/// The fact that the manifests have warnings, which every install tells.
const WARNED: &str = "warned";
/// What an install without work to do is recognised by.
pub(super) fn facts(
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
pub(super) fn nothing_to_do(
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
    !relative.starts_with("..") && Sources::has_modules(&root.join(relative))
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
