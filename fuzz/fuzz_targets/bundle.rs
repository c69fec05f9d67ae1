//! The file of a bundle: every file of it lies in it, and no two at one place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_registry::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let Some(files) = fuzzing::bundle(bytes) else {
        return;
    };
    let mut places: Vec<(u64, u64)> = files
        .into_iter()
        .map(|(_, start, size)| (start, size))
        .collect();
    places.sort_unstable();
    for pair in places.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:?}");
    }
    for (start, size) in places {
        assert!(start + size <= bytes.len() as u64);
    }
});
