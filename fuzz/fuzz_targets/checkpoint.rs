//! Checkpoints: one form only, and extensions change nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{checkpoint::Checkpoint, note::Note};

fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::of_note(bytes);
    if let Ok(note) = Note::parse(bytes) {
        let _ = Checkpoint::parse(&note.text);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        let written = checkpoint.to_text();
        assert!(text.starts_with(&written), "{text:?}");
        assert_eq!(Checkpoint::parse(&written), Ok(checkpoint));
    }
});
