//! Workflows that publish: what they install, who has the key, and what a runner makes of the
//! texts of others.

use std::{path::Path, process::Command};

use lumen_testkit::sandbox::{Ran, Sandbox};
use yaml_rust2::{Yaml, YamlLoader};

use crate::{bare, fails};

const SOURCE: &str = "https://git.example.org/lumen.git";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const BUCKET: &str = "s3://registry/packages";

/// All workflows, as text and parsed.
fn workflows(url: &str) -> Vec<(String, Yaml)> {
    let sandbox = bare();
    let mut found = Vec::new();
    for service in ["github", "gitlab", "forgejo"] {
        for ingest in [&[][..], &["--ingest"]] {
            let base = [
                "registry", "ci", service, url, "--stdout", "--source", SOURCE,
            ];
            let all = [&base[..], &["--rev", COMMIT], ingest].concat();
            let text = sandbox.ok(".", &all).unwrap().out;
            let yaml = YamlLoader::load_from_str(&text).unwrap().remove(0);
            found.push((text, yaml));
        }
    }
    found
}

fn action() -> (String, Yaml) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../action.yml");
    let text = std::fs::read_to_string(file).unwrap();
    let yaml = YamlLoader::load_from_str(&text).unwrap().remove(0);
    (text, yaml)
}

/// The parts of a workflow that run by themselves, with what each has in its environment and
/// runs: steps of GitHub's, jobs of GitLab's.
fn parts(yaml: &Yaml) -> Vec<(Yaml, String)> {
    let steps = |job: &Yaml| -> Vec<Yaml> { job["steps"].as_vec().cloned().unwrap_or_default() };
    let script = |part: &Yaml, key: &str| -> String {
        let lines = part[key].as_vec().into_iter().flatten();
        lines
            .filter_map(Yaml::as_str)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let of_jobs = |jobs: &Yaml| -> Vec<Yaml> {
        let jobs = jobs.as_hash().into_iter().flatten();
        jobs.flat_map(|(_, job)| steps(job)).collect()
    };
    if !yaml["runs"].is_badvalue() || !yaml["jobs"].is_badvalue() {
        let all = [steps(&yaml["runs"]), of_jobs(&yaml["jobs"])].concat();
        let run = |step: Yaml| {
            let script = step["run"].as_str().unwrap_or_default().to_owned();
            (step, script)
        };
        return all.into_iter().map(run).collect();
    }
    let jobs = yaml.as_hash().unwrap().iter().map(|(_, job)| job.clone());
    jobs.map(|job| {
        let all = script(&job, "before_script") + &script(&job, "script");
        (job, all)
    })
    .collect()
}

fn publishes(script: &str) -> bool {
    script.contains("lumen ") && script.contains("--yes")
}

#[test]
fn workflows_pin_what_they_install() {
    for (text, yaml) in workflows(BUCKET) {
        for line in text.lines() {
            if let Some((_, action)) = line.split_once("uses: ") {
                let (_, commit) = action.split_once('@').unwrap();
                let commit = commit.split(' ').next().unwrap();
                assert!(commit.len() == 40, "{line}");
                assert!(
                    commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{line}"
                );
            }
            assert!(
                !line.contains(":latest") && !line.contains("ubuntu-latest"),
                "{line}"
            );
        }
        let installs = text.matches("cargo install").count();
        assert!(installs > 0, "{text}");
        let pinned = "cargo install --locked";
        assert_eq!(text.matches(pinned).count(), installs, "{text}");
        assert_eq!(
            text.matches("--rev \"$LUMEN_COMMIT\"").count(),
            installs,
            "{text}"
        );
        assert!(
            text.contains(&format!("LUMEN_COMMIT: '{COMMIT}'")),
            "{text}"
        );
        if !yaml["jobs"].is_badvalue() {
            let permissions = yaml["permissions"].as_hash().unwrap();
            assert_eq!(permissions.len(), 1, "{text}");
            assert_eq!(yaml["permissions"]["contents"].as_str(), Some("read"));
            let checkouts = text.matches("uses: ").count();
            assert_eq!(
                text.matches("persist-credentials: false").count(),
                checkouts
            );
        }
    }
    let sandbox = bare();
    for bad in ["main", "v1.0.0", "0123456", "$(id)"] {
        let base = [
            "registry", "ci", "github", BUCKET, "--source", SOURCE, "--rev", bad,
        ];
        fails(&sandbox.run(".", &base).unwrap(), 1, &["commit"]);
    }
}

#[test]
fn only_the_step_that_publishes_has_the_key() {
    let all = workflows(BUCKET).into_iter().chain([action()]);
    for (text, yaml) in all {
        let gitlab = yaml["jobs"].is_badvalue() && yaml["runs"].is_badvalue();
        let mut with_key = 0;
        for (part, script) in parts(&yaml) {
            let has_key = match gitlab {
                // A variable of this environment, as the comment says.
                true => part["environment"]["name"].as_str() == Some("publish/sign"),
                false => !part["env"]["LUMEN_KEY"].is_badvalue(),
            };
            assert_eq!(has_key, publishes(&script), "{script}\n{text}");
            let installs = ["cargo", "pkg install", "pkg verify", "--dry-run"];
            let other = installs.iter().any(|other| script.contains(other));
            assert!(!(has_key && other), "{script}\n{text}");
            with_key += usize::from(has_key);
        }
        assert_eq!(with_key, 1, "{text}");
        match gitlab {
            true => assert!(
                text.contains("LUMEN_KEY, for the environment `publish/sign`"),
                "{text}"
            ),
            false => assert_eq!(text.matches("LUMEN_KEY: ").count(), 1, "{text}"),
        }
    }
    // Who reads elsewhere needs no credentials of the bucket to verify.
    let sandbox = bare();
    let places = "[registry]\ndefault = \"work\"\n[registry.registries]\n\
                  work = { read = \"https://r.example.org\", publish = \"s3://registry\" }\n";
    sandbox.package("p", "p", "1.0.0", places).unwrap();
    let arguments = [
        "registry", "ci", "github", "--stdout", "--source", SOURCE, "--rev", COMMIT,
    ];
    let mut command = sandbox.command("p", &arguments);
    let ran = Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(
        ran.out.matches("AWS_SECRET_ACCESS_KEY: ").count(),
        1,
        "{ran:#?}"
    );
}

/// Runs a script as a runner does, with this tag and no key.
fn run_script(sandbox: &Sandbox, script: &str, tag: &str) -> Ran {
    let bin = Path::new(env!("CARGO_BIN_EXE_lumen")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let url = sandbox.registry_url();
    let output = Command::new("bash")
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(sandbox.path("p"))
        .env_clear()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", sandbox.path("runner"))
        .env("LUMEN_REGISTRY", &url)
        .env("LUMEN_PUBLISH_REGISTRY", &url)
        .env("TAG", tag)
        .env("CI_COMMIT_TAG", tag)
        .env("WAIT", "1")
        .output()
        .unwrap();
    Ran::of(&output)
}

#[test]
fn a_tag_is_no_script() {
    let all = workflows(BUCKET).into_iter().chain([action()]);
    for (text, yaml) in all {
        for (_, script) in parts(&yaml) {
            // A runner replaces these before a shell reads the script.
            assert!(!script.contains("${{"), "{script}\n{text}");
            if !script.contains("TAG") {
                continue;
            }
            let sandbox = crate::sandbox();
            sandbox.package("p", "p", "1.0.0", "").unwrap();
            // What takes the program out of an earlier job has nothing to do with the tag.
            let script = script.replace("install .lumen-ci/bin/lumen /usr/local/bin/lumen", "true");
            for tag in [
                "v1$(touch pwned)",
                "v1\";touch pwned;\"",
                "v1`touch pwned`",
                "v1';touch pwned;'",
                "v1;touch pwned",
                "v1.0.0 --registry=file:///tmp",
                "v1|touch${IFS}pwned",
            ] {
                let ran = run_script(&sandbox, &script, tag);
                assert_ne!(ran.code, Some(0), "{tag}: {ran:#?}\n{script}");
                assert!(!sandbox.path("p/pwned").exists(), "{tag}: {script}");
                assert!(!sandbox.path("registry/packages/p").exists(), "{tag}");
            }
        }
    }
}

#[test]
fn a_url_is_no_expression() {
    for (url, source) in [
        ("s3://registry/${{ secrets.LUMEN_KEY }}", SOURCE),
        ("s3://registry/$LUMEN_KEY", SOURCE),
        ("s3://registry/@SECRETS@", SOURCE),
        ("s3://registry/@VARIABLES@", SOURCE),
        (BUCKET, "https://git.example.org/${{ secrets.LUMEN_KEY }}"),
        (BUCKET, "https://git.example.org/$LUMEN_KEY"),
        (BUCKET, "https://git.example.org/@SECRETS@"),
        (
            BUCKET,
            "https://git.example.org/'\n'x: ${{ secrets.LUMEN_KEY }}",
        ),
    ] {
        for service in ["github", "gitlab", "forgejo"] {
            let sandbox = bare();
            let default = url.replace('\\', "\\\\").replace('"', "\\\"");
            let more = format!("[registry]\ndefault = \"{default}\"\n");
            sandbox.package("p", "p", "1.0.0", &more).unwrap();
            let arguments = [
                "registry", "ci", service, "--stdout", "--source", source, "--rev", COMMIT,
            ];
            let mut command = sandbox.command("p", &arguments);
            let ran = Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap());
            if ran.code == Some(0) {
                let yaml = YamlLoader::load_from_str(&ran.out).unwrap().remove(0);
                for (part, _) in parts(&yaml) {
                    let places = [
                        &part["variables"],
                        &part["env"],
                        &yaml["jobs"]["publish"]["env"],
                    ];
                    for name in ["LUMEN_REGISTRY", "LUMEN_PUBLISH_REGISTRY", "LUMEN_SOURCE"] {
                        for place in places {
                            let value = place[name].as_str().unwrap_or_default();
                            assert!(
                                !value.contains('$') && !value.contains("LUMEN_KEY"),
                                "{ran:#?}"
                            );
                        }
                    }
                }
            } else {
                fails(&ran, 1, &["hint:"]);
            }
        }
    }
}
