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

use std::process::ExitCode;

use lumen_core::{edit::EditError, failure::Kind, problem::Problem};
use lumen_ops::OpsError;
use lumen_registry::{ReadError, mirror::MirrorError, publish::PublishError};
use lumen_store::project::ProjectError;

pub use self::{
    failure::{CliError, Declined, Found, Interrupted},
    remedy::words as remedy,
};
pub use crate::json::DEFECT;
use crate::{
    json::{self, Failure},
    ui::Ui,
};

/// The user can mend it.
pub const USER: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The host or the disk is to blame.
pub const STORAGE: u8 = 4;
/// The user interrupted it: as shells count a program that Ctrl-C ends.
pub const INTERRUPTED: u8 = 130;

/// Shows an error of a command and chooses the exit code.
pub fn report(ui: &Ui, command: Option<&str>, error: &CliError) -> ExitCode {
    let shown = show(ui, error);
    ui.finish(command, Some(failure(error)));
    shown
}

fn show(ui: &Ui, error: &CliError) -> ExitCode {
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
        CliError::Found(found) => {
            ui.error(&found.what, &found.hints);
            ExitCode::from(USER)
        }
    }
}

fn failure(error: &CliError) -> Failure {
    match error {
        CliError::Ops(error) => failure_of(error),
        CliError::Declined(declined) => {
            let hints = vec![declined.hint()];
            Failure::new(json::Kind::Declined, USER, declined.to_string(), hints)
        }
        CliError::Usage(usage) => {
            Failure::new(json::Kind::Usage, USAGE, &usage.what, usage.hints.clone())
        }
        CliError::Interrupted(interrupted) => {
            let what = interrupted.to_string();
            Failure::new(json::Kind::Interrupted, INTERRUPTED, what, Vec::new())
        }
        CliError::Found(found) => {
            Failure::new(json::Kind::Found, USER, &found.what, found.hints.clone())
        }
    }
}

/// An error as JSON: all that the screen says of it.
pub fn failure_of(error: &OpsError) -> Failure {
    let kind = match error.kind() {
        Kind::User => json::Kind::User,
        Kind::Untrusted => json::Kind::Untrusted,
        Kind::Host => json::Kind::Host,
    };
    let mut failure = Failure::new(kind, code(error), error.to_string(), hints(error));
    match error {
        OpsError::Conflict(story) => {
            failure.hints = story.hints.iter().map(remedy).collect();
            failure.causes = story.causes.clone();
            failure
        }
        error => {
            let problems = problems_of(error);
            let first = problems.iter().filter_map(|problem| problem.hint.as_ref());
            failure.hints.splice(..0, first.map(remedy));
            let problems = problems.iter();
            failure.about(problems.map(|it| json::Problem::of(it, remedy)).collect())
        }
    }
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
        | OpsError::Mirror(MirrorError::Read(ReadError::Malformed(problem)))
        | OpsError::Edit(EditError::Malformed(problem)) => std::slice::from_ref(problem),
        _ => &[],
    }
}

/// The same for one error of several: nothing goes to standard output.
pub fn show_error(ui: &Ui, error: &OpsError) -> ExitCode {
    match error {
        OpsError::Problems(problems) | OpsError::Project(ProjectError::Problems(problems)) => {
            show_all(ui, problems)
        }
        OpsError::Read(ReadError::Malformed(problem))
        | OpsError::Mirror(MirrorError::Read(ReadError::Malformed(problem)))
        | OpsError::Publish(PublishError::Malformed(problem)) => {
            show_all(ui, std::slice::from_ref(problem));
            ui.hints(&hints(error));
        }
        OpsError::Project(ProjectError::Contradiction(problem)) => {
            show_all(ui, std::slice::from_ref(problem));
        }
        OpsError::Edit(EditError::Malformed(problem)) => {
            show_all(ui, std::slice::from_ref(problem))
        }
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

fn show_all(ui: &Ui, problems: &[Problem]) {
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
