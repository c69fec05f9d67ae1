//! Publishing under a quorum where the registry is a branch or a bucket.

use lumen_testkit::{
    buckets::ObjectServer,
    git::{self, git},
    sandbox::{Ran, Sandbox},
    tools::Tool,
};

use crate::bare;

/// A registry at an address, and what it takes to reach it.
struct Host {
    sandbox: Sandbox,
    url: String,
    variables: Vec<(String, String)>,
}

impl Host {
    fn run(&self, folder: &str, key: Option<&str>, arguments: &[&str]) -> Ran {
        let mut command = self.sandbox.command(folder, arguments);
        command.env("LUMEN_REGISTRY", &self.url);
        command.envs(self.variables.clone());
        command.envs(key.map(|key| ("LUMEN_KEY", key)));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    }

    fn publish(&self, version: &str) -> Ran {
        self.sandbox.package("text", "text", version, "").unwrap();
        self.run("text", None, &["pkg", "publish", "--yes"])
    }

    /// What a reader on a machine of its own installs.
    fn reads(&self, version: &str) {
        let more = "[dependencies]\ntext = \"^1\"\n";
        let _ = std::fs::remove_dir_all(self.sandbox.path("app"));
        self.sandbox.package("app", "app", "1.0.0", more).unwrap();
        let ran = self.run("app", None, &["pkg", "install"]);
        assert!(ran.err.contains(&format!("text {version}")), "{ran:#?}");
    }

    /// Publishes under a quorum, witnesses, and takes the quorum away while a commit waits.
    fn lives(&self) {
        let witness = || self.run(".", Some("wit"), &["registry", "witness"]);
        self.run(".", None, &["registry", "init", &self.url]);
        self.run(".", None, &["key", "new", "wit"]);
        self.publish("1.0.0");
        let add = ["registry", "trust", "add-witness", "wit", "--validating"];
        let add = [&add[..], &["--validating-quorum", "1"]].concat();
        self.run(".", None, &add);
        witness();
        self.reads("1.0.0");
        for version in ["1.1.0", "1.2.0"] {
            let ran = self.publish(version);
            let said = "Waiting for 1 validating witness";
            assert!(ran.err.contains(said), "{ran:#?}");
            self.reads("1.0.0");
        }
        // Whoever repairs or cleans up makes nothing public and takes nothing away.
        for command in [
            &["registry", "repair", &self.url][..],
            &["registry", "check", &self.url],
            &["registry", "gc", &self.url, "--grace", "0h"],
        ] {
            self.run(".", None, command);
        }
        self.reads("1.0.0");
        witness();
        self.reads("1.2.0");
        self.publish("1.3.0");
        self.reads("1.2.0");
        witness();
        self.reads("1.3.0");
        self.run(".", None, &["registry", "check", &self.url]);
    }
}

#[test]
fn a_branch_under_a_quorum() {
    let sandbox = bare();
    let path = sandbox.path("registry.git");
    git::bare(&path).unwrap();
    let url = format!("git+file://{}", path.display());
    let host = Host {
        sandbox,
        url,
        variables: Vec::new(),
    };
    host.lives();
    // Each run of the witness is one commit.
    let log = git(&path, &["log", "--format=%s", "gh-pages"]).unwrap();
    let of_witness = log.lines().filter(|line| line.contains("itness"));
    assert!(of_witness.count() >= 3, "{log}");
}

#[test]
fn a_bucket_under_a_quorum() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    let host = Host {
        sandbox: bare(),
        url: server.url(&ObjectServer::fresh_prefix()),
        variables: server.variables(),
    };
    host.lives();
}
