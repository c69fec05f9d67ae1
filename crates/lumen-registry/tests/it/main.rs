//! Tests across modules, against real folders, processes and sockets.

#![allow(clippy::disallowed_methods, reason = "tests are steered by variables")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail a test by panicking, too"
)]

mod attacks;
mod blocks;
mod buckets;
mod compression;
mod doctor;
mod file_lists;
mod freshness;
mod garbage;
mod git;
mod handmade;
mod hostile;
mod http;
mod loader;
mod log;
mod migrate;
mod mirror;
mod outage;
mod prove;
mod publish;
mod races;
mod server;
mod since;
mod storage;
mod verified;
#[cfg(unix)]
mod web;

use lumen_core::{PackageName, Version, index::Release, signing::SecretKey, trust::Action};
use lumen_registry::{
    Storage,
    log::init_signed,
    publish::{Change, Changed, PublishError, PublishRequest, init},
    storage::MemoryStorage,
};

const NOW: &str = "2024-01-15T10:30:00Z";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// A registry in memory without packages, with or without signatures.
fn founded(signed: bool, key: &SecretKey) -> (MemoryStorage, Storage) {
    let memory = MemoryStorage::new();
    let storage = Storage::Memory(memory.clone());
    block_on(async {
        match signed {
            true => drop(init_signed(&storage, "t", "t/1", key, NOW).await.unwrap()),
            false => init(&storage, "t", NOW).await.unwrap(),
        }
    });
    (memory, storage)
}

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn yanked(number: &str, reason: &str) -> Action {
    Action::Yank {
        version: version(number),
        reason: reason.into(),
    }
}

fn unyanked(number: &str) -> Action {
    Action::Unyank {
        version: version(number),
        reason: String::new(),
    }
}

/// Changes a package in a registry that needs no signature.
async fn change(storage: &Storage, package: &str, action: Action) -> Result<Changed, PublishError> {
    let wanted = Change {
        name: name(package),
        action,
        now: NOW.into(),
        signer: None,
        last_seen: None,
    };
    lumen_registry::publish::change(storage, &wanted).await
}

/// A release without dependencies whose artifacts are these texts.
fn request(package: &str, number: &str, contents: &str) -> PublishRequest {
    let release = Release {
        license: Some("MIT".into()),
        description: Some(format!("About {package}")),
        categories: vec!["tests".into()],
        ..Release::new(name(package), version(number))
    };
    PublishRequest {
        release,
        tar: format!("tar of {contents}").into(),
        zst: Some(format!("zst of {contents}").into()),
        list: None,
        now: NOW.into(),
        registry_name: "test".into(),
        signer: None,
        last_seen: None,
    }
}
