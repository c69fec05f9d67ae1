//! `lumen.toml`: every problem points into the file, and what may be published is valid.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{edit, manifest, problem::Severity};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = manifest::parse("lumen.toml", text);
    for problem in &parsed.problems {
        if let Some(place) = &problem.place {
            assert!(
                place.source.get(place.span.clone()).is_some(),
                "{problem:?}"
            );
            place.line_column();
        }
    }
    let Some(manifest) = parsed.manifest else {
        assert!(
            parsed
                .problems
                .iter()
                .any(|problem| problem.severity == Severity::Error)
        );
        return;
    };
    if let Ok(published) = edit::for_publish(text, &manifest) {
        let again = manifest::parse("lumen.toml", &published);
        assert!(
            again.manifest.is_some(),
            "{published:?}: {:?}",
            again.problems
        );
    }
});
