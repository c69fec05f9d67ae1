//! Proxies from the environment.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
};

use lumen_testkit::{
    sandbox::{Ran, Sandbox},
    server::{Asked, Server, answer, not_found},
    web::{Program, WebServer},
};

use crate::{bare, fails, publish, sandbox};

/// RFC 7617: base64 of `user:p@ss`.
const LOGIN: &str = "Basic dXNlcjpwQHNz";

/// A proxy that opens tunnels, for those who have a login.
struct Tunnels {
    port: u16,
    /// Whom it was asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || tunnel(stream, &log));
            }
        });
        Self { port, asked }
    }

    fn url(&self, login: &str) -> String {
        format!("http://{login}127.0.0.1:{}", self.port)
    }
}

fn tunnel(mut client: TcpStream, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    log.lock().unwrap().push(format!("{method} {target}"));
    let may = lines.iter().any(|line| {
        line.to_ascii_lowercase()
            .starts_with("proxy-authorization:")
            && line.ends_with(LOGIN)
    });
    if !may {
        let _ = client.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    let server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").unwrap();
    let (mut there, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let answers = std::thread::spawn(move || {
        let mut server = server;
        let _ = std::io::copy(&mut server, &mut back);
    });
    let _ = std::io::copy(&mut reader.by_ref(), &mut there);
    let _ = there.shutdown(std::net::Shutdown::Both);
    let _ = answers.join();
}

fn run(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

/// A proxy for plain HTTP that has the registry itself.
fn http_proxy() -> Server {
    Server::start(|asked: &Asked| {
        if asked.headers.get("proxy-authorization").map(String::as_str) != Some(LOGIN) {
            return answer("407 Proxy Authentication Required", &[], b"");
        }
        let body = match asked.path.strip_prefix("http://registry.invalid/r") {
            Some("/packages/lib/index.json") => {
                r#"{"name": "lib", "versions": ["1.0.0"], "yanked": {}}"#
            }
            Some("/packages/lib/1.0.0.json") => {
                r#"{"name": "lib", "version": "1.0.0", "deps": {}, "artifacts": []}"#
            }
            _ => return not_found(),
        };
        answer("200 OK", &[], body.as_bytes())
    })
}

fn info(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Ran {
    let mut command = sandbox.command(".", &["pkg", "info", "lib"]);
    command.env("LUMEN_REGISTRY", "http://registry.invalid/r");
    command.envs(variables.iter().copied());
    run(&mut command)
}

#[test]
fn plain_http() {
    let sandbox = bare();
    let proxy = http_proxy();
    let url = proxy.url().replace("http://", "http://user:p%40ss@");
    for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        proxy.take();
        let ran = info(&sandbox, &[(variable, &url)]);
        assert_eq!(ran.code, Some(0), "{variable}: {ran:#?}");
        assert!(!proxy.asked().is_empty());
    }
    proxy.take();
    let without = info(&sandbox, &[("HTTPS_PROXY", &url)]);
    fails(&without, 4, &["cannot connect to registry.invalid"]);
    let exempt = info(
        &sandbox,
        &[
            ("HTTP_PROXY", &url),
            ("NO_PROXY", "x.example,.registry.invalid"),
        ],
    );
    fails(&exempt, 4, &["cannot connect to registry.invalid"]);
    assert!(proxy.asked().is_empty());
    let refused = info(
        &sandbox,
        &[("HTTP_PROXY", &url.replace("p%40ss", "hunter2"))],
    );
    fails(
        &refused,
        4,
        &["status 407", "the proxy wants a user and a password"],
    );
    assert!(!refused.err.contains("hunter2"), "{refused:#?}");
}

#[test]
fn https_through_a_tunnel() {
    let program = Program::Nginx;
    if !program.is_installed() {
        lumen_testkit::skip::missing(&format!("{program:?}"));
        return;
    }
    let sandbox = sandbox();
    publish(&sandbox, "lib", "1.0.0", "");
    let server = WebServer::serve(program, &sandbox.path("registry")).unwrap();
    let proxy = Tunnels::start();
    let info = |login: &str, no_proxy: &str| {
        let mut command = sandbox.command(".", &["pkg", "info", "lib"]);
        command
            .env("LUMEN_REGISTRY", server.https("/files"))
            .env("LUMEN_CA_FILE", server.authority())
            .env("HTTPS_PROXY", proxy.url(login))
            .env("NO_PROXY", no_proxy);
        run(&mut command)
    };
    let ran = info("user:p%40ss@", "");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let authority = server.https("").replace("https://", "");
    let asked = std::mem::take(&mut *proxy.asked.lock().unwrap());
    assert!(
        !asked.is_empty()
            && asked
                .iter()
                .all(|line| *line == format!("CONNECT {authority}")),
        "{asked:?}"
    );
    let ran = info("user:p%40ss@", "localhost");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(proxy.asked.lock().unwrap().is_empty());
    let ran = info("user:hunter2@", "");
    fails(
        &ran,
        4,
        &["proxy authorization required", "the proxy in HTTPS_PROXY"],
    );
    assert!(!ran.err.contains("hunter2"), "{ran:#?}");
}

/// A SOCKS proxy (RFC 1928) for one client, which says whom that asked for.
fn socks() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut greeting = [0; 2];
        client.read_exact(&mut greeting).unwrap();
        client.read_exact(&mut vec![0; greeting[1].into()]).unwrap();
        client.write_all(&[5, 0]).unwrap();
        let mut request = [0; 5];
        client.read_exact(&mut request).unwrap();
        let mut host = vec![0; request[4].into()];
        client.read_exact(&mut host).unwrap();
        String::from_utf8(host).unwrap()
    });
    (port, asked)
}

#[test]
fn a_socks_proxy_is_told_the_name() {
    let sandbox = bare();
    let (port, asked) = socks();
    let url = format!("socks5h://127.0.0.1:{port}");
    let ran = info(
        &sandbox,
        &[("ALL_PROXY", &url), ("LUMEN_HTTP_TIMEOUT", "5")],
    );
    fails(&ran, 4, &["the proxy in ALL_PROXY"]);
    assert_eq!(asked.join().unwrap(), "registry.invalid");
}
