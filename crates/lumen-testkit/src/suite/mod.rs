//! Runs recorded resolver cases (`data/resolver/`, format in its `NOTICE.md`) through
//! [`lumen_core::resolve::resolve`], and version and requirement cases through the words of `lumen-core`.
//!
//! The expected answers were computed by other programs. Here, a solution is also checked
//! by [`validity`], which shares no code with the resolver.

mod case;
mod reader;
mod semver_file;
pub mod validity;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

pub use case::{Case, Expect, Solution, Verdict};
pub use world::{Dependency, Names, Release, World};

/// How a file fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Cases that came out as expected.
    pub passed: usize,
    /// Cases of a mode that Lumen does not have.
    pub skipped: usize,
    /// The other cases.
    pub failures: Vec<Failure>,
}

/// One case that did not come out as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The case.
    pub case: String,
    /// What was wrong, one line.
    pub why: String,
}

impl Report {
    /// Adds another report to this one.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    fn record(&mut self, case: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => self.failures.push(Failure {
                case: case.to_owned(),
                why,
            }),
        }
    }
}

/// Runs every case of a file; a case that cannot be read counts as failed.
pub fn run_file(path: &Path) -> Report {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => run_text(&name, &text),
        Err(error) => {
            let mut report = Report::default();
            report.record(&name, Err(error.to_string()));
            report
        }
    }
}

/// The cases of a file that are ours, by name; cases that cannot be read are left out.
pub fn cases(text: &str) -> Vec<(String, Case)> {
    let file: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let cases = reader::cases(&file).into_iter();
    cases
        .filter_map(|(name, case)| Some((name, case.ok()??)))
        .collect()
}

/// Runs every case of a file's text.
pub fn run_text(name: &str, text: &str) -> Report {
    let mut report = Report::default();
    let file: serde_json::Value = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            report.record(name, Err(format!("not JSON: {error}")));
            return report;
        }
    };
    if file.get("cross").is_some() || file.get("invalid_requirements").is_some() {
        semver_file::run(&file, &mut report);
        return report;
    }
    let cases = reader::cases(&file);
    if cases.is_empty() {
        report.record(name, Err("there are no cases in it".into()));
    }
    for (name, case) in cases {
        match case {
            Ok(None) => report.skipped += 1,
            Ok(Some(case)) => report.record(&name, guarded(|| case.check())),
            Err(why) => report.record(&name, Err(why)),
        }
    }
    report
}

/// Turns a panic into a failure.
fn guarded(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", message.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests;
