//! `lumen registry ci`: workflows that publish, a package when its tag is pushed, or what others
//! submitted.

use std::path::PathBuf;

use lumen_core::limits::MAX_WORKFLOW_BYTES;
use lumen_registry::{
    Location,
    location::{Provider, redacted},
};
use lumen_store::project::files;

use crate::{
    error::{HostingError, InputError, OpsError, Written},
    pack::stays_inside,
    session::Session,
    settings::DEFAULT,
    verbs::host::fill,
};

const PUBLISH: &str = include_str!("publish.yml");
const GITLAB: &str = include_str!("gitlab.yml");
const INGEST: &str = include_str!("ingest.yml");
const GITLAB_INGEST: &str = include_str!("gitlab-ingest.yml");

/// Image with the tools that build lumen.
const IMAGE: &str = "rust:1.92-trixie";

/// The action that gets the repository, by its commit: a tag of it can be moved.
const CHECKOUT: &str = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2";

/// Digits of the names that git gives to commits: SHA-1 and SHA-256.
const COMMIT_DIGITS: [usize; 2] = [40, 64];

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

/// The lumen that a workflow installs.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The git repository that it is built from.
    pub source: &'a str,
    /// The commit, in full.
    pub commit: Option<&'a str>,
    /// The version, whose tag is taken where no commit is known.
    pub version: &'a str,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Where it belongs, relative to the repository.
    pub path: &'static str,
    /// Its text.
    pub text: String,
    /// The secrets it needs, by name.
    pub secrets: Vec<&'static str>,
}

/// Makes a workflow that publishes to the registry of this project.
///
/// # Errors
/// When no registry is configured, it is in a folder, which no other machine has, or a URL or
/// the commit would mean something else in a workflow.
pub fn workflow(
    session: &Session<'_>,
    service: Service,
    purpose: Purpose,
    program: &Program<'_>,
) -> Result<Workflow, OpsError> {
    let publish = session.publish_location(DEFAULT)?;
    let read = session.location(DEFAULT)?;
    match &publish {
        Location::File(_) => {
            return Err(HostingError::Folder.into());
        }
        Location::Http(_) => {
            return Err(HostingError::ReadOnly.into());
        }
        Location::Object(_) | Location::Git(_) => {}
    }
    let host = host_secrets(&publish);
    let secrets = [&["LUMEN_KEY"], host].concat();
    let (path, template) = match (service, purpose) {
        (Service::Github, Purpose::Publish) => (".github/workflows/publish.yml", PUBLISH),
        (Service::Github, Purpose::Ingest) => (".github/workflows/ingest.yml", INGEST),
        (Service::Gitlab, Purpose::Publish) => (".gitlab-ci.yml", GITLAB),
        (Service::Gitlab, Purpose::Ingest) => (".gitlab-ci.yml", GITLAB_INGEST),
        (Service::Forgejo, Purpose::Publish) => (".forgejo/workflows/publish.yml", PUBLISH),
        (Service::Forgejo, Purpose::Ingest) => (".forgejo/workflows/ingest.yml", INGEST),
    };
    let (runner, checkout) = match service {
        // The container has no Node, which the checkout runs on.
        Service::Forgejo => (
            format!("    runs-on: docker\n    container:\n      image: {IMAGE}"),
            format!(
                "      - name: Install what the checkout needs\n        run: apt-get update && \
                 apt-get install --yes --no-install-recommends nodejs\n\n      \
                 - uses: https://data.forgejo.org/{CHECKOUT}"
            ),
        ),
        Service::Github | Service::Gitlab => (
            "    runs-on: ubuntu-24.04".to_owned(),
            format!("      - uses: {CHECKOUT}"),
        ),
    };
    // Reading from another place than the one to publish to needs no credentials of the latter.
    let reads_there = read.url() == publish.url() && !is_local(&publish);
    let of_step = |names: &[&str]| -> String {
        let lines = names
            .iter()
            .map(|name| format!("\n          {name}: ${{{{ secrets.{name} }}}}"));
        lines.collect()
    };
    let read_secrets = match reads_there && !host.is_empty() {
        true => format!("\n        env:{}", of_step(host)),
        false => String::new(),
    };
    let of_gitlab = secrets.iter().map(|name| {
        let all = reads_there && purpose == Purpose::Publish && host.contains(name);
        let environment = if all { "publish/*" } else { "publish/sign" };
        format!("\n#   {name}, for the environment `{environment}`")
    });
    let (pin, pinned) = program.pin()?;
    let values = [
        ("RUNNER", runner),
        ("CHECKOUT", checkout),
        ("IMAGE", IMAGE.to_owned()),
        ("SOURCE", repository(program.source)?),
        ("PIN", pin),
        ("PINNED", pinned.to_owned()),
        ("READ", scalar(&read.url())?),
        ("PUBLISH", scalar(&publish.url())?),
        ("READ_SECRETS", read_secrets),
        ("SECRETS", of_step(&secrets)),
        ("VARIABLES", of_gitlab.collect()),
    ];
    Ok(Workflow {
        path,
        text: fill(template, &values),
        secrets,
    })
}

impl Program<'_> {
    /// A variable that says what to install, and the arguments that do so.
    fn pin(&self) -> Result<(String, &'static str), OpsError> {
        let Some(commit) = self.commit else {
            let tag = scalar(&format!("v{}", self.version))?;
            return Ok((format!("LUMEN_TAG: {tag}"), "--expect-tag \"$LUMEN_TAG\""));
        };
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !COMMIT_DIGITS.contains(&commit.len()) || !commit.bytes().all(hex) {
            return Err(InputError::Commit(commit.to_owned()).into());
        }
        Ok((
            format!("LUMEN_COMMIT: '{commit}'"),
            "--rev \"$LUMEN_COMMIT\"",
        ))
    }
}

/// Whether no credentials are needed to read: a repository of the same machine.
fn is_local(location: &Location) -> bool {
    location.url().starts_with("git+file:")
}

/// Writes a workflow into the project's folder and returns its path.
///
/// # Errors
/// When the file is there with other contents and `force` does not say to replace it.
pub fn write(session: &Session<'_>, workflow: &Workflow, force: bool) -> Result<PathBuf, OpsError> {
    stays_inside(session, workflow.path, Written::Workflow)?;
    let path = session.context.options.working_dir.join(workflow.path);
    let base = &session.context.options.working_dir;
    let there = files::read(base, &path, MAX_WORKFLOW_BYTES)?;
    let other = there.is_some_and(|bytes| bytes != workflow.text.as_bytes());
    if other && !force {
        return Err(HostingError::Exists(path).into());
    }
    files::write(base, &path, workflow.text.as_bytes())?;
    Ok(path)
}

/// The secrets that a host wants from publishers.
fn host_secrets(publish: &Location) -> &'static [&'static str] {
    match publish {
        Location::Object(object) => match object.provider {
            Provider::S3 | Provider::R2 => {
                &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
            }
            Provider::Gcs => &["GOOGLE_SERVICE_ACCOUNT_KEY"],
            Provider::Azure => &["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"],
        },
        Location::Git(_) => &["LUMEN_REGISTRIES_DEFAULT_TOKEN"],
        Location::File(_) | Location::Http(_) => &[],
    }
}

/// The place of a repository, as text of a workflow, which others read.
fn repository(source: &str) -> Result<String, OpsError> {
    match url::Url::parse(source) {
        Ok(url) if url.password().is_some() => Err(HostingError::Password(redacted(source)).into()),
        _ => scalar(source),
    }
}

/// A text as a YAML scalar in single quotes, which know no escapes but the quote.
///
/// # Errors
/// When a runner would replace a part of it: `${{ secrets.… }}`, `$VARIABLE`.
fn scalar(text: &str) -> Result<String, OpsError> {
    if text.contains('$') || text.contains(char::is_control) {
        return Err(HostingError::Workflow(text.to_owned()).into());
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}
