//! `lumen`: arguments in, one operation, words and an exit code out.

mod args;
mod commands;
mod environment;
mod external;
mod json;
mod report;
mod ui;

use std::{
    convert::Infallible,
    ffi::OsString,
    io, panic,
    process::{self, ExitCode},
};

use report::Interrupted;

fn main() -> ExitCode {
    panic::set_hook(Box::new(ui::panicked));
    let arguments: Vec<OsString> = std::env::args_os().collect();
    panic::catch_unwind(|| run(arguments.clone())).unwrap_or_else(|_| {
        ui::defective(&arguments);
        ExitCode::from(report::DEFECT)
    })
}

fn run(arguments: Vec<OsString>) -> ExitCode {
    let failed = |streams, error: io::Error| {
        let ui = ui::Ui::on(&args::Global::default(), report::remedy, streams);
        report::report(&ui, None, &error.into())
    };
    let wrong = |wrong: ui::Wrong| {
        let global = args::Global {
            json: wrong.json,
            ..args::Global::default()
        };
        let ui = ui::Ui::new(&global, report::remedy);
        report::report(&ui, wrong.command.as_deref(), &wrong.usage.into())
    };
    let cli = match ui::parse(arguments, failed, wrong) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // One screen, as long as the process lives: waits for locks are told to it.
    let ui: &'static ui::Ui = Box::leak(Box::new(ui::Ui::new(&cli.global, report::remedy)));
    lumen_ops::process::start(ui, environment::variables());
    let folder = cli.global.directory.as_deref();
    let entered = folder.map_or(Ok(()), environment::enter);
    let done = entered.map_err(report::CliError::from);
    let command = cli.path.clone();
    ui.watch();
    if !matches!(cli.command, args::Command::External(_)) {
        catch_interrupts(ui, command.clone());
    }
    let done = done.and_then(|()| commands::run(cli, ui));
    ui.rest();
    // An interrupted command ends as such, also where it had nothing more to change.
    lumen_ops::process::rest();
    let done = done.and_then(|code| {
        // Other programs write their own results.
        if command.is_some() {
            ui.finish(command.as_deref(), None);
        }
        Ok(ui.written().map(|()| code)?)
    });
    match done {
        Ok(code) => code,
        Err(error) => report::report(ui, command.as_deref(), &error),
    }
}

/// A command that is interrupted says what it leaves behind. Another program that the command line
/// is for gets the signal itself.
fn catch_interrupts(ui: &'static ui::Ui, command: Option<String>) {
    let end = move |interrupted: Interrupted| -> Infallible {
        ui.rest();
        report::report(ui, command.as_deref(), &interrupted.into());
        process::exit(report::INTERRUPTED.into())
    };
    let twice = end.clone();
    let caught = lumen_ops::process::on_interrupt(
        move |standing| end(Interrupted::Left(standing)),
        move || twice(Interrupted::Twice),
    );
    // Without, it ends as every program does.
    drop(caught);
}
