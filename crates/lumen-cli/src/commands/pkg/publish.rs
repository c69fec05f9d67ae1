//! `lumen pkg publish`.

use std::{
    collections::BTreeSet,
    fmt::Display,
    time::{Duration, Instant},
};

use lumen_ops::{
    OpsError, error::SettingsError, report::Reporter as _, session::Session, verbs::publish,
};
use lumen_registry::Freshness;

use crate::{
    args::{Bump, MemberArgs, ProjectArgs},
    commands::shared::{
        packed::{contents, contents_of, list_files, size, tell_missing, warn},
        session::{about, members},
        text::count,
        waiting::tell_lacking,
    },
    json::release::{AllPlanned, AllPublished, Planned, PlannedMember, Published},
    report::{CliError, Declined},
    ui::Ui,
};

/// How to publish.
pub struct Wishes<'a> {
    pub yes: bool,
    pub dry_run: bool,
    pub bump: Option<Bump>,
    /// What the version must be.
    pub tag: Option<&'a str>,
    /// What may be although Lumen advises against it.
    pub allowed: publish::Allowed,
    /// How long to wait until everybody can read it, in seconds.
    pub wait: Option<u64>,
}

pub fn publish(
    wishes: &Wishes<'_>,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), CliError> {
    let session = session(wishes, arguments, project, ui)?;
    let bump = wishes.bump.map(|bump| match bump {
        Bump::Major => publish::Bump::Major,
        Bump::Minor => publish::Bump::Minor,
        Bump::Patch => publish::Bump::Patch,
    });
    let prepared = publish::prepare(&session, bump, wishes.allowed)?;
    if let Some(tag) = wishes.tag {
        publish::check_tag(&prepared, tag)?;
    }
    let release = format!(
        "`{}` {}",
        prepared.checked.package.name, prepared.checked.package.version
    );
    let location = prepared.location.to_string();
    warn(ui, &prepared.checked, &prepared.packed);
    if wishes.dry_run {
        tell_missing(ui, &prepared.checked);
        if ui.json {
            ui.answer(&Planned {
                contents: contents_of(&prepared.checked, &prepared.packed),
                registry: location.clone(),
            });
        } else {
            contents(ui, &prepared.packed);
        }
        ui.done(
            "Would publish",
            format!("{release} to {location}: {}", size(&prepared.packed)),
        );
        return Ok(());
    }
    found_registry(&session, &prepared.registry, ui)?;
    if !wishes.yes {
        if ui.can_ask() {
            list_files(ui, &prepared.packed);
        }
        ui.done("Packed", format!("{release}: {}", size(&prepared.packed)));
        let doubt = doubt(prepared.checked.lacks_needs);
        agree(ui, &format!("Publish {release} to {location}{doubt}?"))?;
    }
    let registry = prepared.registry.clone();
    let outcome = publish::run(&session, prepared)?;
    ui.answer(&as_json(&outcome, &location));
    published(ui, &outcome, &location);
    Ok(confirm(&session, wishes.wait, &[(registry, outcome)], ui)?)
}

/// A run that publishes, which `--offline` forbids over the network.
fn session<'u>(
    wishes: &Wishes<'_>,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &'u Ui,
) -> Result<Session<'u>, CliError> {
    let session = about(members(arguments), project, Freshness::Revalidate, ui)?;
    if !wishes.dry_run && project.registry.offline {
        publish::refuse_offline(&session)?;
    }
    Ok(session)
}

/// All packages of a workspace.
pub fn workspace(
    wishes: &Wishes<'_>,
    arguments: &MemberArgs,
    project: &ProjectArgs,
    ui: &Ui,
) -> Result<(), CliError> {
    let session = session(wishes, arguments, project, ui)?;
    let plan = publish::workspace::prepare(&session, wishes.dry_run, wishes.allowed)?;
    for name in &plan.left_out {
        ui.done("Left out", format!("`{name}` says `publish = false`"));
    }
    let mut planned = Vec::new();
    for member in &plan.members {
        let (checked, packed) = (&member.prepared.checked, &member.prepared.packed);
        let location = &member.prepared.location;
        warn(ui, checked, packed);
        let release = format!("`{}` {}", checked.package.name, checked.package.version);
        if member.is_there() {
            if wishes.dry_run {
                ui.done("Would skip", there(&release, &location));
            }
        } else if wishes.dry_run {
            tell_missing(ui, checked);
            let message = format!("{release} to {location}: {}", size(packed));
            ui.done("Would publish", message);
        } else if !wishes.yes {
            if ui.can_ask() {
                list_files(ui, packed);
            }
            ui.done("Packed", format!("{release}: {}", size(packed)));
        }
        planned.push(PlannedMember {
            contents: contents_of(checked, packed),
            registry: location.to_string(),
            new: !member.is_there(),
        });
    }
    if wishes.dry_run {
        ui.answer(&AllPlanned { packages: planned });
        return Ok(());
    }
    let named: BTreeSet<&str> = plan
        .members
        .iter()
        .map(|member| member.prepared.registry.as_str())
        .collect();
    for registry in named {
        found_registry(&session, registry, ui)?;
    }
    let missing = plan.members.iter().filter(|member| !member.is_there());
    let missing = count(missing.count(), "package");
    if !wishes.yes {
        let mut members = plan.members.iter();
        let lacks = members.any(|member| member.prepared.checked.lacks_needs);
        agree(ui, &format!("Publish {missing}{}?", doubt(lacks)))?;
    }
    let registries: Vec<String> = plan
        .members
        .iter()
        .map(|member| member.prepared.registry.clone())
        .collect();
    let (mut outcomes, mut results) = (Vec::new(), Vec::new());
    let done = publish::workspace::run(plan, |outcome, location| {
        let location = location.to_string();
        match outcome.new {
            true => published(ui, outcome, &location),
            false => ui.done("Skipped", there(&release_of(outcome), &location)),
        }
        results.push(as_json(outcome, &location));
        outcomes.push(outcome.clone());
    });
    // Also those that were published before one that failed.
    ui.answer(&AllPublished { packages: results });
    done?;
    let outcomes: Vec<_> = registries.into_iter().zip(outcomes).collect();
    Ok(confirm(&session, wishes.wait, &outcomes, ui)?)
}

/// Waits up to this many seconds in total until everybody can read the releases.
fn confirm(
    session: &Session<'_>,
    seconds: Option<u64>,
    outcomes: &[(String, publish::Outcome)],
    ui: &Ui,
) -> Result<(), OpsError> {
    let Some(seconds) = seconds else {
        return Ok(());
    };
    let (longest, start) = (Duration::from_secs(seconds), Instant::now());
    for (registry, outcome) in outcomes {
        publish::wait(session, registry, outcome, (start, longest))?;
        let read = session.location(registry)?;
        ui.done("Confirmed", format!("{} at {read}", release_of(outcome)));
    }
    Ok(())
}

/// Makes sure that there is a registry to publish to, or that the user wants an unsigned one:
/// publishing makes it, and `--yes` is about the release.
fn found_registry(session: &Session<'_>, name: &str, ui: &Ui) -> Result<(), OpsError> {
    let Some(place) = publish::place_without_registry(session, name)? else {
        return Ok(());
    };
    let question = format!("There is no registry at {place}. Make one without signatures there?");
    match ui.confirm(&question) {
        Some(true) => Ok(()),
        _ => Err(SettingsError::NoRegistry { url: place.url() }.into()),
    }
}

/// Why to think twice, in a question.
const fn doubt(lacks_needs: bool) -> &'static str {
    match lacks_needs {
        true => " although users cannot get everything that it needs",
        false => "",
    }
}

fn agree(ui: &Ui, question: &str) -> Result<(), Declined> {
    // Without a terminal there is no answer; then the command itself is the answer.
    match ui.confirm(&format!("{question} A release can never be changed.")) {
        Some(false) => Err(Declined::Publish),
        _ => Ok(()),
    }
}

fn as_json(outcome: &publish::Outcome, location: &str) -> Published {
    Published {
        new: outcome.new,
        registry: location.to_owned(),
        metadata: outcome.metadata.to_string(),
        release: outcome.release.clone(),
        waiting: outcome.lacking.map(Into::into),
    }
}

fn release_of(outcome: &publish::Outcome) -> String {
    format!("`{}` {}", outcome.release.name, outcome.release.version)
}

/// Says that a location has a release already.
fn there(release: &str, location: &impl Display) -> String {
    format!("{release}: {location} has the identical release")
}

fn published(ui: &Ui, outcome: &publish::Outcome, location: &str) {
    let release = release_of(outcome);
    match outcome.new {
        true => ui.done("Published", format!("{release} to {location}")),
        false => ui.done(
            "Already",
            format!("published {}", there(&release, &location)),
        ),
    }
    tell_lacking(outcome.lacking, ui);
}
