//! `lumen registry …`.

mod approve;
mod bundle;
mod check;
mod ci;
mod doctor;
mod gc;
mod host;
mod ingest;
mod init;
mod migrate;
mod mirror;
mod rebuild;
mod repair;
mod stats;
mod sync;
mod trust;
mod unbundle;
mod watch;
mod witness;

use std::process::ExitCode;

use lumen_ops::verbs::{
    self,
    ci::{Program, Purpose},
};

use super::shared::session::target;
use crate::{args::Registry, report::CliError, ui::Ui};

/// Runs one of the commands and returns its exit code.
///
/// # Errors
/// Whatever the operation fails with.
pub fn run(command: Registry, ui: &Ui) -> Result<ExitCode, CliError> {
    let done = match command {
        Registry::Init {
            location,
            name,
            origin,
            unsigned,
        } => init::run(&location, name.as_deref(), origin.as_deref(), unsigned, ui),
        Registry::Trust(command) => trust::run(command, ui),
        Registry::Approve {
            claim,
            reject,
            reason,
            registry,
        } => approve::run(claim.as_deref(), reject.then_some(&reason), &registry, ui),
        Registry::Repair { registry, from } => {
            repair::run(&registry, from.as_deref(), ui)?;
            return Ok(ExitCode::SUCCESS);
        }
        Registry::Rebuild {
            registry,
            file_lists: true,
        } => rebuild::file_lists(&registry, ui),
        Registry::Rebuild { registry, .. } => rebuild::run(&registry, ui),
        Registry::Check { registry } => {
            check::run(&registry, ui)?;
            return Ok(ExitCode::SUCCESS);
        }
        Registry::Watch {
            registry,
            from,
            names,
            follow,
            every,
        } => {
            watch::run(&registry, from, &names, follow.then_some(every), ui)?;
            return Ok(ExitCode::SUCCESS);
        }
        Registry::Gc {
            registry,
            dry_run,
            grace,
        } => gc::run(&target(&registry, ui)?, grace, dry_run, ui),
        Registry::Migrate {
            registry,
            origin,
            owners,
            owners_file,
            dry_run,
            yes,
        } => {
            let request = verbs::migrate::Request {
                origin,
                owners,
                owners_file,
            };
            migrate::run(
                &target(&registry, ui)?,
                &request,
                migrate::Consent { dry_run, yes },
                ui,
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        Registry::Mirror {
            from,
            to,
            packages,
            full,
            no_page,
        } => {
            let request = verbs::mirror::Request {
                from,
                to,
                packages,
                full,
                without_page: no_page,
            };
            mirror::run(&request, ui)
        }
        Registry::Bundle {
            from,
            file,
            since,
            packages,
            no_page,
        } => {
            let request = verbs::bundle::Request {
                from,
                file,
                since,
                packages,
                without_page: no_page,
            };
            bundle::run(&request, ui)
        }
        Registry::Unbundle {
            file,
            to,
            fingerprint,
        } => unbundle::run(&file, &to, fingerprint, ui),
        Registry::Stats { registry } => stats::run(&target(&registry, ui)?, ui),
        Registry::Sync { names } => return Ok(sync::run(&names, ui)?),
        Registry::Witness {
            growth_only,
            registry,
        } => witness::run(growth_only, &registry, ui),
        Registry::Host(arguments) => host::run(&arguments, ui),
        Registry::Ingest {
            places,
            yes,
            dry_run,
            registry,
        } => return ingest::run(&places, yes, dry_run, &registry, ui),
        Registry::Ci {
            service,
            registry,
            source,
            rev,
            ingest,
            stdout,
            force,
        } => {
            let purpose = match ingest {
                true => Purpose::Ingest,
                false => Purpose::Publish,
            };
            let to = (stdout, force);
            let built_from = Some(env!("LUMEN_COMMIT")).filter(|commit| !commit.is_empty());
            let program = Program {
                source: &source,
                commit: rev.as_deref().or(built_from),
                version: env!("CARGO_PKG_VERSION"),
            };
            ci::run(service, purpose, &registry, &program, to, ui)
        }
        Registry::Doctor {
            registry,
            write,
            read_only,
        } => return Ok(doctor::run(&registry, write, read_only, ui)?),
    };
    Ok(done.map(|()| ExitCode::SUCCESS)?)
}
