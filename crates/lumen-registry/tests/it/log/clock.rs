//! Writers whose clock is wrong, at a host with a clock of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use lumen_core::trust::text::time_of;
use lumen_registry::{
    Storage,
    publish::{ClockWitness, PublishError, PublishRequest, publish},
    storage::MemoryStorage,
};

use super::{init, request, say, yank};

const HOUR: i64 = 3600;

/// Seconds since 1970 by this machine's clock.
fn own() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

/// A publish by a clock that says this time.
fn at(seconds: i64, package: &str) -> PublishRequest {
    PublishRequest {
        now: time_of(seconds),
        ..request("ada", package, "1.0.0")
    }
}

fn contradicted(error: PublishError) -> ClockWitness {
    match error {
        PublishError::Clock { by, .. } => by,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_clock_ahead_of_the_hosts_appends_nothing() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    init(&storage).await.unwrap();
    publish(&storage, &at(own(), "first")).await.unwrap();
    memory.set_host_time(Some(own() - HOUR));
    let before = memory.files();
    let error = publish(&storage, &at(own(), "http")).await.unwrap_err();
    assert_eq!(contradicted(error), ClockWitness::Host);
    let error = say(&storage, "ada", "first", yank("1.0.0"))
        .await
        .unwrap_err();
    assert_eq!(contradicted(error), ClockWitness::Host);
    assert_eq!(memory.files(), before, "something was written");
    // A few minutes are nobody's fault, and a clock behind the host's contradicts no entry.
    for host in [own() - 500, own() + HOUR] {
        memory.set_host_time(Some(host));
        let name = format!("p{host}");
        publish(&storage, &at(own(), &name)).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_behind_the_newest_entry_appends_nothing() {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    init(&storage).await.unwrap();
    // By a clock that is right, and by that of a liar.
    publish(&storage, &at(own() + HOUR, "first")).await.unwrap();
    publish(&storage, &at(own() + 1000 * HOUR, "liar"))
        .await
        .unwrap();
    memory.set_host_time(Some(own() + 2 * HOUR));
    let before = memory.files();
    let error = publish(&storage, &at(own(), "http")).await.unwrap_err();
    assert_eq!(contradicted(error), ClockWitness::Entry);
    assert_eq!(memory.files(), before, "something was written");
    // An entry that the host's clock does not confirm stops no writer.
    memory.set_host_time(Some(own() + HOUR / 2));
    publish(&storage, &at(own(), "http")).await.unwrap();
    memory.set_host_time(None);
    publish(&storage, &at(own(), "log")).await.unwrap();
}
