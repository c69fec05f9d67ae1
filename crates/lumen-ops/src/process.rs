//! Setup of the whole process: access of other users to its files, the reporter of waits, and
//! what happens when the user interrupts it.

use std::{convert::Infallible, io, thread};

use lumen_core::problem::Problem;
pub use lumen_durable::{Standing, rest};
use lumen_durable::{Waiting, owner::Names};
use lumen_registry::variables::Variables;
use tokio::{runtime::Builder, task};

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

/// From now on, a user who interrupts the process gets a whole state: the process finishes the
/// change that it is making, begins no other, and removes temporary files. Then it calls `end`
/// with the state of things, which ends the process. At a second interruption it calls `now`,
/// which ends it at once.
///
/// # Errors
/// When the system gives no thread, or no notice of signals; an interruption then ends the
/// process as it ends any other.
pub fn on_interrupt(
    end: impl FnOnce(Standing) -> Infallible + Send + 'static,
    now: impl FnOnce() -> Infallible + Send + 'static,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new()?
    };
    let wait = move || {
        runtime.block_on(async {
            signals.next().await;
            // It never returns: nothing waits for it.
            drop(task::spawn_blocking(|| end(lumen_durable::stop())));
            signals.next().await;
            now();
        });
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// What tells a process to end: Ctrl-C, or a program that stops it.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What tells a process to end: Ctrl-C, Ctrl-Break, or the end of its window.
#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self {
            interrupt: ctrl_c()?,
            pause: ctrl_break()?,
            close: ctrl_close()?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.pause.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}
