//! Registries in buckets: real and simulated object stores.

use lumen_registry::StorageError;
use lumen_testkit::{buckets::ObjectServer, conformance, tools::Tool};

mod answers;
mod bars;
mod crashes;

use crate::block_on;

#[test]
fn seaweedfs_keeps_the_contract() {
    let Some(server) = ObjectServer::shared(Tool::SeaweedFs) else {
        return;
    };
    block_on(conformance::storage(&server.storage()));
    // Losers wait for seconds there.
    conformance::races(&server.storage(), 8, 3);
}

#[test]
fn moto_keeps_the_contract() {
    let Some(server) = ObjectServer::shared(Tool::Moto) else {
        return;
    };
    block_on(conformance::storage(&server.storage()));
    conformance::races(&server.storage(), 8, 25);
}

#[test]
fn azurite_keeps_the_contract() {
    let Some(server) = ObjectServer::shared(Tool::Azurite) else {
        return;
    };
    block_on(conformance::storage(&server.storage()));
    conformance::races(&server.storage(), 8, 25);
}

#[test]
fn hosts_that_ignore_conditions_are_refused() {
    for (tool, header) in [
        (Tool::S3rver, "If-None-Match: *"),
        (Tool::LocalBucket, "If-Match"),
    ] {
        let Some(server) = ObjectServer::shared(tool) else {
            continue;
        };
        let storage = server.storage();
        let key = lumen_core::Key::global_index();
        let error = block_on(storage.create(&key, b"{}")).unwrap_err();
        let StorageError::Unsafe { reason, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(reason, &format!("ignores `{header}`"));
        assert!(block_on(storage.get(&key, 9)).unwrap().is_none());
        assert!(block_on(storage.list("")).unwrap().is_empty());
    }
}
