//! Setup of the whole process: access of other users to its files, and the reporter of waits.

use lumen_core::problem::Problem;
use lumen_durable::{Waiting, owner::Names};
use lumen_registry::variables::Variables;

use crate::report::Reporter;

/// Prepares the process: whatever the umask, no other user can write to its files, the reporter
/// is told of a lock that is not free, and locks name the user and the machine of the variables.
pub fn start(reporter: &'static dyn Reporter, variables: &Variables) {
    lumen_durable::owner::keep_others_from_writing();
    lumen_durable::owner::call_us(Names {
        user: variables.get(if cfg!(windows) { "USERNAME" } else { "USER" }),
        // Elsewhere the system says it.
        host: variables.get("COMPUTERNAME").filter(|_| cfg!(windows)),
    });
    lumen_durable::on_lock_wait(move |waiting: &Waiting| {
        let problem = Problem::warning(format!("waiting for the lock {waiting}"));
        reporter.warn(problem.hint("it goes on when the lock is free"));
    });
}
