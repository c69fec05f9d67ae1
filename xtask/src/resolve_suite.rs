//! `cargo xtask resolve-suite FILE...`: the resolver against recorded cases.

use std::{path::PathBuf, process::ExitCode};

use lumen_testkit::suite::{self, Report};

/// Runs the files; prints one line per failing case and, last, the totals.
pub fn run(files: &[PathBuf]) -> ExitCode {
    if files.is_empty() {
        eprintln!("error: name the files to run");
        return ExitCode::from(2);
    }
    let mut total = Report::default();
    for file in files {
        let report = suite::run_file(file);
        for failure in &report.failures {
            println!("{}: {}: {}", file.display(), failure.case, failure.why);
        }
        if report.skipped > 0 {
            eprintln!(
                "{}: {} cases of other modes",
                file.display(),
                report.skipped
            );
        }
        total.add(report);
    }
    println!("{} passed, {} failed", total.passed, total.failures.len());
    match total.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
