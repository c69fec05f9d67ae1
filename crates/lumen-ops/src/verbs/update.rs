//! `lumen pkg update`: newer versions.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::{
    Constraint, PackageName, Version,
    edit::{self, EditError},
    manifest::DependencySource,
};
use lumen_store::project::{LocalPackage, MANIFEST};

use crate::{
    error::{InputError, OpsError},
    graph, inputs,
    lookup::{newest, package_index},
    names::{Wanted, parse_name, parse_wanted},
    resolve::{ResolveOptions, Unlock},
    session::Session,
    verbs::{
        edit::{Added, apply},
        install::Outcome,
    },
};

/// Moves packages to the newest versions within the constraints; with `breaking`, raises the constraints first.
/// A name may have versions of its own, `name@1.2`; `precise` is the one version of the only name.
/// Without names, the members that the user chose say what moves: what they ask for.
///
/// # Errors
/// When a name is not in the lock, no versions fit, or the install fails; nothing is written then.
pub fn update(
    session: &Session<'_>,
    names: &[String],
    precise: Option<&str>,
    breaking: bool,
    options: &ResolveOptions,
) -> Result<(Vec<Added>, Outcome), OpsError> {
    let (project, _lock) = session.locked_project(options.dry_run)?;
    let chosen = &session.context.options.members;
    let (mut names, precise) = wanted(names, precise)?;
    if names.is_empty() && !chosen.is_all() {
        let locked = project.lock.as_ref().map(|(lock, _)| lock);
        let is_locked =
            |name: &&PackageName| locked.is_some_and(|lock| lock.packages.contains_key(*name));
        let members = chosen.of(&project)?.into_iter();
        let asked: BTreeSet<&PackageName> = members
            .flat_map(|member| inputs::local(&project, member).needs())
            .map(|(name, _)| name)
            .filter(is_locked)
            .collect();
        names.extend(asked.into_iter().cloned());
    }
    for name in &names {
        let locked = project.lock.as_ref().map(|(lock, _)| lock);
        if let Some(lock) = locked {
            graph::expect(lock, name)?;
        }
    }
    let unlock = if names.is_empty() {
        Unlock::All
    } else {
        Unlock::Names(names.iter().cloned().collect())
    };
    let options = ResolveOptions {
        unlock,
        precise,
        ..options.clone()
    };
    let mut edited = BTreeMap::new();
    let mut raised = Vec::new();
    if breaking {
        // The root of a workspace has versions that its members inherit.
        let is_root = |member: &&LocalPackage| member.dir == project.root;
        let root = match project.members.iter().any(|member| is_root(&member)) {
            true => None,
            false => Some(&project.root_package),
        };
        let members = match chosen.is_all() {
            true => project.members.iter().chain(root).collect(),
            false => chosen.of(&project)?,
        };
        for member in members {
            let text = raise(session, member, &names, &options, &mut raised)?;
            edited.extend(text.map(|text| (member.dir.join(MANIFEST), text)));
        }
    }
    let names = raised.iter().map(|added| added.name.as_str());
    let names: Vec<&str> = names.collect();
    let outcome = apply(session, &project, edited, &options).map_err(|error| match error {
        // Its advice is about constraints that were never written.
        OpsError::Conflict(mut story) if !raised.is_empty() => {
            story.hints = vec![
                format!(
                    "nothing was written; it would have raised {}: name those to raise, as in `lumen pkg update {} --breaking`",
                    names.join(", "),
                    names.first().copied().unwrap_or_default()
                )
                .into(),
            ];
            OpsError::Conflict(story)
        }
        error => error,
    })?;
    Ok((raised, outcome))
}

/// The names to move, and what is asked of their versions.
fn wanted(
    names: &[String],
    precise: Option<&str>,
) -> Result<(Vec<PackageName>, BTreeMap<PackageName, Constraint>), OpsError> {
    let (mut all, mut asked) = (Vec::new(), BTreeMap::new());
    for text in names {
        let (name, constraint) = match parse_wanted(text)? {
            Wanted::Package(name, constraint) => (name, constraint),
            // What is no name says so.
            Wanted::Folder(text) => (parse_name(&text)?, None),
        };
        asked.extend(constraint.map(|constraint| (name.clone(), constraint)));
        all.push(name);
    }
    if let Some(text) = precise {
        let [name] = all.as_slice() else {
            return Err(InputError::Precise(all.len()).into());
        };
        let version = Version::parse(text.trim_start_matches('='));
        let version = version.map_err(|_| InputError::Release(format!("{name}@{text}")))?;
        asked.insert(name.clone(), Constraint::exact(&version));
    }
    Ok((all, asked))
}

/// The member's manifest with every constraint raised that keeps the newest release out.
fn raise(
    session: &Session<'_>,
    member: &LocalPackage,
    names: &[PackageName],
    options: &ResolveOptions,
    raised: &mut Vec<Added>,
) -> Result<Option<String>, OpsError> {
    let mut text: Option<String> = None;
    let manifest = &member.manifest;
    let shared = manifest.workspace.as_ref();
    let shared = shared.map(|workspace| &workspace.dependencies);
    let all = manifest
        .dependencies
        .iter()
        .chain(&manifest.dev_dependencies)
        .chain(shared.into_iter().flatten());
    for (name, dependency) in all {
        let DependencySource::Registry {
            constraint,
            registry,
        } = &dependency.source
        else {
            continue;
        };
        if !(names.is_empty() || names.contains(name)) {
            continue;
        }
        let registry = match registry {
            Some(registry) => session.registry(registry)?,
            None => session.registry_for(name)?,
        };
        let Some(index) = package_index(session, &registry, name)? else {
            continue;
        };
        let newest = newest(session, &registry, &index, options.exclude_newer)?;
        let Ok(newest) = &newest else {
            continue;
        };
        // A constraint that reaches beyond the newest release, or names a pre-release, is left alone.
        if constraint.matches(newest)
            || index
                .versions
                .iter()
                .any(|v| constraint.matches(v) && v > newest)
        {
            continue;
        }
        let constraint = Constraint::caret(newest);
        match edit::set_constraint(text.as_deref().unwrap_or(&member.source), name, &constraint) {
            Ok(edited) => text = Some(edited),
            // Its version is in the workspace's root.
            Err(EditError::NoConstraint(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        raised.push(Added {
            name: name.clone(),
            constraint: Some(constraint),
            newest: None,
        });
    }
    Ok(text)
}
