//! The netrc file: an error tells a line of it, and nothing of what is there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_ops::credentials::netrc::Netrc;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Netrc::parse(text) {
        Ok(netrc) => {
            for host in ["h", "example.org"] {
                // A host without an entry of its own has nothing but the default.
                let own = netrc.login(host, false);
                assert!(own.is_none() || netrc.login(host, true).is_some());
            }
        }
        Err(error) => assert!(error.line >= 1 && error.line <= text.split('\n').count()),
    }
});
