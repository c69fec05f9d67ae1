//! `lumen pkg …`.

mod add;
mod cache;
mod clean;
mod deprecate;
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
    args::{Family, Pkg, Usage},
    environment,
    report::CliError,
    ui::{Ui, word},
};

/// Runs one of the commands below `lumen pkg`.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(command: Family, ui: &Ui) -> Result<(), CliError> {
    match command {
        Family::Verb(verb) => run_verb(*verb, ui),
        Family::Cache(command) => Ok(cache::run(&command, ui)?),
    }
}

/// Runs one of those that exist at top level, too.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run_verb(command: Pkg, ui: &Ui) -> Result<(), CliError> {
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
            project,
        } => remove::run(&names, dry_run, &project, ui)?,
        Pkg::Install { names, install } => match names.as_slice() {
            [] => install::run(&install, ui)?,
            names => return Err(adds(names).into()),
        },
        Pkg::Update {
            names,
            breaking,
            dry_run,
            resolve,
            project,
        } => {
            update::run(&names, breaking, dry_run, &resolve, &project, ui)?;
        }
        Pkg::Lock(arguments) => lock::run(&arguments, ui)?,
        Pkg::List { project } => list::run(&project, ui)?,
        Pkg::Tree {
            depth,
            invert,
            project,
        } => tree::run(depth, invert.as_deref(), &project, ui)?,
        Pkg::Why { name, project } => why::run(&name, &project, ui)?,
        Pkg::Outdated { project } => outdated::run(&project, ui)?,
        Pkg::Info {
            package,
            provenance: true,
            project,
        } => provenance::run(&package, &project, ui)?,
        Pkg::Info {
            package, project, ..
        } => info::run(&package, &project, ui)?,
        Pkg::Search {
            words,
            limit,
            project,
        } => search::run(&words, limit, &project, ui)?,
        Pkg::Pack {
            out,
            dry_run,
            manifest_path,
        } => pack::run(out.as_deref(), dry_run, manifest_path, ui)?,
        Pkg::Unpack { file, out } => unpack::run(&file, &out, ui)?,
        Pkg::Publish {
            yes,
            dry_run,
            bump,
            tag,
            wait,
            allow_dirty,
            allow_missing_dependencies,
            workspace,
            project,
        } => {
            let wishes = publish::Wishes {
                yes,
                dry_run,
                bump,
                tag: tag.as_deref(),
                wait,
                allowed: allowed(allow_dirty, allow_missing_dependencies),
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
            allow_dirty,
            allow_missing_dependencies,
            project,
        } => {
            let wishes = submit::Wishes {
                out: &out,
                to: to.as_deref(),
                dry_run,
                allowed: allowed(allow_dirty, allow_missing_dependencies),
            };
            submit::run(&wishes, &project, ui)?;
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
    Ok(())
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
