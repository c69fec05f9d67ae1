//! What `registry host` prints, loaded into the real servers.

mod bucket;

use std::{fs, os::unix::fs::PermissionsExt as _};

use lumen_core::Key;
use lumen_testkit::{
    sandbox::{Sandbox, tree},
    site::{Server, Site},
    tls,
};

use crate::{fails, publish, sandbox};

/// A sandbox whose registry a server may read, with two packages in it.
fn published() -> Sandbox {
    let sandbox = sandbox();
    // Apache gives up its rights as root.
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    publish(&sandbox, "text", "1.0.0-rc.1+build.php", "");
    publish(&sandbox, "@org/1.2.3", "1.0.0", "");
    sandbox.write("registry/.tmp-1", "half").unwrap();
    sandbox.write("registry/notes.txt", "mine").unwrap();
    sandbox
}

fn serve(sandbox: &Sandbox, program: Server, kind: &str, prefix: &str) -> Option<Site> {
    if !program.is_installed() {
        lumen_testkit::skip::missing(program.name());
        return None;
    }
    let server = Site::start(program, |address| {
        let host = ["registry", "host", kind, "registry", "--plain-http"];
        let options = [
            "--server-name",
            "127.0.0.1",
            "--listen",
            address,
            "--prefix",
            prefix,
        ];
        Ok(sandbox.ok(".", &[&host[..], &options].concat())?.out)
    });
    Some(server.unwrap())
}

/// Every promise of the printed configurations, asked for one by one.
fn serves_well(sandbox: &Sandbox, server: &Site, prefix: &str) {
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        server
            .ask(method, &format!("{prefix}{path}"), headers)
            .unwrap()
    };
    let get = |path: &str| ask("GET", path, &[]);
    let mut kinds = 0;
    for (path, bytes) in tree(&sandbox.path("registry")).unwrap() {
        if path.contains("/.") || path.starts_with('.') {
            assert_eq!(get(&path).status, 404, "{path}");
            continue;
        }
        let key = Key::parse(&path).unwrap();
        let answer = get(&path.replace('+', "%2B"));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == bytes, "{path}");
        let header = |name: &str| answer.header(name).unwrap_or_default();
        assert_eq!(header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(
            header("cache-control"),
            key.mutability().cache_control(),
            "{path}"
        );
        if path != "notes.txt" {
            assert_eq!(header("content-type"), key.content_type(), "{path}");
            kinds += 1;
        }
    }
    assert!(kinds > 20, "{kinds}");
    for path in [
        "nothing",
        "artifacts/sha256/ab/c.tar",
        "packages/text/",
        "packages/x/index.json",
    ] {
        let answer = get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-cache"));
        assert_eq!(
            answer.header("access-control-allow-origin").as_deref(),
            Some("*")
        );
    }
    assert!(matches!(get("packages").status, 301 | 404));
    let preflight = [
        ("Origin", "https://example.org"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    for path in ["", "index.json", "artifacts/sha256/ab/c.tar", "nothing"] {
        let answer = ask("OPTIONS", path, &preflight);
        assert_eq!(answer.status, 204, "{path}: {answer:?}");
        let header = |name: &str| answer.header(name).unwrap_or_default();
        assert_eq!(header("access-control-allow-origin"), "*");
        assert!(header("access-control-allow-headers").contains("Authorization"));
        assert!(header("access-control-allow-methods").contains("GET"));
        assert_eq!(header("access-control-max-age"), "3600");
    }
    let index = "packages/text/index.json";
    let zipped = [("Accept-Encoding", "gzip")];
    let answer = ask("GET", index, &zipped);
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
    let etag = answer.header("etag").unwrap();
    let again = ask("GET", index, &[zipped[0], ("If-None-Match", &etag)]);
    assert_eq!(again.status, 304);
    assert_eq!(again.header("cache-control").as_deref(), Some("no-cache"));
    let archive = tree(&sandbox.path("registry/artifacts")).unwrap();
    let (path, bytes) = archive
        .iter()
        .find(|file| file.0.ends_with(".zst"))
        .unwrap();
    let path = format!("artifacts/{path}");
    let answer = ask("GET", &path, &[zipped[0], ("Range", "bytes=5-9")]);
    assert_eq!((answer.status, &answer.body[..]), (206, &bytes[5..10]));
    assert_eq!(ask("PUT", "index.json", &[]).status, 405);
    let url = format!("{}{prefix}", server.url());
    assert_eq!(faults(sandbox, &[&url]), (Vec::new(), Some(0)));
}

/// What `registry doctor` finds fault with, and its exit code.
fn faults(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<(String, String)>, Option<i32>) {
    let arguments = [&["--json", "registry", "doctor"], arguments].concat();
    let ran = sandbox.run(".", &arguments).unwrap();
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let mut faults = Vec::new();
    for finding in value["places"][0]["findings"].as_array().unwrap() {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let is_fault = ["poor", "bad"].contains(&text("verdict").as_str());
        assert_eq!(is_fault, !finding["fix"].is_null(), "{finding}");
        if is_fault {
            faults.push((text("check"), text("seen")));
        }
    }
    (faults, ran.code)
}

/// Somebody else installs from it, and sees what is published meanwhile.
fn installs(sandbox: &Sandbox, url: &str) {
    let elsewhere = |arguments: &[&str]| {
        let mut command = sandbox.command("app", arguments);
        command
            .env("LUMEN_HOME", sandbox.path("elsewhere"))
            .env("LUMEN_REGISTRY", url);
        let ran = lumen_testkit::sandbox::Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran
    };
    let dependencies = "[dependencies]\n\"@org/1.2.3\" = \"^1\"\n";
    sandbox
        .package("app", "app", "1.0.0", dependencies)
        .unwrap();
    elsewhere(&["pkg", "install"]);
    publish(sandbox, "@org/1.2.3", "1.1.0", "");
    elsewhere(&["pkg", "update"]);
    assert!(elsewhere(&["pkg", "list"]).out.contains("1.1.0"));
}

#[test]
fn nginx_as_printed() {
    for prefix in ["/", "/some/path.d/"] {
        let sandbox = published();
        let Some(server) = serve(&sandbox, Server::Nginx, "nginx", prefix) else {
            return;
        };
        serves_well(&sandbox, &server, prefix);
        installs(&sandbox, &format!("{}{prefix}", server.url()));
    }
}

#[test]
fn apache_as_printed() {
    for prefix in ["/", "/some/path.d/"] {
        let sandbox = published();
        let Some(server) = serve(&sandbox, Server::Apache, "apache", prefix) else {
            return;
        };
        serves_well(&sandbox, &server, prefix);
        installs(&sandbox, &format!("{}{prefix}", server.url()));
    }
}

#[test]
fn caddy_as_printed() {
    for prefix in ["/", "/some/path.d/"] {
        let sandbox = published();
        let Some(server) = serve(&sandbox, Server::Caddy, "caddy", prefix) else {
            return;
        };
        serves_well(&sandbox, &server, prefix);
        installs(&sandbox, &format!("{}{prefix}", server.url()));
    }
}

#[test]
fn tls_and_http2_as_printed() {
    if !tls::is_installed() {
        lumen_testkit::skip::missing("openssl");
        return;
    }
    let sandbox = published();
    tls::issue(&sandbox.path("")).unwrap();
    let file = |name: &str| sandbox.path(name).display().to_string();
    let certificate = ["--certificate", &file("server.pem"), "--certificate-key"];
    for (server, kind) in [
        (Server::Nginx, "nginx"),
        (Server::Apache, "apache"),
        (Server::Caddy, "caddy"),
    ] {
        if !server.is_installed() {
            lumen_testkit::skip::missing(server.name());
            continue;
        }
        let site = Site::start(server, |address| {
            let host = ["registry", "host", kind, "registry", "--listen", address];
            let key = file("server.key");
            let rest = [&key, "--server-name", "localhost"];
            let arguments = [&host[..], &certificate, &rest].concat();
            Ok(sandbox.ok(".", &arguments)?.out)
        })
        .unwrap();
        let greeting = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &site.address(), "-alpn", "h2"])
            .args(["-servername", "localhost", "-CAfile", &file(tls::AUTHORITY)])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&greeting.stdout);
        assert!(said.contains("ALPN protocol: h2"), "{kind}: {said}");
        assert!(said.contains("Verify return code: 0"), "{kind}: {said}");
    }
}

#[test]
fn the_url_that_people_read_is_what_is_configured() {
    let sandbox = sandbox();
    let print = |arguments: &[&str]| {
        let arguments = [&["registry", "host"], arguments].concat();
        sandbox.ok(".", &arguments).unwrap().out
    };
    let config = print(&["nginx", "https://r.example/a/b", "--root", "/srv/reg"]);
    for line in [
        "    server_name r.example;",
        "    location ^~ /a/b/ {",
        "        alias \"/srv/reg/\";",
        "    ssl_certificate \"/etc/letsencrypt/live/r.example/fullchain.pem\";",
        "    return 301 https://$host$request_uri;",
    ] {
        assert!(config.lines().any(|have| have == line), "{line}\n{config}");
    }
    let json = print(&["--json", "caddy", "registry", "--listen", "8443"]);
    assert!(json.contains("\"read\": \"https://registry.example.org:8443\""));
    let root = sandbox.path("registry");
    assert!(json.contains(root.to_str().unwrap()), "{json}");
}

#[test]
fn buckets_and_pages() {
    let sandbox = sandbox();
    let print = |arguments: &[&str]| {
        let arguments = [&["registry", "host"], arguments].concat();
        sandbox.ok(".", &arguments).unwrap().out
    };
    let script = print(&["s3", "s3://my-bucket"]);
    let applied = "aws s3api put-bucket-policy --bucket my-bucket --policy file://policy.json";
    assert!(script.contains(applied), "{script}");
    let json = print(&["--json", "r2", "r2://account/bucket/x"]);
    assert!(json.contains("\"prefix\": \"x/artifacts/\""), "{json}");
    let script = print(&["github-pages", "git+https://github.com/org/registry"]);
    let line = "#   pages = { read = \"https://org.github.io/registry\", \
                publish = \"git+https://github.com/org/registry#gh-pages\" }";
    assert!(script.lines().any(|have| have == line), "{script}");
    let refused = |arguments: &[&str], said: &str| {
        let arguments = [&["registry", "host"], arguments].concat();
        fails(&sandbox.run(".", &arguments).unwrap(), 1, &[said]);
    };
    refused(&["s3", "registry"], "it is not known which bucket");
    refused(
        &["r2", "s3://b"],
        "lumen registry host r2 r2://account/bucket",
    );
    refused(
        &["github-pages", "registry"],
        "it is not known which repository",
    );
    refused(
        &["nginx", "--prefix", "/a{b}/"],
        "is not a path for a registry",
    );
    refused(
        &["nginx", "--server-name", "a;b"],
        "is not the name of a server",
    );
    refused(
        &["nginx", "--root", "/a\"b"],
        "characters that configurations",
    );
    refused(&["nginx", "--listen", "80; x"], "is not an address");
    refused(&["s3", "s3://b/x?region=a%0Ab"], "control characters");
}

#[test]
fn printed_scripts_are_scripts() {
    let sandbox = sandbox();
    for (kind, location) in [
        ("s3", "s3://bucket/it's/here?endpoint=http://127.0.0.1:1"),
        ("s3", "s3://bucket"),
        ("r2", "r2://account/bucket"),
        ("github-pages", "git+ssh://git@github.com/o/r#a:b c"),
    ] {
        let print = ["registry", "host", kind, location];
        let script = sandbox.ok(".", &print).unwrap().out;
        sandbox.write("script.sh", &script).unwrap();
        let mut shell = std::process::Command::new("sh");
        let checked = shell
            .arg("-n")
            .arg(sandbox.path("script.sh"))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{checked:?}\n{script}");
        assert!(!script.contains('@') || script.contains("git@"), "{script}");
    }
}

/// The configuration of nginx that is passed around: `add_header` is not inherited.
const PASSED_AROUND: &str = "
server {
    listen ADDRESS;
    root ROOT;
    location / {
        try_files $uri $uri/ =404;
        add_header Access-Control-Allow-Origin *;
        add_header Cache-Control \"public, max-age=3600\";
    }
    location /artifacts/ {
        add_header Cache-Control \"public, max-age=31536000, immutable\";
    }
}
";

#[test]
fn the_doctor_finds_what_a_common_configuration_lacks() {
    if !Server::Nginx.is_installed() {
        lumen_testkit::skip::missing("nginx");
        return;
    }
    let sandbox = published();
    let root = sandbox.path("registry").display().to_string();
    let site = Site::start(Server::Nginx, |address| {
        let site = PASSED_AROUND.replace("ADDRESS", address);
        Ok(site.replace("ROOT", &root))
    })
    .unwrap();
    let (found, code) = faults(&sandbox, &[&site.url()]);
    assert_eq!(code, Some(0));
    let checks: Vec<&str> = found.iter().map(|(check, _)| check.as_str()).collect();
    let expected = [
        "types",
        "caching",
        "cors",
        "preflight",
        "compression",
        "hidden",
    ];
    assert_eq!(checks, expected, "{found:?}");
    let (_, cors) = found.iter().find(|(check, _)| check == "cors").unwrap();
    assert!(
        cors.starts_with("missing on `artifacts/") && !cors.contains("json"),
        "{cors}"
    );
    let told = sandbox
        .ok(".", &["registry", "doctor", &site.url()])
        .unwrap();
    let fix = "fix: send `Access-Control-Allow-Origin` with every file: `lumen registry host nginx` prints how";
    let words: Vec<&str> = told.out.split_whitespace().collect();
    assert!(words.join(" ").contains(fix), "{}", told.out);
    // A path that is too long is not broken.
    let too_long = |line: &&str| line.chars().count() > 80 && line.trim().contains(' ');
    assert_eq!(told.out.lines().find(too_long), None);
    assert!(
        told.err.contains("fit for a registry; 6 could be better"),
        "{}",
        told.err
    );
}

#[test]
fn the_doctor_tries_folders_and_knows_when_it_is_hopeless() {
    let sandbox = published();
    assert_eq!(faults(&sandbox, &["registry"]), (Vec::new(), Some(0)));
    assert_eq!(
        faults(&sandbox, &["registry", "--write"]),
        (Vec::new(), Some(0))
    );
    assert!(!sandbox.path("registry/.lumen").exists());
    sandbox.write("empty/README", "").unwrap();
    let (found, code) = faults(&sandbox, &["empty"]);
    assert_eq!((found.len(), code), (1, Some(4)), "{found:?}");
    // Before there is a registry is when one wants to know of its place.
    let empty = sandbox.run(".", &["registry", "doctor", "empty"]).unwrap();
    assert!(empty.out.contains("one of eight wins"), "{}", empty.out);
    assert!(!sandbox.path("empty/.lumen").exists());
    let gone = sandbox
        .run(".", &["registry", "doctor", "http://127.0.0.1:1"])
        .unwrap();
    fails(&gone, 4, &["not fit for a registry, 1 fault"]);
    assert!(gone.out.contains("BAD   registry"), "{}", gone.out);
}
