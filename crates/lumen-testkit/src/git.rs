//! Git repositories, and git's own server (`git http-backend`) on a free port of the
//! loopback interface, behind as much HTTP as it needs.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Largest request, in bytes.
const MAX_BODY: u64 = 1 << 30;

/// Longest silence of a client.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs git in a folder and returns what it printed.
///
/// # Errors
/// When it fails; the error has its output.
pub fn git(dir: &Path, arguments: &[&str]) -> io::Result<String> {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let output = Command::new("git")
        .args(identity)
        .args(["-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(dir)
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(io::Error::other(format!(
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))),
    }
}

/// Makes an empty bare repository that hands out single files, as hosts do.
///
/// # Errors
/// When git fails.
pub fn bare(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    git(path, &["init", "--quiet", "--bare", "-b", "main"])?;
    git(path, &["config", "uploadpack.allowFilter", "true"])?;
    Ok(())
}

/// Makes a branch of a bare repository with one file in it.
///
/// # Errors
/// When git fails.
pub fn branch(path: &Path, name: &str, file: &str, text: &str) -> io::Result<()> {
    let script = format!(
        "commit refs/heads/{name}\ncommitter t <t@example.com> 0 +0000\ndata 0\nM 100644 inline {file}\ndata {}\n{text}\ndone\n",
        text.len()
    );
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(path)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    match child.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("git fast-import failed")),
    }
}

/// What happens to pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushFault {
    /// It is done, but the connection is closed without an answer.
    LoseAnswer,
    /// The connection is closed before anything is done.
    LoseRequest,
}

/// A running server; stopped when dropped.
pub struct GitServer {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    root: PathBuf,
    stopped: AtomicBool,
    requests: AtomicU64,
    /// The value of `Authorization` that every request needs.
    authorization: Mutex<Option<String>>,
    faults: Mutex<Vec<PushFault>>,
    /// Where every request is sent on to.
    redirect: Mutex<Option<String>>,
    /// Done before a request is answered, while its sender waits.
    watch: Mutex<Option<Watch>>,
}

type Watch = Box<dyn Fn() + Send>;

impl GitServer {
    /// Serves the repositories in a folder.
    ///
    /// # Errors
    /// When no port is free.
    pub fn serve(root: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            stopped: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            authorization: Mutex::default(),
            faults: Mutex::default(),
            redirect: Mutex::default(),
            watch: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                if let Ok(stream) = stream {
                    // A client that goes away is no matter of the server's.
                    thread::spawn(move || shared.answer(stream).unwrap_or_default());
                }
            }
        });
        Ok(Self {
            port,
            shared,
            accepting: Some(accepting),
        })
    }

    /// The URL of the server, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Demands this `Authorization` header of every request from now on.
    pub fn demand(&self, authorization: &str) {
        *lock(&self.shared.authorization) = Some(authorization.to_owned());
    }

    /// Sends every request on to another server from now on.
    pub fn redirect(&self, to: &str) {
        *lock(&self.shared.redirect) = Some(to.to_owned());
    }

    /// Does this before each request is answered from now on, while its sender waits.
    pub fn watch(&self, watch: impl Fn() + Send + 'static) {
        *lock(&self.shared.watch) = Some(Box::new(watch));
    }

    /// Orders faults for the next pushes, one each.
    pub fn fail_pushes(&self, faults: &[PushFault]) {
        let mut ordered = faults.to_vec();
        ordered.reverse();
        *lock(&self.shared.faults) = ordered;
    }

    /// Requests since the last call.
    pub fn requests(&self) -> u64 {
        self.shared.requests.swap(0, Ordering::Relaxed)
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes it up, so that it sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// A request as far as git needs it.
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = words.next().zip(words.next()).ok_or_else(malformed)?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            request
                .headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
        if request.header("Expect").is_some() {
            (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if request.header("Transfer-Encoding").is_some() {
            request.body = chunked(&mut reader)?;
        } else if let Some(length) = request.header("Content-Length") {
            let length: u64 = length.parse().map_err(|_| malformed())?;
            let mut body = Vec::new();
            reader.take(length.min(MAX_BODY)).read_to_end(&mut body)?;
            request.body = body;
        }
        Ok(request)
    }
}

fn chunked(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(|_| malformed())?;
        if size == 0 || body.len() as u64 + size > MAX_BODY {
            return Ok(body);
        }
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
    }
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = Request::read(&stream)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(watch) = &*lock(&self.watch) {
            watch();
        }
        let mut head = |status: &str, header: &str| {
            let head = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n{header}\r\n\r\n"
            );
            stream.write_all(head.as_bytes())
        };
        if let Some(to) = lock(&self.redirect).as_deref() {
            let to = format!("Location: {to}{}?{}", request.path, request.query);
            return head("302 Found", &to);
        }
        let demanded = lock(&self.authorization).clone();
        if demanded.is_some() && request.header("Authorization") != demanded.as_deref() {
            return head("401 Unauthorized", "WWW-Authenticate: Basic realm=\"test\"");
        }
        let is_push = request.method == "POST" && request.path.ends_with("/git-receive-pack");
        let fault = is_push.then(|| lock(&self.faults).pop()).flatten();
        if fault == Some(PushFault::LoseRequest) {
            return Ok(());
        }
        let answer = self.run(&request)?;
        if fault == Some(PushFault::LoseAnswer) {
            return Ok(());
        }
        let at = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = answer.split_at(at.ok_or_else(malformed)? + 4);
        let head = String::from_utf8_lossy(head);
        let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
        let others = head.lines().filter(|line| !line.starts_with("Status: "));
        let others: Vec<&str> = others.filter(|line| !line.is_empty()).collect();
        let head = format!(
            "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n\r\n",
            status.unwrap_or("200 OK"),
            body.len(),
            others.join("\r\n")
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    }

    /// Has git answer, by the rules of CGI (RFC 3875).
    fn run(&self, request: &Request) -> io::Result<Vec<u8>> {
        let header = |name: &str| request.header(name).unwrap_or_default();
        let mut child = Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REMOTE_USER", "tester")
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", &request.path)
            .env("QUERY_STRING", &request.query)
            .env("CONTENT_TYPE", header("Content-Type"))
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("Content-Encoding"))
            .env("HTTP_GIT_PROTOCOL", header("Git-Protocol"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut answer = Vec::new();
        thread::scope(|scope| {
            scope.spawn(move || {
                // Git may have enough before the end.
                stdin.map(|mut stdin| stdin.write_all(&request.body))
            });
            stdout.map(|mut stdout| stdout.read_to_end(&mut answer))
        })
        .transpose()?;
        child.wait()?;
        Ok(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
