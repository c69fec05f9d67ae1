//! The netrc file: an error tells a line of it, and nothing of what is there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_ops::credentials::netrc::Netrc;

const HOST: &str = "example.org";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Netrc::parse(text) {
        Ok(netrc) => {
            // Quotes and escapes could spell the name in another way.
            let named = text.to_lowercase().contains(HOST) || text.contains(['"', '\\']);
            // Nobody gets a login that the file does not give it.
            assert!(named || netrc.login(HOST, false).is_none());
            let _ = netrc.login(HOST, true);
        }
        Err(error) => assert!(error.line >= 1 && error.line <= text.split('\n').count()),
    }
});
