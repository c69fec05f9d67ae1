//! `lumen.lock`: what is read is written in a form that reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::lockfile::Lockfile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Lockfile::parse("lumen.lock", text) {
        Ok(lock) => {
            let written = lock.render();
            let again = Lockfile::parse("lumen.lock", &written).expect("what was written");
            // Credentials are not written, so the first text may say more.
            assert_eq!(again.render(), written);
        }
        Err(problem) => {
            if let Some(place) = &problem.place {
                assert!(
                    place.source.get(place.span.clone()).is_some(),
                    "{problem:?}"
                );
            }
        }
    }
});
