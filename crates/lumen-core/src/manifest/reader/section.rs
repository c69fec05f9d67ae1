//! Tables and values of a file, with their places.

use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

/// A table whose keys are asked for one by one; [`Reader::finish`] warns about the rest.
pub(crate) struct Section<'d> {
    /// For messages: `[package]`, or `dependency `x``.
    pub(super) name: String,
    pub(super) fields: Vec<Field<'d>>,
    pub(super) known: Vec<&'static str>,
    /// Where the table's name stands.
    pub span: Range<usize>,
}

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Field<'d> {
    /// The key, unquoted.
    pub key: &'d str,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// The value.
    pub item: &'d Item,
}

/// A string of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'d> {
    /// What it says.
    pub text: &'d str,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
}

impl Field<'_> {
    /// Where the value stands; for a table with a header or dotted keys, where its name does.
    pub fn span(&self) -> Range<usize> {
        match self.item {
            Item::Value(value) => value.span(),
            _ => None,
        }
        .unwrap_or_else(|| self.key_span.clone())
    }
}

impl<'d> Section<'d> {
    /// Takes a key out; from now on it counts as known.
    pub fn take(&mut self, key: &'static str) -> Option<Field<'d>> {
        self.known.push(key);
        let at = self.fields.iter().position(|field| field.key == key)?;
        Some(self.fields.remove(at))
    }

    /// Takes all that is left, for tables whose keys are names.
    pub fn take_all(&mut self) -> Vec<Field<'d>> {
        std::mem::take(&mut self.fields)
    }
}

/// All keys of a table, with their places.
pub(super) fn fields<'d>(table: &'d dyn TableLike) -> Vec<Field<'d>> {
    table
        .iter()
        .filter(|(_, item)| !item.is_none())
        .map(|(key, item)| Field {
            key,
            key_span: table
                .key(key)
                .and_then(|key| key.span())
                .or_else(|| item.span())
                .unwrap_or_default(),
            item,
        })
        .collect()
}

/// What an item is, in words.
pub(super) fn kind(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Value(value) => value_kind(value),
        Item::Table(_) => "a table",
        Item::ArrayOfTables(_) => "an array of tables",
    }
}

/// What a value is, in words.
pub(super) fn value_kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "`true` or `false`",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "an array",
        Value::InlineTable(_) => "a table",
    }
}
