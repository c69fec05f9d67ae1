//! A real nginx on a free port of the loopback interface.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Where Debian puts the program, which is on no ordinary user's path.
const PROGRAM: &str = "/usr/sbin/nginx";

/// Longest wait for the server to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running nginx that serves a folder; stopped when dropped, by its own process.
pub struct Nginx {
    child: Child,
    port: u16,
    _dir: TempDir,
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
        let dir = TempDir::new()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = dir.path().join("nginx.conf");
        fs::write(&config, configuration(dir.path(), root, prefix, port))?;
        let child = Command::new(PROGRAM)
            .arg("-c")
            .arg(&config)
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self {
            child,
            port,
            _dir: dir,
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
        format!("http://127.0.0.1:{}", self.port)
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
    let (dir, root) = (dir.display(), root.display());
    format!(
        r#"pid {dir}/nginx.pid;
error_log {dir}/error.log;
user root;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location {prefix} {{
            alias {root}/;
            add_header Access-Control-Allow-Origin *;
            add_header Cache-Control "public, max-age=3600";
        }}
    }}
}}
"#
    )
}
