//! A web server that misbehaves on order: a thread a connection, one request each.

#![allow(clippy::unwrap_used, reason = "a test kit fails a test by panicking")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use lumen_registry::{
    Location, Registry, RegistryOptions, Storage,
    storage::{HostOptions, HttpOptions},
};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path and query, or the whole URL when it was asked as a proxy.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// How often this path was asked for before.
    pub before: usize,
}

/// What to do with a request.
pub enum Answer {
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Sends the first bytes, then the others again and again until the client is gone.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes and keeps silent, with the connection open.
    Hang(Vec<u8>),
    /// Sends the first bytes, then the others one by one with a pause before each, and closes.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Sends these bytes and breaks the connection, as a crash or a firewall does.
    Reset(Vec<u8>),
}

/// A complete answer.
pub fn answer(status: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("Connection: close\r\n\r\n");
    Answer::Raw([text.as_bytes(), body].concat())
}

/// The answer 200.
pub fn ok(body: &[u8]) -> Answer {
    answer("200 OK", &[], body)
}

/// The answer 404.
pub fn not_found() -> Answer {
    answer("404 Not Found", &[], b"<html>404</html>")
}

/// A running server; it stops being of use, not of running, when dropped.
pub struct Server {
    port: u16,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (handler, seen) = (Arc::new(handler), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &*handler, &seen));
            }
        });
        Self { port, log }
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked since the last [`Server::take`].
    ///
    /// # Panics
    /// When a handler did.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// Paths asked for since the last call.
    ///
    /// # Panics
    /// When a handler did.
    pub fn take(&self) -> Vec<String> {
        let mut log = self.log.lock().unwrap();
        log.drain(..).map(|asked| asked.path).collect()
    }

    /// An impatient client of the server.
    ///
    /// # Panics
    /// Never.
    pub fn storage(&self) -> Storage {
        Storage::open(&Location::parse(&self.url()).unwrap(), &impatient()).unwrap()
    }

    /// An impatient reader of the server.
    ///
    /// # Panics
    /// Never.
    pub fn registry(&self, options: RegistryOptions) -> Registry {
        let location = Location::parse(&self.url()).unwrap();
        let host = impatient();
        Registry::open("local", location, &RegistryOptions { host, ..options }).unwrap()
    }
}

/// Options that make tests short.
pub fn impatient() -> HostOptions {
    let http = HttpOptions {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_millis(300),
        first_delay: Duration::from_millis(1),
        longest_delay: Duration::from_millis(5),
        ..HttpOptions::default()
    };
    HostOptions {
        http,
        ..HostOptions::default()
    }
}

/// Options for real servers: a busy machine is no failure.
pub fn patient() -> HostOptions {
    let mut options = impatient();
    options.http.read_timeout = Duration::from_secs(20);
    options
}

fn serve(
    mut stream: TcpStream,
    handler: &(dyn Fn(&Asked) -> Answer + Send + Sync),
    log: &Mutex<Vec<Asked>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = BTreeMap::new();
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let asked = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|asked| asked.path == path).count();
        let asked = Asked {
            method,
            path,
            headers,
            before,
        };
        log.push(asked.clone());
        asked
    };
    match handler(&asked) {
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Answer::Endless(bytes, more) => {
            let _ = stream.write_all(&bytes);
            let more = more.repeat(4096_usize.div_ceil(more.len()));
            while stream.write_all(&more).is_ok() {}
        }
        Answer::Hang(bytes) => {
            let _ = stream.write_all(&bytes);
            // Until the client gives up.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        Answer::Drip(bytes, slowly, pause) => {
            let _ = stream.set_nodelay(true);
            let _ = stream.write_all(&bytes);
            for byte in slowly {
                std::thread::sleep(pause);
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        }
        Answer::Reset(bytes) => {
            let _ = stream.write_all(&bytes);
            reset(stream);
        }
    }
}

/// Ends a connection with RST in place of FIN.
fn reset(stream: TcpStream) {
    let at_once = Some(Duration::ZERO);
    let socket = socket2::SockRef::from(&stream);
    let _ = socket.set_linger(at_once);
}
