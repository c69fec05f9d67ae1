//! `lumen pkg …`.

mod add;
mod cache;
mod clean;
mod deprecate;
mod diff;
mod fetch;
mod info;
mod init;
mod install;
mod list;
mod lock;
mod outdated;
mod owner;
mod pack;
mod provenance;
mod publish;
mod remove;
mod search;
mod submit;
mod tree;
mod unpack;
mod update;
mod vendor;
mod verify;
mod why;
mod yank;

use std::process::ExitCode;

use lumen_core::trust::Action;
use lumen_ops::{
    names as package_names,
    verbs::{
        init as ops_init,
        publish::{Allowed, Missing},
        yank::Verdict,
    },
};

use crate::{
    args::{Family, MemberArgs, Pkg, Usage},
    environment,
    report::CliError,
    ui::{Ui, word},
};

/// Runs one of the commands below `lumen pkg`, and returns its exit code.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(command: Family, ui: &Ui) -> Result<ExitCode, CliError> {
    match command {
        Family::Verb(verb) => run_verb(*verb, ui),
        Family::Cache(command) => {
            cache::run(&command, ui)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs one of those that exist at top level, too.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run_verb(command: Pkg, ui: &Ui) -> Result<ExitCode, CliError> {
    match command {
        Pkg::Init { name, path } => {
            let path = environment::absolute(&path)?;
            init::created(ui, ops_init::run(&path, name.as_deref())?);
        }
        Pkg::New { path, name } => {
            let path = environment::absolute(&path)?;
            init::created(ui, ops_init::run_new(&path, name.as_deref())?);
        }
        Pkg::Add(arguments) => add::run(arguments, ui)?,
        Pkg::Remove {
            names,
            dry_run,
            members,
            project,
        } => remove::run(&names, dry_run, &members, &project, ui)?,
        Pkg::Install {
            names,
            dev,
            members,
            install,
        } => match names.as_slice() {
            [] => install::run(&dev, &members, &install, ui)?,
            names => return Err(adds(names).into()),
        },
        Pkg::Update {
            names,
            precise,
            breaking,
            dry_run,
            resolve,
            members,
            project,
        } => {
            let wishes = update::Wishes {
                names: &names,
                precise: precise.as_deref(),
                breaking,
                dry_run,
            };
            update::run(&wishes, &resolve, &members, &project, ui)?;
        }
        Pkg::Fetch { project } => fetch::run(&project, ui)?,
        Pkg::Lock(arguments) => lock::run(&arguments, ui)?,
        Pkg::List { members, project } => list::run(&members, &project, ui)?,
        Pkg::Tree {
            depth,
            invert,
            members,
            project,
        } => tree::run(depth, invert.as_deref(), &members, &project, ui)?,
        Pkg::Why { name, project } => why::run(&name, &project, ui)?,
        Pkg::Outdated {
            exit_code,
            members,
            project,
        } => return Ok(outdated::run(exit_code, &members, &project, ui)?),
        Pkg::Info {
            package,
            provenance: true,
            project,
        } => provenance::run(&package, &project, ui)?,
        Pkg::Info {
            package, project, ..
        } => info::run(&package, &project, ui)?,
        Pkg::Diff {
            releases,
            stat,
            name_only,
            exit_code,
            project,
        } => {
            let shown = match (stat, name_only) {
                (_, true) => diff::Shown::Names,
                (true, false) => diff::Shown::Counts,
                (false, false) => diff::Shown::Lines,
            };
            return Ok(diff::run(&releases, shown, exit_code, &project, ui)?);
        }
        Pkg::Search {
            words,
            limit,
            project,
        } => search::run(&words, limit, &project, ui)?,
        Pkg::Pack {
            out,
            dry_run,
            package,
            manifest_path,
        } => pack::run(out.as_deref(), dry_run, package.as_ref(), manifest_path, ui)?,
        Pkg::Unpack { file, out } => unpack::run(&file, &out, ui)?,
        Pkg::Publish {
            yes,
            dry_run,
            bump,
            expect_tag,
            wait,
            allow_dirty,
            allow_missing_dependencies,
            workspace,
            package,
            filter,
            exclude,
            project,
        } => {
            let wishes = publish::Wishes {
                yes,
                dry_run,
                bump,
                tag: expect_tag.as_deref(),
                wait,
                allowed: allowed(allow_dirty, allow_missing_dependencies),
            };
            let is_one = !workspace && filter.is_empty() && exclude.is_empty() && package.len() < 2;
            let members = MemberArgs {
                package,
                filter,
                exclude,
                recursive: workspace,
            };
            match is_one {
                true => publish::publish(&wishes, &members, &project, ui)?,
                false => publish::workspace(&wishes, &members, &project, ui)?,
            }
        }
        Pkg::Submit {
            out,
            to,
            dry_run,
            allow_dirty,
            allow_missing_dependencies,
            package,
            project,
        } => {
            let wishes = submit::Wishes {
                out: &out,
                to: to.as_deref(),
                dry_run,
                allowed: allowed(allow_dirty, allow_missing_dependencies),
            };
            submit::run(&wishes, package.as_ref(), &project, ui)?;
        }
        Pkg::Yank {
            release,
            reason,
            project,
        } => yank::run(&release, Verdict::Yank(&reason), &project, ui)?,
        Pkg::Unyank {
            release,
            reason,
            project,
        } => yank::run(&release, Verdict::Unyank(&reason), &project, ui)?,
        Pkg::Deprecate {
            name,
            reason,
            replacement,
            project,
        } => {
            let replacement = replacement
                .as_deref()
                .map(package_names::parse_name)
                .transpose()?;
            let advice = Action::Deprecate {
                reason,
                replacement,
            };
            deprecate::run(&name, advice, &project, ui)?;
        }
        Pkg::Undeprecate {
            name,
            reason,
            project,
        } => deprecate::run(&name, Action::Undeprecate { reason }, &project, ui)?,
        Pkg::Owner(command) => owner::run(command, ui)?,
        Pkg::Vendor { dir, project } => vendor::run(&dir, &project, ui)?,
        Pkg::Verify { repair, project } => verify::run(repair, &project, ui)?,
        Pkg::Clean { manifest_path } => clean::run(manifest_path, ui)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that `install` installs what the manifest asks for, and which command adds to that.
fn adds(names: &[String]) -> Usage {
    let words: Vec<_> = names.iter().map(|name| word(name)).collect();
    Usage {
        what: "`install` takes no names: it installs what lumen.toml asks for".into(),
        hints: vec![format!(
            "`lumen pkg add {}` adds to that, and installs it",
            words.join(" ")
        )],
    }
}

/// What a publisher allows. Nobody reads the warnings of a CI job, so it has to allow missing
/// dependencies itself.
fn allowed(dirty: bool, missing_dependencies: bool) -> Allowed {
    let ci = environment::variables().raw("CI");
    let is_ci = ci.is_some_and(|value| value != "false");
    let missing = match (missing_dependencies, is_ci) {
        (true, _) => Missing::Allow,
        (false, true) => Missing::Refuse,
        (false, false) => Missing::Warn,
    };
    Allowed { dirty, missing }
}
