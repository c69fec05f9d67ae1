//! Where in a file something stands that is wrong.

use lumen_core::problem::line_column;

use crate::log::Place;

/// The place of the first of these texts that a file has, each looked for after the one before:
/// a key, and then its value.
pub(super) fn place(bytes: &[u8], texts: &[&str]) -> Option<Place> {
    let source = String::from_utf8_lossy(bytes);
    let mut at = 0;
    for text in texts {
        at += source.get(at..)?.find(text)?;
    }
    let (line, column) = line_column(&source, at);
    Some(Place { line, column })
}

/// A text as it stands in JSON.
pub(super) fn quoted(text: impl ToString) -> String {
    format!("\"{}\"", text.to_string())
}
