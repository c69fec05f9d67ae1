//! Tests that cannot do their work on this machine: they say so, and `cargo xtask test` counts
//! them.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write as _},
    thread,
};

/// The variable with the file that gets a line for each skipped test: its name, a tab and the
/// reason.
pub const LIST: &str = "LUMEN_TEST_SKIPPED";

/// Skips the calling test, which needs a program that is not installed.
///
/// # Panics
/// Where `CI` is set: a check that is not made there would count as passed.
pub fn missing(program: &str) {
    let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    without(program, ci);
}

fn without(program: &str, ci: bool) {
    let reason = format!("{program} is not installed; `cargo xtask test tools` gets it");
    assert!(!ci, "{reason}. Under CI no test is skipped for that");
    here(&reason);
}

/// Skips the calling test, which needs something that this machine does not allow.
#[expect(
    clippy::disallowed_methods,
    reason = "tests write to streams of their own"
)]
pub fn here(reason: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // The macros print only when a test fails; a reader who is gone misses nothing.
    let _ = writeln!(io::stderr(), "skipped: {test}: {reason}");
    let Some(list) = env::var_os(LIST) else {
        return;
    };
    let line = format!("{test}\t{reason}\n");
    let written = OpenOptions::new().append(true).create(true).open(&list);
    let written = written.and_then(|mut file| file.write_all(line.as_bytes()));
    assert!(
        written.is_ok(),
        "cannot write to {}: {written:?}",
        list.display()
    );
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "nginx is not installed")]
    fn ci_wants_every_program() {
        super::without("nginx", true);
    }
}
