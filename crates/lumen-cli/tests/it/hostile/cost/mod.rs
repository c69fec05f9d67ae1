//! Costs: a remote party takes a bounded amount of bytes, memory, requests, files and seconds.
//!
//! Each limit is tested where it just holds and where it is passed by one.

mod git;
mod graphs;
mod memory;
mod sizes;
mod waits;

use std::collections::BTreeMap;

use lumen_core::Digest;
use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Answer, Server, not_found, ok},
};
use serde_json::{Value, json};

use super::super::{bare, fails, publish, sandbox};

/// An unsigned registry of files in memory.
#[derive(Default, Clone)]
struct Files {
    files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Adds a package; for each version its dependencies.
    fn package(&mut self, name: &str, versions: &[(&str, Value)]) {
        let summary = |(version, deps): &(&str, Value)| (version.to_string(), summary(deps, 2048));
        let releases: serde_json::Map<String, Value> = versions.iter().map(summary).collect();
        let names: Vec<&str> = versions.iter().map(|(version, _)| *version).collect();
        let index = json!({"name": name, "versions": names, "releases": releases});
        self.put(&format!("packages/{name}/index.json"), &index);
    }

    fn put(&mut self, path: &str, value: &Value) {
        let path = format!("/{path}");
        self.files.insert(path, value.to_string().into_bytes());
    }

    fn serve(self) -> Server {
        self.serve_with(|_| None)
    }

    /// Serves the files; what `first` answers goes before them.
    fn serve_with(self, first: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Server {
        Server::start(move |asked| {
            let file = || self.files.get(&asked.path).map(|bytes| ok(bytes));
            first(&asked.path).or_else(file).unwrap_or_else(not_found)
        })
    }
}

/// A summary of a release with an artifact that nobody has.
fn summary(deps: &Value, size: u64) -> Value {
    let digest = Digest::of(deps.to_string().as_bytes());
    let artifact = json!({"kind": "tar", "url": address(&digest), "hash": digest, "size": size});
    json!({"deps": deps, "artifacts": [artifact]})
}

fn address(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("artifacts/sha256/{}/{}.tar", &hex[..2], &hex[2..])
}

/// Writes a project that depends on something.
fn project(sandbox: &Sandbox, folder: &str, dependencies: &str) {
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"1.0.0\"\n\n[dependencies]\n{dependencies}\n"
    );
    sandbox
        .write(&format!("{folder}/lumen.toml"), &manifest)
        .unwrap();
}

/// Runs a command in `app`, with a registry and limits.
fn run(sandbox: &Sandbox, registry: &str, arguments: &[&str], limits: &[(&str, &str)]) -> Ran {
    let mut command = sandbox.command("app", arguments);
    command.env("LUMEN_REGISTRY", registry);
    for (limit, value) in limits {
        command.env(format!("LUMEN_LIMIT_{limit}"), value);
    }
    Ran::of(&command.output().unwrap())
}

/// Runs a command with a limit that just holds and with the one below, which fails and names it.
fn at_the_limit(sandbox: &Sandbox, registry: &str, arguments: &[&str], limit: &str, least: u64) {
    let ran = run(sandbox, registry, arguments, &[(limit, &least.to_string())]);
    assert_eq!(ran.code, Some(0), "{limit} {least}: {ran:#?}");
    std::fs::remove_file(sandbox.path("app/lumen.lock")).unwrap();
    let below = (least - 1).to_string();
    let ran = run(sandbox, registry, arguments, &[(limit, &below)]);
    let key = limit.to_lowercase().replace('_', "-");
    fails(
        &ran,
        4,
        &[
            &format!("; the limit `{key}` is {below}"),
            &format!("raise `{key}` in [limits] of your configuration, or set LUMEN_LIMIT_{limit}"),
        ],
    );
    assert!(!sandbox.path("app/lumen.lock").exists());
}
