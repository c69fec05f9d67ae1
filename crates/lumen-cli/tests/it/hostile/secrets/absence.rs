//! Addresses where there is no registry, with another registry behind them.

use lumen_testkit::{
    git::{self, git},
    sandbox::{Ran, Sandbox},
    server::{Answer, Asked, Server, answer, not_found, ok},
};

use crate::{bare, fails};

/// The files of a registry made by hand, with these packages below `/reg`.
fn files(path: &str, packages: &[&str], listed: bool) -> Answer {
    let Some(path) = path.strip_prefix("/reg/") else {
        return not_found();
    };
    for name in packages {
        if path == format!("packages/{name}/index.json") {
            return ok(format!(
                "{{\"name\": \"{name}\", \"versions\": [\"1.0.0\"], \"yanked\": {{}}}}"
            )
            .as_bytes());
        }
        if path == format!("packages/{name}/1.0.0.json") {
            return ok(format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\", \"deps\": {{}}, \"artifacts\": []}}").as_bytes());
        }
    }
    match path {
        "index.json" if listed => ok(br#"{"name": "r", "packages": []}"#),
        _ => not_found(),
    }
}

fn server(packages: &'static [&'static str], listed: bool) -> Server {
    Server::start(move |asked: &Asked| files(&asked.path, packages, listed))
}

/// `pkg info` in a project with one registry behind another.
fn info(sandbox: &Sandbox, front: &str, behind: &Server, name: &str) -> Ran {
    run(sandbox, (front, behind), &[], &["pkg", "info", name])
}

/// `pkg lock` as if for the first time. It fails, as the releases have no files, but not
/// before it knows where each package is.
fn lock(sandbox: &Sandbox, front: &str, behind: &Server, needs: &[&str]) -> Ran {
    let _ = std::fs::remove_file(sandbox.path("app/lumen.lock"));
    run(sandbox, (front, behind), needs, &["pkg", "lock"])
}

fn run(
    sandbox: &Sandbox,
    (front, behind): (&str, &Server),
    needs: &[&str],
    arguments: &[&str],
) -> Ran {
    let needs: String = needs
        .iter()
        .map(|name| format!("{name} = \"1\"\n"))
        .collect();
    let registry = format!(
        "[dependencies]\n{needs}[registry]\ndefault = \"{front}\"\nupstreams = [\"public\"]\n\
         [registry.registries]\npublic = \"{}/reg\"\n",
        behind.url()
    );
    sandbox.package("app", "app", "1.0.0", &registry).unwrap();
    let mut command = sandbox.command("app", arguments);
    Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap())
}

/// How often the list of packages was asked for, and how.
fn questions(server: &Server) -> Vec<String> {
    let asked = server.asked();
    server.take();
    let lists = asked.iter().filter(|asked| asked.path == "/reg/index.json");
    lists.map(|asked| asked.method.clone()).collect()
}

#[test]
fn an_address_without_a_registry_hides_those_behind_it() {
    let (private, public) = (server(&["secret"], true), server(&["secret", "lib"], true));
    for (path, advice) in [
        ("/rge", "check the URL"),
        ("", "check the URL"),
        ("/reg/index.json", "files: try http://"),
        ("/reg/packages", "files: try http://"),
    ] {
        let sandbox = bare();
        let front = private.url() + path;
        let ran = info(&sandbox, &front, &public, "secret");
        let said = format!("there is no registry at `{front}`");
        fails(&ran, 4, &[&said, advice]);
        assert_eq!(public.take(), [""; 0], "{path}");
    }
    // Where there is one, what it lacks comes from the other.
    let ran = info(&bare(), &(private.url() + "/reg"), &public, "lib");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.out.starts_with("lib 1.0.0"), "{ran:#?}");
}

#[test]
fn the_same_for_folders_branches_and_pages() {
    let public = server(&["lib"], true);
    let sandbox = bare();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let folder = format!("file://{}", sandbox.path("empty").display());
    let missing = format!("file://{}", sandbox.path("missing").display());
    let repository = sandbox.path("registry.git");
    git::bare(&repository).unwrap();
    let empty_branch = format!("git+file://{}", repository.display());
    let work = sandbox.path("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(work.join("README"), "hello").unwrap();
    let other = format!("file://{}", repository.display());
    for arguments in [
        &["init", "--quiet", "-b", "gh-pages"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "one"],
        &["push", "--quiet", &other, "gh-pages:other"],
    ] {
        git(&work, arguments).unwrap();
    }
    let other_branch = format!("{empty_branch}#other");
    let below = format!("{empty_branch}#other:reg");
    for front in [&folder, &missing, &empty_branch, &other_branch, &below] {
        let ran = info(&sandbox, front, &public, "lib");
        fails(&ran, 4, &["there is no registry at"]);
        assert_eq!(public.take(), [""; 0], "{front}");
    }
    // A site that has a page for everything, and one that has pages in place of the list only.
    let pages = |path: &'static str| {
        Server::start(move |asked: &Asked| match asked.path.starts_with(path) {
            true => answer(
                "200 OK",
                &["Content-Type: text/html"],
                b"<!doctype html><p>Hello",
            ),
            false => not_found(),
        })
    };
    for path in ["/", "/reg/index.json"] {
        let ran = info(&sandbox, &(pages(path).url() + "/reg"), &public, "lib");
        fails(&ran, 4, &["this is a web page, not a registry"]);
        assert_eq!(public.take(), [""; 0]);
    }
}

#[test]
fn the_question_is_asked_once_and_only_when_it_matters() {
    let (private, public) = (server(&["own"], true), server(&["lib", "other"], true));
    let front = private.url() + "/reg";
    // Nothing is absent.
    assert_eq!(info(&bare(), &front, &public, "own").code, Some(0));
    assert_eq!(questions(&private), [""; 0]);
    // Several are.
    let sandbox = bare();
    lock(&sandbox, &front, &public, &["lib", "other"]);
    assert_eq!(questions(&private), ["HEAD"]);
    // A moment later it is remembered.
    lock(&sandbox, &front, &public, &["lib", "other"]);
    assert_eq!(questions(&private), [""; 0]);
    // What is found in the same run saves the question.
    lock(&bare(), &front, &public, &["lib", "own"]);
    assert_eq!(questions(&private), [""; 0]);
}

#[test]
fn a_registry_without_a_list_is_one_where_a_package_is() {
    let (private, public) = (server(&["own"], false), server(&["lib"], true));
    let front = private.url() + "/reg";
    let absent = "there is no registry at";
    let ran = lock(&bare(), &front, &public, &["lib", "own"]);
    assert!(!ran.err.contains(absent), "{ran:#?}");
    assert_eq!(questions(&private), [""; 0]);
    // It was seen a moment ago; without that, it has to be seen in the same run.
    let sandbox = bare();
    assert_eq!(info(&sandbox, &front, &public, "own").code, Some(0));
    let ran = lock(&sandbox, &front, &public, &["lib"]);
    assert!(!ran.err.contains(absent), "{ran:#?}");
    let ran = lock(&bare(), &front, &public, &["lib"]);
    fails(&ran, 4, &[absent]);
    let ran = info(&bare(), &front, &public, "lib");
    fails(
        &ran,
        4,
        &["there is no registry at", "should have an `index.json`"],
    );
}

#[test]
fn the_order_of_names_does_not_matter() {
    let absent = "there is no registry at";
    // In a folder names are read one after the other, on a server at once.
    for needs in [["aaa", "own"], ["own", "zzz"]] {
        let (private, public) = (server(&["own"], false), server(&["aaa", "zzz"], true));
        let sandbox = bare();
        let index = r#"{"name": "own", "versions": ["1.0.0"], "yanked": {}}"#;
        sandbox
            .write("made/packages/own/index.json", index)
            .unwrap();
        let folder = format!("file://{}", sandbox.path("made").display());
        for front in [folder, private.url() + "/reg"] {
            let ran = lock(&bare(), &front, &public, &needs);
            assert!(!ran.err.contains(absent), "{front} {needs:?}: {ran:#?}");
            assert!(!public.take().is_empty(), "{front} {needs:?}");
        }
        assert!(questions(&private).len() <= 1);
    }
}

#[test]
fn what_the_lock_has_from_a_registry_shows_that_it_is_there() {
    let sandbox = bare();
    let init = |name: &str, package: &str| {
        let url = format!("file://{}", sandbox.path(name).display());
        sandbox
            .ok(".", &["registry", "init", name, "--unsigned"])
            .unwrap();
        sandbox.package(package, package, "1.0.0", "").unwrap();
        let publish = ["pkg", "publish", "--yes", "--registry", &url];
        sandbox.ok(package, &publish).unwrap();
        url
    };
    let (own, public) = (init("made", "own"), init("public", "lib"));
    std::fs::remove_file(sandbox.path("made/index.json")).unwrap();
    let manifest = format!(
        "[dependencies]\nown = \"1\"\n[registry]\ndefault = \"{own}\"\nupstreams = [\"public\"]\n\
         [registry.registries]\npublic = \"{public}\"\n"
    );
    sandbox.package("app", "app", "1.0.0", &manifest).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command("app", arguments);
        Ran::of(&command.env_remove("LUMEN_REGISTRY").output().unwrap())
    };
    let ran = run(&["pkg", "install"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let ran = run(&["pkg", "add", "lib"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    // A lock alone says nothing: the package has to be there still.
    std::fs::remove_dir_all(sandbox.path("made/packages")).unwrap();
    let ran = run(&["pkg", "add", "other"]);
    fails(&ran, 4, &["there is no registry at"]);
}

#[test]
fn a_failure_is_no_sign() {
    let public = server(&["lib"], true);
    for status in ["403 Forbidden", "500 Oops", "301 Moved"] {
        let private = Server::start(move |asked: &Asked| match asked.path.as_str() {
            "/reg/index.json" => answer(status, &[], b""),
            _ => not_found(),
        });
        let ran = info(&bare(), &(private.url() + "/reg"), &public, "lib");
        assert_eq!(ran.code, Some(4), "{ran:#?}");
        assert_eq!(public.take(), [""; 0]);
    }
    // Where HEAD fails, whatever the host says, the first bytes of the list itself decide.
    for status in [
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "501 Not",
    ] {
        for listed in [true, false] {
            let private = Server::start(move |asked: &Asked| match asked.method.as_str() {
                "HEAD" => answer(status, &[], b""),
                _ => files(&asked.path, &[], listed),
            });
            let ran = info(&bare(), &(private.url() + "/reg"), &public, "lib");
            match listed {
                true => assert_eq!(ran.code, Some(0), "{status}: {ran:#?}"),
                false => fails(&ran, 4, &["there is no registry at"]),
            }
        }
    }
}

#[test]
fn commands_that_ask_for_no_package_say_that_there_is_no_registry() {
    let server = server(&["lib"], true);
    let sandbox = bare();
    sandbox.ok(".", &["key", "new"]).unwrap();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let folder = format!("file://{}", sandbox.path("empty").display());
    let slip = server.url() + "/rge";
    for url in [slip.as_str(), &folder] {
        for command in [
            &["registry", "check", url][..],
            &["registry", "rebuild", url],
            &["registry", "repair", url],
            &["registry", "watch", url],
            &[
                "registry",
                "ingest",
                "submission",
                "--dry-run",
                "--registry",
                url,
            ],
            &["pkg", "search", "lib", "--registry", url],
            &["pkg", "owner", "list", "lib", "--registry", url],
            &["pkg", "info", "lib", "--registry", url],
        ] {
            let ran = sandbox.run(".", command).unwrap();
            fails(&ran, 4, &[&format!("there is no registry at `{url}`")]);
        }
    }
    // One without signatures is one all the same.
    let url = server.url() + "/reg";
    let ran = sandbox.ok(".", &["registry", "check", &url]).unwrap();
    assert!(ran.err.contains("no signatures say more"), "{ran:#?}");
    let list = ["pkg", "owner", "list", "lib", "--registry", &url];
    let ran = sandbox.run(".", &list).unwrap();
    fails(&ran, 3, &["only signed registries have owners"]);
    sandbox
        .ok(".", &["pkg", "search", "lib", "--registry", &url])
        .unwrap();
}

#[test]
fn texts_that_are_no_registry_are_told_from_what_was_meant() {
    let sandbox = bare();
    sandbox.package("app", "app", "1.0.0", "").unwrap();
    for (text, said) in [
        ("htp://h/r", "did you mean `http://` or `https://`?"),
        ("htps://h/r", "did you mean `http://` or `https://`?"),
        ("fil:///srv/r", "did you mean `file://`?"),
        ("ftp://h/r", "hint:"),
        ("127.0.0.1:8080", "write `http://127.0.0.1:8080`"),
        ("localhost:8080", "write `http://localhost:8080`"),
        ("localhost:8080/reg", "write `http://localhost:8080/reg`"),
        (
            "packages.example.com",
            "write `https://packages.example.com`",
        ),
        ("wrok", "add `wrok = \"https://…\"`"),
        ("wr ok", "write a URL such as"),
        ("file:///nope", "`lumen registry init /nope`"),
    ] {
        let add = ["pkg", "add", "csv", "--registry", text];
        let ran = sandbox.run("app", &add).unwrap();
        assert_ne!(ran.code, Some(0), "{text}: {ran:#?}");
        assert!(ran.err.contains(said), "{text}: {ran:#?}");
    }
}

#[test]
fn a_slip_in_the_url_of_a_signed_registry_is_no_downgrade() {
    let sandbox = crate::sandbox();
    crate::publish(&sandbox, "lib", "1.0.0", "");
    sandbox
        .package("app", "app", "1.0.0", "[dependencies]\nlib = \"1.0.0\"\n")
        .unwrap();
    sandbox.ok("app", &["pkg", "install"]).unwrap();
    let empty = Server::start(|_: &Asked| not_found());
    for arguments in [
        &["pkg", "update"][..],
        &["pkg", "info", "lib"],
        &["pkg", "outdated"],
    ] {
        let mut command = sandbox.command("app", arguments);
        command.env("LUMEN_REGISTRY", format!("{}/reg", empty.url()));
        let ran = Ran::of(&command.output().unwrap());
        fails(&ran, 4, &["there is no registry at", "/reg"]);
    }
    // Where there is one, and its signatures are gone, it stays an attack.
    for folder in ["trust", "log", "map"] {
        std::fs::remove_dir_all(sandbox.path(&format!("registry/{folder}"))).unwrap();
    }
    let ran = sandbox.run("app", &["pkg", "update"]).unwrap();
    fails(&ran, 3, &["was signed before"]);
}

#[test]
fn a_command_about_a_whole_registry_says_that_there_is_none() {
    let sandbox = bare();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let server = Server::start(|_| answer("404 Not Found", &[], b""));
    let folder = format!("file://{}", sandbox.path("empty").display());
    let yank = [
        "pkg",
        "yank",
        "lib@1.0.0",
        "--reason",
        "x",
        "--registry",
        &folder,
    ];
    let ran = sandbox.run(".", &yank).unwrap();
    fails(&ran, 4, &["there is no registry at"]);
    for url in [folder, format!("{}/nothing", server.url())] {
        for arguments in [
            &["registry", "mirror", &url, "mirror"][..],
            &["registry", "bundle", &url, "bundle"],
            &["registry", "gc", &url],
            &["registry", "stats", &url],
        ] {
            let ran = sandbox.run(".", arguments).unwrap();
            assert_ne!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
            let said = ran.err.contains("no registry at");
            assert!(said, "{arguments:?}: {ran:#?}");
        }
    }
    for made in ["mirror", "bundle", "empty/index.json"] {
        assert!(!sandbox.path(made).exists(), "{made}");
    }
}
