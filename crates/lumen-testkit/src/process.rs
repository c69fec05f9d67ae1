//! Servers that die with the test, however it ends.

use std::{
    ffi::OsStr,
    io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a server to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for the end of its input, which is the end of the test, then ends the server and clears up.
const WATCHDOG: &str = r#"dir=$1; shift
"$@" >"$dir/log" 2>&1 &
server=$!
cat >/dev/null
kill -9 $server 2>/dev/null
wait $server 2>/dev/null
rm -rf "$dir""#;

/// A running server with a folder of its own. Dropping it ends the server, and so does
/// the end of this process: tests that share one never drop it.
pub struct Server {
    watchdog: Child,
    /// The end of this is the watchdog's sign.
    input: Option<ChildStdin>,
    dir: PathBuf,
}

impl Server {
    /// Starts a program; `configure` gets its folder and says what the arguments are.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        configure: impl FnOnce(&Path) -> io::Result<Vec<A>>,
    ) -> io::Result<Self> {
        let dir = tempfile::tempdir()?.keep();
        let arguments = configure(&dir)?;
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .arg(&dir)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            input: watchdog.stdin.take(),
            watchdog,
            dir,
        })
    }

    /// Waits until a program listens on a port.
    ///
    /// # Errors
    /// When none does for a minute; the error has the end of the server's log.
    pub fn wait_for(&self, port: u16) -> io::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > PATIENCE {
                return Err(self.failed("nobody listens"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// An error with the end of the server's log.
    pub fn failed(&self, what: &str) -> io::Error {
        let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        io::Error::other(format!("{what}; its log ends with:\n{}", tail.join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.watchdog.wait();
    }
}

/// Ports of the loopback interface that were free a moment ago.
///
/// # Errors
/// When there are none.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    // All are held until all are known, or the same might come twice.
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
