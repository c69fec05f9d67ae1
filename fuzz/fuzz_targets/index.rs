//! JSON of registries: all forms are read, and a rewrite keeps the fields it does not own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{
    Version,
    index::{
        GlobalIndex, PackageIndex, Release, events_of, put_package_entry, put_yank, summaries_of,
    },
    json,
};
use serde_json::Value;

/// Fields of a package index that a yank changes.
const OWNED: [&str; 2] = ["yanked", "latest"];

fuzz_target!(|bytes: &[u8]| {
    let checked = json::check(bytes);
    if let Err(error) = &checked {
        let problem = error.problem("index.json", bytes);
        let place = problem.place.expect("a place");
        assert!(place.source.get(place.span.clone()).is_some());
    }
    let _ = summaries_of(bytes);
    let _ = events_of(bytes);
    if let Ok(release) = json::parse::<Release>(bytes) {
        let again: Release = json::parse(&release.to_bytes()).expect("what was written");
        assert_eq!(again, release);
        let _ = release.requirements();
    }
    let Ok(index) = json::parse::<PackageIndex>(bytes) else {
        let _ = json::parse::<GlobalIndex>(bytes);
        return;
    };
    let before: Value = serde_json::from_slice(bytes).expect("JSON");
    if let Ok(written) = put_yank(bytes, &Version::new(1, 0, 0), Some("why")) {
        let after: Value = json::parse(&written).expect("what was written");
        json::parse::<PackageIndex>(&written).expect("an index");
        for (field, value) in before.as_object().expect("an object") {
            assert!(
                OWNED.contains(&field.as_str()) || after[field] == *value,
                "{field}"
            );
        }
        assert_eq!(after["yanked"]["1.0.0"], "why");
    }
    let _ = put_package_entry(bytes, &index, "2026-01-31T10:30:00Z");
});
