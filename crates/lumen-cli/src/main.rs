//! `lumen`: arguments in, one operation, words and an exit code out.

mod args;
mod commands;
mod external;
mod report;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let ui = ui::Ui::new(&cli.global);
    match commands::run(cli, &ui) {
        Ok(code) => code,
        Err(error) => report::report(&ui, &error),
    }
}
