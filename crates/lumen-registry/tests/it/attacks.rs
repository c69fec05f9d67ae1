//! Attacks on clients of a signed registry, each mounted against one that was in order before.

mod ends;
mod files;
mod growth;
mod owners;
mod roots;

use std::path::Path;

use lumen_core::{
    Digest,
    index::{Artifact, Release, identity},
    lockfile::LockedTrust,
    note::Note,
    signing::{CosignerKey, SecretKey},
    trust::{Action, Revoked, Subject},
};
use lumen_registry::{
    ReadError, Registry,
    loader::{LoadError, Routes},
    verify::{PinSource, TrustError, TrustOptions, known, state},
};

use crate::{
    block_on,
    loader::{asking, resolve},
    name,
    verified::{NOW, Served, World, key, seconds, signed, trust, versions},
    version,
};

/// Options of a client that keeps what it saw in a folder.
fn remembering(dir: &Path) -> TrustOptions {
    TrustOptions {
        state_dir: Some(dir.into()),
        ..Default::default()
    }
}

/// Options of a client with a lock that was made with a registry as it is now.
fn with_lock(world: &World) -> TrustOptions {
    TrustOptions {
        locked: locked(world),
        ..Default::default()
    }
}

/// A registry with a package `a` of two releases.
fn world() -> (World, SecretKey) {
    let mut world = World::new("example/1f");
    let owner = key("owner", 7);
    world.claim("a", &owner);
    world.publish("a", "1.0.0", &[("b", "^1.0.0")], &owner);
    world.publish("a", "1.1.0", &[], &owner);
    world.seal();
    (world, owner)
}

/// A world behind a server that passed before the attack.
fn honest(world: &World) -> Served {
    let served = Served::new(world);
    let registry = fresh(&served);
    assert_eq!(
        versions(&registry, "a"),
        Ok(Some(vec!["1.0.0".into(), "1.1.0".into()]))
    );
    served
}

fn fresh(served: &Served) -> Registry {
    served.registry(TrustOptions::default())
}

fn refused(registry: &Registry) -> TrustError {
    versions(registry, "a").unwrap_err()
}

/// A release of `a`, by its own file.
fn read(registry: &Registry, number: &str) -> Result<Option<(Release, Digest)>, ReadError> {
    block_on(registry.release(&name("a"), &version(number), None))
}

fn locked(world: &World) -> Vec<LockedTrust> {
    vec![LockedTrust {
        root: world.fingerprint(),
        checkpoint: world.checkpoint(),
        root_note: None,
    }]
}
