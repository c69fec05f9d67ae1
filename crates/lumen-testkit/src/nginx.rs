//! A real nginx on a free port of the loopback interface.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::tls;

/// Where Debian puts the program, which is on no ordinary user's path.
const PROGRAM: &str = "/usr/sbin/nginx";

/// Longest wait for the server to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running nginx that serves a folder; stopped when dropped, by its own process.
pub struct Nginx {
    child: Child,
    scheme: &'static str,
    port: u16,
    dir: TempDir,
}

impl Nginx {
    /// Whether nginx is installed.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Serves `root` below `prefix` (`/` or `/some/path/`) as the hosting guide says.
    ///
    /// # Errors
    /// When nginx cannot be started or does not answer.
    pub fn serve(root: &Path, prefix: &str) -> io::Result<Self> {
        Self::start("http", |dir, port| {
            Ok(configuration(dir, root, prefix, port))
        })
    }

    /// Speaks TLS in front of another server, `http://…`, with a certificate of an authority
    /// that no other program trusts.
    ///
    /// # Errors
    /// When nginx or `openssl` cannot be run.
    pub fn in_front_of(url: &str) -> io::Result<Self> {
        Self::start("https", |dir, port| {
            tls::issue(dir)?;
            Ok(front(dir, url, port))
        })
    }

    fn start(
        scheme: &'static str,
        configure: impl FnOnce(&Path, u16) -> io::Result<String>,
    ) -> io::Result<Self> {
        let dir = TempDir::new()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = dir.path().join("nginx.conf");
        fs::write(&config, configure(dir.path(), port)?)?;
        let child = Command::new(PROGRAM)
            .arg("-c")
            .arg(&config)
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self {
            child,
            scheme,
            port,
            dir,
        };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > PATIENCE || server.child.try_wait()?.is_some() {
                return Err(io::Error::other("nginx did not start"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// The URL of the server, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// The certificate of the authority that certified the server, if it speaks TLS.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join(tls::AUTHORITY)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGKILL would orphan nginx's workers, so it is asked to stop.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

fn configuration(dir: &Path, root: &Path, prefix: &str, port: u16) -> String {
    let root = root.display();
    let http = format!(
        r#"    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        location {prefix} {{
            alias {root}/;
            add_header Access-Control-Allow-Origin *;
            add_header Cache-Control "public, max-age=3600";
        }}
    }}"#
    );
    around(dir, &http)
}

fn front(dir: &Path, url: &str, port: u16) -> String {
    let path = dir.display();
    let http = format!(
        r#"    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {path}/server.pem;
        ssl_certificate_key {path}/server.key;
        location / {{ proxy_pass {url}; }}
    }}"#
    );
    around(dir, &http)
}

/// What every configuration has, with everything that nginx writes in this folder.
fn around(dir: &Path, http: &str) -> String {
    let dir = dir.display();
    format!(
        r#"pid {dir}/nginx.pid;
error_log {dir}/error.log;
user root;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
{http}
}}
"#
    )
}
