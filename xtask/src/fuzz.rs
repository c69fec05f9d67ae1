//! `cargo xtask fuzz`: coverage-guided fuzzing of what reads bytes of others.
//!
//! The targets are in `fuzz`, a workspace of its own, since they need the nightly toolchain.
//! It builds them by itself, with the flags that libFuzzer needs: the smoke in a profile of its
//! own that compiles in a fraction of the time, a campaign fully optimised.
//! `fuzz/seeds` has inputs to begin with, among them every input that ever failed; what a run
//! finds besides is kept in `target/fuzz-corpus`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::shell::{root, run as sh, works};

/// All targets, with the largest input of each in bytes.
const TARGETS: [(&str, u32); 15] = [
    ("archive", 4096),
    ("file_list", 4096),
    ("manifest", 1024),
    ("lock", 1536),
    ("constraint", 256),
    ("index", 1536),
    ("note", 1024),
    ("checkpoint", 512),
    ("tile_path", 256),
    ("entries", 1024),
    ("bundle", 4096),
    ("state", 1024),
    ("ledger", 1024),
    ("netrc", 512),
    ("git_output", 1024),
];

/// Runs of each target where nobody says how many.
const RUNS: u64 = 100_000;

/// Seconds for each target in `cargo xtask test`: a minute in all.
const SMOKE: u64 = 4;

/// What instruments the code for libFuzzer (clang's SanitizerCoverage), and finds wrong accesses.
const INSTRUMENT: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The profiles of `fuzz/Cargo.toml`.
const SMOKE_PROFILE: &str = "smoke";
const CAMPAIGN_PROFILE: &str = "release";

/// When a run of a target ends.
#[derive(Clone, Copy)]
enum Until {
    Runs(u64),
    Seconds(u64),
}

/// The task: `[TARGET...] [--runs N]`.
pub fn run(arguments: &[String]) -> ExitCode {
    let mut targets = Vec::new();
    let mut runs = RUNS;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let known = TARGETS.iter().find(|target| target.0 == argument.as_str());
        match (argument.as_str(), known) {
            ("--runs", _) => match rest.next().and_then(|number| number.parse().ok()) {
                Some(number) => runs = number,
                None => return wrong("`--runs` needs a number"),
            },
            (_, Some(target)) => targets.push(*target),
            (other, None) => return wrong(&format!("no target `{other}`")),
        }
    }
    if targets.is_empty() {
        targets = TARGETS.to_vec();
    }
    let built = build(CAMPAIGN_PROFILE);
    match built.and_then(|programs| all(&programs, &targets, Until::Runs(runs))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wrong(what: &str) -> ExitCode {
    let known: Vec<&str> = TARGETS.iter().map(|target| target.0).collect();
    eprintln!("error: {what}; targets: {}", known.join(" "));
    ExitCode::from(2)
}

/// The step of `cargo xtask test`: some seconds of each target, where nightly exists.
///
/// # Errors
/// When a target fails, or cannot be built.
pub fn smoke() -> io::Result<()> {
    if !has_nightly() {
        println!("skipped: no nightly toolchain (`rustup toolchain install nightly`)");
        return Ok(());
    }
    all(&build(SMOKE_PROFILE)?, &TARGETS, Until::Seconds(SMOKE))
}

fn has_nightly() -> bool {
    works("rustup", &["run", "nightly", "rustc", "--version"])
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds all targets at once. Returns the folder with the programs.
fn build(profile: &str) -> io::Result<PathBuf> {
    if !has_nightly() {
        let what = "fuzzing needs the nightly toolchain: `rustup toolchain install nightly`";
        return Err(io::Error::other(what));
    }
    // With a platform, programs that run while others are built are not instrumented.
    let platform = platform()?;
    let built = target_dir().join("fuzz");
    let mut command = Command::new("rustup");
    command.current_dir(root().join("fuzz"));
    command.args(["run", "nightly", "cargo", "build", "--bins"]);
    command.args(["--features", "whole", "--profile", profile]);
    command.args(["--target", &platform, "--target-dir"]);
    command.arg(&built);
    // Variables of the cargo that runs this would choose its toolchain.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    sh(command.env("RUSTFLAGS", INSTRUMENT))?;
    Ok(built.join(platform).join(profile))
}

/// The platform of this machine, as the nightly compiler calls it.
fn platform() -> io::Result<String> {
    let mut command = Command::new("rustup");
    let output = command.args(["run", "nightly", "rustc", "-vV"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| io::Error::other("the nightly compiler does not say its platform"))
}

fn program_in(folder: &Path, target: &str) -> PathBuf {
    folder.join(format!("{target}{}", env::consts::EXE_SUFFIX))
}

/// Runs targets one after the other, to the first that fails.
fn all(programs: &Path, targets: &[(&str, u32)], until: Until) -> io::Result<()> {
    for (target, longest) in targets {
        println!("---- {target}");
        let corpus = target_dir().join("fuzz-corpus").join(target);
        let artifacts = target_dir().join("fuzz-artifacts").join(target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&artifacts)?;
        let mut command = Command::new(program_in(programs, target));
        command.arg(&corpus);
        command.arg(root().join("fuzz/seeds").join(target));
        command.arg(match until {
            Until::Runs(number) => format!("-runs={number}"),
            Until::Seconds(number) => format!("-max_total_time={number}"),
        });
        command.args([
            &format!("-max_len={longest}"),
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
            "-verbosity=0",
        ]);
        // Where an input that fails is put.
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        // Two crates may have a symbol of one name, which is no fault of ours; and what is
        // freed counts as used for a while, which must not look like a leak.
        let options = "detect_odr_violation=0:quarantine_size_mb=64";
        command.env("ASAN_OPTIONS", options);
        sh(&mut command)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run_and_has_seeds() {
        let folder = root().join("fuzz/fuzz_targets");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut known = TARGETS.map(|target| target.0.to_owned());
        files.sort();
        known.sort();
        assert_eq!(files, known);
        for (target, longest) in TARGETS {
            let seeds = root().join("fuzz/seeds").join(target);
            let mut count = 0;
            for seed in fs::read_dir(seeds).unwrap() {
                let length = seed.unwrap().metadata().unwrap().len();
                assert!(length <= u64::from(longest), "{target}");
                count += 1;
            }
            assert!(count > 0, "{target}");
        }
    }
}
