//! Object stores on the loopback interface, with one bucket each.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test kit fails a test by panicking"
)]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use lumen_registry::{
    Location, Storage,
    storage::{HostOptions, HttpOptions, ObjectStorage, StorageError},
};

use crate::{
    process::{Server, free_ports},
    tools::Tool,
};

/// The bucket of every server.
const BUCKET: &str = "lumen";

/// s3rver knows no other.
const KEY: &str = "S3RVER";
const SECRET: &str = "S3RVER";

/// The account and key that Azurite documents for itself.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// moto checks, then writes: a lock around both makes its conditions hold.
const MOTO: &str = r#"
import io, sys, threading
from werkzeug.serving import run_simple, WSGIRequestHandler
from moto.server import DomainDispatcherApplication, create_backend_app

class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_request(self, *args): pass

app = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()

def locked(env, start):
    length = int(env.get("CONTENT_LENGTH") or 0)
    if length and env["REQUEST_METHOD"] in ("PUT", "POST"):
        env["wsgi.input"] = io.BytesIO(env["wsgi.input"].read(length))
    with lock:
        return list(app(env, start))

run_simple("127.0.0.1", int(sys.argv[1]), locked, threaded=True, request_handler=Quiet)
"#;

/// Makes a container, signed by the rules of Azure's shared keys.
const CONTAINER: &str = r#"
const [port, account, key, container] = process.argv.slice(1);
const crypto = require("crypto"), http = require("http");
const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-08-06" };
const path = `/${account}/${container}`;
const text = ["PUT", ...Array(11).fill(""),
  ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
  `/${account}${path}`, "restype:container"].join("\n");
const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
headers.Authorization = `SharedKey ${account}:${signature}`;
headers["Content-Length"] = 0;
http.request({ host: "127.0.0.1", port, method: "PUT", path: path + "?restype=container", headers },
  (answer) => process.exit(answer.statusCode === 201 ? 0 : 1)).end();
"#;

/// An object store with a bucket.
pub struct ObjectServer {
    tool: Tool,
    server: Server,
    port: u16,
    endpoint: String,
}

impl ObjectServer {
    /// The one server of this kind that all tests of this process share; `None`, and words
    /// on the screen, where it is not installed.
    ///
    /// # Panics
    /// When it is installed but does not start.
    pub fn shared(tool: Tool) -> Option<&'static Self> {
        static SERVERS: [OnceLock<Option<ObjectServer>>; Tool::ALL.len()] =
            [const { OnceLock::new() }; Tool::ALL.len()];
        let index = Tool::ALL.iter().position(|other| *other == tool)?;
        let start = || Self::start(tool).map(Result::unwrap);
        SERVERS[index].get_or_init(start).as_ref()
    }

    /// Starts a server; `None` where it is not installed.
    pub fn start(tool: Tool) -> Option<io::Result<Self>> {
        let program = tool.find()?;
        Some(Self::run(tool, &program))
    }

    fn run(tool: Tool, program: &Path) -> io::Result<Self> {
        let [port, a, b, c, d, e, f, g] = free_ports()?;
        let server = match tool {
            Tool::SeaweedFs => Server::start(program, |dir| {
                fs::write(dir.join("s3.json"), identities())?;
                Ok(seaweedfs(dir, port, [a, b, c, d, e, f, g]))
            }),
            Tool::Moto => Server::start(program, |dir| {
                fs::write(dir.join("locked.py"), MOTO)?;
                Ok(vec![
                    dir.join("locked.py").display().to_string(),
                    port.to_string(),
                ])
            }),
            Tool::Azurite => Server::start(program, |_| {
                let arguments = [
                    "--silent",
                    "--skipApiVersionCheck",
                    "--disableTelemetry",
                    "--inMemoryPersistence",
                    "--blobHost",
                    "127.0.0.1",
                    "--blobPort",
                    &port.to_string(),
                ];
                Ok(arguments.map(str::to_owned).to_vec())
            }),
            Tool::S3rver => Server::start(program, |dir| {
                let dir = dir.join("data");
                fs::create_dir(&dir)?;
                let (port, dir) = (port.to_string(), dir.display().to_string());
                let arguments = [
                    "--address",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--directory",
                    &dir,
                    "--configure-bucket",
                    BUCKET,
                ];
                Ok(arguments.map(str::to_owned).to_vec())
            }),
            Tool::LocalBucket => Server::start(program, |dir| {
                let data = dir.join("data");
                fs::create_dir_all(data.join(BUCKET))?;
                Ok(vec![format!("--port={port}"), data.display().to_string()])
            }),
        }?;
        server.wait_for(port)?;
        let own = Self {
            tool,
            server,
            port,
            endpoint: match tool {
                Tool::Azurite => format!("http://127.0.0.1:{port}/{AZURE_ACCOUNT}"),
                _ => format!("http://127.0.0.1:{port}"),
            },
        };
        own.make_bucket()?;
        Ok(own)
    }

    /// The address of the server itself.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of a registry in its bucket.
    pub fn url(&self, prefix: &str) -> String {
        self.url_through(&self.endpoint, prefix)
    }

    /// The same through another address, of a proxy.
    pub fn url_through(&self, endpoint: &str, prefix: &str) -> String {
        let scheme = match self.tool {
            Tool::Azurite => "az",
            _ => "s3",
        };
        let endpoint = endpoint.replace(':', "%3A").replace('/', "%2F");
        format!("{scheme}://{BUCKET}/{prefix}?endpoint={endpoint}")
    }

    /// The environment variables with its credentials.
    pub fn variables(&self) -> Vec<(String, String)> {
        let variables: &[(&str, &str)] = match self.tool {
            Tool::Azurite => &[
                ("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT),
                ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY),
            ],
            _ => &[
                ("AWS_ACCESS_KEY_ID", KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
            ],
        };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        variables.iter().map(owned).collect()
    }

    /// Options to reach it with the secret.
    pub fn options(&self) -> HostOptions {
        HostOptions {
            http: HttpOptions {
                first_delay: Duration::from_millis(20),
                ..HttpOptions::default()
            },
            variables: self.variables().into_iter().collect(),
            ..HostOptions::default()
        }
    }

    /// A prefix that no other test has.
    pub fn fresh_prefix() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// An empty registry folder in the bucket.
    ///
    /// # Panics
    /// When the address is not understood.
    pub fn storage(&self) -> Storage {
        self.storage_at(&self.url(&Self::fresh_prefix()), &self.options())
    }

    /// A storage at a URL of this server.
    ///
    /// # Panics
    /// When the address is not understood.
    pub fn storage_at(&self, url: &str, options: &HostOptions) -> Storage {
        Storage::Object(self.objects(url, options))
    }

    /// The same, with what only buckets can do.
    ///
    /// # Panics
    /// When the address is not understood.
    pub fn objects(&self, url: &str, options: &HostOptions) -> ObjectStorage {
        match Location::parse(url) {
            Ok(Location::Object(location)) => ObjectStorage::new(&location, options).unwrap(),
            other => panic!("{url} is not in a bucket: {other:?}"),
        }
    }

    /// Makes the bucket where the program did not, and waits until it takes writes.
    fn make_bucket(&self) -> io::Result<()> {
        match self.tool {
            // Made by the first upload of an administrator, or there from the start.
            Tool::SeaweedFs | Tool::S3rver | Tool::LocalBucket => {}
            Tool::Moto => {
                let mut stream = TcpStream::connect(self.address())?;
                write!(
                    stream,
                    "PUT /{BUCKET} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    self.address()
                )?;
                stream.read_to_end(&mut Vec::new())?;
            }
            Tool::Azurite => {
                let arguments = [&self.port.to_string(), AZURE_ACCOUNT, AZURE_KEY, BUCKET];
                let node = Command::new("node")
                    .args(["-e", CONTAINER])
                    .args(arguments)
                    .status()?;
                if !node.success() {
                    return Err(self.server.failed("no container was made"));
                }
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let storage = self.objects(&self.url("start"), &self.options());
        let start = Instant::now();
        loop {
            match runtime.block_on(storage.probe()) {
                // It answers, and that is all that is asked of it here.
                Ok(()) | Err(StorageError::Unsafe { .. }) => return Ok(()),
                Err(error) if start.elapsed() > Duration::from_secs(60) => {
                    return Err(self.server.failed(&error.to_string()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}

fn identities() -> String {
    format!(
        r#"{{"identities":[{{"name":"admin","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}},{{"name":"anonymous","actions":["Read:{BUCKET}","List:{BUCKET}"]}}]}}"#
    )
}

fn seaweedfs(dir: &Path, port: u16, others: [u16; 7]) -> Vec<String> {
    let [
        master,
        master_grpc,
        volume,
        volume_grpc,
        filer,
        filer_grpc,
        s3_grpc,
    ] = others;
    let dir = dir.display();
    [
        "server".into(),
        format!("-dir={dir}"),
        "-ip=127.0.0.1".into(),
        "-ip.bind=127.0.0.1".into(),
        "-master.telemetry=false".into(),
        format!("-master.port={master}"),
        format!("-master.port.grpc={master_grpc}"),
        "-master.volumeSizeLimitMB=64".into(),
        format!("-volume.port={volume}"),
        format!("-volume.port.grpc={volume_grpc}"),
        "-volume.max=20".into(),
        "-filer".into(),
        format!("-filer.port={filer}"),
        format!("-filer.port.grpc={filer_grpc}"),
        format!("-filer.localSocket={dir}/filer.sock"),
        "-s3".into(),
        format!("-s3.port={port}"),
        format!("-s3.port.grpc={s3_grpc}"),
        "-s3.port.iceberg=0".into(),
        "-s3.port.lance=0".into(),
        format!("-s3.localSocket={dir}/s3.sock"),
        format!("-s3.config={dir}/s3.json"),
    ]
    .to_vec()
}
