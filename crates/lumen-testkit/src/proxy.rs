//! A proxy in front of an HTTP server that loses requests and answers.
//!
//! A seed and the number of the request decide what it loses, so a run can be repeated as
//! far as the order of requests allows.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Largest head of a request or answer, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It does not reach the server: the connection is closed.
    Request,
    /// It is carried out, and the connection is closed.
    Answer,
    /// It is carried out, and answered with status 503.
    Busy,
    /// It is carried out, and not answered for as long as the proxy's `silence`.
    Silence,
    /// It is carried out, and only the first half of the answer arrives.
    Half,
}

/// Decides what happens to a request, by its number (from 1) and its head.
pub type Plan = dyn Fn(u64, &str) -> Option<Loss> + Send + Sync;

/// A running proxy; it ends with the process.
pub struct FaultyProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    plan: Mutex<Box<Plan>>,
    silence: Duration,
    requests: AtomicU64,
    losses: AtomicU64,
}

impl FaultyProxy {
    /// Starts a proxy for a server on this machine; answers that are kept silent are so for `silence`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(
        upstream: SocketAddr,
        silence: Duration,
        plan: impl Fn(u64, &str) -> Option<Loss> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream,
            plan: Mutex::new(Box::new(plan)),
            silence,
            requests: AtomicU64::new(0),
            losses: AtomicU64::new(0),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&own);
                // A client that breaks off is no fault of the proxy.
                std::thread::spawn(move || shared.serve(client).ok());
            }
        });
        Ok(Self { port, shared })
    }

    /// A proxy that loses `per_mille` of a thousand writes, in all ways.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn losing_writes(upstream: SocketAddr, seed: u64, per_mille: u64) -> io::Result<Self> {
        let silence = Duration::from_millis(2500);
        Self::start(upstream, silence, move |number, head| {
            let dice = mixed(seed, number);
            let lost = head.starts_with("PUT ") && dice % 1000 < per_mille;
            lost.then_some(match (dice >> 32) % 8 {
                0..2 => Loss::Request,
                2..5 => Loss::Answer,
                5..7 => Loss::Busy,
                _ => Loss::Silence,
            })
        })
    }

    /// Follows another plan from now on, and starts counting requests and losses from zero.
    pub fn set_plan(&self, plan: impl Fn(u64, &str) -> Option<Loss> + Send + Sync + 'static) {
        let mut current = self
            .shared
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Box::new(plan);
        self.shared.requests.store(0, Ordering::SeqCst);
        self.shared.losses.store(0, Ordering::SeqCst);
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests seen.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Requests whose answer was lost, or that were lost themselves.
    pub fn losses(&self) -> u64 {
        self.shared.losses.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// One request a connection: the client makes as many as it needs.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let (head, body) = read_message(&mut client)?;
        let loss = {
            let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
            plan(number, &head)
        };
        if loss.is_some() {
            self.losses.fetch_add(1, Ordering::SeqCst);
        }
        if loss == Some(Loss::Request) {
            return client.shutdown(Shutdown::Both);
        }
        let answer = self.forward(&head, &body)?;
        match loss {
            None => client.write_all(&answer)?,
            Some(Loss::Busy) => client.write_all(
                b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )?,
            Some(Loss::Silence) => std::thread::sleep(self.silence),
            Some(Loss::Half) => client.write_all(&answer[..answer.len() / 2])?,
            Some(Loss::Request | Loss::Answer) => {}
        }
        client.shutdown(Shutdown::Both)
    }

    fn forward(&self, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.upstream)?;
        // The end of the connection is the end of the answer.
        let head = head.trim_end_matches("\r\n");
        server.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
        server.write_all(body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        // Where the server keeps the connection all the same, the client must not.
        let end = find(&answer, b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        answer.splice(end..end, b"\r\nConnection: close".iter().copied());
        Ok(answer)
    }
}

/// The head of a message and its body, whose length it must say.
fn read_message(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        let mut buffer = [0; 16 << 10];
        let count = stream.read(&mut buffer)?;
        if count == 0 || bytes.len() > MAX_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).map_err(io::Error::other)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let had = body.len();
    body.resize(length.unwrap_or(0).max(had), 0);
    stream.read_exact(&mut body[had..])?;
    Ok((head, body))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// A number that looks random (SplitMix64).
fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed
        .wrapping_add(number)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
