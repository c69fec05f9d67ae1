//! Events of a running operation; the caller decides how to show them.

use lumen_core::problem::Problem;
use lumen_registry::progress::Progress;

/// Something worth telling the user.
#[derive(Debug, Clone)]
pub enum Event {
    /// A finished step: a verb in the past tense and its object ("Installed", "12 packages in 0.4s").
    Done {
        /// The verb.
        verb: &'static str,
        /// What was done to what.
        message: String,
    },
    /// A finished step that only interests with `-v`.
    Detail {
        /// The verb.
        verb: &'static str,
        /// What was done to what.
        message: String,
    },
    /// A text of another author that the user's key is about to sign.
    Signing {
        /// What it is.
        subject: String,
        /// All that is signed, to be shown as it is.
        text: String,
    },
    /// Something the user should know and may want to act on.
    Warning(Problem),
    /// How far work has come that takes a while.
    Progress(Progress),
}

impl From<Progress> for Event {
    fn from(progress: Progress) -> Self {
        Self::Progress(progress)
    }
}

/// Hands the progress of a registry's operation to a reporter.
pub(crate) fn watch(reporter: &dyn Reporter) -> impl Fn(Progress) + Sync {
    |progress| reporter.report(progress.into())
}

/// Receives events, from any thread.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: Event);

    /// Reports a finished step.
    fn done(&self, verb: &'static str, message: String) {
        self.report(Event::Done { verb, message });
    }

    /// Reports a finished step that only interests with `-v`.
    fn detail(&self, verb: &'static str, message: String) {
        self.report(Event::Detail { verb, message });
    }

    /// Reports a warning.
    fn warn(&self, problem: Problem) {
        self.report(Event::Warning(problem));
    }
}

/// Drops every event; for tests and for work that must stay silent.
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}
