//! What git says: failures, pushes and lists of files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_registry::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    for text in fuzzing::git_output(bytes) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
});
