//! The workflows that `registry ci` writes, and the action: their commands are run as a runner would.

use std::{path::Path, process::Command};

use lumen_testkit::sandbox::{Ran, Sandbox, tree};
use yaml_rust2::{Yaml, YamlLoader};

use crate::{bare, fails};

const SOURCE: &str = "https://git.example.org/lumen.git";

/// A registry in a branch and a package that is tagged.
fn tagged() -> (Sandbox, String) {
    let sandbox = bare();
    let git = |arguments: &[&str]| {
        let done = Command::new("git").args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&[
        "init",
        "-q",
        "--bare",
        sandbox.path("reg.git").to_str().unwrap(),
    ]);
    let url = format!("git+file://{}#gh-pages", sandbox.path("reg.git").display());
    sandbox.ok(".", &["registry", "init", &url]).unwrap();
    let section = format!("[registry]\ndefault = \"{url}\"\n");
    sandbox.package("pack", "pack", "1.2.3", &section).unwrap();
    (sandbox, url)
}

/// Writes a workflow where no registry is chosen but by the project, and parses it.
fn write_workflow(sandbox: &Sandbox, arguments: &[&str], file: &str) -> (String, Yaml) {
    let all = [&["registry", "ci"], arguments, &["--source", SOURCE]].concat();
    let mut ci = sandbox.command("pack", &all);
    let wrote = Ran::of(&ci.env_remove("LUMEN_REGISTRY").output().unwrap());
    assert_eq!(wrote.code, Some(0), "{wrote:#?}");
    let text = sandbox.read(&format!("pack/{file}")).unwrap();
    let yaml = YamlLoader::load_from_str(&text).unwrap().remove(0);
    (text, yaml)
}

/// Runs a script where nothing of the sandbox's user is known but the key.
fn runner(sandbox: &Sandbox, script: &str, environment: &[(&str, &str)]) -> Ran {
    let key = sandbox.ok(".", &["key", "export", "--secret"]).unwrap().out;
    let bin = Path::new(env!("CARGO_BIN_EXE_lumen")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(sandbox.path("pack"))
        .env_clear()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", sandbox.path("runner"))
        .env("LUMEN_KEY", key.trim())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    Ran::of(&output)
}

/// The commands of a workflow, one a line, but for the one that builds lumen.
fn commands(text: &str) -> String {
    let command = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        let line = line.strip_prefix("run: ").unwrap_or(line);
        line.starts_with("lumen ").then(|| format!("{line}\n"))
    };
    text.lines().filter_map(command).collect()
}

/// The value of a variable in a workflow.
fn value(text: &str, name: &str) -> String {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
    line.unwrap().trim_matches('\'').to_owned()
}

#[test]
fn a_password_does_not_get_into_a_workflow() {
    let sandbox = bare();
    let source = "https://ci:hunter2@git.example.org/lumen.git";
    let arguments = ["registry", "ci", "github", "--source", source];
    let mut command = sandbox.command(".", &arguments);
    command.env("LUMEN_REGISTRY", "git+https://git.example.org/registry.git");
    let ran = Ran::of(&command.output().unwrap());
    fails(&ran, 1, &["has a password", "credential helper"]);
    assert!(
        !ran.err.contains("hunter2") && ran.out.is_empty(),
        "{ran:#?}"
    );
    assert!(!sandbox.path(".github").exists());
}

#[test]
fn what_the_workflows_run_publishes_and_confirms() {
    for (service, file) in [
        ("github", ".github/workflows/publish.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("forgejo", ".forgejo/workflows/publish.yml"),
    ] {
        let (sandbox, url) = tagged();
        let (text, yaml) = write_workflow(&sandbox, &[service], file);
        let job = match service {
            "gitlab" => &yaml["build"]["variables"],
            _ => &yaml["jobs"]["publish"]["env"],
        };
        assert_eq!(job["LUMEN_SOURCE"].as_str(), Some(SOURCE), "{text}");
        assert!(
            text.contains("LUMEN_KEY") && text.contains(SOURCE),
            "{text}"
        );
        assert_eq!(value(&text, "LUMEN_PUBLISH_REGISTRY"), url, "{text}");
        let read = value(&text, "LUMEN_REGISTRY");
        let environment = [
            ("LUMEN_REGISTRY", read.as_str()),
            ("LUMEN_PUBLISH_REGISTRY", &url),
            ("TAG", "v1.2.3"),
        ];
        let script = commands(&text);
        assert_eq!(script.lines().count(), 5, "{script}");
        let ran = runner(&sandbox, &script, &environment);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("Confirmed"), "{ran:#?}");
        let wrong = [environment[0], environment[1], ("TAG", "v1.2.4")];
        fails(&runner(&sandbox, &script, &wrong), 1, &["v1.2.4", "1.2.3"]);

        // Nobody's changes are written over.
        sandbox.write(&format!("pack/{file}"), "mine").unwrap();
        let mut again = sandbox.command("pack", &["registry", "ci", service, "--source", SOURCE]);
        let again = Ran::of(&again.env_remove("LUMEN_REGISTRY").output().unwrap());
        fails(&again, 1, &[file, "--force"]);
    }
}

/// The last script of a job.
fn last_script(job: &Yaml) -> String {
    let step = |list: &Yaml| list.as_vec().unwrap().last().unwrap().clone();
    let script = match &job["script"] {
        Yaml::BadValue => step(&job["steps"])["run"].clone(),
        scripts => step(scripts),
    };
    script.as_str().unwrap().to_owned()
}

#[test]
fn submissions_are_checked_without_a_secret_and_ingested() {
    for (service, file) in [
        ("github", ".github/workflows/ingest.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("forgejo", ".forgejo/workflows/ingest.yml"),
    ] {
        let (sandbox, url) = tagged();
        let (text, yaml) = write_workflow(&sandbox, &[service, "--ingest"], file);
        let jobs = match service {
            "gitlab" => &yaml,
            _ => &yaml["jobs"],
        };
        // Only the step that publishes has a key.
        if service != "gitlab" {
            assert_eq!(text.matches("LUMEN_KEY: ").count(), 1, "{text}");
            let steps = jobs["ingest"]["steps"].as_vec().unwrap();
            let env = &steps.last().unwrap()["env"];
            assert_eq!(env["LUMEN_PUBLISH_REGISTRY"].as_str(), Some(&*url));
            let secret = "${{ secrets.LUMEN_KEY }}";
            assert_eq!(env["LUMEN_KEY"].as_str(), Some(secret));
        }
        let check = last_script(&jobs["check"]);
        let ingest = last_script(&jobs["ingest"]);
        let environment = [("LUMEN_REGISTRY", url.as_str())];
        let without_key = [environment[0], ("LUMEN_KEY", "")];

        // Nothing is submitted, or what was is removed again.
        let ran = runner(&sandbox, &check, &without_key);
        assert_eq!(ran.code, Some(0), "{ran:#?}");

        let mut submit = sandbox.command("pack", &["pkg", "submit", "--out", "submissions"]);
        let submitted = Ran::of(&submit.env("LUMEN_REGISTRY", &url).output().unwrap());
        assert_eq!(submitted.code, Some(0), "{submitted:#?}");
        let before = tree(&sandbox.path("reg.git/refs")).unwrap();
        let ran = runner(&sandbox, &check, &without_key);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("Would add `pack` 1.2.3"), "{ran:#?}");
        assert!(tree(&sandbox.path("reg.git/refs")).unwrap() == before);

        let refused = runner(&sandbox, &ingest, &without_key);
        fails(&refused, 1, &["no key to sign with"]);
        let ran = runner(&sandbox, &ingest, &environment);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.err.contains("Published `pack` 1.2.3"), "{ran:#?}");
        let ran = runner(&sandbox, &ingest, &environment);
        assert!(ran.err.contains("Skipped `pack` 1.2.3"), "{ran:#?}");

        let damaged = sandbox.path("pack/submissions/pack/1.2.3/submission.json");
        std::fs::write(damaged, "{}").unwrap();
        let ran = runner(&sandbox, &check, &without_key);
        fails(&ran, 3, &["`submissions/pack/1.2.3` is refused"]);
    }
}

#[test]
fn the_action_does_the_same() {
    let action = concat!(env!("CARGO_MANIFEST_DIR"), "/../../action.yml");
    let text = std::fs::read_to_string(action).unwrap();
    let yaml = YamlLoader::load_from_str(&text).unwrap().remove(0);
    assert_eq!(yaml["runs"]["using"].as_str(), Some("composite"));
    let (sandbox, url) = tagged();
    let environment = [
        ("LUMEN_REGISTRY", url.as_str()),
        ("LUMEN_PUBLISH_REGISTRY", &url),
        ("TAG", "pack-v1.2.3"),
        ("WAIT", "60"),
    ];
    let ran = runner(&sandbox, &commands(&text), &environment);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.err.contains("Confirmed"), "{ran:#?}");
    for (name, _) in environment {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn what_never_shows_up_is_said() {
    let sandbox = crate::sandbox();
    let [now, before] = ["registry", "before"].map(|name| sandbox.path(name));
    let copied = Command::new("cp").arg("-r").args([&now, &before]).status();
    assert!(copied.unwrap().success());
    sandbox.package("pack", "pack", "1.2.3", "").unwrap();
    let [now, before] = [now, before].map(|path| format!("file://{}", path.display()));
    let environment = [
        ("LUMEN_REGISTRY", before.as_str()),
        ("LUMEN_PUBLISH_REGISTRY", &now),
    ];
    let ran = runner(&sandbox, "lumen pkg publish --yes --wait 1", &environment);
    fails(&ran, 4, &["not yet visible at", "before"]);
}

#[test]
fn a_folder_is_out_of_reach() {
    let sandbox = crate::sandbox();
    let ran = sandbox
        .run(".", &["registry", "ci", "github", "--source", SOURCE])
        .unwrap();
    fails(
        &ran,
        1,
        &["folder of this machine", "`s3://bucket/registry`"],
    );
}
