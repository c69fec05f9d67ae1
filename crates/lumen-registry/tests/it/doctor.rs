//! What is found of hosts that do everything right but one thing.

use std::collections::BTreeMap;

use lumen_core::{Digest, Key};
use lumen_registry::{
    Location, Registry, Storage,
    doctor::{Check, Options, Report, Verdict, Write, examine},
    publish::{init, publish},
    storage::{Fault, FaultKind, MemoryStorage},
};

use crate::{
    NOW, block_on, request,
    server::{Answer, Asked, Server, answer},
};

const LOOK: Options = Options {
    write: Write::IfAllowed,
    now: 1_705_314_600,
};

/// An answer that is still to be spoiled.
struct Reply {
    status: &'static str,
    headers: BTreeMap<&'static str, String>,
    body: Vec<u8>,
}

impl Reply {
    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.to_owned());
    }
}

async fn fill(storage: &Storage) {
    init(storage, "test", NOW).await.unwrap();
    for number in 0..9 {
        let request = request("text", &format!("1.{number}.0"), "contents");
        publish(storage, &request).await.unwrap();
    }
}

/// A server that does everything right.
fn well(files: &BTreeMap<Key, Vec<u8>>, asked: &Asked) -> Reply {
    let mut reply = Reply {
        status: "404 Not Found",
        headers: BTreeMap::new(),
        body: b"<h1>404</h1>".to_vec(),
    };
    reply.set("Cache-Control", "no-cache");
    reply.set("Access-Control-Allow-Origin", "*");
    reply.set("Date", "Mon, 15 Jan 2024 10:30:02 GMT");
    reply.set("Server", "test/1");
    if asked.method == "OPTIONS" {
        reply.status = "204 No Content";
        reply.body.clear();
        reply.set("Access-Control-Allow-Headers", "Range, Authorization");
        return reply;
    }
    let path = asked.path.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches('/');
    let Some((key, bytes)) = files.iter().find(|(key, _)| key.as_str() == path) else {
        return reply;
    };
    reply.status = "200 OK";
    reply.body.clone_from(bytes);
    reply.set("Content-Type", key.content_type());
    reply.set("Cache-Control", key.mutability().cache_control());
    let etag = format!("\"{}\"", &Digest::of(bytes).hex()[..16]);
    reply.set("ETag", &etag);
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    if header("if-none-match") == Some(&etag) {
        reply.status = "304 Not Modified";
        reply.body.clear();
    }
    if header("range") == Some("bytes=0-0") {
        reply.status = "206 Partial Content";
        reply.body.truncate(1);
    }
    // Nobody decodes what the examiner gets.
    let wishes = header("accept-encoding").unwrap_or_default();
    if path.ends_with(".json") && wishes.contains("zstd") && asked.headers.contains_key("origin") {
        reply.set("Content-Encoding", "zstd");
    }
    reply
}

/// What is found of a server whose replies are spoiled like this.
fn found(spoil: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static) -> Report {
    block_on(async {
        let memory = MemoryStorage::new();
        fill(&Storage::Memory(memory.clone())).await;
        let files = memory.files();
        let server = Server::start(move |asked| {
            let mut reply = well(&files, asked);
            spoil(asked, &mut reply);
            let headers = reply.headers.iter();
            let headers: Vec<String> = headers
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            match reply.status {
                "hang" => Answer::Hang(Vec::new()),
                status => answer(status, &headers, &reply.body),
            }
        });
        examine(&server.registry(Default::default()), LOOK).await
    })
}

/// All findings that are not good, but the one about signatures.
fn faults(report: &Report) -> Vec<(Check, Verdict)> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.verdict > Verdict::Unknown && finding.check != Check::Trust)
        .map(|finding| (finding.check, finding.verdict))
        .collect()
}

#[test]
fn nothing_is_wrong_with_a_good_server() {
    let report = found(|_, _| {});
    assert_eq!(faults(&report), [], "{report:#?}");
    assert_eq!(report.server.as_deref(), Some("test/1"));
    let good = [
        Check::Readable,
        Check::Absence,
        Check::Clock,
        Check::Redirects,
        Check::Types,
        Check::Caching,
        Check::Revalidation,
        Check::Ranges,
        Check::Compression,
        Check::Cors,
        Check::Preflight,
        Check::Listing,
        Check::Hidden,
    ];
    for check in good {
        let of = |finding: &&lumen_registry::doctor::Finding| finding.check == check;
        let finding = report.findings.iter().find(of).unwrap();
        assert_eq!(finding.verdict, Verdict::Good, "{finding:?}");
    }
}

#[test]
fn each_fault_is_found() {
    use Verdict::{Bad, Poor};
    type Spoil = fn(&Asked, &mut Reply);
    let cases: [(Spoil, &[(Check, Verdict)]); 22] = [
        (
            |_, reply| {
                if reply.status.starts_with("404") {
                    reply.status = "200 OK";
                }
            },
            // Nobody can tell what is missing from what is damaged.
            &[
                (Check::Packages, Bad),
                (Check::Absence, Bad),
                (Check::Hidden, Poor),
            ],
        ),
        (
            |_, reply| {
                if reply.status.starts_with("404") {
                    reply.status = "403 Forbidden";
                }
            },
            &[(Check::Packages, Bad), (Check::Absence, Bad)],
        ),
        (
            |_, reply| {
                if reply.status.starts_with("404") {
                    reply.set("Cache-Control", "max-age=3600");
                }
            },
            &[(Check::Absence, Poor)],
        ),
        (
            |_, reply| reply.set("Date", "Mon, 15 Jan 2024 09:30:00 GMT"),
            &[(Check::Clock, Poor)],
        ),
        (
            |_, reply| reply.set("Content-Type", "text/html"),
            &[(Check::Types, Poor)],
        ),
        (
            |asked, reply| {
                if asked.path.ends_with("index.json") {
                    reply.set("Cache-Control", "public, max-age=3600");
                }
            },
            // So is the error for a package that may be published next.
            &[(Check::Absence, Poor), (Check::Caching, Poor)],
        ),
        (
            |asked, reply| {
                if asked.path == "/index.json" {
                    reply.set("Cache-Control", "public, max-age=31536000, immutable");
                }
            },
            &[(Check::Caching, Bad)],
        ),
        (
            |asked, reply| {
                if asked.path.starts_with("/artifacts/") {
                    reply.set("Cache-Control", "no-store");
                }
            },
            &[(Check::Caching, Poor)],
        ),
        (
            |_, reply| {
                reply.headers.remove("Cache-Control");
            },
            &[(Check::Caching, Poor)],
        ),
        (
            |asked, reply| {
                // As in an nginx example that is passed around.
                if asked.path.starts_with("/artifacts/") {
                    reply.headers.remove("Access-Control-Allow-Origin");
                }
            },
            &[(Check::Cors, Poor)],
        ),
        (
            |asked, reply| {
                if asked.method == "OPTIONS" {
                    reply.status = "405 Method Not Allowed";
                }
            },
            &[(Check::Preflight, Poor)],
        ),
        (
            |asked, reply| {
                if asked.method == "OPTIONS" {
                    reply.set("Access-Control-Allow-Headers", "*");
                }
            },
            &[(Check::Preflight, Poor)],
        ),
        (
            |_, reply| {
                if reply.status.starts_with("206") {
                    reply.status = "200 OK";
                    reply.body = b"the whole".to_vec();
                }
            },
            &[(Check::Ranges, Poor)],
        ),
        (
            |_, reply| {
                if reply.status.starts_with("304") {
                    reply.status = "200 OK";
                }
            },
            &[(Check::Revalidation, Poor)],
        ),
        (
            |_, reply| {
                reply.headers.remove("Content-Encoding");
            },
            &[(Check::Compression, Poor)],
        ),
        (
            |asked, reply| {
                if asked.path == "/packages/" {
                    reply.status = "200 OK";
                    reply.body = b"<A HREF=\"text/\">text/</A>".to_vec();
                }
            },
            &[(Check::Listing, Poor)],
        ),
        (
            |asked, reply| {
                if asked.path.starts_with("/packages/") {
                    reply.status = "hang";
                }
            },
            &[(Check::Packages, Bad), (Check::Readable, Bad)],
        ),
        // An old copy beside the file, as servers with `gzip_static` send it.
        (
            |asked, reply| {
                let wishes = asked.headers.get("accept-encoding");
                if asked.path == "/packages/text/index.json"
                    && wishes.is_some_and(|wishes| wishes == "gzip")
                {
                    reply.body = b"{\"name\": \"text\", \"versions\": []}".to_vec();
                }
            },
            &[(Check::Copies, Bad)],
        ),
        // A cache that is passed with another query, and has an old index.
        (
            |asked, reply| {
                if asked.path == "/index.json" && !asked.headers.contains_key("origin") {
                    reply.body = b"{\"packages\": []}".to_vec();
                }
            },
            &[(Check::Fresh, Poor)],
        ),
        (
            |asked, reply| {
                if asked.path.starts_with("/packages/text/1.") {
                    reply.status = "404 Not Found";
                }
            },
            &[(Check::Packages, Bad), (Check::Readable, Bad)],
        ),
        (
            |asked, reply| {
                if asked.path.starts_with("/packages/text/index.json") {
                    reply.status = "403 Forbidden";
                }
            },
            &[
                (Check::Packages, Bad),
                (Check::Readable, Bad),
                (Check::Revalidation, Poor),
            ],
        ),
        (
            |asked, reply| {
                if asked.path.starts_with("/artifacts/") {
                    reply.status = "403 Forbidden";
                }
            },
            &[(Check::Ranges, Bad)],
        ),
    ];
    for (at, (spoil, expected)) in cases.into_iter().enumerate() {
        let report = found(spoil);
        assert_eq!(faults(&report), expected, "case {at}: {report:#?}");
        let usable = expected.iter().all(|(_, verdict)| *verdict != Bad);
        assert_eq!(report.is_usable(), usable);
    }
}

#[test]
fn a_server_without_a_registry() {
    for status in ["404 Not Found", "401 Unauthorized", "hang"] {
        let report = found(move |_, reply| reply.status = status);
        assert!(faults(&report).contains(&(Check::Readable, Verdict::Bad)));
        assert!(!report.is_usable());
    }
}

#[test]
fn redirects_are_told() {
    let report = found(|asked, reply| {
        if asked.path == "/index.json" {
            reply.status = "302 Found";
            reply.set("Location", "/there/index.json");
        }
        if asked.path == "/there/index.json" {
            reply.status = "200 OK";
            reply.set("Content-Type", "application/json");
            reply.body = b"{\"packages\": []}".to_vec();
        }
    });
    let told = report
        .findings
        .iter()
        .find(|finding| finding.check == Check::Redirects)
        .unwrap();
    assert_eq!(told.verdict, Verdict::Poor);
    assert!(told.seen.ends_with("/there"), "{}", told.seen);
}

#[test]
fn folders_and_memory_let_one_writer_win_and_keep_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Location::File(dir.path().to_owned());
    for storage in [
        Storage::Memory(MemoryStorage::new()),
        Storage::open(&folder, &Default::default()).unwrap(),
    ] {
        block_on(async {
            fill(&storage).await;
            let before = storage.list("").await.unwrap();
            let report = examine(&Registry::on("local", storage.clone()), LOOK).await;
            assert_eq!(faults(&report), [], "{report:#?}");
            for check in [Check::Create, Check::Replace, Check::Race, Check::List] {
                let good = report
                    .findings
                    .iter()
                    .any(|finding| finding.check == check && finding.verdict == Verdict::Good);
                assert!(good, "{check:?}: {report:#?}");
            }
            assert_eq!(storage.list("").await.unwrap(), before);
        });
    }
    assert!(!dir.path().join(".lumen").exists());
}

#[test]
fn a_host_that_cannot_be_written() {
    block_on(async {
        let memory = MemoryStorage::new();
        let storage = Storage::Memory(memory.clone());
        fill(&storage).await;
        let registry = Registry::on("local", storage);
        let look = |write| examine(&registry, Options { write, ..LOOK });
        let never = look(Write::Never).await;
        assert!(
            never
                .findings
                .iter()
                .all(|found| found.check != Check::Create)
        );
        // Reading is over after the operations of a look that does not write.
        memory.set_fault(None);
        look(Write::Never).await;
        let reads = memory.operations();
        for at in reads + 1..reads + 4 {
            memory.set_fault(Some(Fault {
                at,
                kind: FaultKind::Fail,
                dead_afterwards: true,
            }));
            let report = look(Write::IfAllowed).await;
            assert!(!report.is_usable(), "{at}: {report:#?}");
        }
    });
    let server = found(|_, _| {});
    assert!(
        server
            .findings
            .iter()
            .all(|found| found.check != Check::Create)
    );
}
