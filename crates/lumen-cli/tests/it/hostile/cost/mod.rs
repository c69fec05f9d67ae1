//! Costs: a remote party takes a bounded amount of bytes, memory, requests, files and seconds.
//!
//! Each limit is tested where it just holds and where it is passed by one.

mod sizes;

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
    fn put(&mut self, path: &str, value: &Value) {
        let path = format!("/{path}");
        self.files.insert(path, value.to_string().into_bytes());
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
