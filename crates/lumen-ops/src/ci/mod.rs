//! `lumen registry ci`: workflows that publish, a package when its tag is pushed, or what others
//! submitted.

use std::path::{Path, PathBuf};

use lumen_registry::{Location, location::Provider};

use crate::{error::OpsError, host::fill, session::Session, settings::DEFAULT};

const GITHUB: &str = include_str!("github.yml");
const GITLAB: &str = include_str!("gitlab.yml");
const FORGEJO: &str = include_str!("forgejo.yml");
const INGEST: &str = include_str!("ingest.yml");
const GITLAB_INGEST: &str = include_str!("gitlab-ingest.yml");

/// Where a job of GitHub's runs, and how it gets the repository.
const GITHUB_JOB: [&str; 2] = [
    "    runs-on: ubuntu-latest",
    "      - uses: actions/checkout@v4",
];

/// As [`GITHUB_JOB`]; the container has no Node, which the checkout runs on.
const FORGEJO_JOB: [&str; 2] = [
    "    runs-on: docker\n    container:\n      image: rust:1",
    concat!(
        "      - name: Install what the checkout needs\n",
        "        run: apt-get update && apt-get install --yes --no-install-recommends nodejs\n\n",
        "      - uses: https://data.forgejo.org/actions/checkout@v4",
    ),
];

/// Who runs the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Forgejo Actions.
    Forgejo,
}

/// What a workflow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A package's repository: publishes it when its tag is pushed.
    Publish,
    /// A registry's repository: checks what pull requests submit, publishes what was merged.
    Ingest,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Where it belongs, relative to the repository.
    pub path: &'static Path,
    /// Its text.
    pub text: String,
    /// The secrets it needs, by name.
    pub secrets: Vec<&'static str>,
}

/// Makes a workflow that publishes to the registry of this project.
///
/// `source` is the git repository that Lumen itself is built from.
///
/// # Errors
/// When no registry is configured, or it is in a folder, which no other machine has.
pub fn workflow(
    session: &Session<'_>,
    service: Service,
    purpose: Purpose,
    source: &str,
) -> Result<Workflow, OpsError> {
    session.maybe_project()?;
    let publish = session.publish_location(DEFAULT)?;
    let read = session.location(DEFAULT)?;
    let out_of_reach = |what: &str, hint: &str| Err(OpsError::user(what, hint));
    match &publish {
        Location::File(_) => {
            return out_of_reach(
                "a folder of this machine cannot be published to from elsewhere",
                "name a bucket or a branch after the service, such as `s3://bucket/registry`, or configure one",
            );
        }
        Location::Http(_) => {
            return out_of_reach(
                "a web server can only be read",
                "say where it is published to: `work = { read = \"https://…\", publish = \"s3://…\" }` in [registry.registries]",
            );
        }
        Location::Object(_) | Location::Git(_) => {}
    }
    let secrets = secrets(&publish);
    let (path, template) = match (service, purpose) {
        (Service::Github, Purpose::Publish) => (".github/workflows/publish.yml", GITHUB),
        (Service::Github, Purpose::Ingest) => (".github/workflows/ingest.yml", INGEST),
        (Service::Gitlab, Purpose::Publish) => (".gitlab-ci.yml", GITLAB),
        (Service::Gitlab, Purpose::Ingest) => (".gitlab-ci.yml", GITLAB_INGEST),
        (Service::Forgejo, Purpose::Publish) => (".forgejo/workflows/publish.yml", FORGEJO),
        (Service::Forgejo, Purpose::Ingest) => (".forgejo/workflows/ingest.yml", INGEST),
    };
    let [runner, checkout] = match service {
        Service::Forgejo => FORGEJO_JOB,
        Service::Github | Service::Gitlab => GITHUB_JOB,
    };
    let indented = |indent: &str, line: &dyn Fn(&str) -> String| -> String {
        let lines = secrets
            .iter()
            .map(|name| format!("\n{indent}{}", line(name)));
        lines.collect()
    };
    // Of the steps that need them, not of a job.
    let of_actions = indented("          ", &|name| {
        format!("{name}: ${{{{ secrets.{name} }}}}")
    });
    let of_gitlab = indented("#   ", &|name| name.to_owned());
    let values = [
        ("RUNNER", runner.to_owned()),
        ("CHECKOUT", checkout.to_owned()),
        ("SOURCE", scalar(source)),
        ("READ", scalar(&read.url())),
        ("PUBLISH", scalar(&publish.url())),
        ("SECRETS", of_actions),
        ("VARIABLES", of_gitlab),
    ];
    Ok(Workflow {
        path: Path::new(path),
        text: fill(template, &values),
        secrets,
    })
}

/// Writes a workflow into the project's folder and returns its path.
///
/// # Errors
/// When the file is there with other contents and `force` does not say to replace it.
pub fn write(session: &Session<'_>, workflow: &Workflow, force: bool) -> Result<PathBuf, OpsError> {
    let path = session.options.working_dir.join(workflow.path);
    let other = match fs_err::read(&path) {
        Ok(bytes) => bytes != workflow.text.as_bytes(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    if other && !force {
        return Err(OpsError::user(
            format!("`{}` is there already", path.display()),
            "pass --force to replace it, or --stdout to see the new one",
        ));
    }
    if let Some(folder) = path.parent() {
        lumen_durable::create_dir_all(folder)?;
    }
    lumen_durable::write_atomic(&path, workflow.text.as_bytes())?;
    Ok(path)
}

/// The secrets that publishing to a host takes, the key included.
fn secrets(publish: &Location) -> Vec<&'static str> {
    let host: &[&str] = match publish {
        Location::Object(object) => match object.provider {
            Provider::S3 | Provider::R2 => {
                &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
            }
            Provider::Gcs => &["GOOGLE_SERVICE_ACCOUNT_KEY"],
            Provider::Azure => &["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"],
        },
        Location::Git(_) => &["LUMEN_REGISTRIES_DEFAULT_TOKEN"],
        Location::File(_) | Location::Http(_) => &[],
    };
    [&["LUMEN_KEY"], host].concat()
}

/// A text as a YAML scalar in single quotes, which know no escapes but the quote.
fn scalar(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
