//! `lumen`: arguments in, one operation, words and an exit code out.

mod args;
mod commands;
mod environment;
mod external;
mod report;
mod ui;

use std::{io, panic, process::ExitCode};

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
    let done = done.and_then(|()| commands::run(cli, ui));
    ui.rest();
    match done.and_then(|code| Ok(ui.written().map(|()| code)?)) {
        Ok(code) => code,
        Err(error) => report::report(ui, &error),
    }
}
