//! Constraints: the text is kept, and both dialects mean what they say.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{Constraint, Version, constraint::Dialect};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, version) = text.split_once('\n').unwrap_or((text, "1.2.3"));
    let version = Version::parse(version).ok();
    for dialect in [Dialect::Lumen, Dialect::Cargo] {
        match Constraint::parse(text, dialect) {
            Ok(constraint) => {
                let again = Constraint::parse(constraint.as_str(), dialect).expect("its own text");
                assert_eq!(again, constraint);
                if let Some(exact) = constraint.as_exact() {
                    assert!(constraint.matches(&exact), "{text:?}");
                }
                if let Some(version) = &version {
                    let matches = constraint.matches(version);
                    assert_eq!(again.matches(version), matches);
                    assert!(!matches || constraint.matches_ignoring_pre_release_rule(version));
                }
            }
            Err(error) => assert!(error.text.get(error.span.clone()).is_some(), "{error:?}"),
        }
    }
});
