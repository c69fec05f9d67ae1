//! From errors to the screen: the one place that chooses hints and exit codes.
//!
//! Errors know their kind and what may help, as data. Here that gets words: those of each
//! crate in a file of its own.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the user can mend it |
//! | 2 | the command line is wrong |
//! | 3 | bytes are not what they must be: a hash or an archive was refused |
//! | 4 | network or storage |
//! | 70 | a defect of Lumen |
//! | 130 | interrupted |

mod change;
mod disk;
mod failure;
mod git;
mod hosting;
mod input;
mod keys;
mod ops;
mod package;
mod refused;
mod registry;
mod remedy;
mod settings;
mod store;

use std::{fmt::Display, process::ExitCode};

use lumen_core::{
    edit::EditError,
    failure::Kind,
    problem::{Place, Problem},
};
use lumen_ops::OpsError;
use lumen_registry::{ReadError, mirror::MirrorError, publish::PublishError};
use lumen_store::project::ProjectError;
use serde_json::{Value, json};

pub use self::{
    failure::{CliError, Declined, Interrupted},
    remedy::words as remedy,
};
use crate::ui::Ui;

/// The user can mend it.
pub const USER: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The host or the disk is to blame.
pub const STORAGE: u8 = 4;
/// Lumen itself is to blame.
pub const DEFECT: u8 = 70;
/// The user interrupted it: as shells count a program that Ctrl-C ends.
pub const INTERRUPTED: u8 = 130;

/// Shows an error and chooses the exit code.
pub fn report(ui: &Ui, error: &CliError) -> ExitCode {
    if ui.json {
        let value = match error {
            CliError::Ops(error) => error_json(error),
            CliError::Declined(declined) => as_json(declined, &[declined.hint()]),
            CliError::Usage(usage) => as_json(&usage.what, &usage.hints),
            CliError::Interrupted(interrupted) => as_json(interrupted, &[]),
        };
        ui.print_json(&json!({ "error": value }));
    }
    match error {
        CliError::Ops(error) => show_error(ui, error),
        CliError::Declined(declined) => {
            ui.error(&declined.to_string(), &[declined.hint()]);
            ExitCode::from(USER)
        }
        CliError::Usage(usage) => {
            ui.error(&usage.what, &usage.hints);
            ExitCode::from(USAGE)
        }
        CliError::Interrupted(interrupted) => {
            ui.error(&interrupted.to_string(), &[]);
            ExitCode::from(INTERRUPTED)
        }
    }
}

/// An error as JSON: all that the screen says of it.
pub fn error_json(error: &OpsError) -> Value {
    let mut value = as_json(error, &hints(error));
    value["code"] = code(error).into();
    match error {
        OpsError::Conflict(story) => {
            let hints: Vec<String> = story.hints.iter().map(remedy).collect();
            value["hints"] = json!(hints);
            value["causes"] = json!(story.causes);
        }
        error => {
            let problems = problems_of(error);
            if !problems.is_empty() {
                let hints = problems.iter().filter_map(|problem| problem.hint.as_ref());
                let mut hints: Vec<String> = hints.map(remedy).collect();
                hints.extend(self::hints(error));
                value["hints"] = json!(hints);
                value["problems"] = problems.iter().map(problem_json).collect();
            }
        }
    }
    value
}

/// The problems in files that an error is about.
fn problems_of(error: &OpsError) -> &[Problem] {
    match error {
        OpsError::Problems(problems) | OpsError::Project(ProjectError::Problems(problems)) => {
            problems
        }
        OpsError::Read(ReadError::Malformed(problem))
        | OpsError::Publish(PublishError::Malformed(problem))
        | OpsError::Project(ProjectError::Contradiction(problem))
        | OpsError::Edit(EditError::Malformed(problem)) => std::slice::from_ref(problem),
        _ => &[],
    }
}

fn problem_json(problem: &Problem) -> Value {
    let place = problem.place.as_ref();
    json!({
        "message": problem.what,
        "hint": problem.hint.as_ref().map(remedy),
        "file": place.map(|place| &place.file),
        "line": place.map(line),
    })
}

/// The line of a place, counted from 1.
fn line(place: &Place) -> usize {
    let before = place.source.get(..place.span.start).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn as_json(message: &dyn Display, hints: &[String]) -> Value {
    json!({ "message": message.to_string(), "hints": hints })
}

/// The same for one error of several: nothing goes to standard output.
pub fn show_error(ui: &Ui, error: &OpsError) -> ExitCode {
    match error {
        OpsError::Problems(problems) | OpsError::Project(ProjectError::Problems(problems)) => {
            show(ui, problems)
        }
        OpsError::Read(ReadError::Malformed(problem))
        | OpsError::Mirror(MirrorError::Read(ReadError::Malformed(problem)))
        | OpsError::Publish(PublishError::Malformed(problem)) => {
            show(ui, std::slice::from_ref(problem));
            ui.hints(&hints(error));
        }
        OpsError::Project(ProjectError::Contradiction(problem)) => {
            show(ui, std::slice::from_ref(problem));
        }
        OpsError::Edit(EditError::Malformed(problem)) => show(ui, std::slice::from_ref(problem)),
        OpsError::Conflict(story) => {
            ui.error(&story.title, &[]);
            ui.causes(&story.causes);
            let hints: Vec<String> = story.hints.iter().map(remedy).collect();
            ui.hints(&hints);
        }
        other => ui.error(&other.to_string(), &hints(other)),
    }
    ExitCode::from(code(error))
}

fn show(ui: &Ui, problems: &[Problem]) {
    for problem in problems {
        ui.problem(problem);
    }
}

/// The exit code of an error.
pub fn code(error: &OpsError) -> u8 {
    match error.kind() {
        Kind::User => USER,
        Kind::Untrusted => 3,
        Kind::Host => STORAGE,
    }
}

/// What to do next.
pub fn hints(error: &OpsError) -> Vec<String> {
    error.hints().into_iter().filter_map(ops::words).collect()
}
