//! Test programs with the time of each test, and what a run of all of them comes to.
//!
//! `cargo test` starts each test program through `xtask timed`, which asks it for times. They
//! and the skipped tests go into files that the step `test` reads when everything has run.

use std::{
    env, fs, io,
    io::{BufRead as _, BufReader, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
};

use lumen_testkit::skip;

use crate::shell::{cargo, root, run as sh};

/// The variable with the file that gets a line for each test: seconds, a tab and its name.
const LIST: &str = "LUMEN_TEST_TIMES";

/// The variable of the test harness with the number of tests that run at once.
const THREADS: &str = "RUST_TEST_THREADS";

/// Tests that run at once for each core: many of them wait for a server, a process or a clock,
/// and leave the core to others.
const THREADS_PER_CORE: usize = 2;

/// How many of the slowest tests are shown.
const SLOWEST: usize = 10;

/// The step of `cargo xtask test`: all tests, then what they took and what was skipped.
///
/// # Errors
/// When a test fails.
pub fn tests() -> io::Result<()> {
    let folder = target_dir().join("test-run");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let (times, skips) = (folder.join("times"), folder.join("skips"));
    let with_lists = |command: &mut Command| {
        command.env(LIST, &times).env(skip::LIST, &skips);
    };
    let runner = format!(
        "target.'cfg(all())'.runner = [{:?}, \"timed\"]",
        env::current_exe()?.display().to_string()
    );
    let mut programs = cargo();
    programs.args(["test", "--workspace", "--no-fail-fast"]);
    programs.args(["--lib", "--bins", "--tests", "--examples", "--config"]);
    with_lists(programs.arg(runner));
    let programs = sh(&mut programs);
    let mut examples = cargo();
    examples.args(["test", "--workspace", "--no-fail-fast", "--doc"]);
    let examples = sh(&mut examples);
    print!("{}", summary(&read(&times)?, &read(&skips)?));
    programs.and(examples)
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A file that is there as soon as the first test wrote to it.
fn read(list: &Path) -> io::Result<String> {
    match fs::read_to_string(list) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// What all tests come to: counts, reasons for skipping, the slowest.
fn summary(times: &str, skips: &str) -> String {
    use std::fmt::Write as _;

    let mut tests: Vec<(f64, &str)> = times
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(seconds, name)| Some((seconds.parse().ok()?, name)))
        .collect();
    tests.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut skipped: Vec<&str> = skips.lines().collect();
    skipped.sort_unstable();
    skipped.dedup();
    let mut text = format!("\n{} tests, {} skipped\n", tests.len(), skipped.len());
    for line in skipped {
        let _ = writeln!(text, "  skipped {}", line.replace('\t', ": "));
    }
    let _ = writeln!(text, "the slowest:");
    for (seconds, name) in tests.iter().take(SLOWEST) {
        let _ = writeln!(text, "  {seconds:7.1} s  {name}");
    }
    text
}

/// `xtask timed PROGRAM [ARGUMENT...]`: runs a test program and notes the time of each test.
pub fn program(arguments: &[String]) -> ExitCode {
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: cannot run a test program: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> io::Result<ExitCode> {
    let (program, rest) = arguments
        .split_first()
        .ok_or_else(|| io::Error::other("none is named"))?;
    let mut command = Command::new(program);
    command.args(rest);
    let Some(list) = env::var_os(LIST) else {
        return exit_code(&mut command);
    };
    // The test harness gives times only where unstable options are allowed.
    command.args(["-Z", "unstable-options", "--report-time"]);
    command.env("RUSTC_BOOTSTRAP", "1").stdout(Stdio::piped());
    if env::var_os(THREADS).is_none() {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        command.env(THREADS, (cores * THREADS_PER_CORE).to_string());
    }
    let mut child = command.spawn()?;
    let mut list = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(list)?;
    let name = program_name(Path::new(program));
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            if let Some((test, seconds)) = timed(&line) {
                writeln!(list, "{seconds}\t{name} {test}")?;
            }
        }
    }
    let status = child.wait()?;
    Ok(code_of(status))
}

fn exit_code(command: &mut Command) -> io::Result<ExitCode> {
    command.status().map(code_of)
}

fn code_of(status: std::process::ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}

/// The name of a test program without the hash that cargo appends.
fn program_name(program: &Path) -> String {
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-')
        .map_or_else(|| stem.to_string(), |(name, _)| name.to_owned())
}

/// Name and seconds in a line of the harness: `test a::b ... ok <1.234s>`.
fn timed(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("test ")?;
    let (test, result) = rest.split_once(" ... ")?;
    let (_, time) = result.rsplit_once(" <")?;
    Some((test, time.strip_suffix("s>")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_lines_of_the_harness() {
        assert_eq!(timed("test a::b ... ok <1.250s>"), Some(("a::b", "1.250")));
        assert_eq!(
            timed("test a::b ... FAILED <0.001s>"),
            Some(("a::b", "0.001"))
        );
        assert_eq!(timed("test a::b ... ok"), None);
        assert_eq!(timed("running 3 tests"), None);
        assert_eq!(program_name(Path::new("/d/guide-0a1b2c")), "guide");
    }

    #[test]
    fn the_summary_counts_skipped_tests_and_shows_the_slowest() {
        let times: String = (0..12).map(|n| format!("{n}.5\tit t{n}\n")).collect();
        let skips = "b\tno setpriv\na\tno nginx\nb\tno setpriv\n";
        let text = summary(&times, skips);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1..5],
            [
                "12 tests, 2 skipped",
                "  skipped a: no nginx",
                "  skipped b: no setpriv",
                "the slowest:"
            ]
        );
        assert_eq!(lines.len(), 5 + SLOWEST);
        assert_eq!(lines[5], "     11.5 s  it t11");
    }
}
