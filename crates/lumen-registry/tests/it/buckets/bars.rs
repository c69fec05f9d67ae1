//! Many publishers at one bucket, also where answers get lost.

use std::time::Duration;

use lumen_core::{Key, index::GlobalIndex, json};
use lumen_registry::{Storage, log::check, progress::nobody};
use lumen_testkit::{buckets::ObjectServer, proxy::FaultyProxy, tools::Tool};

use crate::{
    block_on,
    log::{init, put},
};

const WRITERS: usize = 8;

/// Publishes of each writer: as many as `LUMEN_TEST_ROUNDS` says, for a longer run.
fn rounds(usual: usize) -> usize {
    let rounds = std::env::var("LUMEN_TEST_ROUNDS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok());
    rounds.unwrap_or(usual)
}

/// Lets writers publish packages of their own at the same time, and checks that all are there.
/// Each has connections of its own, as processes have.
fn publish_at_once(open: impl Fn() -> Storage, rounds: usize) {
    block_on(init(&open())).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let storage = open();
            scope.spawn(move || {
                block_on(async {
                    for round in 0..rounds {
                        let package = format!("p{writer}-{round}");
                        let published = put(&storage, "ada", &package, "1.0.0").await;
                        let published =
                            published.unwrap_or_else(|error| panic!("{package}: {error}"));
                        assert!(published.new, "{package}");
                    }
                });
            });
        }
    });
    let storage = open();
    assert_eq!(block_on(check(&storage, &nobody)).unwrap(), []);
    let index = block_on(storage.get(&Key::global_index(), 1 << 20)).unwrap();
    let index: GlobalIndex = json::parse(&index.unwrap().0).unwrap();
    assert_eq!(index.packages.len(), WRITERS * rounds);
}

fn lose_nothing(tool: Tool, usual: usize) {
    let Some(server) = ObjectServer::shared(tool) else {
        return;
    };
    let url = server.url(&ObjectServer::fresh_prefix());
    publish_at_once(|| server.storage_at(&url, &server.options()), rounds(usual));
}

#[test]
fn eight_writers_lose_nothing_at_seaweedfs() {
    lose_nothing(Tool::SeaweedFs, 8);
}

#[test]
fn eight_writers_lose_nothing_at_moto() {
    lose_nothing(Tool::Moto, 4);
}

/// One write in fifteen is not carried out, or is and nobody hears of it.
#[test]
fn eight_writers_whose_answers_get_lost_lose_nothing() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    let proxy = FaultyProxy::losing_writes(server.address(), 4711, 66).unwrap();
    let url = server.url_through(&proxy.endpoint(), &ObjectServer::fresh_prefix());
    let mut options = server.options();
    options.http.tries = 6;
    options.http.read_timeout = Duration::from_secs(2);
    publish_at_once(|| server.storage_at(&url, &options), rounds(5));
    assert!(proxy.losses() > 20, "{}", proxy.losses());
}
