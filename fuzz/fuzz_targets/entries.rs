//! Bundles of log entries and nodes of the name map: one form only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{
    tile::entries::{decode, encode},
    trust::map,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(leaves) = decode(bytes) {
        assert_eq!(encode(&leaves).expect("what was read"), bytes);
    }
    let _ = map::children(bytes);
});
