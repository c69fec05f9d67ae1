//! A registry in a branch: made, published to, installed from, and publishers that are killed.

use std::{
    fs,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use lumen_testkit::{
    git::{self, GitServer, git},
    nginx::Nginx,
    sandbox::{Ran, Sandbox},
    tls,
};

use crate::{bare, fails};

/// Far more operations than a publish has.
const MOST: u32 = 200;

/// A sandbox with an empty repository in `registry.git`, and its URL as that of a registry.
fn repository() -> (Sandbox, String) {
    let sandbox = bare();
    let path = sandbox.path("registry.git");
    git::bare(&path).unwrap();
    let url = format!("git+file://{}", path.display());
    (sandbox, url)
}

fn command(sandbox: &Sandbox, url: &str, folder: &str, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(folder, arguments);
    command.env("LUMEN_REGISTRY", url);
    command
}

fn run(sandbox: &Sandbox, url: &str, folder: &str, arguments: &[&str]) -> Ran {
    Ran::of(&command(sandbox, url, folder, arguments).output().unwrap())
}

fn ok(sandbox: &Sandbox, url: &str, folder: &str, arguments: &[&str]) -> Ran {
    let ran = run(sandbox, url, folder, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    ran
}

fn subjects(sandbox: &Sandbox) -> Vec<String> {
    let log = git(
        &sandbox.path("registry.git"),
        &["log", "--format=%s", "gh-pages"],
    );
    log.unwrap().lines().map(str::to_owned).collect()
}

const PUBLISH: [&str; 3] = ["pkg", "publish", "--yes"];

#[test]
fn the_life_of_a_registry_in_a_branch() {
    let (sandbox, url) = repository();
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = run(&sandbox, &url, "a", &PUBLISH);
    fails(
        &ran,
        4,
        &["there is no registry at", "lumen registry init 'git+file"],
    );
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    ok(&sandbox, &url, "a", &PUBLISH);
    sandbox.package("a", "a", "1.1.0", "").unwrap();
    ok(&sandbox, &url, "a", &PUBLISH);
    ok(&sandbox, &url, "a", &PUBLISH);
    ok(
        &sandbox,
        &url,
        ".",
        &["pkg", "yank", "a@1.1.0", "--reason", "bad"],
    );
    sandbox
        .package("app", "app", "0.1.0", "[dependencies]\na = \"^1\"\n")
        .unwrap();
    ok(&sandbox, &url, "app", &["pkg", "install"]);
    assert_eq!(
        sandbox
            .read("app/.lumen/packages/a/src/main.lm.md")
            .unwrap(),
        "# a 1.0.0\n"
    );
    let lock = sandbox.read("app/lumen.lock").unwrap();
    assert!(!lock.contains("file://"), "{lock}");
    assert!(lock.contains("\ncheckpoint = \"registry/"), "{lock}");
    ok(&sandbox, &url, ".", &["registry", "check"]);
    assert_eq!(
        subjects(&sandbox),
        [
            "Yank a 1.1.0",
            "Publish a 1.1.0",
            "Publish a 1.0.0",
            "Make a registry"
        ]
    );
    // What a push asks for it asks once: nobody's name is made up when there is one.
    let author = ["log", "-1", "--format=%an <%ae>", "gh-pages"];
    let author = git(&sandbox.path("registry.git"), &author).unwrap();
    assert_eq!(author.trim(), "lumen <lumen@localhost>");
    sandbox
        .write(
            "home/.gitconfig",
            "[user]\nname = Ada\nemail = ada@example.com\n",
        )
        .unwrap();
    ok(
        &sandbox,
        &url,
        ".",
        &["pkg", "deprecate", "a", "--reason", "old"],
    );
    let author = ["log", "-1", "--format=%an <%ae> %s", "gh-pages"];
    let author = git(&sandbox.path("registry.git"), &author).unwrap();
    assert_eq!(author.trim(), "Ada <ada@example.com> Deprecate a");
}

#[test]
fn a_hook_that_says_no_is_quoted() {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    let hook = "registry.git/hooks/pre-receive";
    sandbox
        .write(hook, "#!/bin/sh\necho 'main is closed' >&2\nexit 1\n")
        .unwrap();
    let chmod = Command::new("chmod")
        .arg("+x")
        .arg(sandbox.path(hook))
        .status();
    assert!(chmod.unwrap().success());
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = run(&sandbox, &url, "a", &PUBLISH);
    fails(
        &ran,
        4,
        &["refused the push", "main is closed", "protection rules"],
    );
    assert_eq!(subjects(&sandbox).len(), 1);
}

/// A publish that is stopped at its n-th operation; `false`: it has fewer.
fn stopped(sandbox: &Sandbox, url: &str, variable: &str, n: u32) -> bool {
    let log = sandbox.path("faults.log");
    let _ = fs::remove_file(&log);
    let mut command = command(sandbox, url, "next", &PUBLISH);
    command
        .env(variable, n.to_string())
        .env("LUMEN_FAULT_LOG", &log);
    command.output().unwrap();
    let passed = fs::read_to_string(&log).unwrap_or_default().lines().count();
    passed >= n as usize
}

fn publish_survives(variable: &str) {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    // Somebody on another machine, who remembers what was there before.
    let stranger = |arguments: &[&str]| {
        let mut command = command(&sandbox, &url, ".", arguments);
        command.env("LUMEN_HOME", sandbox.path("stranger"));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    };
    let mut commits = 1;
    for n in 1..MOST {
        let version = format!("1.{n}.0");
        sandbox.package("next", "a", &version, "").unwrap();
        let was_reached = stopped(&sandbox, &url, variable, n);
        let found = subjects(&sandbox).len();
        assert!(found == commits || found == commits + 1, "operation {n}");
        stranger(&["registry", "check"]);
        if !was_reached {
            assert!(n > 10, "only {n} operations");
            assert_eq!(found, commits + 1);
            let info = stranger(&["--json", "pkg", "info", "a"]);
            for n in 1..=n {
                assert!(info.out.contains(&format!("\"1.{n}.0\"")), "{info:#?}");
            }
            return;
        }
        // Another one goes on, on the same clone, or the same one does.
        if n % 3 == 0 {
            sandbox.package("other", "b", &version, "").unwrap();
            ok(&sandbox, &url, "other", &PUBLISH);
            commits += 1;
        }
        ok(&sandbox, &url, "next", &PUBLISH);
        commits += 1;
        assert_eq!(subjects(&sandbox).len(), commits, "operation {n}");
    }
    panic!("the publish never came to its end");
}

#[test]
fn a_killed_push_is_done_or_not_and_the_next_one_works() {
    publish_survives("LUMEN_FAULT_AT");
}

#[test]
fn a_failed_push_is_done_or_not_and_the_next_one_works() {
    publish_survives("LUMEN_FAULT_ERROR_AT");
}

#[test]
fn many_publishers_of_one_machine_queue_up() {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    let names: Vec<String> = (0..8).map(|n| format!("pkg-{n}")).collect();
    let start = |name: &String| -> Child {
        sandbox.package(name, name, "1.0.0", "").unwrap();
        let mut command = command(&sandbox, &url, name, &PUBLISH);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = names.iter().map(start).collect();
    for child in children {
        let ran = Ran::of(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    ok(&sandbox, &url, ".", &["registry", "check"]);
    assert_eq!(subjects(&sandbox).len(), 9);
}

/// The clones of branches on this machine.
fn clones(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(sandbox.path("home/lumen/hosts/git")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

#[test]
fn cleaning_the_cache_takes_the_clones() {
    let (sandbox, url) = repository();
    ok(&sandbox, &url, ".", &["registry", "init", &url]);
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    ok(&sandbox, &url, "a", &PUBLISH);
    let needs = "[dependencies]\na = \"^1\"\n";
    sandbox.package("app", "app", "0.1.0", needs).unwrap();
    ok(&sandbox, &url, "app", &["pkg", "install"]);
    assert_eq!(clones(&sandbox).len(), 1);
    let size = || {
        let ran = ok(&sandbox, &url, ".", &["--json", "pkg", "cache", "info"]);
        let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        value["git_bytes"].as_u64().unwrap()
    };
    assert!(size() > 0);
    ok(&sandbox, &url, ".", &["pkg", "cache", "clean"]);
    assert_eq!((clones(&sandbox).len(), size()), (0, 0));
    sandbox.package("a", "a", "1.1.0", "").unwrap();
    ok(&sandbox, &url, "a", &PUBLISH);
    ok(&sandbox, &url, "app", &["pkg", "update"]);
    assert!(sandbox.read("app/lumen.lock").unwrap().contains("1.1.0"));
}

#[test]
fn an_authority_of_ones_own_counts_for_git() {
    if !(Nginx::is_installed() && tls::is_installed()) {
        lumen_testkit::skip::missing("nginx or openssl");
        return;
    }
    let (sandbox, _) = repository();
    let server = GitServer::serve(&sandbox.path(".")).unwrap();
    let front = Nginx::in_front_of(&server.url()).unwrap();
    let url = format!("git+{}/registry.git", front.url());
    let trusting = |folder: &str, arguments: &[&str]| {
        let mut command = command(&sandbox, &url, folder, arguments);
        command.env("LUMEN_CA_FILE", front.authority());
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
    };
    sandbox.package("a", "a", "1.0.0", "").unwrap();
    let ran = run(&sandbox, &url, ".", &["registry", "init", &url]);
    fails(
        &ran,
        4,
        &["cannot trust `https://", "LUMEN_CA_FILE", "`ca-file`"],
    );
    trusting(".", &["registry", "init", &url]);
    // From the configuration, too; and the system's authorities still count: here they are
    // what `SSL_CERT_FILE` names, and the one of one's own is another.
    let other = tempfile::tempdir().unwrap();
    tls::issue(other.path()).unwrap();
    let other = other.path().join(tls::AUTHORITY);
    let config = format!("[http]\nca-file = {:?}\n", other.display().to_string());
    sandbox
        .write("home/.config/lumen/config.toml", &config)
        .unwrap();
    let mut publish = command(&sandbox, &url, "a", &PUBLISH);
    publish.env("SSL_CERT_FILE", front.authority());
    let ran = Ran::of(&publish.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let ran = run(&sandbox, &url, "a", &PUBLISH);
    fails(&ran, 4, &["cannot trust `https://"]);

    // Git dependencies are no different.
    let source = sandbox.path("source");
    sandbox.package("source", "dep", "1.0.0", "").unwrap();
    git(&source, &["init", "--quiet", "-b", "main"]).unwrap();
    git(&source, &["add", "."]).unwrap();
    git(&source, &["commit", "--quiet", "-m", "one"]).unwrap();
    let needs = format!(
        "[dependencies]\na = \"^1\"\ndep = {{ git = \"{}/source/.git\" }}\n",
        front.url()
    );
    sandbox.package("app", "app", "0.1.0", &needs).unwrap();
    trusting("app", &["pkg", "install"]);
    assert_eq!(sandbox.read("app/dep/main.lm.md").unwrap(), "# dep 1.0.0\n");
    let ran = run(&sandbox, &url, "app", &["pkg", "update"]);
    fails(&ran, 4, &["cannot trust", "LUMEN_CA_FILE"]);
    sandbox
        .write("none.pem", "these are no certificates\n")
        .unwrap();
    let mut command = command(&sandbox, &url, "app", &["pkg", "update"]);
    command.env("LUMEN_CA_FILE", sandbox.path("none.pem"));
    let ran = Ran::of(&command.output().unwrap());
    fails(&ran, 4, &["none.pem` are none"]);
}

/// The command lines of all processes of this machine.
fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

#[test]
fn secrets_are_in_no_list_of_processes() {
    const SECRET: &str = "tok-0f1e2d3c4b5a";
    // The same with the user `x-access-token`, as HTTP has it (RFC 7617).
    const ENCODED: &str = "eC1hY2Nlc3MtdG9rZW46dG9rLTBmMWUyZDNjNGI1YQ==";
    let (sandbox, _) = repository();
    let server = GitServer::serve(&sandbox.path(".")).unwrap();
    server.demand(&format!("Basic {ENCODED}"));
    let (seen, said) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, keep) = (Arc::clone(&seen), Arc::clone(&said));
    server.watch(move || {
        for line in command_lines() {
            // Whoever asks the server is git's own helper, or it would not be the time to look.
            *count.lock().unwrap() += usize::from(line.contains("remote-http"));
            if line.contains(SECRET) || line.contains(ENCODED) {
                keep.lock().unwrap().push(line);
            }
        }
    });
    let url = format!("git+{}/registry.git", server.url());
    let with_token = |folder: &str, arguments: &[&str]| {
        let mut command = command(&sandbox, &url, folder, arguments);
        command.env("LUMEN_REGISTRIES_DEFAULT_TOKEN", SECRET);
        Ran::of(&command.output().unwrap())
    };
    let init = ["registry", "init", &url];
    fails(&run(&sandbox, &url, ".", &init), 4, &["denied"]);
    for (folder, arguments) in [
        (".", &init[..]),
        ("a", &PUBLISH),
        ("app", &["pkg", "install"]),
    ] {
        sandbox.package("a", "a", "1.0.0", "").unwrap();
        let needs = "[dependencies]\na = \"^1\"\n";
        sandbox.package("app", "app", "0.1.0", needs).unwrap();
        let ran = with_token(folder, arguments);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(!ran.err.contains(SECRET), "{ran:#?}");
    }
    let seen = *seen.lock().unwrap();
    assert!(seen > 5, "git was seen {seen} times only");
    let said = said.lock().unwrap();
    assert!(said.is_empty(), "{said:#?}");
    // Nor does it stay on the disk.
    let kept = Command::new("grep")
        .args(["-rlE", &format!("{SECRET}|{ENCODED}")])
        .arg(sandbox.path("."))
        .output()
        .unwrap();
    let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert!(kept.is_empty(), "{kept}");
}
