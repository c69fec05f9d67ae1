//! `lumen pkg add`.

use std::time::Instant;

use lumen_core::{edit::DependencyTable, manifest::GitReference};
use lumen_ops::{
    OpsError,
    report::Reporter as _,
    settings::DEFAULT,
    verbs::{
        add::{self, AddFrom, Addition},
        edit::Added,
    },
};
use lumen_registry::Freshness;

use crate::{
    args::{AddArgs, LockArgs, ProjectArgs},
    commands::shared::{
        changes::{installed, show},
        session::{about, member, resolve_options},
    },
    json::project::{Dependency, Edited},
    ui::Ui,
};

pub fn run(mut arguments: AddArgs, ui: &Ui) -> Result<(), OpsError> {
    let start = Instant::now();
    let options = resolve_options(&LockArgs::default(), arguments.dry_run, &arguments.resolve)?;
    let mut registry = add::take_name(&mut arguments.project.registry.registry);
    let place = arguments.project.registry.registry.take();
    let open = |project: &ProjectArgs| {
        let members = member(arguments.package.as_ref());
        about(members, project, Freshness::Revalidate, ui)
    };
    let mut session = open(&arguments.project)?;
    if let Some(place) = place.filter(|_| arguments.path.is_none() && arguments.git.is_none()) {
        registry = add::name_of(&session, &place)?.filter(|name| name != DEFAULT);
        if registry.is_none() {
            let mut project = arguments.project.clone();
            project.registry.registry = Some(place);
            session = open(&project)?;
        }
    }
    let reference = match (&arguments.tag, &arguments.branch, &arguments.rev) {
        (Some(tag), ..) => GitReference::Tag(tag.clone()),
        (_, Some(branch), _) => GitReference::Branch(branch.clone()),
        (.., Some(rev)) => GitReference::Rev(rev.clone()),
        _ => GitReference::Default,
    };
    let from = match (&arguments.path, &arguments.git) {
        (Some(path), _) => Some(AddFrom::Path(path.clone())),
        (_, Some(url)) => Some(AddFrom::Git {
            url: url.clone(),
            reference,
        }),
        _ => None,
    };
    let additions: Vec<Addition> = arguments
        .packages
        .iter()
        .map(|package| Addition {
            package: package.clone(),
            from: from.clone(),
            registry: registry.clone(),
            table: if arguments.dev {
                DependencyTable::Dev
            } else {
                DependencyTable::Normal
            },
            optional: arguments.optional,
            features: arguments.features.clone(),
            default_features: !arguments.no_default_features,
        })
        .collect();
    let (added, outcome) = add::add(&session, &additions, &options)?;
    for addition in &added {
        ui.done(
            if arguments.dry_run {
                "Would add"
            } else {
                "Added"
            },
            describe(addition),
        );
    }
    ui.answer(&Edited {
        dependencies: written(&added),
        installed: installed(&outcome, arguments.dry_run),
    });
    show(ui, &outcome, arguments.dry_run, start);
    Ok(())
}

/// What was written into a manifest, as JSON.
pub fn written(added: &[Added]) -> Vec<Dependency> {
    let written = added.iter().map(|added| Dependency {
        name: added.name.to_string(),
        constraint: added.constraint.as_ref().map(ToString::to_string),
        newest: added.newest.as_ref().map(ToString::to_string),
    });
    written.collect()
}

/// A constraint as written, and what it means where that may surprise.
pub fn describe(added: &Added) -> String {
    let Some(constraint) = &added.constraint else {
        return format!("`{}`", added.name);
    };
    let text = constraint.as_str();
    let bare =
        text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains([' ', ',', '|', '*', 'x']);
    let meaning = match (bare, constraint.as_exact()) {
        (true, Some(_)) => format!(" (exactly that version; `^{text}` would accept later ones)"),
        (true, None) => format!(" (meaning ^{text})"),
        _ => String::new(),
    };
    let newest = added.newest.as_ref();
    let newest = newest.map(|newest| format!(" (the newest that fits; {newest} does not)"));
    let newest = newest.unwrap_or_default();
    format!("`{} = \"{text}\"`{meaning}{newest}", added.name)
}
