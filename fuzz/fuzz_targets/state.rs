//! What this machine remembers of signed registries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_registry::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    if let Some((read, again)) = fuzzing::state(bytes) {
        assert_eq!(read, again);
    }
});
