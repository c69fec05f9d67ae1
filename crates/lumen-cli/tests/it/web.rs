//! The program against real nginx and Apache over HTTPS, with an authority nobody else knows.

use std::process::Command;

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    web::{Program, WebServer},
};

use crate::{fails, publish, sandbox};

/// Runs a test with each server there is, on the registry of a sandbox with one package.
fn with_each(test: impl Fn(&Sandbox, &WebServer)) {
    for program in Program::ALL {
        if !program.is_installed() {
            lumen_testkit::skip::missing(&format!("{program:?}"));
            continue;
        }
        let sandbox = sandbox();
        publish(&sandbox, "lib", "1.0.0", "");
        let server = WebServer::serve(program, &sandbox.path("registry")).unwrap();
        sandbox
            .package("app", "app", "1.0.0", "[dependencies]\nlib = \"1\"\n")
            .unwrap();
        test(&sandbox, &server);
    }
}

/// `pkg install` in `app`, as if for the first time.
fn install(sandbox: &Sandbox, url: &str) -> Command {
    for path in ["home/lumen", "app/.lumen", "app/lumen.lock", "app/lib"] {
        let path = sandbox.path(path);
        let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
    }
    let mut command = sandbox.command("app", &["pkg", "install"]);
    command.env("LUMEN_REGISTRY", url);
    command
}

fn run(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

fn installs(sandbox: &Sandbox, command: &mut Command) {
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let installed = sandbox.read("app/lib/main.lm.md").unwrap();
    assert_eq!(installed, "# lib 1.0.0\n");
}

#[test]
fn an_authority_is_made_known() {
    with_each(|sandbox, server| {
        let (url, authority) = (server.https("/files"), server.authority());
        let unknown = |command: &mut Command| {
            let ran = run(command);
            fails(&ran, 4, &["cannot trust localhost:", "does not know"]);
            fails(&ran, 4, &["LUMEN_CA_FILE", "`ca-file`"]);
        };
        unknown(&mut install(sandbox, &url));
        installs(
            sandbox,
            install(sandbox, &url).env("LUMEN_CA_FILE", &authority),
        );
        installs(
            sandbox,
            install(sandbox, &url).env("SSL_CERT_FILE", &authority),
        );
        // A project chooses no authorities.
        let manifest = sandbox.read("app/lumen.toml").unwrap();
        let more = format!("{manifest}\n[http]\nca-file = '{}'\n", authority.display());
        sandbox.write("app/lumen.toml", &more).unwrap();
        unknown(&mut install(sandbox, &url));
        sandbox.write("app/lumen.toml", &manifest).unwrap();
        // A path is relative to the configuration it stands in; the environment is stronger.
        let config = "home/.config/lumen/config.toml";
        sandbox
            .write(config, "[http]\nca-file = \"own.pem\"\n")
            .unwrap();
        let ran = run(&mut install(sandbox, &url));
        fails(&ran, 4, &["/home/.config/lumen/own.pem` cannot be read"]);
        std::fs::copy(&authority, sandbox.path("home/.config/lumen/own.pem")).unwrap();
        installs(sandbox, &mut install(sandbox, &url));
        let ran = run(install(sandbox, &url).env("LUMEN_CA_FILE", "none.pem"));
        fails(&ran, 4, &["/app/none.pem` cannot be read", "LUMEN_CA_FILE"]);
    });
}

#[test]
fn private_registries() {
    use std::os::unix::fs::PermissionsExt as _;
    with_each(|sandbox, server| {
        let over_tls = |path: &str| {
            let mut command = install(sandbox, &server.https(path));
            command.env("LUMEN_CA_FILE", server.authority());
            command
        };
        fails(&run(&mut over_tls("/basic")), 4, &["status 401"]);
        fails(&run(&mut over_tls("/bearer")), 4, &["status 40"]);
        let tokens = "LUMEN_REGISTRIES_DEFAULT_TOKEN";
        installs(sandbox, over_tls("/bearer").env(tokens, "tok-read-1"));
        let ran = run(over_tls("/bearer").env(tokens, "tok-read-2"));
        fails(&ran, 4, &["from `LUMEN_REGISTRIES_DEFAULT_TOKEN`: "]);
        sandbox
            .write("home/.netrc", "machine localhost login user password pass")
            .unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(sandbox.path("home/.netrc"), mode).unwrap();
        installs(sandbox, &mut over_tls("/basic"));
        let lock = sandbox.read("app/lumen.lock").unwrap();
        assert!(!lock.contains("pass") && !lock.contains("user"), "{lock}");
        // The same lock from another address of the same registry.
        let mut command = sandbox.command("app", &["pkg", "install", "--locked"]);
        std::fs::remove_dir_all(sandbox.path("home/lumen/store")).unwrap();
        std::fs::remove_dir_all(sandbox.path("app/.lumen")).unwrap();
        installs(
            sandbox,
            command.env("LUMEN_REGISTRY", server.http("/moved")),
        );
    });
}
