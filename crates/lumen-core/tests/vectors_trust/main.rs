//! Signatures, notes, proofs and tiles against public test vectors and real logs; where they
//! come from is in `crates/lumen-testkit/data/vectors/SOURCES.md`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ed25519;
mod merkle;
mod notes;
mod sigstore;
mod tiles;

use std::path::PathBuf;

use data_encoding::{BASE64, HEXLOWER};
use lumen_core::Digest;
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../lumen-testkit/data/vectors");
    PathBuf::from(root).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Numbers, and the numbers in strings of Protobuf's JSON.
fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| text(value).parse().unwrap())
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(text(value).as_bytes()).unwrap()
}

/// A hash in base64 or hex; none if it has not 32 bytes.
fn hash(value: &Value) -> Option<Digest> {
    let text = value.as_str()?.as_bytes();
    let decoded = HEXLOWER
        .decode(text)
        .or_else(|_| BASE64.decode(text))
        .ok()?;
    decoded.try_into().ok().map(Digest::from_bytes)
}

/// A proof; none if one of its hashes has not 32 bytes.
fn proof(value: &Value) -> Option<Vec<Digest>> {
    array(value).iter().map(hash).collect()
}
