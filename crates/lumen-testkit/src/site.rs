//! Real web servers with a configuration that is under test, and plain questions to them.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::tools;

/// Longest wait for a server to start, or for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Modules of Apache that are loaded if they are there.
const APACHE_MODULES: [&str; 12] = [
    "mpm_event",
    "authz_core",
    "mime",
    "headers",
    "rewrite",
    "alias",
    "dir",
    "filter",
    "deflate",
    "brotli",
    "http2",
    "ssl",
];

/// A web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// nginx.
    Nginx,
    /// Apache.
    Apache,
    /// Caddy.
    Caddy,
}

/// A running web server; stopped when dropped, by its own process.
pub struct Site {
    child: Child,
    port: u16,
    _dir: TempDir,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Server {
    /// The name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache2",
            Self::Caddy => "caddy",
        }
    }

    /// Whether it is installed.
    pub fn is_installed(self) -> bool {
        tools::find(self.name()).is_some()
    }
}

impl Site {
    /// Starts a server on a free port with the site that `site` makes for `127.0.0.1:<port>`.
    ///
    /// # Errors
    /// When it is not installed, refuses its configuration or does not answer.
    pub fn start(
        program: Server,
        site: impl FnOnce(&str) -> io::Result<String>,
    ) -> io::Result<Self> {
        let path = tools::find(program.name())
            .ok_or_else(|| io::Error::other(format!("{} is not installed", program.name())))?;
        let dir = TempDir::new()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = dir.path().join("server.conf");
        let address = format!("127.0.0.1:{port}");
        fs::write(dir.path().join("site.conf"), site(&address)?)?;
        fs::write(&config, around(program, dir.path()))?;
        let mut command = Command::new(path);
        match program {
            Server::Nginx => command.arg("-c").arg(&config).args(["-g", "daemon off;"]),
            Server::Apache => command.arg("-f").arg(&config).args(["-D", "FOREGROUND"]),
            Server::Caddy => command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(&config)
                .env("HOME", dir.path()),
        };
        let log = fs::File::create(dir.path().join("log"))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = Self {
            child: child.stderr(log).spawn()?,
            port,
            _dir: dir,
        };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > PATIENCE || server.child.try_wait()?.is_some() {
                let log = fs::read_to_string(server._dir.path().join("log"))?;
                let name = program.name();
                return Err(io::Error::other(format!("{name} did not start: {log}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Its address, `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of the server, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When there is no answer, or none that is HTTP.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Answer::parse(&bytes).ok_or_else(|| io::Error::other("this is no answer"))
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            status,
            headers: headers.collect(),
            body: bytes[end + 4..].to_vec(),
        })
    }

    /// A header; when there are several of the name, all of them.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|header| header.0 == name)
            .map(|header| header.1.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // SIGKILL would orphan the workers, so it is asked to stop.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

/// The least configuration that a site can be included in.
fn around(program: Server, dir: &Path) -> String {
    let shown = dir.display();
    match program {
        Server::Nginx => format!(
            "pid {shown}/pid; error_log {shown}/error.log; user root; worker_processes 1;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log off; default_type application/octet-stream;\n  \
             client_body_temp_path {shown}/body; proxy_temp_path {shown}/proxy;\n  \
             fastcgi_temp_path {shown}/fastcgi; uwsgi_temp_path {shown}/uwsgi; scgi_temp_path {shown}/scgi;\n  \
             include {shown}/site.conf;\n}}\n"
        ),
        Server::Apache => {
            let mut out = format!(
                "ServerRoot {shown}\nPidFile {shown}/pid\nErrorLog {shown}/error.log\n\
                 ServerName localhost\nMutex file:{shown} default\nUser www-data\nGroup www-data\n"
            );
            for module in APACHE_MODULES {
                let file = format!("/usr/lib/apache2/modules/mod_{module}.so");
                if Path::new(&file).exists() {
                    out.push_str(&format!("LoadModule {module}_module {file}\n"));
                }
            }
            out.push_str(&format!(
                "TypesConfig /dev/null\nInclude {shown}/site.conf\n"
            ));
            out
        }
        Server::Caddy => {
            format!("{{\n\tadmin off\n\tauto_https off\n}}\nimport {shown}/site.conf\n")
        }
    }
}
