//! Setup of the whole process: access of other users to its files, and the reporter of waits.

use lumen_core::problem::Problem;
use lumen_durable::Waiting;

use crate::report::Reporter;

/// Prepares the process: whatever the umask, no other user can write to its files, and the
/// reporter is told of a lock that is not free.
pub fn start(reporter: &'static dyn Reporter) {
    lumen_durable::owner::keep_others_from_writing();
    lumen_durable::on_lock_wait(move |waiting: &Waiting| {
        let problem = Problem::warning(format!("waiting for the lock {waiting}"));
        reporter.warn(problem.hint("it goes on when the lock is free"));
    });
}
