//! Texts of the user in messages: on one line, and not too long.

use std::{fmt, ops::Range};

use crate::limits::{MAX_MESSAGE, MAX_QUOTED};

/// Where the first line with a conflict marker of git or mercurial stands, line end excluded.
pub(crate) fn conflict_marker(source: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        if line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>") {
            return Some(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

/// A text of the user in backquotes, on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    format!("`{}`", shown_bare(text))
}

/// A text of the user, on one line and not too long.
pub(crate) fn shown_bare(text: &str) -> String {
    one_line(text, MAX_QUOTED)
}

/// A message that repeats a text of the user, on one line and not too long.
pub(crate) fn brief(message: impl fmt::Display) -> String {
    one_line(&message.to_string(), MAX_MESSAGE)
}

fn one_line(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}
