//! Failures and warnings.

use lumen_core::{problem, remedy::Remedy};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// The exit code where Lumen itself is to blame.
pub const DEFECT: u8 = 70;

/// Why a command failed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Failure {
    /// Who can mend it, in one word.
    pub kind: Kind,
    /// The exit code of the command; in a list of results, that of a command about this one.
    pub code: u8,
    /// What is wrong, in one line.
    pub message: String,
    /// What leads to it, in order: the steps of a conflict between dependencies.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// The problems in files, if the failure is about files.
    pub problems: Vec<Problem>,
    /// The file of the first problem that has a place.
    pub file: Option<String>,
    /// Its line, counted from 1.
    pub line: Option<usize>,
    /// Its column, counted from 1 in characters.
    pub column: Option<usize>,
}

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The user: something was asked for that cannot be, or a file is wrong. Exit code 1.
    User,
    /// The user, who answered a question with no, or could not be asked. Exit code 1.
    Declined,
    /// The command did its work, and found what is wrong elsewhere. Exit code 1.
    Found,
    /// The user: the command line is wrong. Exit code 2.
    Usage,
    /// The people who run a registry or released a package: bytes, a signature or a log are not
    /// what they must be, and nothing of them was used. Exit code 3.
    Untrusted,
    /// The host, the network or the disk. Exit code 4.
    Host,
    /// The user interrupted it. Exit code 130.
    Interrupted,
    /// Lumen itself has a defect. Exit code 70.
    Defect,
}

/// A warning, or one thing that is wrong with a file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Problem {
    /// Whether it stops the work.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The file, as the user knows it.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The column, counted from 1 in characters.
    pub column: Option<usize>,
}

/// Whether a problem stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

impl Failure {
    /// A failure without causes and problems.
    pub fn new(kind: Kind, code: u8, message: impl Into<String>, hints: Vec<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            causes: Vec::new(),
            hints,
            problems: Vec::new(),
            file: None,
            line: None,
            column: None,
        }
    }

    /// The same with problems in files.
    #[must_use]
    pub fn about(mut self, problems: Vec<Problem>) -> Self {
        if let Some(first) = problems.iter().find(|problem| problem.file.is_some()) {
            self.file.clone_from(&first.file);
            (self.line, self.column) = (first.line, first.column);
        }
        self.problems = problems;
        self
    }
}

impl Problem {
    /// A problem as JSON; `words` says what a remedy is in this program.
    pub fn of(problem: &problem::Problem, words: fn(&Remedy) -> String) -> Self {
        let place = problem.place.as_ref();
        let at = place.map(problem::Place::line_column);
        Self {
            severity: match problem.severity {
                problem::Severity::Error => Severity::Error,
                problem::Severity::Warning => Severity::Warning,
            },
            message: problem.what.clone(),
            hint: problem.hint.as_ref().map(words),
            file: place.map(|place| place.file.clone()),
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
        }
    }
}
