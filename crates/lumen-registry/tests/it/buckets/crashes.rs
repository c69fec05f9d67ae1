//! A fault at every request of every kind of change, as in [`crate::log::crashes`], but in a bucket.

use futures::{StreamExt as _, stream};
use lumen_core::Key;
use lumen_registry::{
    Storage,
    storage::{Fault, FaultKind, HostOptions},
};
use lumen_testkit::{
    buckets::ObjectServer,
    proxy::{FaultyProxy, Loss},
    tools::Tool,
};

use crate::{
    block_on,
    log::crashes::{STEPS, recovers, step},
};

/// One request in so many is hit; all are with `LUMEN_TEST_FAULTS=all`.
const USUAL: u64 = 29;

/// Files of a registry with their contents.
type Files = Vec<(Key, Vec<u8>)>;

/// A bucket, and a proxy before it that does what it is told.
struct Bucket {
    server: &'static ObjectServer,
    proxy: FaultyProxy,
}

impl Bucket {
    /// A new folder with these files: as everybody sees it, and as seen through the proxy.
    async fn with_files(&self, files: &Files, tries: usize) -> (Storage, Storage) {
        let prefix = ObjectServer::fresh_prefix();
        let options = self.server.options();
        let direct = self.server.storage_at(&self.server.url(&prefix), &options);
        stream::iter(files)
            .for_each_concurrent(8, async |(key, bytes)| {
                direct.create(key, bytes).await.unwrap();
            })
            .await;
        let url = self.server.url_through(&self.proxy.endpoint(), &prefix);
        let mut options: HostOptions = options;
        options.http.tries = tries;
        (direct, self.server.storage_at(&url, &options))
    }

    fn set_fault(&self, fault: Option<Fault>) {
        self.proxy.set_plan(move |number, _| {
            let fault = fault?;
            match fault.kind {
                _ if number > fault.at && fault.dead_afterwards => Some(Loss::Request),
                _ if number != fault.at => None,
                FaultKind::Fail => Some(Loss::Request),
                FaultKind::LoseAnswer => Some(Loss::Answer),
            }
        });
    }

    async fn crash(&self, before: &Files, number: usize, tries: usize, fault: Fault) {
        let (direct, through) = self.with_files(before, tries).await;
        self.set_fault(Some(fault));
        let result = step(&through, number).await;
        let context = format!("{fault:?}, {tries} tries");
        // One fault is nothing to those who try again.
        if tries > 1 && !fault.dead_afterwards {
            assert!(result.is_ok(), "step {number}, {context}: {result:?}");
        }
        recovers(&direct, number, &result, &context).await;
    }
}

async fn files_of(storage: &Storage) -> Files {
    let mut files = Files::new();
    for key in storage.list("").await.unwrap() {
        let (bytes, _) = storage.get(&key, 1 << 20).await.unwrap().unwrap();
        files.push((key, bytes));
    }
    files
}

#[test]
fn a_fault_anywhere_loses_nothing_and_blocks_nobody() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    let proxy = FaultyProxy::start(server.address(), Default::default(), |_, _| None).unwrap();
    let bucket = Bucket { server, proxy };
    let every = match std::env::var("LUMEN_TEST_FAULTS").as_deref() {
        Ok("all") => 1,
        _ => USUAL,
    };
    let mut cases = 0;
    block_on(async {
        let mut before = Files::new();
        for number in 0..STEPS {
            let (direct, through) = bucket.with_files(&before, 1).await;
            bucket.set_fault(None);
            step(&through, number).await.unwrap();
            let requests = bucket.proxy.requests();
            let mut turn = 0;
            for at in 1..=requests {
                for (tries, kind, dead_afterwards) in [
                    (1, FaultKind::Fail, true),
                    (1, FaultKind::LoseAnswer, true),
                    (1, FaultKind::Fail, false),
                    (1, FaultKind::LoseAnswer, false),
                    (3, FaultKind::Fail, false),
                    (3, FaultKind::LoseAnswer, false),
                ] {
                    turn += 1;
                    if turn % every != 0 {
                        continue;
                    }
                    let fault = Fault {
                        at,
                        kind,
                        dead_afterwards,
                    };
                    bucket.crash(&before, number, tries, fault).await;
                    cases += 1;
                }
            }
            before = files_of(&direct).await;
        }
    });
    eprintln!("{cases} faults");
    assert!(cases > 500 / every, "{cases}");
}
