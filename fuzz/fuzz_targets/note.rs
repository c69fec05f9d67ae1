//! Signed notes and what stands in them: one form only, so reading and writing are the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::{
    note::Note,
    trust::{Entry, MapLeaf, OwnersNote, Rejection, RootNote, Statement, Subject},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_text().as_bytes(), bytes);
    }
    let _ = Entry::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // The bodies, also without signatures.
    if let Ok(note) = RootNote::parse(text) {
        assert_eq!(note.to_text(), text);
    }
    if let Ok(note) = OwnersNote::parse(text) {
        assert_eq!(note.to_text(), text);
    }
    if let Ok(statement) = Statement::parse(text) {
        assert_eq!(statement.to_text(), text);
    }
    if let Ok(rejection) = Rejection::parse(text) {
        assert_eq!(rejection.to_text(), text);
    }
    if let Some(subject) = Subject::parse(text) {
        assert_eq!(subject.to_string(), text);
    }
    if let Some(leaf) = MapLeaf::parse(text) {
        assert_eq!(leaf.to_text(), text);
    }
});
