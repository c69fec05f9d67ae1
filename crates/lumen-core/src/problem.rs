//! What is wrong with an input, where, and what to do: data, rendered by the CLI.

use std::{ops::Range, sync::Arc};

use crate::remedy::Remedy;

/// Whether a problem stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is used all the same.
    Warning,
    /// The input is refused.
    Error,
}

/// One thing wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the work.
    pub severity: Severity,
    /// What is wrong, one line, without a trailing full stop.
    pub what: String,
    /// Where, if the input is text.
    pub place: Option<Place>,
    /// What to do next.
    pub hint: Option<Remedy>,
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user knows it (path or URL).
    pub file: String,
    /// The whole text.
    pub source: Arc<str>,
    /// Byte range within `source`; empty at the end of the file is allowed.
    pub span: Range<usize>,
    /// A few words beside the caret; may be empty.
    pub label: String,
}

impl Problem {
    /// An error without a place or a hint.
    pub fn error(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            what: what.into(),
            place: None,
            hint: None,
        }
    }

    /// A warning without a place or a hint.
    pub fn warning(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            what: what.into(),
            place: None,
            hint: None,
        }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Remedy>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Place {
    /// The same place without the text, which is nothing to show: line and column stay.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        self.span = self.span.start..self.span.start;
        // As many bytes, since the span counts these; so columns count bytes now.
        self.source = self.source.bytes().map(blank).collect::<String>().into();
        self.label.clear();
        self
    }

    /// Line and column, both from 1; columns count characters.
    pub fn line_column(&self) -> (usize, usize) {
        line_column(&self.source, self.span.start)
    }
}

/// Line and column of a byte offset, both from 1; columns count characters, a byte
/// order mark not among them.
pub fn line_column(source: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..]
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            + 1,
    )
}

/// The byte offset of a line and column as parsers report them (from 1, columns count bytes).
pub fn offset_of(source: &str, line: usize, column: usize) -> usize {
    let start: usize = source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut offset = (start + column.saturating_sub(1)).min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The closest of `known` to `word`, if it is close enough to be a slip of the finger.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    /// Most letters that can be wrong.
    const FARTHEST: usize = 3;
    let length = word.chars().count();
    known
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.chars().count();
            let most = (other.max(3) / 3).min(FARTHEST);
            // The distance takes time and memory by the product of both lengths.
            if length.abs_diff(other) > most || length > 256 {
                return None;
            }
            let distance = strsim::damerau_levenshtein(word, candidate);
            (distance <= most).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Problems as plain text for snapshot tests: message, line, caret, hint.
#[cfg(test)]
pub(crate) fn plain(problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        let severity = match problem.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        out += &format!("{severity}: {}\n", problem.what);
        if let Some(place) = &problem.place {
            let (line, column) = place.line_column();
            let text = place.source.lines().nth(line - 1).unwrap_or_default();
            let indent: String = text
                .chars()
                .take(column - 1)
                .map(|c| if c == '\t' { c } else { ' ' })
                .collect();
            let marked = place.source[place.span.clone()]
                .lines()
                .next()
                .unwrap_or("");
            let carets = "^".repeat(marked.chars().count().max(1));
            out += &format!("  {}:{line}:{column}\n", place.file);
            out += &format!("  | {text}\n  | {indent}{carets}");
            out += &match place.label.as_str() {
                "" => "\n".to_owned(),
                label => format!(" {label}\n"),
            };
        }
        if let Some(hint) = &problem.hint {
            out += &format!("  hint: {}\n", hint.plain());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        assert_eq!(line_column("ab\ncé d\n", 7), (2, 4));
        assert_eq!(line_column("ab\ncé d\n", 0), (1, 1));
        assert_eq!(line_column("ab", 99), (1, 3));
        assert_eq!(line_column("\u{feff}ab\n", 4), (1, 2));
        assert_eq!(offset_of("ab\ncd", 2, 2), 4);
        assert_eq!(offset_of("ab", 9, 9), 2);
    }

    #[test]
    fn nearest_word() {
        assert_eq!(
            nearest("dependancies", ["package", "dependencies"]),
            Some("dependencies")
        );
        assert_eq!(nearest("verison", ["version", "name"]), Some("version"));
        assert_eq!(nearest("foo", ["version", "name"]), None);
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
