//! What registries are shown: from the URL, the environment, helpers and `~/.netrc`.

use std::process::Command;

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Answer, Asked, Server, answer, not_found},
};

use crate::{bare, fails};

/// RFC 7617: base64 of `user:pass`, and of `other:word`.
const USER: &str = "Basic dXNlcjpwYXNz";
const OTHER: &str = "Basic b3RoZXI6d29yZA==";

/// A registry, made by hand, of one package `lib`, that wants `expected` in each request.
fn private(expected: &'static str) -> Server {
    Server::start(move |asked: &Asked| {
        if asked.headers.get("authorization").map(String::as_str) != Some(expected) {
            return answer("401 Unauthorized", &["WWW-Authenticate: Basic"], b"");
        }
        serve(&asked.path)
    })
}

fn serve(path: &str) -> Answer {
    let body = match path {
        "/packages/lib/index.json" => r#"{"name": "lib", "versions": ["1.0.0"], "yanked": {}}"#,
        "/packages/lib/1.0.0.json" => {
            r#"{"name": "lib", "version": "1.0.0", "deps": {}, "artifacts": []}"#
        }
        _ => return not_found(),
    };
    answer("200 OK", &["Cache-Control: no-cache"], body.as_bytes())
}

/// `pkg info lib` in an empty folder, with this default registry.
fn info(sandbox: &Sandbox, url: &str) -> Command {
    let mut command = sandbox.command(".", &["pkg", "info", "lib"]);
    command.env("LUMEN_REGISTRY", url);
    command
}

fn run(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

fn succeeds(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.out.starts_with("lib 1.0.0"), "{ran:#?}");
}

fn config(sandbox: &Sandbox, server: &Server, helper: &str) {
    let text = format!(
        "[registry.credentials.\"{}\"]\nhelper = '{helper}'\n",
        server.url()
    );
    sandbox
        .write("home/.config/lumen/config.toml", &text)
        .unwrap();
}

/// A helper that notes each call and says this.
fn helper(sandbox: &Sandbox, name: &str, says: &str) -> String {
    let path = sandbox.path(name);
    let log = sandbox.path(&format!("{name}.log"));
    let script = format!(
        "#!/bin/sh\necho \"$1\" >> {}\ncat > /dev/null\n{says}\n",
        log.display()
    );
    sandbox.write(name, &script).unwrap();
    mode(sandbox, name, 0o755);
    path.display().to_string()
}

fn mode(sandbox: &Sandbox, file: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(sandbox.path(file), mode).unwrap();
}

fn netrc(sandbox: &Sandbox, text: &str) {
    sandbox.write("home/.netrc", text).unwrap();
    mode(sandbox, "home/.netrc", 0o600);
}

#[test]
fn netrc_is_read() {
    let sandbox = bare();
    let server = private(USER);
    fails(
        &run(&mut info(&sandbox, &server.url())),
        4,
        &["status 401", "~/.netrc"],
    );
    netrc(&sandbox, "machine 127.0.0.1 login user password pass\n");
    let ran = run(&mut info(&sandbox, &server.url()));
    succeeds(&ran);
    assert!(!ran.err.contains("warning"), "{ran:#?}");
    // Who may read it may use it.
    mode(&sandbox, "home/.netrc", 0o644);
    let ran = run(&mut info(&sandbox, &server.url()));
    succeeds(&ran);
    assert!(
        ran.err.contains("others can read `") && ran.err.contains("chmod 600"),
        "{ran:#?}"
    );
    assert!(!ran.err.contains("pass\n"), "{ran:#?}");
    // Another file, in which there is nothing for this host.
    sandbox
        .write("elsewhere", "machine example.org password x\n")
        .unwrap();
    let elsewhere = sandbox.path("elsewhere");
    let ran = run(info(&sandbox, &server.url()).env("NETRC", elsewhere));
    fails(&ran, 4, &["status 401"]);
    // One that makes no sense costs a warning without its text.
    netrc(&sandbox, "machine 127.0.0.1\nlogin user passwort hunter2\n");
    let ran = run(&mut info(&sandbox, &server.url()));
    fails(
        &ran,
        4,
        &["home/.netrc` is not used: line 2 is not understood"],
    );
    assert!(!ran.err.contains("hunter2"), "{ran:#?}");
}

#[test]
fn a_helper_is_asked_when_the_server_wants_something() {
    let sandbox = bare();
    let server = private(USER);
    let program = helper(&sandbox, "helper", "echo username=user; echo password=pass");
    config(&sandbox, &server, &program);
    succeeds(&run(&mut info(&sandbox, &server.url())));
    assert_eq!(sandbox.read("helper.log").unwrap(), "get\n");
    let refused = server
        .asked()
        .into_iter()
        .filter(|asked| !asked.headers.contains_key("authorization"));
    assert_eq!(
        refused.count(),
        1,
        "from then on everything is asked with it"
    );

    let open = Server::start(|asked| serve(&asked.path));
    config(&sandbox, &open, &program);
    succeeds(&run(&mut info(&sandbox, &open.url())));
    assert_eq!(
        sandbox.read("helper.log").unwrap(),
        "get\n",
        "nobody wanted anything"
    );

    // A token.
    let server = private("Bearer tok");
    config(
        &sandbox,
        &server,
        &helper(&sandbox, "tokens", "echo password=tok"),
    );
    succeeds(&run(&mut info(&sandbox, &server.url())));
}

#[test]
fn refused_credentials_are_an_error_after_one_try() {
    let sandbox = bare();
    let server = private(USER);
    config(
        &sandbox,
        &server,
        &helper(
            &sandbox,
            "helper",
            "echo username=other; echo password=word",
        ),
    );
    let ran = run(&mut info(&sandbox, &server.url()));
    fails(
        &ran,
        4,
        &[
            "with the credentials from the credential helper `",
            "status 401",
        ],
    );
    assert!(
        !ran.err.contains("word\n") && !ran.err.contains("other"),
        "{ran:#?}"
    );
    assert_eq!(sandbox.read("helper.log").unwrap(), "get\nerase\n");
    let sent: Vec<_> = server
        .asked()
        .into_iter()
        .filter_map(|asked| asked.headers.get("authorization").cloned())
        .collect();
    assert_eq!(sent, [OTHER]);

    std::fs::remove_file(sandbox.path("home/.config/lumen/config.toml")).unwrap();
    netrc(&sandbox, "machine 127.0.0.1 login other password word\n");
    server.take();
    let ran = run(&mut info(&sandbox, &server.url()));
    fails(
        &ran,
        4,
        &["/home/.netrc`: the server answered with status 401"],
    );
    assert_eq!(server.asked().len(), 1);

    let url = server.url().replace("http://", "http://other:word@");
    let ran = run(&mut info(&sandbox, &url));
    fails(&ran, 4, &["with the credentials from the URL: "]);
    assert!(!ran.err.contains("word"), "{ran:#?}");
    let ran = run(info(&sandbox, &server.url()).env("LUMEN_REGISTRIES_DEFAULT_TOKEN", "hunter2"));
    fails(&ran, 4, &["from `LUMEN_REGISTRIES_DEFAULT_TOKEN`: "]);
    assert!(!ran.err.contains("hunter2"), "{ran:#?}");
}

#[test]
fn a_helper_that_fails_says_so() {
    let sandbox = bare();
    let server = private(USER);
    config(
        &sandbox,
        &server,
        &helper(&sandbox, "helper", "echo password=hunter2; exit 2"),
    );
    let ran = run(&mut info(&sandbox, &server.url()));
    fails(
        &ran,
        4,
        &[
            "the credential helper `",
            "failed: exit status: 2",
            "by hand",
        ],
    );
    assert!(!ran.err.contains("hunter2"), "{ran:#?}");
}

#[test]
fn url_before_token_before_helper_before_netrc() {
    let sandbox = bare();
    netrc(&sandbox, "machine 127.0.0.1 login netrc password x\n");
    // What the server saw last, with each of them taken away.
    let server = private("nothing");
    let seen = |helper: bool, token: bool, url: &str| {
        server.take();
        let says = if helper {
            "echo username=helper; echo password=x"
        } else {
            "true"
        };
        config(&sandbox, &server, &self::helper(&sandbox, "helper", says));
        let token = if token { "token" } else { "" };
        run(info(&sandbox, url).env("LUMEN_REGISTRIES_DEFAULT_TOKEN", token));
        server.asked().last().unwrap().headers["authorization"].clone()
    };
    let with_user = server.url().replace("http://", "http://url:x@");
    // base64 of `url:x`, `helper:x`, `netrc:x`.
    assert_eq!(seen(true, true, &with_user), "Basic dXJsOng=");
    assert_eq!(seen(true, true, &server.url()), "Bearer token");
    assert_eq!(seen(true, false, &server.url()), "Basic aGVscGVyOng=");
    assert_eq!(seen(false, false, &server.url()), "Basic bmV0cmM6eA==");
}

#[test]
fn a_project_gets_nothing() {
    let sandbox = bare();
    netrc(&sandbox, "default login user password pass\n");
    let server = private(USER);
    let app = |more: &str| {
        sandbox.package("app", "app", "1.0.0", more).unwrap();
        let mut command = sandbox.command("app", &["pkg", "info", "lib"]);
        command
            .env_remove("LUMEN_REGISTRY")
            .env("LUMEN_REGISTRIES_DEFAULT_TOKEN", "hunter2");
        run(&mut command)
    };
    // Plain HTTP to wherever a project says, with the user's password.
    let ran = app(&format!("[registry]\ndefault = \"{}\"\n", server.url()));
    fails(&ran, 4, &["status 401"]);
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| !asked.headers.contains_key("authorization"))
    );
    // A program that a project chose.
    let program = helper(&sandbox, "evil", "true");
    let ran = app(&format!(
        "[registry]\ndefault = \"{0}\"\n[registry.credentials.\"{0}\"]\nhelper = '{program}'\n",
        server.url()
    ));
    fails(
        &ran,
        1,
        &["a project cannot choose a program", "config.toml"],
    );
    assert!(!sandbox.path("evil.log").exists());
}

#[test]
fn nothing_follows_a_redirect_to_another_host() {
    let sandbox = bare();
    let stranger = Server::start(|asked| serve(&asked.path));
    let target = stranger.url();
    let server =
        Server::start(
            move |asked| match asked.headers.get("authorization").map(String::as_str) {
                Some(USER) => answer(
                    "302 Found",
                    &[&format!("Location: {target}{}", asked.path)],
                    b"",
                ),
                _ => answer("401 Unauthorized", &[], b""),
            },
        );
    netrc(&sandbox, "machine 127.0.0.1 login user password pass\n");
    succeeds(&run(&mut info(&sandbox, &server.url())));
    config(
        &sandbox,
        &server,
        &helper(&sandbox, "helper", "echo username=user; echo password=pass"),
    );
    succeeds(&run(&mut info(&sandbox, &server.url())));
    assert!(sandbox.path("helper.log").exists());
    assert!(!stranger.asked().is_empty());
    for asked in stranger.asked() {
        assert!(
            !asked.headers.contains_key("authorization"),
            "{}",
            asked.path
        );
    }
}
