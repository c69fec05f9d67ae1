//! Fault points: where the crash matrix can stop the process.
//!
//! Without the `fault` feature [`point`] is an empty function. With it, two
//! environment variables steer the process:
//!
//! | variable | effect |
//! |---|---|
//! | `LUMEN_FAULT_AT=<n>` | abort at the n-th point (from 1), without unwinding: a `kill -9` |
//! | `LUMEN_FAULT_ERROR_AT=<n>` | the n-th point fails with an I/O error instead |
//! | `LUMEN_FAULT_STOP_AT=<n>` | the n-th point interrupts the process (Unix), and goes on when it knows |
//! | `LUMEN_FAULT_LOG=<file>` | append one line a point, to count them |

use std::{io, path::Path};

/// Passes a point where the process may be made to die or fail.
///
/// # Errors
/// Only when the `fault` feature is on and this point was chosen to fail.
#[cfg(not(feature = "fault"))]
pub fn point(_operation: &'static str, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// Passes a point where the process may be made to die or fail.
///
/// # Errors
/// Only when this point was chosen to fail.
#[cfg(feature = "fault")]
#[expect(
    clippy::disallowed_methods,
    reason = "tests steer a process from outside"
)]
pub fn point(operation: &'static str, path: &Path) -> io::Result<()> {
    use std::{
        io::Write as _,
        sync::atomic::{AtomicU64, Ordering},
    };

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let chosen = |variable| {
        std::env::var(variable)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let number = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if let Some(log) = std::env::var_os("LUMEN_FAULT_LOG") {
        let mut log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)?;
        writeln!(log, "{number} {operation} {}", path.display())?;
    }
    if chosen("LUMEN_FAULT_AT") == Some(number) {
        std::process::abort();
    }
    #[cfg(unix)]
    if chosen("LUMEN_FAULT_STOP_AT") == Some(number) {
        use rustix::process::{Signal, getpid, kill_process};
        kill_process(getpid(), Signal::INT)?;
        while !crate::gate::is_stopping() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    if chosen("LUMEN_FAULT_ERROR_AT") == Some(number) {
        return Err(io::Error::other(format!(
            "injected fault at {operation} {}",
            path.display()
        )));
    }
    Ok(())
}
