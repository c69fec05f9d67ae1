//! What holds for the whole process: what others may do with its files, and who is told of waits.

use lumen_core::problem::Problem;
use lumen_durable::Waiting;

use crate::report::Reporter;

/// Prepares the process: whatever the umask, nobody else can write to what it makes, and a
/// lock that is not free is told to the reporter.
pub fn start(reporter: &'static dyn Reporter) {
    lumen_durable::owner::keep_others_from_writing();
    lumen_durable::on_lock_wait(move |waiting: &Waiting| {
        let problem = Problem::warning(format!("waiting for the lock {waiting}"));
        reporter.warn(problem.hint("it goes on when the lock is free"));
    });
}
