//! One function a command: arguments to options, one operation, its result to the screen.

mod approve;
mod bundle;
mod ci;
mod doctor;
mod host;
mod inspect;
mod install;
mod key;
mod maintain;
mod operate;
mod owner;
mod publish;
mod query;
mod registry;
mod stats;
mod submit;
mod sync;
mod trust;
mod when;

use std::{path::PathBuf, process::ExitCode};

use clap::CommandFactory as _;
use jiff::Timestamp;
use lumen_core::trust::Action;
use lumen_ops::{
    OpsError,
    context::{Options, ProjectUse},
    names,
    resolve::{ResolveOptions, Unlock},
    session::Session,
    settings::Environment,
    verbs::{init, yank::Verdict},
};
use lumen_registry::Freshness;
use serde_json::json;

use crate::{
    args::{Cli, Command, LockArgs, Pkg, ProjectArgs, RegistryArgs, ResolveArgs},
    external,
    ui::Ui,
};

/// Runs the command and returns its exit code.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(cli: Cli, ui: &Ui) -> Result<ExitCode, OpsError> {
    match cli.command {
        Command::Pkg(command) => pkg(*command, ui)?,
        Command::Registry(command) => return registry::run(command, ui),
        Command::Key(command) => key::run(command, ui)?,
        Command::Trust(command) => trust::run(command, ui)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lumen", &mut script);
            let script = String::from_utf8_lossy(&script);
            match ui.json {
                true => ui.print_json(&json!({ "shell": shell.to_string(), "script": script })),
                false => ui.print_file(&script),
            }
        }
        Command::External(arguments) => {
            let name = arguments
                .first()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            return match external::run(&arguments)? {
                Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
                None => {
                    let known = Pkg::names();
                    let hint = match known.contains(&name) {
                        true => format!("did you mean `lumen pkg {name}`?"),
                        false => "`lumen --help` lists the commands; others need the Lumen compiler on the path".into(),
                    };
                    ui.error(&format!("there is no command `lumen {name}`"), &[hint]);
                    Ok(ExitCode::from(2))
                }
            };
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn pkg(command: Pkg, ui: &Ui) -> Result<(), OpsError> {
    match command {
        Pkg::Init { name, path } => created(ui, init::run(&path, name.as_deref())?),
        Pkg::New { path, name } => created(ui, init::run_new(&path, name.as_deref())?),
        Pkg::Add(arguments) => install::add(arguments, ui)?,
        Pkg::Remove {
            names,
            dry_run,
            project,
        } => install::remove(&names, dry_run, &project, ui)?,
        Pkg::Install(arguments) => install::install(&arguments, ui)?,
        Pkg::Update {
            names,
            breaking,
            dry_run,
            resolve,
            project,
        } => {
            install::update(&names, breaking, dry_run, &resolve, &project, ui)?;
        }
        Pkg::Lock(arguments) => install::lock(&arguments, ui)?,
        Pkg::List { project } => inspect::list(&project, ui)?,
        Pkg::Tree {
            depth,
            invert,
            project,
        } => inspect::tree(depth, invert.as_deref(), &project, ui)?,
        Pkg::Why { name, project } => inspect::why(&name, &project, ui)?,
        Pkg::Outdated { project } => query::outdated(&project, ui)?,
        Pkg::Info {
            package,
            provenance: true,
            project,
        } => owner::provenance(&package, &project, ui)?,
        Pkg::Info {
            package, project, ..
        } => query::info(&package, &project, ui)?,
        Pkg::Search {
            words,
            limit,
            project,
        } => query::search(&words, limit, &project, ui)?,
        Pkg::Pack {
            out,
            dry_run,
            manifest_path,
        } => publish::pack(&out, dry_run, manifest_path, ui)?,
        Pkg::Unpack { file, out } => publish::unpack(&file, &out, ui)?,
        Pkg::Publish {
            yes,
            dry_run,
            bump,
            tag,
            wait,
            workspace,
            project,
        } => {
            let wishes = publish::Wishes {
                yes,
                dry_run,
                bump,
                tag: tag.as_deref(),
                wait,
            };
            match workspace {
                true => publish::workspace(&wishes, &project, ui)?,
                false => publish::publish(&wishes, &project, ui)?,
            }
        }
        Pkg::Submit {
            out,
            to,
            dry_run,
            project,
        } => submit::submit(&out, to.as_deref(), dry_run, &project, ui)?,
        Pkg::Yank {
            release,
            reason,
            project,
        } => publish::yank(&release, Verdict::Yank(&reason), &project, ui)?,
        Pkg::Unyank {
            release,
            reason,
            project,
        } => publish::yank(&release, Verdict::Unyank(&reason), &project, ui)?,
        Pkg::Deprecate {
            name,
            reason,
            replacement,
            project,
        } => {
            let replacement = replacement.as_deref().map(names::parse_name).transpose()?;
            let advice = Action::Deprecate {
                reason,
                replacement,
            };
            owner::deprecate(&name, advice, &project, ui)?;
        }
        Pkg::Undeprecate {
            name,
            reason,
            project,
        } => owner::deprecate(&name, Action::Undeprecate { reason }, &project, ui)?,
        Pkg::Owner(command) => owner::run(command, ui)?,
        Pkg::Vendor { dir, project } => maintain::vendor(&dir, &project, ui)?,
        Pkg::Verify { repair, project } => maintain::verify(repair, &project, ui)?,
        Pkg::Cache(command) => maintain::cache(&command, ui)?,
        Pkg::Clean { manifest_path } => maintain::clean(manifest_path, ui)?,
    }
    Ok(())
}

fn created(ui: &Ui, created: init::Created) {
    use lumen_ops::report::Reporter as _;
    if ui.json {
        ui.print_json(&json!({ "name": created.name, "files": created.files }));
    }
    ui.done(
        "Created",
        format!("package `{}`: {}", created.name, created.files.join(", ")),
    );
}

/// A session for a command about a project.
fn session<'u>(
    project: &ProjectArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    with(
        project.manifest_path.clone(),
        &project.registry,
        freshness,
        ui,
    )
}

fn with<'u>(
    manifest_path: Option<PathBuf>,
    registry: &RegistryArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    open(manifest_path, ProjectUse::Nearest, registry, freshness, ui)
}

/// A session for a command that no project has a say in.
fn alone(freshness: Freshness, ui: &Ui) -> Result<Session<'_>, OpsError> {
    let registry = RegistryArgs::default();
    open(None, ProjectUse::Ignored, &registry, freshness, ui)
}

fn open<'u>(
    manifest_path: Option<PathBuf>,
    project: ProjectUse,
    registry: &RegistryArgs,
    freshness: Freshness,
    ui: &'u Ui,
) -> Result<Session<'u>, OpsError> {
    let options = Options {
        working_dir: std::env::current_dir()?,
        manifest_path,
        project,
        registry: registry.registry.clone(),
        offline: registry.offline,
        stale_if_error: registry.stale_if_error,
        freshness,
        now: Timestamp::now(),
    };
    Ok(Session::new(Environment::read()?, options, ui))
}

fn resolve_options(
    lock: &LockArgs,
    dry_run: bool,
    resolve: &ResolveArgs,
) -> Result<ResolveOptions, OpsError> {
    use lumen_core::resolve::Order;
    Ok(ResolveOptions {
        locked: lock.locked || lock.frozen,
        dry_run,
        order: if resolve.minimal_versions {
            Order::Lowest
        } else {
            Order::Newest
        },
        exclude_newer: resolve
            .exclude_newer
            .as_deref()
            .map(|text| when::parse(text, Timestamp::now()))
            .transpose()?,
        unlock: Unlock::Nothing,
    })
}

/// `1 package`, `2 packages`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A size for people: `512 B`, `1.2 MiB`.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{number} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

impl Pkg {
    /// Names of the commands below `lumen pkg`.
    fn names() -> Vec<String> {
        let cli = Cli::command();
        let pkg = cli.find_subcommand("pkg");
        pkg.into_iter()
            .flat_map(clap::Command::get_subcommands)
            .map(|command| command.get_name().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        assert!(Pkg::names().contains(&"publish".to_owned()));
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            (count(1, "file"), count(0, "file")),
            ("1 file".into(), "0 files".into())
        );
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536), bytes(3 << 30)],
            ["0 B", "1023 B", "1.5 KiB", "3.0 GiB"]
        );
    }
}
