//! Projects that give names and URLs other meanings than the user did.

use lumen_testkit::{
    git::{self, GitServer, git},
    sandbox::{Ran, Sandbox, tree},
    server::{Answer, Asked, Server, answer, not_found, ok},
    web::{Program, WebServer},
};

use crate::{bare, fails, publish, sandbox};

const CONFIG: &str = "home/.config/lumen/config.toml";

/// A registry of one package `lib` below `/r`, `/a` and `/b`, open to everybody.
fn open() -> Server {
    Server::start(|asked| files(&asked.path))
}

/// The same for those who show this.
fn private(expected: &'static str) -> Server {
    Server::start(move |asked: &Asked| {
        match asked.headers.get("authorization").map(String::as_str) {
            Some(shown) if shown == expected => files(&asked.path),
            _ => answer("401 Unauthorized", &["WWW-Authenticate: Bearer"], b""),
        }
    })
}

fn files(path: &str) -> Answer {
    match path.get(2..) {
        Some("/packages/lib/index.json") => {
            ok(br#"{"name": "lib", "versions": ["1.0.0"], "yanked": {}}"#)
        }
        Some("/packages/lib/1.0.0.json") => {
            ok(br#"{"name": "lib", "version": "1.0.0", "deps": {}, "artifacts": []}"#)
        }
        Some("/index.json") => ok(br#"{"name": "r", "packages": [{"name": "lib"}]}"#),
        _ => not_found(),
    }
}

/// What a server was shown, each once.
fn shown(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter();
    let mut shown: Vec<String> = asked
        .filter_map(|asked| asked.headers.get("authorization").cloned())
        .collect();
    shown.sort();
    shown.dedup();
    assert!(!server.take().is_empty(), "nothing was asked");
    shown
}

/// `pkg info lib` in a project with this in `[registry]`, and with these variables.
fn info(sandbox: &Sandbox, registry: &str, variables: &[(&str, &str)]) -> Ran {
    let registry = format!("[registry]\n{registry}\n");
    sandbox.package("app", "app", "1.0.0", &registry).unwrap();
    let mut command = sandbox.command("app", &["pkg", "info", "lib"]);
    command.env_remove("LUMEN_REGISTRY");
    command.envs(variables.iter().copied());
    Ran::of(&command.output().unwrap())
}

fn configure(sandbox: &Sandbox, registries: &[(&str, &str)]) {
    let lines: String = registries
        .iter()
        .map(|(name, url)| format!("{name} = \"{url}\"\n"))
        .collect();
    sandbox
        .write(CONFIG, &format!("[registry.registries]\n{lines}"))
        .unwrap();
}

const TOKENS: [(&str, &str); 2] = [
    ("LUMEN_REGISTRIES_WORK_TOKEN", "of-work"),
    ("LUMEN_REGISTRIES_DEFAULT_TOKEN", "of-default"),
];

#[test]
fn a_token_stays_with_its_name_and_its_url() {
    let (work, community, sandbox) = (open(), open(), bare());
    let (at_work, at_community) = (work.url() + "/r", community.url() + "/r");
    configure(
        &sandbox,
        &[("work", &at_work), ("community", &at_community)],
    );
    let no_token: [String; 0] = [];

    // A project calls the community's registry by the name of the one at work.
    let both = format!("default = \"work\"\n[registry.registries]\nwork = \"{at_community}\"");
    assert_eq!(info(&sandbox, &both, &TOKENS).code, Some(0));
    assert_eq!(shown(&community), no_token);

    // A project's default is the community's registry, by URL or by name.
    for default in [&at_community[..], "community"] {
        let default = format!("default = \"{default}\"");
        assert_eq!(info(&sandbox, &default, &TOKENS).code, Some(0));
        assert_eq!(shown(&community), no_token);
        // Its own token is for this.
        let own = [
            TOKENS[0],
            TOKENS[1],
            ("LUMEN_REGISTRIES_COMMUNITY_TOKEN", "own"),
        ];
        assert_eq!(info(&sandbox, &default, &own).code, Some(0));
        assert_eq!(shown(&community), ["Bearer own"]);
    }
    // Where the user paired them, they are sent.
    assert_eq!(info(&sandbox, "default = \"work\"", &TOKENS).code, Some(0));
    assert_eq!(shown(&work), ["Bearer of-work"]);
    let given = [TOKENS[1], ("LUMEN_REGISTRY", &at_work[..])];
    assert_eq!(info(&sandbox, "", &given).code, Some(0));
    assert_eq!(shown(&work), ["Bearer of-default"]);
    // The name on the command line is the user's, the URL that a project gives it is not.
    let project = format!("[registry.registries]\nwork = \"{at_community}\"");
    let named = [TOKENS[0], TOKENS[1], ("LUMEN_REGISTRY", "work")];
    assert_eq!(info(&sandbox, &project, &named).code, Some(0));
    assert_eq!(shown(&community), no_token);
}

#[test]
fn a_token_is_for_one_path_of_a_host() {
    let (server, sandbox) = (open(), bare());
    configure(&sandbox, &[("work", &(server.url() + "/a"))]);
    for (path, expected) in [
        ("/a", &["Bearer of-work"][..]),
        ("/a/", &["Bearer of-work"]),
        ("/b/../a", &["Bearer of-work"]),
        ("/b", &[]),
        ("/a/../b", &[]),
        ("/a/%2e%2e/b", &[]),
    ] {
        let default = format!("default = \"{}{path}\"", server.url());
        assert_eq!(info(&sandbox, &default, &TOKENS).code, Some(0), "{path}");
        assert_eq!(shown(&server), expected, "{path}");
    }
    for path in ["/ab", "/a/b", "/a%2f..%2fb", "/A"] {
        let default = format!("default = \"{}{path}\"", server.url());
        info(&sandbox, &default, &TOKENS);
        assert_eq!(shown(&server), [""; 0], "{path}");
    }
}

#[test]
fn a_project_cannot_replace_the_default_of_a_flag() {
    let (own, evil, sandbox) = (open(), open(), bare());
    let registries = format!("[registry.registries]\ndefault = \"{}/r\"", evil.url());
    let url = own.url() + "/r";
    let given = [TOKENS[1], ("LUMEN_REGISTRY", &url[..])];
    assert_eq!(info(&sandbox, &registries, &given).code, Some(0));
    assert_eq!(shown(&own), ["Bearer of-default"]);
    assert_eq!(evil.take(), [""; 0]);
}

#[test]
fn the_default_of_netrc_does_not_go_where_a_project_says() {
    let program = Program::Nginx;
    if !program.is_installed() {
        lumen_testkit::skip::missing(&format!("{program:?}"));
        return;
    }
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    let server = WebServer::serve(program, &sandbox.path("registry")).unwrap();
    let url = server.https("/basic");
    let authority = server.authority().display().to_string();
    let netrc = |text: &str| {
        sandbox.write("netrc", text).unwrap();
        sandbox.path("netrc").display().to_string()
    };
    let project = format!("default = \"{url}\"");
    let with = |project: &str, text: &str, more: &[(&str, &str)]| {
        let file = netrc(text);
        let variables = [("LUMEN_CA_FILE", &authority[..]), ("NETRC", &file)];
        info(&sandbox, project, &[&variables, more].concat())
    };
    let default = "default login user password pass";
    // The server takes this password, so a success shows that it was sent.
    let ran = with(&project, default, &[]);
    fails(&ran, 4, &["status 401"]);
    let own = [("LUMEN_REGISTRY", &url[..])];
    assert_eq!(with(&project, default, &own).code, Some(0));
    // An entry for the host is for the host, whoever names it.
    let machine = "machine localhost login user password pass";
    assert_eq!(with(&project, machine, &[]).code, Some(0));
    for other in ["localhost.", "ocalhost", "localhost.evil"] {
        let machine = format!("machine {other} login user password pass");
        fails(&with(&project, &machine, &[]), 4, &["status 401"]);
    }
}

/// The assignment `name=value` that a text tells to make.
fn assignment(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("{name}=")).expect(text);
    rest.split([';', ' ', '\n']).next().unwrap().to_owned()
}

#[test]
fn advice_for_a_url_of_a_project_works() {
    let (server, sandbox) = (private("Bearer tok"), bare());
    let url = server.url() + "/r";
    // The default registry, and a named one with characters that variables cannot have.
    for (project, name, place) in [
        (
            format!("default = \"{url}\""),
            "LUMEN_REGISTRIES_DEFAULT_TOKEN",
            "LUMEN_REGISTRY",
        ),
        (
            format!("[registry.registries]\nmy-work = \"{url}\""),
            "LUMEN_REGISTRIES_MY_WORK_TOKEN",
            "LUMEN_REGISTRIES_MY_WORK_URL",
        ),
    ] {
        let run = |variables: &[(&str, &str)]| {
            let registry = format!("[registry]\n{project}\n");
            let needs = "[dependencies]\nlib = { version = \"1\", registry = \"my-work\" }\n";
            let needs = if name.contains("WORK") {
                needs
            } else {
                "[dependencies]\nlib = \"1\"\n"
            };
            sandbox
                .package("app", "app", "1.0.0", &format!("{registry}{needs}"))
                .unwrap();
            let mut command = sandbox.command("app", &["pkg", "lock"]);
            command
                .env_remove("LUMEN_REGISTRY")
                .envs(variables.iter().copied());
            Ran::of(&command.output().unwrap())
        };
        // The token alone is not sent, and the advice says what to add.
        let ran = run(&[(name, "tok")]);
        fails(&ran, 4, &["status 401", name, place]);
        assert_eq!(shown(&server), [""; 0]);
        let said = assignment(&ran.err, place);
        assert_eq!(said, url);
        let ran = run(&[(name, "tok"), (place, &said)]);
        assert!(!ran.err.contains("status 401"), "{ran:#?}");
        assert_eq!(shown(&server), ["Bearer tok"]);
        // The variable wins over what the project makes of the name.
        let elsewhere = run(&[(name, "tok"), (place, &(server.url() + "/b"))]);
        assert!(!elsewhere.err.contains("status 401"), "{elsewhere:#?}");
        assert!(
            server
                .asked()
                .iter()
                .all(|asked| asked.path.starts_with("/b/"))
        );
        assert_eq!(shown(&server), ["Bearer tok"]);
    }
    let ran = info(&sandbox, "", &[("LUMEN_REGISTRIES_WORK_URL", "work")]);
    fails(
        &ran,
        1,
        &["LUMEN_REGISTRIES_WORK_URL is `work`, which is no URL"],
    );
}

#[test]
fn the_token_that_may_write_is_not_sent_where_is_only_read() {
    // What a workflow sets that publishes to a branch and reads its pages.
    let (pages, sandbox) = (open(), bare());
    git::bare(&sandbox.path("registry.git")).unwrap();
    let host = GitServer::serve(&sandbox.path(".")).unwrap();
    // The user `x-access-token` with the password `writing`.
    host.demand("Basic eC1hY2Nlc3MtdG9rZW46d3JpdGluZw==");
    let (read, publish) = (
        pages.url() + "/r",
        format!("git+{}/registry.git", host.url()),
    );
    let writing = ("LUMEN_REGISTRIES_DEFAULT_TOKEN", "writing");
    let reading = ("LUMEN_REGISTRIES_DEFAULT_READ_TOKEN", "reading");
    let run = |arguments: &[&str], tokens: &[(&str, &str)]| {
        let mut command = sandbox.command("app", arguments);
        command
            .env("LUMEN_REGISTRY", &read)
            .env("LUMEN_PUBLISH_REGISTRY", &publish)
            .envs(tokens.iter().copied());
        Ran::of(&command.output().unwrap())
    };
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    let init = ["registry", "init", &publish, "--unsigned"];
    let ran = run(&init, &[writing]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let wait = ["pkg", "publish", "--yes", "--wait", "1"];
    for (tokens, expected) in [
        (&[writing][..], &[][..]),
        (&[writing, reading], &["Bearer reading"]),
    ] {
        pages.take();
        // It is published, and never seen on the pages.
        let ran = run(&wait, tokens);
        assert!(!ran.err.contains("denied"), "{ran:#?}");
        assert_eq!(shown(&pages), expected, "{ran:#?}");
    }
    let log = git(
        &sandbox.path("registry.git"),
        &["log", "--format=%s", "gh-pages"],
    )
    .unwrap();
    assert!(log.contains("app"), "{log}");

    // The same by configuration. The advice names the token to read with, and it works.
    let private = private("Bearer reading");
    let configured = |publish: &str, tokens: &[(&str, &str)]| {
        let config = format!(
            "[registry.registries]\nwork = {{ read = \"{}/r\", publish = \"{publish}\" }}\n",
            private.url()
        );
        sandbox.write(CONFIG, &config).unwrap();
        info(&sandbox, "default = \"work\"", tokens)
    };
    let token = ("LUMEN_REGISTRIES_WORK_TOKEN", "reading");
    let ran = configured(&publish, &[token]);
    fails(
        &ran,
        4,
        &["status 401", "set LUMEN_REGISTRIES_WORK_READ_TOKEN"],
    );
    assert_eq!(shown(&private), [""; 0]);
    let to_read = ("LUMEN_REGISTRIES_WORK_READ_TOKEN", "reading");
    assert_eq!(configured(&publish, &[to_read]).code, Some(0));
    // One host, or a place that takes no token: there is one token.
    let same = private.url() + "/w";
    for publish in [&same[..], "s3://bucket/r", "git+ssh://git@h.example/r.git"] {
        let ran = configured(publish, &[token]);
        assert_eq!(ran.code, Some(0), "{publish}: {ran:#?}");
    }
}

#[test]
fn a_helper_is_for_its_origin() {
    let (server, sandbox) = (private("Bearer tok"), bare());
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let config = format!(
        "[registry.credentials.\"http://127.0.0.1:{port}/a\"]\nhelper = ['sh', '-c', 'echo password=tok']\n"
    );
    sandbox.write(CONFIG, &config).unwrap();
    for (path, expected) in [
        ("/a", &["Bearer tok"][..]),
        ("/b", &[]),
        ("/ab", &[]),
        ("/a/../b", &[]),
        ("/a/x", &["Bearer tok"]),
        ("/a/..%2fb", &[]),
        ("/a/..%5cb", &[]),
        ("/a/..;/b", &[]),
        ("/a/..%3b/b", &[]),
        ("/a/..%252fb", &[]),
        ("/a/%2e%2e%2fb", &[]),
    ] {
        let default = format!("default = \"{}{path}\"", server.url());
        info(&sandbox, &default, &[]);
        assert_eq!(shown(&server), expected, "{path}");
    }
}

#[test]
fn a_project_does_not_say_which_folder_or_branch_is_written_to() {
    let sandbox = bare();
    sandbox.write("documents/letter", "mine").unwrap();
    sandbox.write("site/index.json", "{\"pages\": []}").unwrap();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let repository = sandbox.path("repository.git");
    git::bare(&repository).unwrap();
    let work = sandbox.path("documents");
    let origin = format!("file://{}", repository.display());
    for arguments in [
        &["init", "--quiet", "-b", "main"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "one"],
        &["push", "--quiet", &origin, "main"],
    ] {
        git(&work, arguments).unwrap();
    }
    let before = tree(&sandbox.path("documents")).unwrap();
    let folder = |name: &str| format!("file://{}", sandbox.path(name).display());
    let branch = format!("git+{origin}#main");
    for url in [
        &folder("documents"),
        &folder("site"),
        &folder("empty"),
        &branch,
    ] {
        let named = format!("[registry]\ndefault = \"{url}\"\n");
        let apart = format!(
            "[registry]\ndefault = \"work\"\n[registry.registries]\n\
             work = {{ read = \"http://127.0.0.1:9\", publish = \"{url}\" }}\n"
        );
        for registry in [&named, &apart] {
            sandbox.package("app", "app", "1.0.0", registry).unwrap();
            let mut command = sandbox.command("app", &["pkg", "publish", "--yes"]);
            let ran = Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap());
            assert!(matches!(ran.code, Some(1 | 4)), "{url}: {ran:#?}");
        }
    }
    assert_eq!(tree(&sandbox.path("documents")).unwrap(), before);
    assert_eq!(tree(&sandbox.path("site")).unwrap().len(), 1);
    assert_eq!(tree(&sandbox.path("empty")).unwrap().len(), 0);
    let log = git(&repository, &["log", "--format=%s", "main"]).unwrap();
    assert_eq!(log.trim(), "one");
    // Where the user made one, a project may name it; and the user may name any.
    sandbox
        .ok(".", &["registry", "init", "own", "--unsigned"])
        .unwrap();
    sandbox
        .ok(".", &["registry", "init", "empty", "--unsigned"])
        .unwrap();
    for (url, given) in [(folder("own"), false), (folder("empty"), true)] {
        let registry = format!("[registry]\ndefault = \"{url}\"\n");
        sandbox.package("app", "app", "1.0.0", &registry).unwrap();
        let mut command = sandbox.command("app", &["pkg", "publish", "--yes"]);
        command.env_remove("LUMEN_REGISTRY");
        if given {
            command.args(["--registry", &url]);
        }
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
}
