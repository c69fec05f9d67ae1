//! `lumen`: arguments in, one operation, words and an exit code out.

mod args;
mod commands;
mod environment;
mod external;
mod report;
mod ui;

use std::{
    convert::Infallible,
    io, panic,
    process::{self, ExitCode},
};

use report::Interrupted;

fn main() -> ExitCode {
    panic::set_hook(Box::new(ui::panicked));
    panic::catch_unwind(run).unwrap_or(ExitCode::from(report::DEFECT))
}

fn run() -> ExitCode {
    let failed = |streams, error: io::Error| {
        let ui = ui::Ui::on(&args::Global::default(), report::remedy, streams);
        report::report(&ui, &error.into())
    };
    let wrong = |usage: args::Usage| {
        let ui = ui::Ui::new(&args::Global::default(), report::remedy);
        report::report(&ui, &usage.into())
    };
    let cli = match ui::parse(std::env::args_os().collect(), failed, wrong) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // One screen, as long as the process lives: waits for locks are told to it.
    let ui: &'static ui::Ui = Box::leak(Box::new(ui::Ui::new(&cli.global, report::remedy)));
    lumen_ops::process::start(ui, environment::variables());
    let folder = cli.global.directory.as_deref();
    let entered = folder.map_or(Ok(()), environment::enter);
    let done = entered.map_err(report::CliError::from);
    ui.watch();
    if !matches!(cli.command, args::Command::External(_)) {
        catch_interrupts(ui);
    }
    let done = done.and_then(|()| commands::run(cli, ui));
    ui.rest();
    // An interrupted command ends as such, also where it had nothing more to change.
    lumen_ops::process::rest();
    match done.and_then(|code| Ok(ui.written().map(|()| code)?)) {
        Ok(code) => code,
        Err(error) => report::report(ui, &error),
    }
}

/// A command that is interrupted says what it leaves behind. Another program that the command line
/// is for gets the signal itself.
fn catch_interrupts(ui: &'static ui::Ui) {
    let end = |interrupted: Interrupted| -> Infallible {
        ui.rest();
        report::report(ui, &interrupted.into());
        process::exit(report::INTERRUPTED.into())
    };
    let caught = lumen_ops::process::on_interrupt(
        move |standing| end(Interrupted::Left(standing)),
        move || end(Interrupted::Twice),
    );
    // Without, it ends as every program does.
    drop(caught);
}
