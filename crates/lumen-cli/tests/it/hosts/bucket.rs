//! What is printed for buckets, applied to a real one.

use lumen_testkit::{
    buckets::ObjectServer,
    sandbox::Ran,
    tools::{self, Tool},
};

use super::*;
use crate::bare;

/// Runs a command with the credentials of a bucket's owner.
fn as_owner(sandbox: &Sandbox, server: &ObjectServer, url: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(".", arguments);
    command.envs(server.variables()).env("LUMEN_REGISTRY", url);
    Ran::of(&command.output().unwrap())
}

#[test]
fn a_bucket_as_printed() {
    let Some(server) = ObjectServer::start(Tool::SeaweedFs) else {
        return;
    };
    let server = server.unwrap();
    let sandbox = bare();
    let url = server.url("reg");
    let ok = |arguments: &[&str]| {
        let ran = as_owner(&sandbox, &server, &url, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    };
    ok(&["registry", "init", &url]);
    let publish = |version: &str| {
        sandbox.package("text", "text", version, "").unwrap();
        ok(&["pkg", "publish", "--yes", "--manifest-path", "text"]);
    };
    publish("1.0.0");
    let Some(aws) = tools::find("aws") else {
        lumen_testkit::skip::missing("aws");
        return;
    };
    let script = ok(&["registry", "host", "s3", &url]).out;
    sandbox.write("setup/setup.sh", &script).unwrap();
    let run = |script: &str| {
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", script])
            .current_dir(sandbox.path("setup"))
            .envs(server.variables())
            .env("AWS_DEFAULT_REGION", "us-east-1");
        let path = std::env::var("PATH").unwrap_or_default();
        let folder = aws.parent().unwrap().display().to_string();
        shell.env("PATH", format!("{folder}:{path}"));
        Ran::of(&shell.output().unwrap())
    };
    let applied = run("sh setup.sh");
    assert_eq!(applied.code, Some(0), "{applied:#?}");
    // It still takes releases.
    publish("1.1.0");
    let doctor = ["registry", "doctor", "--write", &url];
    assert!(ok(&doctor).err.contains(": fit for a registry\n"));
    // Everybody reads it, web pages too.
    let bucket = server.url("").split("//").nth(1).unwrap().to_owned();
    let bucket = bucket.split('/').next().unwrap();
    let public = format!("{}/{bucket}/reg", server.endpoint());
    let (found, code) = faults(&sandbox, &[&public]);
    let checks: Vec<&str> = found.iter().map(|(check, _)| check.as_str()).collect();
    assert!(matches!(checks[..], [] | ["compression"]), "{found:?}");
    assert_eq!(code, Some(0));
    installs_text(&sandbox, &public);
}

/// Somebody who was never here installs the package `text`.
fn installs_text(sandbox: &Sandbox, url: &str) {
    let app = "[dependencies]\ntext = \"^1\"\n";
    sandbox.package("app", "app", "1.0.0", app).unwrap();
    let mut install = sandbox.command("app", &["pkg", "install"]);
    install
        .env("LUMEN_HOME", sandbox.path("elsewhere"))
        .env("LUMEN_REGISTRY", url);
    let ran = Ran::of(&install.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn the_doctor_warns_of_buckets_that_ignore_conditions() {
    let Some(server) = ObjectServer::start(Tool::S3rver) else {
        return;
    };
    let server = server.unwrap();
    let sandbox = bare();
    let url = server.url("reg");
    let ran = as_owner(&sandbox, &server, &url, &["registry", "doctor", &url]);
    fails(&ran, 4, &["not fit for a registry"]);
    // The report is broken into lines.
    let said: Vec<&str> = ran.out.split_whitespace().collect();
    let said = said.join(" ");
    for text in [
        "two publishers would overwrite each other",
        "fix: publish to a host that keeps",
    ] {
        assert!(said.contains(text), "{ran:#?}");
    }
}
