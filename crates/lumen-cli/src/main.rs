//! `lumen`: arguments in, one operation, words and an exit code out.

mod args;
mod commands;
mod external;
mod report;
mod ui;

use std::{panic, process::ExitCode};

fn main() -> ExitCode {
    panic::set_hook(Box::new(ui::panicked));
    panic::catch_unwind(run).unwrap_or(ExitCode::from(report::DEFECT))
}

fn run() -> ExitCode {
    let cli = match ui::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let ui = ui::Ui::new(&cli.global);
    match commands::run(cli, &ui) {
        Ok(code) => code,
        Err(error) => report::report(&ui, &error),
    }
}
