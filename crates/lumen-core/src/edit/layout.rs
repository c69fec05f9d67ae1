//! The place of each statement of a TOML file.
//!
//! Changes are made to the text, at places the parser names, and not to a tree that
//! is printed again: unchanged parts stay the same to the byte, whatever
//! its line ends, spacing and order.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Table, Value};

use super::EditError;
use crate::{
    limits::rows,
    manifest::{FILE_NAME, reader::Reader},
    problem::Problem,
};

/// A parsed file and its statements in order.
pub(super) struct Layout<'s> {
    pub source: &'s str,
    pub document: Document<std::sync::Arc<str>>,
    pub statements: Vec<Statement>,
}

/// A table's header or a key with its value: whole lines, none of them shared.
#[derive(Debug)]
pub(super) struct Statement {
    /// The full path: a key's includes those of the header above it.
    pub path: Vec<String>,
    /// Whether it is a header (`[a.b]` or `[[a.b]]`).
    pub is_header: bool,
    /// The index of the header it stands below; a header stands below itself.
    pub header: Option<usize>,
    /// The lines, the last line end included.
    pub lines: Range<usize>,
    /// The value; for a header, the header.
    pub value: Range<usize>,
}

impl<'s> Layout<'s> {
    pub fn new(source: &'s str) -> Result<Self, EditError> {
        let mut reader = Reader::new(FILE_NAME, source);
        let Some(document) = reader.document(rows::MAX_MANIFEST_BYTES) else {
            let problem = reader.take_first_error();
            let problem = problem.unwrap_or_else(|| Problem::error("this is not TOML"));
            return Err(EditError::Malformed(Box::new(problem)));
        };
        let mut layout = Self {
            source,
            document,
            statements: Vec::new(),
        };
        let mut statements = Vec::new();
        layout.walk(layout.document.as_table(), &mut Vec::new(), &mut statements);
        statements.sort_by_key(|statement| statement.lines.start);
        let mut header = None;
        for (index, statement) in statements.iter_mut().enumerate() {
            if statement.is_header {
                header = Some(index);
            }
            statement.header = header;
        }
        layout.statements = statements;
        Ok(layout)
    }

    fn walk(&self, table: &Table, path: &mut Vec<String>, out: &mut Vec<Statement>) {
        for (key, item) in table {
            path.push(key.to_owned());
            match item {
                Item::None => {}
                Item::Value(value) => {
                    let key_span = table.key(key).and_then(|key| key.span());
                    if let (Some(key_span), Some(value)) = (key_span, value.span()) {
                        out.push(Statement {
                            path: path.clone(),
                            is_header: false,
                            header: None,
                            lines: self.lines(key_span.start..value.end),
                            value,
                        });
                    }
                }
                Item::Table(table) => self.walk_table(table, path, out),
                Item::ArrayOfTables(tables) => {
                    for table in tables {
                        self.walk_table(table, path, out);
                    }
                }
            }
            path.pop();
        }
    }

    fn walk_table(&self, table: &Table, path: &mut Vec<String>, out: &mut Vec<Statement>) {
        let has_header = !table.is_dotted() && !table.is_implicit();
        if let Some(value) = table.span().filter(|_| has_header) {
            out.push(Statement {
                path: path.clone(),
                is_header: true,
                header: None,
                lines: self.lines(value.clone()),
                value,
            });
        }
        self.walk(table, path, out);
    }

    /// The whole lines that a place touches.
    fn lines(&self, place: Range<usize>) -> Range<usize> {
        let rest = &self.source[place.end..];
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.line_start(place.start)..place.end + end
    }

    /// Where the line of a place starts, after a byte order mark.
    pub fn line_start(&self, at: usize) -> usize {
        let start = self.source[..at].rfind('\n').map_or(0, |at| at + 1);
        match self.source[start..].starts_with('\u{feff}') && start == 0 {
            true => '\u{feff}'.len_utf8(),
            false => start,
        }
    }

    /// The item at a path.
    pub fn item(&self, path: &[&str]) -> Option<&Item> {
        let mut item = self.document.as_item();
        for key in path {
            item = item.as_table_like()?.get(key)?;
        }
        Some(item).filter(|item| !item.is_none())
    }

    /// The line end that the file uses.
    pub fn line_end(&self) -> &'static str {
        match self.source.split_once('\n') {
            Some((before, _)) if before.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// The path of the header that a statement stands below; empty at the top.
    pub fn section_of(&self, index: usize) -> &[String] {
        match self.statements[index].header {
            Some(header) => &self.statements[header].path,
            None => &[],
        }
    }

    /// Where the comment lines directly above a statement start; its own start if there are none.
    pub fn comments_above(&self, index: usize) -> usize {
        let floor = match index {
            0 => self.line_start(0),
            _ => self.statements[index - 1].lines.end,
        };
        let mut start = self.statements[index].lines.start;
        while start > floor {
            let above = self.line_start(start - 1).max(floor);
            if !is_comment(&self.source[above..start]) {
                break;
            }
            start = above;
        }
        start
    }

    /// The end of the line at a place, line end included.
    pub fn line_after(&self, at: usize) -> usize {
        let rest = &self.source[at..];
        at + rest.find('\n').map_or(rest.len(), |at| at + 1)
    }
}

impl Statement {
    pub fn is_below(&self, path: &[&str]) -> bool {
        starts_with(&self.path, path)
    }
}

/// Whether a path is `prefix` or below it.
pub(super) fn starts_with(path: &[String], prefix: &[&str]) -> bool {
    path.len() >= prefix.len() && path.iter().zip(prefix).all(|(a, b)| a == b)
}

pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The parts between the brackets of an array or inline table.
pub(super) struct Elements {
    /// Between the brackets.
    pub inner: Range<usize>,
    pub parts: Vec<Element>,
}

/// One part between brackets.
pub(super) struct Element {
    /// Keys below the container; empty in an array.
    pub path: Vec<String>,
    /// The part itself, keys included.
    pub place: Range<usize>,
    /// The comma behind it.
    pub comma: Option<usize>,
}

impl Elements {
    /// The parts of an array or inline table; `None` for other values.
    pub fn of(source: &str, value: &Value) -> Option<Self> {
        let mut parts = Vec::new();
        match value {
            Value::Array(array) => {
                let spans = array.iter().filter_map(Value::span);
                parts.extend(spans.map(|span| (Vec::new(), span)));
            }
            Value::InlineTable(table) => leaves(table, &mut Vec::new(), &mut parts),
            _ => return None,
        }
        parts.sort_by_key(|(_, span)| span.start);
        let span = value.span()?;
        let inner = span.start + 1..span.end.checked_sub(1)?;
        let mut elements = Self {
            inner: inner.clone(),
            parts: Vec::with_capacity(parts.len()),
        };
        let mut start = skip(source, inner.start, inner.end);
        for (path, span) in parts {
            let next = skip(source, span.end, inner.end);
            let comma = source[next..inner.end].starts_with(',').then_some(next);
            elements.parts.push(Element {
                path,
                place: start..span.end,
                comma,
            });
            start = comma.map_or(next, |comma| skip(source, comma + 1, inner.end));
        }
        Some(elements)
    }
}

/// The values of an inline table, those behind dotted keys with all their keys.
fn leaves(table: &InlineTable, path: &mut Vec<String>, out: &mut Vec<(Vec<String>, Range<usize>)>) {
    for (key, value) in table {
        path.push(key.to_owned());
        match value {
            Value::InlineTable(inner) if inner.is_dotted() => leaves(inner, path, out),
            value => out.extend(value.span().map(|span| (path.clone(), span))),
        }
        path.pop();
    }
}

/// Skips white space, line ends and comments.
fn skip(source: &str, mut at: usize, end: usize) -> usize {
    while at < end {
        let rest = &source[at..end];
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        at = end - trimmed.len();
        if !trimmed.starts_with('#') {
            break;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
    at
}
