//! Names of tiles, keys of registries and digests: one form only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{Digest, Key, PackageName, tile::Tile};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(tile) = Tile::parse(text) {
        assert_eq!(tile.path(), text);
    }
    if let Ok(key) = Key::parse(text) {
        assert_eq!(key.as_str(), text);
        assert!(
            !text.starts_with('/') && !text.split('/').any(|part| part == ".." || part.is_empty())
        );
        let _ = key.kind();
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(name) = PackageName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
});
